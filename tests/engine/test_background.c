/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens without being asked for: flushes by age, by threshold and at the bound, and news for those who watch. */
#include "gate.h"
#include "harness.h"

#include <glib/gstdio.h>

typedef struct fixture {
    char *path;
    clfs_store *store;
    clfs_log *log;
} fixture;

static void
begin (fixture *f, uint32_t flush_ms, uint32_t threshold, bool gated)
{
    g_autofree char *pattern = g_build_filename (g_get_tmp_dir (), "clfs-background-XXXXXX", NULL);
    f->path = g_mkdtemp (g_steal_pointer (&pattern));
    clfs_storage *storage;
    clfs_store_options store_options = { 0 };
    CU_ASSERT_EQUAL_FATAL (clfs_file_storage_open (f->path, 0, &storage), STATUS_SUCCESS);
    if (gated)
        gate_install (storage);
    CU_ASSERT_EQUAL_FATAL (clfs_store_open_on (storage, f->path, &store_options, &f->store), STATUS_SUCCESS);
    clfs_log_options options;
    harness_options (&options);
    options.container_bytes = 8 * CLFS_CONTAINER_BYTES_UNIT;
    options.flush_ms = flush_ms;
    options.flush_threshold_bytes = threshold;
    options.pending_bytes_max = CLFS_PENDING_BYTES_MIN;
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (f->store, "a", &options, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (f->store, "a", CLFS_LOG_WRITE, &f->log), STATUS_SUCCESS);
    /* The log's first record makes its container; that is not what is looked at here. */
    harness_append (f->log, "first");
    CU_ASSERT_EQUAL (clfs_log_flush (f->log, 0, NULL), STATUS_SUCCESS);
}

