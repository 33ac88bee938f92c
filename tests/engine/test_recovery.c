/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_recovery.c - what recovery must and must not do: the counterexamples of the protocol's model check. */
#include "recovery.h"

/* ---- the counterexamples ---- */

/* A lost group's second block must not follow its first one when the same is appended again at the same time. */
static void
an_unclean_stop_that_finds_nothing_to_cut_and_equal_bytes_again (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    flush (log);
    int64_t clock = h.disk->clock_ns;
    append_block (log, "two");
    append_block (log, "three");
    clfs_sim_stop_after (h.disk, 1); /* written, not synced */
    CU_ASSERT_NOT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
    /* The blocks lie one after another, and only the second one reaches the medium. */
    power_loss_but (&h, keep_last);
    close_log (reopen (&h, "one|"));
    harness_power_loss (&h, CLFS_SIM_NONE);
    log = reopen (&h, "one|");
    h.disk->clock_ns = clock;
    append_block (log, "two");
    h.disk->clock_ns = clock + 2000; /* appending has looked at it twice */
    flush (log);
    harness_power_loss (&h, CLFS_SIM_NONE);
    close_log (reopen (&h, "one|two|"));
    harness_end (&h);
}

static void
a_clean_end_does_not_outlive_an_opening (void)
{
    for (uint64_t ios = 0; ios < 40; ios++)
        for (int survivors = CLFS_SIM_NONE; survivors <= CLFS_SIM_RANDOM; survivors++) {
            harness h = { 0 };
            harness_start (&h, CLFS_STORE_INLINE);
            clfs_log *log = harness_log (&h, "a");
            harness_append (log, "one");
            close_log (log);
            log = harness_log (&h, "a");
            clfs_sim_stop_after (h.disk, ios);
            struct iovec vector = { "two", 3 };
            bool flushed = clfs_log_append (log, &vector, 1, NULL, NULL) == STATUS_SUCCESS &&
                           clfs_log_flush (log, CLFS_NULL_LSN, NULL) == STATUS_SUCCESS;
            harness_power_loss (&h, (enum clfs_sim_survivors) survivors);
            log = harness_log (&h, "a");
            g_autofree char *records = harness_records (log);
            CU_ASSERT (strcmp (records, "one|two|") == 0 || (!flushed && strcmp (records, "one|") == 0));
            harness_append (log, "three");
            close_log (log);
            g_autofree char *all = g_strconcat (records, "three|", NULL);
            close_log (reopen (&h, all));
            harness_end (&h);
        }
}

/* A metadata copy whose sync failed: the cache shows all of it, the medium has any part of it. The next process reads
 * it, and power fails at any I/O of what it does then; every third item that was not synced survives, or all. */
static void
metadata_in_the_cache_only (unsigned flags, bool reset, uint64_t nth, uint64_t ios, size_t third)
{
    harness h = { 0 };
    harness_start (&h, flags);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    flush (log);
    clfs_sim_fail (h.disk, CLFS_SIM_BARRIER, ".blf", nth, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_NOT_EQUAL (reset ? clfs_log_reset (log) : clfs_log_close (log), STATUS_SUCCESS);
    clfs_sim_fail_clear (h.disk);
    harness_kill (&h);

    struct iovec vector = { "two", 3 };
    clfs_sim_stop_after (h.disk, ios);
    bool flushed = clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log) == STATUS_SUCCESS &&
                   clfs_log_append (log, &vector, 1, NULL, NULL) == STATUS_SUCCESS &&
                   clfs_log_flush (log, CLFS_NULL_LSN, NULL) == STATUS_SUCCESS;
    size_t count = clfs_sim_unsynced_count (h.disk);
    g_autofree uint8_t *chosen = g_malloc0 (count / 8 + 1);
    for (size_t i = 0; i < count; i++)
        if (third == 3 || i % 3 == third)
            chosen[i / 8] |= (uint8_t) (1u << i % 8);
    clfs_sim_power_loss (h.disk, CLFS_SIM_CHOSEN, chosen);
    harness_boot (&h);

    log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
    g_autofree char *records = harness_records (log);
    const char *before = reset ? "" : "one|", *after = reset ? "two|" : "one|two|";
    CU_ASSERT (strcmp (records, after) == 0 ||
               (!flushed && (strcmp (records, before) == 0 || strcmp (records, "one|") == 0)));
    close_log (log);
    harness_end (&h);
}

static void
a_winning_metadata_copy_in_the_cache_only_is_made_durable_before_it_counts (void)
{
    for (uint64_t nth = 0; nth < 2; nth++)
        for (uint64_t ios = 0; ios < 24; ios++)
            for (size_t third = 0; third <= 3; third++)
                metadata_in_the_cache_only (CLFS_STORE_INLINE, true, nth, ios, third);
}

