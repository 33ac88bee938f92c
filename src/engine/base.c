/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base.c - moving the ends of a log: restart areas, the base, reset, and recovery after a failure.
 */
#include "engine/engine.h"

#include <string.h>
#include <syslog.h>

#define LSN_FORMAT "0x%016" G_GINT64_MODIFIER "x"

/* The first record at or above `lsn` with its stream offset, or, if there is none yet, where it will be at the earliest. */
static NTSTATUS
resolve_base (clfs_engine *engine, clfs_lsn_t lsn, clfs_lsn_t *base, uint64_t *offset)
{
    clfs_cursor cursor = { .engine = engine, .mode = CLFS_CURSOR_FORWARD };
    clfs_loader_init (&cursor.loader, engine);
    clfs_record record;
    NTSTATUS status = clfs_cursor_seek_from (&cursor, lsn, &record);
    if (status == STATUS_SUCCESS) {
        *base = record.lsn;
        *offset = record.stream_offset;
    } else if (status == STATUS_END_OF_FILE) {
        bool stands = cursor.loader.address != CLFS_INVALID_LSN && !cursor.loader.open;
        g_mutex_lock (&engine->lock);
        *base = stands ? cursor.loader.end : MAX (cursor.resume, engine->base);
        *offset = stands ? cursor.next_stream_offset : engine->durable_offset;
        g_mutex_unlock (&engine->lock);
        status = STATUS_SUCCESS;
    }
    clfs_loader_clear (&cursor.loader);
    return status;
}

/* Flushes to the base-to-be, finds its record and moves the base there. The bounds were checked (no lock). */
static NTSTATUS
move_base (clfs_engine *engine, clfs_lsn_t lsn)
{
    g_mutex_lock (&engine->lock);
    NTSTATUS status = lsn > engine->durable ? clfs_flush_all (engine) : STATUS_SUCCESS;
    g_mutex_unlock (&engine->lock);
    clfs_lsn_t base;
    uint64_t offset;
    if (status == STATUS_SUCCESS)
        status = resolve_base (engine, lsn, &base, &offset);
    if (status != STATUS_SUCCESS)
        return status;
    /* A record appended meanwhile may be the first one: the base must not be above the durable LSN. */
    g_mutex_lock (&engine->lock);
    if (base > engine->durable)
        status = clfs_flush_target (engine, base);
    g_mutex_unlock (&engine->lock);
    if (status != STATUS_SUCCESS)
        return status;
    g_mutex_lock (&engine->meta);
    g_mutex_lock (&engine->lock);
    bool forward = base > engine->base;
    g_mutex_unlock (&engine->lock);
    if (forward)
        status = clfs_base_move (engine, base, offset);
    if (forward && status == STATUS_SUCCESS) {
        /* `next` moved to a new block by the flush above: asking for the same again is no step back. */
        g_mutex_lock (&engine->lock);
        engine->base_wish = lsn;
        g_mutex_unlock (&engine->lock);
    }
    g_mutex_unlock (&engine->meta);
    return status;
}

NTSTATUS
clfs_log_set_base (clfs_log *log, clfs_lsn_t base)
{
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    g_mutex_lock (&engine->lock);
    clfs_lsn_t current = engine->base, next = clfs_engine_next (engine);
    bool same = base >= engine->base_wish && base <= current && engine->base_wish != CLFS_INVALID_LSN;
    NTSTATUS status = clfs_engine_check_writable (engine);
    g_mutex_unlock (&engine->lock);
    if (status != STATUS_SUCCESS || same)
        return status;
    if (base < current)
        return clfs_message_fail (STATUS_LOG_START_OF_LOG, "log %s: " LSN_FORMAT " is below the base " LSN_FORMAT "; it only moves forward",
                                  engine->name, base, current);
    if (base > next)
        return clfs_message_fail (STATUS_LOG_TAIL_INVALID, "log %s: " LSN_FORMAT " is beyond the next LSN " LSN_FORMAT, engine->name, base, next);
    return base == current ? STATUS_SUCCESS : move_base (engine, base);
}

