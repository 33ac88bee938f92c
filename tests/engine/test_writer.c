/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writers: how bytes become records, by writes and by lines. */
#include "harness.h"

typedef struct fixture {
    harness h;
    clfs_log *log;
    clfs_writer *writer;
} fixture;

/* A writer that its process may take with it when it dies. */
static clfs_writer *
new_writer (clfs_log *log)
{
    clfs_writer *writer = NULL;
    CU_ASSERT_EQUAL_FATAL (clfs_writer_open (log, &writer), STATUS_SUCCESS);
    harness_may_die (writer);
    return writer;
}

static void
open_writer (fixture *f)
{
    f->log = harness_log (&f->h, "a");
    f->writer = new_writer (f->log);
}

static void
begin (fixture *f, enum clfs_framing framing)
{
    *f = (fixture) { 0 };
    harness_start (&f->h, CLFS_STORE_INLINE);
    clfs_log_options options;
    harness_options (&options);
    options.framing = (uint8_t) framing;
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (f->h.store, "a", &options, NULL), STATUS_SUCCESS);
    open_writer (f);
}

static void
end (fixture *f)
{
    CU_ASSERT_EQUAL (clfs_writer_close (f->writer), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    harness_end (&f->h);
}

static void
put_flags (clfs_writer *writer, const char *text, unsigned flags)
{
    size_t taken = 99;
    CU_ASSERT_EQUAL (clfs_writer_write (writer, text, strlen (text), flags, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (taken, strlen (text));
}

static void
put (clfs_writer *writer, const char *text)
{
    put_flags (writer, text, 0);
}

static void
check_records (clfs_log *log, const char *expected, unsigned line)
{
    g_autofree char *all = harness_records (log);
    if (strcmp (all, expected) != 0)
        printf ("  line %u: '%s' instead of '%s'\n", line, all, expected);
    CU_ASSERT_STRING_EQUAL (all, expected);
}
#define RECORDS(log, expected) check_records (log, expected, __LINE__)

/* ---- write framing ---- */

static void
each_write_is_a_record (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_WRITE);
    CU_ASSERT_EQUAL (clfs_writer_last_lsn (f.writer), CLFS_INVALID_LSN);
    put (f.writer, "one");
    CU_ASSERT_EQUAL (clfs_writer_last_lsn (f.writer), 0);
    put (f.writer, "two\nlines\n");
    put (f.writer, "");
    CU_ASSERT_EQUAL (clfs_writer_last_lsn (f.writer), 1);
    CU_ASSERT_EQUAL (clfs_writer_pending_bytes (f.writer), 0);
    CU_ASSERT_EQUAL (clfs_writer_cut (f.writer), STATUS_SUCCESS);
    RECORDS (f.log, "one|two\nlines\n|");
    end (&f);
}

static void
a_write_of_the_longest_record_is_one_and_a_longer_one_is_several_in_order (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_WRITE);
    size_t most = harness_info (f.log).record_bytes_max;
    CU_ASSERT_EQUAL (most, 522080);
    size_t bytes = 3 * most + 7, taken;
    g_autofree uint8_t *data = g_malloc (bytes);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t) (i * 7 + i / 1000);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, most, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (taken, most);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, bytes, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (taken, bytes);
    static const size_t pieces = 5;
    size_t lengths[] = { most, most, most, most, 7 };
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    size_t at = 0;
    for (size_t i = 0; i < pieces; i++) {
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
        CU_ASSERT_EQUAL_FATAL (record.bytes, lengths[i]);
        CU_ASSERT (memcmp (record.data, data + at, record.bytes) == 0);
        at = i == 0 ? 0 : at + record.bytes;
    }
    CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_END_OF_FILE);
    clfs_cursor_close (cursor);
    end (&f);
}

static void
large_containers_take_records_of_1044481_bytes (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_WRITE);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_CONTAINER_BYTES, 4 << 20), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).record_bytes_max, CLFS_RECORD_BYTES_MAX);
    g_autofree uint8_t *data = g_malloc0 (CLFS_RECORD_BYTES_MAX + 1);
    memset (data, 'z', CLFS_RECORD_BYTES_MAX + 1);
    size_t taken;
    for (int i = 0; i < 12; i++) {
        CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, CLFS_RECORD_BYTES_MAX, 0, &taken), STATUS_SUCCESS);
        put (f.writer, "small");
    }
    struct iovec vector = { data, CLFS_RECORD_BYTES_MAX + 1 };
    CU_ASSERT_EQUAL (clfs_log_append (f.log, &vector, 1, NULL, NULL), STATUS_BUFFER_TOO_SMALL);
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    for (int i = 0; i < 24; i++) {
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (record.bytes, i % 2 ? 5 : CLFS_RECORD_BYTES_MAX);
    }
    clfs_cursor_close (cursor);
    end (&f);
}

