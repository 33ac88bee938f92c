/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading: by LSN, along chains, backwards, by stream offset; from memory and from storage; while the base moves. */
#include "harness.h"

typedef struct fixture {
    harness h;
    clfs_log *log;
    clfs_cursor *cursor;
    clfs_record record;
} fixture;

static void
begin_mode (fixture *f, enum clfs_cursor_mode mode)
{
    *f = (fixture) { 0 };
    harness_start (&f->h, CLFS_STORE_INLINE);
    f->log = harness_log (&f->h, "a");
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f->log, mode, &f->cursor), STATUS_SUCCESS);
}

static void
begin (fixture *f)
{
    begin_mode (f, CLFS_CURSOR_FORWARD);
}

static void
end (fixture *f)
{
    clfs_cursor_close (f->cursor);
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    harness_end (&f->h);
}

static void
flush (fixture *f)
{
    CU_ASSERT_EQUAL (clfs_log_flush (f->log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
}

static bool
shows (const fixture *f, const char *text)
{
    return f->record.bytes == strlen (text) && memcmp (f->record.data, text, strlen (text)) == 0;
}

static clfs_lsn_t
append_linked (clfs_log *log, const char *text, clfs_lsn_t previous, clfs_lsn_t undo_next)
{
    struct iovec vector = { (void *) text, strlen (text) };
    clfs_append_options options = { 0, previous, undo_next };
    clfs_lsn_t lsn = CLFS_INVALID_LSN;
    CU_ASSERT_EQUAL (clfs_log_append (log, &vector, 1, &options, &lsn), STATUS_SUCCESS);
    return lsn;
}

#define ALL (CLFS_RECORD_DATA | CLFS_RECORD_RESTART)
#define SHOWS_AT(f, call, text) \
    do { \
        CU_ASSERT_EQUAL (call, STATUS_SUCCESS); \
        CU_ASSERT (shows (f, text)); \
    } while (0)

/* ---- by LSN ---- */

static void
a_record_is_read_by_its_lsn_with_its_links_offset_and_type (void)
{
    fixture f;
    begin (&f);
    clfs_lsn_t one = append_linked (f.log, "one", 77, 88);
    clfs_lsn_t two = append_linked (f.log, "second", CLFS_INVALID_LSN, one);
    for (int round = 0; round < 2; round++) {
        SHOWS_AT (&f, clfs_cursor_seek (f.cursor, one, &f.record), "one");
        CU_ASSERT_EQUAL (f.record.lsn, one);
        CU_ASSERT_EQUAL (f.record.previous, 77);
        CU_ASSERT_EQUAL (f.record.undo_next, 88);
        CU_ASSERT_EQUAL (f.record.stream_offset, 0);
        CU_ASSERT_EQUAL (f.record.type, CLFS_RECORD_DATA);
        CU_ASSERT (f.record.time_ns > 0);
        SHOWS_AT (&f, clfs_cursor_seek (f.cursor, two, &f.record), "second");
        CU_ASSERT_EQUAL (f.record.previous, CLFS_INVALID_LSN);
        CU_ASSERT_EQUAL (f.record.undo_next, one);
        CU_ASSERT_EQUAL (f.record.stream_offset, 3);
        flush (&f);
    }
    end (&f);
}

static void
lsns_that_name_no_record_are_refused (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, 0, &f.record), STATUS_END_OF_FILE);
    harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    for (int round = 0; round < 2; round++) {
        clfs_lsn_t next = harness_info (f.log).next;
        CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, next, &f.record), STATUS_END_OF_FILE);
        CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, CLFS_INVALID_LSN, &f.record), STATUS_END_OF_FILE);
        CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, UINT64_MAX, &f.record), STATUS_END_OF_FILE);
        flush (&f);
    }
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, two + 1, &f.record), STATUS_LOG_RECORD_NONEXISTENT);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, 0x1ff, &f.record), STATUS_LOG_RECORD_NONEXISTENT);
    /* Inside a large block no block begins. */
    CU_ASSERT_EQUAL (harness_append_number (f.log, 1, 5000, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, 0x400, &f.record), STATUS_END_OF_FILE);
    harness_append (f.log, "after");
    flush (&f);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, 0x400, &f.record), STATUS_LOG_RECORD_NONEXISTENT);
    harness_append (f.log, "more");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, 0, &f.record), STATUS_LOG_START_OF_LOG);
    SHOWS_AT (&f, clfs_cursor_seek (f.cursor, two, &f.record), "two");
    end (&f);
}

