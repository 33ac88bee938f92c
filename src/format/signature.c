/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/signature.h"

#include <libdeflate.h>
#include <string.h>

static inline uint8_t *
slot_of (uint8_t *block, uint32_t sector)
{
    return block + ((size_t) sector + 1) * CLFS_SECTOR_BYTES - 2;
}

static inline uint8_t
type_of (uint32_t sector, uint32_t sectors, uint8_t kind)
{
    return kind | (sector == 0 ? CLFS_SECTOR_BEGIN : 0) | (sector == sectors - 1 ? CLFS_SECTOR_END : 0);
}

void
clfs_signature_save (uint8_t *block, uint32_t sectors, uint32_t array)
{
    for (uint32_t i = 0; i < sectors; i++)
        memcpy (block + array + 2 * (size_t) i, slot_of (block, i), 2);
}

void
clfs_signature_write (uint8_t *block, uint32_t sectors, uint8_t kind, uint8_t usn)
{
    for (uint32_t i = 0; i < sectors; i++) {
        uint8_t *slot = slot_of (block, i);

        slot[0] = type_of (i, sectors, kind);
        slot[1] = usn;
    }
}

bool
clfs_signature_check (const uint8_t *block, uint32_t sectors, uint8_t kind, uint8_t usn)
{
    for (uint32_t i = 0; i < sectors; i++) {
        const uint8_t *slot = slot_of ((uint8_t *) block, i);

        if (slot[0] != type_of (i, sectors, kind) || slot[1] != usn)
            return false;
    }
    return true;
}

void
clfs_signature_restore (uint8_t *block, uint32_t sectors, uint32_t array)
{
    for (uint32_t i = sectors; i-- > 0;)
        memcpy (slot_of (block, i), block + array + 2 * (size_t) i, 2);
}

uint32_t
clfs_signature_checksum (const uint8_t *block, uint32_t sectors)
{
    static const uint8_t no_checksum[4] = { 0 };
    const size_t field = offsetof (clfs_block_header, checksum);
    const size_t after = field + sizeof no_checksum;
    uint32_t crc;

    crc = libdeflate_crc32 (0, block, field);
    crc = libdeflate_crc32 (crc, no_checksum, sizeof no_checksum);
    return libdeflate_crc32 (crc, block + after, (size_t) sectors * CLFS_SECTOR_BYTES - after);
}

const char *
clfs_signature_header_fault (const clfs_block_header *header, bool strict)
{
    const uint32_t sectors = header->total_sectors;
    const uint64_t array = header->signatures_offset;

    if (header->major != CLFS_BLOCK_MAJOR || header->minor != CLFS_BLOCK_MINOR)
        return "unknown block version";
    if (sectors == 0 || header->valid_sectors == 0 || header->valid_sectors > sectors)
        return "impossible sector count";
    if ((header->flags & 1) == 0)
        return "not encoded";
    if (header->record_offsets[0] != CLFS_BLOCK_HEADER_BYTES)
        return "impossible record offset";
    if (array < CLFS_BLOCK_HEADER_BYTES || array % 2 != 0 ||
        array + 2 * (uint64_t) sectors > (uint64_t) sectors * CLFS_SECTOR_BYTES)
        return "impossible signatures offset";
    if (!strict)
        return NULL;
    if (array != clfs_block_signatures_offset (sectors))
        return "impossible signatures offset";
    if (header->valid_sectors != sectors)
        return "impossible sector count";
    if (header->flags != 1 || header->client_id != 0 || header->padding != 0 || header->padding2 != 0 ||
        header->padding4 != 0 || header->next_lsn != CLFS_INVALID_LSN || header->record_offsets[1] != 0 ||
        header->record_offsets[2] != 0)
        return "unused header field is not zero";
    return NULL;
}
