/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * records.c - the append-only file of payloads.
 *
 * A write goes to the handle's clfs_writer without waiting. Where it would have to wait for memory, and where O_DSYNC
 * waits for the disk, the request is parked on an asynchronous flush instead, with a copy of what was not taken yet.
 * The kernel lets one write at a time through per node, so a handle's bytes stay in order.
 */
#include "records.h"
#include "fsync.h"
#include "parked.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* After so many flushes that made no room for a write, it waits in a pool thread like any other caller. */
#define STALLS_MAX 3

struct append {
    fuse_req_t req;
    struct clfs_handle *handle;
    clfs_log *log;
    const char *data;
    char *copy; /* of data, once the request's own memory is gone */
    size_t bytes, taken;
    bool sync;
    unsigned stalls;
};

static void append_step (struct append *append);

static void
append_end (struct append *append, int error)
{
    struct clfs_mlog *mlog = append->handle->mlog;

    clfs_mount_count (CLFS_COUNT_WRITTEN_BYTES, append->taken);
    /* Leave first: the answer lets close(2) go on, and an rmdir that follows should not find us inside. The kernel
     * keeps the handle open until it has the answer. */
    clfs_mlog_leave (mlog);
    if (error != 0)
        fuse_reply_err (append->req, error);
    else
        fuse_reply_write (append->req, append->taken);
    g_free (append->copy);
    g_free (append);
}

static void
append_synced (NTSTATUS status, clfs_lsn_t durable_below, void *data)
{
    struct append *append = data;

    (void) durable_below;
    /* The bytes are in the log either way; what O_DSYNC promised is not. */
    append_end (append, NT_SUCCESS (status) ? 0 : clfs_mount_errno (status));
}

static void
append_resume (gpointer data, gpointer user_data)
{
    (void) user_data;
    append_step (data);
}

static void
append_has_room (NTSTATUS status, clfs_lsn_t durable_below, void *data)
{
    (void) durable_below;
    /* If the flush failed, the next try says what an append now gets. */
    (void) status;
    clfs_mount_defer (append_resume, data);
}

static void
append_step (struct append *append)
{
    struct clfs_handle *handle = append->handle;
    clfs_lsn_t last = CLFS_INVALID_LSN;
    NTSTATUS status;
    size_t taken = 0;
    int error;

    g_mutex_lock (&handle->lock);
    status = clfs_writer_write (handle->writer, append->data + append->taken, append->bytes - append->taken,
                                append->stalls < STALLS_MAX ? CLFS_APPEND_NO_WAIT : 0, &taken);
    append->taken += taken;
    if (append->sync && append->taken > 0 && status != STATUS_PENDING) {
        NTSTATUS cut = clfs_writer_cut (handle->writer);
        if (NT_SUCCESS (status))
            status = cut;
    }
    if (append->sync)
        last = clfs_writer_last_lsn (handle->writer);
    g_mutex_unlock (&handle->lock);
    clfs_mlog_appended (handle->mlog, append->log, status);

    if (status == STATUS_PENDING) {
        append->stalls = taken > 0 ? 0 : append->stalls + 1;
        if (append->copy == NULL) {
            append->copy = g_memdup2 (append->data + append->taken, append->bytes - append->taken);
            append->data = append->copy - append->taken;
        }
        clfs_parked_flush (append->req, handle, append->log, CLFS_NULL_LSN, CLFS_PARKED_ROOM, false, append_has_room,
                           append);
        return;
    }
    error = NT_SUCCESS (status) ? 0 : clfs_mount_errno (status);
    /* Part of it is in the log: the write is short, and the next one gets the error. */
    if (append->taken > 0 && !(append->sync && append->taken == append->bytes))
        error = 0;
    if (error == 0 && last != CLFS_INVALID_LSN && append->taken > 0)
        clfs_parked_flush (append->req, handle, append->log, last, CLFS_PARKED_DSYNC, false, append_synced, append);
    else
        append_end (append, error);
}

static void
records_write (fuse_req_t req, struct clfs_handle *handle, const char *data, size_t bytes, off_t offset, int flags)
{
    struct append *append;
    clfs_log *log;
    NTSTATUS status;
    int error;

    (void) offset; /* append-only, whatever F_SETFL did to the descriptor */
    error = clfs_mlog_enter (handle->mlog);
    if (error != 0) {
        fuse_reply_err (req, error);
        return;
    }
    g_mutex_lock (&handle->lock);
    status = clfs_handle_log (handle, true, &log);
    if (NT_SUCCESS (status) && handle->writer == NULL)
        status = clfs_writer_open (log, &handle->writer);
    g_mutex_unlock (&handle->lock);
    if (!NT_SUCCESS (status)) {
        clfs_mlog_leave (handle->mlog);
        fuse_reply_err (req, clfs_mount_errno (status));
        return;
    }
    append = g_new0 (struct append, 1);
    append->req = req;
    append->handle = handle;
    append->log = log;
    append->data = data;
    append->bytes = bytes;
    append->sync = (flags & O_DSYNC) != 0;
    append_step (append);
}

/* close(2). The last line without a newline becomes a record only at the last close, but nobody listens any more then:
 * if the log can take none, whoever closes hears it now. */