static void
the_first_record_at_or_above_an_lsn_is_found (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_cursor_seek_from (f.cursor, 0, &f.record), STATUS_END_OF_FILE);
    harness_append (f.log, "one");
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    flush (&f);
    clfs_lsn_t three = harness_append (f.log, "three");
    for (int round = 0; round < 2; round++) {
        SHOWS_AT (&f, clfs_cursor_seek_from (f.cursor, 0, &f.record), "one");
        SHOWS_AT (&f, clfs_cursor_seek_from (f.cursor, two, &f.record), "two");
        SHOWS_AT (&f, clfs_cursor_seek_from (f.cursor, two + 1, &f.record), "three");
        SHOWS_AT (&f, clfs_cursor_seek_from (f.cursor, 0x1ff, &f.record), "three");
        CU_ASSERT_EQUAL (f.record.lsn, three);
        CU_ASSERT_EQUAL (clfs_cursor_seek_from (f.cursor, three + 1, &f.record), STATUS_END_OF_FILE);
        CU_ASSERT_EQUAL (clfs_cursor_seek_from (f.cursor, CLFS_INVALID_LSN, &f.record), STATUS_END_OF_FILE);
        flush (&f);
    }
    CU_ASSERT_EQUAL (clfs_cursor_seek_from (f.cursor, harness_info (f.log).next, &f.record), STATUS_END_OF_FILE);
    harness_append (f.log, "four");
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "four");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    SHOWS_AT (&f, clfs_cursor_seek_from (f.cursor, 0, &f.record), "two");
    end (&f);
}

static void
an_lsn_inside_a_large_block_finds_the_record_behind_it (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (harness_append_number (f.log, 1, 300000, NULL), STATUS_SUCCESS);
    clfs_lsn_t after = harness_append (f.log, "after");
    for (int round = 0; round < 2; round++) {
        SHOWS_AT (&f, clfs_cursor_seek_from (f.cursor, 0x600, &f.record), "after");
        CU_ASSERT_EQUAL (f.record.lsn, after);
        SHOWS_AT (&f, clfs_cursor_seek_from (f.cursor, 0x605, &f.record), "after");
        flush (&f);
    }
    end (&f);
}

/* ---- chains ---- */

static void
chains_are_followed_to_their_ends (void)
{
    fixture f;
    begin_mode (&f, CLFS_CURSOR_PREVIOUS);
    clfs_lsn_t one = append_linked (f.log, "one", CLFS_INVALID_LSN, CLFS_INVALID_LSN);
    append_linked (f.log, "other", CLFS_INVALID_LSN, CLFS_INVALID_LSN);
    flush (&f);
    clfs_lsn_t two = append_linked (f.log, "two", one, one);
    clfs_lsn_t undo = append_linked (f.log, "undo", two, one);
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_LOG_READ_CONTEXT_INVALID);
    SHOWS_AT (&f, clfs_cursor_seek (f.cursor, undo, &f.record), "undo");
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "two");
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "one");
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_END_OF_FILE);

    clfs_cursor *by_undo;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_UNDO_NEXT, &by_undo), STATUS_SUCCESS);
    SHOWS_AT (&f, clfs_cursor_seek (by_undo, undo, &f.record), "undo");
    SHOWS_AT (&f, clfs_cursor_next (by_undo, ALL, &f.record), "one");
    CU_ASSERT_EQUAL (clfs_cursor_next (by_undo, ALL, &f.record), STATUS_END_OF_FILE);

    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    SHOWS_AT (&f, clfs_cursor_seek (f.cursor, undo, &f.record), "undo");
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "two");
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_LOG_START_OF_LOG);
    SHOWS_AT (&f, clfs_cursor_seek (by_undo, undo, &f.record), "undo");
    CU_ASSERT_EQUAL (clfs_cursor_next (by_undo, ALL, &f.record), STATUS_LOG_START_OF_LOG);
    clfs_cursor_close (by_undo);
    end (&f);
}

