/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flush to an LSN: the corner table, one test a line. N is the next LSN, F the first that is not durable, L the last record.
 * The lines about pointers and contexts are the Windows names' and are tested there.
 */
#include "gate.h"
#include "harness.h"

#define UNTOUCHED UINT64_C (0x123456789)

typedef struct fixture {
    harness h;
    clfs_log *log;
} fixture;

static void
begin (fixture *f)
{
    *f = (fixture) { 0 };
    harness_start (&f->h, CLFS_STORE_INLINE);
    f->log = harness_log (&f->h, "a");
}

static void
end (fixture *f)
{
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    harness_end (&f->h);
}

static uint64_t
counted (clfs_log *log, enum clfs_counter counter)
{
    g_mutex_lock (&log->engine->lock);
    uint64_t value = log->engine->counters[counter];
    g_mutex_unlock (&log->engine->lock);
    return value;
}

static clfs_lsn_t
flush (clfs_log *log, clfs_lsn_t lsn)
{
    clfs_lsn_t out = UNTOUCHED;
    CU_ASSERT_EQUAL (clfs_log_flush (log, lsn, &out), STATUS_SUCCESS);
    return out;
}

/* ---- the corner table ---- */

static void
nothing_pending_is_success_without_io_and_gives_next (void)
{
    fixture f;
    begin (&f);
    uint64_t ios = clfs_sim_io_count (f.h.disk);
    CU_ASSERT_EQUAL (flush (f.log, 0), 0);
    CU_ASSERT_EQUAL (clfs_sim_io_count (f.h.disk), ios);
    harness_append (f.log, "one");
    flush (f.log, 0);
    ios = clfs_sim_io_count (f.h.disk);
    CU_ASSERT_EQUAL (flush (f.log, 0), harness_info (f.log).next);
    CU_ASSERT_EQUAL (clfs_sim_io_count (f.h.disk), ios);
    end (&f);
}

static void
lsn_zero_flushes_all_and_gives_next (void)
{
    fixture f;
    begin (&f);
    for (int i = 0; i < 5; i++)
        harness_append (f.log, "record");
    clfs_lsn_t out = flush (f.log, CLFS_NULL_LSN);
    clfs_info info = harness_info (f.log);
    CU_ASSERT_EQUAL (out, info.next);
    CU_ASSERT_EQUAL (info.durable_below, info.next);
    CU_ASSERT_EQUAL (info.pending_bytes, 0);
    end (&f);
}

static void
an_lsn_that_is_durable_is_success_without_io_and_gives_first_not_durable (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    clfs_lsn_t durable = flush (f.log, 0);
    harness_append (f.log, "three");
    uint64_t ios = clfs_sim_io_count (f.h.disk);
    CU_ASSERT_EQUAL (flush (f.log, two), durable);
    CU_ASSERT_EQUAL (flush (f.log, durable - 1), durable);
    CU_ASSERT_EQUAL (clfs_sim_io_count (f.h.disk), ios);
    CU_ASSERT_EQUAL (harness_info (f.log).durable_below, durable);
    end (&f);
}

static void
an_lsn_below_the_base_is_success_without_io_and_gives_first_not_durable (void)
{
    fixture f;
    begin (&f);
    clfs_lsn_t one = harness_append (f.log, "one") + 1;
    harness_append (f.log, "two");
    clfs_lsn_t durable = flush (f.log, 0);
    clfs_lsn_t three = harness_append (f.log, "three");
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, three), STATUS_SUCCESS);
    durable = harness_info (f.log).durable_below;
    harness_append (f.log, "four");
    uint64_t ios = clfs_sim_io_count (f.h.disk);
    CU_ASSERT_EQUAL (flush (f.log, one), durable);
    CU_ASSERT_EQUAL (clfs_sim_io_count (f.h.disk), ios);
    end (&f);
}

static void
a_pending_record_is_flushed_through_its_block (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    flush (f.log, 0);
    clfs_lsn_t two = harness_append (f.log, "two");
    harness_append (f.log, "three");
    clfs_lsn_t out = flush (f.log, two);
    clfs_info info = harness_info (f.log);
    CU_ASSERT (out > two);
    CU_ASSERT (out <= info.next);
    CU_ASSERT_EQUAL (info.durable_below, out);
    end (&f);
}

