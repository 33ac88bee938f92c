/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Restart areas and the base: what they promise, and what they refuse. */
#include "harness.h"

typedef struct fixture {
    harness h;
    clfs_log *log;
    clfs_cursor *cursor;
    clfs_record record;
} fixture;

static void
begin (fixture *f)
{
    *f = (fixture) { 0 };
    harness_start (&f->h, CLFS_STORE_INLINE);
    f->log = harness_log (&f->h, "a");
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f->log, CLFS_CURSOR_FORWARD, &f->cursor), STATUS_SUCCESS);
}

static void
end (fixture *f)
{
    clfs_cursor_close (f->cursor);
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    harness_end (&f->h);
}

/* Opens the log anew after it is gone for whatever reason. */
static void
open_again (fixture *f)
{
    f->log = harness_log (&f->h, "a");
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f->log, CLFS_CURSOR_FORWARD, &f->cursor), STATUS_SUCCESS);
}

static void
reopen (fixture *f)
{
    clfs_cursor_close (f->cursor);
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    open_again (f);
}

static clfs_lsn_t
restart (fixture *f, const char *text, clfs_lsn_t base)
{
    clfs_lsn_t lsn = CLFS_INVALID_LSN;
    CU_ASSERT_EQUAL (clfs_log_write_restart (f->log, text, strlen (text), base, &lsn), STATUS_SUCCESS);
    return lsn;
}

static bool
shows (const fixture *f, const char *text)
{
    return f->record.bytes == strlen (text) && memcmp (f->record.data, text, strlen (text)) == 0;
}

static clfs_info
info_of (const fixture *f)
{
    return harness_info (f->log);
}

/* ---- restart areas ---- */

static void
a_log_without_a_restart_area_says_so (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_LOG_NO_RESTART);
    CU_ASSERT_EQUAL (clfs_cursor_previous_restart (f.cursor, &f.record), STATUS_LOG_READ_CONTEXT_INVALID);
    CU_ASSERT_EQUAL (info_of (&f).restart, CLFS_INVALID_LSN);
    harness_append (f.log, "data");
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_LOG_NO_RESTART);
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, CLFS_RECORD_DATA, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_previous_restart (f.cursor, &f.record), STATUS_LOG_READ_CONTEXT_INVALID);
    end (&f);
}

static void
a_restart_area_and_everything_before_it_is_durable_on_return (void)
{
    for (int survivors = CLFS_SIM_NONE; survivors <= CLFS_SIM_RANDOM; survivors++) {
        fixture f;
        begin (&f);
        harness_append (f.log, "one");
        clfs_lsn_t lsn = restart (&f, "area", CLFS_INVALID_LSN);
        CU_ASSERT (info_of (&f).durable_below > lsn);
        CU_ASSERT_EQUAL (info_of (&f).restart, lsn);
        harness_append (f.log, "two");
        clfs_cursor_close (f.cursor);
        harness_power_loss (&f.h, (enum clfs_sim_survivors) survivors);
        open_again (&f);
        CU_ASSERT_EQUAL (info_of (&f).restart, lsn);
        CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_SUCCESS);
        CU_ASSERT (shows (&f, "area"));
        CU_ASSERT_EQUAL (f.record.lsn, lsn);
        CU_ASSERT_EQUAL (f.record.type, CLFS_RECORD_RESTART);
        g_autofree char *all = harness_records (f.log);
        CU_ASSERT_STRING_EQUAL (all, "one|");
        end (&f);
    }
}

static void
restart_areas_are_a_chain_from_the_newest_to_the_first (void)
{
    fixture f;
    begin (&f);
    enum { AREAS = 30 };
    clfs_lsn_t lsns[AREAS];
    for (int i = 0; i < AREAS; i++) {
        char text[20];
        g_snprintf (text, sizeof text, "area %d", i);
        for (int n = 0; n < i % 4; n++)
            CU_ASSERT_EQUAL (harness_append_number (f.log, 1, 9000, NULL), STATUS_SUCCESS);
        lsns[i] = restart (&f, text, CLFS_INVALID_LSN);
    }
    for (int round = 0; round < 2; round++) {
        NTSTATUS status = clfs_cursor_restart (f.cursor, &f.record);
        for (int i = AREAS - 1; i >= 0; i--) {
            char text[20];
            g_snprintf (text, sizeof text, "area %d", i);
            CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
            CU_ASSERT_EQUAL (f.record.lsn, lsns[i]);
            CU_ASSERT (shows (&f, text));
            CU_ASSERT_EQUAL (f.record.previous, i > 0 ? lsns[i - 1] : CLFS_INVALID_LSN);
            status = clfs_cursor_previous_restart (f.cursor, &f.record);
        }
        CU_ASSERT_EQUAL (status, STATUS_LOG_START_OF_LOG);
        reopen (&f);
    }
    end (&f);
}

