/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libfsclfs and dissect.clfs, replayed by tests/pyreader/public_readers.py, make of our logs: the same as we, but
 * for what docs/format.md tells. The script fails if a record comes out otherwise without a reason, or right in spite
 * of one. */
#include "tests/pyreader/logs.h"

#include "tests/testing.h"

#include <string.h>

static char *
replay (const char *directory, const char *name)
{
    int status;
    char *out = logs_run ("public_readers.py", NULL, directory, name, &status);
    CU_ASSERT_EQUAL (status, 0);
    if (status != 0)
        printf ("%s", out);
    return out;
}

static char *
replay_closed (logs *l)
{
    logs_close (l);
    char *out = replay (l->directory, "log");
    logs_open (l, 0);
    return out;
}

/* The number behind `what` in the line of `reader`; -1 if it is not there. */
static int
number (const char *output, const char *reader, const char *what)
{
    g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
    g_autofree char *start = g_strdup_printf ("%s ", reader);
    g_autofree char *key = g_strdup_printf (" %s=", what);
    for (char **line = lines; *line; line++) {
        const char *found = strstr (*line, key);
        if (g_str_has_prefix (*line, start) && found)
            return atoi (found + strlen (key));
    }
    return -1;
}

static void
both_read_plain_logs (void)
{
    logs l = { 0 };
    clfs_append_options links = { .previous = CLFS_INVALID_LSN, .undo_next = 5 };
    logs_start (&l, NULL);
    for (unsigned i = 0; i < 300; i++) {
        links.previous = logs_append (&l, 8 * (i % 60), i, &links);
        if (i % 7 == 6)
            logs_flush (&l);
        if (i % 50 == 49)
            logs_restart (&l, "an area ", CLFS_INVALID_LSN);
    }
    g_autofree char *out = replay_closed (&l);
    /* 306 records, and the list of containers; but libfsclfs takes LSN 0 for none. */
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "same"), 306);
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "first"), 1);
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "owner"), -1);
    CU_ASSERT_EQUAL (number (out, "dissect", "unaligned"), -1);
    CU_ASSERT_EQUAL (number (out, "dissect", "wide"), -1);
    CU_ASSERT (number (out, "dissect", "same") > 306);
    logs_end (&l);
}

static void
blocks_above_255_sectors_lose_two_bytes_for_each_covered_sector (void)
{
    logs l = { 0 };
    clfs_log_options options;
    logs_options (&options);
    options.container_bytes = 8 * CLFS_CONTAINER_BYTES_UNIT; /* room for all in one */
    logs_start (&l, &options);
    logs_append (&l, 80, 1, NULL);
    logs_append (&l, 129896, 2, NULL);
    logs_append (&l, 130000, 3, NULL);
    logs_append (&l, 1043816, 4, NULL);
    logs_append (&l, CLFS_RECORD_BYTES_MAX, 5, NULL);
    g_autofree char *out = replay_closed (&l);
    CU_ASSERT_EQUAL (number (out, "dissect-bytes", "255"), -1);
    CU_ASSERT_EQUAL (number (out, "dissect-bytes", "256"), 2);
    CU_ASSERT_EQUAL (number (out, "dissect-bytes", "2047"), 14);
    CU_ASSERT_EQUAL (number (out, "dissect-bytes", "2049"), 16);
    CU_ASSERT_PTR_NOT_NULL (strstr (out, "dissect-bytes 256=2 at 0x7fe 0x7ff\n"));
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "wide"), 3);
    logs_end (&l);
}

static void
dissect_loses_its_way_behind_a_length_that_is_no_multiple_of_8 (void)
{
    logs l = { 0 };
    logs_start (&l, NULL);
    logs_append (&l, 16, 1, NULL);
    logs_append (&l, 13, 2, NULL);
    logs_append (&l, 16, 3, NULL);
    logs_flush (&l);
    logs_append (&l, 13, 4, NULL);
    g_autofree char *out = replay_closed (&l);
    CU_ASSERT_EQUAL (number (out, "dissect", "unaligned"), 1);
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "same"), 4);
    logs_end (&l);
}

