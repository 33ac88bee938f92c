/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crash.h - the crash test: a workload on the simulated disk, crashes in it, and an oracle.
 *
 * The oracle (model.c) knows only what the API has answered: which records have which LSN, which flushes have returned
 * success, what was under way when the process died. Everything that happens comes from one seed.
 */
#ifndef CLFS_TESTS_CRASH_CRASH_H
#define CLFS_TESTS_CRASH_CRASH_H

#include "engine/engine.h"
#include "storage/sim_storage.h"

#include <clfs/clfs.h>

#define CRASH_WRITERS 3

/* ---- one run ---- */

typedef struct crash_random {
    uint64_t state;
} crash_random;

/* Uniform below n (n > 0). */
uint64_t crash_below (crash_random *random, uint64_t n);
static inline bool
crash_chance (crash_random *random, unsigned percent)
{
    return crash_below (random, 100) < percent;
}

/* Says what is wrong and ends this seed's run. */
G_NORETURN void crash_fail (const char *format, ...) G_GNUC_PRINTF (1, 2);
/* One line of the trace, if one is wanted. */
void crash_say (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* ---- the oracle ---- */

typedef struct model_record {
    GBytes *data;
    clfs_lsn_t lsn;      /* CLFS_INVALID_LSN: not known, the process died before it could say */
    uint64_t offset;     /* in the stream */
    bool restart, durable;
} model_record;

typedef struct model {
    GArray *records;     /* model_record: appended and, as far as anybody knows, in the log; also some below the base */
    GArray *maybe;       /* model_record: what the call under way would have appended, in order */
    bool maybe_reset;    /* the call under way is a reset */
    int writer;          /* the writer of `maybe`; -1: none */
    GByteArray *rest;    /* the line that writer would have left */
    GByteArray *lines[CRASH_WRITERS]; /* unterminated */
    GPtrArray *kept;     /* GBytes: lines of dead writers that a full log had no room for; records later */

    clfs_lsn_t base;     /* a move there has succeeded */
    clfs_lsn_t base_most; /* the highest that anybody asked for */
    guint retained;      /* containers that `retain` keeps; 0: it is off */
    clfs_lsn_t next;     /* as last seen */
    clfs_lsn_t lsn_floor; /* no record gets an LSN below: all those were durable or given up by a reset */
    uint64_t offset_floor;
    uint64_t end_offset;

    bool has_promise;    /* a reader without the lock has shown `promise` as durable, from stream offset
                            `promise_offset` on */
    uint64_t promise_offset;
    GByteArray *promise;
} model;

model *model_new (void);
model *model_copy (const model *from);
void model_free (model *m);
/* Forgets what was under way. */
void model_settled (model *m);
/* The call has returned success: the record is in the log. */
void model_appended (model *m, GBytes *data, bool restart, clfs_lsn_t lsn);
/* Adds to what the call under way would append. */
void model_may_append (model *m, GBytes *data, bool restart);
/* Every record at or below the LSN is durable. */
void model_durable (model *m, clfs_lsn_t lsn);
/* What the log says of itself must fit; what it calls durable is held to that from now on. */
void model_check_info (model *m, clfs_log *log);
/* Reads the whole log and compares. lost_ok: power was lost, what is not durable may be gone. lines_ok: no writer is
   left, so their
 * lines may have become records. The model then says what the log holds. */
void model_check_log (model *m, clfs_log *log, bool lost_ok, bool lines_ok);
/* What a reader without the lock calls durable now: it must be there after recovery. */
void model_take_promise (model *m, clfs_sim_disk *disk);

#endif