static void
an_lsn_between_records_is_flushed_as_the_records_up_to_it (void)
{
    fixture f;
    begin (&f);
    struct iovec vector = { (void *) "x", 1 };
    clfs_append_options alone = { CLFS_APPEND_FORCE_APPEND, CLFS_INVALID_LSN, CLFS_INVALID_LSN };
    clfs_lsn_t one, two;
    CU_ASSERT_EQUAL (clfs_log_append (f.log, &vector, 1, &alone, &one), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_append (f.log, &vector, 1, &alone, &two), STATUS_SUCCESS);
    CU_ASSERT (two > one + 7);
    clfs_lsn_t out = flush (f.log, one + 7);
    CU_ASSERT (out > one + 7);
    CU_ASSERT (out <= harness_info (f.log).next);
    end (&f);
}

static void
next_flushes_all_and_gives_next (void)
{
    fixture f;
    begin (&f);
    for (int round = 0; round < 3; round++) {
        harness_append (f.log, "one");
        harness_append (f.log, "two");
        clfs_lsn_t next = harness_info (f.log).next;
        clfs_lsn_t out = flush (f.log, next);
        CU_ASSERT (out >= next);
        CU_ASSERT_EQUAL (out, harness_info (f.log).next);
        CU_ASSERT_EQUAL (harness_info (f.log).pending_bytes, 0);
    }
    end (&f);
}

static void
refused_beyond_next (fixture *f, clfs_lsn_t lsn)
{
    clfs_lsn_t out = UNTOUCHED;
    uint64_t ios = clfs_sim_io_count (f->h.disk);
    CU_ASSERT_EQUAL (clfs_log_flush (f->log, lsn, &out), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (out, UNTOUCHED);
    CU_ASSERT_EQUAL (clfs_sim_io_count (f->h.disk), ios);
}

static void
an_lsn_beyond_next_is_an_invalid_parameter_and_flushes_nothing (void)
{
    fixture f;
    begin (&f);
    refused_beyond_next (&f, 1);
    harness_append (f.log, "one");
    clfs_info before = harness_info (f.log);
    refused_beyond_next (&f, before.next + 1);
    refused_beyond_next (&f, CLFS_INVALID_LSN - 1);
    CU_ASSERT_EQUAL (harness_info (f.log).durable_below, before.durable_below);
    end (&f);
}

static void
the_invalid_lsn_is_an_invalid_parameter_and_not_flush_all (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    refused_beyond_next (&f, CLFS_INVALID_LSN);
    refused_beyond_next (&f, UINT64_MAX);
    CU_ASSERT_EQUAL (harness_info (f.log).durable_below, 0);
    end (&f);
}

static void
nobody_need_ask_for_the_durable_lsn (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).durable_below, 0x200);
    end (&f);
}

/* A reader without the lock knows of blocks that may not be durable yet: it cannot make them so. */
static void
without_write_access_a_flush_of_what_is_pending_is_denied_and_else_a_success (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    flush (f.log, 0);
    harness_append (f.log, "two");
    flush (f.log, 0);
    clfs_store *other = harness_other (&f.h, CLFS_STORE_INLINE | CLFS_STORE_READ_ONLY);
    clfs_log *reader;
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (other, "a", CLFS_LOG_READ, &reader), STATUS_SUCCESS);
    clfs_info seen = harness_info (reader);
    /* The second block says that the first is durable; nothing says so of the second. */
    CU_ASSERT_EQUAL (seen.durable_below, 0x200);
    CU_ASSERT_EQUAL (seen.next, 0x400);
    clfs_lsn_t out = UNTOUCHED;
    CU_ASSERT_EQUAL (clfs_log_flush (reader, CLFS_NULL_LSN, &out), STATUS_ACCESS_DENIED);
    CU_ASSERT_EQUAL (clfs_log_flush (reader, 0x200, &out), STATUS_ACCESS_DENIED);
    CU_ASSERT_EQUAL (out, UNTOUCHED);
    CU_ASSERT_EQUAL (clfs_log_flush (reader, 0x1ff, &out), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out, 0x200);
    CU_ASSERT_EQUAL (clfs_log_close (reader), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (other, "a", CLFS_LOG_READ, &reader), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_flush (reader, CLFS_NULL_LSN, &out), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out, 0x400);
    CU_ASSERT_EQUAL (clfs_log_close (reader), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (other), STATUS_SUCCESS);
    f.log = harness_log (&f.h, "a");
    end (&f);
}

