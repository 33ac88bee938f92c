/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A log that Windows wrote (a transaction manager's): tests/data/windows-log. */
#include "format/blf.h"
#include "format/block.h"
#include "tests/format/samples.h"
#include "tests/testing.h"

#define LOG "tests/data/windows-log/DRIVERS{53b39e70-18c4-11ea-a811-000d3aa4692b}.TM"
#define NAME "DRIVERS{53b39e70-18c4-11ea-a811-000d3aa4692b}.TM"

typedef struct record {
    uint64_t lsn, undo_next, previous;
    uint32_t type, payload_bytes;
} record;

static clfs_blf *
read_blf (clfs_blf_report *report)
{
    size_t bytes;
    g_autofree uint8_t *file = sample_file (LOG ".blf", &bytes);
    clfs_blf *blf = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL (file);
    CU_ASSERT_EQUAL_FATAL (clfs_blf_parse (file, bytes, report, &blf), STATUS_SUCCESS);
    return blf;
}

/* All records of the container, in order; *end: where the first block that is not good begins. */
static GArray *
read_records (uint64_t *end, clfs_block_fault *fault)
{
    size_t bytes;
    g_autofree uint8_t *file = sample_file (LOG "Container00000000000000000001.regtrans-ms", &bytes);
    GArray *records = g_array_new (FALSE, FALSE, sizeof (record));
    uint64_t at = 0;
    clfs_block_info info;

    CU_ASSERT_PTR_NOT_NULL_FATAL (file);
    CU_ASSERT_EQUAL_FATAL (bytes, 524288);
    while ((*fault = clfs_block_open (file + at, bytes - at, at, NULL, &info)) == CLFS_BLOCK_GOOD) {
        uint32_t offset = CLFS_BLOCK_HEADER_BYTES;

        CU_ASSERT_FALSE (info.ours);
        for (uint32_t i = 0; i < info.record_count; i++) {
            clfs_record_view view;
            record found;

            CU_ASSERT_EQUAL_FATAL (clfs_record_at (file + at, info.record_end, offset, at + i, false, 0, &view),
                                   STATUS_SUCCESS);
            found = (record) { view.header->lsn, view.header->undo_next, view.header->previous, view.header->type,
                               view.payload_bytes };
            g_array_append_val (records, found);
            offset = view.next_offset;
        }
        at += (uint64_t) info.sectors * CLFS_SECTOR_BYTES;
    }
    *end = at;
    return records;
}

static const record *
find (const GArray *records, uint64_t lsn)
{
    for (guint i = 0; i < records->len; i++)
        if (g_array_index (records, record, i).lsn == lsn)
            return &g_array_index (records, record, i);
    return NULL;
}

static void
metadata_has_base_0x9001_and_next_lsn_0x9200 (void)
{
    clfs_blf_report report;
    g_autoptr (clfs_blf) blf = read_blf (&report);

    CU_ASSERT_FALSE (report.ours);
    CU_ASSERT_FALSE (blf->ours);
    CU_ASSERT_STRING_EQUAL (report.fault, "");
    CU_ASSERT_EQUAL (report.winner, 1);
    CU_ASSERT_EQUAL (report.counts[0], 33);
    CU_ASSERT_EQUAL (report.counts[1], 34);
    CU_ASSERT_TRUE (report.general_valid[0] && report.general_valid[1]);
    CU_ASSERT_TRUE (report.control_valid[0] && !report.control_valid[1]);
    CU_ASSERT_TRUE (report.scratch_valid[0] && !report.scratch_valid[1]);
    CU_ASSERT_EQUAL (report.layout.general_sectors, 61);
    CU_ASSERT_EQUAL (report.layout.general_offset[0], 0x800);
    CU_ASSERT_EQUAL (report.layout.general_offset[1], 0x8200);
    CU_ASSERT_EQUAL (report.layout.file_bytes, 65536);
    CU_ASSERT_EQUAL (blf->base, 0x9001);
    CU_ASSERT_EQUAL (blf->archive_tail, 0x9001);
    CU_ASSERT_EQUAL (blf->last, 0x9200);
    CU_ASSERT_EQUAL (blf->restart, 0x9001);
    CU_ASSERT_EQUAL (blf->attributes, 0x0102);
    CU_ASSERT_EQUAL (blf->flush_threshold_bytes, 40000);
    CU_ASSERT_EQUAL (blf->log_state, 3);
    CU_ASSERT_EQUAL (blf->created_ns, 0);
}

static void
older_copy_has_base_0x8401 (void)
{
    size_t bytes;
    g_autofree uint8_t *file = sample_file (LOG ".blf", &bytes);
    clfs_blf_report report;
    g_autoptr (clfs_blf) blf = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL (file);
    file[0x8200 + 1000] ^= 4;
    CU_ASSERT_EQUAL_FATAL (clfs_blf_parse (file, bytes, &report, &blf), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (report.winner, 0);
    CU_ASSERT_EQUAL (blf->base, 0x8401);
    CU_ASSERT_STRING_EQUAL (report.fault, "general shadow at 0x8200 checksum does not match");
}

static void
both_containers_are_named (void)
{
    clfs_blf_report report;
    g_autoptr (clfs_blf) blf = read_blf (&report);

    CU_ASSERT_EQUAL_FATAL (blf->containers->len, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const clfs_blf_container *container = g_ptr_array_index (blf->containers, i);
        g_autofree char *name = g_strdup_printf (NAME "Container%020u.regtrans-ms", i + 1);

        CU_ASSERT_STRING_EQUAL (container->name, name);
        CU_ASSERT_EQUAL (container->size_bytes, 524288);
        CU_ASSERT_EQUAL (container->physical_id, i);
        CU_ASSERT_EQUAL (container->logical_id, i);
        CU_ASSERT_EQUAL (container->state, 2);
    }
}

static void
its_49_records_end_at_the_next_lsn (void)
{
    /* The pattern repeats: a restart record, then data records. */
    const uint32_t payload_bytes[] = { 32, 960, 632, 72 };
    uint64_t end;
    clfs_block_fault fault;
    g_autoptr (GArray) records = read_records (&end, &fault);
    uint32_t restarts = 0;

    CU_ASSERT_EQUAL (records->len, 49);
    CU_ASSERT_EQUAL (end, 0x9200);
    CU_ASSERT_EQUAL (fault, CLFS_BLOCK_ZERO);
    for (guint i = 0; i < records->len; i++) {
        const record *found = &g_array_index (records, record, i);
        const bool restart = (found->type & CLFS_TYPE_RESTART) != 0;

        CU_ASSERT_TRUE (i == 0 || found->lsn > g_array_index (records, record, i - 1).lsn);
        CU_ASSERT_EQUAL (restart, (found->type & CLFS_TYPE_DATA) == 0);
        restarts += restart;
        CU_ASSERT_EQUAL (restart, i % 4 == 0);
        CU_ASSERT_EQUAL (found->payload_bytes, payload_bytes[i % 4]);
    }
    CU_ASSERT_EQUAL (restarts, 13);
    CU_ASSERT_EQUAL (g_array_index (records, record, 48).lsn, 0x9001);
}

static void
its_data_records_have_no_links (void)
{
    uint64_t end;
    clfs_block_fault fault;
    g_autoptr (GArray) records = read_records (&end, &fault);

    for (guint i = 0; i < records->len; i++) {
        const record *found = &g_array_index (records, record, i);

        if ((found->type & CLFS_TYPE_DATA) == 0)
            continue;
        CU_ASSERT_EQUAL (found->previous, CLFS_INVALID_LSN);
        CU_ASSERT_EQUAL (found->undo_next, CLFS_INVALID_LSN);
    }
}

static void
its_restart_areas_are_chained_from_0x9001_to_0 (void)
{
    uint64_t end, lsn = 0x9001;
    clfs_block_fault fault;
    g_autoptr (GArray) records = read_records (&end, &fault);
    uint32_t links = 0;

    for (uint64_t expected = 0x9001; links < 13; links++) {
        const record *found = find (records, lsn);

        CU_ASSERT_PTR_NOT_NULL_FATAL (found);
        CU_ASSERT_EQUAL (lsn, expected);
        CU_ASSERT_EQUAL (found->type & CLFS_TYPE_CLIENT, CLFS_TYPE_RESTART);
        CU_ASSERT_EQUAL (found->undo_next, 0);
        lsn = found->previous;
        /* The first one stands alone in its block, the others come second in theirs. */
        expected = expected == 0xC01 ? 0 : expected - 0xC00;
    }
    CU_ASSERT_EQUAL (lsn, CLFS_INVALID_LSN);
}

static const clfs_test tests[] = {
    CLFS_TEST (metadata_has_base_0x9001_and_next_lsn_0x9200),
    CLFS_TEST (older_copy_has_base_0x8401),
    CLFS_TEST (both_containers_are_named),
    CLFS_TEST (its_49_records_end_at_the_next_lsn),
    CLFS_TEST (its_data_records_have_no_links),
    CLFS_TEST (its_restart_areas_are_chained_from_0x9001_to_0),
};

CLFS_TEST_MAIN (tests)
