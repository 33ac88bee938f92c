/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ioctl.h - the ioctls of the mount, between its own programs and libclfs. Not installed.
 */
#ifndef CLFS_MOUNT_IOCTL_H
#define CLFS_MOUNT_IOCTL_H

#include <stdint.h>
#include <sys/ioctl.h>

/* On a descriptor of `records`: the LSN of the last record that was made through it; CLFS_INVALID_LSN if none. */
#define CLFS_IOC_LAST_LSN _IOR (0xCF, 1, uint64_t)
/* On the mount's root, by who mounted or root: flushes every open log. */
#define CLFS_IOC_FLUSH_ALL _IO (0xCF, 2)

#endif