static void
a_chain_that_points_forward_or_nowhere_ends_with_an_error (void)
{
    fixture f;
    begin_mode (&f, CLFS_CURSOR_PREVIOUS);
    clfs_lsn_t self = append_linked (f.log, "self", 0, 0);
    clfs_lsn_t forward = append_linked (f.log, "forward", 2, 0);
    append_linked (f.log, "last", CLFS_INVALID_LSN, 0);
    clfs_lsn_t nowhere = append_linked (f.log, "nowhere", 0x1f0, 0);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, self, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_LOG_BLOCK_INVALID);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, forward, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_LOG_BLOCK_INVALID);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, nowhere, &f.record), STATUS_SUCCESS);
    NTSTATUS status = clfs_cursor_next (f.cursor, ALL, &f.record);
    CU_ASSERT (status == STATUS_END_OF_FILE || status == STATUS_LOG_RECORD_NONEXISTENT);
    end (&f);
}

static void
modes_that_do_not_exist_are_refused (void)
{
    fixture f;
    begin (&f);
    clfs_cursor *cursor = NULL;
    CU_ASSERT_EQUAL (clfs_cursor_open (f.log, (enum clfs_cursor_mode) 0, &cursor), STATUS_LOG_READ_MODE_INVALID);
    CU_ASSERT_EQUAL (clfs_cursor_open (f.log, (enum clfs_cursor_mode) 4, &cursor), STATUS_LOG_READ_MODE_INVALID);
    CU_ASSERT_PTR_NULL (cursor);
    end (&f);
}

/* ---- next and back ---- */

static void
next_and_back_pass_every_record_once_wherever_it_is (void)
{
    fixture f;
    begin (&f);
    enum { RECORDS = 900 };
    g_autofree clfs_lsn_t *lsns = g_new (clfs_lsn_t, RECORDS);
    for (unsigned i = 0; i < RECORDS; i++) {
        CU_ASSERT_EQUAL_FATAL (harness_append_number (f.log, i, i * 37 % 4000, &lsns[i]), STATUS_SUCCESS);
        if (i % 57 == 0 && i < RECORDS - 100)
            flush (&f);
    }
    for (int round = 0; round < 3; round++) {
        NTSTATUS status = clfs_cursor_seek_from (f.cursor, 0, &f.record);
        for (unsigned i = 0; i < RECORDS && status == STATUS_SUCCESS; i++) {
            CU_ASSERT_EQUAL (f.record.lsn, lsns[i]);
            CU_ASSERT (harness_is_number (&f.record, i, i * 37 % 4000));
            status = clfs_cursor_next (f.cursor, ALL, &f.record);
        }
        CU_ASSERT_EQUAL (status, STATUS_END_OF_FILE);
        /* At the end the cursor shows the last record still. */
        for (unsigned i = RECORDS - 1; i > 0; i--) {
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_back (f.cursor, ALL, &f.record), STATUS_SUCCESS);
            CU_ASSERT_EQUAL (f.record.lsn, lsns[i - 1]);
            CU_ASSERT (harness_is_number (&f.record, i - 1, (i - 1) * 37 % 4000));
        }
        CU_ASSERT_EQUAL (clfs_cursor_back (f.cursor, ALL, &f.record), STATUS_LOG_START_OF_LOG);
        if (round == 0)
            flush (&f);
        if (round == 1) {
            clfs_cursor_close (f.cursor);
            CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_SUCCESS);
            f.log = harness_log (&f.h, "a");
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &f.cursor), STATUS_SUCCESS);
        }
    }
    end (&f);
}