static void
the_chain_goes_on_over_a_kill_and_a_reopening (void)
{
    fixture f;
    begin (&f);
    clfs_lsn_t one = restart (&f, "one", CLFS_INVALID_LSN);
    reopen (&f);
    clfs_lsn_t two = restart (&f, "two", CLFS_INVALID_LSN);
    harness_append (f.log, "data");
    clfs_cursor_close (f.cursor);
    harness_kill (&f.h);
    open_again (&f);
    restart (&f, "three", CLFS_INVALID_LSN);
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (f.record.previous, two);
    CU_ASSERT_EQUAL (clfs_cursor_previous_restart (f.cursor, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (f.record.previous, one);
    end (&f);
}

static void
the_chain_ends_at_the_base (void)
{
    fixture f;
    begin (&f);
    restart (&f, "one", CLFS_INVALID_LSN);
    clfs_lsn_t two = restart (&f, "two", CLFS_INVALID_LSN);
    restart (&f, "three", two);
    CU_ASSERT_EQUAL (info_of (&f).base, two);
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_previous_restart (f.cursor, &f.record), STATUS_SUCCESS);
    CU_ASSERT (shows (&f, "two"));
    CU_ASSERT_EQUAL (clfs_cursor_previous_restart (f.cursor, &f.record), STATUS_LOG_START_OF_LOG);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, info_of (&f).next), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_LOG_NO_RESTART);
    CU_ASSERT_EQUAL (info_of (&f).restart, CLFS_INVALID_LSN);
    reopen (&f);
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_LOG_NO_RESTART);
    end (&f);
}

static void
a_restart_area_may_be_empty_and_as_large_as_a_record (void)
{
    fixture f;
    begin (&f);
    clfs_lsn_t lsn;
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, NULL, 0, CLFS_INVALID_LSN, &lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (f.record.bytes, 0);
    uint32_t most = info_of (&f).record_bytes_max;
    g_autofree char *large = g_malloc (most + 1);
    memset (large, 'r', most + 1);
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, large, most + 1, CLFS_INVALID_LSN, &lsn), STATUS_BUFFER_TOO_SMALL);
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, large, most, CLFS_INVALID_LSN, &lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (f.record.bytes, most);
    CU_ASSERT (memcmp (f.record.data, large, most) == 0);
    end (&f);
}

static void
restart_records_take_no_room_in_the_stream (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    restart (&f, "area", CLFS_INVALID_LSN);
    harness_append (f.log, "two");
    CU_ASSERT_EQUAL (info_of (&f).end_offset, 6);
    reopen (&f);
    CU_ASSERT_EQUAL (info_of (&f).end_offset, 6);
    g_autofree char *stream = harness_stream (f.log, true);
    CU_ASSERT_STRING_EQUAL (stream, "onetwo");
    end (&f);
}

static void
a_restart_area_moves_the_base_durably_up_to_itself (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    restart (&f, "area", two);
    CU_ASSERT_EQUAL (info_of (&f).base, two);
    CU_ASSERT_EQUAL (info_of (&f).base_offset, 3);
    clfs_cursor_close (f.cursor);
    harness_power_loss (&f.h, CLFS_SIM_NONE);
    open_again (&f);
    CU_ASSERT_EQUAL (info_of (&f).base, two);
    CU_ASSERT_EQUAL (info_of (&f).base_offset, 3);
    /* Its own LSN is the next one. */
    clfs_lsn_t own = info_of (&f).next;
    CU_ASSERT_EQUAL (restart (&f, "own", own), own);
    CU_ASSERT_EQUAL (info_of (&f).base, own);
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_SUCCESS);
    CU_ASSERT (shows (&f, "own"));
    g_autofree char *all = harness_records (f.log);
    CU_ASSERT_STRING_EQUAL (all, "");
    end (&f);
}

static void
a_restart_area_with_a_base_below_or_beyond_is_refused_and_nothing_is_written (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    clfs_info before = info_of (&f);
    clfs_lsn_t lsn = 123;
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "r", 1, 0, &lsn), STATUS_LOG_TAIL_INVALID);
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "r", 1, before.next + 1, &lsn), STATUS_LOG_TAIL_INVALID);
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "r", 1, CLFS_INVALID_LSN - 1, &lsn), STATUS_LOG_TAIL_INVALID);
    CU_ASSERT_EQUAL (lsn, 123);
    clfs_info after = info_of (&f);
    CU_ASSERT_EQUAL (after.next, before.next);
    CU_ASSERT_EQUAL (after.restart, CLFS_INVALID_LSN);
    CU_ASSERT_EQUAL (after.base, before.base);
    CU_ASSERT_EQUAL (after.state, CLFS_STATE_OK);
    end (&f);
}

