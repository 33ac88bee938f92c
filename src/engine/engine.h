/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * engine.h - one log, opened: what the files of src/engine share. Nothing outside includes this.
 *
 * Locks, in the order in which they are taken (docs/design.md, "Locks and threads"):
 *   store->lock     the table of engines, their reference counts, opening and shutting down
 *   engine->meta    one change of the metadata at a time; held over its I/O
 *   engine->lock    everything else in the engine; never held over file I/O
 *   engine->watch_lock  the watches; callbacks run under it
 * A field's comment says which lock it needs; "lock" is engine->lock. A flusher is whoever set `flushing`.
 *
 * The write path: append.c copies into the open block; block.c makes blocks and room for them; flush.c
 * seals, writes, syncs and retires them; rollover.c gets the next container ready; meta.c writes the metadata.
 * The way back: open.c and recover.c. Reading: load.c, cursor.c, stream.c.
 */
#ifndef CLFS_ENGINE_ENGINE_H
#define CLFS_ENGINE_ENGINE_H

#include "engine/area.h"
#include "engine/lines.h"
#include "engine/message.h"
#include "format/blf.h"
#include "format/block.h"
#include "storage/storage.h"

#include <clfs/clfs.h>

/* ---- limits ---- */

/* Enough to have several logs' barriers in the device at once; more only wait there. */
#define CLFS_WORKERS_MAX 16
/* A block of the usual size leaves room for the next one being filled; a large record must always fit beside what is pending. */
#define CLFS_RING_SLACK_BYTES UINT64_C (4194304)
/* How far a cursor reads ahead. */
#define CLFS_CHUNK_BYTES (256u * 1024)

typedef struct clfs_engine clfs_engine;

/* What an engine counts (lock): shown as metrics, and held to exact values by tests. */
enum clfs_counter {
    CLFS_COUNT_APPENDS,
    CLFS_COUNT_APPEND_BYTES,
    CLFS_COUNT_FLUSH_ROUNDS,
    CLFS_COUNT_BARRIERS,
    CLFS_COUNT_BLOCKS,
    CLFS_COUNT_BLOCK_BYTES,
    CLFS_COUNT_META_WRITES,
    CLFS_COUNTERS
};

/* ---- a block in memory ---- */

typedef struct clfs_memory_block {
    clfs_lsn_t address;
    clfs_lsn_t end;              /* where it ends; set when it is closed */
    uint64_t stream_offset;      /* at its first record */
    uint64_t stream_bytes;       /* payload of its data records */
    clfs_area_block *area_block;
    uint8_t *image;
    uint64_t ring_offset;
    uint32_t capacity_sectors, sectors;
    uint32_t used;               /* header and records */
    uint32_t count;              /* records */
    uint32_t last_record;        /* offset of the newest record's header */
    uint32_t running_checksum;
    uint32_t checksum;           /* of the sealed block */
    uint32_t flags;              /* CLFS_BLOCK_* */
    clfs_lsn_t restart;          /* newest restart record in it; CLFS_INVALID_LSN */
    int64_t sealed_ns;
    bool closed;
    bool is_signed;              /* the image carries signatures: readers must undo them */
    uint32_t offsets[CLFS_BLOCK_RECORDS_MAX];   /* of each record in the image */
    uint64_t stream_at[CLFS_BLOCK_RECORDS_MAX]; /* stream bytes of the block before each record */
} clfs_memory_block;

/* ---- a container ---- */

typedef struct clfs_container {
    int references;              /* lock; the table has one */
    char *name;
    uint64_t size_bytes;
    uint32_t physical_id;
    uint32_t logical_id;         /* CLFS_NO_CONTAINER: never used since it was added */
    bool doomed;                 /* to be removed when it leaves the active log */
    uint64_t first_offset;       /* stream offset of its first block, if known */
    bool first_offset_known;
    clfs_file *file;             /* opened at first use */
} clfs_container;

#define CLFS_NO_CONTAINER UINT32_MAX

/* ---- a waiting flush ---- */