static void
back_from_a_new_cursor_begins_at_the_newest_record_and_ends_at_the_base (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_cursor_back (f.cursor, ALL, &f.record), STATUS_LOG_START_OF_LOG);
    harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    harness_append (f.log, "three");
    SHOWS_AT (&f, clfs_cursor_back (f.cursor, ALL, &f.record), "three");
    SHOWS_AT (&f, clfs_cursor_back (f.cursor, ALL, &f.record), "two");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_back (f.cursor, ALL, &f.record), STATUS_LOG_START_OF_LOG);
    CU_ASSERT_EQUAL (clfs_cursor_back (f.cursor, ALL, &f.record), STATUS_LOG_START_OF_LOG);
    end (&f);
}

static void
back_at_the_oldest_record_leaves_the_cursor_where_it_was (void)
{
    fixture f;
    begin (&f);
    clfs_lsn_t one = harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    harness_append (f.log, "three");
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, one, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_back (f.cursor, ALL, &f.record), STATUS_LOG_START_OF_LOG);
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "two");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, two, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_back (f.cursor, ALL, &f.record), STATUS_LOG_START_OF_LOG);
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "three");
    end (&f);
}

static void
a_new_cursor_begins_at_the_base_also_inside_a_block (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    harness_append (f.log, "three");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_SUCCESS);
    for (int round = 0; round < 2; round++) {
        clfs_cursor_close (f.cursor);
        if (round == 1) {
            CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_SUCCESS);
            f.log = harness_log (&f.h, "a");
        }
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &f.cursor), STATUS_SUCCESS);
        SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "two");
        CU_ASSERT_EQUAL (f.record.stream_offset, 3);
        SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "three");
        CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_END_OF_FILE);
    }
    /* Of an empty log: what comes. */
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, harness_info (f.log).next), STATUS_SUCCESS);
    clfs_cursor_close (f.cursor);
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &f.cursor), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_END_OF_FILE);
    harness_append (f.log, "four");
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "four");
    end (&f);
}

static void
types_choose_what_next_and_back_show (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "restart", 7, CLFS_INVALID_LSN, NULL), STATUS_SUCCESS);
    harness_append (f.log, "two");
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, CLFS_RECORD_DATA, &f.record), "one");
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, CLFS_RECORD_DATA, &f.record), "two");
    CU_ASSERT_EQUAL (f.record.stream_offset, 3);
    SHOWS_AT (&f, clfs_cursor_back (f.cursor, CLFS_RECORD_RESTART, &f.record), "restart");
    CU_ASSERT_EQUAL (f.record.type, CLFS_RECORD_RESTART);
    SHOWS_AT (&f, clfs_cursor_back (f.cursor, CLFS_RECORD_DATA, &f.record), "one");
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "restart");
    end (&f);
}

static void
a_cursor_at_the_end_sees_what_is_appended_later (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_END_OF_FILE);
    for (unsigned i = 0; i < 1200; i++) {
        char text[20];
        g_snprintf (text, sizeof text, "record %u", i);
        clfs_lsn_t lsn = harness_append (f.log, text);
        if (i % 7 == 3)
            flush (&f);
        NTSTATUS status = clfs_cursor_next (f.cursor, ALL, &f.record);
        CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
        CU_ASSERT_EQUAL (f.record.lsn, lsn);
        CU_ASSERT (shows (&f, text));
        if (i % 11 == 5)
            flush (&f);
        CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_END_OF_FILE);
    }
    end (&f);
}

static void
a_shown_record_stays_while_its_block_leaves_memory_and_is_read_again_from_storage (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    harness_append (f.log, "two");
    clfs_record one;
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &one), STATUS_SUCCESS);
    flush (&f);
    for (int i = 0; i < 300; i++)
        CU_ASSERT_EQUAL (harness_append_number (f.log, 5, 3000, NULL), STATUS_SUCCESS);
    flush (&f);
    CU_ASSERT (memcmp (one.data, "one", 3) == 0);
    SHOWS_AT (&f, clfs_cursor_next (f.cursor, ALL, &f.record), "two");
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_SUCCESS);
    CU_ASSERT (harness_is_number (&f.record, 5, 3000));
    end (&f);
}

