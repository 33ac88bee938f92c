/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_area.c - what a dead process leaves in shared memory: its area and its unterminated lines. */
#include "recovery.h"

/* ---- the shared area ---- */

/* A log with a flushed and an unflushed record, whose process is dead. */
static void
leave_area (harness *h)
{
    harness_start (h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (h, "a");
    harness_append (log, "one");
    flush (log);
    harness_append (log, "two");
    harness_kill (h);
}

static void
an_opener_that_wants_no_area_heeds_the_one_that_is_there (void)
{
    harness h = { 0 };
    leave_area (&h);
    harness_stop (&h);
    h.flags |= CLFS_STORE_NO_AREA;
    harness_boot (&h);
    clfs_log *log = reopen (&h, "one|two|");
    g_autofree char *area = file_with (&h, ".area");
    CU_ASSERT_PTR_NULL (area);
    harness_append (log, "three");
    flush (log);
    harness_power_loss (&h, CLFS_SIM_NONE);
    close_log (reopen (&h, "one|two|three|"));
    harness_end (&h);
}

/* Found with seed 200194: an error while looking for the area was taken for its absence. */
static void
an_area_that_cannot_be_looked_at_is_not_taken_for_absent (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    struct iovec vector = { "one", 3 };
    /* The process dies when it has made its area and not yet said so in the metadata, which still has a clean end. */
    clfs_sim_fail (h.disk, CLFS_SIM_WRITE, ".blf", 0, 0, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_NOT_EQUAL (clfs_log_append (log, &vector, 1, NULL, NULL), STATUS_SUCCESS);
    clfs_sim_fail_clear (h.disk);
    harness_kill (&h);
    g_autofree char *area = file_with (&h, ".area");
    CU_ASSERT_PTR_NOT_NULL (area);
    clfs_sim_fail (h.disk, CLFS_SIM_OPEN, ".area", 0, 1, STATUS_IO_DEVICE_ERROR);
    log = reopen (&h, "");
    harness_append (log, "two");
    close_log (log);
    close_log (reopen (&h, "two|"));
    harness_end (&h);
}

/* Found with I/O errors in removals: the next append could not make its area. */
static void
an_area_that_could_not_be_removed_is_not_in_the_way (void)
{
    for (int how = 0; how < 2; how++) {
        harness h = { 0 };
        leave_area (&h);
        clfs_sim_fail (h.disk, CLFS_SIM_REMOVE, ".area", (uint64_t) how, 1, STATUS_IO_DEVICE_ERROR);
        clfs_log *log = reopen (&h, "one|two|");
        harness_append (log, "three");
        CU_ASSERT_EQUAL (clfs_log_reset (log), STATUS_SUCCESS);
        harness_append (log, "four");
        clfs_sim_fail_clear (h.disk);
        harness_kill (&h);
        close_log (reopen (&h, "four|"));
        harness_end (&h);
    }
}

static void
a_copied_area_is_set_aside_and_kept (void)
{
    harness h = { 0 };
    leave_area (&h);
    g_autofree char *area = file_with (&h, ".area");
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (h.disk, area);
    clfs_sim_file_remove (h.disk, area);
    clfs_sim_file_set (h.disk, area, bytes->data, bytes->len);
    clfs_log *log = reopen (&h, "one|");
    g_autofree char *aside = file_with (&h, ".area.aside-1");
    CU_ASSERT_PTR_NOT_NULL (aside);
    harness_append (log, "three");
    close_log (log);
    close_log (reopen (&h, "one|three|"));
    harness_end (&h);
}

static void
an_area_of_another_boot_counts_for_nothing (void)
{
    harness h = { 0 };
    leave_area (&h);
    g_autofree char *area = file_with (&h, ".area");
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (h.disk, area);
    clfs_sim_power_loss (h.disk, CLFS_SIM_NONE, NULL);
    clfs_sim_file_set (h.disk, area, bytes->data, bytes->len);
    harness_boot (&h);
    clfs_log *log = reopen (&h, "one|");
    harness_append (log, "three");
    close_log (log);
    close_log (reopen (&h, "one|three|"));
    harness_end (&h);
}

/* The store was restored from a later copy: somebody has written the log since the area was left. */
static void
an_area_that_is_older_than_the_store_is_set_aside (void)
{
    harness h = { 0 };
    leave_area (&h);
    g_autofree char *container = file_with (&h, ".0001");
    clfs_sim_disk *later_disk = clfs_sim_disk_copy (h.disk);
    harness later = { .disk = later_disk, .flags = CLFS_STORE_INLINE };
    harness_boot (&later);
    clfs_log *log = reopen (&later, "one|two|");
    harness_append (log, "three");
    close_log (log);
    harness_stop (&later);
    restore_file (h.disk, later_disk, "a.blf");
    restore_file (h.disk, later_disk, container);
    clfs_sim_disk_free (later_disk);

    log = reopen (&h, "one|two|three|");
    g_autofree char *aside = file_with (&h, ".area.aside-1");
    CU_ASSERT_PTR_NOT_NULL (aside);
    harness_append (log, "four");
    close_log (log);
    close_log (reopen (&h, "one|two|three|four|"));
    harness_end (&h);
}

/* The store was restored from an older copy: what the area says is durable is not there. That is damage; reset ends
   it. */
static void
an_area_that_is_newer_than_the_store_shows_damage (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    flush (log);
    g_autofree char *container = file_with (&h, ".0001");
    clfs_sim_disk *older = clfs_sim_disk_copy (h.disk);
    harness_append (log, "two");
    flush (log);
    harness_append (log, "three");
    harness_kill (&h);
    restore_file (h.disk, older, container);
    clfs_sim_disk_free (older);
    log = harness_log (&h, "a");
    clfs_info info = harness_info (log);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_READ_ONLY);
    CU_ASSERT_PTR_NOT_NULL (strstr (info.error, "damaged at 0x0000000000000200"));
    expect (log, "one|");
    CU_ASSERT_EQUAL (clfs_log_reset (log), STATUS_SUCCESS);
    harness_append (log, "four");
    flush (log);
    close_log (log);
    close_log (reopen (&h, "four|"));
    harness_end (&h);
}

/* Found with I/O errors in removals: writers could keep no unterminated line. */
static void
lines_that_cannot_be_removed_after_their_recovery_make_the_opening_fail (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log_options options;
    harness_options (&options);
    options.framing = CLFS_FRAMING_LINE;
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (h.store, "a", &options, NULL), STATUS_SUCCESS);
    clfs_log *log = harness_log (&h, "a");
    static clfs_writer *dead;
    size_t taken;
    CU_ASSERT_EQUAL_FATAL (clfs_writer_open (log, &dead), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (dead, "left", 4, 0, &taken), STATUS_SUCCESS);
    harness_kill (&h);
    clfs_sim_fail (h.disk, CLFS_SIM_REMOVE, ".lines", 0, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_EQUAL (clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log), STATUS_IO_DEVICE_ERROR);
    clfs_sim_fail_clear (h.disk);
    log = reopen (&h, "left|");
    clfs_writer *writer;
    CU_ASSERT_EQUAL_FATAL (clfs_writer_open (log, &writer), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (writer, "new", 3, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_close (writer), STATUS_SUCCESS);
    close_log (log);
    close_log (reopen (&h, "left|new|"));
    harness_end (&h);
}

/* The area and the lines of a damaged log stay where they are; after the reset neither is in the way. */
static void
a_reset_damaged_log_takes_lines_again (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log_options options;
    harness_options (&options);
    options.framing = CLFS_FRAMING_LINE;
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (h.store, "a", &options, NULL), STATUS_SUCCESS);
    clfs_log *log = harness_log (&h, "a");
    static clfs_writer *dead;
    size_t taken;
    CU_ASSERT_EQUAL_FATAL (clfs_writer_open (log, &dead), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (dead, "one\nleft", 8, 0, &taken), STATUS_SUCCESS);
    flush (log);
    g_autofree char *container = file_with (&h, ".0001");
    clfs_sim_kill (h.disk);
    flip (h.disk, container, 160);
    harness_boot (&h);
    log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_READ_ONLY);
    CU_ASSERT_EQUAL (clfs_log_reset (log), STATUS_SUCCESS);
    clfs_writer *writer;
    CU_ASSERT_EQUAL_FATAL (clfs_writer_open (log, &writer), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (writer, "new", 3, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_close (writer), STATUS_SUCCESS);
    close_log (log);
    close_log (reopen (&h, "left|new|"));
    harness_end (&h);
}

