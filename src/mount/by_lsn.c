/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * by_lsn.c - by-lsn/<LSN>: one record's payload. The directory lists nothing: a log may have a billion records.
 */
#include "attr.h"
#include "text_file.h"

#include <errno.h>

/* Any LSN that shows no record is a name that is not there. */
static int
record_errno (NTSTATUS status)
{
    if (status == STATUS_LOG_START_OF_LOG || status == STATUS_END_OF_FILE || status == STATUS_LOG_RECORD_NONEXISTENT
        || status == STATUS_NOT_FOUND || status == STATUS_INVALID_PARAMETER)
        return ENOENT;
    return clfs_mount_errno (status);
}

static int
by_lsn_text (struct clfs_handle *handle, GString *out)
{
    clfs_cursor *cursor;
    clfs_record record;
    NTSTATUS status;

    status = clfs_handle_cursor (handle, &cursor);
    if (NT_SUCCESS (status))
        status = clfs_cursor_seek (cursor, handle->lsn, &record);
    if (!NT_SUCCESS (status))
        return record_errno (status);
    g_string_append_len (out, record.data, record.bytes);
    return 0;
}

static int
by_lsn_open (struct clfs_handle *handle, struct clfs_node *node)
{
    int error;

    (void) node;
    g_mutex_lock (&handle->lock);
    handle->text = g_string_new (NULL);
    error = by_lsn_text (handle, handle->text);
    g_mutex_unlock (&handle->lock);
    return error;
}

static int
by_lsn_stat (struct clfs_node *node, const clfs_info *info, struct stat *st)
{
    clfs_cursor *cursor = NULL;
    clfs_log *log = NULL;
    clfs_record record;
    NTSTATUS status;

    (void) info;
    status = clfs_log_open (clfs_mount.store, node->mlog->name, CLFS_LOG_READ, &log);
    if (NT_SUCCESS (status))
        status = clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor);
    if (NT_SUCCESS (status))
        status = clfs_cursor_seek (cursor, node->lsn, &record);
    if (NT_SUCCESS (status)) {
        st->st_size = record.bytes;
        if (record.time_ns != 0)
            clfs_attr_times (st, record.time_ns);
    }
    clfs_cursor_close (cursor);
    if (log != NULL) {
        NTSTATUS closed = clfs_log_close (log);
        if (NT_SUCCESS (status))
            status = closed;
    }
    return NT_SUCCESS (status) ? 0 : record_errno (status);
}

const struct clfs_kind clfs_kind_by_lsn = {
    .slot = CLFS_ATTR_BY_LSN,
    .type = S_IFREG,
    .mode_mask = 0444,
    .marks = true,
    .stat = by_lsn_stat,
    .open = by_lsn_open,
    .text = by_lsn_text,
    .text_fixed = true,
};
