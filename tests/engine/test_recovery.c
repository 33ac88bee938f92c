/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_recovery.c - what recovery must and must not do: the counterexamples of the protocol's model check, and bugs that crash tests found. */
#include "harness.h"

#include <string.h>

/* ---- found by tests/crash ---- */

/* Found with seed 152: recovery wrote a container's first block from the area, and the container's stream offset stayed 0. */
static void
a_container_that_recovery_entered_is_found_by_stream_offset (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    enum { BYTES = 20000 };
    for (unsigned i = 0; i < 20; i++)
        CU_ASSERT_EQUAL_FATAL (harness_append_number (log, i, BYTES, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
    for (unsigned i = 20; i < 40; i++)
        CU_ASSERT_EQUAL_FATAL (harness_append_number (log, i, BYTES, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_lsn_container (harness_info (log).next), 1);
    CU_ASSERT_EQUAL (clfs_lsn_container (harness_info (log).durable_below), 0);
    harness_kill (&h);
    for (int round = 0; round < 2; round++) {
        log = harness_log (&h, "a");
        clfs_cursor *cursor;
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
        for (unsigned i = 0; i < 40; i++) {
            clfs_record record;
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_seek_offset (cursor, (uint64_t) i * BYTES + 1, &record), STATUS_SUCCESS);
            CU_ASSERT (harness_is_number (&record, i, BYTES));
            uint8_t bytes[2 * BYTES];
            size_t got;
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_read (cursor, (uint64_t) i * BYTES, bytes, sizeof bytes, false, &got), STATUS_SUCCESS);
            CU_ASSERT_EQUAL (got, i < 39 ? sizeof bytes : BYTES);
        }
        clfs_cursor_close (cursor);
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    }
    harness_end (&h);
}

/* Found with seed 535: they were put under a name that nobody looked at again. */
static void
unterminated_lines_that_a_full_log_had_no_room_for_become_records_later (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log_options options;
    harness_options (&options);
    options.framing = CLFS_FRAMING_LINE;
    options.max_bytes = 2 * CLFS_CONTAINER_BYTES_UNIT;
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (h.store, "a", &options, NULL), STATUS_SUCCESS);
    static clfs_writer *writers[2]; /* of dead processes: nobody closes them */
    for (int round = 0; round < 2; round++) {
        clfs_log *log = harness_log (&h, "a");
        size_t taken;
        CU_ASSERT_EQUAL_FATAL (clfs_writer_open (log, &writers[round]), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (clfs_writer_write (writers[round], round == 0 ? "left" : "too", round == 0 ? 4 : 3, 0, &taken), STATUS_SUCCESS);
        while (harness_append_number (log, 1, harness_info (log).record_bytes_max, NULL) == STATUS_SUCCESS)
            ;
        harness_kill (&h);
    }
    clfs_log *log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (clfs_log_set_base (log, harness_info (log).next), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    log = harness_log (&h, "a");
    g_autofree char *records = harness_records (log);
    CU_ASSERT_STRING_EQUAL (records, "left|too|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    log = harness_log (&h, "a");
    g_autofree char *again = harness_records (log);
    CU_ASSERT_STRING_EQUAL (again, "left|too|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static const clfs_test tests[] = {
    CLFS_TEST (unterminated_lines_that_a_full_log_had_no_room_for_become_records_later),
    CLFS_TEST (a_container_that_recovery_entered_is_found_by_stream_offset),
};
CLFS_TEST_MAIN (tests)
