/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLFS_MOUNT_FSYNC_H
#define CLFS_MOUNT_FSYNC_H

#include "handle.h"

/* Answers an FSYNC with ClfsFlushBuffers: cuts the handle's own unterminated line, then flushes everything. An
 * INTERRUPT ends the wait with EINTR. */
void clfs_fsync (fuse_req_t req, struct clfs_handle *handle);

#endif