static void
records_pending_through_another_handle_are_flushed_too (void)
{
    fixture f;
    begin (&f);
    clfs_log *other = harness_log (&f.h, "a");
    clfs_lsn_t one = harness_append (other, "one");
    clfs_lsn_t out = flush (f.log, one);
    CU_ASSERT (out > one);
    CU_ASSERT_EQUAL (harness_info (other).durable_below, out);
    CU_ASSERT_EQUAL (clfs_log_close (other), STATUS_SUCCESS);
    end (&f);
}

/* ---- failures ---- */

/* One kind of storage failure in a flush: refused until recovery, nothing accepted is lost. */
static void
check_failure (enum clfs_sim_op op, unsigned flags)
{
    fixture f = { 0 };
    harness_start (&f.h, CLFS_STORE_INLINE | flags);
    f.log = harness_log (&f.h, "a");
    clfs_log *sound = harness_log (&f.h, "b");
    harness_append (f.log, "one");
    harness_append (sound, "sound");
    clfs_lsn_t durable = flush (f.log, 0);
    clfs_lsn_t two = harness_append (f.log, "two");
    harness_append (f.log, "three");

    char part[17];
    clfs_meta_id_hex (f.log->engine->blf->guid, part);
    clfs_sim_fail (f.h.disk, op, part, 0, 1, STATUS_IO_DEVICE_ERROR);
    clfs_lsn_t out = UNTOUCHED;
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, two, &out), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (out, UNTOUCHED);
    clfs_info info = harness_info (f.log);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_FAILED);
    CU_ASSERT_EQUAL (info.durable_below, durable);
    CU_ASSERT (strlen (info.error) > 0);

    /* The storage works again, but nothing is a success by itself. */
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, two, &out), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, &out), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, 0, NULL, NULL, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
    struct iovec vector = { (void *) "four", 4 };
    CU_ASSERT_EQUAL (clfs_log_append (f.log, &vector, 1, NULL, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "r", 1, CLFS_INVALID_LSN, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT (strstr (clfs_error_message (), "recover") != NULL);
    /* What was durable before is still known to be. */
    CU_ASSERT_EQUAL (flush (f.log, durable - 1), durable);

    g_autofree char *readable = harness_records (f.log);
    CU_ASSERT_STRING_EQUAL (readable, "one|two|three|");
    harness_append (sound, "too");
    CU_ASSERT_EQUAL (flush (sound, 0), harness_info (sound).next);

    CU_ASSERT_EQUAL (clfs_log_recover (f.log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_OK);
    CU_ASSERT_STRING_EQUAL (harness_info (f.log).error, "");
    g_autofree char *recovered = harness_records (f.log);
    CU_ASSERT_STRING_EQUAL (recovered, "one|two|three|");
    clfs_lsn_t four = harness_append (f.log, "four");
    CU_ASSERT (flush (f.log, four) > four);

    harness_power_loss (&f.h, CLFS_SIM_NONE);
    f.log = harness_log (&f.h, "a");
    g_autofree char *after = harness_records (f.log);
    CU_ASSERT_STRING_EQUAL (after, "one|two|three|four|");
    end (&f);
}

static void
a_failed_barrier_fails_the_flush_and_all_later_ones_until_recovery (void)
{
    check_failure (CLFS_SIM_BARRIER, 0);
}

static void
a_failed_write_fails_the_flush_and_all_later_ones_until_recovery (void)
{
    check_failure (CLFS_SIM_WRITE, 0);
}

static void
a_failed_barrier_loses_nothing_that_was_only_in_private_memory (void)
{
    check_failure (CLFS_SIM_BARRIER, CLFS_STORE_NO_AREA);
}

static void
a_failed_write_loses_nothing_that_was_only_in_private_memory (void)
{
    check_failure (CLFS_SIM_WRITE, CLFS_STORE_NO_AREA);
}

static void
a_failed_recovery_can_be_tried_again (void)
{
    for (unsigned flags = 0; flags <= CLFS_STORE_NO_AREA; flags += CLFS_STORE_NO_AREA)
        for (uint64_t nth = 0; nth < 6; nth++) {
            fixture f = { 0 };
            harness_start (&f.h, CLFS_STORE_INLINE | flags);
            f.log = harness_log (&f.h, "a");
            harness_append (f.log, "one");
            flush (f.log, 0);
            harness_append (f.log, "two");
            clfs_sim_fail (f.h.disk, CLFS_SIM_BARRIER, NULL, 0, 1, STATUS_IO_DEVICE_ERROR);
            CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
            clfs_sim_fail (f.h.disk, CLFS_SIM_BARRIER, NULL, nth, 1, STATUS_IO_DEVICE_ERROR);
            NTSTATUS status = clfs_log_recover (f.log);
            if (status != STATUS_SUCCESS) {
                CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_FAILED);
                clfs_sim_fail_clear (f.h.disk);
                CU_ASSERT_EQUAL (clfs_log_recover (f.log), STATUS_SUCCESS);
            }
            clfs_sim_fail_clear (f.h.disk);
            g_autofree char *recovered = harness_records (f.log);
            CU_ASSERT_STRING_EQUAL (recovered, "one|two|");
            clfs_lsn_t three = harness_append (f.log, "three");
            CU_ASSERT (flush (f.log, 0) > three);
            harness_power_loss (&f.h, CLFS_SIM_NONE);
            f.log = harness_log (&f.h, "a");
            g_autofree char *after = harness_records (f.log);
            CU_ASSERT_STRING_EQUAL (after, "one|two|three|");
            end (&f);
        }
}

static void
a_failed_metadata_sync_is_a_metadata_failure (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_lsn_t two = harness_append (f.log, "two");
    flush (f.log, 0);
    clfs_sim_fail (f.h.disk, CLFS_SIM_BARRIER, "a.blf", 0, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, two), STATUS_LOG_METADATA_FLUSH_FAILED);
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_FAILED);
    CU_ASSERT_EQUAL (harness_info (f.log).base, 0);
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_LOG_METADATA_FLUSH_FAILED);
    CU_ASSERT_EQUAL (clfs_log_recover (f.log), STATUS_SUCCESS);
    g_autofree char *all = harness_records (f.log);
    CU_ASSERT (strcmp (all, "one|two|") == 0 || strcmp (all, "two|") == 0);
    end (&f);
}

