/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * writer.c - one open file: bytes in, records out, by the log's framing.
 */
#include "engine/engine.h"

#include <string.h>

struct clfs_writer {
    clfs_engine *engine;
    clfs_line *line; /* the unterminated line; NULL until there was one */
    clfs_lsn_t last;
};

NTSTATUS
clfs_writer_open (clfs_log *log, clfs_writer **out)
{
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    clfs_writer *writer = g_new0 (clfs_writer, 1);
    writer->engine = log->engine;
    writer->last = CLFS_INVALID_LSN;
    *out = writer;
    return STATUS_SUCCESS;
}

clfs_lsn_t
clfs_writer_last_lsn (const clfs_writer *writer)
{
    return writer->last;
}

/* Bytes of the unterminated line (lock). */
static size_t
line_bytes (const clfs_writer *writer)
{
    return writer->line ? clfs_line_bytes (writer->line) : 0;
}

size_t
clfs_writer_pending_bytes (const clfs_writer *writer)
{
    g_mutex_lock (&writer->engine->lock);
    size_t bytes = line_bytes (writer);
    g_mutex_unlock (&writer->engine->lock);
    return bytes;
}

/* One record: the unterminated line, if there is one, and `bytes` more (lock). */
static NTSTATUS
append_record (clfs_writer *writer, const uint8_t *data, size_t bytes, unsigned flags)
{
    struct iovec vector[CLFS_LINE_PIECES_MAX + 1];
    int count = 0;
    size_t pending = line_bytes (writer);
    if (pending > 0)
        clfs_line_vector (writer->line, vector, &count);
    if (bytes > 0)
        vector[count++] = (struct iovec) { (void *) data, bytes };
    NTSTATUS status = clfs_append_locked (writer->engine, vector, count, pending + bytes, CLFS_TYPE_DATA, CLFS_INVALID_LSN,
                                          CLFS_INVALID_LSN, pending > 0 ? writer->line : NULL, flags, &writer->last);
    if (status == STATUS_SUCCESS && pending > 0)
        clfs_line_clear (writer->line);
    return status;
}

/* With the lock dropped: makes the memory for unterminated lines, or allocates more of it. */
static NTSTATUS
grow_lines (clfs_engine *engine, uint64_t wanted)
{
    if (engine->growing) {
        g_cond_wait (&engine->changed, &engine->lock);
        return STATUS_SUCCESS;
    }
    bool shared = !(engine->store->options.flags & CLFS_STORE_NO_AREA);
    g_autofree char *name = shared ? clfs_meta_side_name (engine->blf->guid, "lines") : NULL;
    uint8_t guid[16];
    memcpy (guid, engine->blf->guid, 16);
    uint64_t bytes_max = engine->blf->pending_bytes_max;
    clfs_lines *lines = engine->lines, *made = NULL;
    engine->growing = true;
    g_mutex_unlock (&engine->lock);
    NTSTATUS status = lines ? clfs_lines_grow (lines, wanted)
                            : clfs_lines_create (engine->store->storage, name, guid, bytes_max, &made);
    g_mutex_lock (&engine->lock);
    engine->growing = false;
    if (status == STATUS_SUCCESS && lines)
        clfs_lines_grown (lines, wanted);
    else if (status == STATUS_SUCCESS)
        engine->lines = made;
    g_cond_broadcast (&engine->changed);
    return status;
}

/* Keeps an unterminated rest (lock; dropped while memory is allocated). */
static NTSTATUS
keep_rest (clfs_writer *writer, const uint8_t *data, size_t bytes)
{
    clfs_engine *engine = writer->engine;
    NTSTATUS status;
    for (;;) {
        status = clfs_engine_check_writable (engine);
        if (status != STATUS_SUCCESS)
            return status;
        uint64_t wanted = engine->lines ? clfs_lines_wanted (engine->lines, writer->line, bytes) : 1;
        if (wanted == 0)
            break;
        status = wanted == UINT64_MAX ? STATUS_DISK_FULL : grow_lines (engine, wanted);
        if (status != STATUS_SUCCESS)
            goto full;
    }
    if (!writer->line)
        status = clfs_lines_new (engine->lines, &writer->line);
    if (status == STATUS_SUCCESS)
        status = clfs_line_append (writer->line, data, bytes);
    if (status == STATUS_SUCCESS)
        return status;

full:
    status = clfs_message_fail (status == STATUS_DISK_FULL || status == STATUS_DISK_QUOTA_EXCEEDED ? STATUS_LOG_FULL : status,
                                "log %s: no room for more unterminated lines: %s; end some with a newline", engine->name,
                                clfs_message_status_words (status));
    if (status == STATUS_LOG_FULL)
        clfs_engine_set_full (engine);
    return status;
}

