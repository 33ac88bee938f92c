/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container.c - a log's container files: which there are, which are needed, opening, making and removing them.
 */
#include "engine/engine.h"

#include <string.h>

void
clfs_container_free (clfs_container *container)
{
    if (container->file)
        container->file->storage->ops->close_file (container->file);
    g_free (container->name);
    g_free (container);
}

clfs_container *
clfs_container_find (const clfs_engine *engine, uint32_t logical_id)
{
    /* Newest use first would need an order; there are at most 1,023, and the search is once a block. */
    for (guint i = 0; i < engine->containers->len; i++) {
        clfs_container *container = g_ptr_array_index (engine->containers, i);
        if (container->logical_id == logical_id && logical_id != CLFS_NO_CONTAINER)
            return container;
    }
    return NULL;
}

clfs_container *
clfs_container_ref (clfs_container *container)
{
    container->references++;
    return container;
}

void
clfs_container_unref (clfs_engine *engine, clfs_container *container)
{
    if (--container->references == 0) {
        clfs_container_free (container);
        return;
    }
    /* Files that nobody uses now are closed again, or a log of 1,023 containers would hold as many descriptors. */
    uint32_t current = clfs_lsn_container (engine->open ? engine->open->address : engine->end);
    bool near = engine->writer && (container->logical_id == current || container->logical_id == current + 1);
    if (container->references == 1 && container->file && !near) {
        container->file->storage->ops->close_file (container->file);
        container->file = NULL;
    }
}

NTSTATUS
clfs_container_file (clfs_engine *engine, clfs_container *container, clfs_file **out)
{
    g_mutex_lock (&engine->lock);
    clfs_file *file = container->file;
    g_mutex_unlock (&engine->lock);
    if (!file) {
        clfs_storage *storage = engine->store->storage;
        NTSTATUS status = storage->ops->open (storage, container->name, engine->writer ? CLFS_FILE_WRITE : 0, &file);
        if (status != STATUS_SUCCESS)
            return clfs_message_fail (STATUS_LOG_CONTAINER_OPEN_FAILED, "log %s: cannot open its container %s: %s", engine->name,
                                      container->name, clfs_message_status_words (status));
        g_mutex_lock (&engine->lock);
        clfs_file *mine = file;
        if (container->file)
            file = container->file;
        else
            container->file = file;
        g_mutex_unlock (&engine->lock);
        if (mine != file)
            storage->ops->close_file (mine);
    }
    *out = file;
    return STATUS_SUCCESS;
}

/* The runtime container with that file name, taken out of `from`. */
static clfs_container *
take_by_name (GPtrArray *from, const char *name)
{
    for (guint i = 0; i < from->len; i++) {
        clfs_container *container = g_ptr_array_index (from, i);
        if (container && strcmp (container->name, name) == 0) {
            from->pdata[i] = NULL;
            return container;
        }
    }
    return NULL;
}

void
clfs_container_load (clfs_engine *engine)
{
    GPtrArray *old = engine->containers;
    GPtrArray *now = g_ptr_array_sized_new (engine->blf->containers->len);
    for (guint i = 0; i < engine->blf->containers->len; i++) {
        const clfs_blf_container *stored = g_ptr_array_index (engine->blf->containers, i);
        /* Mostly nothing has changed place. */
        clfs_container *container = NULL;
        if (i < old->len && old->pdata[i] && strcmp (((clfs_container *) old->pdata[i])->name, stored->name) == 0) {
            container = old->pdata[i];
            old->pdata[i] = NULL;
        } else {
            container = take_by_name (old, stored->name);
        }
        if (!container) {
            container = g_new0 (clfs_container, 1);
            container->references = 1;
            container->name = g_strdup (stored->name);
            container->logical_id = CLFS_NO_CONTAINER;
        }
        if (container->logical_id != stored->logical_id) {
            container->logical_id = stored->logical_id;
            container->first_offset_known = clfs_lsn_make (stored->logical_id, 0, 0) < engine->blf->scan_start;
            container->first_offset = stored->first_offset;
        }
        container->physical_id = stored->physical_id;
        container->size_bytes = stored->size_bytes;
        container->doomed = stored->state == 8;
        g_ptr_array_add (now, container);
    }
    for (guint i = 0; i < old->len; i++)
        if (old->pdata[i])
            clfs_container_unref (engine, old->pdata[i]);
    g_ptr_array_free (old, TRUE);
    engine->containers = now;
}

