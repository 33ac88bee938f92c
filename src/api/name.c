/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * name.c - what the names mean that Windows' API takes: log:/directory/NAME and container paths.
 */
#include "api.h"

#include <errno.h>
#include <string.h>

/* As the engine allows for names of its own making. */
#define CONTAINER_NAME_BYTES_MAX CLFS_NAME_BYTES_MAX

static NTSTATUS
text_to_utf8 (const UNICODE_STRING *text, char **out)
{
    if (text == NULL || text->Length % 2 != 0 || (text->Length > 0 && text->Buffer == NULL))
        return clfs_message_fail (STATUS_INVALID_PARAMETER, "a UNICODE_STRING has no text or an odd length");
    size_t units = text->Length / 2;
    /* A NUL would end the name early. */
    for (size_t i = 0; i < units; i++)
        if (text->Buffer[i] == 0)
            return clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "a name contains a NUL");
    g_autofree char *utf8 = units > 0 ? g_utf16_to_utf8 (text->Buffer, (glong) units, NULL, NULL, NULL) : g_strdup ("");
    if (utf8 == NULL)
        return clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "a name is no valid UTF-16");
    *out = g_steal_pointer (&utf8);
    return STATUS_SUCCESS;
}

/* Splits off the last component. False if `path` is not absolute or does not end with one. */
static bool
split_path (const char *path, char **directory, char **name)
{
    const char *slash = strrchr (path, '/');

    if (path[0] != '/' || slash[1] == '\0')
        return false;
    *directory = slash == path ? g_strdup ("/") : g_strndup (path, (gsize) (slash - path));
    *name = g_strdup (slash + 1);
    return true;
}

static bool
has_dot_components (const char *path)
{
    g_auto (GStrv) components = g_strsplit_set (path, "/\\", -1);

    return g_strv_contains ((const char *const *) components, ".")
           || g_strv_contains ((const char *const *) components, "..");
}

NTSTATUS
clfs_log_path_parse (const UNICODE_STRING *text, clfs_log_path *out)
{
    g_autofree char *utf8 = NULL;
    NTSTATUS status = text_to_utf8 (text, &utf8);

    *out = (clfs_log_path) { 0 };
    if (!NT_SUCCESS (status))
        return status;
    if (g_ascii_strncasecmp (utf8, "log:", 4) != 0)
        return clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "%s: write log:/directory/NAME", utf8);
    char *path = utf8 + 4;
    char *stream = strstr (path, "::");
    if (stream != NULL) {
        if (strchr (stream + 2, '/') != NULL || strstr (stream + 2, "::") != NULL)
            return clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "%s: a stream's name holds neither / nor ::", utf8);
        out->multiplexed = true;
        *stream = '\0';
    }
    if (!split_path (path, &out->directory, &out->name))
        return clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "%s: write log:/directory/NAME", utf8);
    if (clfs_name_valid (out->name))
        return STATUS_SUCCESS;
    /* The message is there already. */
    clfs_log_path_clear (out);
    return STATUS_OBJECT_NAME_INVALID;
}

void
clfs_log_path_clear (clfs_log_path *path)
{
    g_free (path->directory);
    g_free (path->name);
    *path = (clfs_log_path) { 0 };
}

static NTSTATUS
status_of_errno (int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return STATUS_OBJECT_PATH_NOT_FOUND;
    case EACCES:
        return STATUS_ACCESS_DENIED;
    case ENAMETOOLONG:
    case ELOOP:
        return STATUS_OBJECT_NAME_INVALID;
    case ENOMEM:
        return STATUS_INSUFFICIENT_RESOURCES;
    default:
        return STATUS_IO_DEVICE_ERROR;
    }
}

NTSTATUS
clfs_directory_identity (const char *directory, struct stat *out)
{
    int error = stat (directory, out) != 0 ? errno : S_ISDIR (out->st_mode) ? 0 : ENOTDIR;

    if (error == 0)
        return STATUS_SUCCESS;
    return clfs_message_fail (status_of_errno (error), "directory %s: %s", directory, g_strerror (error));
}

NTSTATUS
clfs_container_path_parse (const UNICODE_STRING *text, const struct stat *store, char **out)
{
    g_autofree char *utf8 = NULL, *directory = NULL, *name = NULL;
    NTSTATUS status = text_to_utf8 (text, &utf8);

    if (!NT_SUCCESS (status))
        return status;
    if (has_dot_components (utf8))
        return clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "container %s: . and .. are not allowed", utf8);
    if (g_ascii_strncasecmp (utf8, "%BLF%", 5) == 0) {
        if (utf8[5] == ':')
            return clfs_message_fail (STATUS_NOT_SUPPORTED, "container %s: there are no alternate data streams", utf8);
        if (utf8[5] != '/' && utf8[5] != '\\')
            return clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "container %s: write %%BLF%%/NAME", utf8);
        name = g_strdup (utf8 + 6);
        if (strpbrk (name, "/\\") != NULL)
            return clfs_message_fail (STATUS_NOT_SUPPORTED, "container %s: a store has no folders", utf8);
    } else {
        struct stat identity;

        if (!split_path (utf8, &directory, &name))
            return clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "container %s: write %%BLF%%/NAME or a full path",
                                      utf8);
        status = clfs_directory_identity (directory, &identity);
        if (!NT_SUCCESS (status))
            return status;
        if (identity.st_dev != store->st_dev || identity.st_ino != store->st_ino)
            return clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "container %s: not in its log's directory", utf8);
    }
    /* What ends in .blf would look like a log. */
    if (!clfs_name_valid (name) || strlen (name) > CONTAINER_NAME_BYTES_MAX || g_str_has_suffix (name, ".blf"))
        return clfs_message_fail (STATUS_OBJECT_NAME_INVALID,
                                  "%s: a container's name has 1 to %u bytes, begins with no dot "
                                  "and does not end in .blf",
                                  utf8, CONTAINER_NAME_BYTES_MAX);
    *out = g_steal_pointer (&name);
    return STATUS_SUCCESS;
}
