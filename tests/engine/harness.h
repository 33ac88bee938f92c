/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * harness.h - a store on a simulated disk for the engine's tests, with what they do again and again.
 */
#ifndef CLFS_TESTS_ENGINE_HARNESS_H
#define CLFS_TESTS_ENGINE_HARNESS_H

#include "engine/engine.h"
#include "storage/sim_storage.h"
#include "tests/testing.h"

/* One disk, one process on it. */
typedef struct harness {
    clfs_sim_disk *disk;
    clfs_store *store;
    unsigned flags; /* CLFS_STORE_* of each boot */
} harness;

/* A new disk, with a store opened on it. flags: CLFS_STORE_INLINE makes a run deterministic. */
void harness_start (harness *h, unsigned flags);
/* Opens a store on the disk (after harness_stop, a kill or a power loss). */
void harness_boot (harness *h);
/* Closes the store cleanly. */
void harness_stop (harness *h);
/* All processes die at once; then another one begins. Logs, writers and cursors of the dead one are leaked on purpose. */
void harness_kill (harness *h);
/* Remembers an object that a dead process leaves behind, so that it is no leak. */
void harness_may_die (void *object);
/* Power fails; only what `survivors` says of the unsynced sectors is left; then the machine starts again. */
void harness_power_loss (harness *h, enum clfs_sim_survivors survivors);
/* Everything goes. */
void harness_end (harness *h);

/* A second process: another store on the same disk. Close it with clfs_store_close(). */
clfs_store *harness_other (harness *h, unsigned flags);

/* Small containers (512 KiB), so that tests come round; framing write. */
void harness_options (clfs_log_options *options);
/* Makes a log if it is not there and opens it to write. */
clfs_log *harness_log (harness *h, const char *name);
/* Appends text as a record; the test fails if that fails. */
clfs_lsn_t harness_append (clfs_log *log, const char *text);
/* Appends a record of `bytes` bytes that all depend on `number`. */
NTSTATUS harness_append_number (clfs_log *log, unsigned number, size_t bytes, clfs_lsn_t *lsn);
/* Whether a record is the one that harness_append_number made. */
bool harness_is_number (const clfs_record *record, unsigned number, size_t bytes);
clfs_info harness_info (clfs_log *log);
/* All data records from the base on, joined with '|'. Free with g_free. */
char *harness_records (clfs_log *log);
/* The whole stream from base-offset on, as a string. */
char *harness_stream (clfs_log *log, bool durable_only);

#endif
