/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file_storage_shared.c - what processes share through a directory storage: lock files and mapped memory. */
#include "storage/file_storage_internal.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A lock's owner writes its pid just after it got the lock. Whoever loses in between reads none, or that of a dead
 * former owner, and looks again this often, this long apart. */
#define OWNER_LOOKS 10
#define OWNER_LOOK_PAUSE_US 1000

typedef struct file_lock {
    clfs_lock base;
    int fd;
} file_lock;

typedef struct file_map {
    clfs_map base;
    int fd;
    bool writable;
    uint8_t *address;
    size_t virtual_bytes;
    uint64_t device, inode;
    pthread_mutex_t mutex; /* serializes changes of the file's size; guards allocated_bytes */
    uint64_t allocated_bytes;
} file_map;

/* The pid in the lock file; 0 if there is none. */
static int64_t
read_owner (int fd)
{
    char text[32];
    char *end;
    ssize_t got = CLFS_RETRY_EINTR (pread (fd, text, sizeof text - 1, 0));

    if (got <= 0)
        return 0;
    text[got] = '\0';
    int64_t pid = g_ascii_strtoll (text, &end, 10);
    return end != text && *end == '\n' && pid > 0 ? pid : 0;
}

static NTSTATUS
write_owner (int fd)
{
    char text[32];
    int length = g_snprintf (text, sizeof text, "%lld\n", (long long) getpid ());

    /* Written before the rest of a longer former text is cut: a reader at any moment finds a whole first line. */
    ssize_t written = CLFS_RETRY_EINTR (pwrite (fd, text, (size_t) length, 0));
    if (written < 0)
        return clfs_file_storage_status (errno);
    if (written != length)
        return STATUS_IO_DEVICE_ERROR;
    if (CLFS_RETRY_EINTR (ftruncate (fd, length)) != 0)
        return clfs_file_storage_status (errno);
    return STATUS_SUCCESS;
}

