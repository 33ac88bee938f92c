/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block.c - geometry and sealing of data blocks. */
#include "format/block.h"
#include "format/signature.h"

uint32_t
clfs_block_signatures_offset (uint32_t sectors)
{
    /* Room for the array and 2 bytes more, so that it never lies on the last sector's signature. */
    const uint32_t array_bytes = (2 * sectors + 2 + 7) & ~7u;

    return sectors * CLFS_SECTOR_BYTES - array_bytes;
}

uint32_t
clfs_block_room (uint32_t sectors)
{
    return clfs_block_signatures_offset (sectors);
}

uint32_t
clfs_block_payload_max (uint32_t sectors)
{
    return clfs_block_room (sectors) - CLFS_BLOCK_HEADER_BYTES - CLFS_RECORD_HEADER_BYTES;
}

uint32_t
clfs_block_sectors_for (uint32_t used_bytes, uint32_t align_sectors)
{
    /* Each sector brings 512 bytes less 2 of the array; roundup (2 * n + 2, 8) <= 2 * n + 8. */
    uint64_t sectors = ((uint64_t) used_bytes + 2 + CLFS_SECTOR_BYTES - 3) / (CLFS_SECTOR_BYTES - 2);

    while (sectors * CLFS_SECTOR_BYTES - ((2 * sectors + 2 + 7) & ~UINT64_C (7)) < used_bytes)
        sectors++;
    if (align_sectors > 1)
        sectors = (sectors + align_sectors - 1) / align_sectors * align_sectors;
    return (uint32_t) sectors;
}

void
clfs_block_save_displaced (uint8_t *block, uint32_t sectors)
{
    clfs_signature_save (block, sectors, clfs_block_signatures_offset (sectors));
}

void
clfs_block_sign (uint8_t *block, uint32_t sectors, uint8_t usn)
{
    ((clfs_block_header *) block)->usn = usn;
    clfs_signature_write (block, sectors, CLFS_SECTOR_DATA, usn);
}

uint32_t
clfs_block_store_checksum (uint8_t *block, uint32_t sectors)
{
    const uint32_t checksum = clfs_signature_checksum (block, sectors);

    ((clfs_block_header *) block)->checksum = checksum;
    return checksum;
}

void
clfs_block_restore (uint8_t *block, uint32_t sectors)
{
    clfs_signature_restore (block, sectors, ((const clfs_block_header *) block)->signatures_offset);
}
