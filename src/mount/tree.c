/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree.h"
#include "attr.h"
#include "poll.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* st_ino of what belongs to no log; root has FUSE_ROOT_ID. */
enum { INO_DOT_CLFS = 2, INO_MOUNT_FILES = 3 };

static const struct clfs_kind *const log_files[] = {
    &clfs_kind_records, &clfs_kind_control, &clfs_kind_durable, &clfs_kind_index, &clfs_kind_by_lsn_directory,
    &clfs_kind_restart, &clfs_kind_containers_directory,
};

static const struct clfs_kind *const mount_files[] = { &clfs_kind_version, &clfs_kind_metrics };

const struct clfs_kind *const *
clfs_tree_fixed (const struct clfs_kind *directory, size_t *count)
{
    *count = 0;
    if (directory == &clfs_kind_log) {
        *count = G_N_ELEMENTS (log_files);
        return log_files;
    }
    if (directory == &clfs_kind_dot_clfs) {
        *count = G_N_ELEMENTS (mount_files);
        return mount_files;
    }
    return NULL;
}

uint64_t
clfs_tree_fixed_ino (const struct clfs_node *directory, size_t index)
{
    if (directory->kind == &clfs_kind_log)
        return directory->mlog->ino + log_files[index]->slot;
    return INO_MOUNT_FILES + index;
}

double
clfs_tree_directory_seconds (void)
{
    return clfs_mount.read_only ? CLFS_MOUNT_DIRECTORY_SECONDS_READ_ONLY : CLFS_MOUNT_DIRECTORY_SECONDS;
}

/* The log `name`, with a reference. */
static int
find_log (const char *name, struct clfs_mlog **mlog)
{
    clfs_attr attrs[CLFS_ATTR_SLOTS];
    clfs_info info;
    NTSTATUS status;

    if (strlen (name) > CLFS_NAME_BYTES_MAX)
        return ENAMETOOLONG;
    if (!clfs_name_valid (name))
        return ENOENT;
    status = clfs_log_peek (clfs_mount.store, name, &info, attrs);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        return ENOENT;
    if (NT_SUCCESS (status))
        *mlog = clfs_mlog_get (name, info.id, attrs);
    else
        *mlog = clfs_mlog_get (name, NULL, NULL);
    return 0;
}

uint64_t
clfs_tree_name_ino (const struct clfs_mlog *mlog, const char *name)
{
    uint64_t ino = mlog->ino ^ (uint64_t) g_str_hash (name) << 32 ^ (uint64_t) g_str_hash (name) << 8;

    return ino | UINT64_C (0x10000);
}

/* Answers with the node, which it takes back if the kernel did not get the answer. */
static void
reply_node (fuse_req_t req, struct clfs_node *node)
{
    struct fuse_entry_param entry = { .ino = node->id, .generation = 1 };
    fuse_ino_t id = node->id;
    int error = 0;

    if (S_ISDIR (node->kind->type)) {
        error = clfs_attr_get (node, &entry.attr);
        entry.attr_timeout = entry.entry_timeout = clfs_tree_directory_seconds ();
    } else {
        clfs_attr_slot (node, &entry.attr);
    }
    if (error != 0) {
        fuse_reply_err (req, error == ESTALE ? ENOENT : error);
        clfs_node_forget (id, 1);
    } else if (fuse_reply_entry (req, &entry) != 0) {
        clfs_node_forget (id, 1);
    }
}

static struct clfs_node *
lookup_in_root (const char *name, int *error)
{
    struct clfs_mlog *mlog = NULL;
    struct clfs_node *node;

    if (strcmp (name, ".clfs") == 0)
        return clfs_node_directory (&clfs_kind_dot_clfs, NULL, INO_DOT_CLFS);
    *error = find_log (name, &mlog);
    if (*error != 0)
        return NULL;
    node = clfs_node_directory (&clfs_kind_log, mlog, mlog->ino);
    clfs_mlog_unref (mlog);
    return node;
}

struct clfs_node *
clfs_tree_log_node (const char *name)
{
    int error = 0;

    return lookup_in_root (name, &error);
}

static struct clfs_node *
lookup_fixed (struct clfs_node *directory, const char *name)
{
    const struct clfs_kind *const *kinds;
    size_t count;

    kinds = clfs_tree_fixed (directory->kind, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t ino = clfs_tree_fixed_ino (directory, i);
        if (strcmp (name, kinds[i]->name) != 0)
            continue;
        if (S_ISDIR (kinds[i]->type))
            return clfs_node_directory (kinds[i], directory->mlog, ino);
        return clfs_node_new (kinds[i], directory->mlog, ino);
    }
    return NULL;
}

