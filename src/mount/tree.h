/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tree.h - names: what is where, and making, removing and renaming logs. Each function answers its request.
 */
#ifndef CLFS_MOUNT_TREE_H
#define CLFS_MOUNT_TREE_H

#include "handle.h"

void clfs_tree_lookup (fuse_req_t req, struct clfs_node *parent, const char *name);
void clfs_tree_mkdir (fuse_req_t req, struct clfs_node *parent, const char *name, mode_t mode);
void clfs_tree_rmdir (fuse_req_t req, struct clfs_node *parent, const char *name);
void clfs_tree_rename (fuse_req_t req, struct clfs_node *parent, const char *name, struct clfs_node *new_parent,
                       const char *new_name, unsigned flags);

/* plus: with attributes (READDIRPLUS). */
void clfs_tree_readdir (fuse_req_t req, struct clfs_node *node, struct clfs_handle *handle, size_t bytes, off_t offset,
                        bool plus);

/* The files that a directory of this kind always has, and the st_ino of the nth. */
const struct clfs_kind *const *clfs_tree_fixed (const struct clfs_kind *directory, size_t *count);
uint64_t clfs_tree_fixed_ino (const struct clfs_node *directory, size_t index);
/* The st_ino of containers/<name>. */
uint64_t clfs_tree_name_ino (const struct clfs_mlog *mlog, const char *name);
/* The node of the log `name` with one more lookup; NULL if there is none. */
struct clfs_node *clfs_tree_log_node (const char *name);

/* How long the kernel may keep what it knows of a directory. */
double clfs_tree_directory_seconds (void);

#endif