bool
clfs_container_active (const clfs_engine *engine, const clfs_container *container)
{
    if (container->logical_id == CLFS_NO_CONTAINER)
        return false;
    /* By what both durable copies say, never by marks that are only in memory. */
    uint32_t needed = MIN (clfs_lsn_container (engine->blf->base), clfs_lsn_container (engine->blf->scan_start));
    return container->logical_id >= needed;
}

char *
clfs_container_new_name (const clfs_engine *engine, const clfs_blf *blf)
{
    char id[17];
    clfs_meta_id_hex (engine->blf->guid, id);
    for (unsigned number = 1; number <= 9999; number++) {
        char *name = g_strdup_printf ("%s.%04u", id, number);
        bool taken = false;
        for (guint i = 0; i < blf->containers->len && !taken; i++)
            taken = strcmp (((clfs_blf_container *) g_ptr_array_index (blf->containers, i))->name, name) == 0;
        if (!taken) {
            /* A file of that name that the metadata does not know is a left-over, or a copy's: never touched. */
            clfs_file *file;
            clfs_storage *storage = engine->store->storage;
            NTSTATUS status = storage->ops->open (storage, name, 0, &file);
            if (status == STATUS_OBJECT_NAME_NOT_FOUND)
                return name;
            if (status == STATUS_SUCCESS)
                storage->ops->close_file (file);
        }
        g_free (name);
    }
    return NULL;
}

void
clfs_container_remove_file (clfs_engine *engine, const char *name)
{
    clfs_storage *storage = engine->store->storage;
    /* A removal that is not durable would leave a file that no log knows after a power loss. If it fails there is nothing to undo. */
    if (storage->ops->remove (storage, name) == STATUS_SUCCESS)
        (void) !storage->ops->sync_names (storage);
}

NTSTATUS
clfs_container_create_file (clfs_engine *engine, const char *name, uint64_t bytes)
{
    clfs_storage *storage = engine->store->storage;
    clfs_file *file;
    NTSTATUS status = storage->ops->open (storage, name, CLFS_FILE_WRITE | CLFS_FILE_CREATE | CLFS_FILE_NO_COW, &file);
    if (status == STATUS_SUCCESS) {
        status = storage->ops->fill_zero (file, bytes);
        if (status == STATUS_SUCCESS)
            status = storage->ops->barrier (file);
        storage->ops->close_file (file);
        if (status == STATUS_SUCCESS)
            status = storage->ops->sync_names (storage);
        if (status != STATUS_SUCCESS)
            clfs_container_remove_file (engine, name);
    }
    if (status != STATUS_SUCCESS)
        clfs_message_fail (status, "log %s: cannot make container %s: %s", engine->name, name, clfs_message_status_words (status));
    return status;
}

NTSTATUS
clfs_container_sweep (clfs_engine *engine)
{
    g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (clfs_blf) next = clfs_meta_begin (engine);
    g_mutex_lock (&engine->lock);
    for (guint i = 0; i < engine->containers->len; i++) {
        const clfs_container *container = g_ptr_array_index (engine->containers, i);
        if (container->doomed && !clfs_container_active (engine, container))
            g_ptr_array_add (names, g_strdup (container->name));
    }
    g_mutex_unlock (&engine->lock);
    if (names->len == 0)
        return STATUS_SUCCESS;

    for (guint n = 0; n < names->len; n++)
        for (guint i = 0; i < next->containers->len; i++)
            if (strcmp (((clfs_blf_container *) g_ptr_array_index (next->containers, i))->name, names->pdata[n]) == 0) {
                g_ptr_array_remove_index (next->containers, i);
                break;
            }
    /* Ids stay dense: readers of the format walk them from 0. */
    for (guint i = 0; i < next->containers->len; i++)
        ((clfs_blf_container *) g_ptr_array_index (next->containers, i))->physical_id = i;
    /* First out of the metadata, then off the store: the other way round a crash would leave a log without its container. */
    NTSTATUS status = clfs_meta_write (engine, g_steal_pointer (&next));
    if (status != STATUS_SUCCESS)
        return status;
    clfs_storage *storage = engine->store->storage;
    for (guint n = 0; n < names->len; n++)
        storage->ops->remove (storage, names->pdata[n]);
    return storage->ops->sync_names (storage);
}