typedef struct clfs_waiter {
    clfs_lsn_t target;           /* done when durable > target */
    clfs_flush_callback callback; /* NULL: somebody waits on `wake` */
    void *data;
    uint64_t ticket;
    GCond *wake;
    bool done, lead;             /* lead: that thread is to run the next round */
    NTSTATUS status;
    clfs_lsn_t durable;
} clfs_waiter;

/* ---- the engine ---- */

struct clfs_engine {
    clfs_store *store;
    char *name;                  /* store->lock */
    int references;              /* store->lock: public handles */
    int64_t idle_since_ns;       /* store->lock: when the last handle went, 0: not idle */
    int users;                   /* store->lock: the timer looks at it */
    bool shutting_down;          /* store->lock */
    bool opening;                /* store->lock */
    bool shared;                 /* in store->engines; never changes */

    GMutex restart_writers;      /* one restart area after another; taken before meta */
    GMutex watch_lock;           /* held while callbacks run */
    GPtrArray *handles;          /* watch_lock: the public handles */
    unsigned watch_mask;         /* atomic: what any handle watches */

    /* What of the metadata is read without a lock: set at the open; container_bytes may change before the first append only. */
    uint64_t log_id, container_bytes;
    bool writer;                 /* holds the lock file and may change the log */
    clfs_lock *lock_file;
    clfs_file *blf_file;         /* meta */

    GMutex meta;
    clfs_blf *blf;               /* read: meta or lock; changed: both */
    clfs_blf_layout layout;      /* meta */
    bool meta_checked;           /* meta: this opening has written both copies */

    GMutex lock;
    GCond changed;               /* room, a round's end, a container, a state */

    /* what follows: lock */
    enum clfs_state state;       /* OK, FAILED or READ_ONLY; FULL is `full` */
    NTSTATUS failure;
    char error[256];
    bool full;                   /* the last append found no room */
    char full_why[256];          /* what it was told */
    bool started;                /* the epoch of this opening is in the metadata, the area is there */
    bool busy;                   /* reset or recovery replaces everything: appends and flushes wait */
    bool foreign;

    clfs_area *area;
    clfs_lines *lines;
    GPtrArray *blocks;           /* clfs_memory_block, oldest first, from the durable LSN on */
    clfs_memory_block *open;     /* the last of `blocks`, if it takes records */
    clfs_lsn_t end;              /* where the next block goes; with `open`: undefined until it is closed */
    bool chain_start;            /* the next block begins a chain */
    uint32_t epoch;

    clfs_lsn_t base, last, restart;
    clfs_lsn_t durable;          /* end of the durable blocks, where reading from storage ends */
    clfs_lsn_t durable_last;     /* newest durable record; CLFS_INVALID_LSN */
    clfs_lsn_t durable_restart;
    clfs_lsn_t durable_mark;     /* what a reader without the lock may call durable; else == durable */
    uint64_t durable_mark_offset;
    clfs_lsn_t base_wish;        /* what the last move of the base was asked for; no record lies between it and `base` */
    uint64_t base_offset, end_offset, durable_offset;
    uint32_t durable_checksum;   /* of the block that ends at `durable` */
    bool durable_chain_start;    /* no block ends there */
    uint64_t pending_bytes;      /* bytes of blocks not yet durable */
    int64_t oldest_pending_ns;   /* when the oldest of them came; 0: none */
    int64_t appended_ns;

    GPtrArray *containers;       /* clfs_container by physical id */

    bool growing;                /* somebody allocates more of `area` or `lines`, with the lock dropped */
    bool flushing;
    clfs_lsn_t flushing_below;   /* the running round makes durable what is below */
    GQueue waiters;              /* clfs_waiter, in the order they came */
    uint64_t last_ticket;
    bool flush_queued, prepare_queued;
    int jobs;                    /* queued or running */
    bool closing;                /* no new ones */
    int64_t retain_looked_ns;    /* when `retain` by age was last looked at */

    bool said_pending_max;       /* one line is enough */
    uint64_t counters[CLFS_COUNTERS];

