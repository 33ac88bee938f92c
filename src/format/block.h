/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * block.h - log I/O blocks and records: bytes on disk (docs/format.md, "Blocks").
 *
 * A block is a whole number of sectors: a header, records, and at its end an array that holds the bytes
 * which the sector signatures displaced. A block is built decoded (records readable in place), then
 * sealed: the displaced bytes are saved, the signatures written, the checksum computed. No I/O, no
 * locks, no allocation here. Every field that is read is checked before it is used.
 */
#ifndef CLFS_FORMAT_BLOCK_H
#define CLFS_FORMAT_BLOCK_H

#include <clfs/lsn.h>
#include <clfs/ntstatus.h>

#include <assert.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLFS_BLOCK_MAJOR 0x15
#define CLFS_BLOCK_MINOR 0x00
#define CLFS_BLOCK_HEADER_BYTES 112u
#define CLFS_RECORD_HEADER_BYTES 40u
/* Blocks of several records are at most this long; only a single larger record makes a bigger one. */
#define CLFS_BLOCK_SECTORS_USUAL 255u
#define CLFS_BLOCK_SECTORS_MAX 65535u
#define CLFS_DATA_MAGIC 0x44584C43u /* "CLXD" */

/* All integers on disk are little-endian; so is every machine that we build for (checked by configure). */
typedef struct __attribute__ ((packed)) clfs_block_header {
    uint8_t major, minor, usn, client_id;
    uint16_t total_sectors, valid_sectors;
    uint32_t padding;
    uint32_t checksum; /* CRC-32 of the whole block as stored, this field 0 */
    uint32_t flags;    /* 1: encoded */
    uint32_t padding2;
    uint64_t current_lsn; /* the block's own address */
    uint64_t next_lsn;
    uint32_t record_offsets[3]; /* [0] = 0x70; [1], [2]: 0 */
    uint32_t magic;             /* 0x34: the rest is what we add (zero in a Windows block) */
    uint64_t log_id;
    uint64_t durable_lsn;       /* every record below was durable when this was sealed */
    uint64_t stream_offset;     /* of the first byte of the first data record */
    uint64_t sealed_ns;
    uint32_t epoch;
    uint32_t previous_checksum; /* of the block before; 0 with CHAIN_START */
    uint16_t version, block_flags;
    uint16_t record_count, padding3;
    uint32_t signatures_offset; /* 0x68 */
    uint32_t padding4;
} clfs_block_header;
static_assert (sizeof (clfs_block_header) == CLFS_BLOCK_HEADER_BYTES, "block header");
static_assert (offsetof (clfs_block_header, magic) == 0x34, "additions");
static_assert (offsetof (clfs_block_header, signatures_offset) == 0x68, "signatures offset");

enum {
    CLFS_BLOCK_CHAIN_START = 1, /* the first block of a log, or after a reset */
    CLFS_BLOCK_PADDED = 2,      /* longer than its records need (fill, or align 4096) */
};

typedef struct __attribute__ ((packed)) clfs_record_header {
    uint64_t lsn, undo_next, previous;
    uint32_t bytes;    /* header and payload, exact; the next record begins at the next multiple of 8 */
    uint32_t checksum; /* ours: running CRC-32, see clfs_record_checksum */
    uint16_t flags, data_offset;
    uint32_t type;     /* CLFS_TYPE_* */
} clfs_record_header;
static_assert (sizeof (clfs_record_header) == CLFS_RECORD_HEADER_BYTES, "record header");

enum {
    CLFS_TYPE_DATA = 0x01,
    CLFS_TYPE_RESTART = 0x02,
    CLFS_TYPE_FIRST = 0x04, /* first record of its block */
    CLFS_TYPE_LAST = 0x20,  /* last record of its block */
    CLFS_TYPE_CLIENT = CLFS_TYPE_DATA | CLFS_TYPE_RESTART,
};

/* ---- geometry ---- */

/* Sectors of a block whose header and records take `used_bytes`, padded to a multiple of align_sectors (1 or 8). */
uint32_t clfs_block_sectors_for (uint32_t used_bytes, uint32_t align_sectors);
/* The largest used_bytes that a block of `sectors` holds: header and records, up to the signatures. */
uint32_t clfs_block_room (uint32_t sectors);
/* Where the array of displaced bytes begins. */
uint32_t clfs_block_signatures_offset (uint32_t sectors);
/* The longest payload that a block alone in `sectors` sectors holds. */
uint32_t clfs_block_payload_max (uint32_t sectors);