static struct clfs_node *
lookup_by_lsn (struct clfs_mlog *mlog, const char *name)
{
    struct clfs_node *node;
    clfs_lsn_t lsn;

    if (!clfs_text_parse_lsn (name, strlen (name), &lsn) || lsn >= CLFS_INVALID_LSN)
        return NULL;
    node = clfs_node_new (&clfs_kind_by_lsn, mlog, (mlog->ino ^ lsn * UINT64_C (0x9e3779b97f4a7c15)) | 0x10000);
    node->lsn = lsn;
    return node;
}

static struct clfs_node *
lookup_container (struct clfs_mlog *mlog, const char *name)
{
    struct clfs_node *node;

    if (strlen (name) >= sizeof ((clfs_container_info *) NULL)->name)
        return NULL;
    node = clfs_node_new (&clfs_kind_container, mlog, clfs_tree_name_ino (mlog, name));
    node->container = g_strdup (name);
    return node;
}

void
clfs_tree_lookup (fuse_req_t req, struct clfs_node *parent, const char *name)
{
    struct clfs_mlog *mlog = parent->mlog;
    struct clfs_node *node = NULL;
    int error = ENOENT;
    bool dead = false;

    if (mlog != NULL) {
        g_mutex_lock (&mlog->lock);
        dead = mlog->dead;
        g_mutex_unlock (&mlog->lock);
    }
    if (parent->kind == &clfs_kind_root)
        node = lookup_in_root (name, &error);
    else if (strlen (name) > NAME_MAX)
        error = ENAMETOOLONG;
    else if (dead)
        error = ENOENT;
    else if (parent->kind == &clfs_kind_by_lsn_directory)
        node = lookup_by_lsn (mlog, name);
    else if (parent->kind == &clfs_kind_containers_directory)
        node = lookup_container (mlog, name);
    else
        node = lookup_fixed (parent, name);
    if (node == NULL)
        fuse_reply_err (req, error);
    else
        reply_node (req, node);
}

/* The caller gets only an errno; whoever looks after the mount finds the reason here. */
static void
refused (const char *what, const char *name, const char *why)
{
    g_autofree char *shown = g_utf8_make_valid (name, -1);

    clfs_mount_say_rarely (LOG_WARNING, "%s %s: %s", what, shown, why);
}

static int
refused_status (const char *what, const char *name, NTSTATUS status)
{
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        return ENOENT;
    refused (what, name, clfs_mount_message (status));
    return clfs_mount_errno (status);
}

/* Whether a log could have this name. */
static int
check_new_name (const char *what, const char *name)
{
    if (strcmp (name, ".clfs") == 0)
        return EEXIST;
    if (clfs_name_valid (name))
        return 0;
    refused (what, name, clfs_error_message ());
    return strlen (name) > CLFS_NAME_BYTES_MAX ? ENAMETOOLONG : EINVAL;
}

void
clfs_tree_mkdir (fuse_req_t req, struct clfs_node *parent, const char *name, mode_t mode)
{
    const struct fuse_ctx *ctx = fuse_req_ctx (req);
    clfs_attr attrs[CLFS_ATTR_SLOTS];
    struct clfs_node *node;
    NTSTATUS status;
    int error;

    error = parent->kind == &clfs_kind_root ? check_new_name ("mkdir", name) : EPERM;
    if (error == 0) {
        clfs_attr_new (mode, ctx->uid, ctx->gid, attrs);
        status = clfs_log_create (clfs_mount.store, name, &clfs_mount.new_log, attrs);
        if (!NT_SUCCESS (status))
            error = refused_status ("mkdir", name, status);
    }
    if (error == 0) {
        node = lookup_in_root (name, &error);
        if (node != NULL) {
            reply_node (req, node);
            return;
        }
    }
    fuse_reply_err (req, error);
}

/* Whether rmdir (writers: only `records` open for writing counts) or rename has to wait for handles. closing: all of
 * them were closed already, as far as we know. With the mlog's lock. */
static bool
busy (struct clfs_mlog *mlog, bool writers, bool *closing)
{
    bool found = false;

    *closing = true;
    for (GList *link = mlog->handles.head; link != NULL; link = link->next) {
        struct clfs_handle *handle = link->data;
        if (writers && (handle->kind != &clfs_kind_records || (handle->flags & O_ACCMODE) == O_RDONLY))
            continue;
        found = true;
        *closing = *closing && g_atomic_int_get (&handle->closing);
    }
    return found;
}

/* EBUSY if the log is in use. close(2) returns before RELEASE comes, so those that look closed are waited for a
 * little. */
