/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file_storage_internal.h - what the parts of the directory storage share: file_storage.c (the directory and
 * its names), file_storage_io.c (files), file_storage_shared.c (locks and shared maps).
 */
#ifndef CLFS_STORAGE_FILE_STORAGE_INTERNAL_H
#define CLFS_STORAGE_FILE_STORAGE_INTERNAL_H

#include "storage/storage.h"

#include <errno.h>

/* Repeats a call that returns -1 and EINTR. */
#define CLFS_RETRY_EINTR(call)                                                                                         \
    __extension__ ({                                                                                                   \
        __typeof__ (call) result_;                                                                                     \
        do                                                                                                             \
            result_ = (call);                                                                                          \
        while (result_ == -1 && errno == EINTR);                                                                       \
        result_;                                                                                                       \
    })

typedef struct clfs_file_storage {
    clfs_storage base;
    int directory_fd;
    bool read_only;
    uint8_t boot_id[16];
} clfs_file_storage;

/* The one place where an errno becomes a status. */
NTSTATUS clfs_file_storage_status (int error) G_GNUC_WARN_UNUSED_RESULT;

/* Opens `name` below the directory, never through a symbolic link, never waiting for a FIFO's other end; what is
 * there must be a plain file (else STATUS_ACCESS_DENIED). *fd is the caller's to close; -1 on failure. */
NTSTATUS clfs_file_storage_openat (clfs_file_storage *storage, const char *name, int flags, int *fd)
    G_GNUC_WARN_UNUSED_RESULT;

/* Writes zeros to bytes [from, to). */
NTSTATUS clfs_file_storage_write_zeros (int fd, uint64_t from, uint64_t to) G_GNUC_WARN_UNUSED_RESULT;

/* The operations, with the contracts of clfs_storage_ops. */
NTSTATUS clfs_file_storage_open_file (clfs_storage *base, const char *name, unsigned flags, clfs_file **out);
void clfs_file_storage_close_file (clfs_file *base);
NTSTATUS clfs_file_storage_stat (clfs_file *base, clfs_file_stat *out);
NTSTATUS clfs_file_storage_read (clfs_file *base, uint64_t offset, void *buffer, size_t bytes, size_t *got);
NTSTATUS clfs_file_storage_write (clfs_file *base, uint64_t offset, const struct iovec *vector, size_t count);
NTSTATUS clfs_file_storage_barrier (clfs_file *base);
NTSTATUS clfs_file_storage_fill_zero (clfs_file *base, uint64_t bytes);

NTSTATUS clfs_file_storage_lock (clfs_storage *base, const char *name, clfs_lock **out, int64_t *owner_pid);
void clfs_file_storage_unlock (clfs_lock *base);

NTSTATUS clfs_file_storage_map (clfs_storage *base, const char *name, unsigned flags, uint64_t virtual_bytes,
                                clfs_map **out);
void clfs_file_storage_map_stat (clfs_map *base, clfs_map_stat *out);
NTSTATUS clfs_file_storage_map_grow (clfs_map *base, uint64_t bytes);
void clfs_file_storage_map_shrink (clfs_map *base, uint64_t bytes);
void clfs_file_storage_unmap (clfs_map *base);

#endif
