/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_internal.h - the parts of the simulated disk: sim_inode.c (one file's bytes, in the cache and on the medium),
 * sim_names.c (the directory), sim_disk.c (the machine: power loss, faults), sim_storage.c (the operations of one
 * process), sim_shared.c (its locks and maps).
 *
 * One mutex in the disk guards everything below; only the bytes of mapped memory change without it. Functions here
 * expect it to be held.
 */
#ifndef CLFS_STORAGE_SIM_INTERNAL_H
#define CLFS_STORAGE_SIM_INTERNAL_H

#include "storage/sim_storage.h"

#include <pthread.h>

#define SIM_SECTOR_BYTES 512u

/* ---- one file ------------------------------------------------------------------------------- */

/* A change of the file's size that is not on the medium. */
typedef struct sim_size {
    uint64_t bytes;
    bool grows; /* the size becomes at least `bytes`; else exactly */
    bool dirty; /* the next barrier makes it durable; false after a failed barrier */
} sim_size;

enum {
    SIM_PENDING = 1, /* the medium may not have the cache's content of this sector */
    SIM_DIRTY = 2,   /* the next barrier writes it; false after a failed barrier */
};

typedef struct sim_inode {
    uint64_t number;
    unsigned names;   /* references from directories and pending changes of names */
    unsigned handles; /* references from open files and maps */
    int64_t modified_ns;

    /* data: what a read sees; medium: what is durable. Both have capacity_bytes, zeros beyond their sizes. A sector
     * whose state is 0 is the same in both. */
    uint8_t *data, *medium, *states;
    size_t capacity_bytes;
    uint64_t bytes, medium_bytes;
    GHashTable *older; /* sector -> GPtrArray of contents that it had, pending, before the present one; oldest first */
    GArray *sizes;     /* sim_size, oldest first */
    size_t dirty_from, dirty_to; /* no sector outside of these is dirty */

    /* Shared memory: the bytes are in this memfd instead, and power loss removes the file. -1 if none. */
    int map_fd;
} sim_inode;

/* Whether the next pending item, in the order of clfs_sim_unsynced_count, survives. */
typedef bool (*sim_decide) (void *context);

sim_inode *clfs_sim_inode_new (uint64_t number);
sim_inode *clfs_sim_inode_copy (const sim_inode *from);
void clfs_sim_inode_free (sim_inode *inode);
/* Bytes the file takes from the disk's capacity if it is `bytes` long. */
uint64_t clfs_sim_inode_allocated (uint64_t bytes);
uint64_t clfs_sim_inode_bytes (const sim_inode *inode);
size_t clfs_sim_inode_read (const sim_inode *inode, uint64_t offset, void *buffer, size_t bytes);
void clfs_sim_inode_write (sim_inode *inode, uint64_t offset, const uint8_t *bytes, size_t count);
void clfs_sim_inode_fill_zero (sim_inode *inode, uint64_t bytes);
void clfs_sim_inode_barrier (sim_inode *inode);
void clfs_sim_inode_barrier_failed (sim_inode *inode);
/* Replaces the whole content, durable at once. */
void clfs_sim_inode_set (sim_inode *inode, const uint8_t *bytes, size_t count);
size_t clfs_sim_inode_pending_count (const sim_inode *inode);
/* Power loss: asks for each pending item and leaves the cache as the medium then is. */
void clfs_sim_inode_settle (sim_inode *inode, sim_decide decide, void *context);
/* Turns the file into shared memory. false: the memory could not be had. */
bool clfs_sim_inode_make_map (sim_inode *inode);

/* ---- the machine ---------------------------------------------------------------------------- */

enum sim_name_kind { SIM_NAME_CREATE, SIM_NAME_REMOVE, SIM_NAME_RENAME };

/* A change of the directory that is not on the medium. */
typedef struct sim_name_change {
    enum sim_name_kind kind;
    char *from; /* the removed or the renamed name; else NULL */
    char *to;   /* the created or the new name; else NULL */
    sim_inode *inode;
} sim_name_change;

typedef struct sim_fault {
    enum clfs_sim_op op;
    char *name_part;
    uint64_t skip, count, seen;
    NTSTATUS status;
} sim_fault;

struct clfs_sim_disk {
    pthread_mutex_t mutex; /* not GMutex: the thread sanitizer does not see into that */
    uint64_t seed;
    uint64_t fault_random, environment_random; /* two streams: what an engine draws does not move what survives */
    uint64_t boots, next_inode;
    int64_t clock_ns;
    uint64_t capacity_bytes;
    uint64_t io_count, stop_at;
    bool stopped;
    GString *trace;

    GPtrArray *inodes;      /* every one that is referenced, by number */
    GHashTable *names;      /* name -> sim_inode, as seen now */
    GHashTable *medium_names; /* the same, as durable */
    GPtrArray *name_changes; /* sim_name_change, oldest first */
    GPtrArray *faults;

    GPtrArray *storages, *files, *maps; /* what was opened and not closed */
    GHashTable *locks;                  /* name -> the sim_lock that holds it */
    GPtrArray *lock_objects;
};

typedef struct sim_storage {
    clfs_storage base;
    clfs_sim_disk *disk;
    bool dead, read_only, closed;
    unsigned handles; /* open files, locks and maps: they keep this alive */
} sim_storage;

typedef struct sim_file {
    clfs_file base;
    sim_inode *inode;
    char *name; /* that it was opened by, for faults and the trace */
    bool writable;
} sim_file;

typedef struct sim_lock {
    clfs_lock base;
    char *name;
    bool held;
} sim_lock;

typedef struct sim_map {
    clfs_map base;
    sim_inode *inode;
    char *name;
    uint8_t *address;
    size_t virtual_bytes;
    uint64_t allocated_bytes;
    bool detached; /* its process is dead: the memory is a private copy */
} sim_map;

uint64_t clfs_sim_random (uint64_t *state);
sim_inode *clfs_sim_find (clfs_sim_disk *disk, const char *name);
/* Makes a file and its name; the name is durable at once or pending. */
sim_inode *clfs_sim_make (clfs_sim_disk *disk, const char *name, bool durable);
void clfs_sim_name_removed (clfs_sim_disk *disk, const char *name);
void clfs_sim_name_renamed (clfs_sim_disk *disk, const char *from, const char *to);
void clfs_sim_names_synced (clfs_sim_disk *disk);
/* Carries out one pending change on `names`. */
void clfs_sim_name_change_apply (clfs_sim_disk *disk, GHashTable *names, const sim_name_change *change);
void clfs_sim_names_forget_changes (clfs_sim_disk *disk);
/* Makes the names seen the names on the medium, less those of shared memory. */
void clfs_sim_names_from_medium (clfs_sim_disk *disk);
/* copies: from's inodes -> to's. */
void clfs_sim_names_copy (clfs_sim_disk *to, clfs_sim_disk *from, GHashTable *copies);
void clfs_sim_inode_hold (sim_inode *inode);
void clfs_sim_inode_release (clfs_sim_disk *disk, sim_inode *inode);
/* Whether the disk has room for a file that is `now` long to become `then` long. */
bool clfs_sim_has_room (clfs_sim_disk *disk, uint64_t now, uint64_t then);
uint64_t clfs_sim_used_bytes (clfs_sim_disk *disk);

/* The beginning of an operation: whether its process lives and the I/O happens at all, and whether it was told to
 * fail. changes: it counts as an I/O. *fault: it happens, and fails with this status (in whatever part). */
NTSTATUS clfs_sim_begin (sim_storage *storage, enum clfs_sim_op op, const char *name, const char *other_name,
                         bool changes, NTSTATUS *fault) G_GNUC_WARN_UNUSED_RESULT;
void clfs_sim_trace_line (clfs_sim_disk *disk, NTSTATUS status, const char *format, ...) G_GNUC_PRINTF (3, 4);

void clfs_sim_storage_died (sim_storage *storage);
void clfs_sim_storage_unref (sim_storage *storage);

NTSTATUS clfs_sim_lock (clfs_storage *base, const char *name, clfs_lock **out, int64_t *owner_pid);
void clfs_sim_unlock (clfs_lock *base);
NTSTATUS clfs_sim_map (clfs_storage *base, const char *name, unsigned flags, uint64_t virtual_bytes, clfs_map **out);
void clfs_sim_map_stat (clfs_map *base, clfs_map_stat *out);
NTSTATUS clfs_sim_map_grow (clfs_map *base, uint64_t bytes);
void clfs_sim_map_shrink (clfs_map *base, uint64_t bytes);
void clfs_sim_unmap (clfs_map *base);
/* The process of a map is dead: its stores go to a copy from now on. */
void clfs_sim_map_detach (sim_map *map);
void clfs_sim_map_free (sim_map *map);

#endif
