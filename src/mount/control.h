/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.h - `control`: commands in, answers and state out.
 */
#ifndef CLFS_MOUNT_CONTROL_H
#define CLFS_MOUNT_CONTROL_H

#include "handle.h"

/* A write without its last newline must be shorter: a shell cuts a long line into pieces, and half a command must not
 * run. */
#define CLFS_CONTROL_UNTERMINATED_MAX 4096
/* So many unread answers are kept for a handle; beyond, the oldest go. */
#define CLFS_CONTROL_ANSWERS_MAX 1024

/* What became of one line. */
enum clfs_command_result {
    CLFS_COMMAND_OK,      /* answer: `lsn` */
    CLFS_COMMAND_FAILED,  /* `error` and `message` */
    CLFS_COMMAND_FLUSH,   /* flush up to `lsn`, then answer with what is durable */
    CLFS_COMMAND_APPENDED, /* the same, but the answer is `lsn`, and nothing interrupts it */
    CLFS_COMMAND_ROOM,    /* there is no room in memory: flush, then run the line again */
};

struct clfs_command {
    clfs_log *log; /* what it ran on */
    clfs_lsn_t lsn;
    int error;
    GString *message; /* made by the caller */
};

/* Runs one line (without newline) of `handle`, which is within the gate. `wait`: an append waits for room. */
enum clfs_command_result clfs_control_run (struct clfs_handle *handle, const char *line, size_t bytes, bool wait,
                                           struct clfs_command *command);

/* Whether the handle has an unread answer. With handle->lock. */
bool clfs_control_has_answer (struct clfs_handle *handle);

/* The state as `key value` lines. */
void clfs_control_state (const clfs_info *info, GString *out);
/* The state of a log that cannot be opened. */
void clfs_control_broken_state (const char *message, GString *out);

#endif
