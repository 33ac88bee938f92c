/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gate.h"

static struct {
    GMutex lock;
    GCond changed;
    clfs_storage_ops ops;
    NTSTATUS (*barrier) (clfs_file *file);
    bool closed;
    unsigned passes, standing, barriers;
} gate;

static NTSTATUS
gated_barrier (clfs_file *file)
{
    g_mutex_lock (&gate.lock);
    gate.barriers++;
    gate.standing++;
    g_cond_broadcast (&gate.changed);
    while (gate.closed && gate.passes == 0)
        g_cond_wait (&gate.changed, &gate.lock);
    if (gate.closed)
        gate.passes--;
    gate.standing--;
    g_mutex_unlock (&gate.lock);
    return gate.barrier (file);
}

void
gate_install (clfs_storage *storage)
{
    gate.ops = *storage->ops;
    gate.barrier = storage->ops->barrier;
    gate.ops.barrier = gated_barrier;
    gate.closed = false;
    gate.passes = gate.standing = gate.barriers = 0;
    storage->ops = &gate.ops;
}

void
gate_close (void)
{
    g_mutex_lock (&gate.lock);
    gate.closed = true;
    gate.passes = 0;
    g_mutex_unlock (&gate.lock);
}

void
gate_pass (unsigned count)
{
    g_mutex_lock (&gate.lock);
    gate.passes += count;
    g_cond_broadcast (&gate.changed);
    g_mutex_unlock (&gate.lock);
}

void
gate_open (void)
{
    g_mutex_lock (&gate.lock);
    gate.closed = false;
    g_cond_broadcast (&gate.changed);
    g_mutex_unlock (&gate.lock);
}

void
gate_await (void)
{
    g_mutex_lock (&gate.lock);
    while (gate.standing == 0)
        g_cond_wait (&gate.changed, &gate.lock);
    g_mutex_unlock (&gate.lock);
}

unsigned
gate_barriers (void)
{
    g_mutex_lock (&gate.lock);
    unsigned barriers = gate.barriers;
    g_mutex_unlock (&gate.lock);
    return barriers;
}
