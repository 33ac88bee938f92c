/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* workload.h - a process that uses the log: what it does is chosen at random, what it learns goes to the model. */
#ifndef CLFS_TESTS_CRASH_WORKLOAD_H
#define CLFS_TESTS_CRASH_WORKLOAD_H

#include "crash.h"

/* What a seed's log is like. */
typedef struct crash_profile {
    clfs_log_options options;
    unsigned store_flags;
    bool faults;          /* I/O errors, too */
    unsigned large;       /* percent of records that are large */
    unsigned uniform;     /* all records have this size and a block of their own, so that lost blocks fit behind new
                             ones; 0: no */
} crash_profile;

/* A process on the disk, while it lives. */
typedef struct crash_process {
    clfs_sim_disk *disk;
    const crash_profile *profile;
    crash_random *random;
    model *model;
    uint64_t *next_id;    /* of records: each has another content */
    clfs_storage *storage; /* the store's */
    clfs_store *store;
    clfs_log *log;
    clfs_writer *writers[CRASH_WRITERS];
    bool failed;          /* a call has failed because of a fault, and the log was not recovered since */
} crash_process;

crash_profile crash_profile_choose (crash_random *random);

/* Begins a process that opens the log (and so recovers it). False: it died while doing so, or, with `failed`, the log
   could not be
 * opened because of a fault. */
bool crash_process_begin (crash_process *p, bool create);
/* Does one thing. False: the process died in it. */
bool crash_process_step (crash_process *p);
/* Closes all cleanly. False: it died while doing so. */
bool crash_process_end (crash_process *p);
/* Whether it lives. */
bool crash_process_alive (crash_process *p);
/* Frees what a dead process leaves in this one's memory. */
void crash_process_bury (crash_process *p);

#endif
