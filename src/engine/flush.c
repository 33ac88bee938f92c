/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flush.c - group commit: one flusher at a time seals, writes and syncs everything appended so far.
 *
 * Whoever comes while a round runs waits for the next one; appends go on meanwhile in the next block. The flusher is
 * the first blocking caller (no hand-over between threads for a lone writer), else a worker.
 */
#include "engine/engine.h"

/* ---- writing ---- */

NTSTATUS
clfs_flush_write (clfs_engine *engine, const clfs_piece *pieces, guint count)
{
    clfs_storage *storage = engine->store->storage;
    NTSTATUS status = STATUS_SUCCESS;
    g_autofree struct iovec *vector = g_new (struct iovec, count);
    for (guint i = 0; i < count; i++) {
        vector[i].iov_base = pieces[i].image;
        vector[i].iov_len = (size_t) pieces[i].sectors * CLFS_SECTOR_BYTES;
    }
    /* Most rounds touch one container, some two: one vectored write each, then the barriers. */
    g_autoptr (GPtrArray) touched = g_ptr_array_new ();
    for (guint first = 0; first < count && status == STATUS_SUCCESS;) {
        uint32_t logical_id = clfs_lsn_container (pieces[first].address);
        guint last = first + 1;
        while (last < count && clfs_lsn_container (pieces[last].address) == logical_id)
            last++;

        g_mutex_lock (&engine->lock);
        clfs_container *container = clfs_container_find (engine, logical_id);
        if (container)
            clfs_container_ref (container);
        g_mutex_unlock (&engine->lock);
        if (!container) {
            status = clfs_message_fail (STATUS_LOG_METADATA_INCONSISTENT, "log %s: container %u is not in the metadata",
                                        engine->name, logical_id);
            break;
        }
        g_ptr_array_add (touched, container);
        clfs_file *file;
        status = clfs_container_file (engine, container, &file);
        if (status == STATUS_SUCCESS) {
            status = storage->ops->write (file, clfs_lsn_block_bytes (pieces[first].address), vector + first, last - first);
            if (status != STATUS_SUCCESS)
                clfs_message_fail (status, "log %s: cannot write to %s: %s", engine->name, container->name,
                                   clfs_message_status_words (status));
        }
        first = last;
    }
    for (guint i = 0; i < touched->len && status == STATUS_SUCCESS; i++) {
        clfs_container *container = g_ptr_array_index (touched, i);
        status = storage->ops->barrier (container->file);
        if (status != STATUS_SUCCESS)
            clfs_message_fail (status, "log %s: cannot sync %s: %s", engine->name, container->name,
                               clfs_message_status_words (status));
    }
    g_mutex_lock (&engine->lock);
    engine->counters[CLFS_COUNT_BARRIERS] += touched->len;
    for (guint i = 0; i < touched->len; i++)
        clfs_container_unref (engine, g_ptr_array_index (touched, i));
    g_mutex_unlock (&engine->lock);
    return status;
}

/* ---- rounds ---- */

/* The blocks of a round are durable: they leave memory (lock). */
static void
retire (clfs_engine *engine, guint count)
{
    for (guint i = 0; i < count; i++) {
        const clfs_memory_block *block = g_ptr_array_index (engine->blocks, i);
        engine->pending_bytes -= block->used - CLFS_BLOCK_HEADER_BYTES;
        if (block->count > 0)
            engine->durable_last = block->address | (block->count - 1);
        if (block->restart != CLFS_INVALID_LSN)
            engine->durable_restart = block->restart;
        engine->durable_offset = block->stream_offset + block->stream_bytes;
        engine->durable_checksum = block->checksum;
        engine->durable_chain_start = false;
        engine->durable = block->end;
    }
    engine->durable_mark = engine->durable;
    engine->durable_mark_offset = engine->durable_offset;
    uint64_t tail = CLFS_AREA_NO_BLOCK;
    if (count < engine->blocks->len)
        tail = ((clfs_memory_block *) g_ptr_array_index (engine->blocks, count))->ring_offset;
    clfs_area_mark mark = {
        .durable = engine->durable,
        .stream_offset = engine->durable_offset,
        .first = tail,
        .checksum = engine->durable_checksum,
    };
    clfs_area_set_mark (engine->area, &mark);
    clfs_area_release (engine->area, tail);
    g_ptr_array_remove_range (engine->blocks, 0, count);

    engine->oldest_pending_ns = 0;
    if (engine->pending_bytes > 0 && engine->blf->flush_ms != 0) {
        engine->oldest_pending_ns = engine->store->storage->ops->now_ns (engine->store->storage);
        clfs_background_arm (engine->store, engine->oldest_pending_ns + (int64_t) engine->blf->flush_ms * 1000000);
    }
}