/* ---- by stream offset ---- */

static void
every_byte_of_the_stream_is_found_in_its_record (void)
{
    fixture f;
    begin (&f);
    enum { RECORDS = 1000 };
    static const unsigned sizes[] = { 0, 1, 700, 0, 0, 13, 5000, 2 };
    g_autofree uint64_t *offsets = g_new (uint64_t, RECORDS + 1);
    g_autofree clfs_lsn_t *lsns = g_new (clfs_lsn_t, RECORDS);
    offsets[0] = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        unsigned bytes = sizes[i % G_N_ELEMENTS (sizes)];
        CU_ASSERT_EQUAL_FATAL (harness_append_number (f.log, i, bytes, &lsns[i]), STATUS_SUCCESS);
        offsets[i + 1] = offsets[i] + bytes;
        if (i % 90 == 50)
            CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "restart", 7, CLFS_INVALID_LSN, NULL), STATUS_SUCCESS);
    }
    CU_ASSERT_EQUAL (harness_info (f.log).end_offset, offsets[RECORDS]);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < RECORDS; i += round + 1) {
            if (offsets[i] == offsets[i + 1])
                continue;
            uint64_t probes[] = { offsets[i], (offsets[i] + offsets[i + 1]) / 2, offsets[i + 1] - 1 };
            for (size_t p = 0; p < G_N_ELEMENTS (probes); p++) {
                CU_ASSERT_EQUAL_FATAL (clfs_cursor_seek_offset (f.cursor, probes[p], &f.record), STATUS_SUCCESS);
                CU_ASSERT_EQUAL (f.record.lsn, lsns[i]);
                CU_ASSERT_EQUAL (f.record.stream_offset, offsets[i]);
            }
        }
        CU_ASSERT_EQUAL (clfs_cursor_seek_offset (f.cursor, offsets[RECORDS], &f.record), STATUS_END_OF_FILE);
        CU_ASSERT_EQUAL (clfs_cursor_seek_offset (f.cursor, UINT64_MAX, &f.record), STATUS_END_OF_FILE);
        flush (&f);
    }
    CU_ASSERT_EQUAL (clfs_cursor_seek_offset (f.cursor, offsets[RECORDS], &f.record), STATUS_END_OF_FILE);
    harness_append (f.log, "");
    harness_append (f.log, "later");
    SHOWS_AT (&f, clfs_cursor_seek_offset (f.cursor, offsets[RECORDS], &f.record), "later");
    end (&f);
}

