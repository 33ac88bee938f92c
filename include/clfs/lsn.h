/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lsn.h - log sequence numbers.
 *
 * An LSN is 64 bits: logical container id (32) | block offset in 512-byte units (23) | record (9).
 * Numeric unsigned comparison is the order of the log. The block offset is a byte offset inside the
 * container whose low nine bits are replaced by the record's number in its block (0..511).
 */
#ifndef CLFS_LSN_H
#define CLFS_LSN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t clfs_lsn_t;

/* Lower bound and a valid LSN: the first record of a new log has it. In a flush it means "all". */
#define CLFS_NULL_LSN UINT64_C (0)
/* Upper bound, never a record's LSN: "no such record", "no link". */
#define CLFS_INVALID_LSN UINT64_C (0xFFFFFFFF00000000)

/* Containers, blocks and records are addressed in these units. */
#define CLFS_SECTOR_BYTES 512u
#define CLFS_BLOCK_RECORDS_MAX 512u

/* Builds an LSN. block_bytes: byte offset of the block in its container, a multiple of 512. */
static inline clfs_lsn_t
clfs_lsn_make (uint32_t container, uint32_t block_bytes, uint32_t record)
{
    return ((uint64_t) container << 32) | (block_bytes & 0xFFFFFE00u) | (record & 0x1FFu);
}

/* The logical container id. */
static inline uint32_t
clfs_lsn_container (clfs_lsn_t lsn)
{
    return (uint32_t) (lsn >> 32);
}

/* The block's byte offset in its container. */
static inline uint32_t
clfs_lsn_block_bytes (clfs_lsn_t lsn)
{
    return (uint32_t) lsn & 0xFFFFFE00u;
}

/* The record's number in its block. */
static inline uint32_t
clfs_lsn_record (clfs_lsn_t lsn)
{
    return (uint32_t) lsn & 0x1FFu;
}

/* The LSN of the first record of the block that holds `lsn`: the block's address. */
static inline clfs_lsn_t
clfs_lsn_block (clfs_lsn_t lsn)
{
    return lsn & ~UINT64_C (0x1FF);
}

#ifdef __cplusplus
}
#endif

#endif
