/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "poll.h"
#include "control.h"

#include <poll.h>

static GMutex lock;

static void
notify (struct fuse_pollhandle *wake)
{
    if (wake == NULL)
        return;
    fuse_lowlevel_notify_poll (wake);
    fuse_pollhandle_destroy (wake);
}

void
clfs_poll_wake (struct clfs_handle *handle)
{
    struct fuse_pollhandle *wake;

    g_mutex_lock (&lock);
    wake = g_steal_pointer (&handle->poll);
    g_mutex_unlock (&lock);
    notify (wake);
}

static void
changed (clfs_log *log, unsigned events, void *data)
{
    (void) log;
    (void) events;
    clfs_poll_wake (data);
}

/* Takes `wake` for the handle's next wake-up. With handle->lock. */
static void
arm (struct clfs_handle *handle, clfs_log *log, struct fuse_pollhandle *wake)
{
    struct fuse_pollhandle *former;
    bool watch;

    g_mutex_lock (&lock);
    former = handle->poll;
    handle->poll = wake;
    watch = !handle->watching;
    handle->watching = true;
    g_mutex_unlock (&lock);
    if (former != NULL)
        fuse_pollhandle_destroy (former);
    if (watch)
        clfs_log_watch (log, CLFS_EVENT_DURABLE | CLFS_EVENT_STATE, changed, handle);
}

/* What poll(2) says of a control handle. Takes `wake`. */
static unsigned
control_events (struct clfs_handle *handle, struct fuse_pollhandle *wake)
{
    unsigned events = POLLIN | POLLRDNORM;
    clfs_info info;
    clfs_log *log;
    bool at_end;

    g_mutex_lock (&handle->lock);
    if (!NT_SUCCESS (clfs_handle_log (handle, false, &log))) {
        /* A read says what is wrong. */
        if (wake != NULL)
            fuse_pollhandle_destroy (wake);
        goto out;
    }
    /* Armed before looking, so that no change in between is missed. */
    if (wake != NULL)
        arm (handle, log, wake);
    clfs_log_info (log, &info);
    g_mutex_lock (&lock);
    at_end = handle->at_end;
    if (info.durable_below != handle->seen_durable)
        events |= POLLPRI;
    g_mutex_unlock (&lock);
    if (at_end && (events & POLLPRI) == 0 && !clfs_control_has_answer (handle))
        events = 0;
out:
    g_mutex_unlock (&handle->lock);
    return events;
}

void
clfs_poll (fuse_req_t req, struct clfs_handle *handle, struct fuse_pollhandle *wake)
{
    unsigned events = POLLOUT | POLLWRNORM;

    if (handle->kind == &clfs_kind_control && clfs_mlog_enter (handle->mlog) == 0) {
        events |= control_events (handle, wake);
        clfs_mlog_leave (handle->mlog);
    } else {
        if (wake != NULL)
            fuse_pollhandle_destroy (wake);
        events |= POLLIN | POLLRDNORM;
        if (handle->kind == &clfs_kind_control)
            events |= POLLERR | POLLHUP; /* the log is gone */
    }
    fuse_reply_poll (req, events);
}

void
clfs_poll_seen (struct clfs_handle *handle, clfs_lsn_t durable_below)
{
    g_mutex_lock (&lock);
    handle->seen_durable = durable_below;
    g_mutex_unlock (&lock);
}

void
clfs_poll_at_end (struct clfs_handle *handle, bool at_end)
{
    g_mutex_lock (&lock);
    handle->at_end = at_end;
    g_mutex_unlock (&lock);
}

void
clfs_poll_stop (struct clfs_handle *handle)
{
    bool watching;

    g_mutex_lock (&lock);
    watching = handle->watching;
    handle->watching = false;
    g_mutex_unlock (&lock);
    /* Not under the lock: it waits for changed(), which takes it. */
    if (watching)
        clfs_log_watch (handle->log, 0, NULL, NULL);
}

void
clfs_poll_forget (struct clfs_handle *handle)
{
    struct fuse_pollhandle *wake;

    g_mutex_lock (&lock);
    wake = g_steal_pointer (&handle->poll);
    g_mutex_unlock (&lock);
    if (wake != NULL)
        fuse_pollhandle_destroy (wake);
}
