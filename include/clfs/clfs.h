/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clfs.h - the Common Log File System for Linux: stores, logs, records.
 *
 * A store is a directory of logs. A log is a base log file (NAME.blf, metadata) and containers
 * (records). A record is appended, gets an LSN, and is durable once a flush to that LSN has
 * returned success. The Windows names (ClfsFlushToLsn and friends) are in wdm.h; they and this
 * header may be used in one program, also on the same log.
 *
 * Conventions
 *  - Every call that can fail returns an NTSTATUS (ntstatus.h). clfs_status_errno() gives the errno.
 *    After a failure clfs_error_message() says in one line what was wrong, where, and what to do.
 *  - Every call may be made from any thread at any time, unless its comment says otherwise. Objects
 *    that are said to be "not thread-safe" may be used by one thread at a time.
 *  - Sizes end in _bytes, times in _ns (since 1970, UTC) or _ms. Strings are UTF-8.
 *  - An LSN that bounds something ("next", "durable below", an end) is exclusive.
 *  - "out" pointers are written only on success, unless said otherwise. NULL is allowed where the
 *    comment says optional.
 */
#ifndef CLFS_CLFS_H
#define CLFS_CLFS_H

#include <clfs/lsn.h>
#include <clfs/ntstatus.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CLFS_CHECK_RESULT __attribute__ ((warn_unused_result))
#else
#define CLFS_CHECK_RESULT
#endif

typedef struct clfs_store clfs_store;
typedef struct clfs_log clfs_log;
typedef struct clfs_writer clfs_writer;
typedef struct clfs_cursor clfs_cursor;

/* ---- limits -------------------------------------------------------------------------------- */

/* Containers: multiples of 512 KiB, as Windows has it; the block offset in an LSN has 32 bits. */
#define CLFS_CONTAINER_BYTES_UNIT UINT64_C (524288)
#define CLFS_CONTAINER_BYTES_MAX (UINT64_C (4294967296) - CLFS_CONTAINER_BYTES_UNIT)
/* At most so many containers in a log (ClfsMgmtSetLogFileSize). */
#define CLFS_CONTAINERS_MAX 1023u
/* The largest record a log takes if its containers can hold it: 255 pages and one byte, what the
 * kernel surely hands to a FUSE server in one piece. clfs_info.record_bytes_max has a log's own. */
#define CLFS_RECORD_BYTES_MAX 1044481u
/* A log's name in bytes, without ".blf". No '/', NUL or control character, not starting with '.'. */
#define CLFS_NAME_BYTES_MAX 200u
#define CLFS_PENDING_BYTES_MIN UINT64_C (262144)
#define CLFS_PENDING_BYTES_MAX UINT64_C (1073741824)

/* ---- status and errors --------------------------------------------------------------------- */

/* The errno that the mount answers for `status`; 0 for a success. */
int clfs_status_errno (NTSTATUS status);

/* "STATUS_LOG_FULL"; never NULL. Static storage. */
const char *clfs_status_name (NTSTATUS status);

/* One line about the last failed call of the calling thread: what, where, what to do. Valid until
 * that thread's next call into libclfs; "" if there is nothing to say. Never NULL. */
const char *clfs_error_message (void);

/* "0.1.0": the library's version, which may differ from the header's. */
const char *clfs_version (void);

/* Where the library reports what nobody asked for: recoveries, cut tails, damage, failed background
 * flushes. level is a syslog(3) priority. Default: "clfs: " and the line to stderr. The handler may be
 * called from any thread with no lock held that the caller could need. */
typedef void (*clfs_log_handler) (int level, const char *line, void *data);
void clfs_set_log_handler (clfs_log_handler handler, void *data);

/* ---- stores -------------------------------------------------------------------------------- */

enum {
    CLFS_STORE_READ_ONLY = 1,  /* write nothing, lock nothing, recover nothing */
    CLFS_STORE_ALL = 2,        /* with READ_ONLY: logs start at the oldest intact record, not at the base */
    CLFS_STORE_CREATE = 4,     /* make the directory (0700) if its parent exists */
    CLFS_STORE_MOUNT_LOCK = 8, /* hold .mount.lock while the store is open */
    CLFS_STORE_NO_AREA = 16,   /* keep unflushed records in private memory: they do not outlive the process */
    CLFS_STORE_INLINE = 32,    /* no background threads: what they would do is done by the calls that need it */
};