/* The same where the log was closed cleanly by what the cache says: no recovery comes before the first change. */
static void
a_clean_end_in_the_cache_only_is_made_durable_before_the_other_copy_is_given_up (void)
{
    for (uint64_t nth = 0; nth < 2; nth++)
        for (uint64_t ios = 0; ios < 24; ios++)
            for (size_t third = 0; third <= 3; third++)
                metadata_in_the_cache_only (CLFS_STORE_INLINE | CLFS_STORE_NO_AREA, false, nth, ios, third);
}

/* Two records that fill more than half a container each, so that the second one enters the next container. */
static void
enter_second_container (clfs_log *log)
{
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL_FATAL (harness_append_number (log, i, 300000, NULL), STATUS_SUCCESS);
    flush (log);
}

static void
expect_numbers (clfs_log *log, unsigned count, size_t bytes)
{
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    NTSTATUS status = clfs_cursor_seek_from (cursor, 0, &record);
    for (unsigned i = 0; i < count; i++) {
        CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
        CU_ASSERT (harness_is_number (&record, i, bytes));
        status = clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record);
    }
    CU_ASSERT_EQUAL (status, STATUS_END_OF_FILE);
    clfs_cursor_close (cursor);
}

static void
either_metadata_copy_may_be_damaged_after_a_container_was_entered (void)
{
    for (int copy = 0; copy < 2; copy++) {
        harness h = { 0 };
        harness_start (&h, CLFS_STORE_INLINE);
        clfs_log *log = harness_log (&h, "a");
        enter_second_container (log);
        CU_ASSERT_EQUAL (clfs_lsn_container (harness_info (log).last), 2);
        uint32_t offset = log->engine->layout.general_offset[copy];
        clfs_sim_power_loss (h.disk, CLFS_SIM_NONE, NULL);
        flip (h.disk, "a.blf", offset + 300);
        harness_boot (&h);
        log = harness_log (&h, "a");
        expect_numbers (log, 3, 300000);
        close_log (log);
        harness_end (&h);
    }
}

static void
the_base_is_never_past_the_durable_end (void)
{
    for (uint64_t ios = 0; ios < 8; ios++)
        for (int survivors = CLFS_SIM_NONE; survivors <= CLFS_SIM_ALL; survivors++) {
            harness h = { 0 };
            harness_start (&h, CLFS_STORE_INLINE);
            clfs_log *log = harness_log (&h, "a");
            harness_append (log, "one");
            flush (log);
            harness_append (log, "two");
            append_block (log, "three");
            clfs_lsn_t last = harness_info (log).last;
            clfs_sim_stop_after (h.disk, ios);
            bool moved = clfs_log_set_base (log, last) == STATUS_SUCCESS;
            harness_power_loss (&h, (enum clfs_sim_survivors) survivors);
            log = harness_log (&h, "a");
            clfs_info info = harness_info (log);
            CU_ASSERT_EQUAL (info.state, CLFS_STATE_OK);
            CU_ASSERT (info.base <= info.next);
            g_autofree char *records = harness_records (log);
            CU_ASSERT (strcmp (records, "three|") == 0 ||
                       (!moved && (strcmp (records, "one|") == 0 || strcmp (records, "one|two|three|") == 0)));
            close_log (log);
            harness_end (&h);
        }
}

/* A container that was recycled holds blocks of its former life where this one's last block ends. */
static void
a_stale_block_in_the_unfilled_tail_of_a_container_is_not_taken (void)
{
    enum { BYTES = 90000, BEFORE = 21 };
    for (uint64_t ios = 0; ios < 24; ios++)
        for (int survivors = CLFS_SIM_NONE; survivors <= CLFS_SIM_RANDOM; survivors++) {
            harness h = { 0 };
            harness_start (&h, CLFS_STORE_INLINE);
            clfs_log_options options;
            harness_options (&options);
            options.max_bytes = options.retain_bytes = 2 * CLFS_CONTAINER_BYTES_UNIT;
            CU_ASSERT_EQUAL_FATAL (clfs_log_create (h.store, "a", &options, NULL), STATUS_SUCCESS);
            clfs_log *log = harness_log (&h, "a");
            for (unsigned i = 0; i < BEFORE; i++) {
                CU_ASSERT_EQUAL_FATAL (harness_append_number (log, i, BYTES, NULL), STATUS_SUCCESS);
                flush (log);
            }
            unsigned done = BEFORE;
            clfs_sim_stop_after (h.disk, ios);
            while (done < BEFORE + 6 && harness_append_number (log, done, BYTES, NULL) == STATUS_SUCCESS &&
                   clfs_log_flush (log, CLFS_NULL_LSN, NULL) == STATUS_SUCCESS)
                done++;
            harness_power_loss (&h, (enum clfs_sim_survivors) survivors);
            log = harness_log (&h, "a");
            clfs_info info = harness_info (log);
            CU_ASSERT_EQUAL (info.state, CLFS_STATE_OK);
            unsigned first = (unsigned) (info.base_offset / BYTES), end = (unsigned) (info.end_offset / BYTES);
            CU_ASSERT (end >= done && end <= done + 1);
            clfs_cursor *cursor;
            clfs_record record;
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
            NTSTATUS status = clfs_cursor_seek_from (cursor, 0, &record);
            for (unsigned i = first; i < end && status == STATUS_SUCCESS; i++) {
                CU_ASSERT (harness_is_number (&record, i, BYTES));
                status = clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record);
            }
            CU_ASSERT_EQUAL (status, STATUS_END_OF_FILE);
            clfs_cursor_close (cursor);
            close_log (log);
            harness_end (&h);
        }
}

