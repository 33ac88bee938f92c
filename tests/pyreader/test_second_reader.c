/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logs of every kind come out the same in the library's cursor and in tests/pyreader/clfs_read.py, which shares no code
 * with it. */
#include "tests/pyreader/logs.h"

#include "tests/testing.h"

#include <inttypes.h>
#include <string.h>

static void
records_of_every_size_come_out_the_same (void)
{
    static const size_t sizes[] = {
        0,    1,    7,     8,     9,      87,     352,    353,    360,    471,    472,    511,    512,     4095,
        4096, 4097, 65535, 65536, 129000, 129890, 129896, 129897, 130000, 130400, 130560, 131072, 1044480,
        CLFS_RECORD_BYTES_MAX,
    };
    logs l = { 0 };
    clfs_append_options links = { .previous = CLFS_INVALID_LSN, .undo_next = CLFS_INVALID_LSN };
    logs_start (&l, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
        clfs_lsn_t lsn = logs_append (&l, sizes[i], i, &links);
        links.undo_next = links.previous;
        links.previous = lsn;
        if (i % 3 == 2)
            logs_flush (&l);
    }
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
blocks_full_of_small_records_come_out_the_same (void)
{
    logs l = { 0 };
    logs_start (&l, NULL);
    for (unsigned i = 0; i < 3000; i++)
        logs_append (&l, i % 5, i, NULL);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
an_empty_log_comes_out_the_same (void)
{
    logs l = { 0 };
    logs_start (&l, NULL);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
restart_areas_and_a_moved_base_come_out_the_same (void)
{
    logs l = { 0 };
    clfs_lsn_t third = 0;
    logs_start (&l, NULL);
    for (unsigned i = 0; i < 12; i++) {
        clfs_lsn_t lsn = logs_append (&l, 100 * i, i, NULL);
        if (i == 3)
            third = lsn;
        if (i % 4 == 1)
            logs_restart (&l, "checkpoint", CLFS_INVALID_LSN);
    }
    logs_restart (&l, "", third);
    logs_append (&l, 10, 99, NULL);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    CU_ASSERT_EQUAL (clfs_log_set_base (l.log, third + 1), STATUS_SUCCESS);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

/* Containers of 512 KiB, filled with records that leave rests of many lengths. */
static void
fill (logs *l, unsigned records)
{
    for (unsigned i = 0; i < records; i++) {
        logs_append (l, 70000 + 3001 * (i % 11), i, NULL);
        if (i % 2)
            logs_flush (l);
    }
}

static void
start_small (logs *l, uint64_t max_containers)
{
    clfs_log_options options;
    logs_options (&options);
    options.container_bytes = CLFS_CONTAINER_BYTES_UNIT;
    options.max_bytes = max_containers * CLFS_CONTAINER_BYTES_UNIT;
    logs_start (l, &options);
}

static void
several_containers_and_fillers_come_out_the_same (void)
{
    logs l = { 0 };
    start_small (&l, 16);
    fill (&l, 40);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
containers_that_were_used_again_come_out_the_same (void)
{
    logs l = { 0 };
    clfs_info info;
    start_small (&l, 4);
    for (unsigned round = 0; round < 5; round++) {
        fill (&l, 7);
        clfs_log_info (l.log, &info);
        CU_ASSERT_EQUAL (clfs_log_set_base (l.log, info.last), STATUS_SUCCESS);
    }
    fill (&l, 5);
    CU_ASSERT (clfs_lsn_container (info.next) >= 4);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
blocks_padded_to_4096_come_out_the_same (void)
{
    logs l = { 0 };
    clfs_log_options options;
    logs_options (&options);
    options.align_bytes = 4096;
    options.container_bytes = CLFS_CONTAINER_BYTES_UNIT;
    logs_start (&l, &options);
    for (unsigned i = 0; i < 200; i++) {
        logs_append (&l, 997 * (i % 9), i, NULL);
        logs_flush (&l);
    }
    logs_restart (&l, "area", CLFS_INVALID_LSN);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
lines_come_out_the_same (void)
{
    logs l = { 0 };
    clfs_log_options options;
    clfs_writer *writer;
    size_t taken;
    static const char text[] = "one\ntwo\n\nthree and no end";
    logs_options (&options);
    options.framing = CLFS_FRAMING_LINE;
    logs_start (&l, &options);
    CU_ASSERT_EQUAL_FATAL (clfs_writer_open (l.log, &writer), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (writer, text, strlen (text), 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (writer, text, strlen (text), CLFS_APPEND_FORCE_FLUSH, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_close (writer), STATUS_SUCCESS);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
a_log_after_a_reset_comes_out_the_same (void)
{
    logs l = { 0 };
    start_small (&l, 8);
    fill (&l, 9);
    CU_ASSERT_EQUAL (clfs_log_reset (l.log), STATUS_SUCCESS);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    fill (&l, 9);
    logs_restart (&l, "after the reset", CLFS_INVALID_LSN);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
a_log_that_was_opened_often_comes_out_the_same (void)
{
    logs l = { 0 };
    logs_start (&l, NULL);
    for (unsigned i = 0; i < 6; i++) {
        logs_append (&l, 300 * i, i, NULL);
        logs_close (&l);
        logs_compare (&l, "end");
        logs_open (&l, 0);
    }
    logs_end (&l);
}

/* Some flushes; then records that no flush covered. */
static void
write_and_leave (logs *l)
{
    for (unsigned i = 0; i < 6; i++) {
        logs_append (l, 211 * i, i, NULL);
        logs_flush (l);
    }
    logs_append (l, 100, 7, NULL);
    logs_append (l, 100, 8, NULL);
}

static void
killed_then_recovered (unsigned store_flags)
{
    logs l = { 0 };
    logs_start (&l, NULL);
    logs_close (&l);
    logs_killed (&l, store_flags | CLFS_STORE_NO_AREA, write_and_leave);
    logs_compare (&l, "end");
    for (unsigned i = 0; i < 2; i++) {
        logs_killed (&l, store_flags, write_and_leave);
        logs_open (&l, store_flags);
        logs_append (&l, 50, i, NULL);
        logs_close (&l);
        logs_compare (&l, "end");
    }
    logs_open (&l, 0);
    logs_end (&l);
}

static void
a_killed_log_comes_out_the_same_before_and_after_its_recovery (void)
{
    killed_then_recovered (CLFS_STORE_NO_AREA);
}

static void
records_that_outlived_a_kill_come_out_the_same (void)
{
    killed_then_recovered (0);
}

static void
a_torn_tail_ends_both_readers_at_one_place (void)
{
    logs l = { 0 };
    logs_start (&l, NULL);
    write_and_leave (&l);
    logs_close (&l);
    /* After a clean close the end is known, so the tail has to be one of a new opening. */
    logs_killed (&l, CLFS_STORE_NO_AREA, write_and_leave);
    NTSTATUS ended;
    g_autofree char *before = logs_dump_c (l.directory, "log", 0, &ended);
    const char *last = strstr (before, "mark last 0x");
    CU_ASSERT_PTR_NOT_NULL_FATAL (last);
    logs_damage (&l, 0, clfs_lsn_block_bytes (g_ascii_strtoull (last + strlen ("mark last "), NULL, 16)) + 0x90);
    g_autofree char *after = logs_dump_c (l.directory, "log", 0, &ended);
    CU_ASSERT (strlen (after) < strlen (before));
    logs_compare (&l, "end");
    logs_open (&l, CLFS_STORE_NO_AREA);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
damage_stops_both_readers_at_one_place (void)
{
    logs l = { 0 };
    logs_start (&l, NULL);
    write_and_leave (&l);
    logs_close (&l);
    logs_damage (&l, 0, 0x400 + 0x90);
    logs_compare (&l, "damage");
    logs_open (&l, 0);
    logs_close (&l);
    logs_compare (&l, "damage");
    logs_open (&l, 0);
    logs_end (&l);
}

static void
a_log_of_many_containers_comes_out_the_same (void)
{
    logs l = { 0 };
    start_small (&l, 2);
    CU_ASSERT_EQUAL (clfs_log_add_containers (l.log, 161, NULL, NULL), STATUS_SUCCESS);
    fill (&l, 20);
    logs_close (&l);
    logs_compare (&l, "end");
    logs_open (&l, 0);
    logs_end (&l);
}

static uint32_t history;

static uint32_t
chance (uint32_t below)
{
    history = history * 1664525u + 1013904223u;
    return (history >> 8) % below;
}

/* Some of everything, by `history`. A full log is emptied. */
static void
live (logs *l)
{
    static uint8_t data[400000];
    clfs_info info;
    for (uint32_t i = 0, steps = 5 + chance (40); i < steps; i++) {
        size_t bytes = chance (4) ? chance (900) : chance (sizeof data);
        struct iovec buffer = { data, bytes };
        memset (data, (int) chance (256), bytes);
        clfs_log_info (l->log, &info);
        clfs_append_options links = { chance (9) == 0 ? CLFS_APPEND_FORCE_APPEND : 0, info.last, info.restart };
        NTSTATUS status = clfs_log_append (l->log, &buffer, 1, &links, NULL);
        if (status == STATUS_LOG_FULL) {
            CU_ASSERT_EQUAL (clfs_log_set_base (l->log, info.next), STATUS_SUCCESS);
            continue;
        }
        CU_ASSERT_EQUAL (status, STATUS_SUCCESS);
        switch (chance (40)) {
        case 0: CU_ASSERT_EQUAL (clfs_log_reset (l->log), STATUS_SUCCESS); break;
        case 1: CU_ASSERT_EQUAL (clfs_log_set_base (l->log, info.next), STATUS_SUCCESS); break;
        case 2:
        case 3: status = clfs_log_write_restart (l->log, "area", 4, chance (2) ? info.next : CLFS_INVALID_LSN, NULL);
            CU_ASSERT (status == STATUS_SUCCESS || status == STATUS_LOG_FULL);
            break;
        case 4:
        case 5:
        case 6:
        case 7: logs_flush (l); break;
        default: break;
        }
    }
}

static void
chance_histories_come_out_the_same (void)
{
    for (uint32_t seed = 1; seed <= (clfs_test_quick () ? 1 : 3); seed++) {
        logs l = { 0 };
        clfs_log_options options;
        unsigned failures = CU_get_number_of_failures ();
        history = seed;
        logs_options (&options);
        options.container_bytes = CLFS_CONTAINER_BYTES_UNIT;
        options.max_bytes = (3 + chance (4)) * CLFS_CONTAINER_BYTES_UNIT;
        options.align_bytes = chance (2) ? 512 : 4096;
        logs_start (&l, &options);
        for (unsigned i = 0; i < 4; i++) {
            unsigned flags = chance (2) ? CLFS_STORE_NO_AREA : 0;
            live (&l);
            logs_close (&l);
            logs_compare (&l, "end");
            if (chance (2)) {
                logs_killed (&l, flags, live);
                logs_compare (&l, "end");
            }
            logs_open (&l, flags);
        }
        logs_end (&l);
        if (CU_get_number_of_failures () != failures)
            printf ("  seed %" PRIu32 "\n", seed);
    }
}

static void
the_windows_log_comes_out_the_same (void)
{
    static const char name[] = "DRIVERS{53b39e70-18c4-11ea-a811-000d3aa4692b}.TM";
    const char *top = g_getenv ("top_srcdir");
    g_autofree char *directory = g_build_filename (top ? top : ".", "tests/data/windows-log", NULL);
    for (int all = 0; all < 2; all++) {
        NTSTATUS ended;
        g_autofree char *stop = NULL;
        g_autofree char *c = logs_dump_c (directory, name, all ? CLFS_STORE_ALL : 0, &ended);
        g_autofree char *python = logs_dump_python (directory, name, all, &stop);
        unsigned records = 0, restarts = 0;
        g_auto (GStrv) lines = g_strsplit (python, "\n", -1);
        for (char **line = lines; *line; line++) {
            records += g_str_has_prefix (*line, "record ");
            restarts += strstr (*line, " restart 0x") != NULL && g_str_has_prefix (*line, "record ");
        }
        CU_ASSERT_STRING_EQUAL (c, python);
        CU_ASSERT_EQUAL (records, all ? 49 : 1);
        CU_ASSERT_EQUAL (restarts, all ? 13 : 1);
        CU_ASSERT (g_str_has_prefix (python, all ? "mark base 0x0\n" : "mark base 0x9001\n"));
        CU_ASSERT_PTR_NOT_NULL (strstr (python, "\nmark next 0x9200\n"));
        CU_ASSERT_PTR_NOT_NULL (strstr (stop, "stop 0x9200 end: "));
        if (strcmp (c, python) != 0)
            printf ("%.400s\n---\n%.400s\n", c, python);
    }
}

static const clfs_test tests[] = {
    CLFS_TEST (an_empty_log_comes_out_the_same),
    CLFS_TEST (records_of_every_size_come_out_the_same),
    CLFS_TEST (blocks_full_of_small_records_come_out_the_same),
    CLFS_TEST (restart_areas_and_a_moved_base_come_out_the_same),
    CLFS_TEST (several_containers_and_fillers_come_out_the_same),
    CLFS_TEST (containers_that_were_used_again_come_out_the_same),
    CLFS_TEST (blocks_padded_to_4096_come_out_the_same),
    CLFS_TEST (lines_come_out_the_same),
    CLFS_TEST (a_log_after_a_reset_comes_out_the_same),
    CLFS_TEST (a_log_that_was_opened_often_comes_out_the_same),
    CLFS_TEST (a_killed_log_comes_out_the_same_before_and_after_its_recovery),
    CLFS_TEST (records_that_outlived_a_kill_come_out_the_same),
    CLFS_TEST (a_torn_tail_ends_both_readers_at_one_place),
    CLFS_TEST (damage_stops_both_readers_at_one_place),
    CLFS_TEST (a_log_of_many_containers_comes_out_the_same),
    CLFS_TEST (chance_histories_come_out_the_same),
    CLFS_TEST (the_windows_log_comes_out_the_same),
};

CLFS_TEST_MAIN (tests)
