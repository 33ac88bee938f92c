/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * registry.c - the directories and logs that are open through the Windows names: one store for each directory, by
 * device and inode, and one stream for each log, whatever names they were opened by.
 */
#include "api.h"

#include <string.h>

/* Protects both tables, all `users` and the stores. Held while a directory is opened or closed, which opens no log. */
static GMutex registry_lock;
static GPtrArray *stores;  /* clfs_api_store */
static GPtrArray *streams; /* clfs_stream */

static NTSTATUS
store_open (const char *directory, clfs_api_store *out)
{
    NTSTATUS status = clfs_store_open (directory, NULL, &out->store);

    if (status != STATUS_ACCESS_DENIED && status != STATUS_MEDIA_WRITE_PROTECTED)
        return status;
    out->read_only = status;
    clfs_store_options options = { .flags = CLFS_STORE_READ_ONLY };
    return clfs_store_open (directory, &options, &out->store);
}

static NTSTATUS
store_acquire (const char *directory, clfs_api_store **out)
{
    struct stat identity;
    NTSTATUS status = clfs_directory_identity (directory, &identity);

    if (!NT_SUCCESS (status))
        return status;
    if (stores == NULL)
        stores = g_ptr_array_new ();
    for (guint i = 0; i < stores->len; i++) {
        clfs_api_store *store = stores->pdata[i];
        if (store->identity.st_dev == identity.st_dev && store->identity.st_ino == identity.st_ino) {
            store->users++;
            *out = store;
            return STATUS_SUCCESS;
        }
    }
    clfs_api_store *store = g_new0 (clfs_api_store, 1);
    store->identity = identity;
    store->users = 1;
    status = store_open (directory, store);
    if (!NT_SUCCESS (status)) {
        g_free (store);
        return status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_OBJECT_PATH_NOT_FOUND : status;
    }
    g_ptr_array_add (stores, store);
    *out = store;
    return STATUS_SUCCESS;
}

static NTSTATUS
store_release (clfs_api_store *store)
{
    if (--store->users > 0)
        return STATUS_SUCCESS;
    g_ptr_array_remove_fast (stores, store);
    NTSTATUS status = clfs_store_close (store->store);
    g_free (store);
    return status;
}

NTSTATUS
clfs_stream_acquire (const clfs_log_path *path, clfs_stream **out)
{
    clfs_api_store *store = NULL;
    clfs_stream *stream = NULL;

    g_mutex_lock (&registry_lock);
    NTSTATUS status = store_acquire (path->directory, &store);
    if (!NT_SUCCESS (status))
        goto out;
    if (streams == NULL)
        streams = g_ptr_array_new ();
    for (guint i = 0; i < streams->len && stream == NULL; i++) {
        clfs_stream *candidate = streams->pdata[i];
        if (candidate->store == store && strcmp (candidate->name, path->name) == 0)
            stream = candidate;
    }
    if (stream != NULL) {
        stream->users++;
        /* The stream has its own use of the store, so this is not the last one. */
        (void) store_release (store);
    } else {
        stream = g_new0 (clfs_stream, 1);
        stream->store = store;
        stream->name = g_strdup (path->name);
        stream->users = 1;
        stream->files = g_ptr_array_new ();
        g_mutex_init (&stream->lock);
        g_ptr_array_add (streams, stream);
    }
    *out = stream;
out:
    g_mutex_unlock (&registry_lock);
    return status;
}

NTSTATUS
clfs_stream_release (clfs_stream *stream)
{
    NTSTATUS status = STATUS_SUCCESS;

    g_mutex_lock (&registry_lock);
    if (--stream->users == 0) {
        g_ptr_array_remove_fast (streams, stream);
        status = store_release (stream->store);
        g_assert (stream->files->len == 0 && stream->writing == NULL && stream->reading == NULL);
        g_ptr_array_unref (stream->files);
        g_mutex_clear (&stream->lock);
        g_free (stream->name);
        g_free (stream);
    }
    g_mutex_unlock (&registry_lock);
    return status;
}

NTSTATUS
clfs_stream_read_only (const clfs_stream *stream)
{
    return clfs_message_fail (stream->store->read_only, "log %s: its directory cannot be written", stream->name);
}

NTSTATUS
clfs_stream_open (clfs_stream *stream, bool write)
{
    clfs_log *log = NULL;

    if (write && stream->store->read_only != STATUS_SUCCESS)
        return clfs_stream_read_only (stream);
    if (stream->writing != NULL || (!write && stream->reading != NULL))
        return STATUS_SUCCESS;
    NTSTATUS status = clfs_log_open (stream->store->store, stream->name, write ? CLFS_LOG_WRITE : CLFS_LOG_READ, &log);
    if (NT_SUCCESS (status))
        g_atomic_pointer_set (write ? &stream->writing : &stream->reading, log);
    return status;
}

NTSTATUS
clfs_stream_close (clfs_stream *stream)
{
    NTSTATUS status = STATUS_SUCCESS, closed;

    g_assert (stream->files->len == 0);
    if (stream->reset_pending && !stream->delete_pending)
        status = clfs_log_reset (stream->writing);
    if (stream->reading != NULL) {
        closed = clfs_log_close (stream->reading);
        g_atomic_pointer_set (&stream->reading, NULL);
        if (NT_SUCCESS (status))
            status = closed;
    }
    if (stream->writing != NULL) {
        closed = clfs_log_close (stream->writing);
        g_atomic_pointer_set (&stream->writing, NULL);
        if (NT_SUCCESS (status))
            status = closed;
    }
    /* What is deleted need not have been flushed: only the deletion's own result counts. */
    if (stream->delete_pending)
        status = clfs_log_delete (stream->store->store, stream->name, 0);
    stream->delete_pending = stream->reset_pending = false;
    return status;
}

clfs_log *
clfs_stream_log (clfs_stream *stream)
{
    clfs_log *writing = g_atomic_pointer_get (&stream->writing);

    return writing != NULL ? writing : g_atomic_pointer_get (&stream->reading);
}