static void
an_append_with_force_flush_says_that_it_is_appended_when_the_flush_fails (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    struct iovec vector = { (void *) "two", 3 };
    clfs_append_options options = { CLFS_APPEND_FORCE_FLUSH, CLFS_INVALID_LSN, CLFS_INVALID_LSN };
    clfs_lsn_t lsn = UNTOUCHED;
    clfs_sim_fail (f.h.disk, CLFS_SIM_BARRIER, NULL, 0, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_EQUAL (clfs_log_append (f.log, &vector, 1, &options, &lsn), STATUS_LOG_APPENDED_FLUSH_FAILED);
    CU_ASSERT_EQUAL (lsn, 1);
    CU_ASSERT_EQUAL (clfs_log_recover (f.log), STATUS_SUCCESS);
    g_autofree char *all = harness_records (f.log);
    CU_ASSERT_STRING_EQUAL (all, "one|two|");
    end (&f);
}

static void
a_failed_log_reports_its_failure_when_it_is_closed_and_the_next_opening_recovers_it (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_sim_fail (f.h.disk, CLFS_SIM_BARRIER, NULL, 0, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_LOG_CONTAINER_WRITE_FAILED);
    f.log = harness_log (&f.h, "a");
    g_autofree char *all = harness_records (f.log);
    CU_ASSERT_STRING_EQUAL (all, "one|");
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_OK);
    end (&f);
}

/* ---- the invariants ---- */