/* Appends and flushes the restart record (restart_writers). */
static NTSTATUS
append_restart (clfs_engine *engine, const void *data, size_t bytes, clfs_lsn_t base, clfs_lsn_t *lsn)
{
    struct iovec vector = { (void *) data, bytes };
    g_mutex_lock (&engine->lock);
    NTSTATUS status = clfs_engine_check_writable (engine);
    if (status == STATUS_SUCCESS && base != CLFS_INVALID_LSN && (base < engine->base || base > clfs_engine_next (engine)))
        status = clfs_message_fail (STATUS_LOG_TAIL_INVALID, "log %s: " LSN_FORMAT " is no base: it must be from " LSN_FORMAT " to " LSN_FORMAT,
                                    engine->name, base, engine->base, clfs_engine_next (engine));
    if (status == STATUS_SUCCESS)
        status = clfs_append_locked (engine, &vector, bytes > 0 ? 1 : 0, bytes, CLFS_TYPE_RESTART, engine->restart, 0, NULL, 0, lsn);
    if (status == STATUS_SUCCESS) {
        engine->restart = *lsn;
        engine->appended_ns = engine->store->storage->ops->now_ns (engine->store->storage);
        status = clfs_flush_target (engine, *lsn);
    }
    g_mutex_unlock (&engine->lock);
    return status;
}

NTSTATUS
clfs_log_write_restart (clfs_log *log, const void *data, size_t bytes, clfs_lsn_t base, clfs_lsn_t *lsn)
{
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    clfs_lsn_t written;
    g_mutex_lock (&engine->restart_writers);
    NTSTATUS status = append_restart (engine, data, bytes, base, &written);
    if (status == STATUS_SUCCESS) {
        g_mutex_lock (&engine->lock);
        bool moves = base != CLFS_INVALID_LSN && base > engine->base;
        g_mutex_unlock (&engine->lock);
        if (moves) {
            status = move_base (engine, base);
        } else {
            g_mutex_lock (&engine->meta);
            status = clfs_meta_write (engine, clfs_meta_begin (engine));
            g_mutex_unlock (&engine->meta);
        }
    }
    g_mutex_unlock (&engine->restart_writers);
    if (status == STATUS_SUCCESS && lsn)
        *lsn = written;
    clfs_engine_notify (engine, CLFS_EVENT_APPENDED);
    return status;
}

/* ---- reset ---- */

/* Nobody appends or flushes from here on, and everything appended is durable (lock). */
static NTSTATUS
quiesce (clfs_engine *engine)
{
    engine->busy = true;
    while (engine->flushing || engine->growing)
        g_cond_wait (&engine->changed, &engine->lock);
    if (engine->state == CLFS_STATE_OK)
        clfs_flush_round (engine);
    return engine->state == CLFS_STATE_FAILED ? clfs_engine_check_writable (engine) : STATUS_SUCCESS;
}

/* Lets them go on; flushes that waited are looked at again (no lock). */
static void
resume (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    engine->busy = false;
    g_cond_broadcast (&engine->changed);
    if (!engine->flushing)
        clfs_flush_round (engine);
    g_mutex_unlock (&engine->lock);
}

/* A logical container that no block was ever written to, and a stream offset that was never used. */
static void
choose_new_start (const clfs_engine *engine, bool damaged, clfs_lsn_t *start, uint64_t *offset)
{
    uint32_t logical_id = clfs_lsn_container (engine->end);
    *offset = engine->end_offset;
    if (damaged) {
        /* What lies behind the damage is not known: at most two containers of it. */
        for (guint i = 0; i < engine->containers->len; i++) {
            const clfs_container *container = g_ptr_array_index (engine->containers, i);
            if (container->logical_id != CLFS_NO_CONTAINER)
                logical_id = MAX (logical_id, container->logical_id);
        }
        *offset += 2 * engine->blf->container_bytes;
    }
    *start = clfs_lsn_make (logical_id + 1, 0, 0);
}

/* Retires the area: everything in it is durable (meta and busy, not lock). */
static void
remove_area (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    clfs_area *area = engine->area;
    engine->area = NULL;
    engine->started = false;
    g_mutex_unlock (&engine->lock);
    /* A damaged log that was opened has left its area where it was. */
    if (!area || area->name) {
        g_autofree char *name = clfs_meta_side_name (engine->blf->guid, "area");
        engine->store->storage->ops->remove (engine->store->storage, name);
    }
    clfs_area_free (area);
}

