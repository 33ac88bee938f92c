/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness.h"

#include <string.h>

static void
records_come_back_in_order (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (harness_append (log, "one"), 0);
    CU_ASSERT_EQUAL (harness_append (log, "two"), 1);
    g_autofree char *before = harness_records (log);
    CU_ASSERT_STRING_EQUAL (before, "one|two|");
    clfs_lsn_t durable;
    CU_ASSERT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, &durable), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (durable, 0x200);
    CU_ASSERT_EQUAL (harness_append (log, "three"), 0x200);
    g_autofree char *after = harness_stream (log, false);
    CU_ASSERT_STRING_EQUAL (after, "onetwothree");
    g_autofree char *durable_part = harness_stream (log, true);
    CU_ASSERT_STRING_EQUAL (durable_part, "onetwo");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    log = harness_log (&h, "a");
    g_autofree char *reopened = harness_records (log);
    CU_ASSERT_STRING_EQUAL (reopened, "one|two|three|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static void
unflushed_records_survive_the_death_of_the_process (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    CU_ASSERT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
    harness_append (log, "two");
    harness_append (log, "three");
    harness_kill (&h);
    log = harness_log (&h, "a");
    g_autofree char *records = harness_records (log);
    CU_ASSERT_STRING_EQUAL (records, "one|two|three|");
    harness_append (log, "four");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    log = harness_log (&h, "a");
    g_autofree char *again = harness_records (log);
    CU_ASSERT_STRING_EQUAL (again, "one|two|three|four|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static void
flushed_records_survive_power_loss_and_others_are_a_prefix (void)
{
    for (int survivors = CLFS_SIM_NONE; survivors <= CLFS_SIM_RANDOM; survivors++) {
        harness h = { 0 };
        harness_start (&h, CLFS_STORE_INLINE);
        clfs_log *log = harness_log (&h, "a");
        harness_append (log, "one");
        CU_ASSERT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
        harness_append (log, "two");
        harness_power_loss (&h, (enum clfs_sim_survivors) survivors);
        log = harness_log (&h, "a");
        g_autofree char *records = harness_records (log);
        CU_ASSERT_STRING_EQUAL (records, "one|");
        harness_append (log, "three");
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
        log = harness_log (&h, "a");
        g_autofree char *again = harness_records (log);
        CU_ASSERT_STRING_EQUAL (again, "one|three|");
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
        harness_end (&h);
    }
}

static void
a_log_of_many_containers_reads_back (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    enum { RECORDS = 1500 };
    g_autofree clfs_lsn_t *lsns = g_new (clfs_lsn_t, RECORDS);
    for (unsigned i = 0; i < RECORDS; i++) {
        NTSTATUS status = harness_append_number (log, i, i * 7 % 5000, &lsns[i]);
        if (status != STATUS_SUCCESS)
            printf ("  %u: %s\n", i, clfs_error_message ());
        CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
        if (i % 100 == 99)
            CU_ASSERT_EQUAL (clfs_log_flush (log, lsns[i], NULL), STATUS_SUCCESS);
    }
    for (int round = 0; round < 2; round++) {
        clfs_cursor *cursor;
        clfs_record record;
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_seek_from (cursor, 0, &record), STATUS_SUCCESS);
        for (unsigned i = 0; i < RECORDS; i++) {
            CU_ASSERT_EQUAL (record.lsn, lsns[i]);
            CU_ASSERT_FATAL (harness_is_number (&record, i, i * 7 % 5000));
            NTSTATUS status = clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record);
            CU_ASSERT_EQUAL_FATAL (status, i + 1 < RECORDS ? STATUS_SUCCESS : STATUS_END_OF_FILE);
        }
        for (unsigned i = 0; i < RECORDS; i += 17) {
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_seek (cursor, lsns[i], &record), STATUS_SUCCESS);
            CU_ASSERT (harness_is_number (&record, i, i * 7 % 5000));
            uint64_t offset = record.stream_offset;
            if (record.bytes > 0) {
                CU_ASSERT_EQUAL_FATAL (clfs_cursor_seek_offset (cursor, offset + record.bytes / 2, &record), STATUS_SUCCESS);
                CU_ASSERT_EQUAL (record.lsn, lsns[i]);
            }
            if (i > 0) {
                CU_ASSERT_EQUAL_FATAL (clfs_cursor_back (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
                CU_ASSERT_EQUAL (record.lsn, lsns[i - 1]);
            }
        }
        clfs_cursor_close (cursor);
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
        log = harness_log (&h, "a");
    }
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static const clfs_test tests[] = {
    CLFS_TEST (records_come_back_in_order),
    CLFS_TEST (unflushed_records_survive_the_death_of_the_process),
    CLFS_TEST (flushed_records_survive_power_loss_and_others_are_a_prefix),
    CLFS_TEST (a_log_of_many_containers_reads_back),
};
CLFS_TEST_MAIN (tests)
