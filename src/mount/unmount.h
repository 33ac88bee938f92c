/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLFS_MOUNT_UNMOUNT_H
#define CLFS_MOUNT_UNMOUNT_H

#include <stdbool.h>

/* clfs -u: unmounts, and returns when the daemon has flushed everything and is gone. Returns main's status. */
int clfs_unmount (const char *mountpoint);

/* Whether a mount of ours whose daemon died is still on `mountpoint`; if so it is taken away. */
bool clfs_unmount_dead (const char *mountpoint);

#endif
