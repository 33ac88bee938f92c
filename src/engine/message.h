/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message.h - what the library says: the calling thread's error line, and the log of what nobody asked for.
 */
#ifndef CLFS_ENGINE_MESSAGE_H
#define CLFS_ENGINE_MESSAGE_H

#include <clfs/clfs.h>

#include <glib.h>

/* Sets the calling thread's clfs_error_message() and returns `status`, so that a failure is one statement. */
NTSTATUS clfs_message_fail (NTSTATUS status, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Reports one line through the log handler. level: syslog(3). No engine lock may be held. */
void clfs_message_report (int level, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* A few words for a status from the storage: "no space left", "input/output error". */
const char *clfs_message_status_words (NTSTATUS status);

#endif
