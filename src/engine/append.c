/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * append.c - the append path: one copy into the open block, under the engine's lock, and an LSN.
 */
#include "engine/engine.h"

#include <syslog.h>

/* Over the bound on unflushed bytes? A record larger than the bound still goes into an empty memory. */
static bool
over_pending_max (const clfs_engine *engine, size_t payload)
{
    uint64_t pending = engine->pending_bytes + (engine->lines ? clfs_lines_bytes (engine->lines) : 0);
    uint64_t span = (CLFS_RECORD_HEADER_BYTES + (uint64_t) payload + 7) & ~UINT64_C (7);
    return engine->pending_bytes > 0 && pending + span > engine->blf->pending_bytes_max;
}

/* A flush that nobody asked for is said once, where the user has turned background flushes off. */
static void
say_pending_max (clfs_engine *engine)
{
    if (engine->blf->flush_ms != 0 || engine->said_pending_max)
        return;
    engine->said_pending_max = true;
    g_mutex_unlock (&engine->lock);
    clfs_message_report (LOG_NOTICE, "log %s: pending-max reached: flushing, though flush-ms is off", engine->name);
    g_mutex_lock (&engine->lock);
}

NTSTATUS
clfs_append_locked (clfs_engine *engine, const struct iovec *buffers, int count, size_t payload, uint32_t type,
                    clfs_lsn_t previous, clfs_lsn_t undo_next, clfs_line *consumed, unsigned flags, clfs_lsn_t *lsn)
{
    if (payload > clfs_block_record_max (engine))
        return clfs_message_fail (STATUS_BUFFER_TOO_SMALL, "log %s: a record of %zu bytes is too long; at most %u fit", engine->name,
                                  payload, clfs_block_record_max (engine));
    NTSTATUS status;
    for (;;) {
        status = clfs_engine_check_writable (engine);
        if (status != STATUS_SUCCESS)
            return status;
        if (engine->busy) {
            g_cond_wait (&engine->changed, &engine->lock);
            continue;
        }
        if (over_pending_max (engine, payload)) {
            say_pending_max (engine);
            if (flags & CLFS_APPEND_NO_WAIT) {
                clfs_background_queue (engine, CLFS_JOB_FLUSH);
                return STATUS_PENDING;
            }
            clfs_flush_for_room (engine);
            continue;
        }
        if (clfs_block_fits (engine, payload))
            break;
        status = clfs_block_begin (engine, payload, flags);
        if (status == STATUS_SUCCESS)
            break;
        if (status == STATUS_LOG_BLOCKS_EXHAUSTED)
            return STATUS_PENDING;
        if (status == STATUS_LOG_FULL)
            clfs_engine_set_full (engine);
        if (status != STATUS_PENDING)
            return status;
    }

    bool was_empty = engine->last == CLFS_INVALID_LSN || engine->base > engine->last;
    *lsn = clfs_block_add (engine, buffers, count, payload, type, previous, undo_next, consumed);
    engine->full = false;
    engine->last = *lsn;
    if (was_empty) {
        /* The base of an empty log bounds it from below; the record may have gone into a later block. */
        engine->base = *lsn;
        engine->base_offset = engine->end_offset - (type & CLFS_TYPE_DATA ? payload : 0);
    }
    /* A record larger than the usual block has one of its own; and a block that is full has no LSN for a next one. */
    if (engine->open->capacity_sectors > CLFS_BLOCK_SECTORS_USUAL || engine->open->count == CLFS_BLOCK_RECORDS_MAX)
        clfs_block_close (engine);
    return STATUS_SUCCESS;
}

void
clfs_append_schedule (clfs_engine *engine, int64_t now)
{
    if (engine->blf->flush_ms == 0 || engine->pending_bytes == 0)
        return;
    if (engine->pending_bytes >= engine->blf->flush_threshold_bytes) {
        /* While a round runs the next append after it comes here again, or the timer does. */
        if (engine->flushing || engine->busy)
            return;
        if (engine->store->workers)
            clfs_background_queue (engine, CLFS_JOB_FLUSH);
        else
            clfs_flush_round (engine);
    } else if (engine->oldest_pending_ns == 0) {
        engine->oldest_pending_ns = now;
        clfs_background_arm (engine->store, now + (int64_t) engine->blf->flush_ms * 1000000);
    }
}

void
clfs_append_kick (clfs_engine *engine)
{
    engine->appended_ns = engine->store->storage->ops->now_ns (engine->store->storage);
    clfs_append_schedule (engine, engine->appended_ns);
}

NTSTATUS
clfs_log_append (clfs_log *log, const struct iovec *buffers, int count, const clfs_append_options *options, clfs_lsn_t *lsn)
{
    static const clfs_append_options none = { .previous = CLFS_INVALID_LSN, .undo_next = CLFS_INVALID_LSN };
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    if (!options)
        options = &none;
    if (count < 0 || (count > 0 && !buffers))
        return clfs_message_fail (STATUS_INVALID_PARAMETER, "append: a vector of %d buffers is not valid", count);
    size_t payload = 0;
    for (int i = 0; i < count; i++) {
        if (buffers[i].iov_len > CLFS_RECORD_BYTES_MAX - payload)
            return clfs_message_fail (STATUS_BUFFER_TOO_SMALL, "log %s: the record is too long; at most %u bytes fit", engine->name,
                                      CLFS_RECORD_BYTES_MAX);
        payload += buffers[i].iov_len;
    }

    clfs_lsn_t got;
    g_mutex_lock (&engine->lock);
    bool was_full = engine->full;
    NTSTATUS status = clfs_append_locked (engine, buffers, count, payload, CLFS_TYPE_DATA, options->previous,
                                          options->undo_next, NULL, options->flags, &got);
    unsigned events = engine->full != was_full ? CLFS_EVENT_STATE : 0;
    if (status == STATUS_SUCCESS) {
        events |= CLFS_EVENT_APPENDED;
        if (options->flags & (CLFS_APPEND_FORCE_APPEND | CLFS_APPEND_FORCE_FLUSH))
            clfs_block_close (engine);
        if (options->flags & CLFS_APPEND_FORCE_FLUSH) {
            engine->appended_ns = engine->store->storage->ops->now_ns (engine->store->storage);
            if (clfs_flush_target (engine, got) != STATUS_SUCCESS)
                status = STATUS_LOG_APPENDED_FLUSH_FAILED;
        } else {
            clfs_append_kick (engine);
        }
    }
    g_mutex_unlock (&engine->lock);
    if ((status == STATUS_SUCCESS || status == STATUS_LOG_APPENDED_FLUSH_FAILED) && lsn)
        *lsn = got;
    if (events)
        clfs_engine_notify (engine, events);
    return status;
}
