/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handle.h"
#include "poll.h"

#include <syslog.h>

static GMutex lock;
static GHashTable *handles; /* id -> handle */
static uint64_t last_id;

void
clfs_handles_init (void)
{
    handles = g_hash_table_new (g_int64_hash, g_int64_equal);
}

struct clfs_handle *
clfs_handle_new (struct clfs_node *node, int flags, uid_t uid)
{
    struct clfs_handle *handle = g_new0 (struct clfs_handle, 1);

    handle->refs = 1;
    handle->link.data = handle;
    handle->kind = node->kind;
    handle->mlog = node->mlog != NULL ? clfs_mlog_ref (node->mlog) : NULL;
    handle->ino = node->ino;
    handle->lsn = node->lsn;
    handle->container = g_strdup (node->container);
    handle->origin = CLFS_UNSET;
    handle->flags = flags;
    handle->uid = uid;
    g_mutex_init (&handle->lock);
    if (handle->mlog != NULL && S_ISREG (handle->kind->type)) {
        g_mutex_lock (&handle->mlog->lock);
        g_queue_push_tail_link (&handle->mlog->handles, &handle->link);
        g_mutex_unlock (&handle->mlog->lock);
    }
    g_mutex_lock (&lock);
    handle->id = ++last_id;
    g_hash_table_insert (handles, &handle->id, handle);
    g_mutex_unlock (&lock);
    return handle;
}

struct clfs_handle *
clfs_handle_get (uint64_t id)
{
    struct clfs_handle *handle;

    g_mutex_lock (&lock);
    handle = g_hash_table_lookup (handles, &id);
    g_mutex_unlock (&lock);
    return handle;
}

struct clfs_handle *
clfs_handle_ref (struct clfs_handle *handle)
{
    g_atomic_int_inc (&handle->refs);
    return handle;
}

void
clfs_handle_close_log (struct clfs_handle *handle)
{
    NTSTATUS status;

    if (handle->log == NULL)
        return;
    clfs_poll_stop (handle);
    clfs_cursor_close (handle->cursor);
    handle->cursor = NULL;
    if (handle->writer != NULL) {
        /* The last line without a newline becomes a record here; close(2) has returned long ago. */
        status = clfs_writer_close (handle->writer);
        if (!NT_SUCCESS (status))
            clfs_mount_say (LOG_ERR, "%s", clfs_error_message ());
        handle->writer = NULL;
    }
    if (handle->log_writable) {
        g_mutex_lock (&handle->mlog->lock);
        handle->mlog->open_logs--;
        g_mutex_unlock (&handle->mlog->lock);
    }
    status = clfs_log_close (handle->log);
    if (!NT_SUCCESS (status))
        clfs_mount_say (LOG_ERR, "%s: %s", handle->mlog->name, clfs_error_message ());
    handle->log = NULL;
    handle->log_writable = false;
}

static void
handle_free (struct clfs_handle *handle)
{
    struct clfs_mlog *mlog = handle->mlog;

    if (handle->kind->close != NULL)
        handle->kind->close (handle);
    clfs_handle_close_log (handle);
    clfs_poll_forget (handle);
    if (mlog != NULL && S_ISREG (handle->kind->type)) {
        g_mutex_lock (&mlog->lock);
        g_queue_unlink (&mlog->handles, &handle->link);
        g_cond_broadcast (&mlog->changed);
        g_mutex_unlock (&mlog->lock);
    }
    clfs_mlog_unref (mlog);
    if (handle->text != NULL)
        g_string_free (handle->text, TRUE);
    g_free (handle->container);
    g_mutex_clear (&handle->lock);
    g_free (handle);
}

void
clfs_handle_unref (struct clfs_handle *handle)
{
    if (g_atomic_int_dec_and_test (&handle->refs))
        handle_free (handle);
}

static void
free_deferred (gpointer data, gpointer user_data)
{
    struct clfs_handle *handle = data;
    struct clfs_mlog *mlog = clfs_mlog_ref (handle->mlog);

    (void) user_data;
    handle_free (handle);
    clfs_mlog_leave (mlog);
    clfs_mlog_unref (mlog);
}

void
clfs_handle_unref_later (struct clfs_handle *handle)
{
    if (!g_atomic_int_dec_and_test (&handle->refs))
        return;
    clfs_mlog_hold (handle->mlog);
    clfs_mount_defer (free_deferred, handle);
}

void
clfs_handle_release (struct clfs_handle *handle)
{
    g_mutex_lock (&lock);
    g_hash_table_remove (handles, &handle->id);
    g_mutex_unlock (&lock);
    clfs_handle_unref (handle);
}

NTSTATUS
clfs_handle_log (struct clfs_handle *handle, bool write, clfs_log **out)
{
    clfs_log *log;
    NTSTATUS status;
    bool writable;

    if (handle->log != NULL && (handle->log_writable || !write)) {
        *out = handle->log;
        return STATUS_SUCCESS;
    }
    status = clfs_mlog_open (handle->mlog, write, &log, &writable);
    if (!NT_SUCCESS (status))
        return status;
    clfs_handle_close_log (handle);
    handle->log = log;
    handle->log_writable = writable;
    if (writable) {
        g_mutex_lock (&handle->mlog->lock);
        handle->mlog->open_logs++;
        g_mutex_unlock (&handle->mlog->lock);
    }
    *out = log;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_handle_cursor (struct clfs_handle *handle, clfs_cursor **out)
{
    clfs_log *log;
    NTSTATUS status;

    status = clfs_handle_log (handle, false, &log);
    if (NT_SUCCESS (status) && handle->cursor == NULL)
        status = clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &handle->cursor);
    if (NT_SUCCESS (status))
        *out = handle->cursor;
    return status;
}

GPtrArray *
clfs_handles_all (void)
{
    GPtrArray *all = g_ptr_array_new ();
    GHashTableIter iter;
    gpointer handle;

    g_mutex_lock (&lock);
    g_hash_table_iter_init (&iter, handles);
    while (g_hash_table_iter_next (&iter, NULL, &handle))
        g_ptr_array_add (all, clfs_handle_ref (handle));
    g_mutex_unlock (&lock);
    return all;
}

size_t
clfs_handles_count (void)
{
    size_t count;

    g_mutex_lock (&lock);
    count = g_hash_table_size (handles);
    g_mutex_unlock (&lock);
    return count;
}
