/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attr.c - stat, chmod, chown. Owner and mode of a log's files are stored in the log; the kernel checks them
 * (default_permissions).
 */
#include "attr.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

static int64_t mounted_ns;

void
clfs_attr_times (struct stat *st, int64_t changed_ns)
{
    st->st_mtim.tv_sec = changed_ns / 1000000000;
    st->st_mtim.tv_nsec = changed_ns % 1000000000;
    st->st_atim = st->st_ctim = st->st_mtim;
}

/* Root, .clfs and what is in it. */
static void
mount_attr (const struct clfs_node *node, struct stat *st)
{
    if (mounted_ns == 0)
        mounted_ns = g_get_real_time () * 1000;
    clfs_attr_times (st, mounted_ns);
    st->st_uid = clfs_mount.uid;
    st->st_gid = clfs_mount.gid;
    if (node->kind == &clfs_kind_root) {
        st->st_mode |= 0755;
        /* "not counted", as btrfs has it: the logs come and go. */
        st->st_nlink = 1;
    } else if (S_ISDIR (node->kind->type)) {
        st->st_mode |= 0555;
        st->st_nlink = 2;
    } else {
        st->st_mode |= node->kind->mode_mask;
    }
}

/* A log that cannot be read is still there, with a `control` that says what is wrong. */
static void
broken_attr (const struct clfs_node *node, struct stat *st)
{
    st->st_uid = clfs_mount.uid;
    st->st_gid = clfs_mount.gid;
    if (S_ISDIR (node->kind->type))
        st->st_mode |= 0500;
    else
        st->st_mode |= node->kind == &clfs_kind_control ? 0600 : 0400;
}

void
clfs_attr_slot (const struct clfs_node *node, struct stat *st)
{
    clfs_attr attr;

    memset (st, 0, sizeof *st);
    st->st_ino = node->ino;
    st->st_mode = node->kind->type;
    st->st_nlink = 1;
    st->st_blksize = 4096;
    if (node->mlog == NULL) {
        mount_attr (node, st);
    } else if (clfs_mlog_attr (node->mlog, node->kind->slot, &attr)) {
        st->st_mode |= attr.mode & node->kind->mode_mask;
        st->st_uid = attr.uid;
        st->st_gid = attr.gid;
    } else {
        broken_attr (node, st);
    }
}

static int
log_attr (struct clfs_node *node, struct stat *st)
{
    clfs_attr attrs[CLFS_ATTR_SLOTS];
    clfs_info info;
    NTSTATUS status;

    status = clfs_mlog_info (node->mlog, node->kind->marks, &info, attrs);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        return ESTALE;
    clfs_attr_slot (node, st);
    if (S_ISDIR (node->kind->type))
        st->st_nlink = node->kind == &clfs_kind_log ? 4 : 2;
    if (!NT_SUCCESS (status))
        return 0;
    clfs_attr_times (st, S_ISDIR (node->kind->type) ? info.created_ns : info.appended_ns);
    return node->kind->stat != NULL ? node->kind->stat (node, &info, st) : 0;
}

int
clfs_attr_get (struct clfs_node *node, struct stat *st)
{
    int error;

    if (node->mlog == NULL) {
        clfs_attr_slot (node, st);
        return 0;
    }
    error = clfs_mlog_enter (node->mlog);
    if (error != 0)
        return error;
    error = log_attr (node, st);
    clfs_mlog_leave (node->mlog);
    return error;
}

static int
set_access (struct clfs_node *node, const struct stat *st, int to_set)
{
    clfs_attr attrs[CLFS_ATTR_SLOTS];
    clfs_attr *attr = &attrs[node->kind->slot];
    clfs_log *log;
    NTSTATUS status, closed;

    status = clfs_log_open (clfs_mount.store, node->mlog->name, CLFS_LOG_WRITE, &log);
    if (!NT_SUCCESS (status))
        return clfs_mount_errno (status);
    clfs_log_get_attrs (log, attrs);
    if (to_set & FUSE_SET_ATTR_MODE)
        attr->mode = st->st_mode & node->kind->mode_mask;
    if (to_set & FUSE_SET_ATTR_UID)
        attr->uid = st->st_uid;
    if (to_set & FUSE_SET_ATTR_GID)
        attr->gid = st->st_gid;
    status = clfs_log_set_attrs (log, attrs, 1u << node->kind->slot);
    if (NT_SUCCESS (status)) {
        clfs_log_get_attrs (log, attrs);
        clfs_mlog_keep_attrs (node->mlog, attrs);
    } else {
        clfs_mount_say_rarely (LOG_WARNING, "chmod or chown in %s: %s", node->mlog->name, clfs_mount_message (status));
    }
    closed = clfs_log_close (log);
    if (NT_SUCCESS (status))
        status = closed;
    return NT_SUCCESS (status) ? 0 : clfs_mount_errno (status);
}

int
clfs_attr_set (struct clfs_node *node, const struct stat *st, int to_set)
{
    const int access = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
    int error = 0;

    if ((to_set & FUSE_SET_ATTR_SIZE) && !node->kind->truncate_ignored)
        return EPERM;
    /* Times are those of the log. "now" is let through, as an append-only file lets it. */
    if (((to_set & FUSE_SET_ATTR_ATIME) && !(to_set & FUSE_SET_ATTR_ATIME_NOW))
        || ((to_set & FUSE_SET_ATTR_MTIME) && !(to_set & FUSE_SET_ATTR_MTIME_NOW)))
        return EPERM;
    if ((to_set & access) == 0)
        return 0;
    /* What is in by-lsn and containers has its directory's access; the mount's own files have that of who mounted. */
    if (node->mlog == NULL || node->kind == &clfs_kind_by_lsn || node->kind == &clfs_kind_container)
        return EPERM;
    error = clfs_mlog_enter (node->mlog);
    if (error != 0)
        return error;
    error = set_access (node, st, to_set);
    clfs_mlog_leave (node->mlog);
    return error;
}

void
clfs_attr_new (mode_t mode, uid_t uid, gid_t gid, clfs_attr attrs[CLFS_ATTR_SLOTS])
{
    static const mode_t masks[CLFS_ATTR_SLOTS] = {
        [CLFS_ATTR_DIRECTORY] = 07777, [CLFS_ATTR_RECORDS] = 0666, [CLFS_ATTR_CONTROL] = 0644,
        [CLFS_ATTR_DURABLE] = 0444,    [CLFS_ATTR_INDEX] = 0444,   [CLFS_ATTR_BY_LSN] = 0555,
        [CLFS_ATTR_RESTART] = 0644,    [CLFS_ATTR_CONTAINERS] = 0555,
    };

    memset (attrs, 0, CLFS_ATTR_SLOTS * sizeof *attrs);
    for (unsigned i = CLFS_ATTR_DIRECTORY; i <= CLFS_ATTR_CONTAINERS; i++)
        attrs[i] = (clfs_attr){ .mode = mode & masks[i], .uid = uid, .gid = gid };
}
