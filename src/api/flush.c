/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flush.c - making records durable.
 */
#include "api.h"

/* An area without write access cannot flush: it only says whether there is nothing to do. */
static NTSTATUS
flush_read_only (clfs_log *log, clfs_lsn_t lsn, clfs_lsn_t *durable_below)
{
    clfs_info info;

    clfs_log_info (log, &info);
    if (lsn > info.next)
        return clfs_message_fail (STATUS_INVALID_PARAMETER, "the log has not got to that LSN");
    bool all = lsn == CLFS_NULL_LSN || lsn == info.next;
    if (all ? info.durable_below < info.next : lsn >= info.durable_below)
        return clfs_message_fail (STATUS_ACCESS_DENIED, "there is something to flush, and this area may not write");
    *durable_below = info.durable_below;
    return STATUS_SUCCESS;
}

NTSTATUS
ClfsFlushToLsn (PVOID pvMarshalContext, PCLFS_LSN plsnFlush, PCLFS_LSN plsnLastFlushed)
{
    clfs_area *area = clfs_area_acquire (pvMarshalContext);
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    clfs_lsn_t durable_below = CLFS_INVALID_LSN;

    if (area == NULL)
        return STATUS_INVALID_PARAMETER;
    if (plsnFlush == NULL)
        goto out;
    status = clfs_area_may (area, GENERIC_WRITE)
                 ? clfs_log_flush (clfs_area_log (area), plsnFlush->Internal, &durable_below)
                 : flush_read_only (clfs_area_log (area), plsnFlush->Internal, &durable_below);
    if (NT_SUCCESS (status) && plsnLastFlushed != NULL)
        plsnLastFlushed->Internal = durable_below;
out:
    (void) clfs_handle_release (pvMarshalContext);
    return status;
}

NTSTATUS
ClfsFlushBuffers (PVOID pvMarshalContext)
{
    CLFS_LSN all = CLFS_LSN_NULL;

    return ClfsFlushToLsn (pvMarshalContext, &all, NULL);
}
