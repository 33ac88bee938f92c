/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * api.h - what the Windows names are made of: handles, names, open files, areas, read contexts.
 *
 * Who keeps whom: read context -> area -> file (a log file object) -> stream (one log of one directory, with the
 * engine's log) -> store (one directory). Each arrow is a counted reference, so things go from left to right.
 *
 * Locks: the registry's and each stream's, never both at once. A stream's lock is held over the I/O of opening and
 * closing, never while records are appended, flushed or read.
 */
#ifndef CLFS_API_API_H
#define CLFS_API_API_H

#include <clfs/clfs.h>
#include <clfs/wdm.h>

#include "engine/message.h"

#include <glib.h>
#include <sys/stat.h>

/* ---- handles (handle.c) ------------------------------------------------------------------------ */

/* What is handed to the caller as a pointer is a number that is never used twice, so a stale one is noticed
 * instead of followed. All calls may be made from any thread and wait for nobody. */
enum clfs_handle_kind {
    CLFS_HANDLE_FILE = 1,
    CLFS_HANDLE_AREA,
    CLFS_HANDLE_READER,
};

/* Called when a handle is closed and the last call that used its object has ended. */
typedef NTSTATUS (*clfs_handle_destroy) (void *object);

/* A new handle, open; NULL if there are too many. */
PVOID clfs_handle_new (enum clfs_handle_kind kind, void *object, clfs_handle_destroy destroy);

/* The object of an open handle of that kind, kept until clfs_handle_release(). NULL if there is none: the message says
 * so, the status is the caller's. */
void *clfs_handle_acquire (PVOID handle, enum clfs_handle_kind kind);

/* Closes an acquired handle: no acquire finds it any more. True for one caller only. */
bool clfs_handle_close (PVOID handle);

/* Ends the use of an acquired handle. The last use of a closed one destroys its object: what that returned is
 * returned, else a success. */
NTSTATUS clfs_handle_release (PVOID handle);

/* ---- names (name.c) ---------------------------------------------------------------------------- */

typedef struct clfs_log_path {
    char *directory;  /* absolute */
    char *name;       /* the log's */
    bool multiplexed; /* it had a "::" */
} clfs_log_path;

/* Splits "log:/directory/NAME"; to be freed with clfs_log_path_clear(). STATUS_OBJECT_NAME_INVALID,
 * STATUS_INVALID_PARAMETER. */
NTSTATUS clfs_log_path_parse (const UNICODE_STRING *text, clfs_log_path *out) G_GNUC_WARN_UNUSED_RESULT;
void clfs_log_path_clear (clfs_log_path *path);

/* The device and inode of a directory. STATUS_OBJECT_PATH_NOT_FOUND, STATUS_ACCESS_DENIED, ... */
NTSTATUS clfs_directory_identity (const char *directory, struct stat *out) G_GNUC_WARN_UNUSED_RESULT;

/* The file name in the store, whose identity is given, that a container path means. To be freed with g_free().
 * STATUS_OBJECT_NAME_INVALID, STATUS_OBJECT_PATH_NOT_FOUND, STATUS_NOT_SUPPORTED. */
NTSTATUS clfs_container_path_parse (const UNICODE_STRING *text, const struct stat *store,
                                    char **out) G_GNUC_WARN_UNUSED_RESULT;

/* ---- streams (registry.c) ---------------------------------------------------------------------- */

typedef struct clfs_api_store {
    struct stat identity;
    clfs_store *store;
    NTSTATUS read_only; /* why it could only be opened to read; STATUS_SUCCESS: it was not so */
    unsigned users;
} clfs_api_store;

typedef struct clfs_stream {
    clfs_api_store *store;
    char *name;
    unsigned users; /* the registry's lock protects it, the stream's the rest */
    GMutex lock;
    GPtrArray *files; /* clfs_api_file, not owned: for share modes. The log is open while there is one */
    /* `writing` is opened with the first file that may write; both stay until the last file is gone. They are written
     * with the lock, and atomically, because clfs_stream_log() reads them without. */
    clfs_log *writing, *reading;
    bool delete_pending, reset_pending;
} clfs_stream;

/* The stream of a log that need not exist, and the store it lies in, opened if need be. */
NTSTATUS clfs_stream_acquire (const clfs_log_path *path, clfs_stream **out) G_GNUC_WARN_UNUSED_RESULT;
NTSTATUS clfs_stream_release (clfs_stream *stream);

/* The refusal, and its message, where the stream's store could only be opened to read. */
NTSTATUS clfs_stream_read_only (const clfs_stream *stream);

/* Opens the stream's log, to write if wanted, unless it is open so already. Called with its lock. */
NTSTATUS clfs_stream_open (clfs_stream *stream, bool write) G_GNUC_WARN_UNUSED_RESULT;
/* Closes it, and carries out what is pending. Called with its lock, when there is no file. */
NTSTATUS clfs_stream_close (clfs_stream *stream);

/* The log to work with, open until the last file is gone. Readers find the writing engine there as soon as there is
 * one, so they see what was appended in this process a moment ago. */
clfs_log *clfs_stream_log (clfs_stream *stream);

/* ---- log file objects (logfile.c) -------------------------------------------------------------- */

typedef struct clfs_api_file {
    gint references; /* the handle's and the areas' */
    clfs_stream *stream;
    char *directory;    /* as it was spelled */
    ACCESS_MASK access; /* GENERIC_READ | GENERIC_WRITE | DELETE */
    ULONG share;
    bool counts; /* in share mode checks */
} clfs_api_file;

/* The object of an open log file object, to be released with clfs_handle_release(); NULL: there is none. */
static inline clfs_api_file *
clfs_api_file_acquire (PLOG_FILE_OBJECT object)
{
    return clfs_handle_acquire (object, CLFS_HANDLE_FILE);
}

/* STATUS_ACCESS_DENIED, and the message. */
static inline NTSTATUS
clfs_api_file_denied (const clfs_api_file *file)
{
    return clfs_message_fail (STATUS_ACCESS_DENIED, "log %s: it was not opened with the access that this needs",
                              file->stream->name);
}

clfs_api_file *clfs_api_file_ref (clfs_api_file *file);
/* The last one closes it: the status of that. */
NTSTATUS clfs_api_file_unref (clfs_api_file *file);

/* ---- marshalling areas (area.c) ---------------------------------------------------------------- */

typedef struct clfs_area {
    gint references; /* the handle's and the read contexts' */
    clfs_api_file *file;
    POOL_TYPE pool;
    PALLOCATE_FUNCTION allocate; /* NULL: the caller brought none */
    PFREE_FUNCTION free;
    ULONG block_bytes;
    ULONG record_bytes_max; /* the longest record of which a block of that size holds one */
    ULONG readers_max;
    gint readers; /* read contexts */
} clfs_area;

static inline clfs_area *
clfs_area_acquire (PVOID context)
{
    return clfs_handle_acquire (context, CLFS_HANDLE_AREA);
}

static inline bool
clfs_area_may (const clfs_area *area, ACCESS_MASK access)
{
    return (area->file->access & access) == access;
}

static inline clfs_log *
clfs_area_log (const clfs_area *area)
{
    return clfs_stream_log (area->file->stream);
}

clfs_area *clfs_area_ref (clfs_area *area);
NTSTATUS clfs_area_unref (clfs_area *area);

/* ---- read contexts (read.c, restart.c) --------------------------------------------------------- */

typedef struct clfs_reader {
    clfs_area *area;
    clfs_cursor *cursor;
    CLFS_CONTEXT_MODE mode;
    clfs_lsn_t current; /* the record it stands on */
    clfs_lsn_t restart; /* the last restart record read as such; CLFS_INVALID_LSN: not made by ClfsReadRestartArea */
    PVOID block;        /* from the area's allocate function, or NULL */
} clfs_reader;

/* A reader without handle, if the area has one left. STATUS_ACCESS_DENIED, STATUS_LOG_BLOCKS_EXHAUSTED,
 * STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS clfs_reader_new (clfs_area *area, CLFS_CONTEXT_MODE mode, clfs_reader **out) G_GNUC_WARN_UNUSED_RESULT;
NTSTATUS clfs_reader_free (clfs_reader *reader);

/* Makes `record`, which the cursor shows, what the reader shows: *data points into the area's block if there is one.
 * STATUS_LOG_BLOCK_INCOMPLETE: the area's blocks are too small for it. */
NTSTATUS clfs_reader_show (clfs_reader *reader, const clfs_record *record, PVOID *data,
                           PULONG bytes) G_GNUC_WARN_UNUSED_RESULT;

/* Gives the reader its handle, or frees it if there is none left. */
NTSTATUS clfs_reader_publish (clfs_reader *reader, PVOID *context) G_GNUC_WARN_UNUSED_RESULT;

#endif
