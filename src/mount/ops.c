/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops.c - requests to kinds of files.
 */
#include "ops.h"
#include "attr.h"
#include "ioctl.h"
#include "locks.h"
#include "poll.h"
#include "records.h"
#include "text_file.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/file.h>

void (*clfs_ops_started) (void);

static void
op_init (void *userdata, struct fuse_conn_info *conn)
{
    (void) userdata;
    conn->max_write = CLFS_MOUNT_WRITE_BYTES_MAX;
    conn->max_background = CLFS_MOUNT_BACKGROUND_MAX;
    /* Pieces of one large O_DIRECT write would come at the same time, in any order. */
    conn->want &= ~(unsigned) FUSE_CAP_ASYNC_DIO;
    if (clfs_ops_started != NULL)
        clfs_ops_started ();
}

/* ---- names --------------------------------------------------------------------------------- */

static void
op_lookup (fuse_req_t req, fuse_ino_t parent, const char *name)
{
    clfs_mount_count (CLFS_COUNT_LOOKUPS, 1);
    clfs_tree_lookup (req, clfs_node_get (parent), name);
}

static void
op_forget (fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
    clfs_node_forget (ino, lookups);
    fuse_reply_none (req);
}

static void
op_forget_multi (fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        clfs_node_forget (forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none (req);
}

static void
op_mkdir (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    clfs_tree_mkdir (req, clfs_node_get (parent), name, mode);
}

static void
op_rmdir (fuse_req_t req, fuse_ino_t parent, const char *name)
{
    clfs_tree_rmdir (req, clfs_node_get (parent), name);
}

static void
op_rename (fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
           unsigned int flags)
{
    clfs_tree_rename (req, clfs_node_get (parent), name, clfs_node_get (new_parent), new_name, flags);
}

/* A log has the files that it has. */
static void
op_mknod (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
    (void) parent, (void) name, (void) mode, (void) device;
    fuse_reply_err (req, EPERM);
}

static void
op_create (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
    (void) parent, (void) name, (void) mode, (void) fi;
    fuse_reply_err (req, EPERM);
}

static void
op_symlink (fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    (void) target, (void) parent, (void) name;
    fuse_reply_err (req, EPERM);
}

static void
op_link (fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    (void) ino, (void) parent, (void) name;
    fuse_reply_err (req, EPERM);
}

static void
op_unlink (fuse_req_t req, fuse_ino_t parent, const char *name)
{
    (void) parent, (void) name;
    fuse_reply_err (req, EPERM);
}

static void
op_readlink (fuse_req_t req, fuse_ino_t ino)
{
    (void) ino;
    fuse_reply_err (req, EINVAL);
}

/* ---- attributes ---------------------------------------------------------------------------- */

static double
attr_seconds (const struct clfs_node *node)
{
    return S_ISDIR (node->kind->type) ? clfs_tree_directory_seconds () : 0;
}

static void
reply_attr (fuse_req_t req, struct clfs_node *node)
{
    struct stat st;
    int error = clfs_attr_get (node, &st);

    if (error != 0)
        fuse_reply_err (req, error);
    else
        fuse_reply_attr (req, &st, attr_seconds (node));
}

static void
op_getattr (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void) fi;
    reply_attr (req, clfs_node_get (ino));
}

static void
op_setattr (fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set, struct fuse_file_info *fi)
{
    struct clfs_node *node = clfs_node_get (ino);
    int error = clfs_attr_set (node, st, to_set);

    (void) fi;
    if (error != 0)
        fuse_reply_err (req, error);
    else
        reply_attr (req, node);
}

static void
op_access (fuse_req_t req, fuse_ino_t ino, int mask)
{
    /* The kernel decides (default_permissions) and does not ask. */
    (void) ino, (void) mask;
    fuse_reply_err (req, 0);
}

static void
op_statfs (fuse_req_t req, fuse_ino_t ino)
{
    clfs_store_space space;
    NTSTATUS status;
    const uint64_t unit = 4096;

    (void) ino;
    status = clfs_store_get_space (clfs_mount.store, &space);
    if (!NT_SUCCESS (status)) {
        fuse_reply_err (req, clfs_mount_errno (status));
        return;
    }
    struct statvfs out = {
        .f_bsize = unit,
        .f_frsize = unit,
        .f_blocks = space.total_bytes / unit,
        .f_bfree = space.free_bytes / unit,
        .f_bavail = space.available_bytes / unit,
        .f_files = space.files_total,
        .f_ffree = space.files_free,
        .f_favail = space.files_free,
        .f_namemax = CLFS_NAME_BYTES_MAX,
    };
    fuse_reply_statfs (req, &out);
}

