/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLFS_MOUNT_OPS_H
#define CLFS_MOUNT_OPS_H

#include "mount.h"

/* What libfuse calls. Every operation that the kernel could send is set: an unset one is answered ENOSYS, which the
 * kernel takes for "never ask again", and for fsync as success. */
extern const struct fuse_lowlevel_ops clfs_ops;

/* Called once, when the kernel has asked for the first time: the mount answers from now on. */
extern void (*clfs_ops_started) (void);

#endif
