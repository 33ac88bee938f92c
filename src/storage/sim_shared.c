/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_shared.c - locks and maps of the simulated disk.
 *
 * A lock file takes no part in power loss (its content means nothing without its lock): it is durable at once, so
 * that it adds nothing to what is chosen from. A map's memory is a memfd, mapped once for each `map`.
 */
#include "storage/sim_internal.h"
#include "storage/storage_name.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* st_dev of the simulated disk. */
#define SIM_DEVICE 1

static clfs_sim_disk *
lock_disk (clfs_storage *base)
{
    clfs_sim_disk *disk = ((sim_storage *) base)->disk;

    pthread_mutex_lock (&disk->mutex);
    return disk;
}

/* ---- locks ---------------------------------------------------------------------------------- */

static NTSTATUS
take_lock (sim_storage *storage, const char *name, clfs_lock **out, int64_t *owner_pid)
{
    clfs_sim_disk *disk = storage->disk;
    char text[32];
    NTSTATUS fault;
    NTSTATUS result = clfs_sim_begin (storage, CLFS_SIM_LOCK, name, NULL, true, &fault);

    if (!NT_SUCCESS (result))
        return result;
    if (!NT_SUCCESS (fault))
        return fault;
    if (storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if (g_hash_table_contains (disk->locks, name)) {
        *owner_pid = getpid ();
        return STATUS_SHARING_VIOLATION;
    }

    sim_inode *inode = clfs_sim_find (disk, name);
    if (inode == NULL)
        inode = clfs_sim_make (disk, name, true);
    g_snprintf (text, sizeof text, "%lld\n", (long long) getpid ());
    clfs_sim_inode_set (inode, (const uint8_t *) text, strlen (text));

    sim_lock *lock = g_new0 (sim_lock, 1);

    lock->base.storage = &storage->base;
    lock->name = g_strdup (name);
    lock->held = true;
    g_hash_table_insert (disk->locks, lock->name, lock);
    g_ptr_array_add (disk->lock_objects, lock);
    storage->handles++;
    *out = &lock->base;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_sim_lock (clfs_storage *base, const char *name, clfs_lock **out, int64_t *owner_pid)
{
    NTSTATUS result = clfs_storage_check_name (name);

    *out = NULL;
    *owner_pid = 0;
    if (!NT_SUCCESS (result))
        return result;

    clfs_sim_disk *disk = lock_disk (base);
    result = take_lock ((sim_storage *) base, name, out, owner_pid);
    clfs_sim_trace_line (disk, result, "lock %s", name);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

void
clfs_sim_unlock (clfs_lock *base)
{
    sim_lock *lock = (sim_lock *) base;
    clfs_sim_disk *disk = lock_disk (base->storage);

    if (lock->held) {
        sim_inode *inode = clfs_sim_find (disk, lock->name);

        if (inode != NULL)
            clfs_sim_inode_set (inode, NULL, 0);
        g_hash_table_remove (disk->locks, lock->name);
        clfs_sim_trace_line (disk, STATUS_SUCCESS, "unlock %s", lock->name);
    }
    g_ptr_array_remove_fast (disk->lock_objects, lock);
    clfs_sim_storage_unref ((sim_storage *) base->storage);
    g_free (lock->name);
    g_free (lock);
    pthread_mutex_unlock (&disk->mutex);
}

/* ---- maps ----------------------------------------------------------------------------------- */

static uint64_t
round_to_pages (uint64_t bytes)
{
    uint64_t page = (uint64_t) sysconf (_SC_PAGESIZE);

    return (bytes + page - 1) / page * page;
}

static NTSTATUS
map_inode (sim_storage *storage, sim_inode *inode, const char *name, uint64_t virtual_bytes, clfs_map **out)
{
    uint64_t bytes;

    if (inode->map_fd < 0 && !clfs_sim_inode_make_map (inode))
        return STATUS_INSUFFICIENT_RESOURCES;
    bytes = clfs_sim_inode_bytes (inode);
    virtual_bytes = round_to_pages (MAX (virtual_bytes, bytes));
    void *address = mmap (NULL, (size_t) virtual_bytes, PROT_READ | (storage->read_only ? 0 : PROT_WRITE), MAP_SHARED,
                          inode->map_fd, 0);
    if (address == MAP_FAILED)
        return STATUS_INSUFFICIENT_RESOURCES;

    sim_map *map = g_new0 (sim_map, 1);

    map->base.storage = &storage->base;
    map->inode = inode;
    map->name = g_strdup (name);
    map->address = address;
    map->virtual_bytes = (size_t) virtual_bytes;
    map->allocated_bytes = bytes;
    clfs_sim_inode_hold (inode);
    storage->handles++;
    g_ptr_array_add (storage->disk->maps, map);
    *out = &map->base;
    return STATUS_SUCCESS;
}

static NTSTATUS
open_map (sim_storage *storage, const char *name, bool create, uint64_t virtual_bytes, clfs_map **out)
{
    clfs_sim_disk *disk = storage->disk;
    NTSTATUS fault;
    NTSTATUS result = clfs_sim_begin (storage, CLFS_SIM_MAP, name, NULL, create, &fault);

    if (!NT_SUCCESS (result))
        return result;
    if (!NT_SUCCESS (fault))
        return fault;
    if (create && storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;

    sim_inode *inode = clfs_sim_find (disk, name);
    if (create && inode != NULL)
        return STATUS_OBJECT_NAME_COLLISION;
    if (!create && inode == NULL)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (create)
        inode = clfs_sim_make (disk, name, false);
    return map_inode (storage, inode, name, virtual_bytes, out);
}

NTSTATUS
clfs_sim_map (clfs_storage *base, const char *name, unsigned flags, uint64_t virtual_bytes, clfs_map **out)
{
    NTSTATUS result = clfs_storage_check_name (name);

    *out = NULL;
    if (!NT_SUCCESS (result))
        return result;
    if (virtual_bytes == 0 || virtual_bytes > INT64_MAX / 2)
        return STATUS_INVALID_PARAMETER;

    clfs_sim_disk *disk = lock_disk (base);
    result = open_map ((sim_storage *) base, name, (flags & CLFS_MAP_CREATE) != 0, virtual_bytes, out);
    clfs_sim_trace_line (disk, result, "%s %s", (flags & CLFS_MAP_CREATE) != 0 ? "create map" : "map", name);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

void
clfs_sim_map_stat (clfs_map *base, clfs_map_stat *out)
{
    sim_map *map = (sim_map *) base;
    clfs_sim_disk *disk = lock_disk (base->storage);

    out->base = map->address;
    out->allocated_bytes = map->allocated_bytes;
    out->device = SIM_DEVICE;
    out->inode = map->inode->number;
    pthread_mutex_unlock (&disk->mutex);
}

static NTSTATUS
grow_locked (sim_map *map, uint64_t bytes)
{
    sim_storage *storage = (sim_storage *) map->base.storage;
    NTSTATUS fault;
    NTSTATUS result = clfs_sim_begin (storage, CLFS_SIM_GROW, map->name, NULL, true, &fault);

    if (!NT_SUCCESS (result))
        return result;
    if (!NT_SUCCESS (fault))
        return fault;
    if (storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;
    bytes = round_to_pages (bytes);
    if (bytes <= map->allocated_bytes)
        return STATUS_SUCCESS;
    if (!clfs_sim_has_room (storage->disk, map->allocated_bytes, bytes) ||
        ftruncate (map->inode->map_fd, (off_t) bytes) != 0)
        return STATUS_DISK_FULL;
    map->allocated_bytes = bytes;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_sim_map_grow (clfs_map *base, uint64_t bytes)
{
    sim_map *map = (sim_map *) base;

    if (bytes > map->virtual_bytes)
        return STATUS_INVALID_PARAMETER;

    clfs_sim_disk *disk = lock_disk (base->storage);
    NTSTATUS result = grow_locked (map, bytes);
    clfs_sim_trace_line (disk, result, "grow map %s %" G_GUINT64_FORMAT, map->name, bytes);
    pthread_mutex_unlock (&disk->mutex);
    return result;
}

void
clfs_sim_map_shrink (clfs_map *base, uint64_t bytes)
{
    sim_map *map = (sim_map *) base;
    sim_storage *storage = (sim_storage *) base->storage;
    clfs_sim_disk *disk = lock_disk (base->storage);

    bytes = round_to_pages (MIN (bytes, map->virtual_bytes));
    if (!storage->dead && !disk->stopped && !storage->read_only && bytes < map->allocated_bytes &&
        ftruncate (map->inode->map_fd, (off_t) bytes) == 0) {
        map->allocated_bytes = bytes;
        clfs_sim_trace_line (disk, STATUS_SUCCESS, "shrink map %s %" G_GUINT64_FORMAT, map->name, bytes);
    }
    pthread_mutex_unlock (&disk->mutex);
}

void
clfs_sim_map_detach (sim_map *map)
{
    if (map->detached)
        return;

    /* The copy takes the place of the shared memory in one step, as its threads may be at work in it; and it is read
     * from the file, as a read of that memory would race with them. */
    uint64_t done = 0;
    ssize_t got;
    void *copy = mmap (NULL, map->virtual_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0);
    if (copy == MAP_FAILED)
        g_error ("no memory to detach a simulated map");
    while (done < map->virtual_bytes &&
           (got = pread (map->inode->map_fd, (uint8_t *) copy + done, map->virtual_bytes - done, (off_t) done)) > 0)
        done += (uint64_t) got;
    if (mremap (copy, map->virtual_bytes, map->virtual_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, map->address) ==
        MAP_FAILED)
        g_error ("no memory to detach a simulated map");
    map->detached = true;
}

void
clfs_sim_map_free (sim_map *map)
{
    munmap (map->address, map->virtual_bytes);
    g_free (map->name);
    g_free (map);
}

void
clfs_sim_unmap (clfs_map *base)
{
    sim_map *map = (sim_map *) base;
    sim_storage *storage = (sim_storage *) base->storage;
    clfs_sim_disk *disk = lock_disk (base->storage);

    clfs_sim_inode_release (disk, map->inode);
    g_ptr_array_remove_fast (disk->maps, map);
    clfs_sim_storage_unref (storage);
    clfs_sim_map_free (map);
    pthread_mutex_unlock (&disk->mutex);
}
