/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * restart.c - the newest restart area. One write(2) is one ClfsWriteRestartArea: durable when it returns.
 */
#include "text_file.h"

#include <errno.h>

/* A larger write(2) may come in pieces, the first of which has at least 255 pages and one byte; so that no piece is
 * ever taken for an area, an area is smaller than that. */
#define RESTART_BYTES_MAX (CLFS_RECORD_BYTES_MAX - 1)

static int
newest (clfs_cursor *cursor, clfs_record *record, bool *found)
{
    NTSTATUS status = clfs_cursor_restart (cursor, record);

    *found = status == STATUS_SUCCESS;
    return NT_SUCCESS (status) ? 0 : clfs_mount_errno (status);
}

static int
restart_text (struct clfs_handle *handle, GString *out)
{
    clfs_cursor *cursor;
    clfs_record record;
    NTSTATUS status;
    bool found;
    int error;

    status = clfs_handle_cursor (handle, &cursor);
    if (!NT_SUCCESS (status))
        return clfs_mount_errno (status);
    error = newest (cursor, &record, &found);
    if (error == 0 && found)
        g_string_append_len (out, record.data, record.bytes);
    return error;
}

static int
restart_open (struct clfs_handle *handle, struct clfs_node *node)
{
    clfs_log *log;
    NTSTATUS status;

    (void) node;
    g_mutex_lock (&handle->lock);
    status = clfs_handle_log (handle, false, &log);
    g_mutex_unlock (&handle->lock);
    return NT_SUCCESS (status) ? 0 : clfs_mount_errno (status);
}

static void
restart_write (fuse_req_t req, struct clfs_handle *handle, const char *data, size_t bytes, off_t offset, int flags)
{
    clfs_log *log;
    NTSTATUS status;
    int error;

    (void) offset;
    (void) flags;
    error = clfs_mlog_enter (handle->mlog);
    if (error != 0) {
        fuse_reply_err (req, error);
        return;
    }
    g_mutex_lock (&handle->lock);
    status = clfs_handle_log (handle, true, &log);
    g_mutex_unlock (&handle->lock);
    if (NT_SUCCESS (status) && bytes > RESTART_BYTES_MAX) {
        error = EMSGSIZE;
    } else if (NT_SUCCESS (status)) {
        status = clfs_log_write_restart (log, data, bytes, CLFS_INVALID_LSN, NULL);
        clfs_mlog_appended (handle->mlog, log, status);
    }
    clfs_mlog_leave (handle->mlog);
    if (error == 0 && !NT_SUCCESS (status))
        error = clfs_mount_errno (status);
    if (error != 0)
        fuse_reply_err (req, error);
    else
        fuse_reply_write (req, bytes);
}

static int
restart_stat (struct clfs_node *node, const clfs_info *info, struct stat *st)
{
    clfs_cursor *cursor = NULL;
    clfs_log *log = NULL;
    clfs_record record;
    NTSTATUS status;
    bool found = false;

    if (info->restart == CLFS_INVALID_LSN)
        return 0;
    status = clfs_log_open (clfs_mount.store, node->mlog->name, CLFS_LOG_READ, &log);
    if (NT_SUCCESS (status))
        status = clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor);
    if (NT_SUCCESS (status) && newest (cursor, &record, &found) == 0 && found)
        st->st_size = record.bytes;
    clfs_cursor_close (cursor);
    if (log != NULL && !NT_SUCCESS (clfs_log_close (log)))
        return EIO;
    /* A restart area that cannot be read is an error of read(2), not of stat(2). */
    return 0;
}

const struct clfs_kind clfs_kind_restart = {
    .name = "restart",
    .slot = CLFS_ATTR_RESTART,
    .type = S_IFREG,
    .mode_mask = 0777,
    .marks = true,
    .truncate_ignored = true,
    .writable = true,
    .stat = restart_stat,
    .open = restart_open,
    .text = restart_text,
    .write = restart_write,
};
