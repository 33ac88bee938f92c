/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * append.c - appending a record.
 */
#include "api.h"

#include <inttypes.h>
#include <sys/uio.h>

#define FLAGS_ALLOWED (CLFS_FLAG_FORCE_APPEND | CLFS_FLAG_FORCE_FLUSH | CLFS_FLAG_USE_RESERVATION)
/* So many entries, gaps included, need no memory from the heap. */
#define VECTOR_ENTRIES_USUAL 16u

/* Makes the vector of a record: the entries, each beginning at a multiple of `alignment`. The gaps are pieces of
 * *zeros, which is made as long as the longest one. `vector` has room for twice the entries. */
static NTSTATUS
gather (const CLFS_WRITE_ENTRY *entries, ULONG count, ULONG alignment, uint64_t bytes_max, struct iovec *vector,
        int *pieces, void **zeros)
{
    uint64_t bytes = 0, longest = 0;
    int n = 0;

    for (ULONG i = 0; i < count; i++) {
        uint64_t gap = (alignment - bytes % alignment) % alignment;
        if (entries[i].Buffer == NULL && entries[i].ByteLength > 0)
            return STATUS_INVALID_PARAMETER;
        bytes += gap + entries[i].ByteLength;
        if (bytes > bytes_max)
            return clfs_message_fail (STATUS_BUFFER_TOO_SMALL,
                                      "a block of this marshalling area holds %" PRIu64 " bytes", bytes_max);
        longest = MAX (longest, gap);
        if (gap > 0)
            vector[n++] = (struct iovec) { .iov_base = NULL, .iov_len = gap };
        if (entries[i].ByteLength > 0)
            vector[n++] = (struct iovec) { .iov_base = entries[i].Buffer, .iov_len = entries[i].ByteLength };
    }
    if (longest > 0) {
        *zeros = g_malloc0 (longest);
        for (int i = 0; i < n; i++)
            if (vector[i].iov_base == NULL)
                vector[i].iov_base = *zeros;
    }
    *pieces = n;
    return STATUS_SUCCESS;
}

static NTSTATUS
append (clfs_area *area, const CLFS_WRITE_ENTRY *entries, ULONG count, ULONG alignment,
        const clfs_append_options *options, clfs_lsn_t *lsn)
{
    struct iovec usual[VECTOR_ENTRIES_USUAL];
    g_autofree struct iovec *many = NULL;
    g_autofree void *zeros = NULL;
    int pieces = 0;

    if (count > INT_MAX / 2)
        return STATUS_INVALID_PARAMETER;
    if (count > VECTOR_ENTRIES_USUAL / 2) {
        many = g_try_new (struct iovec, (gsize) count * 2);
        if (many == NULL)
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    struct iovec *vector = many != NULL ? many : usual;
    NTSTATUS status = gather (entries, count, alignment, area->record_bytes_max, vector, &pieces, &zeros);
    return NT_SUCCESS (status) ? clfs_log_append (clfs_area_log (area), vector, pieces, options, lsn) : status;
}

NTSTATUS
ClfsReserveAndAppendLogAligned (PVOID pvMarshalContext, PCLFS_WRITE_ENTRY rgWriteEntries, ULONG cWriteEntries,
                                ULONG cbEntryAlignment, PCLFS_LSN plsnUndoNext, PCLFS_LSN plsnPrevious,
                                ULONG cReserveRecords, PLONGLONG rgcbReservation, ULONG fFlags, PCLFS_LSN plsn)
{
    clfs_area *area = clfs_area_acquire (pvMarshalContext);
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    clfs_lsn_t lsn = CLFS_INVALID_LSN;

    if (area == NULL)
        return STATUS_INVALID_PARAMETER;
    if ((rgWriteEntries == NULL && cWriteEntries > 0) || cbEntryAlignment == 0 || (fFlags & ~(ULONG) FLAGS_ALLOWED) != 0
        || (cReserveRecords > 0 && (rgcbReservation == NULL || (fFlags & CLFS_FLAG_USE_RESERVATION))))
        goto out;
    if (!clfs_area_may (area, GENERIC_WRITE)) {
        status = clfs_api_file_denied (area->file);
        goto out;
    }
    if (cReserveRecords > 0 || (fFlags & CLFS_FLAG_USE_RESERVATION)) {
        status = clfs_message_fail (STATUS_NOT_SUPPORTED, "reservations are not supported");
        goto out;
    }
    if (cWriteEntries == 0) {
        /* Nothing to append. Records are readable as soon as they have an LSN, so there is nothing to force but
         * durability. */
        status = (fFlags & CLFS_FLAG_FORCE_FLUSH) ? clfs_log_flush (clfs_area_log (area), CLFS_NULL_LSN, NULL)
                                                  : STATUS_SUCCESS;
        goto out;
    }
    clfs_append_options options = {
        .flags = ((fFlags & CLFS_FLAG_FORCE_APPEND) ? CLFS_APPEND_FORCE_APPEND : 0)
                 | ((fFlags & CLFS_FLAG_FORCE_FLUSH) ? CLFS_APPEND_FORCE_FLUSH : 0),
        .previous = plsnPrevious != NULL ? plsnPrevious->Internal : CLFS_INVALID_LSN,
        .undo_next = plsnUndoNext != NULL ? plsnUndoNext->Internal : CLFS_INVALID_LSN,
    };
    status = append (area, rgWriteEntries, cWriteEntries, cbEntryAlignment, &options, &lsn);
    if (plsn != NULL && (NT_SUCCESS (status) || status == STATUS_LOG_APPENDED_FLUSH_FAILED))
        plsn->Internal = lsn;
out:
    (void) clfs_handle_release (pvMarshalContext);
    return status;
}

NTSTATUS
ClfsReserveAndAppendLog (PVOID pvMarshalContext, PCLFS_WRITE_ENTRY rgWriteEntries, ULONG cWriteEntries,
                         PCLFS_LSN plsnUndoNext, PCLFS_LSN plsnPrevious, ULONG cReserveRecords,
                         PLONGLONG rgcbReservation, ULONG fFlags, PCLFS_LSN plsn)
{
    return ClfsReserveAndAppendLogAligned (pvMarshalContext, rgWriteEntries, cWriteEntries, 1, plsnUndoNext,
                                           plsnPrevious, cReserveRecords, rgcbReservation, fFlags, plsn);
}
