/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/blf.h"
#include "format/blf_disk.h"
#include "format/signature.h"
#include "tests/format/blf_samples.h"
#include "tests/testing.h"

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
        g_autofree uint8_t *file = sample_blf_file (blf, &layout);
        clfs_blf_report report;
        g_autoptr (clfs_blf) back = NULL;

        CU_ASSERT_EQUAL_FATAL (sample_parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
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
    blf->container_bytes = CLFS_CONTAINER_BYTES_UNIT;
    file = sample_blf_file (blf, &layout);
    CU_ASSERT_EQUAL_FATAL (sample_parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
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
    general = g_malloc (sample_general_bytes (&layout));
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
    file = sample_blf_file (blf, &layout);
    CU_ASSERT_EQUAL_FATAL (sample_parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
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
        g_autofree uint8_t *file = sample_blf_file (blf, &layout);
        g_autofree uint8_t *block = sample_decoded_general (file, &layout);
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

static void
repaired_copies_are_byte_for_byte_those_of_the_file (void)
{
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = sample_blf_file (blf, &layout);
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
        g_autofree uint8_t *file = sample_blf_file (blf, &layout);
        g_autoptr (clfs_blf) back = NULL;
        clfs_blf_report report;

        for (int copy = 0; copy < 2; copy++) {
            blf->base = 0x1000u * ((uint64_t) copy + 1);
            CU_ASSERT_EQUAL (clfs_blf_encode_general (blf, &layout, cases[i].counts[copy],
                                                      file + layout.general_offset[copy]),
                             STATUS_SUCCESS);
        }
        if (cases[i].damaged >= 0)
            file[layout.general_offset[cases[i].damaged] + 3000] ^= 1;
        CU_ASSERT_EQUAL_FATAL (sample_parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (report.winner, cases[i].winner);
        CU_ASSERT_EQUAL (back->base, 0x1000u * ((uint64_t) cases[i].winner + 1));
        CU_ASSERT_EQUAL (back->dump_count, cases[i].counts[cases[i].winner]);
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
    CLFS_TEST (repaired_copies_are_byte_for_byte_those_of_the_file),
    CLFS_TEST (valid_copy_with_the_higher_count_wins),
};

CLFS_TEST_MAIN (tests)
