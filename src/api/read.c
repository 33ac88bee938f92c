/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read.c - read contexts over records.
 */
#include "api.h"

#include <string.h>

#define POOL_TAG 0x73666C63u /* "clfs" */

NTSTATUS
clfs_reader_new (clfs_area *area, CLFS_CONTEXT_MODE mode, clfs_reader **out)
{
    static const enum clfs_cursor_mode cursor_modes[] = {
        [ClfsContextUndoNext] = CLFS_CURSOR_UNDO_NEXT,
        [ClfsContextPrevious] = CLFS_CURSOR_PREVIOUS,
        [ClfsContextForward] = CLFS_CURSOR_FORWARD,
    };

    if (!clfs_area_may (area, GENERIC_READ))
        return clfs_api_file_denied (area->file);
    /* Counted before it is compared, so that two threads cannot both take the last one. */
    if ((ULONG) g_atomic_int_add (&area->readers, 1) >= area->readers_max) {
        g_atomic_int_add (&area->readers, -1);
        return clfs_message_fail (STATUS_LOG_BLOCKS_EXHAUSTED, "this area has no more than %u read contexts",
                                  area->readers_max);
    }
    clfs_reader *reader = g_new0 (clfs_reader, 1);
    *reader = (clfs_reader) {
        .area = clfs_area_ref (area), .mode = mode, .current = CLFS_INVALID_LSN, .restart = CLFS_INVALID_LSN
    };
    NTSTATUS status = STATUS_SUCCESS;
    if (area->allocate != NULL) {
        reader->block = area->allocate (area->pool, area->block_bytes, POOL_TAG);
        if (reader->block == NULL)
            status = STATUS_INSUFFICIENT_RESOURCES;
    }
    if (NT_SUCCESS (status))
        status = clfs_cursor_open (clfs_area_log (area), cursor_modes[mode], &reader->cursor);
    if (NT_SUCCESS (status))
        *out = reader;
    else
        (void) clfs_reader_free (reader);
    return status;
}

NTSTATUS
clfs_reader_free (clfs_reader *reader)
{
    clfs_area *area = reader->area;

    if (reader->cursor != NULL)
        clfs_cursor_close (reader->cursor);
    if (reader->block != NULL)
        area->free (reader->block);
    g_free (reader);
    g_atomic_int_add (&area->readers, -1);
    return clfs_area_unref (area);
}

static NTSTATUS
reader_destroy (void *object)
{
    return clfs_reader_free (object);
}

