/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mlog.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

/* Living mlogs by name, without references: the last unref takes its mlog out. */
static GMutex table_lock;
static GHashTable *table;

static uint64_t
mix (uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C (0x94d049bb133111eb);
    return value ^ value >> 31;
}

uint64_t
clfs_mlog_ino (const char *name, const uint8_t id[16])
{
    uint64_t halves[2], ino;

    if (id != NULL) {
        memcpy (halves, id, sizeof halves);
        ino = mix (mix (halves[0]) ^ halves[1]);
    } else {
        ino = mix (g_str_hash (name));
    }
    ino &= ~(uint64_t) (CLFS_INO_SLOTS - 1);
    /* The first numbers are the mount's own: root and .clfs. */
    return ino < 0x10000 ? ino + 0x10000 : ino;
}

/* With the table's lock. */
static void
forget (struct clfs_mlog *mlog)
{
    if (table != NULL && g_hash_table_lookup (table, mlog->name) == mlog)
        g_hash_table_remove (table, mlog->name);
}

static void
kill_locked (struct clfs_mlog *mlog)
{
    forget (mlog);
    g_mutex_lock (&mlog->lock);
    mlog->dead = true;
    g_cond_broadcast (&mlog->changed);
    g_mutex_unlock (&mlog->lock);
}

struct clfs_mlog *
clfs_mlog_get (const char *name, const uint8_t id[16], const clfs_attr *attrs)
{
    uint64_t ino = clfs_mlog_ino (name, id);
    struct clfs_mlog *mlog;

    g_mutex_lock (&table_lock);
    if (table == NULL)
        table = g_hash_table_new (g_str_hash, g_str_equal);
    mlog = g_hash_table_lookup (table, name);
    /* A log that cannot be read for the moment is still the log that was here. */
    if (mlog != NULL && id != NULL && mlog->ino != ino) {
        kill_locked (mlog);
        mlog = NULL;
    }
    if (mlog != NULL) {
        g_atomic_int_inc (&mlog->refs);
    } else {
        mlog = g_new0 (struct clfs_mlog, 1);
        mlog->refs = 1;
        mlog->ino = ino;
        mlog->name = g_strdup (name);
        g_mutex_init (&mlog->lock);
        g_cond_init (&mlog->changed);
        g_hash_table_insert (table, mlog->name, mlog);
    }
    g_mutex_unlock (&table_lock);
    if (attrs != NULL)
        clfs_mlog_keep_attrs (mlog, attrs);
    return mlog;
}

bool
clfs_mlog_attr (struct clfs_mlog *mlog, enum clfs_attr_slot slot, clfs_attr *attr)
{
    bool readable;

    g_mutex_lock (&mlog->lock);
    readable = mlog->readable;
    *attr = mlog->attrs[slot];
    g_mutex_unlock (&mlog->lock);
    return readable;
}

void
clfs_mlog_keep_attrs (struct clfs_mlog *mlog, const clfs_attr *attrs)
{
    g_mutex_lock (&mlog->lock);
    memcpy (mlog->attrs, attrs, sizeof mlog->attrs);
    mlog->readable = true;
    g_mutex_unlock (&mlog->lock);
}

struct clfs_mlog *
clfs_mlog_ref (struct clfs_mlog *mlog)
{
    g_atomic_int_inc (&mlog->refs);
    return mlog;
}

void
clfs_mlog_unref (struct clfs_mlog *mlog)
{
    if (mlog == NULL)
        return;
    /* Under the table's lock, or clfs_mlog_get() could find an mlog that is being freed. */
    g_mutex_lock (&table_lock);
    if (!g_atomic_int_dec_and_test (&mlog->refs)) {
        g_mutex_unlock (&table_lock);
        return;
    }
    forget (mlog);
    g_mutex_unlock (&table_lock);
    g_assert (mlog->inside == 0 && g_queue_is_empty (&mlog->handles));
    g_mutex_clear (&mlog->lock);
    g_cond_clear (&mlog->changed);
    g_free (mlog->name);
    g_free (mlog);
}

int
clfs_mlog_enter (struct clfs_mlog *mlog)
{
    bool dead;

    g_mutex_lock (&mlog->lock);
    while (mlog->closed && !mlog->dead)
        g_cond_wait (&mlog->changed, &mlog->lock);
    dead = mlog->dead;
    if (!dead)
        mlog->inside++;
    g_mutex_unlock (&mlog->lock);
    return dead ? ESTALE : 0;
}

