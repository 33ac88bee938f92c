/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * storage.h - where a store's bytes live: a flat set of named files with exact durability rules.
 *
 * Nothing above this interface knows a file descriptor or a path, nothing in it knows of logs. There
 * are two implementations: a directory (file_storage.c) and a simulated disk for the tests
 * (sim_storage.c). A third one (a distributed object store) must stay possible: files are written in whole
 * blocks at exact offsets and are never mapped, only areas are.
 *
 * Durability: bytes written are durable when a barrier on that file, begun after the write returned, has
 * returned success. A file's creation, removal or rename is durable after sync_names. A failed barrier promises
 * nothing about any byte written since the last successful one, and a later success does not either.
 *
 * Names are single path components. Statuses: STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_NAME_COLLISION,
 * STATUS_ACCESS_DENIED, STATUS_DISK_FULL (ENOSPC), STATUS_DISK_QUOTA_EXCEEDED (EDQUOT), STATUS_MEDIA_WRITE_PROTECTED
 * (EROFS), STATUS_TOO_MANY_OPENED_FILES, STATUS_INSUFFICIENT_RESOURCES (ENOMEM), STATUS_SHARING_VIOLATION (a lock), else
 * STATUS_IO_DEVICE_ERROR. Interrupted calls are repeated inside.
 *
 * Threads: every call may be made from any thread at any time; a file may be read and written at
 * several places at once.
 */
#ifndef CLFS_STORAGE_STORAGE_H
#define CLFS_STORAGE_STORAGE_H

#include <clfs/ntstatus.h>

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

typedef struct clfs_storage clfs_storage;
typedef struct clfs_file clfs_file;
typedef struct clfs_lock clfs_lock;
typedef struct clfs_map clfs_map;

enum {
    CLFS_FILE_WRITE = 1,  /* else only to read */
    CLFS_FILE_CREATE = 2, /* make it, mode 0600; STATUS_OBJECT_NAME_COLLISION if it is there */
    CLFS_FILE_NO_COW = 4, /* with CREATE: ask the file system to overwrite in place (btrfs); a hint */
};

typedef struct clfs_file_stat {
    uint64_t bytes, allocated_bytes;
    int64_t modified_ns;
    uint32_t uid, gid;
} clfs_file_stat;

typedef struct clfs_space {
    uint64_t total_bytes, free_bytes, available_bytes, files_total, files_free;
} clfs_space;

/* A shared memory file: lives until removed or until the machine restarts, whoever dies. */
typedef struct clfs_map_stat {
    uint8_t *base;            /* `virtual_bytes` of address space; only the first allocated_bytes may be touched */
    uint64_t allocated_bytes; /* backed by the store: touching them cannot fail for want of space */
    uint64_t device, inode;   /* of this very file; a copy has others */
} clfs_map_stat;

enum {
    CLFS_MAP_CREATE = 1, /* make it (mode 0600, O_EXCL); else it must be there, be a plain file, be owned by the
                            caller's effective user and have no access for others: STATUS_ACCESS_DENIED */
};

typedef struct clfs_storage_ops {
    void (*close) (clfs_storage *storage);

    /* Files. `open` with neither bit of CREATE nor WRITE reads. */
    NTSTATUS (*open) (clfs_storage *storage, const char *name, unsigned flags, clfs_file **out);
    void (*close_file) (clfs_file *file);
    NTSTATUS (*stat) (clfs_file *file, clfs_file_stat *out);
    /* *got < bytes only at the end of the file. */
    NTSTATUS (*read) (clfs_file *file, uint64_t offset, void *buffer, size_t bytes, size_t *got);
    /* Writes all of the vector at `offset`, or fails (then any part may have been written). `count` is not limited. */
    NTSTATUS (*write) (clfs_file *file, uint64_t offset, const struct iovec *vector, size_t count);
    /* Returns when all writes that returned before are on stable storage. The size counts as data. */
    NTSTATUS (*barrier) (clfs_file *file);
    /* Makes the file `bytes` long, its space allocated and its content zeros that have been written, not merely reserved
     * (an overwrite then costs one barrier without journal). Not durable before a barrier. */
    NTSTATUS (*fill_zero) (clfs_file *file, uint64_t bytes);

    /* Names. */
    NTSTATUS (*remove) (clfs_storage *storage, const char *name);
    /* Atomic. replace false: STATUS_OBJECT_NAME_COLLISION if `to` is there. */
    NTSTATUS (*rename) (clfs_storage *storage, const char *from, const char *to, bool replace);
    NTSTATUS (*sync_names) (clfs_storage *storage);
    /* Every name in the store, in no order; "." and ".." left out. The array's elements are freed by its free function. */
    NTSTATUS (*list) (clfs_storage *storage, GPtrArray **names);
    NTSTATUS (*space) (clfs_storage *storage, clfs_space *out);

    /* Locks: on a file `name` that is made if need be (0600) and never renamed, replaced or removed; it holds the owner's
     * pid as text. The lock belongs to the open description (flock), not to the process, and is inherited and
     * passed on with it. STATUS_SHARING_VIOLATION: somebody else has it, *owner_pid (0: not known) says who. */
    NTSTATUS (*lock) (clfs_storage *storage, const char *name, clfs_lock **out, int64_t *owner_pid);
    void (*unlock) (clfs_lock *lock);

    /* Shared memory. */
    NTSTATUS (*map) (clfs_storage *storage, const char *name, unsigned flags, uint64_t virtual_bytes, clfs_map **out);
    void (*map_stat) (clfs_map *map, clfs_map_stat *out);
    /* Allocates up to `bytes` from the start (never less than there is). STATUS_DISK_FULL: nothing changed. */
    NTSTATUS (*map_grow) (clfs_map *map, uint64_t bytes);
    /* Gives back what is beyond `bytes`; best effort. */
    void (*map_shrink) (clfs_map *map, uint64_t bytes);
    void (*unmap) (clfs_map *map);

    /* Environment: made by the simulation in tests. */
    int64_t (*now_ns) (clfs_storage *storage);            /* since 1970 */
    void (*boot_id) (clfs_storage *storage, uint8_t id[16]); /* differs after each restart of the machine */
    void (*random) (clfs_storage *storage, void *buffer, size_t bytes);
} clfs_storage_ops;

/* Every implementation's object begins with this. */
struct clfs_storage {
    const clfs_storage_ops *ops;
};
/* Files, locks and maps begin with a pointer to their storage, so that ops need no second argument. */
struct clfs_file {
    clfs_storage *storage;
};
struct clfs_lock {
    clfs_storage *storage;
};
struct clfs_map {
    clfs_storage *storage;
};

enum {
    CLFS_STORAGE_READ_ONLY = 1, /* every change is STATUS_MEDIA_WRITE_PROTECTED */
    CLFS_STORAGE_CREATE = 2,    /* make the directory, 0700, if its parent is there */
};

/* A directory of files. Everything goes through one directory descriptor (openat, O_CLOEXEC, O_NOFOLLOW).
 * The directory is synced after it was made. */
NTSTATUS clfs_file_storage_open (const char *path, unsigned flags, clfs_storage **out) G_GNUC_WARN_UNUSED_RESULT;

#endif
