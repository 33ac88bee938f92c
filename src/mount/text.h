/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text.h - how LSNs, sizes and ages are written and read, on control, in mount options and in names.
 *
 * All parsers take `bytes` bytes that need no NUL, read all of them or fail, and write *out only on success.
 */
#ifndef CLFS_MOUNT_TEXT_H
#define CLFS_MOUNT_TEXT_H

#include <clfs/lsn.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0x and 1 to 16 hex digits, decimal, or container:offset:record in hex. */
bool clfs_text_parse_lsn (const char *text, size_t bytes, clfs_lsn_t *out);

/* A decimal number without sign. */
bool clfs_text_parse_number (const char *text, size_t bytes, uint64_t *out);

/* A number of bytes, or of K, M, G, T (powers of 1,024; "KiB" and so on too). */
bool clfs_text_parse_size (const char *text, size_t bytes, uint64_t *out);

/* A number with s, m, h, d or w; *out in seconds. */
bool clfs_text_parse_age (const char *text, size_t bytes, uint64_t *out);

/* Appends "0x" and 16 hex digits, or "none" for CLFS_INVALID_LSN. */
void clfs_text_append_lsn (GString *out, clfs_lsn_t lsn);

/* Appends `text` with everything that would break a line or a terminal made a space. */
void clfs_text_append_line (GString *out, const char *text);

/* Appends nanoseconds since 1970 as 2024-05-01T12:00:00.000000000Z: always 30 bytes. */
void clfs_text_append_time (GString *out, int64_t time_ns);

#endif