/* ---- found by tests/crash ---- */

/* Found with seed 152: recovery wrote a container's first block from the area, and the container's stream offset
   stayed 0. */
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
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_read (cursor, (uint64_t) i * BYTES, bytes, sizeof bytes, false, &got),
                                   STATUS_SUCCESS);
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
        /* The second process is told that the log is full; the line of the first waits still. */
        CU_ASSERT_EQUAL (clfs_writer_write (writers[round], round == 0 ? "left" : "too", round == 0 ? 4 : 3, 0, &taken),
                         round == 0 ? STATUS_SUCCESS : STATUS_LOG_FULL);
        while (harness_append_number (log, 1, harness_info (log).record_bytes_max, NULL) == STATUS_SUCCESS)
            ;
        harness_kill (&h);
    }
    clfs_log *log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (clfs_log_set_base (log, harness_info (log).next), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    log = harness_log (&h, "a");
    g_autofree char *records = harness_records (log);
    CU_ASSERT_STRING_EQUAL (records, "left|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    log = harness_log (&h, "a");
    g_autofree char *again = harness_records (log);
    CU_ASSERT_STRING_EQUAL (again, "left|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static const clfs_test tests[] = {
    CLFS_TEST (an_opener_that_wants_no_area_heeds_the_one_that_is_there),
    CLFS_TEST (an_area_that_cannot_be_looked_at_is_not_taken_for_absent),
    CLFS_TEST (an_area_that_could_not_be_removed_is_not_in_the_way),
    CLFS_TEST (a_copied_area_is_set_aside_and_kept),
    CLFS_TEST (an_area_of_another_boot_counts_for_nothing),
    CLFS_TEST (an_area_that_is_older_than_the_store_is_set_aside),
    CLFS_TEST (an_area_that_is_newer_than_the_store_shows_damage),
    CLFS_TEST (lines_that_cannot_be_removed_after_their_recovery_make_the_opening_fail),
    CLFS_TEST (a_reset_damaged_log_takes_lines_again),
    CLFS_TEST (unterminated_lines_that_a_full_log_had_no_room_for_become_records_later),
    CLFS_TEST (a_container_that_recovery_entered_is_found_by_stream_offset),
};
CLFS_TEST_MAIN (tests)