static int
wait_closed (struct clfs_mlog *mlog, bool writers)
{
    gint64 until = g_get_monotonic_time () + CLFS_MOUNT_RELEASE_WAIT_US;
    bool used, closing;

    g_mutex_lock (&mlog->lock);
    for (;;) {
        used = busy (mlog, writers, &closing);
        if (!used || !closing || !g_cond_wait_until (&mlog->changed, &mlog->lock, until))
            break;
    }
    used = busy (mlog, writers, &closing);
    g_mutex_unlock (&mlog->lock);
    return used ? EBUSY : 0;
}

static bool
is_used (struct clfs_mlog *mlog, bool writers)
{
    bool used, closing;

    g_mutex_lock (&mlog->lock);
    used = busy (mlog, writers, &closing);
    g_mutex_unlock (&mlog->lock);
    return used;
}

/* With the gate closed: takes the log away from the handles that read it, so that it can be removed. */
static void
take_from_handles (struct clfs_mlog *mlog)
{
    for (GList *link = mlog->handles.head; link != NULL; link = link->next) {
        struct clfs_handle *handle = link->data;
        g_mutex_lock (&handle->lock);
        clfs_handle_close_log (handle);
        g_mutex_unlock (&handle->lock);
    }
}

/* With the gate closed. */
static int
remove_log (struct clfs_mlog *mlog)
{
    clfs_info info;
    NTSTATUS status;

    if (is_used (mlog, true))
        return EBUSY;
    /* Only to leave the readers of a log alone that will not go. */
    status = clfs_mlog_info (mlog, false, &info, NULL);
    if (NT_SUCCESS (status) && mlog->open_logs > 0 && info.base != info.next)
        return ENOTEMPTY;
    take_from_handles (mlog);
    status = clfs_log_delete (clfs_mount.store, mlog->name, CLFS_DELETE_IF_EMPTY);
    if (NT_SUCCESS (status)) {
        clfs_mlog_kill (mlog);
        return 0;
    }
    return refused_status ("rmdir", mlog->name, status);
}

/* After the log was taken away: whoever polls, polls again, with a watch on the new opening. */
static void
wake_handles (struct clfs_mlog *mlog)
{
    for (GList *link = mlog->handles.head; link != NULL; link = link->next)
        clfs_poll_wake (link->data);
}

void
clfs_tree_rmdir (fuse_req_t req, struct clfs_node *parent, const char *name)
{
    struct clfs_mlog *mlog = NULL;
    int error;

    if (parent->kind != &clfs_kind_root || strcmp (name, ".clfs") == 0) {
        fuse_reply_err (req, EPERM);
        return;
    }
    error = find_log (name, &mlog);
    if (error == 0)
        error = wait_closed (mlog, true);
    if (error == 0) {
        error = clfs_mlog_close_gate (mlog) != 0 ? ENOENT : 0;
        if (error == 0) {
            error = remove_log (mlog);
            wake_handles (mlog);
            clfs_mlog_open_gate (mlog);
        }
    }
    clfs_mlog_unref (mlog);
    fuse_reply_err (req, error);
}

/* With the gate closed. */
static int
rename_log (struct clfs_mlog *mlog, const char *new_name)
{
    NTSTATUS status;

    if (is_used (mlog, false))
        return EBUSY;
    status = clfs_log_rename (clfs_mount.store, mlog->name, new_name);
    if (!NT_SUCCESS (status))
        return refused_status ("rename to", new_name, status);
    clfs_mlog_rename (mlog, new_name);
    return 0;
}

void
clfs_tree_rename (fuse_req_t req, struct clfs_node *parent, const char *name, struct clfs_node *new_parent,
                  const char *new_name, unsigned flags)
{
    struct clfs_mlog *mlog = NULL;
    int error;

    if (parent->kind != &clfs_kind_root || new_parent->kind != &clfs_kind_root || strcmp (name, ".clfs") == 0)
        error = EPERM;
    else if ((flags & ~(unsigned) RENAME_NOREPLACE) != 0)
        error = EINVAL;
    else
        error = check_new_name ("rename to", new_name);
    if (error == 0)
        error = find_log (name, &mlog);
    if (error == 0)
        error = wait_closed (mlog, false);
    if (error == 0) {
        error = clfs_mlog_close_gate (mlog) != 0 ? ENOENT : 0;
        if (error == 0) {
            error = rename_log (mlog, new_name);
            clfs_mlog_open_gate (mlog);
        }
    }
    clfs_mlog_unref (mlog);
    fuse_reply_err (req, error);
}