/* ---- the base ---- */

static void
the_base_moves_forward_to_any_record_and_keeps_what_is_above (void)
{
    fixture f;
    begin (&f);
    enum { RECORDS = 300 };
    clfs_lsn_t lsns[RECORDS];
    uint64_t offsets[RECORDS + 1];
    offsets[0] = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        unsigned bytes = i * 91 % 7000;
        CU_ASSERT_EQUAL_FATAL (harness_append_number (f.log, i, bytes, &lsns[i]), STATUS_SUCCESS);
        offsets[i + 1] = offsets[i] + bytes;
    }
    for (unsigned i = 0; i < RECORDS; i += 1 + i % 23) {
        CU_ASSERT_EQUAL_FATAL (clfs_log_set_base (f.log, lsns[i]), STATUS_SUCCESS);
        clfs_info info = info_of (&f);
        CU_ASSERT_EQUAL (info.base, lsns[i]);
        CU_ASSERT_EQUAL (info.base_offset, offsets[i]);
        CU_ASSERT (info.durable_below >= lsns[i]);
        if (i % 5 == 0)
            reopen (&f);
        CU_ASSERT_EQUAL (clfs_cursor_seek_from (f.cursor, 0, &f.record), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (f.record.lsn, lsns[i]);
        CU_ASSERT (harness_is_number (&f.record, i, i * 91 % 7000));
        CU_ASSERT_EQUAL (f.record.stream_offset, offsets[i]);
    }
    end (&f);
}

static void
a_base_that_is_no_records_lsn_is_the_next_record (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_SUCCESS);
    clfs_lsn_t two = harness_append (f.log, "two");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, 0x100), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (info_of (&f).base, two);
    CU_ASSERT_EQUAL (info_of (&f).base_offset, 3);
    end (&f);
}

static void
a_base_below_the_base_is_refused_and_the_same_base_is_a_success_without_io (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, 0), STATUS_LOG_START_OF_LOG);
    uint64_t ios = clfs_sim_io_count (f.h.disk);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_sim_io_count (f.h.disk), ios);
    CU_ASSERT_EQUAL (info_of (&f).base, two);
    end (&f);
}

static void
a_base_beyond_next_is_refused (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, 1), STATUS_LOG_TAIL_INVALID);
    harness_append (f.log, "one");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, 2), STATUS_LOG_TAIL_INVALID);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, CLFS_INVALID_LSN), STATUS_LOG_TAIL_INVALID);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, UINT64_MAX), STATUS_LOG_TAIL_INVALID);
    CU_ASSERT_EQUAL (info_of (&f).base, 0);
    end (&f);
}

static void
next_as_the_base_empties_the_log (void)
{
    for (int reopened = 0; reopened < 2; reopened++) {
        fixture f;
        begin (&f);
        harness_append (f.log, "one");
        harness_append (f.log, "two");
        CU_ASSERT_EQUAL (clfs_log_set_base (f.log, info_of (&f).next), STATUS_SUCCESS);
        if (reopened)
            reopen (&f);
        clfs_info info = info_of (&f);
        CU_ASSERT_EQUAL (info.base, info.next);
        CU_ASSERT_EQUAL (info.last, CLFS_INVALID_LSN);
        CU_ASSERT_EQUAL (info.base_offset, 6);
        CU_ASSERT_EQUAL (info.end_offset, 6);
        g_autofree char *none = harness_records (f.log);
        CU_ASSERT_STRING_EQUAL (none, "");
        CU_ASSERT_EQUAL (clfs_log_set_base (f.log, info.next), STATUS_SUCCESS);
        clfs_lsn_t three = harness_append (f.log, "three");
        CU_ASSERT (three >= info.next);
        CU_ASSERT_EQUAL (info_of (&f).base, three);
        CU_ASSERT_EQUAL (info_of (&f).base_offset, 6);
        g_autofree char *after = harness_records (f.log);
        CU_ASSERT_STRING_EQUAL (after, "three|");
        reopen (&f);
        CU_ASSERT_EQUAL (info_of (&f).base, three);
        g_autofree char *again = harness_records (f.log);
        CU_ASSERT_STRING_EQUAL (again, "three|");
        end (&f);
    }
}

