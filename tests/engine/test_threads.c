/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many threads on one log in a directory of files: every record once and in its thread's order, for everybody who reads. */
#include "harness.h"

#include <glib/gstdio.h>

enum { APPENDERS = 8, READERS = 3 };

typedef struct shared {
    char *path;
    clfs_store *store;
    clfs_log *log;
    unsigned each;                   /* records an appender makes */
    gint appenders_left, readers_left;
    GMutex lock;
    clfs_lsn_t read_to[READERS];     /* lock: what each reader has passed */
    gint failures;
} shared;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf ("  %s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, clfs_error_message ()); \
            g_atomic_int_inc (&s->failures); \
        } \
    } while (0)

static void
begin (shared *s, unsigned each, uint64_t max_containers, uint8_t framing)
{
    *s = (shared) { .each = clfs_test_quick () ? each / 5 : each, .appenders_left = APPENDERS, .readers_left = READERS };
    g_autofree char *pattern = g_build_filename (g_get_tmp_dir (), "clfs-threads-XXXXXX", NULL);
    s->path = g_mkdtemp (g_steal_pointer (&pattern));
    g_mutex_init (&s->lock);
    CU_ASSERT_EQUAL_FATAL (clfs_store_open (s->path, NULL, &s->store), STATUS_SUCCESS);
    clfs_log_options options;
    harness_options (&options);
    options.max_bytes = max_containers * CLFS_CONTAINER_BYTES_UNIT;
    options.flush_ms = 20;
    options.flush_threshold_bytes = 65536;
    options.pending_bytes_max = CLFS_PENDING_BYTES_MIN;
    options.framing = framing;
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (s->store, "a", &options, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (s->store, "a", CLFS_LOG_WRITE, &s->log), STATUS_SUCCESS);
}

static void
end (shared *s)
{
    CU_ASSERT_EQUAL (clfs_log_close (s->log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_delete (s->store, "a", 0), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (s->store), STATUS_SUCCESS);
    GDir *directory = g_dir_open (s->path, 0, NULL);
    const char *name;
    while (directory && (name = g_dir_read_name (directory))) {
        g_autofree char *file = g_build_filename (s->path, name, NULL);
        g_unlink (file);
    }
    if (directory)
        g_dir_close (directory);
    CU_ASSERT_EQUAL (g_rmdir (s->path), 0);
    g_free (s->path);
    g_mutex_clear (&s->lock);
    CU_ASSERT_EQUAL (s->failures, 0);
}

typedef struct part {
    shared *s;
    unsigned id;
} part;

/* A record's text: who, which, and filling of a length that follows from both. */
static size_t
record_text (char *out, size_t room, unsigned id, unsigned number)
{
    int head = g_snprintf (out, room, "%u %u ", id, number);
    size_t bytes = (size_t) head + (id * 977 + number * 331) % 2500;
    memset (out + head, 'a' + (int) ((id + number) % 26), bytes - (size_t) head);
    out[bytes] = '\n';
    return bytes + 1;
}

static gpointer
append_many (gpointer data)
{
    const part *mine = data;
    shared *s = mine->s;
    char text[4000];
    clfs_lsn_t before = 0;
    for (unsigned i = 0; i < s->each; i++) {
        struct iovec vector = { text, record_text (text, sizeof text, mine->id, i) };
        clfs_append_options options = { i % 37 == mine->id ? CLFS_APPEND_FORCE_FLUSH : 0, CLFS_INVALID_LSN, CLFS_INVALID_LSN };
        clfs_lsn_t lsn = 0;
        NTSTATUS status;
        /* The base mover makes room. */
        while ((status = clfs_log_append (s->log, &vector, 1, &options, &lsn)) == STATUS_LOG_FULL)
            g_usleep (500);
        CHECK (status == STATUS_SUCCESS);
        CHECK (i == 0 || lsn > before);
        before = lsn;
        if (options.flags) {
            clfs_info info = harness_info (s->log);
            CHECK (info.durable_below > lsn);
        }
        if (i % 50 == 25) {
            clfs_lsn_t durable = 0;
            CHECK (clfs_log_flush (s->log, lsn, &durable) == STATUS_SUCCESS);
            CHECK (durable > lsn);
        }
    }
    g_atomic_int_dec_and_test (&s->appenders_left);
    return NULL;
}

static gpointer
read_all (gpointer data)
{
    const part *mine = data;
    shared *s = mine->s;
    unsigned next[APPENDERS] = { 0 }, seen = 0;
    char text[4000];
    clfs_cursor *cursor;
    CHECK (clfs_cursor_open (s->log, CLFS_CURSOR_FORWARD, &cursor) == STATUS_SUCCESS);
    clfs_lsn_t last = 0;
    while (seen < APPENDERS * s->each && g_atomic_int_get (&s->failures) == 0) {
        clfs_record record;
        NTSTATUS status = clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record);
        if (status == STATUS_END_OF_FILE) {
            g_thread_yield ();
            continue;
        }
        CHECK (status == STATUS_SUCCESS);
        if (status != STATUS_SUCCESS)
            break;
        CHECK (seen == 0 || record.lsn > last);
        last = record.lsn;
        unsigned id = APPENDERS, number = 0;
        CHECK (sscanf (record.data, "%u %u ", &id, &number) == 2 && id < APPENDERS);
        if (id >= APPENDERS)
            break;
        CHECK (number == next[id]);
        next[id]++;
        size_t bytes = record_text (text, sizeof text, id, number);
        CHECK (record.bytes == bytes && memcmp (record.data, text, bytes) == 0);
        seen++;
        g_mutex_lock (&s->lock);
        s->read_to[mine->id] = record.lsn;
        g_mutex_unlock (&s->lock);
    }
    CHECK (seen == APPENDERS * s->each);
    clfs_cursor_close (cursor);
    g_atomic_int_dec_and_test (&s->readers_left);
    return NULL;
}

static gpointer
move_base (gpointer data)
{
    const part *mine = data;
    shared *s = mine->s;
    while (g_atomic_int_get (&s->readers_left) > 0) {
        clfs_lsn_t lowest = CLFS_INVALID_LSN;
        g_mutex_lock (&s->lock);
        for (int i = 0; i < READERS; i++)
            lowest = MIN (lowest, s->read_to[i]);
        g_mutex_unlock (&s->lock);
        NTSTATUS status = clfs_log_set_base (s->log, lowest);
        CHECK (status == STATUS_SUCCESS || status == STATUS_LOG_START_OF_LOG);
        CHECK (harness_info (s->log).base >= lowest || status != STATUS_SUCCESS);
        g_usleep (2000);
    }
    return NULL;
}

static void
count_call (NTSTATUS status, clfs_lsn_t durable, void *data)
{
    (void) durable;
    if (status == STATUS_SUCCESS)
        g_atomic_int_inc ((gint *) data);
}

static gpointer
flush_all (gpointer data)
{
    const part *mine = data;
    shared *s = mine->s;
    gint calls = 0, asked = 0;
    clfs_lsn_t highest = 0;
    while (g_atomic_int_get (&s->appenders_left) > 0) {
        clfs_lsn_t durable = 0;
        CHECK (clfs_log_flush (s->log, CLFS_NULL_LSN, &durable) == STATUS_SUCCESS);
        CHECK (durable >= highest);
        highest = durable;
        CHECK (clfs_log_flush_async (s->log, CLFS_NULL_LSN, count_call, &calls, NULL) == STATUS_PENDING);
        asked++;
    }
    CHECK (clfs_log_flush (s->log, CLFS_NULL_LSN, NULL) == STATUS_SUCCESS);
    for (int i = 0; i < 20000 && g_atomic_int_get (&calls) < asked; i++)
        g_usleep (1000);
    CHECK (g_atomic_int_get (&calls) == asked);
    return NULL;
}

static gpointer
write_restarts (gpointer data)
{
    const part *mine = data;
    shared *s = mine->s;
    for (unsigned i = 0; g_atomic_int_get (&s->appenders_left) > 0; i++) {
        clfs_lsn_t lsn = 0;
        NTSTATUS status = clfs_log_write_restart (s->log, "area", 4, CLFS_INVALID_LSN, &lsn);
        CHECK (status == STATUS_SUCCESS || status == STATUS_LOG_FULL);
        g_usleep (5000);
    }
    return NULL;
}

static void
every_record_comes_once_and_in_its_threads_order (void)
{
    shared s;
    begin (&s, 600, 6, CLFS_FRAMING_WRITE);
    part parts[APPENDERS + READERS + 3];
    GThread *threads[G_N_ELEMENTS (parts)];
    unsigned n = 0;
    for (unsigned i = 0; i < READERS; i++, n++) {
        parts[n] = (part) { &s, i };
        threads[n] = g_thread_new ("reader", read_all, &parts[n]);
    }
    for (unsigned i = 0; i < APPENDERS; i++, n++) {
        parts[n] = (part) { &s, i };
        threads[n] = g_thread_new ("appender", append_many, &parts[n]);
    }
    parts[n] = (part) { &s, 0 };
    threads[n] = g_thread_new ("base", move_base, &parts[n]);
    n++;
    parts[n] = (part) { &s, 0 };
    threads[n] = g_thread_new ("flusher", flush_all, &parts[n]);
    n++;
    parts[n] = (part) { &s, 0 };
    threads[n] = g_thread_new ("restart", write_restarts, &parts[n]);
    n++;
    for (unsigned i = 0; i < n; i++)
        g_thread_join (threads[i]);
    clfs_info info = harness_info (s.log);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_OK);
    CU_ASSERT (info.containers <= 6);
    /* What is left is the same after a clean end. */
    g_autofree char *before = harness_stream (s.log, false);
    CU_ASSERT_EQUAL (clfs_log_close (s.log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (s.store, "a", CLFS_LOG_WRITE, &s.log), STATUS_SUCCESS);
    g_autofree char *after = harness_stream (s.log, true);
    CU_ASSERT_STRING_EQUAL (before, after);
    end (&s);
}

static gpointer
write_lines (gpointer data)
{
    const part *mine = data;
    shared *s = mine->s;
    clfs_writer *writer;
    char text[4000];
    CHECK (clfs_writer_open (s->log, &writer) == STATUS_SUCCESS);
    for (unsigned i = 0; i < s->each; i++) {
        size_t bytes = record_text (text, sizeof text, mine->id, i), cut = (i * 53) % bytes, taken = 0;
        CHECK (clfs_writer_write (writer, text, cut, 0, &taken) == STATUS_SUCCESS && taken == cut);
        CHECK (clfs_writer_pending_bytes (writer) == cut);
        CHECK (clfs_writer_write (writer, text + cut, bytes - cut, i % 31 ? 0 : CLFS_APPEND_FORCE_FLUSH, &taken) == STATUS_SUCCESS);
        CHECK (taken == bytes - cut);
    }
    CHECK (clfs_writer_close (writer) == STATUS_SUCCESS);
    g_atomic_int_dec_and_test (&s->appenders_left);
    return NULL;
}

static void
lines_of_many_threads_stay_whole (void)
{
    shared s;
    begin (&s, 300, 100, CLFS_FRAMING_LINE);
    part parts[APPENDERS + READERS];
    GThread *threads[G_N_ELEMENTS (parts)];
    for (unsigned i = 0; i < G_N_ELEMENTS (parts); i++) {
        parts[i] = (part) { &s, i < APPENDERS ? i : i - APPENDERS };
        threads[i] = g_thread_new ("lines", i < APPENDERS ? write_lines : read_all, &parts[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (parts); i++)
        g_thread_join (threads[i]);
    CU_ASSERT_EQUAL (harness_info (s.log).state, CLFS_STATE_OK);
    end (&s);
}

static gpointer
open_and_close (gpointer data)
{
    const part *mine = data;
    shared *s = mine->s;
    char text[100];
    for (unsigned i = 0; i < s->each; i++) {
        clfs_log *log;
        clfs_info info;
        char **names;
        size_t count;
        CHECK (clfs_log_open (s->store, "b", CLFS_LOG_WRITE, &log) == STATUS_SUCCESS);
        g_snprintf (text, sizeof text, "%u %u ", mine->id, i);
        struct iovec vector = { text, strlen (text) };
        CHECK (clfs_log_append (log, &vector, 1, NULL, NULL) == STATUS_SUCCESS);
        CHECK (clfs_log_close (log) == STATUS_SUCCESS);
        CHECK (clfs_log_peek (s->store, "b", &info, NULL) == STATUS_SUCCESS);
        /* While another thread is just closing it the marks are not known. */
        CHECK (!info.closed_cleanly || info.end_offset >= strlen (text));
        CHECK (clfs_store_names (s->store, &names, &count) == STATUS_SUCCESS && count == 2);
        clfs_names_free (names, count);
    }
    return NULL;
}

static void
opening_and_closing_by_many_threads_loses_nothing (void)
{
    shared s;
    begin (&s, 60, 10, CLFS_FRAMING_WRITE);
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (s.store, "b", NULL, NULL), STATUS_SUCCESS);
    part parts[APPENDERS];
    GThread *threads[APPENDERS];
    for (unsigned i = 0; i < APPENDERS; i++) {
        parts[i] = (part) { &s, i };
        threads[i] = g_thread_new ("opener", open_and_close, &parts[i]);
    }
    for (unsigned i = 0; i < APPENDERS; i++)
        g_thread_join (threads[i]);
    clfs_log *log;
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (s.store, "b", CLFS_LOG_READ, &log), STATUS_SUCCESS);
    clfs_cursor *cursor;
    clfs_record record;
    unsigned next[APPENDERS] = { 0 }, seen = 0;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    while (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record) == STATUS_SUCCESS) {
        g_autofree char *text = g_strndup (record.data, record.bytes);
        unsigned id = 0, number = 0;
        CU_ASSERT_EQUAL_FATAL (sscanf (text, "%u %u", &id, &number), 2);
        CU_ASSERT_FATAL (id < APPENDERS);
        CU_ASSERT_EQUAL (number, next[id]);
        next[id]++;
        seen++;
    }
    CU_ASSERT_EQUAL (seen, APPENDERS * s.each);
    clfs_cursor_close (cursor);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_delete (s.store, "b", 0), STATUS_SUCCESS);
    end (&s);
}

static const clfs_test tests[] = {
    CLFS_TEST (every_record_comes_once_and_in_its_threads_order),
    CLFS_TEST (lines_of_many_threads_stay_whole),
    CLFS_TEST (opening_and_closing_by_many_threads_loses_nothing),
};
CLFS_TEST_MAIN (tests)