void
clfs_mlog_hold (struct clfs_mlog *mlog)
{
    g_mutex_lock (&mlog->lock);
    g_assert (mlog->inside > 0);
    mlog->inside++;
    g_mutex_unlock (&mlog->lock);
}

void
clfs_mlog_leave (struct clfs_mlog *mlog)
{
    g_mutex_lock (&mlog->lock);
    g_assert (mlog->inside > 0);
    mlog->inside--;
    if (mlog->inside == 0 && mlog->closed)
        g_cond_broadcast (&mlog->changed);
    g_mutex_unlock (&mlog->lock);
}

int
clfs_mlog_close_gate (struct clfs_mlog *mlog)
{
    g_mutex_lock (&mlog->lock);
    while (mlog->closed && !mlog->dead)
        g_cond_wait (&mlog->changed, &mlog->lock);
    if (mlog->dead) {
        g_mutex_unlock (&mlog->lock);
        return ESTALE;
    }
    mlog->closed = true;
    while (mlog->inside > 0)
        g_cond_wait (&mlog->changed, &mlog->lock);
    g_mutex_unlock (&mlog->lock);
    return 0;
}

void
clfs_mlog_open_gate (struct clfs_mlog *mlog)
{
    g_mutex_lock (&mlog->lock);
    mlog->closed = false;
    g_cond_broadcast (&mlog->changed);
    g_mutex_unlock (&mlog->lock);
}

void
clfs_mlog_kill (struct clfs_mlog *mlog)
{
    g_mutex_lock (&table_lock);
    kill_locked (mlog);
    g_mutex_unlock (&table_lock);
}

static void
invalidate_name (gpointer data, gpointer user_data)
{
    char *name = data;

    (void) user_data;
    /* Negative results (the kernel never knew the name) are as good. */
    fuse_lowlevel_notify_inval_entry (clfs_mount.session, FUSE_ROOT_ID, name, strlen (name));
    g_free (name);
}

void
clfs_mlog_vanished (struct clfs_mlog *mlog)
{
    char *name;

    g_mutex_lock (&table_lock);
    name = g_strdup (mlog->name);
    kill_locked (mlog);
    g_mutex_unlock (&table_lock);
    /* The kernel holds the directory for an hour. Not from here: the request at hand may hold the locks that this
     * takes. */
    clfs_mount_defer (invalidate_name, name);
}

void
clfs_mlog_rename (struct clfs_mlog *mlog, const char *name)
{
    char *former = mlog->name;
    struct clfs_mlog *other;

    g_mutex_lock (&table_lock);
    forget (mlog);
    mlog->name = g_strdup (name);
    other = g_hash_table_lookup (table, name);
    if (other != NULL)
        kill_locked (other);
    g_hash_table_insert (table, mlog->name, mlog);
    g_mutex_unlock (&table_lock);
    g_free (former);
}

void
clfs_mlog_look_anew (clfs_log *log)
{
    clfs_cursor *cursor;
    size_t got;
    char byte;

    /* A read at the end is what makes the library look; errors show in what is asked next. */
    if (!NT_SUCCESS (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor)))
        return;
    if (!NT_SUCCESS (clfs_cursor_read (cursor, INT64_MAX, &byte, 1, false, &got)))
        clfs_mount_say (LOG_WARNING, "%s", clfs_error_message ());
    clfs_cursor_close (cursor);
}

void
clfs_mlog_appended (struct clfs_mlog *mlog, clfs_log *log, NTSTATUS status)
{
    clfs_info info;

    if (status == STATUS_LOG_FULL) {
        if (g_atomic_int_compare_and_exchange (&mlog->full, 0, 1))
            clfs_mount_say_rarely (LOG_WARNING, "%s", clfs_mount_message (status));
    } else if (NT_SUCCESS (status) && g_atomic_int_get (&mlog->full)) {
        /* A line that was only begun is no append. */
        clfs_log_info (log, &info);
        if (info.state != CLFS_STATE_FULL)
            g_atomic_int_set (&mlog->full, 0);
    }
}

