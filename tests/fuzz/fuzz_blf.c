/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_blf.c - base log files of any bytes: parsing stays inside them, and what is ours and parses is written again as
 * it was.
 *
 * An input: how to begin (1 byte), then changes. See `choose`.
 */
#include "fuzz.h"

#include "format/blf_disk.h"
#include "format/signature.h"
#include "tests/format/samples.h"

#include <string.h>

/* Files with their blocks decoded. */
typedef struct image {
    uint8_t *file;
    size_t bytes;
    clfs_blf_layout layout;
} image;

enum { IMAGE_SMALL, IMAGE_LARGE, IMAGE_WINDOWS, IMAGES };
static image images[IMAGES];

static void
decode (image *image, uint32_t offset)
{
    const clfs_block_header *header = (const clfs_block_header *) (image->file + offset);

    if (offset < image->bytes && clfs_signature_header_fault (header, false) == NULL)
        clfs_signature_restore (image->file + offset, header->total_sectors, header->signatures_offset);
}

static void
add_image (int index, uint8_t *file, size_t bytes)
{
    clfs_blf_report report;
    g_autoptr (clfs_blf) blf = NULL;

    FUZZ_REQUIRE (file != NULL && clfs_blf_parse (file, bytes, &report, &blf) == STATUS_SUCCESS);
    images[index] = (image){ file, bytes, report.layout };
    for (int copy = 0; copy < 2; copy++) {
        decode (&images[index], report.layout.control_offset[copy]);
        decode (&images[index], report.layout.general_offset[copy]);
        decode (&images[index], report.layout.scratch_offset[copy]);
    }
}

static void
add_ours (int index, uint32_t containers)
{
    g_autoptr (clfs_blf) blf = sample_blf (containers);
    clfs_blf_layout layout;
    uint8_t *file;

    clfs_blf_layout_for (index == IMAGE_LARGE ? CLFS_CONTAINERS_MAX : containers, &layout);
    file = g_malloc (layout.file_bytes);
    FUZZ_REQUIRE (clfs_blf_encode_file (blf, &layout, 33, file) == STATUS_SUCCESS);
    add_image (index, file, layout.file_bytes);
}

void
fuzz_prepare (void)
{
    size_t bytes = 0;
    uint8_t *windows;

    g_setenv ("top_srcdir", FUZZ_SOURCE, TRUE);
    add_ours (IMAGE_SMALL, 3);
    add_ours (IMAGE_LARGE, 5);
    windows = sample_file ("tests/data/windows-log/DRIVERS{53b39e70-18c4-11ea-a811-000d3aa4692b}.TM.blf", &bytes);
    add_image (IMAGE_WINDOWS, windows, bytes);
}

static void
seal_at (uint8_t *file, size_t bytes, uint64_t offset)
{
    if (offset < bytes)
        fuzz_seal (file + offset, bytes - offset, CLFS_SECTOR_BASE);
}

/* Seals the control block at `offset` and what its table names. */
static void
seal_table (uint8_t *file, size_t bytes, uint64_t offset)
{
    clfs_control_record record;

    seal_at (file, bytes, offset);
    if (offset + CLFS_BLOCK_HEADER_BYTES + sizeof record > bytes)
        return;
    memcpy (&record, file + offset + CLFS_BLOCK_HEADER_BYTES, sizeof record);
    if (record.magic != CLFS_CONTROL_MAGIC)
        return;
    for (int i = CLFS_META_GENERAL; i < CLFS_META_BLOCKS; i++)
        seal_at (file, bytes, record.blocks[i].offset);
}

/* The first place comes last: sealing a block twice spoils it, and that one is looked at first. */
static void
seal_all (uint8_t *file, size_t bytes)
{
    if (bytes >= CLFS_BLOCK_HEADER_BYTES && ((const clfs_meta_header *) file)->magic == CLFS_BLF_MAGIC)
        seal_at (file, bytes, 0x1000);
    else
        seal_at (file, bytes, 0x400);
    seal_table (file, bytes, 0);
}