static void
a_base_move_is_durable_with_what_it_needs_and_no_more (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    harness_append (f.log, "three");
    clfs_cursor_close (f.cursor);
    harness_power_loss (&f.h, CLFS_SIM_NONE);
    open_again (&f);
    CU_ASSERT_EQUAL (info_of (&f).base, two);
    g_autofree char *all = harness_records (f.log);
    CU_ASSERT_STRING_EQUAL (all, "two|");
    end (&f);
}

static void
a_record_after_an_emptied_log_is_the_base_also_when_it_is_killed (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, info_of (&f).next), STATUS_SUCCESS);
    clfs_lsn_t two = harness_append (f.log, "two");
    harness_append (f.log, "three");
    clfs_cursor_close (f.cursor);
    harness_kill (&f.h);
    open_again (&f);
    CU_ASSERT_EQUAL (info_of (&f).base, two);
    CU_ASSERT_EQUAL (info_of (&f).base_offset, 3);
    g_autofree char *all = harness_records (f.log);
    CU_ASSERT_STRING_EQUAL (all, "two|three|");
    end (&f);
}

static void
a_reset_empties_the_log_and_uses_no_lsn_or_offset_twice (void)
{
    fixture f;
    begin (&f);
    clfs_lsn_t highest = 0;
    uint64_t offset = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++) {
            clfs_lsn_t lsn = harness_append (f.log, "data");
            CU_ASSERT (lsn >= highest);
            highest = lsn + 1;
        }
        restart (&f, "area", CLFS_INVALID_LSN);
        CU_ASSERT_EQUAL (clfs_log_reset (f.log), STATUS_SUCCESS);
        clfs_info info = info_of (&f);
        CU_ASSERT_EQUAL (info.base, info.next);
        CU_ASSERT_EQUAL (info.last, CLFS_INVALID_LSN);
        CU_ASSERT_EQUAL (info.restart, CLFS_INVALID_LSN);
        CU_ASSERT_EQUAL (clfs_lsn_block_bytes (info.next), 0);
        CU_ASSERT (info.next >= highest);
        CU_ASSERT (info.end_offset >= offset + 12);
        CU_ASSERT_EQUAL (info.base_offset, info.end_offset);
        offset = info.end_offset;
        if (round % 2)
            reopen (&f);
        else if (round == 2) {
            clfs_cursor_close (f.cursor);
            harness_power_loss (&f.h, CLFS_SIM_RANDOM);
            open_again (&f);
        }
        CU_ASSERT_EQUAL (info_of (&f).next, info.next);
        g_autofree char *none = harness_records (f.log);
        CU_ASSERT_STRING_EQUAL (none, "");
    }
    end (&f);
}

static void
the_same_base_again_is_no_step_back (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_lsn_t next = info_of (&f).next;
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, next), STATUS_SUCCESS);
    /* The flush within closed the block: `next` is another one now, the wish is the same. */
    CU_ASSERT_NOT_EQUAL (info_of (&f).base, next);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, next), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, 0), STATUS_LOG_START_OF_LOG);
    clfs_lsn_t two = harness_append (f.log, "two");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, next), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (info_of (&f).base, two);
    end (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (a_log_without_a_restart_area_says_so),
    CLFS_TEST (a_restart_area_and_everything_before_it_is_durable_on_return),
    CLFS_TEST (restart_areas_are_a_chain_from_the_newest_to_the_first),
    CLFS_TEST (the_chain_goes_on_over_a_kill_and_a_reopening),
    CLFS_TEST (the_chain_ends_at_the_base),
    CLFS_TEST (a_restart_area_may_be_empty_and_as_large_as_a_record),
    CLFS_TEST (restart_records_take_no_room_in_the_stream),
    CLFS_TEST (a_restart_area_moves_the_base_durably_up_to_itself),
    CLFS_TEST (a_restart_area_with_a_base_below_or_beyond_is_refused_and_nothing_is_written),
    CLFS_TEST (the_base_moves_forward_to_any_record_and_keeps_what_is_above),
    CLFS_TEST (a_base_that_is_no_records_lsn_is_the_next_record),
    CLFS_TEST (a_base_below_the_base_is_refused_and_the_same_base_is_a_success_without_io),
    CLFS_TEST (a_base_beyond_next_is_refused),
    CLFS_TEST (next_as_the_base_empties_the_log),
    CLFS_TEST (the_same_base_again_is_no_step_back),
    CLFS_TEST (a_base_move_is_durable_with_what_it_needs_and_no_more),
    CLFS_TEST (a_record_after_an_emptied_log_is_the_base_also_when_it_is_killed),
    CLFS_TEST (a_reset_empties_the_log_and_uses_no_lsn_or_offset_twice),
};
CLFS_TEST_MAIN (tests)
