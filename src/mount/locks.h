/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * locks.h - the table of file locks: flock(2), fcntl(2) and OFD locks, by file (st_ino), because each open has a node
 * of its own and the kernel would keep locks by node.
 *
 * The kernel names the owner in every request but RELEASE; so each lock also records the handle it was set through.
 */
#ifndef CLFS_MOUNT_LOCKS_H
#define CLFS_MOUNT_LOCKS_H

#include "handle.h"

enum clfs_lock_family {
    CLFS_LOCK_RANGE, /* fcntl: POSIX and OFD locks exclude one another; they differ in their owners only */
    CLFS_LOCK_FLOCK, /* flock */
};

struct clfs_lock_request {
    enum clfs_lock_family family;
    short type;           /* F_RDLCK, F_WRLCK, F_UNLCK */
    uint64_t start, end;  /* the last byte, inclusive */
    uint64_t owner;
    pid_t pid;
    bool wait;
};

/* Answers req: now, or when the lock has been granted (or an INTERRUPT ended the wait). */
void clfs_locks_set (fuse_req_t req, struct clfs_handle *handle, const struct clfs_lock_request *request);

/* F_GETLK: *type is F_UNLCK if the lock could be set, else `request` becomes the lock in the way. */
void clfs_locks_test (struct clfs_handle *handle, struct clfs_lock_request *request);

/* Drops the owner's fcntl locks on the handle's file: close(2) of any of its descriptors does that. */
void clfs_locks_drop_owner (struct clfs_handle *handle, uint64_t owner);

/* Drops all that was set through the handle: RELEASE. */
void clfs_locks_drop_handle (struct clfs_handle *handle);

/* Answers all who wait with EINTR: the end of the mount. */
void clfs_locks_end (void);

#endif
