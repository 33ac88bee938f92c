/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fsync.h"
#include "parked.h"

struct sync {
    fuse_req_t req;
    struct clfs_mlog *mlog;
};

static void
synced (NTSTATUS status, clfs_lsn_t durable_below, void *data)
{
    struct sync *sync = data;

    (void) durable_below;
    clfs_mlog_leave (sync->mlog);
    fuse_reply_err (sync->req, NT_SUCCESS (status) ? 0 : clfs_mount_errno (status));
    g_free (sync);
}

void
clfs_fsync (fuse_req_t req, struct clfs_handle *handle)
{
    NTSTATUS status;
    struct sync *sync;
    clfs_log *log;
    bool writable;
    int error;

    clfs_mount_count (CLFS_COUNT_FSYNCS, 1);
    error = clfs_mlog_enter (handle->mlog);
    if (error != 0) {
        fuse_reply_err (req, error);
        return;
    }
    g_mutex_lock (&handle->lock);
    status = clfs_handle_log (handle, false, &log);
    writable = handle->log_writable;
    if (NT_SUCCESS (status) && handle->writer != NULL) {
        status = clfs_writer_cut (handle->writer);
        clfs_mlog_appended (handle->mlog, log, status);
    }
    g_mutex_unlock (&handle->lock);
    /* Nothing was written through a log that is only read. */
    if (!NT_SUCCESS (status) || !writable) {
        clfs_mlog_leave (handle->mlog);
        fuse_reply_err (req, NT_SUCCESS (status) ? 0 : clfs_mount_errno (status));
        return;
    }
    sync = g_new (struct sync, 1);
    sync->req = req;
    sync->mlog = handle->mlog;
    clfs_parked_flush (req, handle, log, CLFS_NULL_LSN, CLFS_PARKED_FSYNC, true, synced, sync);
}
