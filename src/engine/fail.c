/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fail.c - a log's state: may it be changed, and what happens when a write or sync has failed.
 */
#include "engine/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

NTSTATUS
clfs_engine_check_writable (clfs_engine *engine)
{
    switch (engine->state) {
    case CLFS_STATE_FAILED:
        return clfs_message_fail (engine->failure, "%s", engine->error);
    case CLFS_STATE_READ_ONLY:
        return clfs_message_fail (STATUS_MEDIA_WRITE_PROTECTED, "log %s is read-only: %s", engine->name, engine->error);
    default:
        return STATUS_SUCCESS;
    }
}

NTSTATUS
clfs_engine_check_handle (const clfs_log *log)
{
    if ((log->flags & CLFS_LOG_WRITE) || !log->engine->writer)
        return STATUS_SUCCESS;
    return clfs_message_fail (STATUS_ACCESS_DENIED, "log %s was opened to read; open it with CLFS_LOG_WRITE", log->engine->name);
}

void
clfs_engine_set_full (clfs_engine *engine)
{
    engine->full = true;
    g_strlcpy (engine->full_why, clfs_error_message (), sizeof engine->full_why);
}

NTSTATUS
clfs_engine_fail (clfs_engine *engine, NTSTATUS status, const char *format, ...)
{
    /* The first failure is the one that explains the others. */
    if (engine->state == CLFS_STATE_FAILED)
        return engine->failure;
    char text[256];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    snprintf (engine->error, sizeof engine->error, "%.200s; write recover to control", text);
    engine->state = CLFS_STATE_FAILED;
    engine->failure = status;
    g_cond_broadcast (&engine->changed);
    if (engine->waiters.head && !engine->flushing)
        clfs_background_queue (engine, CLFS_JOB_FLUSH);
    clfs_message_fail (status, "%s", engine->error);
    return status;
}

NTSTATUS
clfs_engine_unreadable (clfs_engine *engine, NTSTATUS status)
{
    if (status != STATUS_LOG_BLOCK_INVALID && status != STATUS_LOG_CONTAINER_OPEN_FAILED && status != STATUS_LOG_CONTAINER_READ_FAILED)
        return status;
    g_mutex_lock (&engine->lock);
    bool first = engine->error[0] == '\0';
    if (first)
        g_strlcpy (engine->error, clfs_error_message (), sizeof engine->error);
    g_mutex_unlock (&engine->lock);
    if (first)
        clfs_message_report (LOG_ERR, "%s", clfs_error_message ());
    return status;
}

void
clfs_engine_notify (clfs_engine *engine, unsigned events)
{
    if (!((unsigned) g_atomic_int_get (&engine->watch_mask) & events))
        return;
    g_mutex_lock (&engine->watch_lock);
    for (guint i = 0; i < engine->handles->len; i++) {
        clfs_log *log = g_ptr_array_index (engine->handles, i);
        if (log->watch_events & events)
            log->watch (log, log->watch_events & events, log->watch_data);
    }
    g_mutex_unlock (&engine->watch_lock);
}

void
clfs_log_watch (clfs_log *log, unsigned events, clfs_watch_callback changed, void *data)
{
    clfs_engine *engine = log->engine;
    g_mutex_lock (&engine->watch_lock);
    log->watch_events = changed ? events : 0;
    log->watch = changed;
    log->watch_data = data;
    unsigned mask = 0;
    for (guint i = 0; i < engine->handles->len; i++)
        mask |= ((clfs_log *) g_ptr_array_index (engine->handles, i))->watch_events;
    g_atomic_int_set (&engine->watch_mask, mask);
    g_mutex_unlock (&engine->watch_lock);
    if (mask && !engine->writer)
        clfs_background_arm (engine->store, 0);
}
