/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block_check.c - whether bytes are a good block, and what is in it. */
#include "format/block.h"
#include "format/record.h"
#include "format/signature.h"

#include <string.h>

#define BLOCK_VERSION 1
#define BLOCK_FLAGS_KNOWN (CLFS_BLOCK_CHAIN_START | CLFS_BLOCK_PADDED)

const char *
clfs_block_fault_text (clfs_block_fault fault)
{
    switch (fault) {
    case CLFS_BLOCK_GOOD:
        return "good";
    case CLFS_BLOCK_ZERO:
        return "never written";
    case CLFS_BLOCK_SHORT:
        return "the container ends before it does";
    case CLFS_BLOCK_HEADER:
        return "header is impossible";
    case CLFS_BLOCK_ADDRESS:
        return "block of another address";
    case CLFS_BLOCK_SIGNATURE:
        return "sector signature is wrong";
    case CLFS_BLOCK_CHECKSUM:
        return "checksum does not match";
    case CLFS_BLOCK_FOREIGN:
        return "block of another log";
    case CLFS_BLOCK_RECORDS:
        return "records do not parse";
    }
    return "unknown fault";
}

static bool
sector_is_zero (const uint8_t *sector)
{
    return sector[0] == 0 && memcmp (sector, sector + 1, CLFS_SECTOR_BYTES - 1) == 0;
}

/* What only our blocks have: version, flags, the count of records, the fields that stay zero. */
static bool
additions_are_possible (const clfs_block_header *header)
{
    return header->version == BLOCK_VERSION && (header->block_flags & ~BLOCK_FLAGS_KNOWN) == 0 &&
           header->record_count <= CLFS_BLOCK_RECORDS_MAX && header->padding3 == 0 &&
           (header->record_count > 0 || (header->block_flags & CLFS_BLOCK_PADDED) != 0) &&
           ((header->block_flags & CLFS_BLOCK_CHAIN_START) == 0 || header->previous_checksum == 0);
}

/* Walks the records of a decoded block. Their contents are covered by the block's checksum already, so only the
 * headers are read here: one pass over the payload is enough on the read path. */
static bool
walk_records (const uint8_t *block, uint64_t address, clfs_block_info *info)
{
    const clfs_block_header *header = (const clfs_block_header *) block;
    const uint32_t limit = header->signatures_offset;
    const uint32_t count_max = info->ours ? header->record_count : CLFS_BLOCK_RECORDS_MAX;
    uint32_t offset = CLFS_BLOCK_HEADER_BYTES;
    uint32_t count = 0;
    bool last = info->ours && count_max == 0;

    for (; count < count_max && !last; count++) {
        clfs_record_view view;

        if (!clfs_record_parse (block, limit, offset, address + count, info->ours, &view))
            return false;
        offset = view.next_offset;
        last = (view.header->type & CLFS_TYPE_LAST) != 0;
        if ((view.header->type & CLFS_TYPE_DATA) != 0)
            info->stream_bytes += view.payload_bytes;
    }
    if (!last || (info->ours && count != count_max))
        return false;
    info->record_count = count;
    info->record_end = MIN (offset, limit);
    return true;
}

clfs_block_fault
clfs_block_open (uint8_t *raw, size_t bytes, uint64_t address, const uint64_t *log_id, clfs_block_info *info)
{
    const clfs_block_header *header = (const clfs_block_header *) raw;
    uint32_t sectors;
    bool ours;

    memset (info, 0, sizeof *info);
    if (bytes < CLFS_SECTOR_BYTES)
        return CLFS_BLOCK_SHORT;
    if (sector_is_zero (raw))
        return CLFS_BLOCK_ZERO;
    ours = header->magic == CLFS_DATA_MAGIC;
    if (clfs_signature_header_fault (header, ours) != NULL || (ours && !additions_are_possible (header)))
        return CLFS_BLOCK_HEADER;
    if (header->current_lsn != address)
        return CLFS_BLOCK_ADDRESS;
    sectors = header->total_sectors;
    if (sectors > bytes / CLFS_SECTOR_BYTES)
        return CLFS_BLOCK_SHORT;
    if (!clfs_signature_check (raw, sectors, CLFS_SECTOR_DATA, header->usn))
        return CLFS_BLOCK_SIGNATURE;
    /* Windows writes 0 in data blocks. One that is not 0 is checked in any block, so that a changed magic does not
     * turn a block of ours into one that needs no checksum. */
    if ((ours || header->checksum != 0) && clfs_signature_checksum (raw, sectors) != header->checksum)
        return CLFS_BLOCK_CHECKSUM;
    if (log_id != NULL && (!ours || header->log_id != *log_id))
        return CLFS_BLOCK_FOREIGN;

    info->ours = ours;
    clfs_signature_restore (raw, sectors, header->signatures_offset);
    if (!walk_records (raw, address, info)) {
        memset (info, 0, sizeof *info);
        clfs_signature_write (raw, sectors, CLFS_SECTOR_DATA, header->usn);
        return CLFS_BLOCK_RECORDS;
    }
    info->sectors = sectors;
    info->checksum = header->checksum;
    if (ours) {
        info->previous_checksum = header->previous_checksum;
        info->epoch = header->epoch;
        info->flags = header->block_flags;
        info->durable_lsn = header->durable_lsn;
        info->stream_offset = header->stream_offset;
        info->log_id = header->log_id;
        info->sealed_ns = (int64_t) header->sealed_ns;
    }
    return CLFS_BLOCK_GOOD;
}

uint32_t
clfs_block_peek_sectors (const uint8_t sector[CLFS_SECTOR_BYTES], uint64_t address)
{
    const clfs_block_header *header = (const clfs_block_header *) sector;

    if (!clfs_sector_begins_block (sector) || header->current_lsn != address ||
        clfs_signature_header_fault (header, header->magic == CLFS_DATA_MAGIC) != NULL ||
        (header->total_sectors == 1) != ((sector[CLFS_SECTOR_BYTES - 2] & CLFS_SECTOR_END) != 0))
        return 0;
    return header->total_sectors;
}

bool
clfs_sector_begins_block (const uint8_t sector[CLFS_SECTOR_BYTES])
{
    const clfs_block_header *header = (const clfs_block_header *) sector;
    const uint8_t type = sector[CLFS_SECTOR_BYTES - 2];

    return header->major == CLFS_BLOCK_MAJOR && header->minor == CLFS_BLOCK_MINOR &&
           (type & ~CLFS_SECTOR_END) == (CLFS_SECTOR_DATA | CLFS_SECTOR_BEGIN) &&
           sector[CLFS_SECTOR_BYTES - 1] == header->usn;
}
