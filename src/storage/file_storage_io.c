/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file_storage_io.c - the files of a directory storage: read, write, barrier, filling with zeros. */
#include "storage/file_storage_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* Zeros are written in pieces of this size: large enough that the calls cost nothing, small enough for the cache. */
#define ZERO_CHUNK_BYTES (1024u * 1024)
/* One call's bytes: the kernel writes at most 2 GiB less a page, and a vector may not add up to more than SSIZE_MAX. */
#define WRITE_CALL_BYTES_MAX (1024u * 1024 * 1024)
/* One call's pieces; IOV_MAX is 1,024, and a quarter of that keeps the copy small on the stack. */
#define WRITE_CALL_PIECES_MAX 256

G_STATIC_ASSERT (WRITE_CALL_PIECES_MAX <= IOV_MAX);

typedef struct plain_file {
    clfs_file base;
    int fd;
    bool writable;
} plain_file;

/* Btrfs copies on write unless the file was marked while it was empty. Elsewhere the flag means other things or
 * nothing, so it is set only there. It is a hint: a failure costs speed, not safety. */
static void
ask_no_cow (int fd)
{
    struct statfs status;
    int flags;

    if (fstatfs (fd, &status) != 0 || status.f_type != BTRFS_SUPER_MAGIC)
        return;
    if (ioctl (fd, FS_IOC_GETFLAGS, &flags) != 0)
        return;
    flags |= FS_NOCOW_FL;
    (void) ioctl (fd, FS_IOC_SETFLAGS, &flags);
}

NTSTATUS
clfs_file_storage_open_file (clfs_storage *base, const char *name, unsigned flags, clfs_file **out)
{
    clfs_file_storage *storage = (clfs_file_storage *) base;
    bool writable = (flags & (CLFS_FILE_WRITE | CLFS_FILE_CREATE)) != 0;
    int open_flags = writable ? O_RDWR : O_RDONLY;
    int fd;

    *out = NULL;
    if (writable && storage->read_only)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if ((flags & CLFS_FILE_CREATE) != 0)
        open_flags |= O_CREAT | O_EXCL;

    NTSTATUS result = clfs_file_storage_openat (storage, name, open_flags, &fd);
    if (!NT_SUCCESS (result))
        return result;
    if ((flags & CLFS_FILE_CREATE) != 0 && (flags & CLFS_FILE_NO_COW) != 0)
        ask_no_cow (fd);

    plain_file *file = g_new0 (plain_file, 1);

    file->base.storage = base;
    file->fd = fd;
    file->writable = writable;
    *out = &file->base;
    return STATUS_SUCCESS;
}

void
clfs_file_storage_close_file (clfs_file *base)
{
    plain_file *file = (plain_file *) base;

    close (file->fd);
    g_free (file);
}