static void
durable_lsn_never_falls_and_no_power_loss_takes_what_is_below_it (void)
{
    for (unsigned seed = 1; seed <= 12; seed++) {
        fixture f;
        begin (&f);
        g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
        clfs_lsn_t lsns[400], highest = 0;
        unsigned count = 0;
        for (int step = 0; step < 120; step++) {
            unsigned appends = (unsigned) g_rand_int_range (rand, 0, 4);
            for (unsigned i = 0; i < appends && count < G_N_ELEMENTS (lsns); i++, count++)
                CU_ASSERT_EQUAL_FATAL (harness_append_number (f.log, count, (size_t) g_rand_int_range (rand, 0, 3000), &lsns[count]), STATUS_SUCCESS);
            clfs_info before = harness_info (f.log);
            clfs_lsn_t target = 0;
            switch (g_rand_int_range (rand, 0, 4)) {
            case 0:
                target = before.next;
                break;
            case 1:
                target = count > 0 ? lsns[g_rand_int_range (rand, 0, (int) count)] : 0;
                break;
            case 2:
                target = before.next > 0 ? (uint64_t) g_rand_double_range (rand, 0, (double) before.next) : 0;
                break;
            default:
                break;
            }
            clfs_lsn_t out = flush (f.log, target);
            CU_ASSERT (out >= highest);
            CU_ASSERT (out >= target);
            CU_ASSERT (target == before.next || out > target || (target == 0 && out == 0));
            if (target == 0)
                CU_ASSERT (out >= before.next);
            CU_ASSERT_EQUAL (harness_info (f.log).durable_below, out);
            highest = out;
        }
        CU_ASSERT_EQUAL (harness_append_number (f.log, 9999, 10, NULL), STATUS_SUCCESS);
        harness_power_loss (&f.h, seed % 2 ? CLFS_SIM_RANDOM : CLFS_SIM_NONE);
        f.log = harness_log (&f.h, "a");
        clfs_cursor *cursor;
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
        for (unsigned i = 0; i < count && lsns[i] < highest; i++) {
            clfs_record record;
            CU_ASSERT_EQUAL (clfs_cursor_seek (cursor, lsns[i], &record), STATUS_SUCCESS);
            CU_ASSERT (harness_is_number (&record, i, record.bytes));
        }
        clfs_cursor_close (cursor);
        end (&f);
    }
}

static void
a_block_with_512_records_is_flushed_like_any_other (void)
{
    for (unsigned extra = 0; extra < 3; extra++) {
        fixture f;
        begin (&f);
        clfs_lsn_t last = 0;
        for (unsigned i = 0; i < 511 + extra; i++)
            last = harness_append (f.log, "");
        clfs_info info = harness_info (f.log);
        CU_ASSERT (info.next > last);
        CU_ASSERT_EQUAL (info.last, last);
        clfs_cursor *cursor;
        clfs_record record;
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (clfs_cursor_seek (cursor, last, &record), STATUS_SUCCESS);
        clfs_cursor_close (cursor);
        CU_ASSERT (flush (f.log, last) > last);
        clfs_lsn_t next = harness_append (f.log, "");
        CU_ASSERT (next >= info.next);
        end (&f);
    }
}

/* ---- asynchronous ---- */

typedef struct outcome {
    GMutex *lock;
    GCond *changed;
    unsigned calls;
    NTSTATUS status;
    clfs_lsn_t durable;
} outcome;

static void
note (NTSTATUS status, clfs_lsn_t durable, void *data)
{
    outcome *o = data;
    if (o->lock)
        g_mutex_lock (o->lock);
    o->calls++;
    o->status = status;
    o->durable = durable;
    if (o->lock) {
        g_cond_broadcast (o->changed);
        g_mutex_unlock (o->lock);
    }
}

