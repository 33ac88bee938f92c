/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* storage_name.h - which names a storage takes; the same for all implementations. */
#ifndef CLFS_STORAGE_STORAGE_NAME_H
#define CLFS_STORAGE_STORAGE_NAME_H

#include <clfs/ntstatus.h>

#include <limits.h>
#include <string.h>

/* STATUS_OBJECT_NAME_INVALID unless `name` is a single path component that a directory can hold. */
static inline NTSTATUS
clfs_storage_check_name (const char *name)
{
    if (name[0] == '\0' || strcmp (name, ".") == 0 || strcmp (name, "..") == 0 || strchr (name, '/') != NULL)
        return STATUS_OBJECT_NAME_INVALID;
    if (strlen (name) > NAME_MAX)
        return STATUS_OBJECT_NAME_INVALID;
    return STATUS_SUCCESS;
}

#endif
