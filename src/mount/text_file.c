/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text_file.h"
#include "poll.h"

void
clfs_text_file_read (fuse_req_t req, struct clfs_handle *handle, size_t bytes, off_t offset)
{
    g_autofree char *part = NULL;
    int error = 0;

    if (handle->mlog != NULL)
        error = clfs_mlog_enter (handle->mlog);
    if (error != 0) {
        fuse_reply_err (req, error);
        return;
    }
    g_mutex_lock (&handle->lock);
    if ((offset == 0 && !handle->kind->text_fixed) || handle->text == NULL) {
        if (handle->text != NULL)
            g_string_truncate (handle->text, 0);
        else
            handle->text = g_string_new (NULL);
        error = handle->kind->text (handle, handle->text);
        if (error != 0) {
            g_string_free (handle->text, TRUE);
            handle->text = NULL;
        }
    }
    if (error == 0)
        clfs_poll_at_end (handle, (uint64_t) offset + bytes > handle->text->len);
    if (error == 0 && (uint64_t) offset < handle->text->len) {
        bytes = MIN (bytes, handle->text->len - (size_t) offset);
        part = g_memdup2 (handle->text->str + offset, bytes);
    } else {
        bytes = 0;
    }
    g_mutex_unlock (&handle->lock);
    if (handle->mlog != NULL)
        clfs_mlog_leave (handle->mlog);
    if (error != 0) {
        fuse_reply_err (req, error);
    } else {
        clfs_mount_count (CLFS_COUNT_READ_BYTES, bytes);
        fuse_reply_buf (req, part, bytes);
    }
}
