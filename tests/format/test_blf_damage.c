/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is damaged, unknown or hostile in a base log file. */
#include "format/blf.h"
#include "format/blf_disk.h"
#include "format/signature.h"
#include "tests/format/blf_samples.h"
#include "tests/testing.h"

static void
every_changed_bit_of_a_general_copy_is_seen_and_the_other_one_counts (void)
{
    g_autoptr (clfs_blf) old = sample_blf (2);
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = sample_blf_file (blf, &layout);
    g_autofree uint8_t *decoded = sample_decoded_general (file, &layout);
    uint32_t missed = 0;

    old->base = UINT64_C (0x0000000100000200);
    CU_ASSERT_EQUAL (clfs_blf_encode_general (old, &layout, 33, file + layout.general_offset[0]), STATUS_SUCCESS);
    for (int copy = 0; copy < 2; copy++)
        for (size_t at = 0; at < sample_general_bytes (&layout); at++)
            for (int bit = 0; bit < 8 && sample_general_byte_is_used (decoded, at); bit += copy == 0 ? 1 : 3) {
                uint8_t *byte = file + layout.general_offset[copy] + at;
                clfs_blf_report report;
                g_autoptr (clfs_blf) back = NULL;

                *byte ^= (uint8_t) (1u << bit);
                if (clfs_blf_parse (file, layout.file_bytes, &report, &back) != STATUS_SUCCESS ||
                    report.general_valid[copy] || !report.general_valid[!copy] || report.winner != !copy ||
                    report.fault[0] == '\0' ||
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
    g_autofree uint8_t *file = sample_blf_file (blf, &layout);
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
file_without_a_valid_copy_is_refused_and_says_why (void)
{
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = sample_blf_file (blf, &layout);
    g_autofree uint8_t *zero = g_malloc0 (layout.file_bytes);
    clfs_blf_report report;
    clfs_blf *back = NULL;
    uint64_t state = 7;

    CU_ASSERT_TRUE (sample_file_is_refused (file, 0));
    CU_ASSERT_TRUE (sample_file_is_refused (file, 1));
    CU_ASSERT_TRUE (sample_file_is_refused (file, 511));
    CU_ASSERT_TRUE (sample_file_is_refused (file, 512));
    CU_ASSERT_TRUE (sample_file_is_refused (file, 1024));
    CU_ASSERT_TRUE (sample_file_is_refused (file, layout.general_offset[0] + 61 * 512 - 1));
    CU_ASSERT_TRUE (sample_file_is_refused (zero, layout.file_bytes));
    for (int round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < layout.file_bytes; i++)
            zero[i] = (uint8_t) sample_random (&state);
        CU_ASSERT_TRUE (sample_file_is_refused (zero, layout.file_bytes));
    }
    /* The second half alone. */
    CU_ASSERT_TRUE (sample_file_is_refused (file + layout.file_bytes / 2, layout.file_bytes / 2));
    file[layout.general_offset[0] + 0x400] ^= 1;
    file[layout.general_offset[1] + 0x400] ^= 1;
    CU_ASSERT_EQUAL (sample_parse (file, layout.file_bytes, &report, &back), STATUS_LOG_METADATA_CORRUPT);
    CU_ASSERT_STRING_EQUAL (report.fault, "general at 0x2000 checksum does not match");
    CU_ASSERT_TRUE (report.control_valid[0]);
}

static void
first_half_of_a_file_has_its_main_copy (void)
{
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = sample_blf_file (blf, &layout);
    g_autoptr (clfs_blf) back = NULL;
    clfs_blf_report report;

    CU_ASSERT_EQUAL_FATAL (sample_parse (file, layout.file_bytes / 2, &report, &back), STATUS_SUCCESS);
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
        g_autofree uint8_t *file = sample_blf_file (blf, &layout);
        g_autofree uint8_t *block = sample_decoded_general (file, &layout);
        g_autoptr (clfs_blf) back = NULL;
        clfs_meta_header *meta = (clfs_meta_header *) block;
        clfs_blf_report report;

        meta->format_version = cases[i].version;
        meta->incompatible = cases[i].incompatible;
        meta->readonly_compatible = cases[i].readonly_compatible;
        sample_meta_reseal (block, layout.general_sectors);
        for (int copy = 0; copy < 2; copy++)
            memcpy (file + layout.general_offset[copy], block, sample_general_bytes (&layout));
        CU_ASSERT_EQUAL (sample_parse (file, layout.file_bytes, &report, &back), cases[i].status);
        CU_ASSERT_EQUAL (report.fault[0] == '\0', i == 0);
        CU_ASSERT_TRUE (report.general_valid[0] && report.general_valid[1]);
        if (back != NULL)
            CU_ASSERT_EQUAL (back->readonly_compatible, cases[i].readonly_compatible);
    }
}

/* Parses with `block` as both copies of the general (or the control) pair; the names that come back must be file
 * names. */
static uint32_t
hostile_violations (uint8_t *file, const clfs_blf_layout *layout, const uint8_t *block, const uint32_t offsets[2],
                    size_t bytes)
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
                      strcmp (container->name, "..") == 0 || container->size_bytes == 0 ||
                      container->physical_id > 1022;
    }
    return violations;
}

