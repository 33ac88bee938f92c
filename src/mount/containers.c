/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * containers.c - containers/<name>: what one container is and what state it is in.
 */
#include "containers.h"
#include "text_file.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

/* All containers of the log; free with g_free. */
static NTSTATUS
list (clfs_log *log, clfs_container_info **out, size_t *count)
{
    *out = g_new (clfs_container_info, CLFS_CONTAINERS_MAX + 1);
    *count = 0;
    return clfs_log_containers (log, *out, CLFS_CONTAINERS_MAX + 1, count);
}

int
clfs_containers_names (struct clfs_mlog *mlog, GPtrArray **names)
{
    g_autofree clfs_container_info *containers = NULL;
    clfs_log *log;
    size_t count = 0;
    NTSTATUS status;

    status = clfs_log_open (clfs_mount.store, mlog->name, CLFS_LOG_READ, &log);
    if (!NT_SUCCESS (status))
        return clfs_mount_errno (status);
    status = list (log, &containers, &count);
    if (!NT_SUCCESS (clfs_log_close (log)))
        clfs_mount_say (LOG_ERR, "%s: %s", mlog->name, clfs_error_message ());
    if (!NT_SUCCESS (status))
        return clfs_mount_errno (status);
    *names = g_ptr_array_new_with_free_func (g_free);
    for (size_t i = 0; i < MIN (count, CLFS_CONTAINERS_MAX + 1); i++)
        g_ptr_array_add (*names, g_strdup (containers[i].name));
    return 0;
}

static const char *
state_name (unsigned state)
{
    switch (state) {
    case 1:
        return "initializing";
    case 2:
        return "inactive";
    case 4:
        return "active";
    case 8:
        return "active-pending-delete";
    default:
        return "unknown";
    }
}

static int
container_text (struct clfs_handle *handle, GString *out)
{
    g_autofree clfs_container_info *containers = NULL;
    clfs_log *log;
    size_t count = 0;
    NTSTATUS status;

    status = clfs_handle_log (handle, false, &log);
    if (NT_SUCCESS (status))
        status = list (log, &containers, &count);
    if (!NT_SUCCESS (status))
        return clfs_mount_errno (status);
    for (size_t i = 0; i < MIN (count, CLFS_CONTAINERS_MAX + 1); i++) {
        const clfs_container_info *container = &containers[i];
        if (strcmp (container->name, handle->container) != 0)
            continue;
        g_string_append_printf (out, "id %u\nlogical-id %u\nstate %s\nsize %" G_GUINT64_FORMAT "\n",
                                container->physical_id, container->logical_id, state_name (container->state),
                                container->size_bytes);
        return 0;
    }
    return ENOENT;
}

static int
container_open (struct clfs_handle *handle, struct clfs_node *node)
{
    int error;

    (void) node;
    g_mutex_lock (&handle->lock);
    handle->text = g_string_new (NULL);
    error = container_text (handle, handle->text);
    g_mutex_unlock (&handle->lock);
    return error;
}

static int
container_stat (struct clfs_node *node, const clfs_info *info, struct stat *st)
{
    g_autoptr (GPtrArray) names = NULL;
    int error;

    (void) info;
    (void) st;
    error = clfs_containers_names (node->mlog, &names);
    if (error != 0)
        return error;
    for (guint i = 0; i < names->len; i++)
        if (strcmp (names->pdata[i], node->container) == 0)
            return 0;
    return ENOENT;
}

const struct clfs_kind clfs_kind_container = {
    .slot = CLFS_ATTR_CONTAINERS,
    .type = S_IFREG,
    .mode_mask = 0444,
    .stat = container_stat,
    .open = container_open,
    .text = container_text,
};
