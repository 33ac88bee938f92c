/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fd.c - part of libclfs, not of the mount: its only contact with it is this ioctl.
 */
#include "ioctl.h"

#include <clfs/fd.h>

#include <errno.h>
#include <stddef.h>

NTSTATUS
clfs_fd_last_lsn (int fd, clfs_lsn_t *lsn)
{
    uint64_t last;

    if (lsn == NULL)
        return STATUS_INVALID_PARAMETER;
    if (ioctl (fd, CLFS_IOC_LAST_LSN, &last) < 0) {
        if (errno == EBADF)
            return STATUS_INVALID_HANDLE;
        return errno == ENOTCONN || errno == EIO ? STATUS_IO_DEVICE_ERROR : STATUS_INVALID_PARAMETER;
    }
    *lsn = last;
    return STATUS_SUCCESS;
}
