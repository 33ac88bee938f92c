/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file_storage.c - a store as a directory of files: the directory itself, its names and its surroundings. */
#include "storage/file_storage_internal.h"
#include "storage/storage_name.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static clfs_file_storage *
of_base (clfs_storage *base)
{
    return (clfs_file_storage *) base;
}

NTSTATUS
clfs_file_storage_status (int error)
{
    switch (error) {
    case 0:
        return STATUS_SUCCESS;
    case ENOENT:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    case EEXIST:
        return STATUS_OBJECT_NAME_COLLISION;
    case ENOTDIR:
        return STATUS_OBJECT_PATH_NOT_FOUND;
    case ENAMETOOLONG:
        return STATUS_OBJECT_NAME_INVALID;
    case EACCES:
    case EPERM:
    case ELOOP: /* O_NOFOLLOW met a symbolic link */
    case EISDIR:
    case ETXTBSY:
        return STATUS_ACCESS_DENIED;
    case ENOSPC:
        return STATUS_DISK_FULL;
    case EDQUOT:
        return STATUS_DISK_QUOTA_EXCEEDED;
    case EROFS:
        return STATUS_MEDIA_WRITE_PROTECTED;
    case EMFILE:
    case ENFILE:
        return STATUS_TOO_MANY_OPENED_FILES;
    case ENOMEM:
    case ENOBUFS:
        return STATUS_INSUFFICIENT_RESOURCES;
    default:
        return STATUS_IO_DEVICE_ERROR;
    }
}

NTSTATUS
clfs_file_storage_openat (clfs_file_storage *storage, const char *name, int flags, int *fd)
{
    struct stat status;
    NTSTATUS result;

    *fd = -1;
    result = clfs_storage_check_name (name);
    if (!NT_SUCCESS (result))
        return result;

    int opened = CLFS_RETRY_EINTR (
        openat (storage->directory_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600));
    if (opened < 0)
        return clfs_file_storage_status (errno);
    if (fstat (opened, &status) != 0)
        result = clfs_file_storage_status (errno);
    else if (!S_ISREG (status.st_mode))
        result = STATUS_ACCESS_DENIED;
    if (!NT_SUCCESS (result)) {
        close (opened);
        return result;
    }
    *fd = opened;
    return STATUS_SUCCESS;
}