static void
libfsclfs_takes_the_last_page_of_512_kib_for_an_owner_page (void)
{
    logs l = { 0 };
    logs_start (&l, NULL);
    for (unsigned i = 0; i < 1200; i++) {
        logs_append (&l, 400, i, NULL);
        logs_flush (&l);
    }
    g_autofree char *out = replay_closed (&l);
    /* Of 1200 blocks of one sector, 8 of each 1024 lie in that page. */
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "owner"), 8);
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "same"), 1200 - 8);
    logs_end (&l);
}

static void
libfsclfs_finds_no_container_but_the_first (void)
{
    logs l = { 0 };
    clfs_log_options options;
    logs_options (&options);
    options.container_bytes = CLFS_CONTAINER_BYTES_UNIT;
    logs_start (&l, &options);
    for (unsigned i = 0; i < 12; i++)
        logs_append (&l, 100000, i, NULL);
    g_autofree char *out = replay_closed (&l);
    CU_ASSERT (number (out, "libfsclfs", "container") > 5);
    CU_ASSERT (number (out, "libfsclfs", "same") > 2);
    logs_end (&l);
}

static void
libfsclfs_lists_nothing_of_a_log_for_more_than_160_containers (void)
{
    logs l = { 0 };
    clfs_log_options options;
    logs_options (&options);
    options.container_bytes = CLFS_CONTAINER_BYTES_UNIT;
    options.max_bytes = 161 * CLFS_CONTAINER_BYTES_UNIT;
    logs_start (&l, &options);
    logs_append (&l, 8, 1, NULL);
    g_autofree char *out = replay_closed (&l);
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "same"), 0);
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "general"), 2);
    CU_ASSERT_EQUAL (number (out, "dissect", "same"), 4);
    logs_end (&l);
}

static void
dissect_walks_through_restart_areas_that_follow_one_record_each (void)
{
    logs l = { 0 };
    logs_start (&l, NULL);
    logs_restart (&l, "the first area, at LSN 0", CLFS_INVALID_LSN);
    for (unsigned i = 0; i < 5; i++) {
        logs_append (&l, 960, i, NULL);
        logs_flush (&l);
        logs_append (&l, 72, i, NULL);
        logs_restart (&l, "area", CLFS_INVALID_LSN);
    }
    g_autofree char *out = replay_closed (&l);
    CU_ASSERT_EQUAL (number (out, "dissect-walk", "right"), 5);
    CU_ASSERT_EQUAL (number (out, "dissect-walk", "areas"), 5);
    logs_append (&l, 72, 9, NULL);
    logs_append (&l, 72, 9, NULL);
    logs_restart (&l, "an area behind two records", CLFS_INVALID_LSN);
    g_autofree char *lost = replay_closed (&l);
    CU_ASSERT_EQUAL (number (lost, "dissect-walk", "right"), 0);
    logs_end (&l);
}

static void
both_read_the_windows_log (void)
{
    const char *top = g_getenv ("top_srcdir");
    g_autofree char *directory = g_build_filename (top ? top : ".", "tests/data/windows-log", NULL);
    g_autofree char *out = replay (directory, "DRIVERS{53b39e70-18c4-11ea-a811-000d3aa4692b}.TM");
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "same"), 49);
    CU_ASSERT_EQUAL (number (out, "libfsclfs", "first"), 1);
    /* 49 records in 37 blocks, two copies of the metadata. */
    CU_ASSERT_EQUAL (number (out, "dissect", "same"), 49 + 37 + 2);
    /* All 13 areas but the first, which stands alone. */
    CU_ASSERT_EQUAL (number (out, "dissect-walk", "right"), 12);
}

static const clfs_test tests[] = {
    CLFS_TEST (both_read_plain_logs),
    CLFS_TEST (both_read_the_windows_log),
    CLFS_TEST (blocks_above_255_sectors_lose_two_bytes_for_each_covered_sector),
    CLFS_TEST (dissect_loses_its_way_behind_a_length_that_is_no_multiple_of_8),
    CLFS_TEST (libfsclfs_takes_the_last_page_of_512_kib_for_an_owner_page),
    CLFS_TEST (libfsclfs_finds_no_container_but_the_first),
    CLFS_TEST (libfsclfs_lists_nothing_of_a_log_for_more_than_160_containers),
    CLFS_TEST (dissect_walks_through_restart_areas_that_follow_one_record_each),
};

CLFS_TEST_MAIN (tests)
