/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim_storage.c - one process's view of the simulated disk: files, names, surroundings. */
#include "storage/sim_internal.h"
#include "storage/storage_name.h"

#include <string.h>
#include <unistd.h>

/* What a disk without a limit says it has. */
#define UNLIMITED_BYTES (UINT64_C (1) << 40)
#define FILES_MAX 1000000u
/* Each look at the clock moves it, so that times differ and are the same in each run. */
#define CLOCK_STEP_NS 1000

static sim_storage *
of_base (clfs_storage *base)
{
    return (sim_storage *) base;
}

static clfs_sim_disk *
lock_disk (clfs_storage *base)
{
    clfs_sim_disk *disk = of_base (base)->disk;

    pthread_mutex_lock (&disk->mutex);
    return disk;
}

/* ---- the process ---------------------------------------------------------------------------- */

void
clfs_sim_storage_died (sim_storage *storage)
{
    clfs_sim_disk *disk = storage->disk;
    GHashTableIter iterator;
    gpointer data;

    if (storage->dead)
        return;
    storage->dead = true;
    g_hash_table_iter_init (&iterator, disk->locks);
    while (g_hash_table_iter_next (&iterator, NULL, &data)) {
        sim_lock *lock = data;

        if (lock->base.storage == &storage->base) {
            lock->held = false;
            g_hash_table_iter_remove (&iterator);
        }
    }
    for (guint i = 0; i < disk->maps->len; i++) {
        sim_map *map = g_ptr_array_index (disk->maps, i);

        if (map->base.storage == &storage->base)
            clfs_sim_map_detach (map);
    }
}

static void
free_if_closed (sim_storage *storage)
{
    if (!storage->closed || storage->handles > 0)
        return;
    g_ptr_array_remove_fast (storage->disk->storages, storage);
    g_free (storage);
}

void
clfs_sim_storage_unref (sim_storage *storage)
{
    g_assert (storage->handles > 0);
    storage->handles--;
    free_if_closed (storage);
}

static void
close_storage (clfs_storage *base)
{
    sim_storage *storage = of_base (base);
    clfs_sim_disk *disk = lock_disk (base);

    clfs_sim_storage_died (storage);
    storage->closed = true;
    free_if_closed (storage);
    pthread_mutex_unlock (&disk->mutex);
}

/* ---- files ---------------------------------------------------------------------------------- */