static void
an_asynchronous_flush_calls_back_once_with_the_durable_lsn (void)
{
    fixture f;
    begin (&f);
    outcome none = { 0 }, all = { 0 }, beyond = { 0 };
    CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, 0, note, &none, NULL), STATUS_PENDING);
    CU_ASSERT_EQUAL (none.calls, 1);
    CU_ASSERT_EQUAL (none.status, STATUS_SUCCESS);
    CU_ASSERT_EQUAL (none.durable, 0);
    clfs_lsn_t one = harness_append (f.log, "one");
    uint64_t ticket;
    CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, one, note, &all, &ticket), STATUS_PENDING);
    CU_ASSERT_EQUAL (all.calls, 1);
    CU_ASSERT_EQUAL (all.status, STATUS_SUCCESS);
    CU_ASSERT_EQUAL (all.durable, 0x200);
    CU_ASSERT_FALSE (clfs_log_flush_cancel (f.log, ticket));
    CU_ASSERT_EQUAL (all.calls, 1);
    CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, 0x201, note, &beyond, NULL), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (beyond.calls, 0);
    end (&f);
}

/* A log with threads whose barriers the test lets through. */
static void
begin_gated (fixture *f)
{
    *f = (fixture) { 0 };
    harness_start (&f->h, 0);
    harness_stop (&f->h);
    clfs_storage *storage;
    clfs_store_options options = { 0 };
    CU_ASSERT_EQUAL_FATAL (clfs_sim_storage_open (f->h.disk, 0, &storage), STATUS_SUCCESS);
    gate_install (storage);
    CU_ASSERT_EQUAL_FATAL (clfs_store_open_on (storage, "gated", &options, &f->h.store), STATUS_SUCCESS);
    f->log = harness_log (&f->h, "a");
    harness_append (f->log, "first");
    flush (f->log, 0);
}

static void
await_waiters (clfs_log *log, unsigned count)
{
    for (;;) {
        g_mutex_lock (&log->engine->lock);
        unsigned waiting = g_queue_get_length (&log->engine->waiters);
        g_mutex_unlock (&log->engine->lock);
        if (waiting == count)
            return;
        g_usleep (200);
    }
}

static void
await_calls (outcome *o, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        g_mutex_lock (o[i].lock);
        while (o[i].calls == 0)
            g_cond_wait (o[i].changed, o[i].lock);
        g_mutex_unlock (o[i].lock);
    }
}

static void
a_thousand_asynchronous_flushes_share_a_barrier_and_no_thread_waits_for_them (void)
{
    fixture f;
    begin_gated (&f);
    enum { MANY = 1000 };
    GMutex lock;
    GCond changed;
    g_mutex_init (&lock);
    g_cond_init (&changed);
    g_autofree outcome *o = g_new0 (outcome, MANY + 1);
    for (int i = 0; i <= MANY; i++)
        o[i] = (outcome) { .lock = &lock, .changed = &changed };
    uint64_t barriers = counted (f.log, CLFS_COUNT_BARRIERS);
    gate_close ();
    harness_append (f.log, "leader");
    CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, 0, note, &o[0], NULL), STATUS_PENDING);
    gate_await ();
    for (int i = 1; i <= MANY; i++) {
        clfs_lsn_t lsn = harness_append (f.log, "follower");
        CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, lsn, note, &o[i], NULL), STATUS_PENDING);
    }
    /* Nothing is answered before its barrier; what is appended meanwhile can be read. */
    g_mutex_lock (&lock);
    for (int i = 0; i <= MANY; i++)
        CU_ASSERT_EQUAL (o[i].calls, 0);
    g_mutex_unlock (&lock);
    g_autofree char *all = harness_records (f.log);
    CU_ASSERT_EQUAL (strlen (all), 6 + 7 + MANY * 9);
    gate_open ();
    await_calls (o, MANY + 1);
    g_mutex_lock (&lock);
    for (int i = 0; i <= MANY; i++) {
        CU_ASSERT_EQUAL (o[i].calls, 1);
        CU_ASSERT_EQUAL (o[i].status, STATUS_SUCCESS);
    }
    g_mutex_unlock (&lock);
    CU_ASSERT_EQUAL (counted (f.log, CLFS_COUNT_BARRIERS), barriers + 2);
    end (&f);
    g_mutex_clear (&lock);
    g_cond_clear (&changed);
}