/* How bytes of clfs_writer_write become records. */
enum clfs_framing {
    CLFS_FRAMING_WRITE = 0, /* each write is one record */
    CLFS_FRAMING_LINE = 1,  /* each newline-terminated line is one record */
};

/* A value that a log does not have, or that is to stay as it is. */
#define CLFS_UNSET UINT64_MAX

/* What a log is made with. Stored in the log. clfs_log_options_init() gives the defaults. */
typedef struct clfs_log_options {
    uint64_t container_bytes;  /* 8 MiB; rounded up to CLFS_CONTAINER_BYTES_UNIT */
    uint64_t max_bytes;        /* 1 GiB; the log grows by itself up to this; 0: it never does */
    uint64_t retain_bytes;     /* CLFS_UNSET: off. Else the base is moved so that at most this is kept */
    uint64_t retain_seconds;   /* CLFS_UNSET: off */
    uint64_t pending_bytes_max; /* 16 MiB: bound on unflushed bytes; appends wait there */
    uint32_t flush_threshold_bytes; /* 1 MiB: so much pending starts a background flush */
    uint32_t flush_ms;         /* 1000: the age of an unflushed byte that starts one; 0: off, and with it
                                  the threshold */
    uint16_t align_bytes;      /* 512 or 4096: each flush is padded to this */
    uint8_t framing;           /* enum clfs_framing: WRITE */
    uint8_t archive;           /* non-ephemeral: it has an archive tail. 0 */
} clfs_log_options;

void clfs_log_options_init (clfs_log_options *options);

typedef struct clfs_store_options {
    unsigned flags;         /* CLFS_STORE_* */
    unsigned lock_wait_ms;  /* how long to wait for a lock that another process holds; 0: not at all */
    unsigned idle_close_ms; /* a log is closed cleanly so long after its last clfs_log_close; 0: at once */
} clfs_store_options;

/* Opens the directory `path` as a store. options NULL: all zero (read and write, wait for nothing).
 * STATUS_OBJECT_NAME_NOT_FOUND, STATUS_ACCESS_DENIED, STATUS_SHARING_VIOLATION (another mount has it;
 * the message has its pid), STATUS_MEDIA_WRITE_PROTECTED. */
NTSTATUS clfs_store_open (const char *path, const clfs_store_options *options, clfs_store **out) CLFS_CHECK_RESULT;

/* Flushes and closes every log, lets go of the locks, frees the store. All logs, writers and cursors
 * of the store must have been closed. Returns the first error of a flush or close; the store is gone
 * all the same. NULL is allowed. */
NTSTATUS clfs_store_close (clfs_store *store);

/* The names of the store's logs, sorted by bytes; opens none. Free with clfs_names_free(). */
NTSTATUS clfs_store_names (clfs_store *store, char ***names, size_t *count) CLFS_CHECK_RESULT;
void clfs_names_free (char **names, size_t count);

typedef struct clfs_store_space {
    uint64_t total_bytes, free_bytes, available_bytes; /* of the file system below, as statvfs(3) */
    uint64_t files_total, files_free;
} clfs_store_space;
NTSTATUS clfs_store_get_space (clfs_store *store, clfs_store_space *out) CLFS_CHECK_RESULT;

/* True if `name` may name a log; else a message says why. */
bool clfs_name_valid (const char *name);

/* ---- access attributes --------------------------------------------------------------------- */

/* The files of a log that have owner and mode of their own. */
enum clfs_attr_slot {
    CLFS_ATTR_DIRECTORY,
    CLFS_ATTR_RECORDS,
    CLFS_ATTR_CONTROL,
    CLFS_ATTR_DURABLE,
    CLFS_ATTR_INDEX,
    CLFS_ATTR_BY_LSN,
    CLFS_ATTR_RESTART,
    CLFS_ATTR_CONTAINERS,
    CLFS_ATTR_SLOTS = 16 /* room for more; unused ones are 0 */
};