static void
hostile_fields_never_lead_outside_the_block (void)
{
    const uint32_t values[] = { 0,      1,      0x2F,       0x30,       0x70,       0x1337,    0x1338,
                                0x1368, 0x7718, 0x7980,     0x790F,     0x7910,     0x7911,    0x7A00,
                                0xFFFF, 0x790E, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFD0 };
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = sample_blf_file (blf, &layout);
    g_autofree uint8_t *decoded = sample_decoded_general (file, &layout);
    g_autofree uint8_t *pristine = sample_decoded_general (file, &layout);
    g_autofree uint8_t *block = g_malloc (sample_general_bytes (&layout));
    uint32_t violations = 0, tried = 0;

    for (int ours = 1; ours >= 0; ours--) {
        if (!ours)
            memset (decoded + 0x34, 0, 0x34);
        for (uint32_t at = 0; at < 0x7980; at += 4) {
            if (!sample_general_byte_is_used (pristine, at))
                continue;
            for (size_t v = 0; v < G_N_ELEMENTS (values) + 2; v++) {
                uint32_t value;

                memcpy (&value, decoded + at, 4);
                value = v < G_N_ELEMENTS (values) ? values[v] : v == G_N_ELEMENTS (values) ? value + 1 : value - 1;
                memcpy (block, decoded, sample_general_bytes (&layout));
                memcpy (block + at, &value, 4);
                sample_meta_reseal (block, layout.general_sectors);
                violations += hostile_violations (file, &layout, block, layout.general_offset,
                                                  sample_general_bytes (&layout));
                tried++;
            }
        }
    }
    CU_ASSERT_EQUAL (violations, 0);
    CU_ASSERT_TRUE (tried > 10000);
}

/* Forges a container symbol and context at `symbol_at` of the record, named by what stands at `name_at`, and parses. */
static bool
forged_container_is_refused (uint32_t symbol_at, uint32_t name_at, const void *name, size_t name_bytes)
{
    g_autoptr (clfs_blf) blf = sample_blf (1);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = sample_blf_file (blf, &layout);
    g_autofree uint8_t *block = sample_decoded_general (file, &layout);
    uint8_t *record = block + CLFS_BLOCK_HEADER_BYTES;
    const clfs_symbol symbol = {
        .node_type = CLFS_NODE_SYMBOL,
        .node_bytes = 0x30,
        .name = name_at,
        .context = symbol_at + 0x30,
    };
    const clfs_container_context context = {
        .node_type = CLFS_NODE_CONTAINER,
        .node_bytes = 0x30,
        .size_bytes = 524288,
    };

    memset (block + 0x34, 0, 0x34); /* foreign: the ext does not bound it */
    memcpy (record + name_at, name, name_bytes);
    memcpy (record + symbol_at, &symbol, sizeof symbol);
    memcpy (record + symbol_at + 0x30, &context, sizeof context);
    ((clfs_base_record *) record)->containers[0] = symbol_at + 0x30;
    sample_meta_reseal (block, layout.general_sectors);
    for (int copy = 0; copy < 2; copy++)
        memcpy (file + layout.general_offset[copy], block, sample_general_bytes (&layout));
    return sample_file_is_refused (file, layout.file_bytes);
}