static void
stream_reads_give_the_payloads_and_end_where_the_log_ends (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    harness_append (f.log, "");
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "restart", 7, CLFS_INVALID_LSN, NULL), STATUS_SUCCESS);
    harness_append (f.log, "two");
    char buffer[100];
    size_t got;
    CU_ASSERT_EQUAL (clfs_cursor_read (f.cursor, 0, buffer, sizeof buffer, false, &got), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (got, 6);
    CU_ASSERT (memcmp (buffer, "onetwo", 6) == 0);
    CU_ASSERT_EQUAL (clfs_cursor_read (f.cursor, 0, buffer, sizeof buffer, true, &got), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (got, 3);
    CU_ASSERT_EQUAL (clfs_cursor_read (f.cursor, 2, buffer, 2, false, &got), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (got, 2);
    CU_ASSERT (memcmp (buffer, "et", 2) == 0);
    CU_ASSERT_EQUAL (clfs_cursor_read (f.cursor, 6, buffer, sizeof buffer, false, &got), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (got, 0);
    CU_ASSERT_EQUAL (clfs_cursor_read (f.cursor, UINT64_MAX, buffer, sizeof buffer, false, &got), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (got, 0);
    CU_ASSERT_EQUAL (clfs_cursor_read (f.cursor, 1, buffer, 0, false, &got), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (got, 0);
    harness_append (f.log, "three");
    CU_ASSERT_EQUAL (clfs_cursor_read (f.cursor, 6, buffer, sizeof buffer, false, &got), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (got, 5);
    end (&f);
}

static void
a_restart_record_under_the_cursor_does_not_show_in_the_stream (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "restart", 7, CLFS_INVALID_LSN, NULL), STATUS_SUCCESS);
    harness_append (f.log, "two");
    char buffer[10];
    size_t got;
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_read (f.cursor, 3, buffer, sizeof buffer, false, &got), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (got, 3);
    CU_ASSERT (memcmp (buffer, "two", 3) == 0);
    end (&f);
}

/* ---- below the base ---- */

static void
bytes_below_the_base_are_read_until_their_container_is_recycled_and_never_zeros (void)
{
    fixture f = { 0 };
    harness_start (&f.h, CLFS_STORE_INLINE);
    clfs_log_options options;
    harness_options (&options);
    options.max_bytes = 2 * CLFS_CONTAINER_BYTES_UNIT;
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (f.h.store, "a", &options, NULL), STATUS_SUCCESS);
    f.log = harness_log (&f.h, "a");
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &f.cursor), STATUS_SUCCESS);
    clfs_lsn_t lsn = 0;
    unsigned count = 0;
    for (; clfs_lsn_container (lsn) < 1; count++)
        CU_ASSERT_EQUAL_FATAL (harness_append_number (f.log, count, 5000, &lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).base_offset, (count - 1) * 5000);
    uint8_t byte, first;
    size_t got;
    CU_ASSERT_EQUAL (clfs_cursor_seek_offset (f.cursor, 5001, &f.record), STATUS_SUCCESS);
    CU_ASSERT (harness_is_number (&f.record, 1, 5000));
    first = ((const uint8_t *) f.record.data)[0];
    CU_ASSERT_EQUAL (clfs_cursor_read (f.cursor, 5000, &byte, 1, false, &got), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (byte, first);
    for (; clfs_lsn_container (lsn) < 2; count++)
        CU_ASSERT_EQUAL_FATAL (harness_append_number (f.log, count, 5000, &lsn), STATUS_SUCCESS);
    clfs_cursor *other;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &other), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_seek_offset (other, 5000, &f.record), STATUS_NOT_FOUND);
    CU_ASSERT_EQUAL (clfs_cursor_read (other, 5000, &byte, 1, false, &got), STATUS_NOT_FOUND);
    CU_ASSERT_EQUAL (clfs_cursor_seek (other, 0, &f.record), STATUS_LOG_START_OF_LOG);
    /* One that stood there is told so too, at the latest when it leaves what it has read. */
    NTSTATUS status;
    unsigned number = 1;
    do {
        status = clfs_cursor_next (f.cursor, ALL, &f.record);
        if (status == STATUS_SUCCESS)
            CU_ASSERT (harness_is_number (&f.record, ++number, 5000));
    } while (status == STATUS_SUCCESS && number < count);
    CU_ASSERT_EQUAL (status, STATUS_NOT_FOUND);
    clfs_cursor_close (other);
    end (&f);
}