static void
a_waiting_flush_can_be_taken_back_and_one_that_is_done_cannot (void)
{
    fixture f;
    begin_gated (&f);
    GMutex lock;
    GCond changed;
    g_mutex_init (&lock);
    g_cond_init (&changed);
    outcome first = { .lock = &lock, .changed = &changed }, second = first, third = first;
    uint64_t tickets[3];
    gate_close ();
    harness_append (f.log, "one");
    CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, 0, note, &first, &tickets[0]), STATUS_PENDING);
    gate_await ();
    harness_append (f.log, "two");
    CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, 0, note, &second, &tickets[1]), STATUS_PENDING);
    CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, 0, note, &third, &tickets[2]), STATUS_PENDING);
    CU_ASSERT (clfs_log_flush_cancel (f.log, tickets[1]));
    CU_ASSERT_EQUAL (second.calls, 1);
    CU_ASSERT_EQUAL (second.status, STATUS_CANCELLED);
    CU_ASSERT_FALSE (clfs_log_flush_cancel (f.log, tickets[1]));
    gate_open ();
    await_calls (&first, 1);
    await_calls (&third, 1);
    CU_ASSERT_FALSE (clfs_log_flush_cancel (f.log, tickets[2]));
    CU_ASSERT_EQUAL (third.status, STATUS_SUCCESS);
    CU_ASSERT_EQUAL (second.calls, 1);
    end (&f);
    g_mutex_clear (&lock);
    g_cond_clear (&changed);
}

static void
every_waiting_flush_learns_of_a_failure (void)
{
    fixture f;
    begin_gated (&f);
    GMutex lock;
    GCond changed;
    g_mutex_init (&lock);
    g_cond_init (&changed);
    outcome o[20];
    for (unsigned i = 0; i < G_N_ELEMENTS (o); i++)
        o[i] = (outcome) { .lock = &lock, .changed = &changed };
    gate_close ();
    harness_append (f.log, "one");
    CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, 0, note, &o[0], NULL), STATUS_PENDING);
    gate_await ();
    for (unsigned i = 1; i < G_N_ELEMENTS (o); i++) {
        harness_append (f.log, "more");
        CU_ASSERT_EQUAL (clfs_log_flush_async (f.log, 0, note, &o[i], NULL), STATUS_PENDING);
    }
    clfs_sim_fail (f.h.disk, CLFS_SIM_BARRIER, NULL, 0, 1, STATUS_IO_DEVICE_ERROR);
    gate_open ();
    await_calls (o, G_N_ELEMENTS (o));
    for (unsigned i = 0; i < G_N_ELEMENTS (o); i++) {
        CU_ASSERT_EQUAL (o[i].status, STATUS_LOG_CONTAINER_WRITE_FAILED);
        CU_ASSERT_EQUAL (o[i].durable, 0x200);
    }
    CU_ASSERT_EQUAL (clfs_log_recover (f.log), STATUS_SUCCESS);
    end (&f);
    g_mutex_clear (&lock);
    g_cond_clear (&changed);
}

/* ---- threads ---- */

typedef struct flusher {
    clfs_log *log;
    clfs_lsn_t lsn, durable;
    NTSTATUS status;
    gint done;
} flusher;

static gpointer
flush_one (gpointer data)
{
    flusher *mine = data;
    mine->status = clfs_log_flush (mine->log, mine->lsn, &mine->durable);
    g_atomic_int_set (&mine->done, 1);
    return NULL;
}

