/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handle.h - the table of handles: what the kernel has open. The kernel knows a handle by its number, which is
 * never used twice.
 *
 * A handle of a log's file has its own opening of the log (all openings of a log share one engine), made when it is
 * first needed, and taken away by an rmdir that then finds it cannot remove the log: so get it with clfs_handle_log()
 * each time.
 */
#ifndef CLFS_MOUNT_HANDLE_H
#define CLFS_MOUNT_HANDLE_H

#include "node.h"

struct clfs_handle {
    uint64_t id;
    int refs;           /* atomic: the table's, and of whoever parked a request */
    GList link;         /* in mlog->handles */
    const struct clfs_kind *kind;
    struct clfs_mlog *mlog; /* NULL outside logs; a reference */
    uint64_t ino;       /* st_ino: locks are kept by it */
    clfs_lsn_t lsn;     /* by-lsn/<LSN> */
    char *container;    /* containers/<name> */
    uint64_t origin;    /* of its node, once opened; CLFS_UNSET if the kind has none */
    int flags;          /* of open(2) */
    uid_t uid;          /* who opened it: what `control` allows is decided by this, not by who writes */
    int closing;        /* atomic: a FLUSH came last, RELEASE may follow */

    GMutex lock;        /* guards the rest */
    clfs_log *log;      /* NULL: not opened (yet, or any more) */
    bool log_writable;  /* opened with CLFS_LOG_WRITE */
    clfs_cursor *cursor;
    clfs_writer *writer;
    GString *text;      /* what a reader is being shown */
    void *state;        /* the kind's */

    /* poll.c's, under its lock. */
    struct fuse_pollhandle *poll;
    bool watching;
    bool at_end;        /* the reader knows that there is no more */
    clfs_lsn_t seen_durable;
};

void clfs_handles_init (void);

/* A new handle in the table, with one reference, the table's. */
struct clfs_handle *clfs_handle_new (struct clfs_node *node, int flags, uid_t uid);

/* The handle that the kernel names; no new reference: it sends RELEASE only after all answers. */
struct clfs_handle *clfs_handle_get (uint64_t id);

struct clfs_handle *clfs_handle_ref (struct clfs_handle *handle);
/* The last one closes what the handle has open: within the log's gate, or when the log is gone. */
void clfs_handle_unref (struct clfs_handle *handle);
/* The same for callers that must not block, within the gate: closing is deferred, and stays within the gate. */
void clfs_handle_unref_later (struct clfs_handle *handle);

/* Takes it out of the table and drops the table's reference: RELEASE. */
void clfs_handle_release (struct clfs_handle *handle);

/* The handle's log, opened if need be. With handle->lock, within the gate. write: it must be open for writing; else a
 * log that another process has open is read without its lock. */
NTSTATUS clfs_handle_log (struct clfs_handle *handle, bool write, clfs_log **out) G_GNUC_WARN_UNUSED_RESULT;

/* The handle's forward cursor; as clfs_handle_log(). */
NTSTATUS clfs_handle_cursor (struct clfs_handle *handle, clfs_cursor **out) G_GNUC_WARN_UNUSED_RESULT;

/* Closes log, cursor and writer; they come back with the next use. With handle->lock, or the handle to oneself. */
void clfs_handle_close_log (struct clfs_handle *handle);

/* Every handle that is open, each with a reference; for the end of the mount. */
GPtrArray *clfs_handles_all (void);
size_t clfs_handles_count (void);

#endif
