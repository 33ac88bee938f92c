/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * information.c - what a log says of itself.
 */
#include "api.h"

#include <string.h>

static_assert (sizeof (CLFS_INFORMATION) == 120, "as on 64-bit Windows");
static_assert (sizeof (GUID) == sizeof (((clfs_info *) NULL)->id), "a GUID is stored as it is");

static void
fill_information (clfs_log *log, CLFS_INFORMATION *out)
{
    clfs_info info;

    clfs_log_info (log, &info);
    /* Windows' logs grow by containers that somebody adds: what a log may grow by itself is not there yet. */
    uint64_t growth = info.max_bytes > info.size_bytes ? info.max_bytes - info.size_bytes : 0;
    uint64_t available = info.available_bytes > growth ? info.available_bytes - growth : 0;
    *out = (CLFS_INFORMATION) {
        .TotalAvailable = (LONGLONG) info.size_bytes,
        .CurrentAvailable = (LONGLONG) MIN (available, info.size_bytes),
        .TotalReservation = (LONGLONG) info.reserved_bytes,
        .BaseFileSize = info.base_file_bytes,
        .ContainerSize = info.container_bytes,
        .TotalContainers = info.containers,
        .FreeContainers = info.containers_free,
        .TotalClients = 1,
        .Attributes = FILE_ATTRIBUTE_DEDICATED | (info.archive ? FILE_ATTRIBUTE_ARCHIVE : 0),
        .FlushThreshold = info.flush_threshold_bytes,
        .SectorSize = CLFS_SECTOR_BYTES,
        /* What Windows stores in a log without archive tail. */
        .MinArchiveTailLsn = { info.archive_tail != CLFS_INVALID_LSN ? info.archive_tail : info.base },
        .BaseLsn = { info.base },
        .LastFlushedLsn = { info.durable_below },
        .LastLsn = { info.next },
        .RestartLsn = { info.restart },
    };
    memcpy (&out->Identity, info.id, sizeof out->Identity);
}

/* Copies an answer of fixed size out; *pcbInfoBuffer as wdm.h says. */
static NTSTATUS
answer (const void *data, ULONG bytes, PVOID pinfoBuffer, PULONG pcbInfoBuffer)
{
    ULONG room = *pcbInfoBuffer;

    *pcbInfoBuffer = bytes;
    if (room < bytes)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy (pinfoBuffer, data, bytes);
    return STATUS_SUCCESS;
}

static NTSTATUS
answer_name (const clfs_api_file *file, PVOID pinfoBuffer, PULONG pcbInfoBuffer)
{
    g_autofree char *base_file = g_strconcat (file->stream->name, ".blf", NULL);
    g_autofree char *path = g_build_filename (file->directory, base_file, NULL);
    glong units = 0;
    g_autofree gunichar2 *wide = g_utf8_to_utf16 (path, -1, NULL, &units, NULL);
    const ULONG head = offsetof (CLFS_LOG_NAME_INFORMATION, Name);
    ULONG room = *pcbInfoBuffer;

    if (wide == NULL || units > UINT16_MAX / 2)
        return STATUS_OBJECT_NAME_INVALID;
    ULONG bytes = (ULONG) units * 2;
    *pcbInfoBuffer = head + bytes;
    if (room >= head) {
        ((PCLFS_LOG_NAME_INFORMATION) pinfoBuffer)->NameLengthInBytes = (USHORT) bytes;
        memcpy ((char *) pinfoBuffer + head, wide, MIN (bytes, (room - head) & ~1u));
    }
    return room < head + bytes ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

static NTSTATUS
answer_physical_lsn (const void *input, ULONG input_bytes, PVOID pinfoBuffer, PULONG pcbInfoBuffer)
{
    CLFS_PHYSICAL_LSN_INFORMATION lsn;

    if (input == NULL || input_bytes < sizeof lsn)
        return STATUS_INVALID_PARAMETER;
    memcpy (&lsn, input, sizeof lsn);
    if (lsn.StreamIdentifier != 0 || lsn.VirtualLsn.Internal >= CLFS_INVALID_LSN)
        return STATUS_INVALID_PARAMETER;
    lsn.PhysicalLsn = lsn.VirtualLsn;
    return answer (&lsn, sizeof lsn, pinfoBuffer, pcbInfoBuffer);
}

NTSTATUS
ClfsQueryLogFileInformation (PLOG_FILE_OBJECT plfoLog, CLFS_LOG_INFORMATION_CLASS eInformationClass,
                             PVOID pinfoInputBuffer, ULONG cbinfoInputBuffer, PVOID pinfoBuffer, PULONG pcbInfoBuffer)
{
    clfs_api_file *file = clfs_api_file_acquire (plfoLog);
    NTSTATUS status = STATUS_INVALID_PARAMETER;

    if (file == NULL)
        return STATUS_INVALID_HANDLE;
    if (pcbInfoBuffer == NULL || (pinfoBuffer == NULL && *pcbInfoBuffer > 0))
        goto out;
    switch (eInformationClass) {
    case ClfsLogBasicInformation:
    case ClfsLogBasicInformationPhysical: {
        CLFS_INFORMATION information;
        fill_information (clfs_stream_log (file->stream), &information);
        status = answer (&information, sizeof information, pinfoBuffer, pcbInfoBuffer);
        break;
    }
    case ClfsLogPhysicalNameInformation:
        status = answer_name (file, pinfoBuffer, pcbInfoBuffer);
        break;
    case ClfsLogStreamIdentifierInformation:
        status = answer (&(CLFS_STREAM_ID_INFORMATION) { 0 }, sizeof (CLFS_STREAM_ID_INFORMATION), pinfoBuffer,
                         pcbInfoBuffer);
        break;
    case ClfsLogSystemMarkingInformation:
        status = answer (&(ULONG) { 0 }, sizeof (ULONG), pinfoBuffer, pcbInfoBuffer);
        break;
    case ClfsLogPhysicalLsnInformation:
        status = answer_physical_lsn (pinfoInputBuffer, cbinfoInputBuffer, pinfoBuffer, pcbInfoBuffer);
        break;
    default:
        status = STATUS_INVALID_PARAMETER_2;
    }
out:
    (void) clfs_handle_release (plfoLog);
    return status;
}

NTSTATUS
ClfsGetLogFileInformation (PLOG_FILE_OBJECT plfoLog, PCLFS_INFORMATION pinfoBuffer, PULONG pcbInfoBuffer)
{
    return ClfsQueryLogFileInformation (plfoLog, ClfsLogBasicInformation, NULL, 0, pinfoBuffer, pcbInfoBuffer);
}

NTSTATUS
ClfsGetLastLsn (PLOG_FILE_OBJECT plfoLog, PCLFS_LSN plsnLast)
{
    clfs_api_file *file = clfs_api_file_acquire (plfoLog);
    clfs_info info;

    if (file == NULL)
        return STATUS_INVALID_HANDLE;
    if (plsnLast != NULL) {
        clfs_log_info (clfs_stream_log (file->stream), &info);
        plsnLast->Internal = info.next;
    }
    (void) clfs_handle_release (plfoLog);
    return plsnLast != NULL ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