static void
flushers_that_come_while_a_barrier_runs_share_the_next_one_and_one_of_them_leads_it (void)
{
    fixture f;
    begin_gated (&f);
    enum { THREADS = 16 };
    flusher flushers[THREADS];
    GThread *threads[THREADS];
    uint64_t barriers = counted (f.log, CLFS_COUNT_BARRIERS), rounds = counted (f.log, CLFS_COUNT_FLUSH_ROUNDS);
    gate_close ();
    for (int i = 0; i < THREADS; i++) {
        flushers[i] = (flusher) { .log = f.log, .lsn = harness_append (f.log, "record") };
        threads[i] = g_thread_new ("flusher", flush_one, &flushers[i]);
        if (i == 0)
            gate_await ();
    }
    await_waiters (f.log, THREADS - 1);
    gate_pass (1);
    /* The first is answered although the next round stands at the gate: it leads no second one. */
    g_thread_join (threads[0]);
    CU_ASSERT_EQUAL (flushers[0].status, STATUS_SUCCESS);
    gate_await ();
    for (int i = 1; i < THREADS; i++)
        CU_ASSERT_EQUAL (g_atomic_int_get (&flushers[i].done), 0);
    gate_open ();
    for (int i = 1; i < THREADS; i++) {
        g_thread_join (threads[i]);
        CU_ASSERT_EQUAL (flushers[i].status, STATUS_SUCCESS);
        CU_ASSERT (flushers[i].durable > flushers[i].lsn);
    }
    CU_ASSERT_EQUAL (counted (f.log, CLFS_COUNT_BARRIERS), barriers + 2);
    CU_ASSERT_EQUAL (counted (f.log, CLFS_COUNT_FLUSH_ROUNDS), rounds + 2);
    end (&f);
}

static void
a_flush_of_durable_records_does_not_wait_for_a_barrier_that_runs (void)
{
    fixture f;
    begin_gated (&f);
    gate_close ();
    flusher one = { .log = f.log, .lsn = harness_append (f.log, "one") };
    GThread *thread = g_thread_new ("flusher", flush_one, &one);
    gate_await ();
    CU_ASSERT_EQUAL (flush (f.log, 1), 0x200);
    gate_open ();
    g_thread_join (thread);
    end (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (nothing_pending_is_success_without_io_and_gives_next),
    CLFS_TEST (lsn_zero_flushes_all_and_gives_next),
    CLFS_TEST (an_lsn_that_is_durable_is_success_without_io_and_gives_first_not_durable),
    CLFS_TEST (an_lsn_below_the_base_is_success_without_io_and_gives_first_not_durable),
    CLFS_TEST (a_pending_record_is_flushed_through_its_block),
    CLFS_TEST (an_lsn_between_records_is_flushed_as_the_records_up_to_it),
    CLFS_TEST (next_flushes_all_and_gives_next),
    CLFS_TEST (an_lsn_beyond_next_is_an_invalid_parameter_and_flushes_nothing),
    CLFS_TEST (the_invalid_lsn_is_an_invalid_parameter_and_not_flush_all),
    CLFS_TEST (nobody_need_ask_for_the_durable_lsn),
    CLFS_TEST (without_write_access_a_flush_of_what_is_pending_is_denied_and_else_a_success),
    CLFS_TEST (records_pending_through_another_handle_are_flushed_too),
    CLFS_TEST (a_failed_barrier_fails_the_flush_and_all_later_ones_until_recovery),
    CLFS_TEST (a_failed_write_fails_the_flush_and_all_later_ones_until_recovery),
    CLFS_TEST (a_failed_barrier_loses_nothing_that_was_only_in_private_memory),
    CLFS_TEST (a_failed_write_loses_nothing_that_was_only_in_private_memory),
    CLFS_TEST (a_failed_recovery_can_be_tried_again),
    CLFS_TEST (a_failed_metadata_sync_is_a_metadata_failure),
    CLFS_TEST (an_append_with_force_flush_says_that_it_is_appended_when_the_flush_fails),
    CLFS_TEST (a_failed_log_reports_its_failure_when_it_is_closed_and_the_next_opening_recovers_it),
    CLFS_TEST (durable_lsn_never_falls_and_no_power_loss_takes_what_is_below_it),
    CLFS_TEST (a_block_with_512_records_is_flushed_like_any_other),
    CLFS_TEST (an_asynchronous_flush_calls_back_once_with_the_durable_lsn),
    CLFS_TEST (a_thousand_asynchronous_flushes_share_a_barrier_and_no_thread_waits_for_them),
    CLFS_TEST (a_waiting_flush_can_be_taken_back_and_one_that_is_done_cannot),
    CLFS_TEST (every_waiting_flush_learns_of_a_failure),
    CLFS_TEST (flushers_that_come_while_a_barrier_runs_share_the_next_one_and_one_of_them_leads_it),
    CLFS_TEST (a_flush_of_durable_records_does_not_wait_for_a_barrier_that_runs),
};
CLFS_TEST_MAIN (tests)
