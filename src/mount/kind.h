/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kind.h - a kind of file in the tree, and what it does with each request.
 *
 * Operations of a kind are called for its files only. Those that take a request answer it, at once or later; those that
 * return int return 0 or an errno. A missing operation is answered by ops.c as its comment says.
 */
#ifndef CLFS_MOUNT_KIND_H
#define CLFS_MOUNT_KIND_H

#include "mount.h"

struct clfs_node;
struct clfs_handle;

struct clfs_kind {
    const char *name;         /* in its directory; NULL if its name varies */
    enum clfs_attr_slot slot; /* whose owner and mode it has */
    mode_t type;              /* S_IFDIR or S_IFREG */
    mode_t mode_mask;         /* what of the slot's mode it has */
    bool marks;               /* stat needs base and ends */
    bool truncate_ignored;    /* O_TRUNC and truncate(2) mean nothing; else they are EPERM */
    bool writable;            /* open for writing is possible; else EPERM */

    /* Sets st_size, st_blocks and the times where they are not those of an empty file; ENOENT if there is no such
     * file. Within the gate. None: an empty file. */
    int (*stat) (struct clfs_node *node, const clfs_info *info, struct stat *st);

    /* The handle is new and nobody else has it. Within the gate. None: nothing to do. */
    int (*open) (struct clfs_handle *handle, struct clfs_node *node);
    /* Frees handle->state. May be called without a successful open. */
    void (*close) (struct clfs_handle *handle);

    void (*read) (fuse_req_t req, struct clfs_handle *handle, size_t bytes, off_t offset);
    /* What a read from offset 0 on gives, if there is no `read`: made anew at each read from offset 0. */
    int (*text) (struct clfs_handle *handle, GString *out);
    bool text_fixed; /* but this one never changes: made once, at open */
    void (*write) (fuse_req_t req, struct clfs_handle *handle, const char *data, size_t bytes, off_t offset, int flags);
    /* None: there is nothing to flush, 0. */
    void (*fsync) (fuse_req_t req, struct clfs_handle *handle);
    /* close(2) of one descriptor; its errno. None: 0. */
    int (*flush) (struct clfs_handle *handle);
};

extern const struct clfs_kind clfs_kind_root, clfs_kind_log, clfs_kind_by_lsn_directory, clfs_kind_containers_directory,
    clfs_kind_dot_clfs, clfs_kind_records, clfs_kind_control, clfs_kind_durable, clfs_kind_index, clfs_kind_by_lsn,
    clfs_kind_restart, clfs_kind_container, clfs_kind_version, clfs_kind_metrics;

#endif