    GArray *foreign_blocks;      /* clfs_foreign_block: the index of a log that has no stream offsets */
    int64_t refreshed_ns;        /* reader: when the chain was last looked at */
};

/* A block of a foreign log. */
typedef struct clfs_foreign_block {
    clfs_lsn_t address, end;
    uint64_t stream_offset, stream_bytes;
    uint32_t record_count;
} clfs_foreign_block;

/* ---- the public objects ---- */

struct clfs_log {
    clfs_engine *engine;
    unsigned flags;
    unsigned watch_events;       /* these three: engine->watch_lock */
    clfs_watch_callback watch;
    void *watch_data;
};

struct clfs_store {
    clfs_storage *storage;
    char *path;
    clfs_store_options options;
    clfs_lock *mount_lock;
    GMutex lock;
    GCond opened;                /* an engine has finished opening or shutting down */
    GHashTable *engines;         /* lock: name -> clfs_engine that holds the log's lock */
    GPtrArray *readers;          /* lock: engines that read without one */
    GThreadPool *workers;        /* NULL: CLFS_STORE_INLINE */

    GMutex timer_lock;
    GCond timer_wake;
    GThread *timer;
    bool timer_stop;
    int64_t timer_next_ns;       /* when the timer looks at the engines next */
};

/* clfs_store_open on any storage; takes the storage, also on failure. path: for messages. */
NTSTATUS clfs_store_open_on (clfs_storage *storage, const char *path, const clfs_store_options *options,
                             clfs_store **out) G_GNUC_WARN_UNUSED_RESULT;
