/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * index.c - one line a record, all of one width: LSN, stream offset, length, type, time.
 *
 * The first line is the record at the base when the file was opened. The handle's cursor goes with the reader; a seek
 * back starts over from the first line, whose LSN is kept: if that record is gone, the lines no longer stand where
 * they stood.
 */
#include "handle.h"
#include "text.h"

#include <errno.h>

/* 18 + 1 + 20 + 1 + 10 + 1 + 7 + 1 + 30 + newline. */
#define LINE_BYTES 90

struct index {
    clfs_lsn_t first;    /* of the first line; CLFS_INVALID_LSN: there was none yet */
    clfs_lsn_t base;     /* at open */
    uint64_t next_line;  /* the line that the cursor shows next */
    bool positioned;     /* the cursor stands before next_line */
    GString *line;       /* the line before next_line, for a read that begins within it */
    clfs_lsn_t line_lsn; /* its record's */
};

static void
format_line (GString *out, const clfs_record *record)
{
    g_string_truncate (out, 0);
    clfs_text_append_lsn (out, record->lsn);
    g_string_append_printf (out, " %20" G_GUINT64_FORMAT " %10u %-7s ", record->stream_offset, record->bytes,
                            record->type == CLFS_RECORD_RESTART ? "restart" : "data");
    if (record->time_ns != 0)
        clfs_text_append_time (out, record->time_ns);
    else
        g_string_append_printf (out, "%-30s", "-"); /* a log made by Windows does not say */
    g_string_append_c (out, '\n');
    g_assert (out->len == LINE_BYTES);
}

/* Puts the cursor before next_line. *found: it shows that line's record already. */
static NTSTATUS
position (struct index *index, clfs_cursor *cursor, clfs_record *record, bool *found)
{
    clfs_lsn_t from, wanted = CLFS_INVALID_LSN;
    NTSTATUS status;

    if (index->next_line > 0)
        from = wanted = index->line_lsn;
    else
        from = wanted = index->first;
    if (from == CLFS_INVALID_LSN)
        from = index->base;
    status = clfs_cursor_seek_from (cursor, from, record);
    if (NT_SUCCESS (status) && wanted != CLFS_INVALID_LSN && record->lsn != wanted)
        return STATUS_NOT_FOUND;
    index->positioned = NT_SUCCESS (status) || status == STATUS_END_OF_FILE;
    *found = NT_SUCCESS (status) && index->next_line == 0;
    return status;
}

/* Makes index->line the next line. STATUS_END_OF_FILE if there is none yet. */
static NTSTATUS
step (struct index *index, clfs_cursor *cursor)
{
    NTSTATUS status = STATUS_SUCCESS;
    bool found = false;
    clfs_record record;

    if (!index->positioned)
        status = position (index, cursor, &record, &found);
    if (NT_SUCCESS (status) && !found)
        status = clfs_cursor_next (cursor, CLFS_RECORD_DATA | CLFS_RECORD_RESTART, &record);
    if (!NT_SUCCESS (status))
        return status;
    if (index->next_line == 0)
        index->first = record.lsn;
    index->line_lsn = record.lsn;
    format_line (index->line, &record);
    index->next_line++;
    return STATUS_SUCCESS;
}

/* Makes index->line line number `line`. */
static NTSTATUS
go_to (struct index *index, clfs_cursor *cursor, uint64_t line)
{
    NTSTATUS status = STATUS_SUCCESS;

    if (line + 1 < index->next_line) {
        index->next_line = 0;
        index->positioned = false;
    }
    while (NT_SUCCESS (status) && index->next_line <= line)
        status = step (index, cursor);
    return status;
}

/* Appends up to `bytes` bytes from `offset` on. STATUS_END_OF_FILE where they end. */
static NTSTATUS
read_lines (struct clfs_handle *handle, size_t bytes, uint64_t offset, GString *out)
{
    struct index *index = handle->state;
    clfs_cursor *cursor, *former = handle->cursor;
    uint64_t line = offset / LINE_BYTES;
    size_t skip = offset % LINE_BYTES;
    NTSTATUS status;

    status = clfs_handle_cursor (handle, &cursor);
    /* A new cursor stands nowhere. */
    if (NT_SUCCESS (status) && cursor != former)
        index->positioned = false;
    while (NT_SUCCESS (status) && out->len < bytes) {
        status = go_to (index, cursor, line);
        if (!NT_SUCCESS (status))
            break;
        g_string_append_len (out, index->line->str + skip, (gssize) MIN (LINE_BYTES - skip, bytes - out->len));
        skip = 0;
        line++;
    }
    return status;
}

static void
index_read (fuse_req_t req, struct clfs_handle *handle, size_t bytes, off_t offset)
{
    GString *out;
    NTSTATUS status;
    int error;

    error = clfs_mlog_enter (handle->mlog);
    if (error != 0) {
        fuse_reply_err (req, error);
        return;
    }
    out = g_string_new (NULL);
    g_mutex_lock (&handle->lock);
    status = read_lines (handle, bytes, (uint64_t) offset, out);
    g_mutex_unlock (&handle->lock);
    clfs_mlog_leave (handle->mlog);
    /* What was found before an error is given first; the next read meets the error again. */
    if (NT_SUCCESS (status) || status == STATUS_END_OF_FILE || out->len > 0)
        fuse_reply_buf (req, out->str, out->len);
    else
        fuse_reply_err (req, status == STATUS_NOT_FOUND ? ESTALE : clfs_mount_errno (status));
    g_string_free (out, TRUE);
}

static int
index_open (struct clfs_handle *handle, struct clfs_node *node)
{
    struct index *index;
    clfs_info info;
    clfs_log *log;
    NTSTATUS status;

    (void) node;
    g_mutex_lock (&handle->lock);
    status = clfs_handle_log (handle, false, &log);
    if (NT_SUCCESS (status))
        clfs_log_info (log, &info);
    g_mutex_unlock (&handle->lock);
    if (!NT_SUCCESS (status))
        return clfs_mount_errno (status);
    index = g_new0 (struct index, 1);
    index->first = CLFS_INVALID_LSN;
    index->base = info.base;
    index->line = g_string_sized_new (LINE_BYTES);
    handle->state = index;
    return 0;
}

static void
index_close (struct clfs_handle *handle)
{
    struct index *index = handle->state;

    if (index == NULL)
        return;
    g_string_free (index->line, TRUE);
    g_free (index);
    handle->state = NULL;
}

const struct clfs_kind clfs_kind_index = {
    .name = "index",
    .slot = CLFS_ATTR_INDEX,
    .type = S_IFREG,
    .mode_mask = 0777,
    .open = index_open,
    .close = index_close,
    .read = index_read,
};