/* These four are the exception: ENOSYS makes the kernel answer EOPNOTSUPP itself and stop asking, at each write(2)
 * too. */
static void
op_getxattr (fuse_req_t req, fuse_ino_t ino, const char *name, size_t bytes)
{
    (void) ino, (void) name, (void) bytes;
    fuse_reply_err (req, ENOSYS);
}

static void
op_setxattr (fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t bytes, int flags)
{
    (void) ino, (void) name, (void) value, (void) bytes, (void) flags;
    fuse_reply_err (req, ENOSYS);
}

static void
op_listxattr (fuse_req_t req, fuse_ino_t ino, size_t bytes)
{
    (void) ino, (void) bytes;
    fuse_reply_err (req, ENOSYS);
}

static void
op_removexattr (fuse_req_t req, fuse_ino_t ino, const char *name)
{
    (void) ino, (void) name;
    fuse_reply_err (req, ENOSYS);
}

/* ---- open files ---------------------------------------------------------------------------- */

/* RELEASE, or an OPEN that did not come to be. */
static void
close_handle (struct clfs_handle *handle)
{
    struct clfs_mlog *mlog = handle->mlog != NULL ? clfs_mlog_ref (handle->mlog) : NULL;
    /* A log that is gone has been taken from its handles. */
    bool inside = mlog != NULL && clfs_mlog_enter (mlog) == 0;

    clfs_locks_drop_handle (handle);
    clfs_handle_release (handle);
    if (inside)
        clfs_mlog_leave (mlog);
    clfs_mlog_unref (mlog);
}

static int
open_file (struct clfs_handle *handle, struct clfs_node *node)
{
    int error = 0;

    if ((handle->flags & O_TRUNC) != 0 && !node->kind->truncate_ignored)
        return EPERM;
    if ((handle->flags & O_ACCMODE) != O_RDONLY && !node->kind->writable)
        return EPERM;
    if (node->kind->open == NULL)
        return 0;
    if (node->mlog != NULL)
        error = clfs_mlog_enter (node->mlog);
    if (error != 0)
        return error;
    error = node->kind->open (handle, node);
    if (node->mlog != NULL)
        clfs_mlog_leave (node->mlog);
    return error;
}

static void
op_open (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct clfs_node *node = clfs_node_get (ino);
    struct clfs_handle *handle = clfs_handle_new (node, fi->flags, fuse_req_ctx (req)->uid);
    int error = open_file (handle, node);

    clfs_mount_count (CLFS_COUNT_OPENS, 1);
    if (error != 0) {
        close_handle (handle);
        fuse_reply_err (req, error);
        return;
    }
    fi->fh = handle->id;
    fi->direct_io = 1;
    /* Interrupted: the kernel will send no RELEASE. */
    if (fuse_reply_open (req, fi) != 0)
        close_handle (handle);
}

static void
op_flush (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct clfs_handle *handle = clfs_handle_get (fi->fh);
    int error = 0;

    (void) ino;
    clfs_locks_drop_owner (handle, fi->lock_owner);
    if (handle->kind->flush != NULL)
        error = handle->kind->flush (handle);
    g_atomic_int_set (&handle->closing, 1);
    fuse_reply_err (req, error);
}

static void
op_release (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void) ino;
    close_handle (clfs_handle_get (fi->fh));
    fuse_reply_err (req, 0);
}

static void
op_read (fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t offset, struct fuse_file_info *fi)
{
    struct clfs_handle *handle = clfs_handle_get (fi->fh);

    (void) ino;
    clfs_mount_count (CLFS_COUNT_READS, 1);
    g_atomic_int_set (&handle->closing, 0);
    if (handle->kind->read != NULL)
        handle->kind->read (req, handle, bytes, offset);
    else
        clfs_text_file_read (req, handle, bytes, offset);
}

