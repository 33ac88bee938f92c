/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rollover.c - the container that comes next: flushed up to, found or made, named, and only then used.
 *
 * The first append of an opening comes through here too: it raises the epoch, in the same metadata change.
 */
#include "engine/engine.h"

#include <syslog.h>

/* What find_container decided. */
typedef struct rollover_choice {
    char *reuse;         /* file name of a container that is free */
    bool create;
    clfs_lsn_t base;     /* move the base there first; CLFS_INVALID_LSN: stay */
    uint64_t base_offset;
} rollover_choice;

NTSTATUS
clfs_base_move (clfs_engine *engine, clfs_lsn_t base, uint64_t base_offset)
{
    g_autoptr (clfs_blf) next = clfs_meta_begin (engine);
    next->base = base;
    next->base_offset = base_offset;
    if (!(next->attributes & 0x20))
        next->archive_tail = base;
    NTSTATUS status = clfs_meta_write (engine, g_steal_pointer (&next));
    if (status != STATUS_SUCCESS)
        return status;
    g_mutex_lock (&engine->lock);
    if (base > engine->base) {
        engine->base = base;
        engine->base_offset = base_offset;
        engine->base_wish = CLFS_INVALID_LSN;
    }
    unsigned events = CLFS_EVENT_BASE | (engine->full ? CLFS_EVENT_STATE : 0u);
    engine->full = false;
    g_cond_broadcast (&engine->changed);
    g_mutex_unlock (&engine->lock);
    clfs_engine_notify (engine, events);
    return clfs_container_sweep (engine);
}

/* How many containers `retain` and the limits let the active log have, the coming one included; 0: no bound but the limits. */
static uint64_t
retained_containers (const clfs_engine *engine)
{
    const clfs_blf *blf = engine->blf;
    if (!(blf->ext_flags & CLFS_EXT_RETAIN_BYTES))
        return 0;
    uint64_t allowed = blf->retain_bytes / blf->container_bytes;
    if (blf->max_bytes > 0)
        allowed = MIN (allowed, blf->max_bytes / blf->container_bytes);
    return MAX (allowed, 2);
}

/* Moves the base to the start of container `lowest` if that is forward (lock). */
static void
choose_base (const clfs_engine *engine, uint32_t lowest, rollover_choice *choice)
{
    clfs_lsn_t base = clfs_lsn_make (lowest, 0, 0);
    const clfs_container *container = clfs_container_find (engine, lowest);
    if (base <= engine->base || base > engine->durable || !container || !container->first_offset_known)
        return;
    choice->base = base;
    choice->base_offset = container->first_offset;
}

/* Decides where the container for `logical_id` comes from (meta and lock). */
static NTSTATUS
find_container (clfs_engine *engine, uint32_t logical_id, rollover_choice *choice)
{
    const clfs_blf *blf = engine->blf;
    *choice = (rollover_choice) { .base = CLFS_INVALID_LSN };

    uint64_t allowed = retained_containers (engine);
    if (allowed > 0 && logical_id + 1 > allowed)
        choose_base (engine, (uint32_t) (logical_id + 1 - allowed), choice);
    if (choice->base != CLFS_INVALID_LSN)
        return STATUS_SUCCESS;

    const clfs_container *oldest = NULL;
    for (guint i = 0; i < engine->containers->len; i++) {
        const clfs_container *container = g_ptr_array_index (engine->containers, i);
        if (container->doomed || clfs_container_active (engine, container))
            continue;
        if (!oldest || container->logical_id < oldest->logical_id)
            oldest = container;
    }
    if (oldest) {
        choice->reuse = g_strdup (oldest->name);
        return STATUS_SUCCESS;
    }
    guint count = engine->containers->len;
    if (count < CLFS_CONTAINERS_MAX && blf->max_bytes > 0 && (count + 1) * blf->container_bytes <= blf->max_bytes) {
        choice->create = true;
        return STATUS_SUCCESS;
    }
    if (allowed > 0) {
        choose_base (engine, clfs_lsn_container (engine->base) + 1, choice);
        if (choice->base != CLFS_INVALID_LSN)
            return STATUS_SUCCESS;
    }
    return clfs_message_fail (STATUS_LOG_FULL,
                              "log %s is full: %u containers of %" G_GUINT64_FORMAT " bytes, max-size %" G_GUINT64_FORMAT
                              "; raise max-size, set retain, add a container or move the base",
                              engine->name, count, blf->container_bytes, blf->max_bytes);
}