/* A block says what was durable when it was sealed, never that its own group is. */
static void
a_block_of_a_torn_group_is_no_evidence_of_damage (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    flush (log);
    append_block (log, "two");
    append_block (log, "three");
    clfs_sim_stop_after (h.disk, 1);
    CU_ASSERT_NOT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
    power_loss_but (&h, keep_last);
    log = reopen (&h, "one|");
    CU_ASSERT (harness_info (log).cut_bytes > 0);
    CU_ASSERT_EQUAL (harness_info (log).cut_lsn, 0x200);
    close_log (log);
    harness_end (&h);
}

/* Damage below the durable mark stays damage when the block that bears witness is gone, too. */
static void
damage_that_was_found_is_not_cut_after_a_power_loss (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    flush (log);
    harness_append (log, "two");
    flush (log);
    harness_append (log, "three");
    flush (log);
    g_autofree char *container = file_with (&h, ".0001");
    clfs_sim_power_loss (h.disk, CLFS_SIM_NONE, NULL);
    flip (h.disk, container, 0x200 + 160);
    harness_boot (&h);
    log = harness_log (&h, "a");
    clfs_info info = harness_info (log);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_READ_ONLY);
    CU_ASSERT_PTR_NOT_NULL (strstr (info.error, "0x0000000000000200"));
    struct iovec vector = { "x", 1 };
    CU_ASSERT_EQUAL (clfs_log_append (log, &vector, 1, NULL, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    clfs_sim_power_loss (h.disk, CLFS_SIM_NONE, NULL);
    /* The third block says that the second one was durable. Now it is gone. */
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (h.disk, container);
    memset (bytes->data + 0x400, 0, 512);
    clfs_sim_file_set (h.disk, container, bytes->data, bytes->len);
    harness_boot (&h);
    log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_READ_ONLY);
    /* Only a reset ends it. */
    CU_ASSERT_EQUAL (clfs_log_reset (log), STATUS_SUCCESS);
    harness_append (log, "four");
    close_log (log);
    close_log (reopen (&h, "four|"));
    harness_end (&h);
}

/* The 161st container does not fit into the small base log file: a larger one takes its place, whole or not at all. */
static void
a_crash_while_the_base_log_file_grows_leaves_one_of_the_two (void)
{
    if (clfs_test_quick ())
        return;
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    clfs_blf_layout small;
    clfs_blf_layout_for (1, &small);
    unsigned most = clfs_blf_containers_max (&small);
    uint64_t bytes = CLFS_CONTAINER_BYTES_UNIT;
    CU_ASSERT_EQUAL_FATAL (clfs_log_add_containers (log, most - harness_info (log).containers, NULL, &bytes),
                           STATUS_SUCCESS);
    close_log (log);
    harness_stop (&h);
    bool done = false;
    for (uint64_t ios = 0; !done && ios < 40; ios++)
        for (int survivors = CLFS_SIM_NONE; survivors <= CLFS_SIM_RANDOM; survivors++) {
            harness copy = { .disk = clfs_sim_disk_copy (h.disk), .flags = CLFS_STORE_INLINE };
            harness_boot (&copy);
            log = harness_log (&copy, "a");
            harness_append (log, "two");
            flush (log);
            clfs_sim_stop_after (copy.disk, ios);
            done = clfs_log_add_containers (log, 1, NULL, NULL) == STATUS_SUCCESS;
            harness_power_loss (&copy, (enum clfs_sim_survivors) survivors);
            log = reopen (&copy, "one|two|");
            unsigned containers = harness_info (log).containers;
            CU_ASSERT (containers == most + 1 || (!done && containers == most));
            harness_append (log, "three");
            close_log (log);
            close_log (reopen (&copy, "one|two|three|"));
            harness_stop (&copy);
            clfs_sim_disk_free (copy.disk);
        }
    h.store = NULL;
    clfs_sim_disk_free (h.disk);
    clfs_set_log_handler (NULL, NULL);
}

