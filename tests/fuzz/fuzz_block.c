/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_block.c - data blocks of any bytes: what is found good can be read to its end, what is not is left as it was.
 *
 * An input: how to begin (1 byte), then changes to a block, or the block's bytes.
 */
#include "fuzz.h"

#include "format/signature.h"
#include "tests/format/samples.h"

#include <string.h>

#define BLOCK_SECTORS 9u

static uint8_t *small, *full;

static uint8_t *
decoded (uint8_t *block)
{
    clfs_block_restore (block, ((clfs_block_header *) block)->total_sectors);
    return block;
}

void
fuzz_prepare (void)
{
    small = decoded (sample_block_small (BLOCK_SECTORS, 7));
    full = decoded (sample_block_full (BLOCK_SECTORS));
}

/* Reads the records of a good block, one after another. */
static void
read_records (const uint8_t *block, const clfs_block_info *info)
{
    uint32_t offset = CLFS_BLOCK_HEADER_BYTES, seed = 0;
    uint64_t stream_bytes = 0, sum = 0;

    FUZZ_REQUIRE (info->record_count <= CLFS_BLOCK_RECORDS_MAX);
    FUZZ_REQUIRE (info->record_end <= ((const clfs_block_header *) block)->signatures_offset);
    for (uint32_t i = 0; i < info->record_count; i++) {
        clfs_record_view view;
        NTSTATUS status = clfs_record_at (block, info->record_end, offset, SAMPLE_ADDRESS + i, info->ours, seed, &view);

        /* Opening does not read the running checksums: one may be wrong still. */
        FUZZ_REQUIRE (status == STATUS_SUCCESS || info->ours);
        if (status != STATUS_SUCCESS)
            return;
        for (uint32_t byte = 0; byte < view.payload_bytes; byte++)
            sum += view.payload[byte];
        if ((view.header->type & CLFS_TYPE_DATA) != 0)
            stream_bytes += view.payload_bytes;
        FUZZ_REQUIRE (view.next_offset > offset);
        offset = view.next_offset;
        seed = view.header->checksum;
    }
    FUZZ_REQUIRE (stream_bytes == info->stream_bytes && sum < UINT64_MAX);
    FUZZ_REQUIRE (MIN (offset, info->record_end) == info->record_end);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t bytes)
{
    static const uint64_t log_id = SAMPLE_LOG_ID;
    fuzz_input input = { data, bytes };
    const unsigned begin = (unsigned) fuzz_take (&input, 1);
    const bool any_log = (begin & 8) != 0;
    g_autofree uint8_t *block = NULL;
    g_autofree uint8_t *before = NULL;
    clfs_block_info info;
    clfs_block_fault fault;
    size_t block_bytes;
    uint32_t peeked;

    if (begin % 4 < 2) {
        block_bytes = BLOCK_SECTORS * CLFS_SECTOR_BYTES;
        block = fuzz_copy (begin % 4 == 0 ? small : full, block_bytes);
        while (input.bytes > 0)
            fuzz_take_patch (&input, block, (begin & 64) != 0 ? 256 : block_bytes);
    } else {
        block_bytes = input.bytes;
        block = fuzz_copy (input.data, block_bytes);
    }
    if ((begin & 4) == 0 && block_bytes >= CLFS_SECTOR_BYTES) {
        if ((begin & 16) == 0)
            fuzz_fix_records (block, block_bytes);
        fuzz_seal (block, block_bytes, CLFS_SECTOR_DATA);
        if ((begin & 32) != 0)
            ((clfs_block_header *) block)->checksum = 0;
    }
    before = fuzz_copy (block, block_bytes);
    peeked = block_bytes >= CLFS_SECTOR_BYTES ? clfs_block_peek_sectors (block, SAMPLE_ADDRESS) : 0;
    fault = clfs_block_open (block, block_bytes, SAMPLE_ADDRESS, any_log ? NULL : &log_id, &info);
    FUZZ_REQUIRE (clfs_block_fault_text (fault) != NULL);
    if (fault != CLFS_BLOCK_GOOD) {
        FUZZ_REQUIRE (memcmp (block, before, block_bytes) == 0);
        return 0;
    }
    FUZZ_REQUIRE (info.sectors > 0 && (size_t) info.sectors * CLFS_SECTOR_BYTES <= block_bytes);
    FUZZ_REQUIRE (peeked == info.sectors && (any_log || (info.ours && info.log_id == log_id)));
    read_records (block, &info);
    /* Sealed again it is the same, where we are the ones who seal so. */
    if (info.ours) {
        clfs_signature_write (block, info.sectors, CLFS_SECTOR_DATA, ((clfs_block_header *) block)->usn);
        FUZZ_REQUIRE (memcmp (block, before, block_bytes) == 0);
    }
    return 0;
}