/* ---- records, in a decoded block ---- */

/* CRC-32 continued from `seed` (the checksum of the record before it in the block, 0 for the first)
 * over the header with `checksum` 0 and CLFS_TYPE_LAST cleared, then over the payload. It stands in the header. */
uint32_t clfs_record_checksum (uint32_t seed, const clfs_record_header *header, const void *payload, size_t bytes);

/* A record as found in a decoded block; payload points into it. */
typedef struct clfs_record_view {
    const clfs_record_header *header;
    const uint8_t *payload;
    uint32_t payload_bytes;
    uint32_t next_offset; /* where the next record begins: for clfs_record_at */
} clfs_record_view;

/* The record at `offset` of a decoded block whose records end at `limit` (<= the block's signatures_offset). Everything is checked: STATUS_LOG_BLOCK_INVALID.
 * ours false: no running checksum is expected. `seed` as above; expected_lsn: what its header must say. */
NTSTATUS clfs_record_at (const uint8_t *block, uint32_t limit, uint32_t offset, uint64_t expected_lsn, bool ours,
                         uint32_t seed, clfs_record_view *out) G_GNUC_WARN_UNUSED_RESULT;

/* ---- sealing ---- */

/* The three steps of sealing are separate because a process may be killed between any two instructions of them
 * (each is idempotent):
 * 1 save: copies the bytes that the signatures will displace into the array. The block stays decoded. */
void clfs_block_save_displaced (uint8_t *block, uint32_t sectors);
/* 2 sign: writes the signatures over them. */
void clfs_block_sign (uint8_t *block, uint32_t sectors, uint8_t usn);
/* 3 checksum: computes and stores the checksum of a block that has its signatures, and returns it. */
uint32_t clfs_block_store_checksum (uint8_t *block, uint32_t sectors);
/* The reverse of sign, for a copy of a sealed block: puts the displaced bytes back. The block must have been checked. */
void clfs_block_restore (uint8_t *block, uint32_t sectors);

/* ---- checking a sealed block ---- */

typedef enum clfs_block_fault {
    CLFS_BLOCK_GOOD,
    CLFS_BLOCK_ZERO,      /* the first sector is all zero: never written */
    CLFS_BLOCK_SHORT,     /* says it is longer than what there is */
    CLFS_BLOCK_HEADER,    /* version, sizes, offsets or flags are impossible */
    CLFS_BLOCK_ADDRESS,   /* another address: a stale block of a recycled container, or misplaced */
    CLFS_BLOCK_SIGNATURE, /* a sector's signature is wrong: torn */
    CLFS_BLOCK_CHECKSUM,
    CLFS_BLOCK_FOREIGN,   /* ours by its magic, but of another log, or of none of ours where one is wanted */
    CLFS_BLOCK_RECORDS,   /* the records do not parse */
} clfs_block_fault;

/* A short text for each: "checksum does not match". */
const char *clfs_block_fault_text (clfs_block_fault fault);

/* What is known of a block that was found good. */
typedef struct clfs_block_info {
    uint32_t sectors;
    uint32_t record_count;
    uint32_t record_end;       /* where the records end */
    uint32_t checksum, previous_checksum;
    uint32_t epoch;
    uint16_t flags;            /* CLFS_BLOCK_* */
    uint64_t durable_lsn, stream_offset;
    uint64_t stream_bytes;     /* payload bytes of its data records */
    uint64_t log_id;
    int64_t sealed_ns;
    bool ours;                 /* has our additions */
} clfs_block_info;

/* Checks the sealed block at the start of `raw` (at most `bytes` long) and, when it is good, restores the displaced bytes in
 * place, so that its records can be read. `address`: the block's LSN. log_id: what ours must say; NULL: any block, ours or
 * not. If it is not good the bytes are left as they were. Epochs and chain are the caller's to check. */
clfs_block_fault clfs_block_open (uint8_t *raw, size_t bytes, uint64_t address, const uint64_t *log_id,
                                  clfs_block_info *info);

/* From the first sector alone: how many sectors the block says it has; 0 if this is no block at `address` (for reading the rest). */
uint32_t clfs_block_peek_sectors (const uint8_t sector[CLFS_SECTOR_BYTES], uint64_t address);

/* Whether this sector carries the signature of a block's first sector (binary search in a container). */
bool clfs_sector_begins_block (const uint8_t sector[CLFS_SECTOR_BYTES]);

#endif