static int
records_flush (struct clfs_handle *handle)
{
    clfs_info info = { .state = CLFS_STATE_OK };

    if (clfs_mlog_enter (handle->mlog) != 0)
        return 0;
    g_mutex_lock (&handle->lock);
    if (handle->writer != NULL && clfs_writer_pending_bytes (handle->writer) > 0)
        clfs_log_info (handle->log, &info);
    g_mutex_unlock (&handle->lock);
    clfs_mlog_leave (handle->mlog);
    switch (info.state) {
    case CLFS_STATE_FULL:
        return ENOSPC;
    case CLFS_STATE_FAILED:
        return EIO;
    case CLFS_STATE_READ_ONLY:
        return EROFS;
    default:
        return 0;
    }
}

clfs_lsn_t
clfs_records_last_lsn (struct clfs_handle *handle)
{
    clfs_lsn_t lsn = CLFS_INVALID_LSN;

    g_mutex_lock (&handle->lock);
    if (handle->writer != NULL)
        lsn = clfs_writer_last_lsn (handle->writer);
    g_mutex_unlock (&handle->lock);
    return lsn;
}

int
clfs_stream_open (struct clfs_handle *handle, struct clfs_node *node, bool write)
{
    clfs_info info;
    clfs_log *log;
    NTSTATUS status;

    g_mutex_lock (&handle->lock);
    status = clfs_handle_log (handle, write, &log);
    if (NT_SUCCESS (status))
        clfs_log_info (log, &info);
    if (NT_SUCCESS (status) && write) {
        if (info.state == CLFS_STATE_READ_ONLY)
            status = STATUS_MEDIA_WRITE_PROTECTED;
        else
            status = clfs_writer_open (log, &handle->writer);
    }
    g_mutex_unlock (&handle->lock);
    if (!NT_SUCCESS (status))
        return clfs_mount_errno (status);
    handle->origin = clfs_node_origin (node, info.base_offset);
    return 0;
}

void
clfs_stream_read (fuse_req_t req, struct clfs_handle *handle, size_t bytes, off_t offset, bool durable_only)
{
    g_autofree char *buffer = g_malloc (bytes);
    clfs_cursor *cursor;
    NTSTATUS status;
    size_t got = 0;
    int error;

    error = clfs_mlog_enter (handle->mlog);
    if (error != 0) {
        fuse_reply_err (req, error);
        return;
    }
    g_mutex_lock (&handle->lock);
    status = clfs_handle_cursor (handle, &cursor);
    if (NT_SUCCESS (status))
        status = clfs_cursor_read (cursor, handle->origin + (uint64_t) offset, buffer, bytes, durable_only, &got);
    g_mutex_unlock (&handle->lock);
    clfs_mlog_leave (handle->mlog);
    if (NT_SUCCESS (status) || status == STATUS_END_OF_FILE) {
        clfs_mount_count (CLFS_COUNT_READ_BYTES, got);
        fuse_reply_buf (req, buffer, got);
    } else {
        fuse_reply_err (req, status == STATUS_NOT_FOUND ? ESTALE : clfs_mount_errno (status));
    }
}

off_t
clfs_stream_size (struct clfs_node *node, const clfs_info *info, uint64_t end)
{
    uint64_t origin = clfs_node_origin (node, info->base_offset);

    return end > origin ? (off_t) (end - origin) : 0;
}

static int
records_open (struct clfs_handle *handle, struct clfs_node *node)
{
    bool write = (handle->flags & O_ACCMODE) != O_RDONLY;
    int error;

    if (write && (handle->flags & O_APPEND) == 0)
        return EPERM;
    error = clfs_stream_open (handle, node, write);
    if (error == 0 && write) {
        handle->state = handle->mlog;
        g_mutex_lock (&handle->mlog->lock);
        handle->mlog->record_writers++;
        g_mutex_unlock (&handle->mlog->lock);
    }
    return error;
}

static void
records_close (struct clfs_handle *handle)
{
    if (handle->state == NULL)
        return;
    g_mutex_lock (&handle->mlog->lock);
    handle->mlog->record_writers--;
    g_cond_broadcast (&handle->mlog->changed);
    g_mutex_unlock (&handle->mlog->lock);
    handle->state = NULL;
}

static void
records_read (fuse_req_t req, struct clfs_handle *handle, size_t bytes, off_t offset)
{
    clfs_stream_read (req, handle, bytes, offset, false);
}

static int
records_stat (struct clfs_node *node, const clfs_info *info, struct stat *st)
{
    st->st_size = clfs_stream_size (node, info, info->end_offset);
    st->st_blocks = (blkcnt_t) (info->allocated_bytes / 512);
    return 0;
}

const struct clfs_kind clfs_kind_records = {
    .name = "records",
    .slot = CLFS_ATTR_RECORDS,
    .type = S_IFREG,
    .mode_mask = 0777,
    .marks = true,
    .writable = true,
    .stat = records_stat,
    .open = records_open,
    .close = records_close,
    .read = records_read,
    .write = records_write,
    .flush = records_flush,
    .fsync = clfs_fsync,
};