static void
op_write (fuse_req_t req, fuse_ino_t ino, const char *data, size_t bytes, off_t offset, struct fuse_file_info *fi)
{
    struct clfs_handle *handle = clfs_handle_get (fi->fh);

    (void) ino;
    clfs_mount_count (CLFS_COUNT_WRITES, 1);
    g_atomic_int_set (&handle->closing, 0);
    if (bytes == 0)
        fuse_reply_write (req, 0);
    else if (handle->kind->write != NULL)
        handle->kind->write (req, handle, data, bytes, offset, fi->flags);
    else
        fuse_reply_err (req, EBADF);
}

static void
op_fsync (fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    struct clfs_handle *handle = clfs_handle_get (fi->fh);

    (void) ino, (void) datasync;
    g_atomic_int_set (&handle->closing, 0);
    if (handle->kind->fsync != NULL)
        handle->kind->fsync (req, handle);
    else
        fuse_reply_err (req, 0);
}

static void
op_fallocate (fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t bytes, struct fuse_file_info *fi)
{
    struct clfs_handle *handle = clfs_handle_get (fi->fh);
    struct clfs_node *node = clfs_node_get (ino);
    uint64_t end = (uint64_t) offset + (uint64_t) bytes, size;
    clfs_info info;
    clfs_log *log;
    NTSTATUS status;
    int error;

    if (handle->kind != &clfs_kind_records || (mode & ~FALLOC_FL_KEEP_SIZE) != 0) {
        fuse_reply_err (req, EPERM);
        return;
    }
    error = clfs_mlog_enter (handle->mlog);
    if (error != 0) {
        fuse_reply_err (req, error);
        return;
    }
    g_mutex_lock (&handle->lock);
    status = clfs_handle_log (handle, true, &log);
    g_mutex_unlock (&handle->lock);
    if (NT_SUCCESS (status)) {
        clfs_log_info (log, &info);
        size = (uint64_t) clfs_stream_size (node, &info, info.end_offset);
        /* What lies below the end is there already. */
        if (end > size)
            status = clfs_log_ensure_space (log, MIN ((uint64_t) bytes, end - size));
    }
    clfs_mlog_leave (handle->mlog);
    fuse_reply_err (req, NT_SUCCESS (status) ? 0 : clfs_mount_errno (status));
}

static void
op_lseek (fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
    struct stat st;
    int error;

    (void) fi;
    error = clfs_attr_get (clfs_node_get (ino), &st);
    if (error == 0 && whence != SEEK_DATA && whence != SEEK_HOLE)
        error = EINVAL;
    /* A stream has no holes but the one at its end. */
    if (error == 0 && (offset < 0 || offset >= st.st_size))
        error = ENXIO;
    if (error != 0)
        fuse_reply_err (req, error);
    else
        fuse_reply_lseek (req, whence == SEEK_DATA ? offset : st.st_size);
}

static void
op_copy_file_range (fuse_req_t req, fuse_ino_t in, off_t in_offset, struct fuse_file_info *in_fi, fuse_ino_t out,
                    off_t out_offset, struct fuse_file_info *out_fi, size_t bytes, int flags)
{
    (void) in, (void) in_offset, (void) in_fi, (void) out, (void) out_offset, (void) out_fi, (void) bytes, (void) flags;
    /* The kernel then copies by reading and writing. */
    fuse_reply_err (req, EOPNOTSUPP);
}

static void
op_ioctl (fuse_req_t req, fuse_ino_t ino, unsigned int command, void *arg, struct fuse_file_info *fi, unsigned flags,
          const void *in, size_t in_bytes, size_t out_bytes)
{
    uid_t uid = fuse_req_ctx (req)->uid;
    uint64_t lsn;
    int error;

    (void) arg, (void) flags, (void) in, (void) in_bytes;
    if (command == CLFS_IOC_LAST_LSN && clfs_node_get (ino)->kind == &clfs_kind_records && out_bytes >= sizeof lsn) {
        lsn = clfs_records_last_lsn (clfs_handle_get (fi->fh));
        fuse_reply_ioctl (req, 0, &lsn, sizeof lsn);
    } else if (command == CLFS_IOC_FLUSH_ALL && ino == FUSE_ROOT_ID) {
        error = uid == 0 || uid == clfs_mount.uid ? clfs_mlog_flush_all () : EPERM;
        if (error != 0)
            fuse_reply_err (req, error);
        else
            fuse_reply_ioctl (req, 0, NULL, 0);
    } else {
        fuse_reply_err (req, ENOTTY);
    }
}