/* Answers the waiters whose target is durable, or all of them if the log has failed, and finds who runs the next round
 * (lock; dropped for the callbacks). */
static void
complete_waiters (clfs_engine *engine)
{
    /* Callbacks may call in, and whoever made the log busy holds `meta`: they are answered when it is not any more. */
    if (engine->busy)
        return;
    GQueue called = G_QUEUE_INIT;
    bool failed = engine->state == CLFS_STATE_FAILED;
    for (GList *link = engine->waiters.head; link;) {
        GList *next = link->next;
        clfs_waiter *waiter = link->data;
        if (failed || engine->durable > waiter->target) {
            waiter->status = failed ? engine->failure : STATUS_SUCCESS;
            waiter->durable = engine->durable;
            g_queue_unlink (&engine->waiters, link);
            if (waiter->callback) {
                g_queue_push_tail_link (&called, link);
            } else {
                g_list_free_1 (link);
                waiter->done = true;
                g_cond_signal (waiter->wake);
            }
        }
        link = next;
    }
    if (engine->waiters.head) {
        clfs_waiter *leader = NULL;
        for (GList *link = engine->waiters.head; link; link = link->next)
            if (!((clfs_waiter *) link->data)->callback) {
                leader = link->data;
                g_queue_delete_link (&engine->waiters, link);
                break;
            }
        if (leader) {
            leader->lead = true;
            g_cond_signal (leader->wake);
        } else {
            clfs_background_queue (engine, CLFS_JOB_FLUSH);
        }
    }
    if (called.head) {
        g_mutex_unlock (&engine->lock);
        clfs_waiter *waiter;
        while ((waiter = g_queue_pop_head (&called))) {
            waiter->callback (waiter->status, waiter->durable, waiter->data);
            g_free (waiter);
        }
        g_mutex_lock (&engine->lock);
    }
}

/* Seals and writes the blocks, noting the barrier in the area (flusher, no lock). */
static NTSTATUS
seal_and_write (clfs_engine *engine, GPtrArray *batch, clfs_lsn_t durable, uint32_t checksum, bool chain_start)
{
    NTSTATUS status = STATUS_SUCCESS;
    for (guint i = 0; i < batch->len && status == STATUS_SUCCESS; i++) {
        clfs_memory_block *block = g_ptr_array_index (batch, i);
        status = clfs_block_seal (engine, block, checksum, chain_start, durable);
        checksum = block->checksum;
        chain_start = false;
    }
    if (status != STATUS_SUCCESS)
        return status;

    clfs_area_header *header = engine->area->header;
    header->barrier_from = durable;
    header->barrier_to = ((clfs_memory_block *) g_ptr_array_index (batch, batch->len - 1))->end;
    CLFS_AREA_FINAL (header->barrier_state, CLFS_AREA_BARRIER_STARTED);
    g_autofree clfs_piece *pieces = g_new (clfs_piece, batch->len);
    for (guint i = 0; i < batch->len; i++) {
        const clfs_memory_block *block = g_ptr_array_index (batch, i);
        pieces[i] = (clfs_piece) { block->address, block->image, block->sectors };
    }
    status = clfs_flush_write (engine, pieces, batch->len);
    CLFS_AREA_FINAL (header->barrier_state, status == STATUS_SUCCESS ? CLFS_AREA_BARRIER_DONE : CLFS_AREA_BARRIER_FAILED);
    return status;
}