static NTSTATUS
reset_quiet (clfs_engine *engine, bool damaged)
{
    clfs_lsn_t start;
    uint64_t offset;
    g_mutex_lock (&engine->lock);
    choose_new_start (engine, damaged, &start, &offset);
    g_mutex_unlock (&engine->lock);
    remove_area (engine);

    g_autoptr (clfs_blf) next = clfs_meta_begin (engine);
    next->epoch++;
    next->epoch_first = next->scan_start = next->base = next->archive_tail = next->durable = next->last = start;
    next->scan_start_offset = next->base_offset = offset;
    next->scan_start_checksum = 0;
    next->ext_flags &= ~(uint32_t) (CLFS_EXT_DAMAGED | CLFS_EXT_CLEAN | CLFS_EXT_NEXT_PREPARED);
    next->restart = next->last_record = next->damage = next->clean_end = CLFS_INVALID_LSN;
    next->clean_offset = 0;
    next->clean_checksum = 0;
    for (guint i = 0; i < next->containers->len; i++)
        ((clfs_blf_container *) g_ptr_array_index (next->containers, i))->logical_id = CLFS_NO_CONTAINER;
    NTSTATUS status = clfs_meta_write (engine, g_steal_pointer (&next));
    if (status != STATUS_SUCCESS)
        return status;

    g_mutex_lock (&engine->lock);
    clfs_block_drop_all (engine);
    engine->end = engine->durable = engine->durable_mark = engine->base = start;
    engine->end_offset = engine->durable_offset = engine->durable_mark_offset = engine->base_offset = offset;
    engine->durable_checksum = 0;
    engine->durable_chain_start = engine->chain_start = true;
    engine->base_wish = engine->last = engine->durable_last = engine->restart = engine->durable_restart = CLFS_INVALID_LSN;
    engine->epoch = engine->blf->epoch;
    engine->state = CLFS_STATE_OK;
    engine->error[0] = '\0';
    engine->full = false;
    g_mutex_unlock (&engine->lock);
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_log_reset (clfs_log *log)
{
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    if (!engine->writer)
        return clfs_message_fail (STATUS_MEDIA_WRITE_PROTECTED, "log %s is read-only: %s", engine->name, engine->error);
    g_mutex_lock (&engine->meta);
    g_mutex_lock (&engine->lock);
    bool damaged = engine->state == CLFS_STATE_READ_ONLY;
    NTSTATUS status = quiesce (engine);
    g_mutex_unlock (&engine->lock);
    if (status == STATUS_SUCCESS)
        status = reset_quiet (engine, damaged);
    if (status == STATUS_SUCCESS)
        status = clfs_container_sweep (engine);
    g_mutex_unlock (&engine->meta);
    resume (engine);
    /* The same for lines of a dead process: they were in no record, and now there is room for them. */
    if (status == STATUS_SUCCESS && damaged)
        status = clfs_engine_adopt_lines (engine);
    clfs_engine_notify (engine, CLFS_EVENT_BASE | CLFS_EVENT_STATE | CLFS_EVENT_DURABLE | CLFS_EVENT_APPENDED);
    return status;
}

/* ---- recovery after a failure ---- */

static NTSTATUS
recover_quiet (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    /* What is in memory is in the area, too, and the area is what recovery reads; a shared one is mapped anew. */
    clfs_block_drop_all (engine);
    engine->started = false;
    engine->state = CLFS_STATE_OK;
    engine->error[0] = '\0';
    clfs_area *shared = engine->area && engine->area->map ? engine->area : NULL;
    if (shared)
        engine->area = NULL;
    g_mutex_unlock (&engine->lock);
    clfs_area_free (shared);

    clfs_blf_report report;
    NTSTATUS status = clfs_engine_load_metadata (engine, true, &report);
    if (status == STATUS_SUCCESS)
        status = clfs_engine_recover (engine, &report);
    return status;
}

NTSTATUS
clfs_log_recover (clfs_log *log)
{
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    g_mutex_lock (&engine->meta);
    g_mutex_lock (&engine->lock);
    bool failed = engine->state == CLFS_STATE_FAILED;
    if (failed) {
        engine->busy = true;
        while (engine->flushing || engine->growing)
            g_cond_wait (&engine->changed, &engine->lock);
    }
    g_mutex_unlock (&engine->lock);
    NTSTATUS status = STATUS_SUCCESS;
    if (failed) {
        status = recover_quiet (engine);
        g_mutex_lock (&engine->lock);
        if (status != STATUS_SUCCESS)
            status = clfs_engine_fail (engine, status, "%s", clfs_error_message ());
        g_mutex_unlock (&engine->lock);
    }
    g_mutex_unlock (&engine->meta);
    if (failed) {
        resume (engine);
        if (status == STATUS_SUCCESS)
            clfs_engine_settle_base (engine);
        clfs_engine_notify (engine, CLFS_EVENT_STATE | CLFS_EVENT_DURABLE);
    }
    return status;
}
