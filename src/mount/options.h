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

/* Reads the command line. False: it was wrong, and one line on stderr says how. Free with clfs_options_clear(). */
bool clfs_options_parse (int argc, char **argv, struct clfs_options *options);
void clfs_options_clear (struct clfs_options *options);

/* What --help prints. */
const char *clfs_options_help (void);

#endif