/* This opening has memory for its blocks; the epoch is raised there first. */
static NTSTATUS
create_area (clfs_engine *engine, uint32_t epoch)
{
    if (engine->area)
        return STATUS_SUCCESS;
    bool shared = !(engine->store->options.flags & CLFS_STORE_NO_AREA);
    g_autofree char *name = shared ? clfs_meta_side_name (engine->blf->guid, "area") : NULL;
    uint64_t step = CLFS_AREA_STEP_BYTES;
    clfs_area_params params = {
        .name = name,
        .guid = engine->blf->guid,
        .ring_bytes = (engine->blf->pending_bytes_max + CLFS_RING_SLACK_BYTES + step - 1) / step * step,
        .epoch = epoch,
        .mark = {
            .durable = engine->durable,
            .stream_offset = engine->durable_offset,
            .first = CLFS_AREA_NO_BLOCK,
            .checksum = engine->durable_checksum,
            .chain_start = engine->durable_chain_start,
        },
    };
    clfs_area *area;
    NTSTATUS status = clfs_area_create (engine->store->storage, &params, &area);
    /* Recovery came first, so one that is there is one that could not be removed when it was done with. */
    if (status == STATUS_OBJECT_NAME_COLLISION && engine->store->storage->ops->remove (engine->store->storage, name) == STATUS_SUCCESS)
        status = clfs_area_create (engine->store->storage, &params, &area);
    if (status == STATUS_DISK_FULL || status == STATUS_DISK_QUOTA_EXCEEDED)
        return clfs_message_fail (STATUS_LOG_FULL, "log %s: no room for its marshalling area: %s; free space in the store",
                                  engine->name, clfs_message_status_words (status));
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "log %s: cannot make its marshalling area: %s", engine->name,
                                  clfs_message_status_words (status));
    g_mutex_lock (&engine->lock);
    engine->area = area;
    g_mutex_unlock (&engine->lock);
    return STATUS_SUCCESS;
}

/* Names `name` (or nothing, NULL) as the container `logical_id` and begins the opening, in one metadata change. */
static NTSTATUS
name_container (clfs_engine *engine, uint32_t logical_id, const char *name, bool created)
{
    bool begin = !engine->started;
    g_autoptr (clfs_blf) next = clfs_meta_begin (engine);
    if (begin) {
        next->epoch++;
        next->epoch_first = next->durable;
        next->ext_flags &= ~(uint32_t) CLFS_EXT_CLEAN;
        next->clean_end = CLFS_INVALID_LSN;
        next->clean_offset = 0;
        next->clean_checksum = 0;
        NTSTATUS status = create_area (engine, next->epoch);
        if (status != STATUS_SUCCESS)
            return status;
    }
    if (created)
        clfs_blf_add_container (next, name, next->container_bytes)->logical_id = CLFS_NO_CONTAINER;
    for (guint i = 0; name && i < next->containers->len; i++) {
        clfs_blf_container *container = g_ptr_array_index (next->containers, i);
        if (g_str_equal (container->name, name)) {
            container->logical_id = logical_id;
            container->first_offset = 0;
            next->ext_flags |= CLFS_EXT_NEXT_PREPARED;
            next->prepared_logical = logical_id;
        }
    }
    uint32_t epoch = next->epoch;
    NTSTATUS status = clfs_meta_write (engine, g_steal_pointer (&next));
    if (status == STATUS_SUCCESS && begin) {
        g_mutex_lock (&engine->lock);
        engine->epoch = epoch;
        engine->started = true;
        engine->chain_start = engine->durable_chain_start;
        g_mutex_unlock (&engine->lock);
    }
    return status;
}