static void
op_poll (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *wake)
{
    (void) ino;
    clfs_poll (req, clfs_handle_get (fi->fh), wake);
}

static void
op_bmap (fuse_req_t req, fuse_ino_t ino, size_t block_bytes, uint64_t index)
{
    (void) ino, (void) block_bytes, (void) index;
    fuse_reply_err (req, EINVAL);
}

/* ---- locks --------------------------------------------------------------------------------- */

static void
fill_lock (struct clfs_lock_request *request, const struct fuse_file_info *fi, const struct flock *lock)
{
    *request = (struct clfs_lock_request){
        .family = CLFS_LOCK_RANGE,
        .type = lock->l_type,
        .start = (uint64_t) lock->l_start,
        .end = lock->l_len == 0 ? UINT64_MAX : (uint64_t) lock->l_start + (uint64_t) lock->l_len - 1,
        .owner = fi->lock_owner,
        .pid = lock->l_pid,
    };
}

static void
op_getlk (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock)
{
    struct clfs_lock_request request;

    (void) ino;
    fill_lock (&request, fi, lock);
    clfs_locks_test (clfs_handle_get (fi->fh), &request);
    lock->l_type = request.type;
    if (request.type != F_UNLCK) {
        lock->l_whence = SEEK_SET;
        lock->l_start = (off_t) request.start;
        lock->l_len = request.end == UINT64_MAX ? 0 : (off_t) (request.end - request.start + 1);
        lock->l_pid = request.pid;
    }
    fuse_reply_lock (req, lock);
}

static void
op_setlk (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock, int sleep)
{
    struct clfs_lock_request request;

    (void) ino;
    fill_lock (&request, fi, lock);
    request.wait = sleep != 0;
    clfs_locks_set (req, clfs_handle_get (fi->fh), &request);
}

static void
op_flock (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
    struct clfs_lock_request request = {
        .family = CLFS_LOCK_FLOCK,
        .end = UINT64_MAX,
        .owner = fi->lock_owner,
        .wait = (op & LOCK_NB) == 0,
    };

    (void) ino;
    switch (op & ~LOCK_NB) {
    case LOCK_SH:
        request.type = F_RDLCK;
        break;
    case LOCK_EX:
        request.type = F_WRLCK;
        break;
    default:
        request.type = F_UNLCK;
        break;
    }
    clfs_locks_set (req, clfs_handle_get (fi->fh), &request);
}

/* ---- directories --------------------------------------------------------------------------- */

static void
op_opendir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct clfs_handle *handle = clfs_handle_new (clfs_node_get (ino), fi->flags, fuse_req_ctx (req)->uid);

    fi->fh = handle->id;
    if (fuse_reply_open (req, fi) != 0)
        close_handle (handle);
}

static void
op_releasedir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    op_release (req, ino, fi);
}

static void
op_readdir (fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t offset, struct fuse_file_info *fi)
{
    clfs_tree_readdir (req, clfs_node_get (ino), clfs_handle_get (fi->fh), bytes, offset, false);
}

static void
op_readdirplus (fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t offset, struct fuse_file_info *fi)
{
    clfs_tree_readdir (req, clfs_node_get (ino), clfs_handle_get (fi->fh), bytes, offset, true);
}

static void
op_fsyncdir (fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    /* mkdir, rmdir and rename are durable when they return. */
    (void) ino, (void) datasync, (void) fi;
    fuse_reply_err (req, 0);
}

const struct fuse_lowlevel_ops clfs_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .open = op_open,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .release = op_release,
    .fsync = op_fsync,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .releasedir = op_releasedir,
    .fsyncdir = op_fsyncdir,
    .statfs = op_statfs,
    .setxattr = op_setxattr,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .removexattr = op_removexattr,
    .access = op_access,
    .create = op_create,
    .getlk = op_getlk,
    .setlk = op_setlk,
    .flock = op_flock,
    .bmap = op_bmap,
    .ioctl = op_ioctl,
    .poll = op_poll,
    .fallocate = op_fallocate,
    .copy_file_range = op_copy_file_range,
    .lseek = op_lseek,
};