/* ---- errors while recovering ---- */

static void
an_error_while_recovering_cuts_nothing (void)
{
    static const enum clfs_sim_op ops[] = {
        CLFS_SIM_OPEN, CLFS_SIM_READ, CLFS_SIM_WRITE, CLFS_SIM_BARRIER, CLFS_SIM_MAP, CLFS_SIM_LOCK,
    };
    for (int killed = 0; killed < 2; killed++)
        for (size_t op = 0; op < G_N_ELEMENTS (ops); op++)
            for (uint64_t nth = 0; nth < 12; nth++) {
                harness h = { 0 };
                harness_start (&h, CLFS_STORE_INLINE);
                clfs_log *log = harness_log (&h, "a");
                harness_append (log, "one");
                flush (log);
                append_block (log, "two");
                clfs_sim_stop_after (h.disk, 1); /* written, not synced */
                CU_ASSERT_NOT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
                if (killed)
                    harness_kill (&h);
                else
                    harness_power_loss (&h, CLFS_SIM_ALL);
                clfs_sim_fail (h.disk, ops[op], NULL, nth, 1, STATUS_IO_DEVICE_ERROR);
                NTSTATUS status = clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log);
                clfs_sim_fail_clear (h.disk);
                if (status == STATUS_SUCCESS) {
                    expect (log, "one|two|");
                    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
                    close_log (log);
                }
                log = reopen (&h, "one|two|");
                CU_ASSERT_EQUAL (harness_info (log).cut_bytes, 0);
                /* Also after a barrier that failed: what recovery says is there is durable. */
                harness_power_loss (&h, CLFS_SIM_NONE);
                close_log (reopen (&h, "one|two|"));
                harness_end (&h);
            }
}

static void
after_a_failed_barrier_nothing_is_acknowledged_until_recovery_has_written_it_again (void)
{
    for (int how = 0; how < 4; how++) {
        harness h = { 0 };
        harness_start (&h, CLFS_STORE_INLINE | (how == 1 ? CLFS_STORE_NO_AREA : 0u));
        clfs_log *log = harness_log (&h, "a");
        harness_append (log, "one");
        flush (log);
        harness_append (log, "two");
        clfs_sim_fail (h.disk, CLFS_SIM_BARRIER, ".0001", 0, 1, STATUS_IO_DEVICE_ERROR);
        CU_ASSERT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
        clfs_sim_fail_clear (h.disk);
        CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_FAILED);
        struct iovec vector = { "x", 1 };
        CU_ASSERT_EQUAL (clfs_log_append (log, &vector, 1, NULL, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
        CU_ASSERT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
        CU_ASSERT_EQUAL (harness_info (log).durable_below, 0x200);
        switch (how) {
        case 0: /* recovered in place, from the area */
        case 1: /* the same, from private memory */
            CU_ASSERT_EQUAL (clfs_log_recover (log), STATUS_SUCCESS);
            CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
            expect (log, "one|two|");
            break;
        case 2: /* closed and opened */
            CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_LOG_CONTAINER_WRITE_FAILED);
            log = reopen (&h, "one|two|");
            break;
        default: /* killed and opened */
            harness_kill (&h);
            log = reopen (&h, "one|two|");
            break;
        }
        harness_power_loss (&h, CLFS_SIM_NONE);
        close_log (reopen (&h, "one|two|"));
        harness_end (&h);
    }
}

static const clfs_test tests[] = {
    CLFS_TEST (an_unclean_stop_that_finds_nothing_to_cut_and_equal_bytes_again),
    CLFS_TEST (a_clean_end_does_not_outlive_an_opening),
    CLFS_TEST (a_winning_metadata_copy_in_the_cache_only_is_made_durable_before_it_counts),
    CLFS_TEST (a_clean_end_in_the_cache_only_is_made_durable_before_the_other_copy_is_given_up),
    CLFS_TEST (either_metadata_copy_may_be_damaged_after_a_container_was_entered),
    CLFS_TEST (the_base_is_never_past_the_durable_end),
    CLFS_TEST (a_stale_block_in_the_unfilled_tail_of_a_container_is_not_taken),
    CLFS_TEST (a_block_of_a_torn_group_is_no_evidence_of_damage),
    CLFS_TEST (damage_that_was_found_is_not_cut_after_a_power_loss),
    CLFS_TEST (a_crash_while_the_base_log_file_grows_leaves_one_of_the_two),
    CLFS_TEST (an_error_while_recovering_cuts_nothing),
    CLFS_TEST (after_a_failed_barrier_nothing_is_acknowledged_until_recovery_has_written_it_again),
};
CLFS_TEST_MAIN (tests)
