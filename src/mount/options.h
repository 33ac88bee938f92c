/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLFS_MOUNT_OPTIONS_H
#define CLFS_MOUNT_OPTIONS_H

#include "mount.h"

struct clfs_options {
    char *store, *mountpoint; /* as given; -u: only the mountpoint */
    bool help, version, unmount;
    bool foreground, debug, single_thread;
    bool read_only, all;
    unsigned wait_seconds;
    clfs_log_options new_log;
    struct fuse_args mount_args; /* what libfuse and the kernel understand */
};

/* Reads the command line. False: it was wrong, and one line on stderr says how. Free with clfs_options_clear().
 * Options that it does not know are left in mount_args. */
bool clfs_options_parse (int argc, char **argv, struct clfs_options *options);
/* Whether all is there, and fits together. After libfuse has seen to mount_args, so that an unknown option is named
 * first; not for --help and --version. False as above. */
bool clfs_options_check (struct clfs_options *options);
void clfs_options_clear (struct clfs_options *options);

/* What --help prints. */
const char *clfs_options_help (void);

#endif
