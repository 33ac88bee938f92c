/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLFS_MOUNT_UNMOUNT_H
#define CLFS_MOUNT_UNMOUNT_H

/* clfs -u: unmounts, and returns when the daemon has flushed everything and is gone. Returns main's status. */
int clfs_unmount (const char *mountpoint);

enum clfs_mounted {
    CLFS_MOUNTED_NONE,
    CLFS_MOUNTED_ALIVE,
    CLFS_MOUNTED_DEAD, /* it was: it has been taken away */
    CLFS_MOUNTED_STUCK, /* it was, and cannot be taken away; a line on stderr says why */
};

/* What of ours is mounted on `mountpoint`. A mount whose daemon died is taken away. */
enum clfs_mounted clfs_unmount_dead (const char *mountpoint);

#endif
