/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/format/blf_samples.h"

#include "format/blf_disk.h"
#include "format/signature.h"

#include <CUnit/CUnit.h>
#include <string.h>

size_t
sample_general_bytes (const clfs_blf_layout *layout)
{
    return (size_t) layout->general_sectors * CLFS_SECTOR_BYTES;
}

uint8_t *
sample_blf_file (const clfs_blf *blf, clfs_blf_layout *layout)
{
    uint8_t *file;

    clfs_blf_layout_for (blf->containers->len, layout);
    file = g_malloc (layout->file_bytes);
    CU_ASSERT_EQUAL_FATAL (clfs_blf_encode_file (blf, layout, 33, file), STATUS_SUCCESS);
    return file;
}

NTSTATUS
sample_parse (const uint8_t *file, size_t bytes, clfs_blf_report *report, clfs_blf **out)
{
    /* Exactly as long as it says, so that a sanitizer sees any read beyond. */
    g_autofree uint8_t *exact = g_memdup2 (file, bytes);
    g_autofree uint8_t *before = g_memdup2 (file, bytes);
    const NTSTATUS status = clfs_blf_parse (exact != NULL ? exact : file, bytes, report, out);

    CU_ASSERT_TRUE (bytes == 0 || memcmp (exact, before, bytes) == 0);
    CU_ASSERT_EQUAL (*out != NULL, status == STATUS_SUCCESS);
    return status;
}

bool
sample_file_is_refused (const uint8_t *file, size_t bytes)
{
    clfs_blf_report report;
    clfs_blf *blf = NULL;
    const NTSTATUS status = sample_parse (file, bytes, &report, &blf);

    clfs_blf_free (blf);
    return status == STATUS_LOG_METADATA_CORRUPT && report.fault[0] != '\0';
}

void
sample_meta_reseal (uint8_t *block, uint32_t sectors)
{
    clfs_block_header *header = (clfs_block_header *) block;

    clfs_signature_save (block, sectors, clfs_block_signatures_offset (sectors));
    clfs_signature_write (block, sectors, CLFS_SECTOR_BASE, header->usn);
    header->checksum = clfs_signature_checksum (block, sectors);
}

uint8_t *
sample_decoded_general (const uint8_t *file, const clfs_blf_layout *layout)
{
    uint8_t *block = g_memdup2 (file + layout->general_offset[0], sample_general_bytes (layout));

    clfs_signature_restore (block, layout->general_sectors, ((clfs_block_header *) block)->signatures_offset);
    return block;
}

bool
sample_general_byte_is_used (const uint8_t *decoded, size_t at)
{
    const clfs_meta_header *meta = (const clfs_meta_header *) decoded;
    const clfs_base_record *base = (const clfs_base_record *) (decoded + CLFS_BLOCK_HEADER_BYTES);
    const size_t record = CLFS_BLOCK_HEADER_BYTES;

    if (at >= meta->ext_offset || at % CLFS_SECTOR_BYTES >= CLFS_SECTOR_BYTES - 2)
        return true;
    return at < record + 0x150 || (at >= record + 0x328 && at < record + 0x340) ||
           (at >= record + 0x1328 && at < record + 0x1338 + base->zone_bytes);
}
