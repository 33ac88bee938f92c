/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fd.h - for programs that append through the file `records` of a mounted log.
 */
#ifndef CLFS_FD_H
#define CLFS_FD_H

#include <clfs/lsn.h>
#include <clfs/ntstatus.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The LSN of the last record that was made through the open file `fd` (of `records`), by this process or another one that shares
 * the open file; CLFS_INVALID_LSN if there is none, also while all that was written is an unterminated line.
 * STATUS_INVALID_HANDLE: no open descriptor. STATUS_INVALID_PARAMETER: not `records` of a mounted log, or lsn is NULL.
 * STATUS_IO_DEVICE_ERROR: the mount does not answer. */
NTSTATUS clfs_fd_last_lsn (int fd, clfs_lsn_t *lsn);

#ifdef __cplusplus
}
#endif

#endif
