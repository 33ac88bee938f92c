/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lines.h - unterminated lines: bytes that a writer has handed over and that are no record yet.
 *
 * They live in a map like the area's, so they outlive the process. The map is a header page and then pages: a
 * line is a head page, which lists its data pages. A line's `length` is its final store. When a line becomes a
 * record, `consumed_by` gets that record's LSN before the record is committed: a successor that finds the
 * record drops the line, one that does not keeps it.
 *
 * All calls need the engine's lock, but for making, opening, freeing and growing.
 */
#ifndef CLFS_ENGINE_LINES_H
#define CLFS_ENGINE_LINES_H

#include "storage/storage.h"

#include <clfs/clfs.h>

typedef struct clfs_lines clfs_lines;
typedef struct clfs_line clfs_line;

/* name NULL: private memory. STATUS_DISK_FULL. `bytes_max` bounds all lines together. */
NTSTATUS clfs_lines_create (clfs_storage *storage, const char *name, const uint8_t guid[16], uint64_t bytes_max,
                            clfs_lines **out) G_GNUC_WARN_UNUSED_RESULT;

/* Maps what another process left; *out NULL if it does not fit this boot, file or log (then *why says it), with STATUS_SUCCESS.
 * STATUS_OBJECT_NAME_NOT_FOUND: there is none. */
NTSTATUS clfs_lines_open (clfs_storage *storage, const char *name, const uint8_t guid[16], clfs_lines **out,
                          const char **why) G_GNUC_WARN_UNUSED_RESULT;

/* Unmaps; the file stays. */
void clfs_lines_free (clfs_lines *lines);

/* How many bytes the map must have so that `bytes` more fit at the end of the line (NULL: a new one); 0: it has them. UINT64_MAX: the
 * bound does not allow it. */
uint64_t clfs_lines_wanted (const clfs_lines *lines, const clfs_line *line, size_t bytes);
/* Allocates the map up to that; the only call that blocks on the store and needs no lock. clfs_lines_grown then makes it usable. */
NTSTATUS clfs_lines_grow (clfs_lines *lines, uint64_t map_bytes) G_GNUC_WARN_UNUSED_RESULT;
void clfs_lines_grown (clfs_lines *lines, uint64_t map_bytes);

/* A new empty line. STATUS_DISK_FULL: no room. */
NTSTATUS clfs_lines_new (clfs_lines *lines, clfs_line **out) G_GNUC_WARN_UNUSED_RESULT;
/* Appends all of it or nothing. STATUS_DISK_FULL: no room. */
NTSTATUS clfs_line_append (clfs_line *line, const void *data, size_t bytes) G_GNUC_WARN_UNUSED_RESULT;
size_t clfs_line_bytes (const clfs_line *line);
/* The line's pieces as a vector; *count of them, at most CLFS_LINE_PIECES_MAX. */
#define CLFS_LINE_PIECES_MAX 258
void clfs_line_vector (const clfs_line *line, struct iovec *out, int *count);
/* Says that the record about to be committed is this line. */
void clfs_line_consume (clfs_line *line, clfs_lsn_t lsn);
/* Empties it, for the next one of the same writer. */
void clfs_line_clear (clfs_line *line);
/* Empties it and gives its pages back. */
void clfs_line_free (clfs_line *line);

/* Lets go of the line but leaves its bytes in the map, for the next opening to make a record of. */
void clfs_line_leave (clfs_line *line);

/* Bytes in all lines. */
uint64_t clfs_lines_bytes (const clfs_lines *lines);

/* The lines that are there and not consumed by a record below `next`, oldest first; for recovery. */
GPtrArray *clfs_lines_left (clfs_lines *lines, clfs_lsn_t next);

#endif