typedef struct clfs_attr {
    uint32_t mode; /* permission bits, 07777 */
    uint32_t uid, gid;
} clfs_attr;

/* ---- logs: make, remove, open -------------------------------------------------------------- */

/* Makes a log: writes its base log file, syncs it and the directory; durable when it returns. No container is
 * made before the first append. options NULL: defaults. attrs: CLFS_ATTR_SLOTS entries, or NULL for
 * those of the calling process (0600, 0700 for the directory).
 * STATUS_OBJECT_NAME_COLLISION, STATUS_OBJECT_NAME_INVALID, STATUS_INVALID_PARAMETER, STATUS_DISK_FULL. */
NTSTATUS clfs_log_create (clfs_store *store, const char *name, const clfs_log_options *options,
                          const clfs_attr *attrs) CLFS_CHECK_RESULT;

enum {
    CLFS_DELETE_IF_EMPTY = 1, /* STATUS_DIRECTORY_NOT_EMPTY if there is an active record */
};

/* Removes a log and its containers; durable when it returns. STATUS_SHARING_VIOLATION while it is open
 * by another process or by handles of this one. */
NTSTATUS clfs_log_delete (clfs_store *store, const char *name, unsigned flags) CLFS_CHECK_RESULT;

/* Renames a log that nobody has open: one rename(2), then the sync of the directory. Never replaces. */
NTSTATUS clfs_log_rename (clfs_store *store, const char *from, const char *to) CLFS_CHECK_RESULT;

enum {
    CLFS_LOG_READ = 0,  /* only read: what would change the log is STATUS_ACCESS_DENIED. Shares the engine of this process if it has the log open for writing;
                           else reads without a lock */
    CLFS_LOG_WRITE = 1, /* lock the log, recover it if its last opening did not end cleanly */
};

/* Opens a log. Opens of one log in one store share one engine: one lock, one group of flushes.
 * With CLFS_LOG_WRITE a log that was not written by us, is damaged, or lies in a read-only store opens
 * all the same and is read-only (clfs_info.state says so; appends are STATUS_MEDIA_WRITE_PROTECTED).
 * STATUS_OBJECT_NAME_NOT_FOUND, STATUS_SHARING_VIOLATION (the message has the pid),
 * STATUS_LOG_METADATA_CORRUPT (no valid copy of the base log file), STATUS_IO_DEVICE_ERROR. */
NTSTATUS clfs_log_open (clfs_store *store, const char *name, unsigned flags, clfs_log **out) CLFS_CHECK_RESULT;

/* Lets go of one open. Writers and cursors made from it must have been closed. The last one flushes and closes the log
 * cleanly (after idle_close_ms). Its error is returned if that happens within the call. */
NTSTATUS clfs_log_close (clfs_log *log);

/* ---- information --------------------------------------------------------------------------- */

enum clfs_state {
    CLFS_STATE_OK,
    CLFS_STATE_FAILED,    /* a write or sync failed: appends and flushes are refused until clfs_log_recover() */
    CLFS_STATE_READ_ONLY, /* damaged, foreign, or a read-only store */
    CLFS_STATE_FULL,      /* the last append found no room; ends when there is some */
};