static NTSTATUS
remove_name (clfs_storage *base, const char *name)
{
    clfs_file_storage *storage = of_base (base);
    NTSTATUS result = clfs_storage_check_name (name);

    if (!NT_SUCCESS (result))
        return result;
    if (storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if (CLFS_RETRY_EINTR (unlinkat (storage->directory_fd, name, 0)) != 0)
        return clfs_file_storage_status (errno);
    return STATUS_SUCCESS;
}

/* For file systems without RENAME_NOREPLACE. `to` appears at once and whole; a crash in between leaves both names
 * on the one file, never neither. */
static NTSTATUS
rename_by_link (clfs_file_storage *storage, const char *from, const char *to)
{
    int fd = storage->directory_fd;

    if (CLFS_RETRY_EINTR (linkat (fd, from, fd, to, 0)) != 0)
        return clfs_file_storage_status (errno);
    if (CLFS_RETRY_EINTR (unlinkat (fd, from, 0)) != 0) {
        int error = errno;

        (void) CLFS_RETRY_EINTR (unlinkat (fd, to, 0));
        return clfs_file_storage_status (error);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS
rename_name (clfs_storage *base, const char *from, const char *to, bool replace)
{
    clfs_file_storage *storage = of_base (base);
    int fd = storage->directory_fd;
    NTSTATUS result = clfs_storage_check_name (from);

    if (NT_SUCCESS (result))
        result = clfs_storage_check_name (to);
    if (!NT_SUCCESS (result))
        return result;
    if (storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if (CLFS_RETRY_EINTR (renameat2 (fd, from, fd, to, replace ? 0 : RENAME_NOREPLACE)) == 0)
        return STATUS_SUCCESS;
    if (!replace && (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
        return rename_by_link (storage, from, to);
    return clfs_file_storage_status (errno);
}

static NTSTATUS
sync_names (clfs_storage *base)
{
    if (CLFS_RETRY_EINTR (fsync (of_base (base)->directory_fd)) != 0)
        return clfs_file_storage_status (errno);
    return STATUS_SUCCESS;
}

static NTSTATUS
list_names (clfs_storage *base, GPtrArray **names)
{
    g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
    DIR *directory = NULL;
    struct dirent *entry;
    int error;

    *names = NULL;
    /* A description of its own: a duplicate would share its position with another thread's listing. */
    int fd = CLFS_RETRY_EINTR (openat (of_base (base)->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0)
        return clfs_file_storage_status (errno);
    directory = fdopendir (fd);
    if (directory == NULL) {
        error = errno;
        close (fd);
        return clfs_file_storage_status (error);
    }
    while (errno = 0, (entry = readdir (directory)) != NULL) {
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
            g_ptr_array_add (found, g_strdup (entry->d_name));
    }
    error = errno;
    closedir (directory);
    if (error != 0)
        return clfs_file_storage_status (error);
    *names = g_steal_pointer (&found);
    return STATUS_SUCCESS;
}

static NTSTATUS
get_space (clfs_storage *base, clfs_space *out)
{
    struct statvfs status;

    if (CLFS_RETRY_EINTR (fstatvfs (of_base (base)->directory_fd, &status)) != 0)
        return clfs_file_storage_status (errno);
    out->total_bytes = (uint64_t) status.f_blocks * status.f_frsize;
    out->free_bytes = (uint64_t) status.f_bfree * status.f_frsize;
    out->available_bytes = (uint64_t) status.f_bavail * status.f_frsize;
    out->files_total = status.f_files;
    out->files_free = status.f_ffree;
    return STATUS_SUCCESS;
}

static int64_t
now_ns (clfs_storage *base G_GNUC_UNUSED)
{
    struct timespec now;

    clock_gettime (CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
get_random (clfs_storage *base G_GNUC_UNUSED, void *buffer, size_t bytes)
{
    uint8_t *at = buffer;

    while (bytes > 0) {
        ssize_t got = CLFS_RETRY_EINTR (getrandom (at, bytes, 0));

        if (got < 0)
            g_error ("getrandom: %s", g_strerror (errno));
        at += got;
        bytes -= (size_t) got;
    }
}

static void
get_boot_id (clfs_storage *base, uint8_t id[16])
{
    memcpy (id, of_base (base)->boot_id, 16);
}

static void
close_storage (clfs_storage *base)
{
    close (of_base (base)->directory_fd);
    g_free (base);
}

static const clfs_storage_ops file_storage_ops = {
    .close = close_storage,
    .open = clfs_file_storage_open_file,
    .close_file = clfs_file_storage_close_file,
    .stat = clfs_file_storage_stat,
    .read = clfs_file_storage_read,
    .write = clfs_file_storage_write,
    .barrier = clfs_file_storage_barrier,
    .fill_zero = clfs_file_storage_fill_zero,
    .remove = remove_name,
    .rename = rename_name,
    .sync_names = sync_names,
    .list = list_names,
    .space = get_space,
    .lock = clfs_file_storage_lock,
    .unlock = clfs_file_storage_unlock,
    .map = clfs_file_storage_map,
    .map_stat = clfs_file_storage_map_stat,
    .map_grow = clfs_file_storage_map_grow,
    .map_shrink = clfs_file_storage_map_shrink,
    .unmap = clfs_file_storage_unmap,
    .now_ns = now_ns,
    .boot_id = get_boot_id,
    .random = get_random,
};

/* Where the kernel's id cannot be read a random one stands in: shared memory of another process is then never taken
 * for this boot's, which is the safe side. */
static void
read_boot_id (clfs_file_storage *storage)
{
    char text[64] = "";
    size_t digits = 0;
    int fd = CLFS_RETRY_EINTR (open ("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));

    if (fd >= 0) {
        if (CLFS_RETRY_EINTR (read (fd, text, sizeof text - 1)) < 0)
            text[0] = '\0';
        close (fd);
    }
    for (const char *at = text; *at != '\0' && digits < 32; at++) {
        int value = g_ascii_xdigit_value (*at);

        if (value < 0)
            continue;
        storage->boot_id[digits / 2] = (uint8_t) (storage->boot_id[digits / 2] << 4 | value);
        digits++;
    }
    if (digits < 32)
        get_random (&storage->base, storage->boot_id, sizeof storage->boot_id);
}

/* Makes the directory's own name durable. */
static NTSTATUS
sync_parent (int directory_fd)
{
    int parent = CLFS_RETRY_EINTR (openat (directory_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int failed;
    NTSTATUS result = STATUS_SUCCESS;

    if (parent >= 0) {
        failed = CLFS_RETRY_EINTR (fsync (parent));
    } else if (errno == EACCES) {
        /* A parent that may be written but not read: the whole file system is what remains. */
        failed = CLFS_RETRY_EINTR (syncfs (directory_fd));
    } else {
        failed = -1;
    }
    if (failed != 0)
        result = clfs_file_storage_status (errno);
    if (parent >= 0)
        close (parent);
    return result;
}

NTSTATUS
clfs_file_storage_open (const char *path, unsigned flags, clfs_storage **out)
{
    const int open_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    NTSTATUS result = STATUS_SUCCESS;
    bool made = false;

    *out = NULL;
    int fd = CLFS_RETRY_EINTR (open (path, open_flags));
    if (fd < 0 && errno == ENOENT && (flags & CLFS_STORAGE_CREATE) != 0) {
        if ((flags & CLFS_STORAGE_READ_ONLY) != 0)
            return STATUS_MEDIA_WRITE_PROTECTED;
        if (mkdir (path, 0700) == 0)
            made = true;
        else if (errno != EEXIST)
            return clfs_file_storage_status (errno);
        fd = CLFS_RETRY_EINTR (open (path, open_flags));
    }
    if (fd < 0)
        return clfs_file_storage_status (errno);

    /* A directory that was there may have been made by a process that died before it could sync it, so it is synced
     * too; but where that cannot be done (a parent on a read-only file system) it needs none. */
    if ((flags & CLFS_STORAGE_CREATE) != 0 && (flags & CLFS_STORAGE_READ_ONLY) == 0) {
        result = sync_parent (fd);
        if (!made)
            result = STATUS_SUCCESS;
    }
    if (!NT_SUCCESS (result)) {
        close (fd);
        return result;
    }

    clfs_file_storage *storage = g_new0 (clfs_file_storage, 1);

    storage->base.ops = &file_storage_ops;
    storage->directory_fd = fd;
    storage->read_only = (flags & CLFS_STORAGE_READ_ONLY) != 0;
    read_boot_id (storage);
    *out = &storage->base;
    return STATUS_SUCCESS;
}
