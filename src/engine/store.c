/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * store.c - a store and the engines of its logs: opening, sharing, letting go.
 */
#include "engine/engine.h"

#include <string.h>

#define LOCK_POLL_US 20000

bool
clfs_name_valid (const char *name)
{
    size_t bytes = strlen (name);
    const char *wrong = NULL;
    if (bytes == 0)
        wrong = "it is empty";
    else if (bytes > CLFS_NAME_BYTES_MAX)
        wrong = "it is longer than 200 bytes";
    else if (name[0] == '.')
        wrong = "it begins with a dot";
    else if (!g_utf8_validate (name, (gssize) bytes, NULL))
        wrong = "it is not valid UTF-8";
    else
        for (size_t i = 0; i < bytes && !wrong; i++)
            if (name[i] == '/' || (unsigned char) name[i] < 0x20 || name[i] == 0x7f)
                wrong = "it has a slash or a control character";
    if (wrong)
        (void) clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "not a name for a log: %s", wrong);
    return !wrong;
}

NTSTATUS
clfs_store_lock (clfs_store *store, const char *name, const char *what, clfs_lock **out)
{
    int64_t give_up = g_get_monotonic_time () + (int64_t) store->options.lock_wait_ms * 1000;
    for (;;) {
        int64_t pid = 0;
        NTSTATUS status = store->storage->ops->lock (store->storage, name, out, &pid);
        if (status == STATUS_SUCCESS)
            return status;
        if (status != STATUS_SHARING_VIOLATION)
            return clfs_message_fail (status, "%s: cannot lock %s: %s", what, name, clfs_message_status_words (status));
        if (g_get_monotonic_time () >= give_up)
            return clfs_message_fail (status, "%s in use by pid %" G_GINT64_FORMAT, what, pid);
        g_usleep (LOCK_POLL_US);
    }
}

NTSTATUS
clfs_store_open_on (clfs_storage *storage, const char *path, const clfs_store_options *options, clfs_store **out)
{
    static const clfs_store_options none;
    clfs_store *store = g_new0 (clfs_store, 1);
    store->storage = storage;
    store->path = g_strdup (path);
    store->options = options ? *options : none;
    g_mutex_init (&store->lock);
    g_cond_init (&store->opened);
    g_mutex_init (&store->timer_lock);
    g_cond_init (&store->timer_wake);
    store->engines = g_hash_table_new (g_str_hash, g_str_equal);
    store->readers = g_ptr_array_new ();
    if (store->options.flags & CLFS_STORE_MOUNT_LOCK) {
        g_autofree char *what = g_strdup_printf ("store %s", path);
        NTSTATUS status = clfs_store_lock (store, ".mount.lock", what, &store->mount_lock);
        if (status != STATUS_SUCCESS) {
            g_hash_table_destroy (store->engines);
            g_ptr_array_free (store->readers, TRUE);
            g_free (store->path);
            g_free (store);
            storage->ops->close (storage);
            return status;
        }
    }
    clfs_background_start (store);
    *out = store;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_store_open (const char *path, const clfs_store_options *options, clfs_store **out)
{
    unsigned flags = options ? options->flags : 0;
    unsigned storage_flags = (flags & CLFS_STORE_READ_ONLY ? CLFS_STORAGE_READ_ONLY : 0u) |
                             (flags & CLFS_STORE_CREATE ? CLFS_STORAGE_CREATE : 0u);
    clfs_storage *storage;
    NTSTATUS status = clfs_file_storage_open (path, storage_flags, &storage);
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "cannot open the store %s: %s", path, clfs_message_status_words (status));
    return clfs_store_open_on (storage, path, options, out);
}

NTSTATUS
clfs_store_retire_engine (clfs_store *store, clfs_engine *engine)
{
    engine->shutting_down = true;
    while (engine->users > 0)
        g_cond_wait (&store->opened, &store->lock);
    g_mutex_unlock (&store->lock);
    NTSTATUS status = clfs_engine_shutdown (engine);
    g_mutex_lock (&store->lock);
    if (engine->shared)
        g_hash_table_remove (store->engines, engine->name);
    else
        g_ptr_array_remove_fast (store->readers, engine);
    g_cond_broadcast (&store->opened);
    clfs_engine_free (engine);
    return status;
}

NTSTATUS
clfs_store_close (clfs_store *store)
{
    if (!store)
        return STATUS_SUCCESS;
    NTSTATUS first = STATUS_SUCCESS;
    g_autofree char *message = NULL;
    g_mutex_lock (&store->lock);
    for (;;) {
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init (&iter, store->engines);
        if (!g_hash_table_iter_next (&iter, NULL, &value))
            break;
        clfs_engine *engine = value;
        if (engine->shutting_down) {
            g_cond_wait (&store->opened, &store->lock);
            continue;
        }
        g_assert (engine->references == 0);
        NTSTATUS status = clfs_store_retire_engine (store, engine);
        if (status != STATUS_SUCCESS && first == STATUS_SUCCESS) {
            first = status;
            message = g_strdup (clfs_error_message ());
        }
    }
    g_mutex_unlock (&store->lock);
    clfs_background_stop (store);
    if (store->mount_lock)
        store->storage->ops->unlock (store->mount_lock);
    store->storage->ops->close (store->storage);
    g_hash_table_destroy (store->engines);
    g_ptr_array_free (store->readers, TRUE);
    g_mutex_clear (&store->lock);
    g_cond_clear (&store->opened);
    g_mutex_clear (&store->timer_lock);
    g_cond_clear (&store->timer_wake);
    g_free (store->path);
    g_free (store);
    return first == STATUS_SUCCESS ? first : clfs_message_fail (first, "%s", message);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

NTSTATUS
clfs_store_names (clfs_store *store, char ***names, size_t *count)
{
    g_autoptr (GPtrArray) files = NULL;
    NTSTATUS status = store->storage->ops->list (store->storage, &files);
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "cannot list the store %s: %s", store->path, clfs_message_status_words (status));
    GPtrArray *found = g_ptr_array_new ();
    for (guint i = 0; i < files->len; i++) {
        const char *file = g_ptr_array_index (files, i);
        if (!g_str_has_suffix (file, ".blf"))
            continue;
        char *name = g_strndup (file, strlen (file) - 4);
        if (clfs_name_valid (name))
            g_ptr_array_add (found, name);
        else
            g_free (name);
    }
    g_ptr_array_sort (found, compare_names);
    *count = found->len;
    g_ptr_array_add (found, NULL);
    *names = (char **) g_ptr_array_free (found, FALSE);
    return STATUS_SUCCESS;
}