/* A log's marks and sizes at one moment. */
typedef struct clfs_info {
    enum clfs_state state;
    clfs_lsn_t base;          /* the oldest active record's LSN; == next if there is none. With CLFS_STORE_ALL the oldest intact one's */
    clfs_lsn_t last;          /* the newest record's LSN; CLFS_INVALID_LSN if there is none */
    clfs_lsn_t next;          /* the LSN that the next record will get if no flush comes in between: that begins a new block. Of a damaged
                                 log: where its intact part ends */
    clfs_lsn_t durable_below; /* every record with a smaller LSN is on stable storage */
    clfs_lsn_t restart;       /* newest restart record; CLFS_INVALID_LSN if there is none */
    clfs_lsn_t archive_tail;  /* CLFS_INVALID_LSN if the log is ephemeral */
    uint64_t base_offset;     /* stream offset of the record at `base`: bytes of data records before it */
    uint64_t end_offset;      /* stream offset after the newest record */
    uint64_t durable_offset;  /* stream offset that belongs to durable_below */
    uint64_t pending_bytes;   /* unflushed: bytes of records not durable and of unterminated lines */
    uint32_t containers;      /* how many there are */
    uint32_t containers_free; /* of these, not in the active log */
    uint64_t container_bytes;
    uint64_t size_bytes;      /* containers * container_bytes */
    uint64_t allocated_bytes; /* on the file system below, the base log file included */
    uint64_t max_bytes, retain_bytes, retain_seconds; /* as in clfs_log_options */
    uint64_t available_bytes; /* room for new records, growth up to max_bytes included */
    uint64_t reserved_bytes;
    uint64_t pending_bytes_max;
    uint32_t record_bytes_max;
    uint32_t flush_threshold_bytes, flush_ms;
    uint16_t align_bytes;
    uint8_t framing;          /* enum clfs_framing */
    uint8_t archive;
    bool closed_cleanly;      /* by a peek: the metadata has a clean end; else the log would be recovered */
    bool foreign;             /* not written by us: a log made by Windows */
    clfs_lsn_t cut_lsn;       /* where the last recovery cut a torn tail; CLFS_INVALID_LSN if it never did */
    uint64_t cut_bytes;
    int64_t created_ns, appended_ns; /* creation; last append (the creation if there was none) */
    uint64_t base_file_bytes; /* size of the base log file */
    uint8_t id[16];           /* the log's GUID, as stored */
    char error[256];          /* "" or one line: why the state is not ok */
} clfs_info;

/* Never blocks on I/O. */
void clfs_log_info (clfs_log *log, clfs_info *out);

/* What the base log file says of a log that need not be open, without taking a lock or opening it; of one that this store
 * has open, the same as clfs_log_info. If closed_cleanly is false and it is not open, all but the marks hold. attrs: optional,
 * CLFS_ATTR_SLOTS entries. Errors as clfs_log_open. */
NTSTATUS clfs_log_peek (clfs_store *store, const char *name, clfs_info *out, clfs_attr *attrs) CLFS_CHECK_RESULT;

void clfs_log_get_attrs (clfs_log *log, clfs_attr attrs[CLFS_ATTR_SLOTS]);
/* Durable when it returns. mask: bit n set: attrs[n] is taken. */
NTSTATUS clfs_log_set_attrs (clfs_log *log, const clfs_attr attrs[CLFS_ATTR_SLOTS], unsigned mask) CLFS_CHECK_RESULT;

typedef struct clfs_container_info {
    char name[256];        /* file name in the store */
    uint32_t physical_id, logical_id;
    uint64_t size_bytes;
    unsigned state;        /* Windows' CLFS_CONTAINER_STATE bits: 1 initializing, 2 inactive, 4 active, 8 active, pending delete */
} clfs_container_info;

/* The containers by physical id, at most `room` of them; *count: how many there are. */
NTSTATUS clfs_log_containers (clfs_log *log, clfs_container_info *out, size_t room, size_t *count) CLFS_CHECK_RESULT;

/* ---- notification -------------------------------------------------------------------------- */

enum {
    CLFS_EVENT_APPENDED = 1, /* `next` moved */
    CLFS_EVENT_DURABLE = 2,  /* `durable-below` moved */
    CLFS_EVENT_BASE = 4,     /* the base moved */
    CLFS_EVENT_STATE = 8,    /* `state` changed */
};

/* Calls `changed` after each change of the kinds in `events`, from any thread, often once for several changes. It must be
 * quick and must not call into the same log except clfs_log_info(). One watch for each (log open); events 0 ends it; when that call has
 * returned, no callback runs any more. */
typedef void (*clfs_watch_callback) (clfs_log *log, unsigned events, void *data);
void clfs_log_watch (clfs_log *log, unsigned events, clfs_watch_callback changed, void *data);

/* ---- append -------------------------------------------------------------------------------- */

