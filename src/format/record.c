/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/record.h"

#include <libdeflate.h>

/* Bits that a record's type can have in any log. */
#define TYPE_KNOWN 0x3Fu

uint32_t
clfs_record_checksum (uint32_t seed, const clfs_record_header *header, const void *payload, size_t bytes)
{
    clfs_record_header clean = *header;
    uint32_t crc;

    /* Whether a record is its block's last is known only when the block is sealed, long after this was computed. */
    clean.checksum = 0;
    clean.type &= ~(uint32_t) CLFS_TYPE_LAST;
    crc = libdeflate_crc32 (seed, &clean, sizeof clean);
    /* libdeflate takes a null buffer for a new start. */
    return bytes == 0 ? crc : libdeflate_crc32 (crc, payload, bytes);
}

static bool
type_is_possible (const clfs_record_header *header, bool ours)
{
    const uint32_t client = header->type & CLFS_TYPE_CLIENT;
    const bool first = (header->type & CLFS_TYPE_FIRST) != 0;

    if (!ours)
        return (header->type & ~TYPE_KNOWN) == 0;
    return (header->type & ~(uint32_t) (CLFS_TYPE_CLIENT | CLFS_TYPE_FIRST | CLFS_TYPE_LAST)) == 0 &&
           (client == CLFS_TYPE_DATA || client == CLFS_TYPE_RESTART) &&
           first == (clfs_lsn_record (header->lsn) == 0) && header->flags == 0 &&
           header->data_offset == CLFS_RECORD_HEADER_BYTES;
}

bool
clfs_record_parse (const uint8_t *block, uint32_t limit, uint32_t offset, uint64_t expected_lsn, bool ours,
                   clfs_record_view *out)
{
    const clfs_record_header *header;

    if (offset % 8 != 0 || offset < CLFS_BLOCK_HEADER_BYTES || offset > limit ||
        limit - offset < CLFS_RECORD_HEADER_BYTES)
        return false;
    header = (const clfs_record_header *) (block + offset);
    if (header->lsn != expected_lsn || header->bytes < CLFS_RECORD_HEADER_BYTES || header->bytes > limit - offset ||
        header->data_offset < CLFS_RECORD_HEADER_BYTES || header->data_offset > header->bytes ||
        !type_is_possible (header, ours))
        return false;
    out->header = header;
    out->payload = block + offset + header->data_offset;
    out->payload_bytes = header->bytes - header->data_offset;
    out->next_offset = offset + ((header->bytes + 7) & ~7u);
    return true;
}

NTSTATUS
clfs_record_at (const uint8_t *block, uint32_t limit, uint32_t offset, uint64_t expected_lsn, bool ours, uint32_t seed,
                clfs_record_view *out)
{
    if (!clfs_record_parse (block, limit, offset, expected_lsn, ours, out))
        return STATUS_LOG_BLOCK_INVALID;
    if (ours && clfs_record_checksum (seed, out->header, out->payload, out->payload_bytes) != out->header->checksum)
        return STATUS_LOG_BLOCK_INVALID;
    return STATUS_SUCCESS;
}
