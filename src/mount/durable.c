/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * durable.c - `records` as far as it is on stable storage: a reader of it never sees a byte that a power loss could
 * take.
 */
#include "records.h"

static int
durable_open (struct clfs_handle *handle, struct clfs_node *node)
{
    return clfs_stream_open (handle, node, false);
}

static void
durable_read (fuse_req_t req, struct clfs_handle *handle, size_t bytes, off_t offset)
{
    clfs_stream_read (req, handle, bytes, offset, true);
}

static int
durable_stat (struct clfs_node *node, const clfs_info *info, struct stat *st)
{
    st->st_size = clfs_stream_size (node, info, info->durable_offset);
    return 0;
}

const struct clfs_kind clfs_kind_durable = {
    .name = "durable",
    .slot = CLFS_ATTR_DURABLE,
    .type = S_IFREG,
    .mode_mask = 0777,
    .marks = true,
    .stat = durable_stat,
    .open = durable_open,
    .read = durable_read,
};