enum clfs_record_type {
    CLFS_RECORD_DATA = 1,
    CLFS_RECORD_RESTART = 2,
};

enum {
    CLFS_APPEND_FORCE_APPEND = 1, /* close the block: the next record starts another one. No durability */
    CLFS_APPEND_FORCE_FLUSH = 2,  /* return when the record is durable */
    CLFS_APPEND_NO_WAIT = 4,      /* STATUS_PENDING, nothing appended, where the call would have to wait for space in memory */
};

typedef struct clfs_append_options {
    unsigned flags;
    clfs_lsn_t previous, undo_next; /* the client's chains; CLFS_INVALID_LSN: no link */
} clfs_append_options;

/* Appends one record, gathered from `count` buffers, and gives it an LSN that is final. options NULL: no
 * flags, no links. lsn optional. The record is whole in the log or not at all.
 * STATUS_LOG_FULL, STATUS_BUFFER_TOO_SMALL (longer than record_bytes_max), STATUS_MEDIA_WRITE_PROTECTED,
 * the error that made the log fail, STATUS_LOG_APPENDED_FLUSH_FAILED (appended; FORCE_FLUSH failed). */
NTSTATUS clfs_log_append (clfs_log *log, const struct iovec *buffers, int count, const clfs_append_options *options,
                          clfs_lsn_t *lsn) CLFS_CHECK_RESULT;

/* ---- writers: bytes in, records out --------------------------------------------------------- */

/* A writer is one open file: it turns writes into records by the log's framing and keeps its own
 * unterminated line. Not thread-safe. */
NTSTATUS clfs_writer_open (clfs_log *log, clfs_writer **out) CLFS_CHECK_RESULT;

/* Takes `bytes` bytes. write framing: records of at most record_bytes_max. line framing: a record for each newline; an
 * unterminated rest is kept, and is a record at its newline, at clfs_writer_cut(), at clfs_writer_close(), or
 * when it reaches record_bytes_max. With CLFS_APPEND_FORCE_FLUSH everything taken is a durable record when the
 * call returns. *taken: how many bytes were taken, also on failure (then the first `taken` bytes are in the log, and
 * the failure holds for the rest). Each line is whole or not at all. 0 bytes: nothing happens. */
NTSTATUS clfs_writer_write (clfs_writer *writer, const void *data, size_t bytes, unsigned flags,
                            size_t *taken) CLFS_CHECK_RESULT;

/* Makes the unterminated line a record (fsync does this for the file's own line). Nothing if there is none. */
NTSTATUS clfs_writer_cut (clfs_writer *writer) CLFS_CHECK_RESULT;

/* The LSN of the last record that this writer made; CLFS_INVALID_LSN if none. */
clfs_lsn_t clfs_writer_last_lsn (const clfs_writer *writer);

/* Bytes in the unterminated line. */
size_t clfs_writer_pending_bytes (const clfs_writer *writer);

/* Cuts and frees; the writer is gone also if that failed. */
NTSTATUS clfs_writer_close (clfs_writer *writer);

/* ---- flush --------------------------------------------------------------------------------- */

/* Returns when every record with an LSN <= lsn is on stable storage. CLFS_NULL_LSN: every record. *durable_below (optional):
 * the first LSN that is not durable. lsn > next: STATUS_INVALID_PARAMETER. A failed write or sync:
 * STATUS_LOG_CONTAINER_WRITE_FAILED or STATUS_LOG_METADATA_FLUSH_FAILED, and the log has failed. */
NTSTATUS clfs_log_flush (clfs_log *log, clfs_lsn_t lsn, clfs_lsn_t *durable_below) CLFS_CHECK_RESULT;

/* Called once when the flush has succeeded or failed, from a thread of the library or from within
 * clfs_log_flush_async. No lock is held; it may call into the library, but must not block for long. */
typedef void (*clfs_flush_callback) (NTSTATUS status, clfs_lsn_t durable_below, void *data);

/* The same without blocking. STATUS_PENDING: the callback will be called, or has been; any other status: it
 * will not, and the status is the result (never a success). *ticket (optional) names the request for clfs_log_flush_cancel(). */
