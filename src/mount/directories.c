/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * directories.c - listing directories. A handle lists what was there when it was last read from the beginning.
 */
#include "attr.h"
#include "containers.h"
#include "tree.h"

#include <errno.h>
#include <string.h>

struct entry {
    char *name;
    uint64_t ino; /* 0: of a log that nobody has looked at yet */
    mode_t type;
};

static void
entry_free (gpointer data)
{
    struct entry *entry = data;

    g_free (entry->name);
    g_free (entry);
}

static void
add (GPtrArray *entries, const char *name, uint64_t ino, mode_t type)
{
    struct entry *entry = g_new (struct entry, 1);

    *entry = (struct entry){ g_strdup (name), ino, type };
    g_ptr_array_add (entries, entry);
}

static int
list_root (GPtrArray *entries)
{
    char **names;
    size_t count;
    NTSTATUS status;

    status = clfs_store_names (clfs_mount.store, &names, &count);
    if (!NT_SUCCESS (status))
        return clfs_mount_errno (status);
    for (size_t i = 0; i < count; i++)
        if (clfs_name_valid (names[i]))
            add (entries, names[i], 0, S_IFDIR);
    clfs_names_free (names, count);
    return 0;
}

static int
list_containers (struct clfs_mlog *mlog, GPtrArray *entries)
{
    g_autoptr (GPtrArray) names = NULL;
    int error;

    error = clfs_mlog_enter (mlog);
    if (error != 0)
        return error;
    error = clfs_containers_names (mlog, &names);
    clfs_mlog_leave (mlog);
    for (guint i = 0; error == 0 && i < names->len; i++)
        add (entries, names->pdata[i], clfs_tree_name_ino (mlog, names->pdata[i]), S_IFREG);
    return error;
}

/* Fills `entries` with what `node` holds now. */
static int
list (struct clfs_node *node, GPtrArray *entries)
{
    const struct clfs_kind *const *kinds;
    size_t count;

    add (entries, ".", node->ino, S_IFDIR);
    add (entries, "..", node->kind == &clfs_kind_by_lsn_directory || node->kind == &clfs_kind_containers_directory
                            ? node->mlog->ino : FUSE_ROOT_ID, S_IFDIR);
    if (node->kind == &clfs_kind_root)
        return list_root (entries);
    if (node->kind == &clfs_kind_containers_directory)
        return list_containers (node->mlog, entries);
    kinds = clfs_tree_fixed (node->kind, &count);
    for (size_t i = 0; i < count; i++)
        add (entries, kinds[i]->name, clfs_tree_fixed_ino (node, i), kinds[i]->type);
    return 0;
}

/* A log's inode number comes from its GUID, so its base log file must be read. */
static void
find_ino (struct entry *entry)
{
    clfs_info info;

    if (NT_SUCCESS (clfs_log_peek (clfs_mount.store, entry->name, &info, NULL)))
        entry->ino = clfs_mlog_ino (entry->name, info.id);
    else
        entry->ino = clfs_mlog_ino (entry->name, NULL);
}

/* What READDIRPLUS says of a log: all. Of anything else only the number: a file of a log gets its node when it is
 * looked up. */
static struct clfs_node *
fill_plus (struct clfs_node *directory, struct entry *entry, struct fuse_entry_param *param)
{
    struct clfs_node *node = NULL;

    if (directory->kind == &clfs_kind_root && entry->name[0] != '.')
        node = clfs_tree_log_node (entry->name);
    if (node != NULL && clfs_attr_get (node, &param->attr) != 0) {
        clfs_node_forget (node->id, 1);
        node = NULL;
    }
    if (node != NULL) {
        param->ino = node->id;
        param->generation = 1;
        param->attr_timeout = param->entry_timeout = clfs_tree_directory_seconds ();
        entry->ino = node->ino;
    } else {
        if (entry->ino == 0)
            find_ino (entry);
        param->attr.st_ino = entry->ino;
        param->attr.st_mode = entry->type;
    }
    return node;
}

void
clfs_tree_readdir (fuse_req_t req, struct clfs_node *node, struct clfs_handle *handle, size_t bytes, off_t offset,
                   bool plus)
{
    g_autofree char *buffer = g_malloc (bytes);
    g_autoptr (GArray) taken = g_array_new (FALSE, FALSE, sizeof (fuse_ino_t));
    GPtrArray *entries;
    size_t used = 0, size;
    int error = 0;

    g_mutex_lock (&handle->lock);
    if (offset == 0 || handle->state == NULL) {
        if (handle->kind->close != NULL)
            handle->kind->close (handle);
        handle->state = entries = g_ptr_array_new_with_free_func (entry_free);
        error = list (node, entries);
    }
    entries = handle->state;
    for (size_t i = (size_t) offset; error == 0 && i < entries->len; i++) {
        struct fuse_entry_param param = { 0 };
        struct entry *entry = entries->pdata[i];
        struct clfs_node *child = NULL;

        if (plus) {
            size = fuse_add_direntry_plus (req, NULL, 0, entry->name, NULL, 0);
            if (used + size > bytes)
                break;
            child = fill_plus (node, entry, &param);
            fuse_add_direntry_plus (req, buffer + used, bytes - used, entry->name, &param, (off_t) i + 1);
            if (child != NULL)
                g_array_append_val (taken, child->id);
        } else {
            size = fuse_add_direntry (req, NULL, 0, entry->name, NULL, 0);
            if (used + size > bytes)
                break;
            if (entry->ino == 0)
                find_ino (entry);
            param.attr.st_ino = entry->ino;
            param.attr.st_mode = entry->type;
            fuse_add_direntry (req, buffer + used, bytes - used, entry->name, &param.attr, (off_t) i + 1);
        }
        used += size;
    }
    g_mutex_unlock (&handle->lock);
    if (error != 0) {
        fuse_reply_err (req, error);
    } else if (fuse_reply_buf (req, buffer, used) != 0) {
        /* The kernel did not get the entries, so it has looked none of them up. */
        for (guint i = 0; i < taken->len; i++)
            clfs_node_forget (g_array_index (taken, fuse_ino_t, i), 1);
    }
}

static void
directory_close (struct clfs_handle *handle)
{
    if (handle->state != NULL)
        g_ptr_array_unref (handle->state);
    handle->state = NULL;
}

const struct clfs_kind clfs_kind_root = {
    .slot = CLFS_ATTR_DIRECTORY,
    .type = S_IFDIR,
    .close = directory_close,
};

const struct clfs_kind clfs_kind_log = {
    .slot = CLFS_ATTR_DIRECTORY,
    .type = S_IFDIR,
    .mode_mask = 07777,
    .close = directory_close,
};

const struct clfs_kind clfs_kind_by_lsn_directory = {
    .name = "by-lsn",
    .slot = CLFS_ATTR_BY_LSN,
    .type = S_IFDIR,
    .mode_mask = 0777,
    .close = directory_close,
};

const struct clfs_kind clfs_kind_containers_directory = {
    .name = "containers",
    .slot = CLFS_ATTR_CONTAINERS,
    .type = S_IFDIR,
    .mode_mask = 0777,
    .close = directory_close,
};

const struct clfs_kind clfs_kind_dot_clfs = {
    .name = ".clfs",
    .slot = CLFS_ATTR_DIRECTORY,
    .type = S_IFDIR,
    .close = directory_close,
};
