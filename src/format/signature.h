/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signature.h - what data blocks and metadata blocks share: sector signatures and the checksum
 * (docs/format.md, "Sector signatures", "Checksum").
 *
 * `sectors` is the length of the block, `array` the offset of the displaced bytes: inside the block, even, with room
 * for 2 * sectors bytes. Internal to src/format.
 */
#ifndef CLFS_FORMAT_SIGNATURE_H
#define CLFS_FORMAT_SIGNATURE_H

#include "format/block.h"

enum {
    CLFS_SECTOR_DATA = 0x04,
    CLFS_SECTOR_BASE = 0x10,
    CLFS_SECTOR_END = 0x20,
    CLFS_SECTOR_BEGIN = 0x40,
};

/* Copies the bytes of each slot to the array, ascending. */
void clfs_signature_save (uint8_t *block, uint32_t sectors, uint32_t array);

/* Writes the signatures. kind: CLFS_SECTOR_DATA or CLFS_SECTOR_BASE. */
void clfs_signature_write (uint8_t *block, uint32_t sectors, uint8_t kind, uint8_t usn);

/* Whether each sector has exactly the signature that clfs_signature_write gives it. */
bool clfs_signature_check (const uint8_t *block, uint32_t sectors, uint8_t kind, uint8_t usn);

/* Puts the displaced bytes back, descending: exact also where the array covers slots. clfs_signature_write undoes
 * it. */
void clfs_signature_restore (uint8_t *block, uint32_t sectors, uint32_t array);

/* CRC-32 of a signed block, its checksum field taken as 0. */
uint32_t clfs_signature_checksum (const uint8_t *block, uint32_t sectors);

/* The header fields that both kinds of block have alike: version, sizes, flags, the first record's offset, the place
 * of the array. strict: as we write them; else as far as Windows' blocks are known. Text of the fault, or NULL.
 * `sectors` of the block are there to read. */
const char *clfs_signature_header_fault (const clfs_block_header *header, bool strict);

#endif
