/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon.h - the process around the mount: background, readiness, log lines, what runs beside the requests.
 */
#ifndef CLFS_MOUNT_DAEMON_H
#define CLFS_MOUNT_DAEMON_H

#include "mount.h"

/* Goes on in a child, unless `foreground`; the parent waits until clfs_daemon_ready(), or exits with the child's
 * status. */
void clfs_daemon_start (bool foreground, bool debug);

/* The mount answers: lets the parent go, tells systemd, and from here on log lines go to syslog (not in the
 * foreground). */
void clfs_daemon_ready (void);

/* Tells the service manager, if there is one (NOTIFY_SOCKET). */
void clfs_daemon_notify (const char *state);

/* Calls `run` and returns what it wrote to stderr, as one line without newline; also what libfuse logs meanwhile. */
char *clfs_daemon_capture (int (*run) (void *data), void *data, int *result);

/* Sends libfuse's own messages the same way as ours. */
void clfs_daemon_take_fuse_log (void);

#endif