void
clfs_flush_round (clfs_engine *engine)
{
    g_assert (!engine->flushing);
    clfs_block_close (engine);
    if (engine->blocks->len == 0 || engine->state == CLFS_STATE_FAILED) {
        complete_waiters (engine);
        return;
    }
    engine->flushing = true;
    g_autoptr (GPtrArray) batch = g_ptr_array_new ();
    for (guint i = 0; i < engine->blocks->len; i++)
        g_ptr_array_add (batch, g_ptr_array_index (engine->blocks, i));
    clfs_lsn_t durable = engine->durable;
    uint32_t checksum = engine->durable_checksum;
    bool chain_start = engine->durable_chain_start;
    g_mutex_unlock (&engine->lock);

    NTSTATUS status = seal_and_write (engine, batch, durable, checksum, chain_start);

    g_mutex_lock (&engine->lock);
    engine->counters[CLFS_COUNT_FLUSH_ROUNDS]++;
    if (status == STATUS_SUCCESS)
        retire (engine, batch->len);
    else
        clfs_engine_fail (engine, STATUS_LOG_CONTAINER_WRITE_FAILED, "%s", clfs_error_message ());
    engine->flushing = false;
    g_cond_broadcast (&engine->changed);
    complete_waiters (engine);
    if (g_atomic_int_get (&engine->watch_mask)) {
        g_mutex_unlock (&engine->lock);
        clfs_engine_notify (engine, status == STATUS_SUCCESS ? CLFS_EVENT_DURABLE : CLFS_EVENT_STATE);
        g_mutex_lock (&engine->lock);
    }
}

void
clfs_flush_for_room (clfs_engine *engine)
{
    if (engine->flushing || engine->busy)
        g_cond_wait (&engine->changed, &engine->lock);
    else
        clfs_flush_round (engine);
}

/* ---- waiting ---- */

NTSTATUS
clfs_flush_target (clfs_engine *engine, clfs_lsn_t target)
{
    GCond wake;
    g_cond_init (&wake);
    NTSTATUS status;
    for (;;) {
        if (engine->durable > target) {
            status = STATUS_SUCCESS;
            break;
        }
        if (engine->state == CLFS_STATE_FAILED) {
            status = clfs_engine_check_writable (engine);
            break;
        }
        if (!engine->flushing && !engine->busy) {
            clfs_flush_round (engine);
            continue;
        }
        clfs_waiter waiter = { .target = target, .wake = &wake };
        g_queue_push_tail (&engine->waiters, &waiter);
        while (!waiter.done && !waiter.lead)
            g_cond_wait (&wake, &engine->lock);
        if (waiter.done && waiter.status == STATUS_SUCCESS) {
            status = STATUS_SUCCESS;
            break;
        }
        if (waiter.done) {
            status = clfs_message_fail (waiter.status, "%s", engine->error);
            break;
        }
    }
    g_cond_clear (&wake);
    return status;
}

NTSTATUS
clfs_flush_all (clfs_engine *engine)
{
    if (engine->blocks->len == 0)
        return engine->state == CLFS_STATE_FAILED ? clfs_engine_check_writable (engine) : STATUS_SUCCESS;
    const clfs_memory_block *newest = g_ptr_array_index (engine->blocks, engine->blocks->len - 1);
    return clfs_flush_target (engine, newest->address);
}

/* What a flush to `lsn` waits for: *target must fall below the durable LSN. *nothing: it does already (lock). Section 7 of the
 * reference, "Corner table". */