NTSTATUS clfs_log_flush_async (clfs_log *log, clfs_lsn_t lsn, clfs_flush_callback done, void *data,
                               uint64_t *ticket) CLFS_CHECK_RESULT;

/* Takes a waiting flush back: true: its callback was called with STATUS_CANCELLED within this call; false: it is done or about to be. */
bool clfs_log_flush_cancel (clfs_log *log, uint64_t ticket);

/* ---- read ---------------------------------------------------------------------------------- */

/* A record as a cursor shows it; data stays valid until the cursor's next call. */
typedef struct clfs_record {
    clfs_lsn_t lsn, previous, undo_next;
    uint64_t stream_offset;    /* of its first byte; restart records take no room in the stream */
    int64_t time_ns;           /* when its block was sealed; for a record in an open block: now; 0: a foreign log does not say */
    const void *data;
    uint32_t bytes;
    enum clfs_record_type type;
} clfs_record;

enum clfs_cursor_mode {
    CLFS_CURSOR_UNDO_NEXT = 1,
    CLFS_CURSOR_PREVIOUS = 2,
    CLFS_CURSOR_FORWARD = 3,
};

/* A cursor reads records; not thread-safe; close it before the log. It sees records as soon as they are appended. */
NTSTATUS clfs_cursor_open (clfs_log *log, enum clfs_cursor_mode mode, clfs_cursor **out) CLFS_CHECK_RESULT;
void clfs_cursor_close (clfs_cursor *cursor);

/* Goes to the record `lsn` and shows it.
 * STATUS_LOG_START_OF_LOG (below the base and no longer readable by this call: an active record is wanted),
 * STATUS_END_OF_FILE (at or after next), STATUS_LOG_RECORD_NONEXISTENT, STATUS_LOG_BLOCK_INVALID (damage). */
NTSTATUS clfs_cursor_seek (clfs_cursor *cursor, clfs_lsn_t lsn, clfs_record *out) CLFS_CHECK_RESULT;

/* Goes to the first record with an LSN >= lsn and shows it; STATUS_END_OF_FILE if there is none, then
 * clfs_cursor_next shows it once it is there. Below the base: the record at the base. */
NTSTATUS clfs_cursor_seek_from (clfs_cursor *cursor, clfs_lsn_t lsn, clfs_record *out) CLFS_CHECK_RESULT;

/* Goes to the data record that holds byte `stream_offset`, or to the first after it. Below the base too as long as the container is
 * there; STATUS_NOT_FOUND when it was recycled. */
NTSTATUS clfs_cursor_seek_offset (clfs_cursor *cursor, uint64_t stream_offset, clfs_record *out) CLFS_CHECK_RESULT;

/* The next record by the mode whose type is in `types` (CLFS_RECORD_* bits). Forward: STATUS_END_OF_FILE at the end; the
 * cursor stays usable and shows what is appended later. Chains: STATUS_END_OF_FILE where the link is
 * CLFS_INVALID_LSN, STATUS_LOG_START_OF_LOG where it points below the base. */
NTSTATUS clfs_cursor_next (clfs_cursor *cursor, unsigned types, clfs_record *out) CLFS_CHECK_RESULT;

/* The previous record in LSN order whose type is in `types`; STATUS_LOG_START_OF_LOG below the oldest. */
NTSTATUS clfs_cursor_back (clfs_cursor *cursor, unsigned types, clfs_record *out) CLFS_CHECK_RESULT;

/* Copies bytes of the stream: payloads of data records, one after another, from `stream_offset` on. *got < bytes only at
 * the end of what there is: 0 there. durable_only: the end is durable_offset. The cursor makes sequential
 * reads cheap; any offset is allowed. STATUS_NOT_FOUND: that part was recycled (the mount's ESTALE). Damage:
 * STATUS_LOG_BLOCK_INVALID at the first damaged byte. */
NTSTATUS clfs_cursor_read (clfs_cursor *cursor, uint64_t stream_offset, void *buffer, size_t bytes, bool durable_only,
                           size_t *got) CLFS_CHECK_RESULT;

