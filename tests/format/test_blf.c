/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/blf.h"
#include "format/blf_disk.h"
#include "format/signature.h"
#include "tests/format/samples.h"
#include "tests/testing.h"

static size_t
general_bytes (const clfs_blf_layout *layout)
{
    return (size_t) layout->general_sectors * CLFS_SECTOR_BYTES;
}

/* A file of ours with the layout that `containers` need; the counts are 33 and 34. */
static uint8_t *
make_file (const clfs_blf *blf, clfs_blf_layout *layout)
{
    uint8_t *file;

    clfs_blf_layout_for (blf->containers->len, layout);
    file = g_malloc (layout->file_bytes);
    CU_ASSERT_EQUAL_FATAL (clfs_blf_encode_file (blf, layout, 33, file), STATUS_SUCCESS);
    return file;
}

static NTSTATUS
parse (const uint8_t *file, size_t bytes, clfs_blf_report *report, clfs_blf **out)
{
    /* Exactly as long as it says, so that a sanitizer sees any read beyond. */
    g_autofree uint8_t *exact = g_memdup2 (file, bytes);
    g_autofree uint8_t *before = g_memdup2 (file, bytes);
    const NTSTATUS status = clfs_blf_parse (exact != NULL ? exact : file, bytes, report, out);

    CU_ASSERT_TRUE (bytes == 0 || memcmp (exact, before, bytes) == 0);
    CU_ASSERT_EQUAL (*out != NULL, status == STATUS_SUCCESS);
    return status;
}

static bool
file_is_refused (const uint8_t *file, size_t bytes)
{
    clfs_blf_report report;
    clfs_blf *blf = NULL;
    const NTSTATUS status = parse (file, bytes, &report, &blf);

    clfs_blf_free (blf);
    return status == STATUS_LOG_METADATA_CORRUPT && report.fault[0] != '\0';
}

/* Signatures and checksum over a decoded block that was changed. */
static void
reseal (uint8_t *block, uint32_t sectors)
{
    clfs_block_header *header = (clfs_block_header *) block;

    clfs_signature_save (block, sectors, clfs_block_signatures_offset (sectors));
    clfs_signature_write (block, sectors, CLFS_SECTOR_BASE, header->usn);
    header->checksum = clfs_signature_checksum (block, sectors);
}

static void
structures_have_the_documented_sizes (void)
{
    CU_ASSERT_EQUAL (sizeof (clfs_meta_header), 0x70);
    CU_ASSERT_EQUAL (sizeof (clfs_control_record), 0xE0);
    CU_ASSERT_EQUAL (sizeof (clfs_control_entry), 24);
    CU_ASSERT_EQUAL (sizeof (clfs_base_record), 0x1338);
    CU_ASSERT_EQUAL (sizeof (clfs_symbol), 0x30);
    CU_ASSERT_EQUAL (sizeof (clfs_client_context), 0x88);
    CU_ASSERT_EQUAL (sizeof (clfs_container_context), 0x30);
    CU_ASSERT_EQUAL (sizeof (clfs_ext), 512);
    CU_ASSERT_EQUAL (offsetof (clfs_ext, damage), 0x158);
    CU_ASSERT_EQUAL (offsetof (clfs_ext, last_record), 0x160);
}

static void
layouts_are_the_documented_ones (void)
{
    clfs_blf_layout small, large;

    clfs_blf_layout_for (0, &small);
    CU_ASSERT_EQUAL (small.general_sectors, 61);
    CU_ASSERT_EQUAL (small.general_offset[0], 0x2000);
    CU_ASSERT_EQUAL (small.general_offset[1], 0xA000);
    CU_ASSERT_EQUAL (small.file_bytes, 80 * 1024);
    CU_ASSERT_EQUAL (clfs_blf_containers_max (&small), 160);
    clfs_blf_layout_for (160, &large);
    CU_ASSERT_EQUAL (memcmp (&small, &large, sizeof small), 0);
    clfs_blf_layout_for (161, &large);
    CU_ASSERT_EQUAL (large.general_sectors, 320);
    CU_ASSERT_EQUAL (large.general_offset[1], 0x2A000);
    CU_ASSERT_EQUAL (large.scratch_offset[1], 0x53000);
    CU_ASSERT_EQUAL (clfs_blf_containers_max (&large), 1023);
    CU_ASSERT_TRUE (large.file_bytes <= CLFS_BLF_BYTES_MAX);
}

