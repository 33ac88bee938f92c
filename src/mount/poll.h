/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * poll.h - the table of poll wake-ups. `control` is readable until its reader has come to the end (a short read or 0:
 * busybox' `read` polls before each byte); after that, when there is an unread answer or `durable-below` has moved
 * since the last read. POLLPRI says only that it has moved since the last read, or the open. All other files are
 * always ready.
 */
#ifndef CLFS_MOUNT_POLL_H
#define CLFS_MOUNT_POLL_H

#include "handle.h"

/* Answers a POLL; takes `wake`, which may be NULL. */
void clfs_poll (fuse_req_t req, struct clfs_handle *handle, struct fuse_pollhandle *wake);

/* The handle has seen the log up to here: a read, or its open. */
void clfs_poll_seen (struct clfs_handle *handle, clfs_lsn_t durable_below);
/* A read gave less than it asked for (or did not). */
void clfs_poll_at_end (struct clfs_handle *handle, bool at_end);

/* Something changed on the handle that poll must look at. */
void clfs_poll_wake (struct clfs_handle *handle);

/* Ends the watch on the handle's log, which is about to be closed; with handle->lock or the handle to oneself. */
void clfs_poll_stop (struct clfs_handle *handle);

/* The handle goes. */
void clfs_poll_forget (struct clfs_handle *handle);

#endif