/* ---- restart areas and the base ------------------------------------------------------------ */

/* Appends a restart record, flushes it and everything before it, and moves the base if `base` is not
 * CLFS_INVALID_LSN (at most the new record's LSN). Durable on return. lsn optional.
 * STATUS_LOG_TAIL_INVALID: bad base. */
NTSTATUS clfs_log_write_restart (clfs_log *log, const void *data, size_t bytes, clfs_lsn_t base,
                                 clfs_lsn_t *lsn) CLFS_CHECK_RESULT;

/* Shows the newest restart record; STATUS_LOG_NO_RESTART (a success by sign!) if there is none. */
NTSTATUS clfs_cursor_restart (clfs_cursor *cursor, clfs_record *out) CLFS_CHECK_RESULT;
/* The restart record before the one that the cursor shows; STATUS_LOG_START_OF_LOG if there is none. */
NTSTATUS clfs_cursor_previous_restart (clfs_cursor *cursor, clfs_record *out) CLFS_CHECK_RESULT;

/* Moves the base forward; flushes up to it first; durable on return. `next` empties the log.
 * Below the base: STATUS_LOG_START_OF_LOG. Beyond next: STATUS_LOG_TAIL_INVALID. */
NTSTATUS clfs_log_set_base (clfs_log *log, clfs_lsn_t base) CLFS_CHECK_RESULT;

/* Empties the log; the next record goes to the start of the next logical container. LSNs and stream
 * offsets are never used twice. Clears damage. Readers that stand below get STATUS_NOT_FOUND. */
NTSTATUS clfs_log_reset (clfs_log *log) CLFS_CHECK_RESULT;

/* After a failure: reads the store again and recovers, as if the log were opened anew. */
NTSTATUS clfs_log_recover (clfs_log *log) CLFS_CHECK_RESULT;

/* ---- size and settings --------------------------------------------------------------------- */

/* Adds `count` containers, all or none. names: NULL, or `count` file names in the store (NULL entries: chosen).
 * *container_bytes (optional, in and out): wanted and used only for the log's first containers; else the log's own is
 * written back, and a smaller wish is STATUS_INVALID_PARAMETER. Durable on return. May make the log larger than max_bytes.
 * STATUS_LOG_CONTAINER_LIMIT_EXCEEDED, STATUS_DISK_FULL, STATUS_OBJECT_NAME_COLLISION. */
NTSTATUS clfs_log_add_containers (clfs_log *log, unsigned count, const char *const *names,
                                  uint64_t *container_bytes) CLFS_CHECK_RESULT;

/* Removes containers by file name, all or none. force: STATUS_LOG_CANT_DELETE if one is active; else an active one
 * goes when it leaves the active log. STATUS_NOT_FOUND. */
NTSTATUS clfs_log_remove_containers (clfs_log *log, unsigned count, const char *const *names, bool force) CLFS_CHECK_RESULT;

/* Makes containers until `bytes` more can be appended (fallocate(2) on `records`); STATUS_LOG_FULL if max_bytes forbids it. */
NTSTATUS clfs_log_ensure_space (clfs_log *log, uint64_t bytes) CLFS_CHECK_RESULT;

enum clfs_setting {
    CLFS_SET_MAX_BYTES,
    CLFS_SET_RETAIN_BYTES,    /* CLFS_UNSET: off */
    CLFS_SET_RETAIN_SECONDS,  /* CLFS_UNSET: off */
    CLFS_SET_FLUSH_MS,        /* 0: off */
    CLFS_SET_FLUSH_THRESHOLD_BYTES,
    CLFS_SET_PENDING_BYTES_MAX,
    CLFS_SET_FRAMING,         /* these three only until the first append: STATUS_LOG_STATE_INVALID */
    CLFS_SET_CONTAINER_BYTES,
    CLFS_SET_ALIGN_BYTES,
};

/* Changes one setting; stored in the log, durable on return. Out of range: STATUS_INVALID_PARAMETER. */
NTSTATUS clfs_log_set (clfs_log *log, enum clfs_setting setting, uint64_t value) CLFS_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
