/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parked.h - requests that wait for a flush without holding a thread.
 */
#ifndef CLFS_MOUNT_PARKED_H
#define CLFS_MOUNT_PARKED_H

#include "handle.h"

/* What a parked request waits in, for metrics. */
enum clfs_parked_reason {
    CLFS_PARKED_FSYNC,
    CLFS_PARKED_DSYNC,   /* an append through an O_DSYNC or O_SYNC handle */
    CLFS_PARKED_ROOM,    /* an append at the bound of pending bytes */
    CLFS_PARKED_COMMAND, /* flush on control */
    CLFS_PARKED_REASONS
};

/* Called once, from any thread, also from within clfs_parked_flush(). It may answer the request and must not block
 * for long: defer what does. */
typedef void (*clfs_parked_done) (NTSTATUS status, clfs_lsn_t durable_below, void *data);

/* Starts a flush up to `lsn` and calls `done` when it is over. Within the gate, and the caller stays inside until
 * then. interruptible: an INTERRUPT of req ends the wait with STATUS_CANCELLED. The handle is kept while the request
 * is parked. */
void clfs_parked_flush (fuse_req_t req, struct clfs_handle *handle, clfs_log *log, clfs_lsn_t lsn,
                        enum clfs_parked_reason reason, bool interruptible, clfs_parked_done done, void *data);

/* How many are parked now, and the most there ever were. */
void clfs_parked_count (enum clfs_parked_reason reason, size_t *now, size_t *peak);

/* Waits until nothing is parked and nothing that was is still being answered: for the end of the mount, when no new requests
 * come. Returns whether there was something to wait for. */
bool clfs_parked_drain (void);

#endif