void
clfs_names_free (char **names, size_t count)
{
    (void) count;
    g_strfreev (names);
}

NTSTATUS
clfs_store_get_space (clfs_store *store, clfs_store_space *out)
{
    clfs_space space;
    NTSTATUS status = store->storage->ops->space (store->storage, &space);
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "cannot tell the space of the store %s: %s", store->path, clfs_message_status_words (status));
    *out = (clfs_store_space) { space.total_bytes, space.free_bytes, space.available_bytes, space.files_total, space.files_free };
    return STATUS_SUCCESS;
}

/* ---- engines and handles ---- */

clfs_engine *
clfs_store_find_engine (clfs_store *store, const char *name)
{
    for (;;) {
        clfs_engine *engine = g_hash_table_lookup (store->engines, name);
        if (!engine || (!engine->opening && !engine->shutting_down))
            return engine;
        g_cond_wait (&store->opened, &store->lock);
    }
}

/* A public handle (store->lock). */
static clfs_log *
handle_new (clfs_engine *engine, unsigned flags)
{
    clfs_log *log = g_new0 (clfs_log, 1);
    log->engine = engine;
    log->flags = flags;
    engine->references++;
    engine->idle_since_ns = 0;
    g_mutex_lock (&engine->watch_lock);
    g_ptr_array_add (engine->handles, log);
    g_mutex_unlock (&engine->watch_lock);
    return log;
}

static NTSTATUS
open_reader (clfs_store *store, const char *name, unsigned flags, clfs_log **out)
{
    clfs_engine *engine = clfs_engine_new (store, name);
    NTSTATUS status = clfs_engine_open_reader (engine);
    if (status != STATUS_SUCCESS) {
        clfs_engine_free (engine);
        return status;
    }
    g_mutex_lock (&store->lock);
    g_ptr_array_add (store->readers, engine);
    *out = handle_new (engine, flags);
    g_mutex_unlock (&store->lock);
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_log_open (clfs_store *store, const char *name, unsigned flags, clfs_log **out)
{
    if (!clfs_name_valid (name))
        return STATUS_OBJECT_NAME_INVALID;
    g_mutex_lock (&store->lock);
    clfs_engine *engine = clfs_store_find_engine (store, name);
    if (engine) {
        *out = handle_new (engine, flags);
        g_mutex_unlock (&store->lock);
        return STATUS_SUCCESS;
    }
    if (!(flags & CLFS_LOG_WRITE) || (store->options.flags & CLFS_STORE_READ_ONLY)) {
        g_mutex_unlock (&store->lock);
        return open_reader (store, name, flags, out);
    }
    engine = clfs_engine_new (store, name);
    engine->opening = true;
    engine->shared = true;
    g_hash_table_insert (store->engines, engine->name, engine);
    g_mutex_unlock (&store->lock);

    NTSTATUS status = clfs_engine_open_writer (engine);

    g_mutex_lock (&store->lock);
    engine->opening = false;
    if (status == STATUS_SUCCESS) {
        *out = handle_new (engine, flags);
    } else {
        g_hash_table_remove (store->engines, engine->name);
        while (engine->users > 0)
            g_cond_wait (&store->opened, &store->lock);
    }
    g_cond_broadcast (&store->opened);
    g_mutex_unlock (&store->lock);
    if (status != STATUS_SUCCESS)
        clfs_engine_free (engine);
    return status;
}

NTSTATUS
clfs_log_close (clfs_log *log)
{
    if (!log)
        return STATUS_SUCCESS;
    clfs_engine *engine = log->engine;
    clfs_store *store = engine->store;
    clfs_log_watch (log, 0, NULL, NULL);
    NTSTATUS status = STATUS_SUCCESS;
    g_mutex_lock (&store->lock);
    g_mutex_lock (&engine->watch_lock);
    g_ptr_array_remove_fast (engine->handles, log);
    g_mutex_unlock (&engine->watch_lock);
    g_free (log);
    if (--engine->references == 0) {
        if (store->options.idle_close_ms > 0 && store->timer && engine->shared) {
            engine->idle_since_ns = store->storage->ops->now_ns (store->storage);
            clfs_background_arm (store, engine->idle_since_ns + (int64_t) store->options.idle_close_ms * 1000000);
        } else {
            status = clfs_store_retire_engine (store, engine);
        }
    }
    g_mutex_unlock (&store->lock);
    return status;
}