static void
end (fixture *f)
{
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_delete (f->store, "a", 0), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (f->store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (g_rmdir (f->path), 0);
    g_free (f->path);
}

/* Waits, for half a minute at most, until nothing is pending. */
static bool
becomes_durable (clfs_log *log)
{
    for (int i = 0; i < 30000; i++) {
        if (harness_info (log).pending_bytes == 0)
            return true;
        g_usleep (1000);
    }
    return false;
}

static void
what_is_older_than_flush_ms_becomes_durable_without_being_asked_for (void)
{
    fixture f;
    begin (&f, 30, 1 << 20, false);
    for (int i = 0; i < 3; i++) {
        clfs_lsn_t lsn = harness_append (f.log, "aging");
        CU_ASSERT (becomes_durable (f.log));
        CU_ASSERT (harness_info (f.log).durable_below > lsn);
    }
    end (&f);
}

static void
what_is_over_the_threshold_becomes_durable_without_being_asked_for (void)
{
    fixture f;
    begin (&f, 86400000, 10000, false);
    clfs_lsn_t lsn = 0;
    CU_ASSERT_EQUAL (harness_append_number (f.log, 1, 9000, &lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_append_number (f.log, 1, 9000, &lsn), STATUS_SUCCESS);
    CU_ASSERT (becomes_durable (f.log));
    CU_ASSERT (harness_info (f.log).durable_below > lsn);
    end (&f);
}

static void
with_flush_ms_off_nothing_is_flushed_below_the_bound (void)
{
    fixture f;
    begin (&f, 0, 512, true);
    unsigned barriers = gate_barriers ();
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL (harness_append_number (f.log, 1, 9000, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (gate_barriers (), barriers);
    CU_ASSERT (harness_info (f.log).pending_bytes >= 180000);
    /* At the bound appends flush by themselves rather than fail. */
    for (int i = 0; i < 60; i++) {
        CU_ASSERT_EQUAL (harness_append_number (f.log, 1, 9000, NULL), STATUS_SUCCESS);
        CU_ASSERT (harness_info (f.log).pending_bytes <= CLFS_PENDING_BYTES_MIN);
    }
    CU_ASSERT (gate_barriers () > barriers);
    end (&f);
}

typedef struct appender {
    clfs_log *log;
    gint done;
} appender;

static gpointer
append_at_the_bound (gpointer data)
{
    appender *mine = data;
    NTSTATUS status = harness_append_number (mine->log, 2, 9000, NULL);
    g_atomic_int_set (&mine->done, status == STATUS_SUCCESS ? 1 : 2);
    return NULL;
}

static void
at_the_bound_an_append_waits_or_says_pending_if_it_must_not (void)
{
    fixture f;
    begin (&f, 0, 512, true);
    gate_close ();
    while (harness_info (f.log).pending_bytes + 9040 <= CLFS_PENDING_BYTES_MIN)
        CU_ASSERT_EQUAL_FATAL (harness_append_number (f.log, 1, 9000, NULL), STATUS_SUCCESS);
    clfs_info before = harness_info (f.log);
    g_autofree char *data = g_malloc0 (9000);
    struct iovec vector = { data, 9000 };
    clfs_append_options options = { CLFS_APPEND_NO_WAIT, CLFS_INVALID_LSN, CLFS_INVALID_LSN };
    clfs_lsn_t lsn = 77;
    CU_ASSERT_EQUAL (clfs_log_append (f.log, &vector, 1, &options, &lsn), STATUS_PENDING);
    CU_ASSERT_EQUAL (lsn, 77);
    CU_ASSERT_EQUAL (harness_info (f.log).end_offset, before.end_offset);
    gate_await ();
    appender waits = { .log = f.log };
    GThread *thread = g_thread_new ("appender", append_at_the_bound, &waits);
    g_usleep (20000);
    CU_ASSERT_EQUAL (g_atomic_int_get (&waits.done), 0);
    gate_open ();
    g_thread_join (thread);
    CU_ASSERT_EQUAL (waits.done, 1);
    NTSTATUS status = STATUS_PENDING;
    for (int i = 0; i < 30000 && status == STATUS_PENDING; i++) {
        status = clfs_log_append (f.log, &vector, 1, &options, &lsn);
        g_usleep (1000);
    }
    CU_ASSERT_EQUAL (status, STATUS_SUCCESS);
    end (&f);
}

static void
an_append_that_must_not_wait_succeeds_once_its_container_is_made (void)
{
    fixture f;
    begin (&f, 1000, 65536, false);
    g_autofree char *data = g_malloc0 (60000);
    struct iovec vector = { data, 60000 };
    clfs_append_options options = { CLFS_APPEND_NO_WAIT, CLFS_INVALID_LSN, CLFS_INVALID_LSN };
    clfs_lsn_t lsn = 0, before = 0;
    unsigned made = 0;
    for (int tries = 0; tries < 60000 && clfs_lsn_container (lsn) < 3; tries++) {
        NTSTATUS status = clfs_log_append (f.log, &vector, 1, &options, &lsn);
        if (status == STATUS_PENDING) {
            g_usleep (500);
            continue;
        }
        CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
        CU_ASSERT (lsn > before);
        before = lsn;
        made++;
    }
    CU_ASSERT_EQUAL (clfs_lsn_container (lsn), 3);
    CU_ASSERT_EQUAL (harness_info (f.log).end_offset, 5 + made * UINT64_C (60000));
    end (&f);
}

static void
a_background_flush_that_fails_makes_the_log_fail (void)
{
    harness h = { 0 };
    harness_start (&h, 0);
    clfs_log_options options;
    harness_options (&options);
    options.flush_ms = 1000;
    options.flush_threshold_bytes = 512;
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (h.store, "a", &options, NULL), STATUS_SUCCESS);
    clfs_log *log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (harness_append_number (log, 1, 100, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_flush (log, 0, NULL), STATUS_SUCCESS);
    clfs_sim_fail (h.disk, CLFS_SIM_BARRIER, NULL, 0, 1, STATUS_IO_DEVICE_ERROR);
    NTSTATUS status = STATUS_SUCCESS;
    for (int i = 0; i < 30000 && status == STATUS_SUCCESS; i++) {
        status = harness_append_number (log, 1, 1000, NULL);
        g_usleep (1000);
    }
    CU_ASSERT_EQUAL (status, STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (clfs_log_recover (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

/* ---- watches ---- */

typedef struct news {
    gint events[4];
} news;

static void
hear (clfs_log *log, unsigned events, void *data)
{
    news *heard = data;
    clfs_info info;
    clfs_log_info (log, &info);
    for (int i = 0; i < 4; i++)
        if (events & 1u << i)
            g_atomic_int_inc (&heard->events[i]);
}

static void
a_watch_hears_what_it_asked_for_until_it_is_ended (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a"), *other = harness_log (&h, "a");
    news all = { 0 }, durable = { 0 };
    clfs_log_watch (log, CLFS_EVENT_APPENDED | CLFS_EVENT_DURABLE | CLFS_EVENT_BASE | CLFS_EVENT_STATE, hear, &all);
    clfs_log_watch (other, CLFS_EVENT_DURABLE, hear, &durable);
    clfs_lsn_t two;
    harness_append (other, "one");
    two = harness_append (other, "two");
    CU_ASSERT (all.events[0] >= 1);
    CU_ASSERT_EQUAL (all.events[1], 0);
    CU_ASSERT_EQUAL (durable.events[0] + durable.events[1], 0);
    CU_ASSERT_EQUAL (clfs_log_flush (log, 0, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (all.events[1], 1);
    CU_ASSERT_EQUAL (durable.events[1], 1);
    CU_ASSERT_EQUAL (clfs_log_set_base (log, two), STATUS_SUCCESS);
    CU_ASSERT (all.events[2] >= 1);
    CU_ASSERT_EQUAL (durable.events[2], 0);
    clfs_writer *writer;
    size_t taken;
    CU_ASSERT_EQUAL (clfs_writer_open (log, &writer), STATUS_SUCCESS);
    int before = all.events[0];
    CU_ASSERT_EQUAL (clfs_writer_write (writer, "three", 5, 0, &taken), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (all.events[0], before + 1);
    CU_ASSERT_EQUAL (clfs_writer_close (writer), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (all.events[3], 0);
    clfs_sim_fail (h.disk, CLFS_SIM_BARRIER, NULL, 0, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_EQUAL (clfs_log_flush (log, 0, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT (all.events[3] >= 1);
    before = all.events[3];
    CU_ASSERT_EQUAL (clfs_log_recover (log), STATUS_SUCCESS);
    CU_ASSERT (all.events[3] > before);
    clfs_log_watch (log, 0, NULL, NULL);
    news kept = all;
    harness_append (log, "four");
    CU_ASSERT_EQUAL (clfs_log_flush (log, 0, NULL), STATUS_SUCCESS);
    CU_ASSERT (memcmp (&kept, &all, sizeof all) == 0);
    CU_ASSERT (durable.events[1] >= 2);
    CU_ASSERT_EQUAL (clfs_log_close (other), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static void
a_full_log_is_news_and_its_end_too (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (clfs_log_set (log, CLFS_SET_MAX_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    news heard = { 0 };
    clfs_log_watch (log, CLFS_EVENT_STATE, hear, &heard);
    while (harness_append_number (log, 1, 10000, NULL) == STATUS_SUCCESS)
        ;
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_FULL);
    CU_ASSERT_EQUAL (heard.events[3], 1);
    CU_ASSERT_EQUAL (clfs_log_set (log, CLFS_SET_MAX_BYTES, 4 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
    CU_ASSERT_EQUAL (heard.events[3], 2);
    while (harness_append_number (log, 1, 10000, NULL) == STATUS_SUCCESS)
        ;
    CU_ASSERT_EQUAL (heard.events[3], 3);
    CU_ASSERT_EQUAL (clfs_log_add_containers (log, 1, NULL, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
    CU_ASSERT_EQUAL (heard.events[3], 4);
    while (harness_append_number (log, 1, 10000, NULL) == STATUS_SUCCESS)
        ;
    CU_ASSERT_EQUAL (heard.events[3], 5);
    CU_ASSERT_EQUAL (clfs_log_set_base (log, harness_info (log).next), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
    CU_ASSERT_EQUAL (heard.events[3], 6);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static const clfs_test tests[] = {
    CLFS_TEST (what_is_older_than_flush_ms_becomes_durable_without_being_asked_for),
    CLFS_TEST (what_is_over_the_threshold_becomes_durable_without_being_asked_for),
    CLFS_TEST (with_flush_ms_off_nothing_is_flushed_below_the_bound),
    CLFS_TEST (at_the_bound_an_append_waits_or_says_pending_if_it_must_not),
    CLFS_TEST (an_append_that_must_not_wait_succeeds_once_its_container_is_made),
    CLFS_TEST (a_background_flush_that_fails_makes_the_log_fail),
    CLFS_TEST (a_watch_hears_what_it_asked_for_until_it_is_ended),
    CLFS_TEST (a_full_log_is_news_and_its_end_too),
};
CLFS_TEST_MAIN (tests)