/* Applies the changes of an input to a file with decoded blocks. */
static void
change (fuzz_input *input, uint8_t *file, size_t *bytes, const clfs_blf_layout *layout)
{
    while (input->bytes > 0) {
        const unsigned place = (unsigned) fuzz_take (input, 1) % 8;
        const uint32_t general = layout->general_offset[place & 1];
        const uint32_t general_bytes = layout->general_sectors * CLFS_SECTOR_BYTES;

        switch (place) {
        case 0:
            fuzz_take_patch (input, file, *bytes);
            break;
        case 1:
            *bytes = fuzz_take (input, 3) % *bytes + 1;
            return;
        case 2:
        case 3: /* the header */
            if (general + CLFS_BLOCK_HEADER_BYTES <= *bytes)
                fuzz_take_patch (input, file + general, CLFS_BLOCK_HEADER_BYTES);
            break;
        case 4:
        case 5: /* the record and the zone's begin */
            if (general + general_bytes <= *bytes)
                fuzz_take_patch (input, file + general + CLFS_BLOCK_HEADER_BYTES, 0x2000);
            break;
        case 6: /* the ext of the shadow, which wins */
            if (layout->general_offset[1] + general_bytes <= *bytes)
                fuzz_take_patch (input, file + layout->general_offset[1]
                                            + clfs_block_signatures_offset (layout->general_sectors) - sizeof (clfs_ext),
                                 sizeof (clfs_ext));
            break;
        case 7: /* the control block */
            if (layout->control_offset[0] + CLFS_CONTROL_BYTES <= *bytes)
                fuzz_take_patch (input, file + layout->control_offset[0], 0x150);
            break;
        }
    }
}

static bool
names_storable (const clfs_blf *blf)
{
    for (guint i = 0; i < blf->containers->len; i++) {
        const clfs_blf_container *container = g_ptr_array_index (blf->containers, i);
        if (strlen (container->name) > 255)
            return false;
    }
    return true;
}

/* What was parsed and is ours can be written, and says the same then. */
static void
write_again (const clfs_blf *blf)
{
    clfs_blf_layout layout;
    g_autofree uint8_t *file = NULL;
    clfs_blf_report report;
    g_autoptr (clfs_blf) again = NULL;
    NTSTATUS status;

    clfs_blf_layout_for (blf->containers->len, &layout);
    file = g_malloc (layout.file_bytes);
    status = clfs_blf_encode_file (blf, &layout, 1, file);
    if (status == STATUS_LOG_CONTAINER_LIMIT_EXCEEDED) { /* long names: the large layout has room for all */
        g_free (file);
        clfs_blf_layout_for (CLFS_CONTAINERS_MAX, &layout);
        file = g_malloc (layout.file_bytes);
        status = clfs_blf_encode_file (blf, &layout, 1, file);
    }
    FUZZ_REQUIRE (status == STATUS_SUCCESS || !names_storable (blf));
    if (status != STATUS_SUCCESS)
        return;
    status = clfs_blf_parse (file, layout.file_bytes, &report, &again);
    FUZZ_REQUIRE (status == STATUS_SUCCESS);
    FUZZ_REQUIRE (report.winner == 1 && report.general_valid[0] && report.scratch_valid[1] && report.control_valid[1]);
    FUZZ_REQUIRE (sample_blf_equal (blf, again));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t bytes)
{
    fuzz_input input = { data, bytes };
    const unsigned begin = (unsigned) fuzz_take (&input, 1);
    g_autofree uint8_t *file = NULL;
    g_autofree uint8_t *exact = NULL;
    g_autofree uint8_t *before = NULL;
    g_autoptr (clfs_blf) blf = NULL;
    clfs_blf_report report;
    size_t file_bytes;
    NTSTATUS status;

    if (begin % 4 < IMAGES) {
        const image *image = &images[begin % 4];
        file_bytes = image->bytes;
        file = fuzz_copy (image->file, file_bytes);
        change (&input, file, &file_bytes, &image->layout);
    } else {
        /* The bytes themselves. */
        file_bytes = input.bytes;
        file = fuzz_copy (input.data, file_bytes);
    }
    if ((begin & 4) == 0)
        seal_all (file, file_bytes);
    exact = fuzz_copy (file, file_bytes);
    before = fuzz_copy (file, file_bytes);
    status = clfs_blf_parse (exact, file_bytes, &report, &blf);
    FUZZ_REQUIRE ((status == STATUS_SUCCESS) == (blf != NULL));
    FUZZ_REQUIRE (memchr (report.fault, 0, sizeof report.fault) != NULL);
    FUZZ_REQUIRE (status == STATUS_SUCCESS || report.fault[0] != '\0');
    FUZZ_REQUIRE (memcmp (exact, before, file_bytes) == 0);
    if (blf != NULL && blf->ours)
        write_again (blf);
    return 0;
}
