/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_storage.h - a disk in memory that can lose power, for the tests.
 *
 * It keeps for each file what is durable and what is only written, at the grain of 512-byte sectors, and
 * for the directory which creations, removals and renames are durable. Everything that is chosen is chosen
 * from a seed, so one seed is one run.
 *
 * The disk outlives the storages opened on it: closing one without care is the death of a process.
 * Files, locks and maps may be closed after their storage (all else on them fails then), but not after the disk; what is
 * still open when the disk is freed is freed with it.
 */
#ifndef CLFS_STORAGE_SIM_STORAGE_H
#define CLFS_STORAGE_SIM_STORAGE_H

#include "storage/storage.h"

typedef struct clfs_sim_disk clfs_sim_disk;

clfs_sim_disk *clfs_sim_disk_new (uint64_t seed);
void clfs_sim_disk_free (clfs_sim_disk *disk);

/* A storage on the disk: one "process". */
NTSTATUS clfs_sim_storage_open (clfs_sim_disk *disk, unsigned flags, clfs_storage **out) G_GNUC_WARN_UNUSED_RESULT;

/* Which of the unsynced sectors survive a power loss. */
enum clfs_sim_survivors {
    CLFS_SIM_NONE,   /* none */
    CLFS_SIM_ALL,    /* all */
    CLFS_SIM_RANDOM, /* each by a coin, from the seed */
    CLFS_SIM_CHOSEN, /* those whose bit is set in `chosen`, in the order of clfs_sim_unsynced_count */
};

/* How many items are written but not synced now. An item is one content of a sector, one size of a file, or one
 * change of a name: a sector written twice since the last barrier is two, and the last one that survives counts. Zeros
 * written over zeros of a synced or new file are none. Lock files and shared memory are never items. The order: files by
 * age, in each its sizes, then its sectors; then the names. */
size_t clfs_sim_unsynced_count (clfs_sim_disk *disk);

/* The machine loses power: all storages on the disk are dead (each call on them fails with
 * STATUS_IO_DEVICE_ERROR, only close still works), maps are gone, locks are free, the boot id is another one.
 * chosen: a bit for each unsynced item, for CLFS_SIM_CHOSEN. */
void clfs_sim_power_loss (clfs_sim_disk *disk, enum clfs_sim_survivors survivors, const uint8_t *chosen);

/* Every process dies at once, the machine lives on: what was written stays readable, maps stay, locks are free. */
void clfs_sim_kill (clfs_sim_disk *disk);

/* The n-th I/O from now (0: the next one) and all later ones do not happen: the storage is dead from there on, as if
 * power had failed just before. CLFS_SIM_NEVER: no more. For crash points: run, count with clfs_sim_io_count, choose.
 * An I/O is a call that may change something: opening with CREATE, write, barrier, fill_zero, remove, rename, sync_names,
 * lock, map with CREATE, map_grow. Maps become private copies at that moment, so stores after it are not seen by
 * anybody. clfs_sim_power_loss or clfs_sim_kill says how it ended, and lets new storages be opened. */
#define CLFS_SIM_NEVER UINT64_MAX
void clfs_sim_stop_after (clfs_sim_disk *disk, uint64_t ios);
uint64_t clfs_sim_io_count (clfs_sim_disk *disk);

/* The operations that can be made to fail. */
enum clfs_sim_op {
    CLFS_SIM_OPEN,
    CLFS_SIM_READ,
    CLFS_SIM_WRITE,
    CLFS_SIM_BARRIER,
    CLFS_SIM_FILL,
    CLFS_SIM_REMOVE,
    CLFS_SIM_RENAME,
    CLFS_SIM_SYNC_NAMES,
    CLFS_SIM_LOCK,
    CLFS_SIM_MAP,
    CLFS_SIM_GROW,
    CLFS_SIM_OPS
};

/* The nth (0: next) operation of that kind on a file whose name contains `name_part` (NULL: any) fails with `status`; `count` times
 * (0: from there on for ever). A failed barrier leaves the pages clean: reads go on showing the new bytes, the next barrier
 * says OK, and power loss leaves any subset (ext4 does that). A failed write may have written some sectors. */
void clfs_sim_fail (clfs_sim_disk *disk, enum clfs_sim_op op, const char *name_part, uint64_t nth, uint64_t count, NTSTATUS status);
void clfs_sim_fail_clear (clfs_sim_disk *disk);

/* Total bytes that all files together may take; beyond it STATUS_DISK_FULL. 0: no limit. */
void clfs_sim_set_capacity (clfs_sim_disk *disk, uint64_t bytes);

/* A file's bytes as a read would see them, to look at or to damage: changes are durable at once.
 * NULL if there is no such file. */
GByteArray *clfs_sim_file_bytes (clfs_sim_disk *disk, const char *name);
void clfs_sim_file_set (clfs_sim_disk *disk, const char *name, const uint8_t *bytes, size_t count);
void clfs_sim_file_remove (clfs_sim_disk *disk, const char *name);

/* A copy of the whole disk, maps included, in its present state; not of storages or locks. */
clfs_sim_disk *clfs_sim_disk_copy (clfs_sim_disk *disk);

/* One readable line for each I/O from now on, appended to `trace`; NULL ends it. */
void clfs_sim_trace (clfs_sim_disk *disk, GString *trace);

#endif
