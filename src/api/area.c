/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * area.c - marshalling areas: make and delete.
 *
 * The blocks that records wait in belong to the engine, which is shared by all who write the log. An area says who may
 * read and write, and bounds records and read contexts.
 */
#include "api.h"

#include "format/block.h"

clfs_area *
clfs_area_ref (clfs_area *area)
{
    g_atomic_int_inc (&area->references);
    return area;
}

NTSTATUS
clfs_area_unref (clfs_area *area)
{
    if (!g_atomic_int_dec_and_test (&area->references))
        return STATUS_SUCCESS;
    NTSTATUS status = clfs_api_file_unref (area->file);
    g_free (area);
    return status;
}

static NTSTATUS
area_destroy (void *object)
{
    return clfs_area_unref (object);
}

/* Two containers, so that one can be filled while the other is being freed. A log that grows by itself gets them
 * here. */
static NTSTATUS
need_containers (clfs_log *log, const clfs_info *info)
{
    /* What is read-only for another reason refuses appends by itself, and can be read. */
    if (info->containers >= 2 || info->state == CLFS_STATE_READ_ONLY)
        return STATUS_SUCCESS;
    if (info->max_bytes == 0)
        return clfs_message_fail (STATUS_LOG_NOT_ENOUGH_CONTAINERS,
                                  "a log needs two containers to be written, this one has %u: add some",
                                  info->containers);
    return clfs_log_add_containers (log, 2 - info->containers, NULL, NULL);
}

NTSTATUS
ClfsCreateMarshallingAreaEx (PLOG_FILE_OBJECT plfoLog, POOL_TYPE ePoolType, PALLOCATE_FUNCTION pfnAllocBuffer,
                             PFREE_FUNCTION pfnFreeBuffer, ULONG cbMarshallingBuffer, ULONG cMaxWriteBuffers,
                             ULONG cMaxReadBuffers, ULONG cAlignmentSize, ULONGLONG fFlags, PVOID *ppvMarshalContext)
{
    clfs_api_file *file = clfs_api_file_acquire (plfoLog);
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    clfs_info info;

    (void) cMaxWriteBuffers;
    if (file == NULL)
        return STATUS_INVALID_HANDLE;
    uint64_t block_bytes =
        ((uint64_t) cbMarshallingBuffer + CLFS_SECTOR_BYTES - 1) / CLFS_SECTOR_BYTES * CLFS_SECTOR_BYTES;
    if (ppvMarshalContext == NULL || (pfnAllocBuffer == NULL) != (pfnFreeBuffer == NULL) || cbMarshallingBuffer == 0
        || block_bytes > (uint64_t) CLFS_BLOCK_SECTORS_MAX * CLFS_SECTOR_BYTES
        || (cAlignmentSize & (cAlignmentSize - 1)) != 0
        || (fFlags & ~(ULONGLONG) CLFS_MARSHALLING_FLAG_DISABLE_BUFF_INIT) != 0)
        goto out;
    if ((file->access & (GENERIC_READ | GENERIC_WRITE)) == 0) {
        status = clfs_api_file_denied (file);
        goto out;
    }
    status = STATUS_SUCCESS;
    clfs_log *log = clfs_stream_log (file->stream);
    if (file->access & GENERIC_WRITE) {
        clfs_log_info (log, &info);
        status = need_containers (log, &info);
    }
    if (!NT_SUCCESS (status))
        goto out;
    clfs_log_info (log, &info);
    if (info.containers > 0 && block_bytes > info.container_bytes) {
        status = STATUS_INVALID_PARAMETER;
        goto out;
    }

    clfs_area *area = g_new0 (clfs_area, 1);
    *area = (clfs_area) {
        .references = 1,
        .file = clfs_api_file_ref (file),
        .pool = ePoolType,
        .allocate = pfnAllocBuffer,
        .free = pfnFreeBuffer,
        .block_bytes = (ULONG) block_bytes,
        .record_bytes_max = clfs_block_payload_max ((uint32_t) (block_bytes / CLFS_SECTOR_BYTES)),
        .readers_max = cMaxReadBuffers,
    };
    PVOID handle = clfs_handle_new (CLFS_HANDLE_AREA, area, area_destroy);
    if (handle != NULL) {
        *ppvMarshalContext = handle;
    } else {
        /* Not the file's last use: the caller's is there. */
        (void) clfs_area_unref (area);
        status = STATUS_INSUFFICIENT_RESOURCES;
    }
out:
    (void) clfs_handle_release (plfoLog);
    return status;
}

NTSTATUS
ClfsCreateMarshallingArea (PLOG_FILE_OBJECT plfoLog, POOL_TYPE ePoolType, PALLOCATE_FUNCTION pfnAllocBuffer,
                           PFREE_FUNCTION pfnFreeBuffer, ULONG cbMarshallingBuffer, ULONG cMaxWriteBuffers,
                           ULONG cMaxReadBuffers, PVOID *ppvMarshalContext)
{
    return ClfsCreateMarshallingAreaEx (plfoLog, ePoolType, pfnAllocBuffer, pfnFreeBuffer, cbMarshallingBuffer,
                                        cMaxWriteBuffers, cMaxReadBuffers, 0, CLFS_MARSHALLING_FLAG_NONE,
                                        ppvMarshalContext);
}

NTSTATUS
ClfsDeleteMarshallingArea (PVOID pvMarshalContext)
{
    clfs_area *area = clfs_area_acquire (pvMarshalContext);
    NTSTATUS status = STATUS_SUCCESS;

    if (area == NULL)
        return STATUS_INVALID_PARAMETER;
    bool mine = clfs_handle_close (pvMarshalContext);
    /* After the close, so that what is appended through the area until then is covered. */
    if (mine && clfs_area_may (area, GENERIC_WRITE))
        status = clfs_log_flush (clfs_area_log (area), CLFS_NULL_LSN, NULL);
    NTSTATUS released = clfs_handle_release (pvMarshalContext);
    if (!mine)
        return STATUS_INVALID_PARAMETER;
    return NT_SUCCESS (status) ? released : status;
}
