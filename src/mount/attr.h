/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLFS_MOUNT_ATTR_H
#define CLFS_MOUNT_ATTR_H

#include "handle.h"

/* What stat(2) says of the node. Enters the gate itself. */
int clfs_attr_get (struct clfs_node *node, struct stat *st);

/* Type, st_ino, owner and mode: what a LOOKUP of a log's file answers, without I/O. The kernel then asks for the
 * rest, but decides who may chmod by this. */
void clfs_attr_slot (const struct clfs_node *node, struct stat *st);

/* Sets all three times. */
void clfs_attr_times (struct stat *st, int64_t changed_ns);

/* chmod, chown, truncate and utimensat. to_set: FUSE_SET_ATTR_*. */
int clfs_attr_set (struct clfs_node *node, const struct stat *st, int to_set);

/* The access attributes of a log made by mkdir (mode) by this user. */
void clfs_attr_new (mode_t mode, uid_t uid, gid_t gid, clfs_attr attrs[CLFS_ATTR_SLOTS]);

#endif