static NTSTATUS
resolve_target (clfs_engine *engine, clfs_lsn_t lsn, clfs_lsn_t *target, bool *nothing)
{
    clfs_lsn_t next = clfs_engine_next (engine);
    *nothing = false;
    if (lsn > next)
        return clfs_message_fail (STATUS_INVALID_PARAMETER,
                                  "log %s: cannot flush to 0x%016" G_GINT64_MODIFIER "x: the next record will be 0x%016" G_GINT64_MODIFIER "x",
                                  engine->name, lsn, next);
    if (lsn != CLFS_NULL_LSN && lsn < engine->durable_mark) {
        *nothing = true;
        return STATUS_SUCCESS;
    }
    /* Without the lock more can be read than is known to be durable, and who has not written it cannot make it so. */
    if (engine->durable_mark < engine->durable)
        return clfs_message_fail (STATUS_ACCESS_DENIED, "log %s is opened for reading only: its newest records may not be durable", engine->name);
    if (engine->state == CLFS_STATE_FAILED)
        return clfs_engine_check_writable (engine);
    if (engine->blocks->len == 0) {
        *nothing = true;
        return STATUS_SUCCESS;
    }
    const clfs_memory_block *newest = g_ptr_array_index (engine->blocks, engine->blocks->len - 1);
    *target = lsn == CLFS_NULL_LSN || lsn == next ? newest->address : lsn;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_log_flush (clfs_log *log, clfs_lsn_t lsn, clfs_lsn_t *durable_below)
{
    clfs_engine *engine = log->engine;
    bool nothing;
    clfs_lsn_t target;
    g_mutex_lock (&engine->lock);
    NTSTATUS status = resolve_target (engine, lsn, &target, &nothing);
    if (status == STATUS_SUCCESS && !nothing)
        status = clfs_flush_target (engine, target);
    if (status == STATUS_SUCCESS && durable_below)
        *durable_below = engine->durable_mark;
    g_mutex_unlock (&engine->lock);
    return status;
}

NTSTATUS
clfs_log_flush_async (clfs_log *log, clfs_lsn_t lsn, clfs_flush_callback done, void *data, uint64_t *ticket)
{
    clfs_engine *engine = log->engine;
    bool nothing;
    clfs_lsn_t target;
    g_mutex_lock (&engine->lock);
    NTSTATUS status = resolve_target (engine, lsn, &target, &nothing);
    if (status != STATUS_SUCCESS || nothing) {
        clfs_lsn_t durable = engine->durable_mark;
        if (ticket)
            *ticket = 0;
        g_mutex_unlock (&engine->lock);
        if (status != STATUS_SUCCESS)
            return status;
        done (STATUS_SUCCESS, durable, data);
        return STATUS_PENDING;
    }
    clfs_waiter *waiter = g_new0 (clfs_waiter, 1);
    waiter->target = target;
    waiter->callback = done;
    waiter->data = data;
    waiter->ticket = ++engine->last_ticket;
    if (ticket)
        *ticket = waiter->ticket;
    g_queue_push_tail (&engine->waiters, waiter);
    if (!engine->flushing && !engine->busy) {
        if (engine->store->workers)
            clfs_background_queue (engine, CLFS_JOB_FLUSH);
        else
            clfs_flush_round (engine);
    }
    g_mutex_unlock (&engine->lock);
    return STATUS_PENDING;
}

bool
clfs_log_flush_cancel (clfs_log *log, uint64_t ticket)
{
    clfs_engine *engine = log->engine;
    clfs_waiter *found = NULL;
    g_mutex_lock (&engine->lock);
    for (GList *link = engine->waiters.head; link && !found; link = link->next) {
        clfs_waiter *waiter = link->data;
        if (waiter->callback && waiter->ticket == ticket) {
            found = waiter;
            g_queue_delete_link (&engine->waiters, link);
            break;
        }
    }
    clfs_lsn_t durable = engine->durable;
    g_mutex_unlock (&engine->lock);
    if (!found)
        return false;
    found->callback (STATUS_CANCELLED, durable, found->data);
    g_free (found);
    return true;
}