static void
a_reader_misses_nothing_and_sees_nothing_twice_over_100_base_moves (void)
{
    fixture f;
    begin (&f);
    char buffer[4096];
    uint64_t at = 0, written = 0;
    unsigned expected = 0, seen = 0, appended = 0;
    clfs_lsn_t lsns[20];
    for (unsigned move = 0; move < 100; move++) {
        for (unsigned i = 0; i < G_N_ELEMENTS (lsns); i++) {
            char line[2000];
            memset (line, 'x', sizeof line);
            int head = g_snprintf (line, sizeof line, "%08u", appended);
            line[head] = ' ';
            size_t bytes = 10 + appended * 13 % 1900;
            line[bytes - 1] = '\n';
            struct iovec vector = { line, bytes };
            CU_ASSERT_EQUAL_FATAL (clfs_log_append (f.log, &vector, 1, NULL, &lsns[i]), STATUS_SUCCESS);
            appended++;
            written += bytes;
        }
        /* A stream reader reads some, a record cursor half of the new ones; the base stays behind both. */
        NTSTATUS status = STATUS_SUCCESS;
        for (unsigned i = 0; i < G_N_ELEMENTS (lsns) / 2; i++) {
            status = clfs_cursor_next (f.cursor, ALL, &f.record);
            CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
            CU_ASSERT_EQUAL_FATAL ((unsigned) atoi (f.record.data), seen);
            seen++;
        }
        CU_ASSERT_EQUAL (clfs_log_set_base (f.log, f.record.lsn), STATUS_SUCCESS);
        for (unsigned i = 0; i < G_N_ELEMENTS (lsns) / 2; i++) {
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_SUCCESS);
            CU_ASSERT_EQUAL_FATAL ((unsigned) atoi (f.record.data), seen);
            seen++;
        }
        CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_END_OF_FILE);
        clfs_cursor *tail;
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &tail), STATUS_SUCCESS);
        for (;;) {
            size_t got;
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_read (tail, at, buffer, sizeof buffer, false, &got), STATUS_SUCCESS);
            if (got == 0)
                break;
            for (size_t i = 0; i < got; i++)
                if (buffer[i] == '\n')
                    expected++;
            at += got;
        }
        clfs_cursor_close (tail);
        CU_ASSERT_EQUAL (expected, appended);
        CU_ASSERT_EQUAL (at, written);
    }
    end (&f);
}

static void
what_a_reset_took_away_is_not_found_and_offsets_go_on (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_reset (f.log), STATUS_SUCCESS);
    uint8_t byte;
    size_t got;
    clfs_cursor *other;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &other), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_read (other, 0, &byte, 1, false, &got), STATUS_NOT_FOUND);
    CU_ASSERT_EQUAL (clfs_cursor_seek_from (other, 0, &f.record), STATUS_END_OF_FILE);
    clfs_lsn_t two = harness_append (f.log, "two");
    CU_ASSERT_EQUAL (two, clfs_lsn_make (1, 0, 0));
    SHOWS_AT (&f, clfs_cursor_next (other, ALL, &f.record), "two");
    CU_ASSERT_EQUAL (f.record.stream_offset, 3);
    clfs_cursor_close (other);
    NTSTATUS status = clfs_cursor_next (f.cursor, ALL, &f.record);
    CU_ASSERT_EQUAL (status, STATUS_NOT_FOUND);
    end (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (a_record_is_read_by_its_lsn_with_its_links_offset_and_type),
    CLFS_TEST (lsns_that_name_no_record_are_refused),
    CLFS_TEST (the_first_record_at_or_above_an_lsn_is_found),
    CLFS_TEST (an_lsn_inside_a_large_block_finds_the_record_behind_it),
    CLFS_TEST (chains_are_followed_to_their_ends),
    CLFS_TEST (a_chain_that_points_forward_or_nowhere_ends_with_an_error),
    CLFS_TEST (modes_that_do_not_exist_are_refused),
    CLFS_TEST (next_and_back_pass_every_record_once_wherever_it_is),
    CLFS_TEST (back_from_a_new_cursor_begins_at_the_newest_record_and_ends_at_the_base),
    CLFS_TEST (back_at_the_oldest_record_leaves_the_cursor_where_it_was),
    CLFS_TEST (a_new_cursor_begins_at_the_base_also_inside_a_block),
    CLFS_TEST (types_choose_what_next_and_back_show),
    CLFS_TEST (a_cursor_at_the_end_sees_what_is_appended_later),
    CLFS_TEST (a_shown_record_stays_while_its_block_leaves_memory_and_is_read_again_from_storage),
    CLFS_TEST (every_byte_of_the_stream_is_found_in_its_record),
    CLFS_TEST (stream_reads_give_the_payloads_and_end_where_the_log_ends),
    CLFS_TEST (a_restart_record_under_the_cursor_does_not_show_in_the_stream),
    CLFS_TEST (bytes_below_the_base_are_read_until_their_container_is_recycled_and_never_zeros),
    CLFS_TEST (a_reader_misses_nothing_and_sees_nothing_twice_over_100_base_moves),
    CLFS_TEST (what_a_reset_took_away_is_not_found_and_offsets_go_on),
};
CLFS_TEST_MAIN (tests)
