/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream.c - reading bytes: the payloads of the data records, one after another, by their offset in the stream.
 */
#include "engine/engine.h"

#include <string.h>

NTSTATUS
clfs_cursor_seek_offset (clfs_cursor *cursor, uint64_t stream_offset, clfs_record *out)
{
    clfs_loader *loader = &cursor->loader;
    clfs_lsn_t address;
    NTSTATUS status = clfs_loader_find_offset (loader, stream_offset, &address);
    if (status == STATUS_SUCCESS)
        status = clfs_cursor_stand (cursor, address, 0);
    /* Whole blocks are passed over without a look at their records. */
    while (status == STATUS_SUCCESS && !loader->open && loader->stream_offset + loader->stream_bytes <= stream_offset) {
        address = loader->end;
        status = clfs_cursor_stand (cursor, address, 0);
    }
    if (status == STATUS_END_OF_FILE) {
        loader->address = CLFS_INVALID_LSN;
        cursor->resume = address;
        cursor->shown = false;
    }
    status = clfs_cursor_in_sequence (cursor, address, status);
    if (status != STATUS_SUCCESS)
        return clfs_engine_unreadable (cursor->engine, status);
    do
        status = clfs_cursor_step (cursor, CLFS_RECORD_DATA, out);
    while (status == STATUS_SUCCESS && out->stream_offset + out->bytes <= stream_offset);
    return status;
}

/* Where the bytes end that a read may show. */
static uint64_t
readable_end (clfs_engine *engine, bool durable_only)
{
    g_mutex_lock (&engine->lock);
    uint64_t end = durable_only ? engine->durable_mark_offset : engine->end_offset;
    g_mutex_unlock (&engine->lock);
    return end;
}

NTSTATUS
clfs_cursor_read (clfs_cursor *cursor, uint64_t stream_offset, void *buffer, size_t bytes, bool durable_only, size_t *got)
{
    clfs_engine *engine = cursor->engine;
    uint64_t end = readable_end (engine, durable_only);
    if (stream_offset >= end && !engine->writer) {
        clfs_engine_refresh (engine, 1000);
        end = readable_end (engine, durable_only);
    }
    uint8_t *to = buffer;
    size_t done = 0;
    NTSTATUS status = STATUS_SUCCESS;
    if (stream_offset < end)
        bytes = (size_t) MIN (bytes, end - stream_offset);
    else
        bytes = 0;
    while (done < bytes) {
        uint64_t at = stream_offset + done;
        clfs_record *current = &cursor->current;
        bool usable = cursor->shown && cursor->current.type == CLFS_RECORD_DATA;
        if (usable && at >= current->stream_offset && at - current->stream_offset < current->bytes) {
            size_t skip = (size_t) (at - current->stream_offset);
            size_t part = MIN (bytes - done, current->bytes - skip);
            memcpy (to + done, (const uint8_t *) current->data + skip, part);
            done += part;
            continue;
        }
        clfs_record record;
        if (usable && at == current->stream_offset + current->bytes)
            status = clfs_cursor_step (cursor, CLFS_RECORD_DATA, &record);
        else
            status = clfs_cursor_seek_offset (cursor, at, &record);
        if (status == STATUS_SUCCESS && record.stream_offset > at)
            status = clfs_message_fail (STATUS_LOG_BLOCK_INVALID, "log %s: no record holds the stream's byte %" G_GUINT64_FORMAT,
                                        engine->name, at);
        if (status != STATUS_SUCCESS)
            break;
    }
    /* What was read before the trouble is good; the next call meets the trouble. */
    if (status == STATUS_END_OF_FILE || done > 0)
        status = STATUS_SUCCESS;
    if (status == STATUS_SUCCESS)
        *got = done;
    else
        cursor->shown = false;
    return status;
}
