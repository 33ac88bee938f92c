/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cursor.c - reading records: by LSN, forward and back, along the clients' chains.
 */
#include "engine/engine.h"

#define LSN_FORMAT "0x%016" G_GINT64_MODIFIER "x"

NTSTATUS
clfs_cursor_open (clfs_log *log, enum clfs_cursor_mode mode, clfs_cursor **out)
{
    if (mode < CLFS_CURSOR_UNDO_NEXT || mode > CLFS_CURSOR_FORWARD)
        return clfs_message_fail (STATUS_LOG_READ_MODE_INVALID, "log %s: %d is no reading mode", log->engine->name, mode);
    clfs_cursor *cursor = g_new0 (clfs_cursor, 1);
    cursor->engine = log->engine;
    cursor->mode = mode;
    clfs_loader_init (&cursor->loader, log->engine);
    g_mutex_lock (&log->engine->lock);
    cursor->resume = log->engine->base;
    g_mutex_unlock (&log->engine->lock);
    *out = cursor;
    return STATUS_SUCCESS;
}

void
clfs_cursor_close (clfs_cursor *cursor)
{
    if (!cursor)
        return;
    clfs_loader_clear (&cursor->loader);
    g_free (cursor);
}

/* Shows the record that stands next in the loaded block. */
static NTSTATUS
show_next (clfs_cursor *cursor)
{
    clfs_loader *loader = &cursor->loader;
    clfs_lsn_t lsn = loader->address | cursor->next_index;
    clfs_record_view view;
    NTSTATUS status = clfs_record_at (loader->image, loader->record_end, cursor->next_at, lsn, false, 0, &view);
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (STATUS_LOG_BLOCK_INVALID, "log %s: the record " LSN_FORMAT " does not parse", cursor->engine->name, lsn);
    bool data = view.header->type & CLFS_TYPE_DATA;
    cursor->current = (clfs_record) {
        .lsn = lsn,
        .previous = view.header->previous,
        .undo_next = view.header->undo_next,
        .stream_offset = cursor->next_stream_offset,
        .time_ns = loader->sealed_ns || !loader->ours ? loader->sealed_ns
                                                      : cursor->engine->store->storage->ops->now_ns (cursor->engine->store->storage),
        .data = view.payload,
        .bytes = view.payload_bytes,
        .type = data ? CLFS_RECORD_DATA : CLFS_RECORD_RESTART,
    };
    cursor->shown = true;
    cursor->next_index++;
    cursor->next_at = view.next_offset;
    if (data)
        cursor->next_stream_offset += view.payload_bytes;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_cursor_stand (clfs_cursor *cursor, clfs_lsn_t address, uint32_t index)
{
    clfs_loader *loader = &cursor->loader;
    NTSTATUS status = clfs_loader_load (loader, address, index);
    if (status != STATUS_SUCCESS) {
        cursor->resume = address;
        return status;
    }
    cursor->next_index = loader->first;
    cursor->next_at = loader->first_at;
    cursor->next_stream_offset = loader->first_stream_offset;
    cursor->shown = false;
    while (cursor->next_index < index && cursor->next_index < loader->count) {
        status = show_next (cursor);
        if (status != STATUS_SUCCESS)
            return status;
    }
    cursor->shown = false;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_cursor_in_sequence (clfs_cursor *cursor, clfs_lsn_t address, NTSTATUS status)
{
    clfs_engine *engine = cursor->engine;
    if (status != STATUS_LOG_RECORD_NONEXISTENT)
        return status;
    g_mutex_lock (&engine->lock);
    const clfs_container *container = clfs_container_find (engine, clfs_lsn_container (address));
    g_autofree char *file = g_strdup (container ? container->name : "(missing container)");
    g_mutex_unlock (&engine->lock);
    return clfs_message_fail (STATUS_LOG_BLOCK_INVALID, "log %s: damaged at " LSN_FORMAT " (%s, offset %u): no block begins there",
                              engine->name, address, file, clfs_lsn_block_bytes (address));
}

/* Loads more: the rest of an open block, or the next one. STATUS_END_OF_FILE: there is nothing more yet. */
static NTSTATUS
advance (clfs_cursor *cursor)
{
    clfs_loader *loader = &cursor->loader;
    if (loader->address == CLFS_INVALID_LSN) {
        /* The base may be any record of its block. */
        clfs_lsn_t resume = cursor->resume;
        NTSTATUS status = clfs_cursor_stand (cursor, clfs_lsn_block (resume), clfs_lsn_record (resume));
        cursor->resume = resume;
        return clfs_cursor_in_sequence (cursor, resume, status);
    }
    if (loader->open) {
        clfs_lsn_t address = loader->address;
        uint32_t index = cursor->next_index;
        NTSTATUS status = clfs_cursor_stand (cursor, address, index);
        if (status != STATUS_SUCCESS)
            return clfs_cursor_in_sequence (cursor, address, status);
        if (cursor->next_index < loader->count)
            return STATUS_SUCCESS;
        if (loader->open)
            return STATUS_END_OF_FILE;
    }
    /* At the end of the log the loaded block stays. */
    clfs_lsn_t end = loader->end;
    return clfs_cursor_in_sequence (cursor, end, clfs_cursor_stand (cursor, end, 0));
}

static NTSTATUS
step (clfs_cursor *cursor, unsigned types, clfs_record *out)
{
    clfs_loader *loader = &cursor->loader;
    bool refreshed = false;
    /* Where the cursor stands if there is nothing more, or damage: blocks without records may lie in between. */
    clfs_record before = cursor->current;
    bool shown = cursor->shown;
    for (;;) {
        while (loader->address != CLFS_INVALID_LSN && cursor->next_index < loader->count) {
            NTSTATUS status = show_next (cursor);
            if (status != STATUS_SUCCESS)
                return status;
            if (cursor->current.type & types) {
                *out = cursor->current;
                return STATUS_SUCCESS;
            }
            before = cursor->current;
            shown = true;
        }
        NTSTATUS status = advance (cursor);
        if (status == STATUS_END_OF_FILE && !cursor->engine->writer && !refreshed) {
            clfs_engine_refresh (cursor->engine, 1000);
            refreshed = true;
            continue;
        }
        if (status != STATUS_SUCCESS) {
            cursor->current = before;
            cursor->shown = shown;
            return status;
        }
    }
}

NTSTATUS
clfs_cursor_step (clfs_cursor *cursor, unsigned types, clfs_record *out)
{
    return clfs_engine_unreadable (cursor->engine, step (cursor, types, out));
}

/* Whether the LSN lies in the active log. */
static NTSTATUS
check_active (clfs_cursor *cursor, clfs_lsn_t lsn)
{
    clfs_engine *engine = cursor->engine;
    g_mutex_lock (&engine->lock);
    clfs_lsn_t base = engine->base, next = clfs_engine_next (engine);
    g_mutex_unlock (&engine->lock);
    if (lsn < base)
        return clfs_message_fail (STATUS_LOG_START_OF_LOG, "log %s: " LSN_FORMAT " is below the base " LSN_FORMAT, engine->name, lsn, base);
    if (lsn >= next)
        return clfs_message_fail (STATUS_END_OF_FILE, "log %s: " LSN_FORMAT " is not below the end " LSN_FORMAT, engine->name, lsn, next);
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_cursor_seek (clfs_cursor *cursor, clfs_lsn_t lsn, clfs_record *out)
{
    NTSTATUS status = check_active (cursor, lsn);
    if (status != STATUS_SUCCESS)
        return status;
    status = clfs_cursor_stand (cursor, clfs_lsn_block (lsn), clfs_lsn_record (lsn));
    if (status == STATUS_NOT_FOUND)
        return STATUS_LOG_START_OF_LOG;
    if (status == STATUS_SUCCESS && (cursor->next_index != clfs_lsn_record (lsn) || cursor->next_index >= cursor->loader.count))
        status = STATUS_LOG_RECORD_NONEXISTENT;
    if (status == STATUS_END_OF_FILE)
        status = STATUS_LOG_RECORD_NONEXISTENT;
    if (status == STATUS_LOG_RECORD_NONEXISTENT)
        return clfs_message_fail (status, "log %s: no record has the LSN " LSN_FORMAT, cursor->engine->name, lsn);
    if (status == STATUS_SUCCESS)
        status = show_next (cursor);
    if (status == STATUS_SUCCESS)
        *out = cursor->current;
    return status;
}

NTSTATUS
clfs_cursor_seek_from (clfs_cursor *cursor, clfs_lsn_t lsn, clfs_record *out)
{
    clfs_engine *engine = cursor->engine;
    g_mutex_lock (&engine->lock);
    lsn = MAX (lsn, engine->base);
    clfs_lsn_t address = clfs_lsn_block (lsn);
    /* At the end of the log there may be no block yet to stand in. */
    if (lsn >= clfs_engine_next (engine))
        address = engine->open ? engine->open->address : engine->end;
    g_mutex_unlock (&engine->lock);

    NTSTATUS status = clfs_cursor_stand (cursor, address, 0);
    if (status == STATUS_LOG_RECORD_NONEXISTENT) {
        /* Inside a block: what follows that block is next. */
        status = clfs_loader_load_before (&cursor->loader, address);
        if (status == STATUS_SUCCESS)
            status = clfs_cursor_stand (cursor, cursor->loader.address, 0);
    }
    if (status == STATUS_END_OF_FILE) {
        cursor->loader.address = CLFS_INVALID_LSN;
        cursor->resume = address;
        cursor->shown = false;
        return status;
    }
    if (status != STATUS_SUCCESS)
        return clfs_engine_unreadable (engine, status);
    do
        status = clfs_cursor_step (cursor, CLFS_RECORD_DATA | CLFS_RECORD_RESTART, out);
    while (status == STATUS_SUCCESS && out->lsn < lsn);
    return status;
}

/* One link along the client's chain. */
static NTSTATUS
follow (clfs_cursor *cursor, clfs_record *out)
{
    if (!cursor->shown)
        return clfs_message_fail (STATUS_LOG_READ_CONTEXT_INVALID, "log %s: the cursor shows no record to go on from", cursor->engine->name);
    clfs_lsn_t link = cursor->mode == CLFS_CURSOR_PREVIOUS ? cursor->current.previous : cursor->current.undo_next;
    if (link == CLFS_INVALID_LSN)
        return STATUS_END_OF_FILE;
    return clfs_cursor_seek (cursor, link, out);
}

NTSTATUS
clfs_cursor_next (clfs_cursor *cursor, unsigned types, clfs_record *out)
{
    if (cursor->mode == CLFS_CURSOR_FORWARD)
        return clfs_cursor_step (cursor, types, out);
    NTSTATUS status;
    clfs_lsn_t before;
    do {
        before = cursor->current.lsn;
        status = follow (cursor, out);
        /* A chain points backwards; one that does not would never end. */
        if (status == STATUS_SUCCESS && out->lsn >= before)
            return clfs_message_fail (STATUS_LOG_BLOCK_INVALID, "log %s: the chain at " LSN_FORMAT " does not point backwards", cursor->engine->name, before);
    } while (status == STATUS_SUCCESS && !(out->type & types));
    return status;
}

/* Nothing older is there: the cursor stays where it was. */
static NTSTATUS
stay (clfs_cursor *cursor, bool shown, clfs_lsn_t lsn)
{
    NTSTATUS status = STATUS_SUCCESS;
    cursor->shown = false;
    if (shown) {
        status = clfs_cursor_stand (cursor, clfs_lsn_block (lsn), clfs_lsn_record (lsn));
        if (status == STATUS_SUCCESS)
            status = show_next (cursor);
    }
    return status == STATUS_SUCCESS || status == STATUS_NOT_FOUND ? STATUS_LOG_START_OF_LOG : status;
}

NTSTATUS
clfs_cursor_back (clfs_cursor *cursor, unsigned types, clfs_record *out)
{
    clfs_loader *loader = &cursor->loader;
    clfs_lsn_t at;
    bool shown = cursor->shown;
    if (shown) {
        at = cursor->current.lsn;
    } else {
        g_mutex_lock (&cursor->engine->lock);
        at = clfs_engine_next (cursor->engine);
        g_mutex_unlock (&cursor->engine->lock);
    }
    clfs_lsn_t from = at;
    for (;;) {
        clfs_lsn_t address = clfs_lsn_block (at);
        NTSTATUS status;
        if (clfs_lsn_record (at) > 0) {
            status = clfs_cursor_stand (cursor, address, clfs_lsn_record (at) - 1);
        } else {
            status = clfs_loader_load_before (loader, address);
            if (status == STATUS_SUCCESS && loader->count == 0) {
                at = loader->address;
                continue;
            }
            if (status == STATUS_SUCCESS)
                status = clfs_cursor_stand (cursor, loader->address, loader->count - 1);
        }
        if (status == STATUS_NOT_FOUND)
            return stay (cursor, shown, from);
        if (status == STATUS_SUCCESS)
            status = show_next (cursor);
        if (status != STATUS_SUCCESS)
            return status;
        g_mutex_lock (&cursor->engine->lock);
        clfs_lsn_t base = cursor->engine->base;
        g_mutex_unlock (&cursor->engine->lock);
        at = cursor->current.lsn;
        if (at < base)
            return stay (cursor, shown, from);
        if (cursor->current.type & types) {
            *out = cursor->current;
            return STATUS_SUCCESS;
        }
    }
}

/* ---- restart areas ---- */

NTSTATUS
clfs_cursor_restart (clfs_cursor *cursor, clfs_record *out)
{
    clfs_engine *engine = cursor->engine;
    g_mutex_lock (&engine->lock);
    clfs_lsn_t restart = engine->restart;
    bool none = restart == CLFS_INVALID_LSN || restart < engine->base;
    g_mutex_unlock (&engine->lock);
    return none ? STATUS_LOG_NO_RESTART : clfs_cursor_seek (cursor, restart, out);
}

NTSTATUS
clfs_cursor_previous_restart (clfs_cursor *cursor, clfs_record *out)
{
    if (!cursor->shown || cursor->current.type != CLFS_RECORD_RESTART)
        return clfs_message_fail (STATUS_LOG_READ_CONTEXT_INVALID, "log %s: the cursor shows no restart area", cursor->engine->name);
    clfs_lsn_t previous = cursor->current.previous;
    if (previous == CLFS_INVALID_LSN || previous >= cursor->current.lsn)
        return STATUS_LOG_START_OF_LOG;
    return clfs_cursor_seek (cursor, previous, out);
}

void
clfs_engine_settle_base (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    clfs_lsn_t base = engine->base;
    bool none = engine->last == CLFS_INVALID_LSN || engine->last < base;
    g_mutex_unlock (&engine->lock);
    if (none)
        return;
    clfs_cursor cursor = { .engine = engine, .mode = CLFS_CURSOR_FORWARD };
    clfs_loader_init (&cursor.loader, engine);
    clfs_record record;
    if (clfs_cursor_seek_from (&cursor, base, &record) == STATUS_SUCCESS) {
        g_mutex_lock (&engine->lock);
        engine->base = record.lsn;
        engine->base_offset = record.stream_offset;
        g_mutex_unlock (&engine->lock);
    }
    clfs_loader_clear (&cursor.loader);
}
