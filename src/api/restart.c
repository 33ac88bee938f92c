/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * restart.c - restart areas and the base.
 */
#include "api.h"

/* Bytes of log between two marks of it. */
static ULONG
bytes_between (clfs_lsn_t from, clfs_lsn_t to, uint64_t container_bytes)
{
    if (to <= from)
        return 0;
    uint64_t bytes = (uint64_t) (clfs_lsn_container (to) - clfs_lsn_container (from)) * container_bytes
                     + clfs_lsn_block_bytes (to) - clfs_lsn_block_bytes (from);
    return (ULONG) MIN (bytes, UINT32_MAX);
}

NTSTATUS
ClfsWriteRestartArea (PVOID pvMarshalContext, PVOID pvRestartBuffer, ULONG cbRestartBuffer, PCLFS_LSN plsnBase,
                      ULONG fFlags, PULONG pcbWritten, PCLFS_LSN plsnNext)
{
    clfs_area *area = clfs_area_acquire (pvMarshalContext);
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    clfs_lsn_t lsn = CLFS_INVALID_LSN;
    clfs_info before, after;

    if (area == NULL)
        return STATUS_INVALID_PARAMETER;
    if ((fFlags & ~(ULONG) CLFS_FLAG_USE_RESERVATION) != 0 || (pvRestartBuffer == NULL && cbRestartBuffer > 0))
        goto out;
    if (!clfs_area_may (area, GENERIC_WRITE)) {
        status = clfs_api_file_denied (area->file);
        goto out;
    }
    status = STATUS_NOT_SUPPORTED;
    if (fFlags & CLFS_FLAG_USE_RESERVATION)
        goto out;
    status = STATUS_BUFFER_TOO_SMALL;
    if (cbRestartBuffer > area->record_bytes_max)
        goto out;
    /* The engine takes this for "leave the base alone"; here that is said by NULL. */
    status = STATUS_LOG_TAIL_INVALID;
    if (plsnBase != NULL && plsnBase->Internal >= CLFS_INVALID_LSN)
        goto out;
    clfs_log *log = clfs_area_log (area);
    clfs_log_info (log, &before);
    status = clfs_log_write_restart (log, pvRestartBuffer, cbRestartBuffer,
                                     plsnBase != NULL ? plsnBase->Internal : CLFS_INVALID_LSN, &lsn);
    if (!NT_SUCCESS (status))
        goto out;
    if (pcbWritten != NULL) {
        clfs_log_info (log, &after);
        *pcbWritten = bytes_between (before.durable_below, after.durable_below, after.container_bytes);
    }
    if (plsnNext != NULL)
        plsnNext->Internal = lsn;
out:
    (void) clfs_handle_release (pvMarshalContext);
    return status;
}

NTSTATUS
ClfsReadRestartArea (PVOID pvMarshalContext, PVOID *ppvRestartBuffer, PULONG pcbRestartBuffer, PCLFS_LSN plsn,
                     PVOID *ppvReadContext)
{
    clfs_area *area = clfs_area_acquire (pvMarshalContext);
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    clfs_reader *reader = NULL;
    clfs_record record;

    if (ppvReadContext != NULL)
        *ppvReadContext = NULL;
    if (area == NULL)
        return STATUS_INVALID_PARAMETER;
    if (ppvRestartBuffer == NULL || pcbRestartBuffer == NULL || plsn == NULL || ppvReadContext == NULL)
        goto out;
    /* Forward: after the restart area a recovery reads on from there. */
    status = clfs_reader_new (area, ClfsContextForward, &reader);
    if (!NT_SUCCESS (status))
        goto out;
    status = clfs_cursor_restart (reader->cursor, &record);
    if (status == STATUS_SUCCESS)
        status = clfs_reader_show (reader, &record, ppvRestartBuffer, pcbRestartBuffer);
    if (status != STATUS_SUCCESS) {
        if (status == STATUS_LOG_NO_RESTART) {
            *ppvRestartBuffer = NULL;
            *pcbRestartBuffer = 0;
            *plsn = CLFS_LSN_INVALID;
        }
        (void) clfs_reader_free (reader);
        goto out;
    }
    reader->restart = record.lsn;
    plsn->Internal = record.lsn;
    status = clfs_reader_publish (reader, ppvReadContext);
out:
    (void) clfs_handle_release (pvMarshalContext);
    return status;
}

NTSTATUS
ClfsReadPreviousRestartArea (PVOID pvReadContext, PVOID *ppvRestartBuffer, PULONG pcbRestartBuffer,
                             PCLFS_LSN plsnRestart)
{
    clfs_reader *reader = clfs_handle_acquire (pvReadContext, CLFS_HANDLE_READER);
    NTSTATUS status = STATUS_LOG_READ_CONTEXT_INVALID;
    clfs_record record;

    if (reader == NULL)
        return STATUS_LOG_READ_CONTEXT_INVALID;
    if (reader->restart == CLFS_INVALID_LSN)
        goto out;
    status = STATUS_INVALID_PARAMETER;
    if (ppvRestartBuffer == NULL || pcbRestartBuffer == NULL || plsnRestart == NULL)
        goto out;
    status = STATUS_SUCCESS;
    /* ClfsReadNextLogRecord may have led it elsewhere. */
    if (reader->current != reader->restart)
        status = clfs_cursor_seek (reader->cursor, reader->restart, &record);
    if (NT_SUCCESS (status)) {
        reader->current = reader->restart;
        status = clfs_cursor_previous_restart (reader->cursor, &record);
    }
    if (NT_SUCCESS (status))
        status = clfs_reader_show (reader, &record, ppvRestartBuffer, pcbRestartBuffer);
    if (!NT_SUCCESS (status)) {
        if (status == STATUS_LOG_BLOCK_INCOMPLETE)
            (void) !clfs_cursor_seek (reader->cursor, reader->restart, &record);
        goto out;
    }
    reader->restart = record.lsn;
    plsnRestart->Internal = record.lsn;
out:
    (void) clfs_handle_release (pvReadContext);
    return status;
}

NTSTATUS
ClfsAdvanceLogBase (PVOID pvMarshalContext, PCLFS_LSN plsnBase, ULONG fFlags)
{
    clfs_area *area = clfs_area_acquire (pvMarshalContext);
    NTSTATUS status = STATUS_INVALID_PARAMETER;

    if (area == NULL)
        return STATUS_INVALID_PARAMETER;
    if (plsnBase == NULL || fFlags != 0)
        goto out;
    status = clfs_area_may (area, GENERIC_WRITE) ? clfs_log_set_base (clfs_area_log (area), plsnBase->Internal)
                                                 : clfs_api_file_denied (area->file);
out:
    (void) clfs_handle_release (pvMarshalContext);
    return status;
}