static void
a_write_with_force_flush_is_durable (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_WRITE);
    put (f.writer, "one");
    put_flags (f.writer, "two", CLFS_APPEND_FORCE_FLUSH);
    put (f.writer, "three");
    harness_power_loss (&f.h, CLFS_SIM_NONE);
    open_writer (&f);
    RECORDS (f.log, "one|two|");
    end (&f);
}

/* ---- line framing ---- */

static void
lines_are_whole_records_wherever_the_writes_are_cut (void)
{
    static const char text[] = "one\n\nthree is longer\nx\n\n\nlast\n";
    for (size_t first = 0; first <= sizeof text - 1; first++)
        for (size_t second = first; second <= sizeof text - 1; second += 3) {
            fixture f;
            begin (&f, CLFS_FRAMING_LINE);
            size_t taken;
            CU_ASSERT_EQUAL (clfs_writer_write (f.writer, text, first, 0, &taken), STATUS_SUCCESS);
            CU_ASSERT_EQUAL (clfs_writer_write (f.writer, text + first, second - first, 0, &taken), STATUS_SUCCESS);
            CU_ASSERT_EQUAL (clfs_writer_write (f.writer, text + second, sizeof text - 1 - second, 0, &taken), STATUS_SUCCESS);
            RECORDS (f.log, "one\n|\n|three is longer\n|x\n|\n|\n|last\n|");
            CU_ASSERT_EQUAL (clfs_writer_pending_bytes (f.writer), 0);
            end (&f);
        }
}

static void
an_unterminated_line_is_seen_by_nobody_and_counted (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    put (f.writer, "begun");
    CU_ASSERT_EQUAL (clfs_writer_pending_bytes (f.writer), 5);
    CU_ASSERT_EQUAL (clfs_writer_last_lsn (f.writer), CLFS_INVALID_LSN);
    CU_ASSERT_EQUAL (harness_info (f.log).pending_bytes, 5);
    CU_ASSERT_EQUAL (harness_info (f.log).end_offset, 0);
    RECORDS (f.log, "");
    put (f.writer, " and ended\nnext");
    RECORDS (f.log, "begun and ended\n|");
    CU_ASSERT_EQUAL (clfs_writer_pending_bytes (f.writer), 4);
    CU_ASSERT_EQUAL (clfs_writer_last_lsn (f.writer), 0);
    end (&f);
}

static void
a_cut_makes_only_the_writers_own_line_a_record (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    clfs_writer *other = new_writer (f.log);
    put (f.writer, "mine");
    put (other, "yours");
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_SUCCESS);
    RECORDS (f.log, "");
    CU_ASSERT_EQUAL (clfs_writer_cut (f.writer), STATUS_SUCCESS);
    RECORDS (f.log, "mine|");
    CU_ASSERT_EQUAL (clfs_writer_cut (f.writer), STATUS_SUCCESS);
    RECORDS (f.log, "mine|");
    CU_ASSERT_EQUAL (clfs_writer_pending_bytes (other), 5);
    put (other, " too\n");
    put (f.writer, "more");
    CU_ASSERT_EQUAL (clfs_writer_close (other), STATUS_SUCCESS);
    RECORDS (f.log, "mine|yours too\n|");
    CU_ASSERT_EQUAL (harness_info (f.log).pending_bytes > 4, true);
    end (&f);
}