static NTSTATUS
open_locked (sim_storage *storage, const char *name, unsigned flags, clfs_file **out)
{
    clfs_sim_disk *disk = storage->disk;
    bool create = (flags & CLFS_FILE_CREATE) != 0, writable = create || (flags & CLFS_FILE_WRITE) != 0;
    NTSTATUS fault;
    NTSTATUS result = clfs_sim_begin (storage, CLFS_SIM_OPEN, name, NULL, create, &fault);

    if (!NT_SUCCESS (result))
        return result;
    if (!NT_SUCCESS (fault))
        return fault;
    if (writable && storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;

    sim_inode *inode = clfs_sim_find (disk, name);
    if (create && inode != NULL)
        return STATUS_OBJECT_NAME_COLLISION;
    if (!create && inode == NULL)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (create)
        inode = clfs_sim_make (disk, name, false);

    sim_file *file = g_new0 (sim_file, 1);

    file->base.storage = &storage->base;
    file->inode = inode;
    file->name = g_strdup (name);
    file->writable = writable;
    clfs_sim_inode_hold (inode);
    storage->handles++;
    g_ptr_array_add (disk->files, file);
    *out = &file->base;
    return STATUS_SUCCESS;
}

static NTSTATUS
open_file (clfs_storage *base, const char *name, unsigned flags, clfs_file **out)
{
    NTSTATUS result = clfs_storage_check_name (name);

    *out = NULL;
    if (!NT_SUCCESS (result))
        return result;

    clfs_sim_disk *disk = lock_disk (base);
    result = open_locked (of_base (base), name, flags, out);
    clfs_sim_trace_line (disk, result, "%s %s", (flags & CLFS_FILE_CREATE) != 0 ? "create" : "open", name);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

static void
close_file (clfs_file *base)
{
    sim_file *file = (sim_file *) base;
    sim_storage *storage = of_base (base->storage);
    clfs_sim_disk *disk = lock_disk (base->storage);

    clfs_sim_inode_release (disk, file->inode);
    g_ptr_array_remove_fast (disk->files, file);
    clfs_sim_storage_unref (storage);
    g_free (file->name);
    g_free (file);
    pthread_mutex_unlock (&disk->mutex);
}

static NTSTATUS
stat_file (clfs_file *base, clfs_file_stat *out)
{
    sim_file *file = (sim_file *) base;
    clfs_sim_disk *disk = lock_disk (base->storage);
    NTSTATUS result = STATUS_SUCCESS;

    if (of_base (base->storage)->dead || disk->stopped) {
        result = STATUS_IO_DEVICE_ERROR;
    } else {
        out->bytes = clfs_sim_inode_bytes (file->inode);
        out->allocated_bytes = clfs_sim_inode_allocated (out->bytes);
        out->modified_ns = file->inode->modified_ns;
        out->uid = geteuid ();
        out->gid = getegid ();
    }
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

static NTSTATUS
read_file (clfs_file *base, uint64_t offset, void *buffer, size_t bytes, size_t *got)
{
    sim_file *file = (sim_file *) base;
    NTSTATUS fault;

    *got = 0;
    if (offset > INT64_MAX || bytes > INT64_MAX - offset)
        return STATUS_INVALID_PARAMETER;

    clfs_sim_disk *disk = lock_disk (base->storage);
    NTSTATUS result = clfs_sim_begin (of_base (base->storage), CLFS_SIM_READ, file->name, NULL, false, &fault);
    if (NT_SUCCESS (result))
        result = fault;
    if (NT_SUCCESS (result))
        *got = clfs_sim_inode_read (file->inode, offset, buffer, bytes);
    clfs_sim_trace_line (disk, result, "read %s %" G_GUINT64_FORMAT "+%zu, got %zu", file->name, offset, bytes, *got);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

/* The whole sectors of a write of `bytes` at `offset` that a failing one gets done: none to all but the last. */
static size_t
part_of_write (clfs_sim_disk *disk, uint64_t offset, size_t bytes)
{
    uint64_t sectors = (offset + bytes - 1) / SIM_SECTOR_BYTES - offset / SIM_SECTOR_BYTES;
    uint64_t done = clfs_sim_random (&disk->fault_random) % (sectors + 1);

    return done == 0 ? 0 : (size_t) ((offset / SIM_SECTOR_BYTES + done) * SIM_SECTOR_BYTES - offset);
}

static NTSTATUS
write_locked (sim_file *file, uint64_t offset, const uint8_t *content, size_t bytes)
{
    sim_storage *storage = of_base (file->base.storage);
    clfs_sim_disk *disk = storage->disk;
    uint64_t now = clfs_sim_inode_bytes (file->inode);
    NTSTATUS fault;
    NTSTATUS result = clfs_sim_begin (storage, CLFS_SIM_WRITE, file->name, NULL, true, &fault);

    if (!NT_SUCCESS (result))
        return result;
    if (bytes == 0)
        return fault;
    if (NT_SUCCESS (fault) && !clfs_sim_has_room (disk, now, MAX (now, offset + bytes)))
        fault = STATUS_DISK_FULL;
    if (!NT_SUCCESS (fault))
        bytes = part_of_write (disk, offset, bytes);
    /* What a failing write gets done must have room as well. */
    if (NT_SUCCESS (fault) || clfs_sim_has_room (disk, now, MAX (now, offset + bytes)))
        clfs_sim_inode_write (file->inode, offset, content, bytes);
    file->inode->modified_ns = disk->clock_ns;
    return fault;
}

static NTSTATUS
write_file (clfs_file *base, uint64_t offset, const struct iovec *vector, size_t count)
{
    sim_file *file = (sim_file *) base;
    size_t bytes = 0, at = 0;

    if (!file->writable)
        return STATUS_ACCESS_DENIED;
    for (size_t i = 0; i < count; i++)
        bytes += vector[i].iov_len;
    if (offset > INT64_MAX || bytes > INT64_MAX - offset)
        return STATUS_INVALID_PARAMETER;

    g_autofree uint8_t *content = g_malloc (bytes + 1);
    for (size_t i = 0; i < count; i++) {
        if (vector[i].iov_len > 0)
            memcpy (content + at, vector[i].iov_base, vector[i].iov_len);
        at += vector[i].iov_len;
    }

    clfs_sim_disk *disk = lock_disk (base->storage);
    NTSTATUS result = write_locked (file, offset, content, bytes);
    clfs_sim_trace_line (disk, result, "write %s %" G_GUINT64_FORMAT "+%zu", file->name, offset, bytes);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

static NTSTATUS
barrier (clfs_file *base)
{
    sim_file *file = (sim_file *) base;
    NTSTATUS fault;
    clfs_sim_disk *disk = lock_disk (base->storage);
    NTSTATUS result = clfs_sim_begin (of_base (base->storage), CLFS_SIM_BARRIER, file->name, NULL, true, &fault);

    if (NT_SUCCESS (result)) {
        result = fault;
        if (NT_SUCCESS (fault))
            clfs_sim_inode_barrier (file->inode);
        else
            clfs_sim_inode_barrier_failed (file->inode);
    }
    clfs_sim_trace_line (disk, result, "barrier %s", file->name);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

static NTSTATUS
fill_locked (sim_file *file, uint64_t bytes)
{
    sim_storage *storage = of_base (file->base.storage);
    clfs_sim_disk *disk = storage->disk;
    NTSTATUS fault;
    NTSTATUS result = clfs_sim_begin (storage, CLFS_SIM_FILL, file->name, NULL, true, &fault);

    if (!NT_SUCCESS (result))
        return result;
    if (file->inode->map_fd >= 0)
        return STATUS_INVALID_PARAMETER;
    if (!clfs_sim_has_room (disk, file->inode->bytes, bytes))
        return STATUS_DISK_FULL;
    /* A failing fill leaves the file as it was, or longer. */
    if (!NT_SUCCESS (fault) &&
        (bytes <= file->inode->bytes || clfs_sim_random (&disk->fault_random) >> 63 != 0))
        return fault;
    clfs_sim_inode_fill_zero (file->inode, bytes);
    file->inode->modified_ns = disk->clock_ns;
    return fault;
}

static NTSTATUS
fill_zero (clfs_file *base, uint64_t bytes)
{
    sim_file *file = (sim_file *) base;

    if (!file->writable)
        return STATUS_ACCESS_DENIED;
    if (bytes > INT64_MAX)
        return STATUS_INVALID_PARAMETER;

    clfs_sim_disk *disk = lock_disk (base->storage);
    NTSTATUS result = fill_locked (file, bytes);
    clfs_sim_trace_line (disk, result, "fill %s %" G_GUINT64_FORMAT, file->name, bytes);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

/* ---- names ---------------------------------------------------------------------------------- */

static NTSTATUS
remove_locked (sim_storage *storage, const char *name)
{
    NTSTATUS fault;
    NTSTATUS result = clfs_sim_begin (storage, CLFS_SIM_REMOVE, name, NULL, true, &fault);

    if (!NT_SUCCESS (result))
        return result;
    if (!NT_SUCCESS (fault))
        return fault;
    if (storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if (clfs_sim_find (storage->disk, name) == NULL)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    clfs_sim_name_removed (storage->disk, name);
    return STATUS_SUCCESS;
}

static NTSTATUS
remove_name (clfs_storage *base, const char *name)
{
    NTSTATUS result = clfs_storage_check_name (name);

    if (!NT_SUCCESS (result))
        return result;

    clfs_sim_disk *disk = lock_disk (base);
    result = remove_locked (of_base (base), name);
    clfs_sim_trace_line (disk, result, "remove %s", name);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

static NTSTATUS
rename_locked (sim_storage *storage, const char *from, const char *to, bool replace)
{
    NTSTATUS fault;
    NTSTATUS result = clfs_sim_begin (storage, CLFS_SIM_RENAME, from, to, true, &fault);

    if (!NT_SUCCESS (result))
        return result;
    if (!NT_SUCCESS (fault))
        return fault;
    if (storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if (clfs_sim_find (storage->disk, from) == NULL)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (!replace && clfs_sim_find (storage->disk, to) != NULL)
        return STATUS_OBJECT_NAME_COLLISION;
    clfs_sim_name_renamed (storage->disk, from, to);
    return STATUS_SUCCESS;
}

static NTSTATUS
rename_name (clfs_storage *base, const char *from, const char *to, bool replace)
{
    NTSTATUS result = clfs_storage_check_name (from);

    if (NT_SUCCESS (result))
        result = clfs_storage_check_name (to);
    if (!NT_SUCCESS (result))
        return result;

    clfs_sim_disk *disk = lock_disk (base);
    result = rename_locked (of_base (base), from, to, replace);
    clfs_sim_trace_line (disk, result, "rename %s %s", from, to);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

static NTSTATUS
sync_names (clfs_storage *base)
{
    NTSTATUS fault;
    clfs_sim_disk *disk = lock_disk (base);
    NTSTATUS result = clfs_sim_begin (of_base (base), CLFS_SIM_SYNC_NAMES, NULL, NULL, true, &fault);

    if (NT_SUCCESS (result))
        result = fault;
    if (NT_SUCCESS (result))
        clfs_sim_names_synced (disk);
    clfs_sim_trace_line (disk, result, "sync names");
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

static gint
compare_names (gconstpointer one, gconstpointer other)
{
    return strcmp (*(char *const *) one, *(char *const *) other);
}

static NTSTATUS
list_names (clfs_storage *base, GPtrArray **names)
{
    clfs_sim_disk *disk = lock_disk (base);
    NTSTATUS result = STATUS_SUCCESS;
    GHashTableIter iterator;
    gpointer name;

    *names = NULL;
    if (of_base (base)->dead || disk->stopped) {
        result = STATUS_IO_DEVICE_ERROR;
    } else {
        *names = g_ptr_array_new_with_free_func (g_free);
        g_hash_table_iter_init (&iterator, disk->names);
        while (g_hash_table_iter_next (&iterator, &name, NULL))
            g_ptr_array_add (*names, g_strdup (name));
        /* Sorted, so that one seed stays one run. */
        g_ptr_array_sort (*names, compare_names);
    }
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

static NTSTATUS
get_space (clfs_storage *base, clfs_space *out)
{
    clfs_sim_disk *disk = lock_disk (base);
    NTSTATUS result = STATUS_SUCCESS;

    if (of_base (base)->dead || disk->stopped) {
        result = STATUS_IO_DEVICE_ERROR;
    } else {
        uint64_t used = clfs_sim_used_bytes (disk);

        out->total_bytes = disk->capacity_bytes != 0 ? disk->capacity_bytes : UNLIMITED_BYTES;
        out->free_bytes = out->total_bytes > used ? out->total_bytes - used : 0;
        out->available_bytes = out->free_bytes;
        out->files_total = FILES_MAX;
        out->files_free = FILES_MAX - MIN (FILES_MAX, disk->inodes->len);
    }
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

/* ---- surroundings --------------------------------------------------------------------------- */

static int64_t
now_ns (clfs_storage *base)
{
    clfs_sim_disk *disk = lock_disk (base);
    int64_t now = disk->clock_ns += CLOCK_STEP_NS;

    pthread_mutex_unlock (&disk->mutex);
    return now;
}

static void
get_boot_id (clfs_storage *base, uint8_t id[16])
{
    clfs_sim_disk *disk = lock_disk (base);
    uint64_t state = disk->seed + disk->boots;
    uint64_t words[2] = { clfs_sim_random (&state), disk->boots };

    memcpy (id, words, sizeof words);
    pthread_mutex_unlock (&disk->mutex);
}

static void
get_random (clfs_storage *base, void *buffer, size_t bytes)
{
    clfs_sim_disk *disk = lock_disk (base);
    uint8_t *at = buffer;

    while (bytes > 0) {
        uint64_t word = clfs_sim_random (&disk->environment_random);
        size_t piece = MIN (bytes, sizeof word);

        memcpy (at, &word, piece);
        at += piece;
        bytes -= piece;
    }
    pthread_mutex_unlock (&disk->mutex);
}

static const clfs_storage_ops sim_storage_ops = {
    .close = close_storage,
    .open = open_file,
    .close_file = close_file,
    .stat = stat_file,
    .read = read_file,
    .write = write_file,
    .barrier = barrier,
    .fill_zero = fill_zero,
    .remove = remove_name,
    .rename = rename_name,
    .sync_names = sync_names,
    .list = list_names,
    .space = get_space,
    .lock = clfs_sim_lock,
    .unlock = clfs_sim_unlock,
    .map = clfs_sim_map,
    .map_stat = clfs_sim_map_stat,
    .map_grow = clfs_sim_map_grow,
    .map_shrink = clfs_sim_map_shrink,
    .unmap = clfs_sim_unmap,
    .now_ns = now_ns,
    .boot_id = get_boot_id,
    .random = get_random,
};

NTSTATUS
clfs_sim_storage_open (clfs_sim_disk *disk, unsigned flags, clfs_storage **out)
{
    sim_storage *storage;
    NTSTATUS result = STATUS_SUCCESS;

    *out = NULL;
    pthread_mutex_lock (&disk->mutex);
    if (disk->stopped) {
        result = STATUS_IO_DEVICE_ERROR;
    } else {
        storage = g_new0 (sim_storage, 1);
        storage->base.ops = &sim_storage_ops;
        storage->disk = disk;
        storage->read_only = (flags & CLFS_STORAGE_READ_ONLY) != 0;
        g_ptr_array_add (disk->storages, storage);
        *out = &storage->base;
    }
    pthread_mutex_unlock (&disk->mutex);
    return result;
}
