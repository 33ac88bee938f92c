/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mlog.h - a log as the mount sees it: its name, its life, and who is at work in it.
 *
 * An mlog exists while a node or a handle refers to it, not for as long as the log does: a store of 10,000 logs that
 * nobody has looked at costs nothing.
 *
 * The gate: whatever uses a log (by name or through a clfs_log) does so between clfs_mlog_enter() and
 * clfs_mlog_leave(). rmdir and rename close the gate, wait until all have left, and then have the log, its name and
 * its handles to themselves. Enter and leave may be in different threads: a parked request stays inside.
 */
#ifndef CLFS_MOUNT_MLOG_H
#define CLFS_MOUNT_MLOG_H

#include "mount.h"

/* Each log has so many inode numbers for its fixed files. */
#define CLFS_INO_SLOTS 16u

struct clfs_mlog {
    int refs;         /* atomic */
    int elsewhere;    /* atomic: when it was last opened, another process had it, so it was only read */
    int full;         /* atomic: the last append found no room, and that was said */
    uint64_t ino;     /* st_ino of the directory; +n: its file in attribute slot n. From the log's GUID: the same
                         after a remount and a rename, another one for a new log of the same name */
    char *name;       /* changes only with the gate closed: constant for whoever is inside */

    GMutex lock;      /* the gate's; guards the rest */
    GCond changed;
    unsigned inside;  /* how many entered and did not leave */
    bool closed;      /* rmdir or rename has the log */
    bool dead;        /* removed: everything is ESTALE */
    bool readable;    /* attrs are known */
    clfs_attr attrs[CLFS_ATTR_SLOTS]; /* as last read or set: a LOOKUP answers with them, without I/O */
    GQueue handles;   /* struct clfs_handle: those of its files */
    unsigned record_writers; /* of these, `records` open for writing */
    unsigned open_logs;      /* of these, with the log open for writing */
};

/* The mlog for the log `name` with this GUID and access (both NULL: it could not be read); a new reference. If the
 * name now belongs to another log than before, the former mlog is dead. */
struct clfs_mlog *clfs_mlog_get (const char *name, const uint8_t id[16], const clfs_attr *attrs);

/* What is known of a slot's owner and mode; false if nothing is. */
bool clfs_mlog_attr (struct clfs_mlog *mlog, enum clfs_attr_slot slot, clfs_attr *attr);
void clfs_mlog_keep_attrs (struct clfs_mlog *mlog, const clfs_attr *attrs);
struct clfs_mlog *clfs_mlog_ref (struct clfs_mlog *mlog);
/* NULL is allowed. */
void clfs_mlog_unref (struct clfs_mlog *mlog);

/* 0, or ESTALE if the log is gone. Waits while the gate is closed. */
int clfs_mlog_enter (struct clfs_mlog *mlog) G_GNUC_WARN_UNUSED_RESULT;
/* One more entry for somebody who is inside. */
void clfs_mlog_hold (struct clfs_mlog *mlog);
void clfs_mlog_leave (struct clfs_mlog *mlog);

/* Closes the gate and waits until nobody is inside. ESTALE: the log is gone, the gate was not closed. */
int clfs_mlog_close_gate (struct clfs_mlog *mlog) G_GNUC_WARN_UNUSED_RESULT;
void clfs_mlog_open_gate (struct clfs_mlog *mlog);
/* These two with the gate closed. */
void clfs_mlog_kill (struct clfs_mlog *mlog);
void clfs_mlog_rename (struct clfs_mlog *mlog, const char *name);

/* The log was removed behind the mount's back: kills it without the gate. */
void clfs_mlog_vanished (struct clfs_mlog *mlog);

/* What stat, control and metrics say of a log, opened or not. Within the gate. marks: base and ends are wanted, so a
 * log that was not closed cleanly is opened (recovered, or in a read-only mount read) first. attrs: optional. */
NTSTATUS clfs_mlog_info (struct clfs_mlog *mlog, bool marks, clfs_info *info,
                         clfs_attr *attrs) G_GNUC_WARN_UNUSED_RESULT;

/* The st_ino of a log's directory, as clfs_mlog_get() computes it. */
uint64_t clfs_mlog_ino (const char *name, const uint8_t id[16]);

/* Opens the log, within the gate. Unless `write`, a log that another process has open is read without its lock, as in
 * a read-only mount. *writable: it is open for writing. */
NTSTATUS clfs_mlog_open (struct clfs_mlog *mlog, bool write, clfs_log **log, bool *writable) G_GNUC_WARN_UNUSED_RESULT;

/* A log that is read without its lock shows what was there when it was last looked at: looks again, unless that was
 * within the last second. */
void clfs_mlog_look_anew (clfs_log *log);

/* After an append, with what it returned, by the thread that made it: says once that the log is full, and why. */
void clfs_mlog_appended (struct clfs_mlog *mlog, clfs_log *log, NTSTATUS status);

/* Flushes every log that was opened through the mount and is not closed. Returns the first error's errno, having said
 * each. */
int clfs_mlog_flush_all (void);

/* Calls `each` for every mlog that exists, with a reference. */
void clfs_mlog_foreach (void (*each) (struct clfs_mlog *mlog, void *data), void *data);

#endif
