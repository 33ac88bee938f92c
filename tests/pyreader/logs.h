/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * logs.h - logs in a directory of their own, made and read through include/clfs/clfs.h, and the Python readers run on
 * them.
 *
 * logs_dump_c() and logs_dump_python() give the same lines for a log that both read the same:
 *     mark NAME VALUE, record LSN TYPE PREVIOUS UNDO-NEXT STREAM-OFFSET LENGTH PAYLOAD
 */
#ifndef CLFS_TESTS_PYREADER_LOGS_H
#define CLFS_TESTS_PYREADER_LOGS_H

#include <clfs/clfs.h>

#include <glib.h>

typedef struct logs {
    char *directory;
    clfs_store *store;
    clfs_log *log; /* "log", open for writing */
} logs;

/* Makes a directory and in it the log "log". options NULL: containers of 2 MiB, nothing flushed by itself. */
void logs_start (logs *l, const clfs_log_options *options);
/* The options that logs_start() takes for NULL. */
void logs_options (clfs_log_options *options);
/* Opens the store and the log again for writing. */
void logs_open (logs *l, unsigned store_flags);
/* Closes log and store. */
void logs_close (logs *l);
/* Closes what is open and removes the directory. */
void logs_end (logs *l);

/* Runs `work` in a process of its own that is killed when it returns; the log must be closed here. */
void logs_killed (logs *l, unsigned store_flags, void (*work) (logs *l));

/* Appends a record of `bytes` bytes whose content follows from `seed`. */
clfs_lsn_t logs_append (logs *l, size_t bytes, unsigned seed, const clfs_append_options *options);
void logs_flush (logs *l);
void logs_restart (logs *l, const char *text, clfs_lsn_t base);

/* Changes one byte of the container with this physical id. */
void logs_damage (logs *l, unsigned container, uint64_t offset);

/* The log as the library reads it, in a store that is opened read-only with these further flags. *ended: how the
 * cursor's last step failed. Nothing may be open for writing. */
char *logs_dump_c (const char *directory, const char *name, unsigned flags, NTSTATUS *ended);

/* The lines "mark" and "record" of clfs_read.py; all: with --all. *stop: its last line. */
char *logs_dump_python (const char *directory, const char *name, bool all, char **stop);

/* What a script of tests/pyreader prints about a log; *status: how it exited. */
char *logs_run (const char *script, const char *option, const char *directory, const char *name, int *status);

/* Checks that both readers see the same of the log, and that the second one stops with `stop` ("end", "damage"). */
void logs_compare (logs *l, const char *stop);

#endif