/* Shuts an engine down that nobody uses and forgets it (store->lock; dropped meanwhile). */
NTSTATUS clfs_store_retire_engine (clfs_store *store, clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;
/* Takes a lock of the store, waiting as its options say. what: for the message. */
NTSTATUS clfs_store_lock (clfs_store *store, const char *name, const char *what, clfs_lock **out) G_GNUC_WARN_UNUSED_RESULT;
/* The engine that holds the log, if this store has it open; waits while it opens or shuts down (store->lock). */
clfs_engine *clfs_store_find_engine (clfs_store *store, const char *name);

/* ---- LSN arithmetic of one log ---- */

/* The address `bytes` behind the block address `at`; at a container's end: the next container's start. */
clfs_lsn_t clfs_engine_address_after (const clfs_engine *engine, clfs_lsn_t at, uint64_t bytes);

/* The LSN the next record gets (lock). */
clfs_lsn_t clfs_engine_next (const clfs_engine *engine);

/* ---- state (fail.c) ---- */

/* The status for a call that would change the log in its present state; STATUS_SUCCESS if it may (lock). Sets the message. */
NTSTATUS clfs_engine_check_writable (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;
/* A write or sync failed: the log refuses appends and flushes from now on (lock). Returns `status`. */
NTSTATUS clfs_engine_fail (clfs_engine *engine, NTSTATUS status, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* A read in sequence came to something that cannot be read: the first one is reported and stays in the log's `error`; the log goes
 * on. Returns `status`, whatever it is; the message is clfs_error_message() (no lock). */
NTSTATUS clfs_engine_unreadable (clfs_engine *engine, NTSTATUS status);
/* Whether this handle may change the log at all: STATUS_ACCESS_DENIED if it was opened to read and shares the engine of one that
 * writes. The log's state is another question. */
NTSTATUS clfs_engine_check_handle (const clfs_log *log) G_GNUC_WARN_UNUSED_RESULT;
/* An append found no room: the thread's error message says why (lock). */
void clfs_engine_set_full (clfs_engine *engine);
/* Tells the watchers; no lock held. */
void clfs_engine_notify (clfs_engine *engine, unsigned events);

/* ---- meta.c: the metadata ---- */

/* Fills a copy of the metadata with the present marks; change what is to change and hand it to clfs_meta_write (meta). */
clfs_blf *clfs_meta_begin (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;
/* Writes `next` to both copies, each synced, and makes it the engine's; takes `next`. On failure the log has failed (meta, not lock). */
NTSTATUS clfs_meta_write (clfs_engine *engine, clfs_blf *next) G_GNUC_WARN_UNUSED_RESULT;
/* What recovery does first: the winner written again in its own place from memory and synced, then the other copy made to say the
 * same, and a bad control or scratch copy repaired (meta, not lock). */
NTSTATUS clfs_meta_repair (clfs_engine *engine, const clfs_blf_report *report) G_GNUC_WARN_UNUSED_RESULT;
/* Reads the whole base log file. *bytes: g_malloc'd. */
NTSTATUS clfs_meta_read_file (clfs_file *file, uint8_t **bytes, size_t *count) G_GNUC_WARN_UNUSED_RESULT;
/* "NAME.blf" */
char *clfs_meta_file_name (const char *log_name);
/* ".ID.SUFFIX" of the log's other files. */
char *clfs_meta_side_name (const uint8_t guid[16], const char *suffix);
void clfs_meta_id_hex (const uint8_t guid[16], char out[17]);

/* ---- container.c ---- */

void clfs_container_free (clfs_container *container);
/* The container with that logical id; NULL (lock). */
clfs_container *clfs_container_find (const clfs_engine *engine, uint32_t logical_id);
/* A use of it, so that it stays open while it is read or written (lock). */
clfs_container *clfs_container_ref (clfs_container *container);
void clfs_container_unref (clfs_engine *engine, clfs_container *container);
/* Its file, opened if need be (a reference held, not lock). */
NTSTATUS clfs_container_file (clfs_engine *engine, clfs_container *container, clfs_file **out) G_GNUC_WARN_UNUSED_RESULT;
/* Makes engine->containers what engine->blf says, keeping open files (meta and lock). */
void clfs_container_load (clfs_engine *engine);
/* Whether records or recovery need it (lock). */
bool clfs_container_active (const clfs_engine *engine, const clfs_container *container);
/* Makes the file `name`, zero-filled, synced, with the directory (no lock). */
NTSTATUS clfs_container_create_file (clfs_engine *engine, const char *name, uint64_t bytes) G_GNUC_WARN_UNUSED_RESULT;
/* Takes back a file that was made and is not in the metadata (no lock). */
void clfs_container_remove_file (clfs_engine *engine, const char *name);
/* A file name that no container in `blf` has. */
char *clfs_container_new_name (const clfs_engine *engine, const clfs_blf *blf);
/* Removes what is doomed and inactive (meta, not lock). */
NTSTATUS clfs_container_sweep (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;

/* ---- rollover.c ---- */

/* Makes the container `logical_id` usable for blocks: named in both metadata copies; also begins this opening (epoch, area) if that is
 * still to do. Flushes, moves the base (`retain`), recycles or creates as needed (no lock). */
NTSTATUS clfs_rollover_prepare (clfs_engine *engine, uint32_t logical_id) G_GNUC_WARN_UNUSED_RESULT;
/* Moves the base as `retain` by age wants (no lock). */
void clfs_rollover_retain_age (clfs_engine *engine);
/* Moves the durable base; it must not be above the durable LSN (meta, not lock). */
NTSTATUS clfs_base_move (clfs_engine *engine, clfs_lsn_t base, uint64_t base_offset) G_GNUC_WARN_UNUSED_RESULT;

/* Moves the base as `retain` by size wants now (meta, not lock). */
NTSTATUS clfs_rollover_retain_size (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;

/* ---- create.c ---- */

/* Whether a setting may have that value; the message says why not. */
NTSTATUS clfs_setting_check (enum clfs_setting setting, uint64_t value) G_GNUC_WARN_UNUSED_RESULT;
/* Rounded up to the unit of containers. */
uint64_t clfs_container_round (uint64_t bytes);

/* ---- block.c ---- */

/* Makes `open` a block that takes a record of `payload` bytes. STATUS_SUCCESS; STATUS_PENDING: lock was dropped meanwhile, look
 * again from the start; an error. With CLFS_APPEND_NO_WAIT: STATUS_LOG_BLOCKS_EXHAUSTED instead of waiting (lock). */
NTSTATUS clfs_block_begin (clfs_engine *engine, size_t payload, unsigned flags) G_GNUC_WARN_UNUSED_RESULT;
/* No more records into the open block, if there is one (lock). */
void clfs_block_close (clfs_engine *engine);
/* Appends the record (lock, and a block with room for it is open). */
clfs_lsn_t clfs_block_add (clfs_engine *engine, const struct iovec *buffers, int count, size_t payload, uint32_t type,
                           clfs_lsn_t previous, clfs_lsn_t undo_next, clfs_line *consumed);
/* Whether the open block has room for a record (lock). */
bool clfs_block_fits (const clfs_engine *engine, size_t payload);
/* Fills in the header, signs and checksums a closed block (flusher; takes lock for the signing). */
NTSTATUS clfs_block_seal (clfs_engine *engine, clfs_memory_block *block, uint32_t previous_checksum, bool chain_start,
                          clfs_lsn_t durable) G_GNUC_WARN_UNUSED_RESULT;
/* The memory block that holds the address, or the first above; NULL (lock). */
clfs_memory_block *clfs_block_find (const clfs_engine *engine, clfs_lsn_t lsn);
/* Drops all memory blocks (lock). */
void clfs_block_drop_all (clfs_engine *engine);
/* The longest record that the log takes. */
uint32_t clfs_block_record_max (const clfs_engine *engine);
uint32_t clfs_block_align_sectors (const clfs_engine *engine);

/* ---- append.c ---- */

/* Appends with lock held, waiting as needed (lock is dropped meanwhile). */
NTSTATUS clfs_append_locked (clfs_engine *engine, const struct iovec *buffers, int count, size_t payload, uint32_t type,
                             clfs_lsn_t previous, clfs_lsn_t undo_next, clfs_line *consumed, unsigned flags,
                             clfs_lsn_t *lsn) G_GNUC_WARN_UNUSED_RESULT;
/* Starts a background flush or the timer if it is time (lock). */
void clfs_append_schedule (clfs_engine *engine, int64_t now);
/* After appends: notes when, and schedules (lock). */
void clfs_append_kick (clfs_engine *engine);

/* ---- flush.c ---- */

/* Blocks until durable > target (lock; dropped meanwhile). */
NTSTATUS clfs_flush_target (clfs_engine *engine, clfs_lsn_t target) G_GNUC_WARN_UNUSED_RESULT;
/* Blocks until all that is appended now is durable (lock; dropped meanwhile). */
NTSTATUS clfs_flush_all (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;
/* One round, as the flusher: everything appended so far (lock, !flushing; dropped meanwhile). */
void clfs_flush_round (clfs_engine *engine);
/* A thread that wants room in memory: runs a round, or waits for the running one to end (lock; dropped meanwhile). */
void clfs_flush_for_room (clfs_engine *engine);
/* A sealed block to write. */
typedef struct clfs_piece {
    clfs_lsn_t address;
    uint8_t *image;
    uint32_t sectors;
} clfs_piece;
/* Writes sealed blocks, ascending, and syncs each container they touch; a success is one of all barriers (no lock). */
NTSTATUS clfs_flush_write (clfs_engine *engine, const clfs_piece *pieces, guint count) G_GNUC_WARN_UNUSED_RESULT;

/* ---- background.c ---- */

enum clfs_job { CLFS_JOB_FLUSH, CLFS_JOB_PREPARE };
/* Has a worker do it; nothing if there are none or it is queued already (lock). */
void clfs_background_queue (clfs_engine *engine, enum clfs_job job);
/* The timer is to look at the engines at `when_ns` at the latest. */
void clfs_background_arm (clfs_store *store, int64_t when_ns);
void clfs_background_start (clfs_store *store);
void clfs_background_stop (clfs_store *store);
/* No job of this engine runs or is queued any more (no lock). */
void clfs_background_drain (clfs_engine *engine);

/* ---- open.c, recover.c, shutdown.c, reader.c ---- */

clfs_engine *clfs_engine_new (clfs_store *store, const char *name);
void clfs_engine_free (clfs_engine *engine);
/* Reads the base log file into the engine. */
NTSTATUS clfs_engine_load_metadata (clfs_engine *engine, bool write, clfs_blf_report *report) G_GNUC_WARN_UNUSED_RESULT;
/* Removes every file of the log but its lock, base log file first of all to count (locked). */
NTSTATUS clfs_engine_remove_files (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;
/* Locks and reads the log, recovers it if need be. */
NTSTATUS clfs_engine_open_writer (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;
/* Reads metadata and chain without a lock; again when it was done before. */
NTSTATUS clfs_engine_open_reader (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;
/* A reader looks again if it has not for `age_ms` (no lock). */
void clfs_engine_refresh (clfs_engine *engine, int64_t age_ms);
/* From the base log file on: metadata, disk scan, shared area, rewrite, sync, epoch (meta, not lock). */
NTSTATUS clfs_engine_recover (clfs_engine *engine, const clfs_blf_report *report) G_GNUC_WARN_UNUSED_RESULT;
/* So many files of unterminated lines are kept for which a full log had no room: number 1 and up. */
#define CLFS_LINES_KEPT_MAX 4
char *clfs_engine_kept_lines_name (const clfs_engine *engine, unsigned number);
/* Makes records of the unterminated lines that dead processes left (no lock). */
NTSTATUS clfs_engine_adopt_lines (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;
/* Takes the marks of a clean end from the metadata (meta and lock). */
void clfs_engine_take_clean_end (clfs_engine *engine);
/* Flushes, writes the clean end, removes the area, unlocks; frees nothing (no lock). */
NTSTATUS clfs_engine_shutdown (clfs_engine *engine) G_GNUC_WARN_UNUSED_RESULT;

/* ---- scan.c: the chain on storage ---- */

typedef struct clfs_scan_block {
    clfs_lsn_t address, end;
    uint8_t *raw;                /* as stored, sealed */
    uint32_t sectors;
    clfs_block_info info;
} clfs_scan_block;

typedef struct clfs_scan {
    clfs_lsn_t end;              /* where the intact chain ends */
    uint64_t end_offset;
    uint32_t checksum;           /* of the last block of the chain; that of the start if there is none */
    bool chain_start;            /* no block ends at `end` */
    clfs_lsn_t mark;             /* the highest durable mark found, at least the metadata's */
    clfs_lsn_t last;             /* newest record in the chain from the scan start on; CLFS_INVALID_LSN */
    clfs_lsn_t restart;
    int64_t last_ns;
    GPtrArray *loose;            /* clfs_scan_block above the mark: written, perhaps not durable; with keep_raw only */
    clfs_block_fault fault;      /* what is at `end` */
    bool start_damaged;          /* the block that ends at the scan start is not the one that the metadata means */
    bool watched;                /* a block of the chain (or its start) ends at the LSN asked for */
    uint32_t watched_checksum;   /* and this is its checksum */
    uint64_t watched_offset;
    uint64_t torn_bytes;         /* of blocks of this epoch found at or beyond the end */
    GArray *entries;             /* {logical id, stream offset} of containers entered during the scan */
} clfs_scan;

typedef struct clfs_scan_entry {
    uint32_t logical_id;
    uint64_t stream_offset;
} clfs_scan_entry;

/* Follows the chain from the metadata's scan start through at most two containers. A read that fails is an error, never an end.
 * keep_raw: keep the loose blocks' bytes. watch: look whether a block ends there; CLFS_INVALID_LSN: nowhere (no lock). */
NTSTATUS clfs_scan_chain (clfs_engine *engine, const clfs_blf *blf, bool keep_raw, clfs_lsn_t watch,
                          clfs_scan *out) G_GNUC_WARN_UNUSED_RESULT;
void clfs_scan_clear (clfs_scan *scan);
/* Whether the block that ends at the scan start is still the one that the metadata means (no lock). */
bool clfs_scan_start_intact (clfs_engine *engine, const clfs_blf *blf);
/* Whether the epoch may stand at the address. */
bool clfs_scan_epoch_fits (const clfs_blf *blf, clfs_lsn_t address, uint32_t epoch);

/* Makes `base` the LSN of the first active record, if there is one (no lock). */
void clfs_engine_settle_base (clfs_engine *engine);

/* ---- load.c: one block, from memory or storage ---- */

typedef struct clfs_loader {
    clfs_engine *engine;
    uint8_t *chunk;              /* raw or decoded bytes of one container */
    size_t chunk_capacity, chunk_bytes;
    clfs_lsn_t chunk_address;
    clfs_lsn_t chunk_fresh;      /* blocks below this in the chunk have been decoded */
    uint8_t *copy;               /* a block copied from memory */
    size_t copy_capacity;
    clfs_container *container;   /* the chunk's */

    /* the block that is loaded */
    clfs_lsn_t address, end;
    bool open;                   /* it may grow: its end is not known */
    const uint8_t *image;        /* decoded */
    uint32_t record_end;         /* where its records end */
    uint32_t count, first;       /* records; the first that is there */
    uint32_t first_at;           /* offset of record `first` */
    uint64_t stream_offset, stream_bytes;
    uint64_t first_stream_offset; /* stream offset of record `first` */
    int64_t sealed_ns;
    bool ours;
} clfs_loader;

void clfs_loader_init (clfs_loader *loader, clfs_engine *engine);
void clfs_loader_clear (clfs_loader *loader);
/* Loads the block at the address; from_record: records before it are not needed. STATUS_END_OF_FILE: nothing is there yet.
 * STATUS_NOT_FOUND: recycled. STATUS_LOG_RECORD_NONEXISTENT: no block begins there. STATUS_LOG_BLOCK_INVALID: damage. */
NTSTATUS clfs_loader_load (clfs_loader *loader, clfs_lsn_t address, uint32_t from_record) G_GNUC_WARN_UNUSED_RESULT;
/* The block that ends at the address. STATUS_NOT_FOUND: there is none any more. */
NTSTATUS clfs_loader_load_before (clfs_loader *loader, clfs_lsn_t address) G_GNUC_WARN_UNUSED_RESULT;
/* A block at or before the one that holds the stream offset, near it: where a forward walk may begin. */
NTSTATUS clfs_loader_find_offset (clfs_loader *loader, uint64_t stream_offset, clfs_lsn_t *address) G_GNUC_WARN_UNUSED_RESULT;
/* ---- cursor.c ---- */

struct clfs_cursor {
    clfs_engine *engine;
    enum clfs_cursor_mode mode;
    clfs_loader loader;
    bool shown;                  /* `current` is a record */
    clfs_record current;
    clfs_lsn_t resume;           /* with no block loaded: where forward reading goes on */
    uint32_t next_index, next_at; /* the record after the current one in the loaded block */
    uint64_t next_stream_offset;
};

/* The next record in LSN order. */
NTSTATUS clfs_cursor_step (clfs_cursor *cursor, unsigned types, clfs_record *out) G_GNUC_WARN_UNUSED_RESULT;
/* Stands before the record `index` of the block at the address, which is loaded. */
NTSTATUS clfs_cursor_stand (clfs_cursor *cursor, clfs_lsn_t address, uint32_t index) G_GNUC_WARN_UNUSED_RESULT;
/* The status of standing at an address that the chain led to: a block that should be there and is not one is damage, while by LSN it
 * would be a wrong LSN (no lock). */
NTSTATUS clfs_cursor_in_sequence (clfs_cursor *cursor, clfs_lsn_t address, NTSTATUS status) G_GNUC_WARN_UNUSED_RESULT;

/* Where reading begins: the oldest block that is there. */
clfs_lsn_t clfs_loader_oldest (clfs_engine *engine);

#endif