/* Whether `fd` is still the file at `name`: a lock on a file that somebody removed or replaced excludes nobody. */
static NTSTATUS
look_whether_current (clfs_file_storage *storage, const char *name, int fd, bool *current)
{
    struct stat ours, named;

    *current = false;
    if (fstat (fd, &ours) != 0)
        return clfs_file_storage_status (errno);
    if (CLFS_RETRY_EINTR (fstatat (storage->directory_fd, name, &named, AT_SYMLINK_NOFOLLOW)) != 0)
        return errno == ENOENT ? STATUS_SUCCESS : clfs_file_storage_status (errno);
    *current = ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_file_storage_lock (clfs_storage *base, const char *name, clfs_lock **out, int64_t *owner_pid)
{
    clfs_file_storage *storage = (clfs_file_storage *) base;
    unsigned looks = 0;
    int fd;
    NTSTATUS result;

    *out = NULL;
    *owner_pid = 0;
    if (storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;
    for (;;) {
        result = clfs_file_storage_openat (storage, name, O_RDWR | O_CREAT, &fd);
        if (!NT_SUCCESS (result))
            return result;
        if (CLFS_RETRY_EINTR (flock (fd, LOCK_EX | LOCK_NB)) == 0) {
            bool current;

            result = look_whether_current (storage, name, fd, &current);
            if (!NT_SUCCESS (result)) {
                close (fd);
                return result;
            }
            if (current)
                break;
        } else if (errno == EWOULDBLOCK) {
            *owner_pid = read_owner (fd);
            bool alive = *owner_pid > 0 && (kill ((pid_t) *owner_pid, 0) == 0 || errno != ESRCH);
            if (alive || ++looks == OWNER_LOOKS) {
                close (fd);
                return STATUS_SHARING_VIOLATION;
            }
            g_usleep (OWNER_LOOK_PAUSE_US);
        } else {
            result = clfs_file_storage_status (errno);
            close (fd);
            return result;
        }
        close (fd);
    }

    *owner_pid = 0;
    result = write_owner (fd);
    if (!NT_SUCCESS (result)) {
        close (fd);
        return result;
    }

    file_lock *lock = g_new0 (file_lock, 1);

    lock->base.storage = base;
    lock->fd = fd;
    *out = &lock->base;
    return STATUS_SUCCESS;
}

void
clfs_file_storage_unlock (clfs_lock *base)
{
    file_lock *lock = (file_lock *) base;

    /* The text goes while the lock is still held, so that the next owner's text is never cut. */
    if (CLFS_RETRY_EINTR (ftruncate (lock->fd, 0)) != 0)
        g_debug ("ftruncate of a lock file: %s", g_strerror (errno));
    /* Not by close alone: a child process may hold a copy of the descriptor. */
    (void) CLFS_RETRY_EINTR (flock (lock->fd, LOCK_UN));
    close (lock->fd);
    g_free (lock);
}

static uint64_t
round_to_pages (uint64_t bytes)
{
    uint64_t page = (uint64_t) sysconf (_SC_PAGESIZE);

    return (bytes + page - 1) / page * page;
}

/* Backs [from, to) with space on the file system and makes the file at least `to` long. */
static NTSTATUS
allocate (int fd, uint64_t from, uint64_t to, bool may_write)
{
    if (to <= from)
        return STATUS_SUCCESS;
    if (CLFS_RETRY_EINTR (fallocate (fd, 0, (off_t) from, (off_t) (to - from))) == 0)
        return STATUS_SUCCESS;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return clfs_file_storage_status (errno);
    return may_write ? clfs_file_storage_write_zeros (fd, from, to) : STATUS_SUCCESS;
}

/* Whether a file that was there may be taken for shared memory: one that somebody else can change under us may not. */
static bool
may_map (const struct stat *status)
{
    return S_ISREG (status->st_mode) && status->st_uid == geteuid () && (status->st_mode & 077) == 0;
}

NTSTATUS
clfs_file_storage_map (clfs_storage *base, const char *name, unsigned flags, uint64_t virtual_bytes, clfs_map **out)
{
    clfs_file_storage *storage = (clfs_file_storage *) base;
    bool create = (flags & CLFS_MAP_CREATE) != 0;
    bool writable = !storage->read_only;
    void *address = MAP_FAILED;
    struct stat status;
    int fd = -1;
    NTSTATUS result;

    *out = NULL;
    if (virtual_bytes == 0 || virtual_bytes > INT64_MAX / 2)
        return STATUS_INVALID_PARAMETER;
    if (create && storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;
    result = clfs_file_storage_openat (storage, name,
                                       (writable ? O_RDWR : O_RDONLY) | (create ? O_CREAT | O_EXCL : 0), &fd);
    if (!NT_SUCCESS (result))
        return result;
    if (fstat (fd, &status) != 0) {
        result = clfs_file_storage_status (errno);
        goto out;
    }
    if (!may_map (&status)) {
        result = STATUS_ACCESS_DENIED;
        goto out;
    }
    /* A larger area than asked for, left by a process with other limits, is shown whole. */
    virtual_bytes = round_to_pages (MAX (virtual_bytes, (uint64_t) status.st_size));
    /* A copy may have become sparse; a store to a hole on a full disk would be a SIGBUS. */
    if (writable) {
        result = allocate (fd, 0, (uint64_t) status.st_size, false);
        if (!NT_SUCCESS (result))
            goto out;
    }
    address = mmap (NULL, (size_t) virtual_bytes, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) {
        result = clfs_file_storage_status (errno);
        goto out;
    }

    file_map *map = g_new0 (file_map, 1);

    pthread_mutex_init (&map->mutex, NULL);
    map->base.storage = base;
    map->fd = fd;
    map->writable = writable;
    map->address = address;
    map->virtual_bytes = (size_t) virtual_bytes;
    map->device = status.st_dev;
    map->inode = status.st_ino;
    map->allocated_bytes = (uint64_t) status.st_size;
    *out = &map->base;
    return STATUS_SUCCESS;

out:
    /* An area that could not be mapped is of no use to anybody. */
    if (create)
        (void) unlinkat (storage->directory_fd, name, 0);
    close (fd);
    return result;
}

void
clfs_file_storage_map_stat (clfs_map *base, clfs_map_stat *out)
{
    file_map *map = (file_map *) base;

    pthread_mutex_lock (&map->mutex);
    out->base = map->address;
    out->allocated_bytes = map->allocated_bytes;
    out->device = map->device;
    out->inode = map->inode;
    pthread_mutex_unlock (&map->mutex);
}

NTSTATUS
clfs_file_storage_map_grow (clfs_map *base, uint64_t bytes)
{
    file_map *map = (file_map *) base;
    NTSTATUS result = STATUS_SUCCESS;

    if (bytes > map->virtual_bytes)
        return STATUS_INVALID_PARAMETER;
    if (!map->writable)
        return STATUS_MEDIA_WRITE_PROTECTED;
    bytes = round_to_pages (bytes);
    pthread_mutex_lock (&map->mutex);
    if (bytes > map->allocated_bytes) {
        result = allocate (map->fd, map->allocated_bytes, bytes, true);
        if (NT_SUCCESS (result))
            map->allocated_bytes = bytes;
        else if (CLFS_RETRY_EINTR (ftruncate (map->fd, (off_t) map->allocated_bytes)) != 0)
            g_debug ("ftruncate after a failed growth: %s", g_strerror (errno));
    }
    pthread_mutex_unlock (&map->mutex);
    return result;
}

void
clfs_file_storage_map_shrink (clfs_map *base, uint64_t bytes)
{
    file_map *map = (file_map *) base;

    if (!map->writable || bytes > map->virtual_bytes)
        return;
    bytes = round_to_pages (bytes);
    pthread_mutex_lock (&map->mutex);
    if (bytes < map->allocated_bytes && CLFS_RETRY_EINTR (ftruncate (map->fd, (off_t) bytes)) == 0)
        map->allocated_bytes = bytes;
    pthread_mutex_unlock (&map->mutex);
}

void
clfs_file_storage_unmap (clfs_map *base)
{
    file_map *map = (file_map *) base;

    munmap (map->address, map->virtual_bytes);
    close (map->fd);
    pthread_mutex_destroy (&map->mutex);
    g_free (map);
}