NTSTATUS
clfs_file_storage_stat (clfs_file *base, clfs_file_stat *out)
{
    plain_file *file = (plain_file *) base;
    struct stat status;

    if (fstat (file->fd, &status) != 0)
        return clfs_file_storage_status (errno);
    out->bytes = (uint64_t) status.st_size;
    out->allocated_bytes = (uint64_t) status.st_blocks * 512;
    out->modified_ns = (int64_t) status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    out->uid = status.st_uid;
    out->gid = status.st_gid;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_file_storage_read (clfs_file *base, uint64_t offset, void *buffer, size_t bytes, size_t *got)
{
    plain_file *file = (plain_file *) base;

    *got = 0;
    if (offset > INT64_MAX || bytes > INT64_MAX - offset)
        return STATUS_INVALID_PARAMETER;
    while (*got < bytes) {
        ssize_t piece = CLFS_RETRY_EINTR (
            pread (file->fd, (uint8_t *) buffer + *got, bytes - *got, (off_t) (offset + *got)));

        if (piece < 0)
            return clfs_file_storage_status (errno);
        if (piece == 0)
            break;
        *got += (size_t) piece;
    }
    return STATUS_SUCCESS;
}

/* The next call's part of `vector`, from byte `skip` of its first piece on; returns how many pieces it has. */
static int
next_call (const struct iovec *vector, size_t count, size_t skip, struct iovec call[WRITE_CALL_PIECES_MAX])
{
    size_t room = WRITE_CALL_BYTES_MAX;
    int pieces = 0;

    for (size_t i = 0; i < count && pieces < WRITE_CALL_PIECES_MAX && room > 0; i++) {
        size_t left = vector[i].iov_len - skip;

        if (left > 0) {
            call[pieces].iov_base = (uint8_t *) vector[i].iov_base + skip;
            call[pieces].iov_len = MIN (left, room);
            room -= call[pieces].iov_len;
            pieces++;
        }
        skip = 0;
    }
    return pieces;
}

NTSTATUS
clfs_file_storage_write (clfs_file *base, uint64_t offset, const struct iovec *vector, size_t count)
{
    plain_file *file = (plain_file *) base;
    struct iovec call[WRITE_CALL_PIECES_MAX];
    size_t skip = 0;

    if (!file->writable)
        return STATUS_ACCESS_DENIED;
    for (;;) {
        while (count > 0 && skip >= vector->iov_len) {
            skip -= vector->iov_len;
            vector++;
            count--;
        }
        if (count == 0)
            return STATUS_SUCCESS;
        if (offset > INT64_MAX)
            return STATUS_INVALID_PARAMETER;

        int pieces = next_call (vector, count, skip, call);
        ssize_t written = CLFS_RETRY_EINTR (pwritev (file->fd, call, pieces, (off_t) offset));
        if (written < 0)
            return clfs_file_storage_status (errno);
        if (written == 0)
            return STATUS_IO_DEVICE_ERROR;
        offset += (uint64_t) written;
        skip += (size_t) written;
    }
}

NTSTATUS
clfs_file_storage_barrier (clfs_file *base)
{
    plain_file *file = (plain_file *) base;

    if (CLFS_RETRY_EINTR (fdatasync (file->fd)) != 0)
        return clfs_file_storage_status (errno);
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_file_storage_write_zeros (int fd, uint64_t from, uint64_t to)
{
    g_autofree uint8_t *zeros = g_malloc0 (ZERO_CHUNK_BYTES);

    while (from < to) {
        size_t bytes = (size_t) MIN (to - from, ZERO_CHUNK_BYTES);
        ssize_t written = CLFS_RETRY_EINTR (pwrite (fd, zeros, bytes, (off_t) from));

        if (written < 0)
            return clfs_file_storage_status (errno);
        if (written == 0)
            return STATUS_IO_DEVICE_ERROR;
        from += (uint64_t) written;
    }
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_file_storage_fill_zero (clfs_file *base, uint64_t bytes)
{
    plain_file *file = (plain_file *) base;
    struct stat status;
    NTSTATUS result = STATUS_SUCCESS;

    if (!file->writable)
        return STATUS_ACCESS_DENIED;
    if (bytes > INT64_MAX)
        return STATUS_INVALID_PARAMETER;
    if (fstat (file->fd, &status) != 0)
        return clfs_file_storage_status (errno);

    /* Reserve first: a full disk then shows before anything was written, and the space comes in few extents. */
    if (bytes > 0 && CLFS_RETRY_EINTR (fallocate (file->fd, 0, 0, (off_t) bytes)) != 0) {
        if (errno != EOPNOTSUPP && errno != ENOSYS)
            result = clfs_file_storage_status (errno);
    }
    if (NT_SUCCESS (result))
        result = clfs_file_storage_write_zeros (file->fd, 0, bytes);
    if (NT_SUCCESS (result) && (uint64_t) status.st_size > bytes &&
        CLFS_RETRY_EINTR (ftruncate (file->fd, (off_t) bytes)) != 0)
        result = clfs_file_storage_status (errno);
    if (!NT_SUCCESS (result) && (uint64_t) status.st_size < bytes) {
        /* Give back what was reserved; if that fails too, the first error is the one to tell. */
        if (CLFS_RETRY_EINTR (ftruncate (file->fd, status.st_size)) != 0)
            g_debug ("ftruncate after a failed fill: %s", g_strerror (errno));
    }
    return result;
}