static void
lines_of_several_writers_never_mix (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    enum { WRITERS = 7, LINES = 60 };
    clfs_writer *writers[WRITERS];
    char *text[WRITERS];
    size_t at[WRITERS] = { 0 };
    for (int w = 0; w < WRITERS; w++) {
        writers[w] = new_writer (f.log);
        GString *all = g_string_new (NULL);
        for (int l = 0; l < LINES; l++) {
            g_string_append_printf (all, "%d %d ", w, l);
            for (int n = 0; n < (w * 131 + l * 37) % 5000; n++)
                g_string_append_c (all, (char) ('a' + w));
            g_string_append_c (all, '\n');
        }
        text[w] = g_string_free (all, FALSE);
    }
    g_autoptr (GRand) rand = g_rand_new_with_seed (3);
    for (bool more = true; more;) {
        more = false;
        for (int w = 0; w < WRITERS; w++) {
            size_t left = strlen (text[w] + at[w]), part = (size_t) g_rand_int_range (rand, 0, 4000), taken;
            part = MIN (left, part);
            CU_ASSERT_EQUAL (clfs_writer_write (writers[w], text[w] + at[w], part, 0, &taken), STATUS_SUCCESS);
            at[w] += part;
            more |= text[w][at[w]] != '\0';
        }
    }
    for (int w = 0; w < WRITERS; w++)
        CU_ASSERT_EQUAL (clfs_writer_close (writers[w]), STATUS_SUCCESS);
    int next[WRITERS] = { 0 };
    size_t total = 0;
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    while (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record) == STATUS_SUCCESS) {
        g_autofree char *line = g_strndup (record.data, record.bytes);
        int w = -1, l = -1;
        CU_ASSERT_EQUAL_FATAL (sscanf (line, "%d %d", &w, &l), 2);
        CU_ASSERT_EQUAL_FATAL (l, next[w]);
        next[w]++;
        CU_ASSERT_PTR_EQUAL (strchr (line, '\n'), line + record.bytes - 1);
        CU_ASSERT_PTR_NOT_NULL (strstr (text[w], line));
        total++;
    }
    CU_ASSERT_EQUAL (total, WRITERS * LINES);
    clfs_cursor_close (cursor);
    for (int w = 0; w < WRITERS; w++)
        g_free (text[w]);
    end (&f);
}

static void
a_line_that_reaches_the_longest_record_is_cut_there (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    size_t most = harness_info (f.log).record_bytes_max;
    g_autofree char *data = g_malloc (most + 100);
    memset (data, 'l', most + 100);
    size_t taken;
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, most - 10, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_pending_bytes (f.writer), most - 10);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 110, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (taken, 110);
    CU_ASSERT_EQUAL (clfs_writer_pending_bytes (f.writer), 100);
    put (f.writer, "\n");
    /* One whose newline is the last byte that fits stays whole. */
    data[most - 1] = '\n';
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, most, 0, &taken), STATUS_SUCCESS);
    size_t lengths[] = { most, 101, most };
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    for (size_t i = 0; i < G_N_ELEMENTS (lengths); i++) {
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (record.bytes, lengths[i]);
    }
    CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_END_OF_FILE);
    clfs_cursor_close (cursor);
    end (&f);
}

static void
a_line_of_a_mebibyte_in_small_writes_is_one_record (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_CONTAINER_BYTES, 4 << 20), STATUS_SUCCESS);
    char piece[1000];
    memset (piece, 'm', sizeof piece);
    size_t taken, total = 0;
    while (total < 1040000) {
        CU_ASSERT_EQUAL_FATAL (clfs_writer_write (f.writer, piece, sizeof piece, 0, &taken), STATUS_SUCCESS);
        total += taken;
    }
    RECORDS (f.log, "");
    put (f.writer, "\n");
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (record.bytes, 1040001);
    clfs_cursor_close (cursor);
    end (&f);
}

static void
force_flush_makes_the_unterminated_line_a_durable_record (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    put (f.writer, "one\ntw");
    put_flags (f.writer, "o", CLFS_APPEND_FORCE_FLUSH);
    CU_ASSERT_EQUAL (clfs_writer_pending_bytes (f.writer), 0);
    put (f.writer, "three\nfour");
    harness_power_loss (&f.h, CLFS_SIM_NONE);
    open_writer (&f);
    RECORDS (f.log, "one\n|two|");
    end (&f);
}

static void
closing_a_writer_makes_its_line_a_record (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    put (f.writer, "rest");
    CU_ASSERT_EQUAL (clfs_writer_close (f.writer), STATUS_SUCCESS);
    RECORDS (f.log, "rest|");
    CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_SUCCESS);
    open_writer (&f);
    RECORDS (f.log, "rest|");
    end (&f);
}

static void
unterminated_lines_of_a_process_that_died_become_records_once_and_in_order (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    clfs_writer *other = new_writer (f.log), *idle = new_writer (f.log);
    put (f.writer, "whole\nfirst begun");
    put (other, "second begun");
    put (idle, "ended\n");
    harness_kill (&f.h);
    open_writer (&f);
    RECORDS (f.log, "whole\n|ended\n|first begun|second begun|");
    put (f.writer, "more");
    harness_kill (&f.h);
    open_writer (&f);
    RECORDS (f.log, "whole\n|ended\n|first begun|second begun|more|");
    CU_ASSERT_EQUAL (clfs_writer_close (f.writer), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_SUCCESS);
    open_writer (&f);
    RECORDS (f.log, "whole\n|ended\n|first begun|second begun|more|");
    end (&f);
}