/* Takes the bytes as lines: a record at each newline, and where a line reaches the longest record (lock). */
static NTSTATUS
take_lines (clfs_writer *writer, const uint8_t *data, size_t bytes, unsigned flags, size_t *taken)
{
    clfs_engine *engine = writer->engine;
    size_t longest = clfs_block_record_max (engine);
    while (*taken < bytes) {
        const uint8_t *from = data + *taken;
        size_t left = bytes - *taken;
        size_t room = longest - line_bytes (writer);
        const uint8_t *newline = memchr (from, '\n', MIN (left, room));
        NTSTATUS status;
        size_t part;
        if (newline) {
            part = (size_t) (newline - from) + 1;
            status = append_record (writer, from, part, flags);
        } else if (left >= room) {
            part = room;
            status = append_record (writer, from, part, flags);
        } else {
            part = left;
            /* A full log says so now: at the close nobody listens any more. */
            if (engine->full && !clfs_block_fits (engine, line_bytes (writer) + part))
                status = clfs_message_fail (STATUS_LOG_FULL, "%s", engine->full_why);
            else
                status = keep_rest (writer, from, part);
        }
        if (status != STATUS_SUCCESS)
            return status;
        *taken += part;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS
take_writes (clfs_writer *writer, const uint8_t *data, size_t bytes, unsigned flags, size_t *taken)
{
    size_t longest = clfs_block_record_max (writer->engine);
    while (*taken < bytes) {
        size_t part = MIN (bytes - *taken, longest);
        NTSTATUS status = append_record (writer, data + *taken, part, flags);
        if (status != STATUS_SUCCESS)
            return status;
        *taken += part;
    }
    return STATUS_SUCCESS;
}

/* After records were made: durable if asked for, else the background may have work (lock). */
static NTSTATUS
settle (clfs_writer *writer, clfs_lsn_t before, unsigned flags)
{
    clfs_engine *engine = writer->engine;
    if (!(flags & CLFS_APPEND_FORCE_FLUSH)) {
        clfs_append_kick (engine);
        return STATUS_SUCCESS;
    }
    engine->appended_ns = engine->store->storage->ops->now_ns (engine->store->storage);
    return writer->last != before ? clfs_flush_target (engine, writer->last) : STATUS_SUCCESS;
}

NTSTATUS
clfs_writer_write (clfs_writer *writer, const void *data, size_t bytes, unsigned flags, size_t *taken)
{
    clfs_engine *engine = writer->engine;
    *taken = 0;
    if (bytes == 0)
        return STATUS_SUCCESS;
    g_mutex_lock (&engine->lock);
    bool was_full = engine->full;
    clfs_lsn_t before = writer->last;
    bool lines = engine->blf->framing == CLFS_FRAMING_LINE;
    NTSTATUS status = lines ? take_lines (writer, data, bytes, flags, taken) : take_writes (writer, data, bytes, flags, taken);
    if (status == STATUS_SUCCESS && lines && (flags & CLFS_APPEND_FORCE_FLUSH) && line_bytes (writer) > 0)
        status = append_record (writer, NULL, 0, flags);
    bool appended = writer->last != before;
    if (appended || *taken > 0) {
        NTSTATUS settled = settle (writer, before, flags);
        if (status == STATUS_SUCCESS)
            status = settled;
    }
    unsigned events = (appended ? CLFS_EVENT_APPENDED : 0u) | (engine->full != was_full ? CLFS_EVENT_STATE : 0u);
    g_mutex_unlock (&engine->lock);
    if (events)
        clfs_engine_notify (engine, events);
    return status;
}

NTSTATUS
clfs_writer_cut (clfs_writer *writer)
{
    clfs_engine *engine = writer->engine;
    NTSTATUS status = STATUS_SUCCESS;
    g_mutex_lock (&engine->lock);
    bool cut = line_bytes (writer) > 0;
    if (cut) {
        status = append_record (writer, NULL, 0, 0);
        if (status == STATUS_SUCCESS)
            clfs_append_kick (engine);
    }
    g_mutex_unlock (&engine->lock);
    if (cut && status == STATUS_SUCCESS)
        clfs_engine_notify (engine, CLFS_EVENT_APPENDED);
    return status;
}

NTSTATUS
clfs_writer_close (clfs_writer *writer)
{
    if (!writer)
        return STATUS_SUCCESS;
    clfs_engine *engine = writer->engine;
    NTSTATUS status = clfs_writer_cut (writer);
    if (writer->line && status == STATUS_SUCCESS) {
        g_mutex_lock (&engine->lock);
        clfs_line_free (writer->line);
        g_mutex_unlock (&engine->lock);
    } else if (writer->line) {
        /* What was accepted is not thrown away: it waits for an opening that finds room. */
        clfs_line_leave (writer->line);
        g_autofree char *why = g_strdup (clfs_error_message ());
        (void) clfs_message_fail (status, "%s; the unterminated line is kept until log %s is opened with room for it", why, engine->name);
    }
    g_free (writer);
    return status;
}