static void
contexts_and_names_lie_in_the_zone (void)
{
    static const uint8_t name[] = { 'x', 0, 0, 0 }, open_end[] = { 'x', 0, 'y', 0, 'z', 0, 'z', 0 };
    const uint32_t limit = 0x7980 - 0x70; /* of the record: the signatures begin there */

    CU_ASSERT_FALSE (forged_container_is_refused (limit - 0x60, 0x2000, name, sizeof name));
    CU_ASSERT_TRUE (forged_container_is_refused (limit - 0x58, 0x2000, name, sizeof name));
    CU_ASSERT_TRUE (forged_container_is_refused (limit - 0x30, 0x2000, name, sizeof name));
    CU_ASSERT_FALSE (forged_container_is_refused (0x1338 + 0x1000, 0x2000, name, sizeof name));
    CU_ASSERT_TRUE (forged_container_is_refused (0x160, 0x2000, name, sizeof name));
    CU_ASSERT_TRUE (forged_container_is_refused (0x3000, 0x200, name, sizeof name));
    CU_ASSERT_FALSE (forged_container_is_refused (0x3000, limit - 4, name, sizeof name));
    CU_ASSERT_TRUE (forged_container_is_refused (0x3000, limit - 2, name, sizeof name));
    CU_ASSERT_TRUE (forged_container_is_refused (0x3000, limit - 8, open_end, sizeof open_end));
}

static void
hostile_block_table_never_leads_outside_the_file (void)
{
    const uint32_t values[] = { 0, 1, 6, 7, 0x200, 0x400, 0x1000, 0x13E00, 0x14000,
                                0x7A00, 0x400000, 0x7FFFFE00, 0xFFFFFE00, 0xFFFFFFFF };
    g_autoptr (clfs_blf) blf = sample_blf (2);
    clfs_blf_layout layout;
    g_autofree uint8_t *file = sample_blf_file (blf, &layout);
    uint8_t decoded[1024], block[1024];
    uint32_t violations = 0;

    memcpy (decoded, file, sizeof decoded);
    clfs_signature_restore (decoded, 2, 0x3F8);
    for (uint32_t at = 0; at < 0x150; at += 2)
        for (uint32_t width = 2; width <= 4; width += 2)
            for (size_t v = 0; v < G_N_ELEMENTS (values); v++) {
                memcpy (block, decoded, sizeof block);
                memcpy (block + at, &values[v], width);
                sample_meta_reseal (block, 2);
                violations += hostile_violations (file, &layout, block, layout.control_offset, sizeof block);
            }
    CU_ASSERT_EQUAL (violations, 0);
}