NTSTATUS
clfs_mlog_open (struct clfs_mlog *mlog, bool write, clfs_log **log, bool *writable)
{
    NTSTATUS status = STATUS_MEDIA_WRITE_PROTECTED;

    *writable = !clfs_mount.read_only;
    if (*writable)
        status = clfs_log_open (clfs_mount.store, mlog->name, CLFS_LOG_WRITE, log);
    if (!write && (!*writable || status == STATUS_SHARING_VIOLATION)) {
        *writable = false;
        status = clfs_log_open (clfs_mount.store, mlog->name, CLFS_LOG_READ, log);
        if (NT_SUCCESS (status))
            clfs_mlog_look_anew (*log);
    }
    if (NT_SUCCESS (status))
        g_atomic_int_set (&mlog->elsewhere, !*writable);
    return status;
}

/* Opens the log for a moment. Recovering it is work worth keeping: it stays open for idle_close_ms. */
static NTSTATUS
info_by_opening (struct clfs_mlog *mlog, clfs_info *info)
{
    bool writable;
    clfs_log *log;
    NTSTATUS status;

    status = clfs_mlog_open (mlog, false, &log, &writable);
    if (!NT_SUCCESS (status))
        return status;
    clfs_log_info (log, info);
    status = clfs_log_close (log);
    if (!NT_SUCCESS (status))
        clfs_mount_say (LOG_ERR, "%s: %s", mlog->name, clfs_error_message ());
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_mlog_info (struct clfs_mlog *mlog, bool marks, clfs_info *info, clfs_attr *attrs)
{
    NTSTATUS status;

    status = clfs_log_peek (clfs_mount.store, mlog->name, info, attrs);
    /* The name is gone, or it is another log's now. */
    if (NT_SUCCESS (status) && clfs_mlog_ino (mlog->name, info->id) != mlog->ino)
        status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        clfs_mlog_vanished (mlog);
    if (NT_SUCCESS (status) && attrs != NULL)
        clfs_mlog_keep_attrs (mlog, attrs);
    if (!NT_SUCCESS (status) || !marks)
        return status;
    /* Somebody else may be writing it, whatever was true when it was last looked at. */
    if (info->closed_cleanly && !clfs_mount.read_only && !g_atomic_int_get (&mlog->elsewhere))
        return status;
    return info_by_opening (mlog, info);
}

void
clfs_mlog_foreach (void (*each) (struct clfs_mlog *mlog, void *data), void *data)
{
    g_autoptr (GPtrArray) all = g_ptr_array_new ();
    GHashTableIter iter;
    gpointer mlog;

    g_mutex_lock (&table_lock);
    if (table != NULL) {
        g_hash_table_iter_init (&iter, table);
        while (g_hash_table_iter_next (&iter, NULL, &mlog))
            g_ptr_array_add (all, clfs_mlog_ref (mlog));
    }
    g_mutex_unlock (&table_lock);
    for (guint i = 0; i < all->len; i++) {
        each (all->pdata[i], data);
        clfs_mlog_unref (all->pdata[i]);
    }
}

static void
flush_one (struct clfs_mlog *mlog, void *data)
{
    int *first = data;
    clfs_info info;
    clfs_log *log;
    NTSTATUS status;

    if (clfs_mlog_enter (mlog) != 0)
        return;
    status = clfs_log_peek (clfs_mount.store, mlog->name, &info, NULL);
    /* What cannot be read was said when it was looked at. What somebody else writes, he flushes. */
    if (!NT_SUCCESS (status) || g_atomic_int_get (&mlog->elsewhere) || info.state == CLFS_STATE_READ_ONLY)
        goto out;
    if (info.durable_below == info.next && info.pending_bytes == 0 && info.state != CLFS_STATE_FAILED)
        goto out;
    status = clfs_log_open (clfs_mount.store, mlog->name, CLFS_LOG_WRITE, &log);
    if (!NT_SUCCESS (status))
        goto out;
    status = clfs_log_flush (log, CLFS_NULL_LSN, NULL);
    if (!NT_SUCCESS (status)) {
        clfs_mount_say (LOG_ERR, "%s: %s", mlog->name, clfs_error_message ());
        if (*first == 0)
            *first = clfs_mount_errno (status);
    }
    status = clfs_log_close (log);
    if (!NT_SUCCESS (status) && *first == 0)
        *first = clfs_mount_errno (status);
out:
    clfs_mlog_leave (mlog);
}

int
clfs_mlog_flush_all (void)
{
    int first = 0;

    clfs_mlog_foreach (flush_one, &first);
    return first;
}