static void
metadata_comes_back_with_any_number_of_containers (void)
{
    const uint32_t counts[] = { 0, 1, 2, 160, 161, 1023 };

    for (size_t i = 0; i < G_N_ELEMENTS (counts); i++) {
        g_autoptr (clfs_blf) blf = sample_blf (counts[i]);
        clfs_blf_layout layout;
        g_autofree uint8_t *file = make_file (blf, &layout);
        clfs_blf_report report;
        g_autoptr (clfs_blf) back = NULL;

        CU_ASSERT_EQUAL_FATAL (parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
        CU_ASSERT_TRUE (sample_blf_equal (blf, back));
        CU_ASSERT_EQUAL (back->log_id, clfs_blf_log_id (blf->guid));
        CU_ASSERT_EQUAL (back->dump_count, 34);
        CU_ASSERT_EQUAL (back->usn, 17); /* as in the measured log, whose counts these are */
        CU_ASSERT_EQUAL (report.winner, 1);
        CU_ASSERT_EQUAL (report.counts[0], 33);
        CU_ASSERT_EQUAL (report.counts[1], 34);
        CU_ASSERT_TRUE (report.ours);
        CU_ASSERT_TRUE (report.control_valid[0] && report.control_valid[1] && report.general_valid[0] &&
                        report.general_valid[1] && report.scratch_valid[0] && report.scratch_valid[1]);
        CU_ASSERT_STRING_EQUAL (report.fault, "");
        CU_ASSERT_EQUAL (memcmp (&report.layout, &layout, sizeof layout), 0);
    }
}

static void
what_is_not_set_comes_back_as_not_set (void)
{
    g_autoptr (clfs_blf) blf = clfs_blf_new ();
    g_autoptr (clfs_blf) back = NULL;
    clfs_blf_layout layout;
    clfs_blf_report report;
    g_autofree uint8_t *file = NULL;

    blf->ours = true;
    file = make_file (blf, &layout);
    CU_ASSERT_EQUAL_FATAL (parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
    CU_ASSERT_TRUE (sample_blf_equal (blf, back));
    CU_ASSERT_EQUAL (back->created_ns, 0);
    CU_ASSERT_EQUAL (back->restart, CLFS_INVALID_LSN);
    CU_ASSERT_EQUAL (back->last_record, CLFS_INVALID_LSN);
    CU_ASSERT_EQUAL (back->cut_lsn, CLFS_INVALID_LSN);
    CU_ASSERT_EQUAL (back->damage, CLFS_INVALID_LSN);
}

static void
copy_is_deep (void)
{
    g_autoptr (clfs_blf) blf = sample_blf (3);
    g_autoptr (clfs_blf) copy = clfs_blf_copy (blf);
    clfs_blf_container *container = g_ptr_array_index (copy->containers, 1);

    CU_ASSERT_TRUE (sample_blf_equal (blf, copy));
    container->state = 8;
    CU_ASSERT_FALSE (sample_blf_equal (blf, copy));
}

static void
times_keep_their_hundred_nanoseconds_and_never_overflow (void)
{
    const int64_t kept[] = { 0, 100, -100, INT64_C (1700000000123456700), -INT64_C (1700000000123456700) };

    for (size_t i = 0; i < G_N_ELEMENTS (kept); i++)
        CU_ASSERT_EQUAL (clfs_blf_time_decode (clfs_blf_time_encode (kept[i])), kept[i]);
    CU_ASSERT_EQUAL (clfs_blf_time_encode (100), UINT64_C (116444736000000001));
    CU_ASSERT_EQUAL (clfs_blf_time_decode (clfs_blf_time_encode (INT64_MAX)), INT64_MAX / 100 * 100);
    CU_ASSERT_EQUAL (clfs_blf_time_decode (clfs_blf_time_encode (INT64_MIN)), INT64_MIN / 100 * 100);
    CU_ASSERT_EQUAL (clfs_blf_time_decode (UINT64_MAX), 0);
    CU_ASSERT_EQUAL (clfs_blf_time_decode (INT64_MAX), 0);
    CU_ASSERT_EQUAL (clfs_blf_time_decode (1), 0);
}

static void
long_names_come_back_or_do_not_fit (void)
{
    g_autoptr (clfs_blf) blf = sample_blf (0);
    g_autoptr (clfs_blf) back = NULL;
    clfs_blf_layout layout;
    clfs_blf_report report;
    g_autofree uint8_t *general = NULL;
    g_autofree uint8_t *file = NULL;
    NTSTATUS status;
    guint fit = 0;

    clfs_blf_layout_for (2, &layout);
    general = g_malloc (general_bytes (&layout));
    do {
        /* 255 bytes, among them letters of 2, 3 and 4 bytes. */
        g_autofree char *tail = g_strnfill (244 - (fit < 10 ? 1 : 2), 'n');
        g_autofree char *name = g_strdup_printf ("%u.\xC3\xA4\xE2\x82\xAC\xF0\x9F\x93\x9C.%s", fit, tail);

        CU_ASSERT_EQUAL (strlen (name), 255);
        clfs_blf_add_container (blf, name, 524288);
        status = clfs_blf_encode_general (blf, &layout, 1, general);
        fit++;
    } while (status == STATUS_SUCCESS && fit < 100);
    CU_ASSERT_EQUAL (status, STATUS_LOG_CONTAINER_LIMIT_EXCEEDED);
    CU_ASSERT_TRUE (fit > 30);
    g_ptr_array_set_size (blf->containers, (gint) fit - 1);
    file = make_file (blf, &layout);
    CU_ASSERT_EQUAL_FATAL (parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
    CU_ASSERT_TRUE (sample_blf_equal (blf, back));
}

static void
more_containers_than_fit_are_refused (void)
{
    const uint32_t limits[] = { 160, 1023 };

    for (size_t i = 0; i < G_N_ELEMENTS (limits); i++) {
        g_autoptr (clfs_blf) blf = sample_blf (limits[i] + 1);
        g_autofree uint8_t *file = NULL;
        clfs_blf_layout layout;

        clfs_blf_layout_for (limits[i], &layout);
        file = g_malloc (layout.file_bytes);
        CU_ASSERT_EQUAL (clfs_blf_encode_file (blf, &layout, 1, file), STATUS_LOG_CONTAINER_LIMIT_EXCEEDED);
        g_ptr_array_set_size (blf->containers, (gint) limits[i]);
        CU_ASSERT_EQUAL (clfs_blf_encode_file (blf, &layout, 1, file), STATUS_SUCCESS);
    }
}

static void
names_that_would_leave_the_store_are_refused (void)
{
    const char *const names[] = { "", ".", "..", "a/b", "..\\a", "/etc/passwd", "\xFF\xFE", "a\xC3" };

    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autoptr (clfs_blf) blf = sample_blf (1);
        g_autofree uint8_t *file = NULL;
        clfs_blf_layout layout;

        clfs_blf_layout_for (2, &layout);
        file = g_malloc (layout.file_bytes);
        clfs_blf_add_container (blf, names[i], 524288);
        CU_ASSERT_EQUAL (clfs_blf_encode_file (blf, &layout, 1, file), STATUS_OBJECT_NAME_INVALID);
    }
}

/* The decoded record of the main general copy. */
static uint8_t *
decoded_general (const uint8_t *file, const clfs_blf_layout *layout)
{
    uint8_t *block = g_memdup2 (file + layout->general_offset[0], general_bytes (layout));

    clfs_signature_restore (block, layout->general_sectors, ((clfs_block_header *) block)->signatures_offset);
    return block;
}

/* Counts the symbols of a bucket's tree, checking order, bucket and name; bounded by `budget`. */
static uint32_t
walk_tree (const uint8_t *record, uint64_t offset, uint32_t bucket, uint64_t low, uint64_t high, uint32_t budget)
{
    const clfs_symbol *symbol = (const clfs_symbol *) (record + offset);
    const uint16_t *name;
    size_t units = 0;

    if (offset == 0 || budget == 0)
        return 0;
    CU_ASSERT_EQUAL_FATAL (symbol->node_type, CLFS_NODE_SYMBOL);
    name = (const uint16_t *) (record + symbol->name);
    while (name[units] != 0)
        units++;
    CU_ASSERT_EQUAL (symbol->hash, clfs_symbol_hash (name, units));
    CU_ASSERT_EQUAL (symbol->hash % 11, bucket);
    CU_ASSERT_TRUE (symbol->hash >= low && symbol->hash < high);
    return 1 + walk_tree (record, symbol->below, bucket, low, symbol->hash, budget - 1) +
           walk_tree (record, symbol->above, bucket, symbol->hash, high, budget - 1);
}

static void
every_symbol_is_found_by_walking_the_zone_and_by_hash (void)
{
    const uint32_t counts[] = { 0, 2, 160, 1023 };

    for (size_t i = 0; i < G_N_ELEMENTS (counts); i++) {
        g_autoptr (clfs_blf) blf = sample_blf (counts[i]);
        clfs_blf_layout layout;
        g_autofree uint8_t *file = make_file (blf, &layout);
        g_autofree uint8_t *block = decoded_general (file, &layout);
        const uint8_t *record = block + CLFS_BLOCK_HEADER_BYTES;
        const clfs_base_record *base = (const clfs_base_record *) record;
        const uint32_t end = 0x1338 + base->zone_bytes;
        uint32_t clients = 0, containers = 0, found = 0, at = 0x1338;

        /* Symbol, context, name, one after another without a gap. */
        while (at < end) {
            const clfs_symbol *symbol = (const clfs_symbol *) (record + at);
            const uint16_t *name = (const uint16_t *) (record + symbol->name);
            uint32_t node;

            CU_ASSERT_EQUAL_FATAL (symbol->node_type, CLFS_NODE_SYMBOL);
            CU_ASSERT_EQUAL (symbol->name, at + symbol->name_distance);
            CU_ASSERT_EQUAL (symbol->context, at + 0x30);
            memcpy (&node, record + symbol->context, sizeof node);
            if (node == CLFS_NODE_CLIENT)
                CU_ASSERT_EQUAL (base->clients[clients++], symbol->context);
            if (node == CLFS_NODE_CONTAINER)
                CU_ASSERT_EQUAL (base->containers[containers++], symbol->context);
            at = symbol->name + 2;
            while (*name++ != 0)
                at += 2;
            at = (at + 7) & ~7u;
        }
        CU_ASSERT_EQUAL (at, end);
        CU_ASSERT_EQUAL (clients, 1);
        CU_ASSERT_EQUAL (containers, counts[i]);
        CU_ASSERT_EQUAL (base->active_containers, counts[i]);
        for (uint32_t bucket = 0; bucket < CLFS_HASH_BUCKETS; bucket++)
            found += walk_tree (record, base->container_symbols[bucket], bucket, 0, UINT64_C (1) << 32, 2000);
        CU_ASSERT_EQUAL (found, counts[i]);
        found = 0;
        for (uint32_t bucket = 0; bucket < CLFS_HASH_BUCKETS; bucket++)
            found += walk_tree (record, base->client_symbols[bucket], bucket, 0, UINT64_C (1) << 32, 2000);
        CU_ASSERT_EQUAL (found, 1);
        CU_ASSERT_TRUE (end <= ((const clfs_meta_header *) block)->ext_offset - CLFS_BLOCK_HEADER_BYTES);
    }
}

/* The bytes of a decoded general block that say something: all but unused slots of the arrays and the space after the zone. */
static bool
general_byte_is_used (const uint8_t *decoded, size_t at)
{
    const clfs_meta_header *meta = (const clfs_meta_header *) decoded;
    const clfs_base_record *base = (const clfs_base_record *) (decoded + CLFS_BLOCK_HEADER_BYTES);
    const size_t record = CLFS_BLOCK_HEADER_BYTES;

    if (at >= meta->ext_offset || at % CLFS_SECTOR_BYTES >= CLFS_SECTOR_BYTES - 2)
        return true;
    return at < record + 0x150 || (at >= record + 0x328 && at < record + 0x340) ||
           (at >= record + 0x1328 && at < record + 0x1338 + base->zone_bytes);
}

static void
every_changed_bit_of_a_general_copy_is_seen_and_the_other_one_counts (void)
{
    g_autoptr (clfs_blf) old = sample_blf (2);
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = make_file (blf, &layout);
    g_autofree uint8_t *decoded = decoded_general (file, &layout);
    uint32_t missed = 0;

    old->base = UINT64_C (0x0000000100000200);
    CU_ASSERT_EQUAL (clfs_blf_encode_general (old, &layout, 33, file + layout.general_offset[0]), STATUS_SUCCESS);
    for (int copy = 0; copy < 2; copy++)
        for (size_t at = 0; at < general_bytes (&layout); at++)
            for (int bit = 0; bit < 8 && general_byte_is_used (decoded, at); bit += copy == 0 ? 1 : 3) {
                uint8_t *byte = file + layout.general_offset[copy] + at;
                clfs_blf_report report;
                g_autoptr (clfs_blf) back = NULL;

                *byte ^= (uint8_t) (1u << bit);
                if (clfs_blf_parse (file, layout.file_bytes, &report, &back) != STATUS_SUCCESS || report.general_valid[copy] ||
                    !report.general_valid[!copy] || report.winner != !copy || report.fault[0] == '\0' ||
                    back->base != (copy == 0 ? blf->base : old->base))
                    missed++;
                *byte ^= (uint8_t) (1u << bit);
            }
    CU_ASSERT_EQUAL (missed, 0);
}

static void
every_changed_bit_of_control_and_scratch_is_seen_and_the_twin_serves (void)
{
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = make_file (blf, &layout);
    uint32_t missed = 0;

    for (int block = 0; block < 4; block++) {
        const int copy = block % 2;
        const bool control = block < 2;
        const uint32_t offset = control ? layout.control_offset[copy] : layout.scratch_offset[copy];

        for (uint32_t bit = 0; bit < (control ? 1024u : 512u) * 8; bit++) {
            clfs_blf_report report;
            g_autoptr (clfs_blf) back = NULL;

            file[offset + bit / 8] ^= (uint8_t) (1u << (bit % 8));
            if (clfs_blf_parse (file, layout.file_bytes, &report, &back) != STATUS_SUCCESS ||
                (control ? report.control_valid : report.scratch_valid)[copy] ||
                !(control ? report.control_valid : report.scratch_valid)[!copy] || report.fault[0] == '\0')
                missed++;
            file[offset + bit / 8] ^= (uint8_t) (1u << (bit % 8));
        }
    }
    CU_ASSERT_EQUAL (missed, 0);
}

static void
repaired_copies_are_byte_for_byte_those_of_the_file (void)
{
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = make_file (blf, &layout);
    uint8_t control[1024], scratch[512];

    for (int copy = 0; copy < 2; copy++) {
        blf->epoch++; /* what changes in a log's life changes nothing in these two */
        clfs_blf_encode_control (blf, &layout, copy, control);
        clfs_blf_encode_scratch (blf, copy, scratch);
        CU_ASSERT_EQUAL (memcmp (control, file + layout.control_offset[copy], sizeof control), 0);
        CU_ASSERT_EQUAL (memcmp (scratch, file + layout.scratch_offset[copy], sizeof scratch), 0);
    }
}

static void
valid_copy_with_the_higher_count_wins (void)
{
    const struct {
        uint64_t counts[2];
        int damaged; /* copy, or -1 */
        int winner;
    } cases[] = {
        { { 1, 2 }, -1, 1 },    { { 3, 2 }, -1, 0 }, { { 3, 2 }, 0, 1 }, { { 3, 2 }, 1, 0 },
        { { 3, 4 }, 1, 0 },     { { 3, 4 }, 0, 1 },  { { UINT64_C (0x100000001), 2 }, -1, 0 },
        { { 255, 256 }, -1, 1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (clfs_blf) blf = sample_blf (2);
        clfs_blf_layout layout;
        g_autofree uint8_t *file = make_file (blf, &layout);
        g_autoptr (clfs_blf) back = NULL;
        clfs_blf_report report;

        for (int copy = 0; copy < 2; copy++) {
            blf->base = 0x1000u * ((uint64_t) copy + 1);
            CU_ASSERT_EQUAL (clfs_blf_encode_general (blf, &layout, cases[i].counts[copy], file + layout.general_offset[copy]),
                             STATUS_SUCCESS);
        }
        if (cases[i].damaged >= 0)
            file[layout.general_offset[cases[i].damaged] + 3000] ^= 1;
        CU_ASSERT_EQUAL_FATAL (parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (report.winner, cases[i].winner);
        CU_ASSERT_EQUAL (back->base, 0x1000u * ((uint64_t) cases[i].winner + 1));
        CU_ASSERT_EQUAL (back->dump_count, cases[i].counts[cases[i].winner]);
    }
}

static void
file_without_a_valid_copy_is_refused_and_says_why (void)
{
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = make_file (blf, &layout);
    g_autofree uint8_t *zero = g_malloc0 (layout.file_bytes);
    clfs_blf_report report;
    clfs_blf *back = NULL;
    uint64_t state = 7;

    CU_ASSERT_TRUE (file_is_refused (file, 0));
    CU_ASSERT_TRUE (file_is_refused (file, 1));
    CU_ASSERT_TRUE (file_is_refused (file, 511));
    CU_ASSERT_TRUE (file_is_refused (file, 512));
    CU_ASSERT_TRUE (file_is_refused (file, 1024));
    CU_ASSERT_TRUE (file_is_refused (file, layout.general_offset[0] + 61 * 512 - 1));
    CU_ASSERT_TRUE (file_is_refused (zero, layout.file_bytes));
    for (int round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < layout.file_bytes; i++)
            zero[i] = (uint8_t) sample_random (&state);
        CU_ASSERT_TRUE (file_is_refused (zero, layout.file_bytes));
    }
    /* The second half alone. */
    CU_ASSERT_TRUE (file_is_refused (file + layout.file_bytes / 2, layout.file_bytes / 2));
    file[layout.general_offset[0] + 0x400] ^= 1;
    file[layout.general_offset[1] + 0x400] ^= 1;
    CU_ASSERT_EQUAL (parse (file, layout.file_bytes, &report, &back), STATUS_LOG_METADATA_CORRUPT);
    CU_ASSERT_STRING_EQUAL (report.fault, "general at 0x2000 checksum does not match");
    CU_ASSERT_TRUE (report.control_valid[0]);
}

static void
first_half_of_a_file_has_its_main_copy (void)
{
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = make_file (blf, &layout);
    g_autoptr (clfs_blf) back = NULL;
    clfs_blf_report report;

    CU_ASSERT_EQUAL_FATAL (parse (file, layout.file_bytes / 2, &report, &back), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (report.winner, 0);
    CU_ASSERT_FALSE (report.general_valid[1]);
    CU_ASSERT_STRING_EQUAL (report.fault, "general shadow at 0xa000 lies beyond the end of the file");
    CU_ASSERT_EQUAL (report.layout.file_bytes, layout.file_bytes);
}

static void
unknown_versions_and_features_are_refused_or_read_only (void)
{
    const struct {
        uint32_t version, incompatible, readonly_compatible;
        NTSTATUS status;
    } cases[] = {
        { 1, 0, 0, STATUS_SUCCESS },
        { 2, 0, 0, STATUS_LOG_BLOCK_VERSION },
        { 1, 1, 0, STATUS_LOG_BLOCK_VERSION },
        { 1, 0x80000000, 0, STATUS_LOG_BLOCK_VERSION },
        { 1, 0, 4, STATUS_SUCCESS },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (clfs_blf) blf = sample_blf (2);
        clfs_blf_layout layout;
        g_autofree uint8_t *file = make_file (blf, &layout);
        g_autofree uint8_t *block = decoded_general (file, &layout);
        g_autoptr (clfs_blf) back = NULL;
        clfs_meta_header *meta = (clfs_meta_header *) block;
        clfs_blf_report report;

        meta->format_version = cases[i].version;
        meta->incompatible = cases[i].incompatible;
        meta->readonly_compatible = cases[i].readonly_compatible;
        reseal (block, layout.general_sectors);
        for (int copy = 0; copy < 2; copy++)
            memcpy (file + layout.general_offset[copy], block, general_bytes (&layout));
        CU_ASSERT_EQUAL (parse (file, layout.file_bytes, &report, &back), cases[i].status);
        CU_ASSERT_EQUAL (report.fault[0] == '\0', i == 0);
        CU_ASSERT_TRUE (report.general_valid[0] && report.general_valid[1]);
        if (back != NULL)
            CU_ASSERT_EQUAL (back->readonly_compatible, cases[i].readonly_compatible);
    }
}

/* Parses with `block` as both copies of the general (or the control) pair; the names that come back must be file names. */
static uint32_t
hostile_violations (uint8_t *file, const clfs_blf_layout *layout, const uint8_t *block, const uint32_t offsets[2], size_t bytes)
{
    clfs_blf_report report;
    g_autoptr (clfs_blf) back = NULL;
    uint32_t violations = 0;

    memcpy (file + offsets[0], block, bytes);
    memcpy (file + offsets[1], block, bytes);
    if (clfs_blf_parse (file, layout->file_bytes, &report, &back) != STATUS_SUCCESS)
        return report.fault[0] == '\0';
    violations += back->containers->len > 1023;
    for (guint i = 0; i < back->containers->len; i++) {
        const clfs_blf_container *container = g_ptr_array_index (back->containers, i);

        violations += container->name[0] == '\0' || strpbrk (container->name, "/\\") != NULL ||
                      strcmp (container->name, "..") == 0 || container->size_bytes == 0 || container->physical_id > 1022;
    }
    return violations;
}

static void
hostile_fields_never_lead_outside_the_block (void)
{
    const uint32_t values[] = { 0,      1,      0x2F,   0x30,   0x70,   0x1337,     0x1338,     0x1368,     0x7718,    0x7980,
                                0x790F, 0x7910, 0x7911, 0x7A00, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFD0 };
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = make_file (blf, &layout);
    g_autofree uint8_t *decoded = decoded_general (file, &layout);
    g_autofree uint8_t *pristine = decoded_general (file, &layout);
    g_autofree uint8_t *block = g_malloc (general_bytes (&layout));
    uint32_t violations = 0, tried = 0;

    for (int ours = 1; ours >= 0; ours--) {
        if (!ours)
            memset (decoded + 0x34, 0, 0x34);
        for (uint32_t at = 0; at < 0x7980; at += 4) {
            if (!general_byte_is_used (pristine, at))
                continue;
            for (size_t v = 0; v < G_N_ELEMENTS (values) + 2; v++) {
                uint32_t value;

                memcpy (&value, decoded + at, 4);
                value = v < G_N_ELEMENTS (values) ? values[v] : v == G_N_ELEMENTS (values) ? value + 1 : value - 1;
                memcpy (block, decoded, general_bytes (&layout));
                memcpy (block + at, &value, 4);
                reseal (block, layout.general_sectors);
                violations += hostile_violations (file, &layout, block, layout.general_offset, general_bytes (&layout));
                tried++;
            }
        }
    }
    CU_ASSERT_EQUAL (violations, 0);
    CU_ASSERT_TRUE (tried > 10000);
}

static void
hostile_block_table_never_leads_outside_the_file (void)
{
    const uint32_t values[] = { 0, 1, 6, 7, 0x200, 0x400, 0x1000, 0x13E00, 0x14000, 0x7A00, 0x400000, 0x7FFFFE00, 0xFFFFFE00, 0xFFFFFFFF };
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = make_file (blf, &layout);
    uint8_t decoded[1024], block[1024];
    uint32_t violations = 0;

    memcpy (decoded, file, sizeof decoded);
    clfs_signature_restore (decoded, 2, 0x3F8);
    for (uint32_t at = 0; at < 0x150; at += 2)
        for (uint32_t width = 2; width <= 4; width += 2)
            for (size_t v = 0; v < G_N_ELEMENTS (values); v++) {
                memcpy (block, decoded, sizeof block);
                memcpy (block + at, &values[v], width);
                reseal (block, 2);
                violations += hostile_violations (file, &layout, block, layout.control_offset, sizeof block);
            }
    CU_ASSERT_EQUAL (violations, 0);
}

static void
names_lose_their_prefix_and_their_path (void)
{
    const struct {
        const char *stored, *name;
    } cases[] = {
        { "%BLF%\\X.0001", "X.0001" },
        { "\\??\\C:\\logs\\Y.0001", "Y.0001" },
        { "%BLF%\\sub\\Z.0001", "Z.0001" },
        { "/var/log/W.0001", "W.0001" },
        { "%BLF%\\", NULL },
        { "%BLF%\\..", NULL },
        { "%BLF%\\.", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (clfs_blf) blf = sample_blf (1);
        clfs_blf_layout layout;
        g_autofree uint8_t *file = make_file (blf, &layout);
        g_autofree uint8_t *block = decoded_general (file, &layout);
        uint8_t *record = block + CLFS_BLOCK_HEADER_BYTES;
        const uint32_t context = ((clfs_base_record *) record)->containers[0];
        const clfs_symbol *symbol = (const clfs_symbol *) (record + context - 0x30);
        g_autoptr (clfs_blf) back = NULL;
        clfs_blf_report report;

        for (size_t j = 0; j <= strlen (cases[i].stored); j++) {
            record[symbol->name + 2 * j] = (uint8_t) cases[i].stored[j];
            record[symbol->name + 2 * j + 1] = 0;
        }
        reseal (block, layout.general_sectors);
        for (int copy = 0; copy < 2; copy++)
            memcpy (file + layout.general_offset[copy], block, general_bytes (&layout));
        if (cases[i].name == NULL) {
            CU_ASSERT_TRUE (file_is_refused (file, layout.file_bytes));
            continue;
        }
        CU_ASSERT_EQUAL_FATAL (parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
        CU_ASSERT_STRING_EQUAL (((clfs_blf_container *) g_ptr_array_index (back->containers, 0))->name, cases[i].name);
    }
}

static const clfs_test tests[] = {
    CLFS_TEST (structures_have_the_documented_sizes),
    CLFS_TEST (layouts_are_the_documented_ones),
    CLFS_TEST (metadata_comes_back_with_any_number_of_containers),
    CLFS_TEST (what_is_not_set_comes_back_as_not_set),
    CLFS_TEST (copy_is_deep),
    CLFS_TEST (times_keep_their_hundred_nanoseconds_and_never_overflow),
    CLFS_TEST (long_names_come_back_or_do_not_fit),
    CLFS_TEST (more_containers_than_fit_are_refused),
    CLFS_TEST (names_that_would_leave_the_store_are_refused),
    CLFS_TEST (every_symbol_is_found_by_walking_the_zone_and_by_hash),
    CLFS_TEST (every_changed_bit_of_a_general_copy_is_seen_and_the_other_one_counts),
    CLFS_TEST (every_changed_bit_of_control_and_scratch_is_seen_and_the_twin_serves),
    CLFS_TEST (repaired_copies_are_byte_for_byte_those_of_the_file),
    CLFS_TEST (valid_copy_with_the_higher_count_wins),
    CLFS_TEST (file_without_a_valid_copy_is_refused_and_says_why),
    CLFS_TEST (first_half_of_a_file_has_its_main_copy),
    CLFS_TEST (unknown_versions_and_features_are_refused_or_read_only),
    CLFS_TEST (hostile_fields_never_lead_outside_the_block),
    CLFS_TEST (hostile_block_table_never_leads_outside_the_file),
    CLFS_TEST (names_lose_their_prefix_and_their_path),
};

CLFS_TEST_MAIN (tests)