static void
contradictions_with_a_good_checksum_are_refused (void)
{
    for (int kind = 0; kind < 6; kind++) {
        g_autoptr (clfs_blf) blf = sample_blf (2);
        clfs_blf_layout layout;
        g_autofree uint8_t *file = sample_blf_file (blf, &layout);
        g_autofree uint8_t *general = sample_decoded_general (file, &layout);
        clfs_base_record *base = (clfs_base_record *) (general + CLFS_BLOCK_HEADER_BYTES);
        uint8_t control[1024];
        clfs_control_record *record = (clfs_control_record *) (control + CLFS_BLOCK_HEADER_BYTES);

        memcpy (control, file, sizeof control);
        clfs_signature_restore (control, 2, 0x3F8);
        if (kind == 1) /* blocks overlap */
            record->blocks[3].offset = record->blocks[2].offset + 512;
        if (kind == 2) { /* a control block that says that it stands elsewhere */
            record->blocks[0].offset = 0x1800;
            record->blocks[1].offset = 0x1C00;
        }
        if (kind == 3) { /* physical ids with a gap */
            ((clfs_container_context *) ((uint8_t *) base + base->containers[1]))->physical_id = 2;
            base->containers[2] = base->containers[1];
            base->containers[1] = 0;
        }
        if (kind == 4) /* another epoch in the header than in the ext */
            ((clfs_meta_header *) general)->epoch++;
        if (kind == 5) /* another log id in the header than the GUID's */
            ((clfs_meta_header *) general)->log_id++;
        sample_meta_reseal (control, 2);
        sample_meta_reseal (general, layout.general_sectors);
        for (int copy = 0; copy < 2; copy++) {
            memcpy (file + layout.control_offset[copy], control, sizeof control);
            memcpy (file + layout.general_offset[copy], general, sample_general_bytes (&layout));
        }
        CU_ASSERT_EQUAL (sample_file_is_refused (file, layout.file_bytes), kind != 0);
    }
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
        g_autofree uint8_t *file = sample_blf_file (blf, &layout);
        g_autofree uint8_t *block = sample_decoded_general (file, &layout);
        uint8_t *record = block + CLFS_BLOCK_HEADER_BYTES;
        const uint32_t context = ((clfs_base_record *) record)->containers[0];
        const clfs_symbol *symbol = (const clfs_symbol *) (record + context - 0x30);
        g_autoptr (clfs_blf) back = NULL;
        clfs_blf_report report;

        for (size_t j = 0; j <= strlen (cases[i].stored); j++) {
            record[symbol->name + 2 * j] = (uint8_t) cases[i].stored[j];
            record[symbol->name + 2 * j + 1] = 0;
        }
        sample_meta_reseal (block, layout.general_sectors);
        for (int copy = 0; copy < 2; copy++)
            memcpy (file + layout.general_offset[copy], block, sample_general_bytes (&layout));
        if (cases[i].name == NULL) {
            CU_ASSERT_TRUE (sample_file_is_refused (file, layout.file_bytes));
            continue;
        }
        CU_ASSERT_EQUAL_FATAL (sample_parse (file, layout.file_bytes, &report, &back), STATUS_SUCCESS);
        CU_ASSERT_STRING_EQUAL (((clfs_blf_container *) g_ptr_array_index (back->containers, 0))->name, cases[i].name);
    }
}

static void
marks_that_are_no_addresses_of_blocks_and_impossible_sizes_are_refused (void)
{
    for (int mark = 0; mark < 9; mark++) {
        g_autoptr (clfs_blf) blf = sample_blf (1);
        clfs_blf_layout layout;
        clfs_lsn_t *const marks[] = { &blf->epoch_first, &blf->scan_start, &blf->clean_end, &blf->durable };

        /* Without a wrong one the file is good; encoding does not look. */
        if (mark < 4)
            *marks[mark] = clfs_lsn_make (0, 512, 3);
        if (mark == 4) {
            blf->ext_flags |= CLFS_EXT_CLEAN;
            blf->clean_end = CLFS_INVALID_LSN;
        }
        if (mark > 5)
            blf->container_bytes = mark == 6 ? 0 : mark == 7 ? UINT64_MAX / 2 : CLFS_CONTAINER_BYTES_UNIT + 512;
        g_autofree uint8_t *file = sample_blf_file (blf, &layout);
        CU_ASSERT_EQUAL (sample_file_is_refused (file, layout.file_bytes), mark != 5);
    }
}

static const clfs_test tests[] = {
    CLFS_TEST (marks_that_are_no_addresses_of_blocks_and_impossible_sizes_are_refused),
    CLFS_TEST (every_changed_bit_of_a_general_copy_is_seen_and_the_other_one_counts),
    CLFS_TEST (every_changed_bit_of_control_and_scratch_is_seen_and_the_twin_serves),
    CLFS_TEST (file_without_a_valid_copy_is_refused_and_says_why),
    CLFS_TEST (first_half_of_a_file_has_its_main_copy),
    CLFS_TEST (unknown_versions_and_features_are_refused_or_read_only),
    CLFS_TEST (hostile_fields_never_lead_outside_the_block),
    CLFS_TEST (contexts_and_names_lie_in_the_zone),
    CLFS_TEST (hostile_block_table_never_leads_outside_the_file),
    CLFS_TEST (contradictions_with_a_good_checksum_are_refused),
    CLFS_TEST (names_lose_their_prefix_and_their_path),
};

CLFS_TEST_MAIN (tests)