static void
long_unterminated_lines_of_a_process_that_died_are_whole (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    enum { WRITERS = 5 };
    clfs_writer *writers[WRITERS];
    g_autofree char *data = g_malloc (200000);
    for (int w = 0; w < WRITERS; w++) {
        writers[w] = new_writer (f.log);
        memset (data, 'a' + w, 200000);
        size_t taken;
        for (int i = 0; i <= w; i++)
            CU_ASSERT_EQUAL (clfs_writer_write (writers[w], data, 33333, 0, &taken), STATUS_SUCCESS);
    }
    harness_kill (&f.h);
    open_writer (&f);
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    for (int w = 0; w < WRITERS; w++) {
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (record.bytes, 33333u * (unsigned) (w + 1));
        memset (data, 'a' + w, 200000);
        CU_ASSERT (memcmp (record.data, data, record.bytes) == 0);
    }
    clfs_cursor_close (cursor);
    end (&f);
}

static void
a_kill_at_any_io_keeps_every_line_exactly_once (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    put (f.writer, "one\ntwo\nbegun");
    clfs_sim_kill (f.h.disk);
    /* The successor dies, too, at each of its steps; the next one still finds everything. */
    for (uint64_t at = 0; at < 40; at++) {
        clfs_sim_disk *copy = clfs_sim_disk_copy (f.h.disk);
        harness second = { .disk = copy, .flags = CLFS_STORE_INLINE };
        clfs_sim_stop_after (copy, at);
        clfs_storage *storage;
        clfs_store_options options = { .flags = CLFS_STORE_INLINE };
        clfs_store *dying;
        clfs_log *log = NULL;
        CU_ASSERT_EQUAL_FATAL (clfs_sim_storage_open (copy, 0, &storage), STATUS_SUCCESS);
        CU_ASSERT_EQUAL_FATAL (clfs_store_open_on (storage, "dying", &options, &dying), STATUS_SUCCESS);
        NTSTATUS status = clfs_log_open (dying, "a", CLFS_LOG_WRITE, &log);
        clfs_sim_kill (copy);
        clfs_sim_stop_after (copy, CLFS_SIM_NEVER);
        harness_boot (&second);
        clfs_log *after = harness_log (&second, "a");
        RECORDS (after, "one\n|two\n|begun|");
        CU_ASSERT_EQUAL (clfs_log_close (after), STATUS_SUCCESS);
        harness_stop (&second);
        if (status == STATUS_SUCCESS)
            (void) !clfs_log_close (log);
        (void) !clfs_store_close (dying);
        clfs_sim_disk_free (copy);
        if (status == STATUS_SUCCESS)
            break;
        CU_ASSERT (at < 39);
    }
    harness_boot (&f.h);
    open_writer (&f);
    end (&f);
}

/* ---- full logs ---- */

static void
a_full_log_takes_what_fits_and_says_how_much (void)
{
    for (int lines = 0; lines < 2; lines++) {
        fixture f;
        begin (&f, lines ? CLFS_FRAMING_LINE : CLFS_FRAMING_WRITE);
        CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
        enum { LINE = 50000 };
        size_t bytes = 40 * LINE, taken;
        g_autofree char *data = g_malloc (bytes);
        for (size_t i = 0; i < bytes; i++)
            data[i] = i % LINE == LINE - 1 ? '\n' : (char) ('a' + i / LINE % 26);
        CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, bytes, 0, &taken), STATUS_LOG_FULL);
        CU_ASSERT (taken > 0);
        CU_ASSERT (taken < bytes);
        clfs_info info = harness_info (f.log);
        CU_ASSERT_EQUAL (info.state, CLFS_STATE_FULL);
        CU_ASSERT_EQUAL (info.end_offset, taken);
        if (lines)
            CU_ASSERT_EQUAL (taken % LINE, 0);
        g_autofree char *stream = harness_stream (f.log, false);
        CU_ASSERT (memcmp (stream, data, taken) == 0);
        CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 8 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_OK);
        size_t more;
        CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data + taken, bytes - taken, 0, &more), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (taken + more, bytes);
        g_autofree char *all = harness_stream (f.log, false);
        CU_ASSERT (memcmp (all, data, bytes) == 0);
        end (&f);
    }
}

static void
a_line_whose_newline_finds_no_room_stays_pending_and_is_taken_later (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    g_autofree char *data = g_malloc (400000);
    memset (data, 'f', 400000);
    data[399999] = '\n';
    size_t taken;
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 400000, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 400000, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 300000, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, "\n", 1, 0, &taken), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (taken, 0);
    CU_ASSERT_EQUAL (clfs_writer_pending_bytes (f.writer), 300000);
    CU_ASSERT_EQUAL (clfs_writer_cut (f.writer), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 4 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, "\n", 1, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_pending_bytes (f.writer), 0);
    CU_ASSERT_EQUAL (harness_info (f.log).end_offset, 1100001);
    end (&f);
}