/* One step towards `logical_id` (meta; dropped where it flushes). STATUS_PENDING: look again. */
static NTSTATUS
prepare_step (clfs_engine *engine, uint32_t logical_id)
{
    g_mutex_lock (&engine->lock);
    NTSTATUS status = clfs_engine_check_writable (engine);
    bool usable = clfs_container_find (engine, logical_id) != NULL;
    /* While this waited for its turn a reset may have moved the end elsewhere: the caller looks again. */
    uint32_t current = clfs_lsn_container (engine->open ? engine->open->address : engine->end);
    bool stale = logical_id != current && logical_id != current + 1;
    if (status != STATUS_SUCCESS || stale || (usable && engine->started)) {
        g_mutex_unlock (&engine->lock);
        return status;
    }
    if (usable) {
        g_mutex_unlock (&engine->lock);
        status = name_container (engine, logical_id, NULL, false);
        return status;
    }
    /* Recovery follows the chain through two containers: before a third is named, everything below the second is durable.
     * Flushing answers waiters, who may call in: not with `meta` held. */
    if (logical_id > 0 && engine->durable < clfs_lsn_make (logical_id - 1, 0, 0)) {
        g_mutex_unlock (&engine->meta);
        status = clfs_flush_target (engine, clfs_lsn_make (logical_id - 1, 0, 0) - 1);
        g_mutex_unlock (&engine->lock);
        g_mutex_lock (&engine->meta);
        return status == STATUS_SUCCESS ? STATUS_PENDING : status;
    }
    rollover_choice choice;
    status = find_container (engine, logical_id, &choice);
    g_autofree char *name = choice.reuse;
    g_mutex_unlock (&engine->lock);
    if (status != STATUS_SUCCESS)
        return status;
    if (choice.base != CLFS_INVALID_LSN) {
        status = clfs_base_move (engine, choice.base, choice.base_offset);
        return status == STATUS_SUCCESS ? STATUS_PENDING : status;
    }
    if (choice.create) {
        name = clfs_container_new_name (engine, engine->blf);
        if (!name)
            return clfs_message_fail (STATUS_LOG_FULL, "log %s: every container name of it is taken in the store; remove left-over files",
                                      engine->name);
        status = clfs_container_create_file (engine, name, engine->blf->container_bytes);
        if (status == STATUS_DISK_FULL || status == STATUS_DISK_QUOTA_EXCEEDED)
            return STATUS_LOG_FULL;
        if (status != STATUS_SUCCESS) {
            g_mutex_lock (&engine->lock);
            status = clfs_engine_fail (engine, STATUS_LOG_CONTAINER_WRITE_FAILED, "%s", clfs_error_message ());
            g_mutex_unlock (&engine->lock);
            return status;
        }
    }
    status = name_container (engine, logical_id, name, choice.create);
    /* No room for the area or a larger base log file: each try would leave one more file that no log knows. */
    if (status == STATUS_LOG_FULL && choice.create)
        clfs_container_remove_file (engine, name);
    return status;
}

NTSTATUS
clfs_rollover_prepare (clfs_engine *engine, uint32_t logical_id)
{
    if (logical_id == CLFS_NO_CONTAINER)
        return clfs_message_fail (STATUS_LOG_FULL, "log %s has used up all LSNs; make a new log", engine->name);
    NTSTATUS status;
    g_mutex_lock (&engine->meta);
    do
        status = prepare_step (engine, logical_id);
    while (status == STATUS_PENDING);
    g_mutex_unlock (&engine->meta);
    return status;
}

NTSTATUS
clfs_rollover_retain_size (clfs_engine *engine)
{
    rollover_choice choice = { .base = CLFS_INVALID_LSN };
    g_mutex_lock (&engine->lock);
    uint64_t allowed = retained_containers (engine);
    uint32_t current = clfs_lsn_container (engine->end);
    if (allowed > 0 && current + 1 > allowed)
        choose_base (engine, (uint32_t) (current + 1 - allowed), &choice);
    g_mutex_unlock (&engine->lock);
    return choice.base == CLFS_INVALID_LSN ? STATUS_SUCCESS : clfs_base_move (engine, choice.base, choice.base_offset);
}

/* When the first block of that container was sealed; 0 if it cannot be told. */
static int64_t
container_began_ns (clfs_engine *engine, uint32_t logical_id)
{
    clfs_loader loader;
    clfs_loader_init (&loader, engine);
    int64_t began = 0;
    if (clfs_loader_load (&loader, clfs_lsn_make (logical_id, 0, 0), 0) == STATUS_SUCCESS)
        began = loader.sealed_ns;
    clfs_loader_clear (&loader);
    return began;
}

void
clfs_rollover_retain_age (clfs_engine *engine)
{
    g_mutex_lock (&engine->meta);
    for (;;) {
        g_mutex_lock (&engine->lock);
        bool wanted = engine->state == CLFS_STATE_OK && (engine->blf->ext_flags & CLFS_EXT_RETAIN_AGE);
        uint32_t lowest = clfs_lsn_container (engine->base) + 1;
        rollover_choice choice = { .base = CLFS_INVALID_LSN };
        if (wanted)
            choose_base (engine, lowest, &choice);
        uint64_t age_seconds = engine->blf->retain_seconds;
        g_mutex_unlock (&engine->lock);
        if (choice.base == CLFS_INVALID_LSN)
            break;
        /* Everything in the container below is older than the first block of this one. */
        int64_t began = container_began_ns (engine, lowest);
        int64_t now = engine->store->storage->ops->now_ns (engine->store->storage);
        if (began == 0 || (uint64_t) (now - began) / 1000000000 < age_seconds)
            break;
        if (clfs_base_move (engine, choice.base, choice.base_offset) != STATUS_SUCCESS) {
            clfs_message_report (LOG_WARNING, "%s", clfs_error_message ());
            break;
        }
    }
    g_mutex_unlock (&engine->meta);
}
