/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container.c - adding, removing and naming containers.
 */
#include "api.h"

#include <string.h>

static void
names_free (char **names, USHORT count)
{
    for (USHORT i = 0; i < count; i++)
        g_free (names[i]);
    g_free (names);
}

static NTSTATUS
names_parse (const clfs_api_file *file, const UNICODE_STRING *paths, USHORT count, char ***out)
{
    NTSTATUS status = STATUS_SUCCESS;
    char **names = g_new0 (char *, count);

    for (USHORT i = 0; i < count && NT_SUCCESS (status); i++)
        status = clfs_container_path_parse (&paths[i], &file->stream->store->identity, &names[i]);
    if (NT_SUCCESS (status))
        *out = names;
    else
        names_free (names, count);
    return status;
}

/* A wished container size, rounded up as Windows does it. */
static NTSTATUS
round_size (ULONGLONG wish, uint64_t *out)
{
    if (wish == 0 || wish > CLFS_CONTAINER_BYTES_MAX)
        return STATUS_INVALID_PARAMETER;
    *out = (wish + CLFS_CONTAINER_BYTES_UNIT - 1) / CLFS_CONTAINER_BYTES_UNIT * CLFS_CONTAINER_BYTES_UNIT;
    return STATUS_SUCCESS;
}

NTSTATUS
ClfsAddLogContainerSet (PLOG_FILE_OBJECT plfoLog, USHORT cContainers, PULONGLONG pcbContainer,
                        PUNICODE_STRING rguszContainerPath)
{
    clfs_api_file *file = clfs_api_file_acquire (plfoLog);
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    char **names = NULL;
    uint64_t bytes = 0;
    clfs_info info;

    if (file == NULL)
        return STATUS_INVALID_HANDLE;
    if (cContainers == 0 || rguszContainerPath == NULL)
        goto out;
    if ((file->access & GENERIC_WRITE) == 0) {
        status = clfs_api_file_denied (file);
        goto out;
    }
    clfs_log *log = clfs_stream_log (file->stream);
    clfs_log_info (log, &info);
    if (pcbContainer != NULL)
        status = round_size (*pcbContainer, &bytes);
    else
        status = info.containers == 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
    if (NT_SUCCESS (status))
        status = names_parse (file, rguszContainerPath, cContainers, &names);
    if (!NT_SUCCESS (status))
        goto out;
    status =
        clfs_log_add_containers (log, cContainers, (const char *const *) names, pcbContainer != NULL ? &bytes : NULL);
    if (NT_SUCCESS (status) && pcbContainer != NULL)
        *pcbContainer = bytes;
    names_free (names, cContainers);
out:
    (void) clfs_handle_release (plfoLog);
    return status;
}

NTSTATUS
ClfsAddLogContainer (PLOG_FILE_OBJECT plfoLog, PULONGLONG pcbContainer, PUNICODE_STRING puszContainerPath)
{
    return ClfsAddLogContainerSet (plfoLog, 1, pcbContainer, puszContainerPath);
}

NTSTATUS
ClfsRemoveLogContainerSet (PLOG_FILE_OBJECT plfoLog, USHORT cContainers, PUNICODE_STRING rgwszContainerPath,
                           BOOLEAN fForce)
{
    clfs_api_file *file = clfs_api_file_acquire (plfoLog);
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    char **names = NULL;

    if (file == NULL)
        return STATUS_INVALID_HANDLE;
    if (cContainers == 0 || rgwszContainerPath == NULL)
        goto out;
    if ((file->access & GENERIC_WRITE) == 0) {
        status = clfs_api_file_denied (file);
        goto out;
    }
    status = names_parse (file, rgwszContainerPath, cContainers, &names);
    if (!NT_SUCCESS (status))
        goto out;
    status = clfs_log_remove_containers (clfs_stream_log (file->stream), cContainers, (const char *const *) names,
                                         fForce != FALSE);
    names_free (names, cContainers);
out:
    (void) clfs_handle_release (plfoLog);
    return status;
}

NTSTATUS
ClfsRemoveLogContainer (PLOG_FILE_OBJECT plfoLog, PUNICODE_STRING puszContainerPath, BOOLEAN fForce)
{
    return ClfsRemoveLogContainerSet (plfoLog, 1, puszContainerPath, fForce);
}

/* The file name of the container with that logical id. */
static NTSTATUS
find_container (clfs_log *log, CLFS_CONTAINER_ID logical_id, char **name)
{
    g_autofree clfs_container_info *containers = g_new (clfs_container_info, CLFS_CONTAINERS_MAX);
    size_t count = 0;
    NTSTATUS status = clfs_log_containers (log, containers, CLFS_CONTAINERS_MAX, &count);

    if (!NT_SUCCESS (status))
        return status;
    for (size_t i = 0; i < MIN (count, CLFS_CONTAINERS_MAX); i++)
        if (containers[i].logical_id == logical_id) {
            *name = g_strdup (containers[i].name);
            return STATUS_SUCCESS;
        }
    return STATUS_NOT_FOUND;
}

NTSTATUS
ClfsGetContainerName (PLOG_FILE_OBJECT plfoLog, CLFS_CONTAINER_ID cidLogicalContainer,
                      PUNICODE_STRING puszContainerName, PULONG pcActualLenContainerName)
{
    clfs_api_file *file = clfs_api_file_acquire (plfoLog);
    g_autofree char *name = NULL, *path = NULL;
    g_autofree gunichar2 *wide = NULL;
    glong units = 0;
    NTSTATUS status = STATUS_INVALID_PARAMETER;

    if (file == NULL)
        return STATUS_INVALID_HANDLE;
    if (puszContainerName == NULL || (puszContainerName->Buffer == NULL && puszContainerName->MaximumLength > 0))
        goto out;
    status = find_container (clfs_stream_log (file->stream), cidLogicalContainer, &name);
    if (!NT_SUCCESS (status))
        goto out;
    path = g_build_filename (file->directory, name, NULL);
    wide = g_utf8_to_utf16 (path, -1, NULL, &units, NULL);
    if (wide == NULL) {
        status = STATUS_OBJECT_NAME_INVALID;
        goto out;
    }
    glong room = MIN (units, puszContainerName->MaximumLength / 2);
    if (room > 0)
        memcpy (puszContainerName->Buffer, wide, (size_t) room * 2);
    puszContainerName->Length = (USHORT) (room * 2);
    if (pcActualLenContainerName != NULL)
        *pcActualLenContainerName = (ULONG) units;
    status = room < units ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
out:
    (void) clfs_handle_release (plfoLog);
    return status;
}