static void
unterminated_lines_of_dead_processes_wait_until_a_full_log_has_room (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    g_autofree char *data = g_malloc (400000);
    memset (data, 'f', 400000);
    data[399999] = '\n';
    size_t taken;
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 400000, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 400000, 0, &taken), STATUS_SUCCESS);
    for (int process = 0; process < 3; process++) {
        memset (data, 'a' + process, 300000);
        /* The first process did not know yet; the opening of the others found that the log is full. */
        CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 300000, 0, &taken), process == 0 ? STATUS_SUCCESS : STATUS_LOG_FULL);
        CU_ASSERT_EQUAL (taken, process == 0 ? 300000 : 0);
        harness_kill (&f.h);
        open_writer (&f);
        CU_ASSERT_EQUAL (harness_info (f.log).end_offset, 800000);
        CU_ASSERT_EQUAL (harness_info (f.log).state == CLFS_STATE_FAILED, false);
    }
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 8 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    for (int round = 0; round < 2; round++) {
        CU_ASSERT_EQUAL (clfs_writer_close (f.writer), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_SUCCESS);
        open_writer (&f);
        g_autofree char *stream = harness_stream (f.log, true);
        CU_ASSERT_EQUAL_FATAL (strlen (stream), 1100000);
        CU_ASSERT_EQUAL (stream[800000], 'a');
        CU_ASSERT_EQUAL (stream[1099999], 'a');
    }
    end (&f);
}

static void
an_unterminated_line_that_finds_no_room_at_the_close_waits_for_an_opening_with_room (void)
{
    fixture f;
    begin (&f, CLFS_FRAMING_LINE);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    g_autofree char *data = g_malloc (400000);
    memset (data, 'f', 400000);
    data[399999] = '\n';
    size_t taken;
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 400000, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 400000, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 300000, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_close (f.writer), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (clfs_writer_open (f.log, &f.writer), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (f.writer, data, 300000, 0, &taken), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (taken, 0);
    clfs_info info = harness_info (f.log);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_FULL);
    CU_ASSERT_PTR_NOT_NULL (strstr (info.error, "is full"));
    CU_ASSERT_EQUAL (info.pending_bytes >= 300000, true);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 8 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    for (int round = 0; round < 2; round++) {
        CU_ASSERT_EQUAL (clfs_writer_close (f.writer), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_SUCCESS);
        open_writer (&f);
        CU_ASSERT_EQUAL (harness_info (f.log).end_offset, 1100000);
        CU_ASSERT_EQUAL (harness_info (f.log).pending_bytes, 0);
    }
    end (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (each_write_is_a_record),
    CLFS_TEST (a_write_of_the_longest_record_is_one_and_a_longer_one_is_several_in_order),
    CLFS_TEST (large_containers_take_records_of_1044481_bytes),
    CLFS_TEST (a_write_with_force_flush_is_durable),
    CLFS_TEST (lines_are_whole_records_wherever_the_writes_are_cut),
    CLFS_TEST (an_unterminated_line_is_seen_by_nobody_and_counted),
    CLFS_TEST (a_cut_makes_only_the_writers_own_line_a_record),
    CLFS_TEST (lines_of_several_writers_never_mix),
    CLFS_TEST (a_line_that_reaches_the_longest_record_is_cut_there),
    CLFS_TEST (a_line_of_a_mebibyte_in_small_writes_is_one_record),
    CLFS_TEST (force_flush_makes_the_unterminated_line_a_durable_record),
    CLFS_TEST (closing_a_writer_makes_its_line_a_record),
    CLFS_TEST (unterminated_lines_of_a_process_that_died_become_records_once_and_in_order),
    CLFS_TEST (long_unterminated_lines_of_a_process_that_died_are_whole),
    CLFS_TEST (a_kill_at_any_io_keeps_every_line_exactly_once),
    CLFS_TEST (a_full_log_takes_what_fits_and_says_how_much),
    CLFS_TEST (a_line_whose_newline_finds_no_room_stays_pending_and_is_taken_later),
    CLFS_TEST (unterminated_lines_of_dead_processes_wait_until_a_full_log_has_room),
    CLFS_TEST (an_unterminated_line_that_finds_no_room_at_the_close_waits_for_an_opening_with_room),
};
CLFS_TEST_MAIN (tests)
