/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mount.h - what every part of the filesystem shares: the mount itself, its limits, its log lines.
 *
 * The filesystem is the first user of libclfs: it includes <clfs/...> and nothing of the engine. Its parts:
 *   main, options, daemon, unmount  start-up and end
 *   ops, tree                       requests to kinds of files; the names in the tree
 *   node, handle, locks, poll       what the kernel knows of us, each kind of knowledge in one table of its own:
 *                                   node ids and origins, open handles, file locks, poll wake-ups. Nothing else in the
 *                                   process refers to kernel state, so that these four could be kept elsewhere
 *   mlog                            logs as the mount sees them: name, life, the gate
 *   parked                          requests that wait for a flush without holding a thread
 *   records, durable, control ...   one file for each kind of virtual file
 *
 * Lock order: mlog table > mlog gate > handle > (node table, lock table, poll table, parked table). The last four
 * are leaves: nothing is called with one of them held. No lock but a handle's is held over I/O.
 */
#ifndef CLFS_MOUNT_MOUNT_H
#define CLFS_MOUNT_MOUNT_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif

#include <clfs/clfs.h>
#include <fuse_lowlevel.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Threads that take requests from the kernel. Nothing waits in one of them for another request: fsync, O_DSYNC,
 * waiting locks, `flush` on control and appends at the bound of pending bytes are parked. What stays in a thread is
 * I/O of the store: base moves, restart areas, reads, a log's recovery. So there are more of them than processors,
 * that one slow log does not hold up others. */
#define CLFS_MOUNT_THREADS_MAX 32
/* Threads that go on with what was parked. */
#define CLFS_MOUNT_POOL_THREADS 8
/* Requests that the kernel sends without somebody waiting (RELEASE): libfuse's 12 would queue them. */
#define CLFS_MOUNT_BACKGROUND_MAX 256
/* One write(2) of CLFS_RECORD_BYTES_MAX comes in one piece: 256 pages, the most the kernel sends. */
#define CLFS_MOUNT_WRITE_BYTES_MAX (256u * 4096u)
/* Directories change only through us; in a read-only mount others may change the store. */
#define CLFS_MOUNT_DIRECTORY_SECONDS 3600.0
#define CLFS_MOUNT_DIRECTORY_SECONDS_READ_ONLY 1.0
/* A log stays open so long after its last close. */
#define CLFS_MOUNT_IDLE_CLOSE_MS 2000u
/* So many different lines about refused requests in a second. */
#define CLFS_MOUNT_RARE_LINES_MAX 10u
/* How often a new mount tries a store that is in use. */
#define CLFS_MOUNT_LOCK_RETRY_US (50 * G_TIME_SPAN_MILLISECOND)
/* close(2) returns before the kernel's RELEASE has come: rmdir and rename wait so long for those that are under way. */
#define CLFS_MOUNT_RELEASE_WAIT_US (500 * G_TIME_SPAN_MILLISECOND)

struct clfs_mount {
    clfs_store *store;
    struct fuse_session *session;
    bool read_only;
    uid_t uid; /* who mounted: owns the root directory and logs that cannot be read */
    gid_t gid;
    clfs_log_options new_log; /* what mkdir makes logs with */
    const char *mountpoint;
};

/* One process serves one mount. Set by main before the first request, constant after. */
extern struct clfs_mount clfs_mount;

/* Counters for metrics; written with atomic adds, read without order. */
enum clfs_counter {
    CLFS_COUNT_LOOKUPS,
    CLFS_COUNT_OPENS,
    CLFS_COUNT_READS,
    CLFS_COUNT_READ_BYTES,
    CLFS_COUNT_WRITES,
    CLFS_COUNT_WRITTEN_BYTES,
    CLFS_COUNT_FSYNCS,
    CLFS_COUNT_COMMANDS,
    CLFS_COUNT_INTERRUPTED,
    CLFS_COUNTERS
};
void clfs_mount_count (enum clfs_counter counter, uint64_t add);
uint64_t clfs_mount_counter (enum clfs_counter counter);

/* Runs `run (data)` soon, in a thread that may block. Before clfs_mount_pool_end(). */
void clfs_mount_defer (GFunc run, void *data);
/* Waits for all that was deferred; nothing may be deferred after. */
void clfs_mount_pool_end (void);

/* One line to stderr (-f) or syslog. level as syslog(3). */
void clfs_mount_say (int level, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The same for what somebody's request can cause again and again: one text at most once a second, and few texts in
 * one. */
void clfs_mount_say_rarely (int level, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The errno for a failed status; EIO for one that is none. */
int clfs_mount_errno (NTSTATUS status);

/* What was wrong, in words, after a call into the library that failed; as clfs_error_message(), never empty. */
const char *clfs_mount_message (NTSTATUS status);

#endif
