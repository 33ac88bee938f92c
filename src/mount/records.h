/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * records.h - what `records` and `durable` share: a window on the stream of payloads that begins at the node's origin.
 */
#ifndef CLFS_MOUNT_RECORDS_H
#define CLFS_MOUNT_RECORDS_H

#include "handle.h"

/* Fixes the node's origin and takes it for the handle. Within the gate. */
int clfs_stream_open (struct clfs_handle *handle, struct clfs_node *node, bool write);

/* Answers a READ with the bytes of the stream from origin + offset on. */
void clfs_stream_read (fuse_req_t req, struct clfs_handle *handle, size_t bytes, off_t offset, bool durable_only);

/* The size of the window whose stream ends at `end`. */
off_t clfs_stream_size (struct clfs_node *node, const clfs_info *info, uint64_t end);

/* The LSN of the last record that was made through the handle. */
clfs_lsn_t clfs_records_last_lsn (struct clfs_handle *handle);

#endif