NTSTATUS
clfs_reader_show (clfs_reader *reader, const clfs_record *record, PVOID *data, PULONG bytes)
{
    /* Blocks in the log are as long as the engine likes: what counts is whether a block of the area could hold this
     * record. */
    if (record->bytes > reader->area->record_bytes_max)
        return clfs_message_fail (STATUS_LOG_BLOCK_INCOMPLETE,
                                  "a record of %u bytes needs larger blocks than this marshalling area has",
                                  record->bytes);
    reader->current = record->lsn;
    if (reader->block != NULL && record->bytes > 0)
        memcpy (reader->block, record->data, record->bytes);
    *data = reader->block != NULL ? reader->block : (PVOID) record->data;
    *bytes = record->bytes;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_reader_publish (clfs_reader *reader, PVOID *context)
{
    PVOID handle = clfs_handle_new (CLFS_HANDLE_READER, reader, reader_destroy);

    if (handle == NULL) {
        (void) clfs_reader_free (reader);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *context = handle;
    return STATUS_SUCCESS;
}

static void
tell_record (const clfs_record *record, PCLFS_RECORD_TYPE type, PCLFS_LSN undo_next, PCLFS_LSN previous)
{
    if (type != NULL)
        *type = (CLFS_RECORD_TYPE) record->type;
    if (undo_next != NULL)
        undo_next->Internal = record->undo_next;
    if (previous != NULL)
        previous->Internal = record->previous;
}

NTSTATUS
ClfsReadLogRecord (PVOID pvMarshalContext, PCLFS_LSN plsnFirst, CLFS_CONTEXT_MODE peContextMode, PVOID *ppvReadBuffer,
                   PULONG pcbReadBuffer, PCLFS_RECORD_TYPE peRecordType, PCLFS_LSN plsnUndoNext, PCLFS_LSN plsnPrevious,
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
    if (plsnFirst == NULL || ppvReadBuffer == NULL || pcbReadBuffer == NULL || ppvReadContext == NULL)
        goto out;
    status = STATUS_LOG_READ_MODE_INVALID;
    if (peContextMode != ClfsContextUndoNext && peContextMode != ClfsContextPrevious
        && peContextMode != ClfsContextForward)
        goto out;
    status = clfs_reader_new (area, peContextMode, &reader);
    if (!NT_SUCCESS (status))
        goto out;
    status = clfs_cursor_seek (reader->cursor, plsnFirst->Internal, &record);
    if (NT_SUCCESS (status))
        status = clfs_reader_show (reader, &record, ppvReadBuffer, pcbReadBuffer);
    if (!NT_SUCCESS (status)) {
        (void) clfs_reader_free (reader);
        goto out;
    }
    tell_record (&record, peRecordType, plsnUndoNext, plsnPrevious);
    status = clfs_reader_publish (reader, ppvReadContext);
out:
    (void) clfs_handle_release (pvMarshalContext);
    return status;
}

/* Goes to the record that the caller named instead of the mode's next one. */
static NTSTATUS
seek_user (clfs_reader *reader, clfs_lsn_t lsn, unsigned types, clfs_record *out)
{
    /* The end of the caller's own chain. */
    if (lsn == CLFS_INVALID_LSN)
        return STATUS_END_OF_FILE;
    if (reader->mode == ClfsContextForward ? lsn == reader->current : lsn >= reader->current)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = clfs_cursor_seek (reader->cursor, lsn, out);
    if (NT_SUCCESS (status) && (out->type & types) == 0)
        status = clfs_cursor_next (reader->cursor, types, out);
    return status;
}

NTSTATUS
ClfsReadNextLogRecord (PVOID pvReadContext, PVOID *ppvBuffer, PULONG pcbBuffer, PCLFS_RECORD_TYPE peRecordType,
                       PCLFS_LSN plsnUser, PCLFS_LSN plsnUndoNext, PCLFS_LSN plsnPrevious, PCLFS_LSN plsnRecord)
{
    clfs_reader *reader = clfs_handle_acquire (pvReadContext, CLFS_HANDLE_READER);
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    clfs_record record;

    if (reader == NULL)
        return STATUS_LOG_READ_CONTEXT_INVALID;
    if (ppvBuffer == NULL || pcbBuffer == NULL || peRecordType == NULL)
        goto out;
    unsigned types = *peRecordType & ClfsClientRecord;
    if (types == 0)
        goto out;
    status = plsnUser != NULL ? seek_user (reader, plsnUser->Internal, types, &record)
                              : clfs_cursor_next (reader->cursor, types, &record);
    if (NT_SUCCESS (status))
        status = clfs_reader_show (reader, &record, ppvBuffer, pcbBuffer);
    if (!NT_SUCCESS (status)) {
        /* The context stays where it is, so that nothing is skipped by asking again. At the end the cursor has not
         * moved. */
        if (plsnUser != NULL || status == STATUS_LOG_BLOCK_INCOMPLETE)
            (void) !clfs_cursor_seek (reader->cursor, reader->current, &record);
        goto out;
    }
    tell_record (&record, peRecordType, plsnUndoNext, plsnPrevious);
    if (plsnRecord != NULL)
        plsnRecord->Internal = record.lsn;
out:
    (void) clfs_handle_release (pvReadContext);
    return status;
}

NTSTATUS
ClfsTerminateReadLog (PVOID pvCursorContext)
{
    if (clfs_handle_acquire (pvCursorContext, CLFS_HANDLE_READER) == NULL)
        return STATUS_LOG_READ_CONTEXT_INVALID;
    bool mine = clfs_handle_close (pvCursorContext);
    NTSTATUS status = clfs_handle_release (pvCursorContext);
    return mine ? status : STATUS_LOG_READ_CONTEXT_INVALID;
}
