/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The corner table of ClfsFlushToLsn, a test for each line. N: the next LSN; F: the first LSN that is not durable. */
#include "tests/api/api_testing.h"
#include "tests/api/write_failure.h"

#include <sys/wait.h>
#include <unistd.h>

/* A fixture whose log is flushed only when it is asked to be. */
static fixture
quiet_fixture (void)
{
    fixture f = open_fixture ();

    CHECK_FATAL (clfs_log_set (clfs_log_of_file_object (f.log), CLFS_SET_FLUSH_MS, 0), STATUS_SUCCESS);
    return f;
}

static CLFS_LSN
next_of (fixture *f)
{
    CLFS_LSN lsn = CLFS_LSN_INVALID;

    CHECK (ClfsGetLastLsn (f->log, &lsn), STATUS_SUCCESS);
    return lsn;
}

static CLFS_LSN
flushed_of (fixture *f)
{
    return information_of (f->log).LastFlushedLsn;
}

static void
nothing_pending_succeeds_without_io_and_gives_next (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN null = CLFS_LSN_NULL, out = { 77 };

    fail_writes (true);
    NTSTATUS status = ClfsFlushToLsn (f.area, &null, &out);
    fail_writes (false);
    CHECK (status, STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.Internal, next_of (&f).Internal);

    CLFS_LSN lsn = appended (f.area, "x");
    CHECK (ClfsFlushToLsn (f.area, &lsn, NULL), STATUS_SUCCESS);
    fail_writes (true);
    status = ClfsFlushToLsn (f.area, &null, &out);
    NTSTATUS buffers = ClfsFlushBuffers (f.area);
    fail_writes (false);
    CHECK (status, STATUS_SUCCESS);
    CHECK (buffers, STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.Internal, next_of (&f).Internal);
    close_fixture (&f);
}

static void
null_lsn_flushes_all_and_gives_next (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN null = CLFS_LSN_NULL, out = { 77 };

    for (int i = 0; i < 5; i++)
        appended (f.area, "pending");
    CHECK (ClfsFlushToLsn (f.area, &null, &out), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.Internal, next_of (&f).Internal);
    CU_ASSERT_EQUAL (flushed_of (&f).Internal, next_of (&f).Internal);
    close_fixture (&f);
}

static void
flush_buffers_is_a_flush_to_the_null_lsn (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN lsn = appended (f.area, "pending"), flushed = flushed_of (&f);

    CU_ASSERT_FALSE (ClfsLsnGreater (&flushed, &lsn));
    CHECK (ClfsFlushBuffers (f.area), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (flushed_of (&f).Internal, next_of (&f).Internal);
    flushed = flushed_of (&f);
    CU_ASSERT_TRUE (ClfsLsnGreater (&flushed, &lsn));
    close_fixture (&f);
}

static void
durable_already_succeeds_without_io_and_gives_the_first_that_is_not (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN out = { 77 };

    appended (f.area, "0");
    CLFS_LSN durable = appended (f.area, "durable");
    CHECK (ClfsFlushBuffers (f.area), STATUS_SUCCESS);
    CLFS_LSN flushed = flushed_of (&f), pending = appended (f.area, "pending");
    fail_writes (true);
    NTSTATUS status = ClfsFlushToLsn (f.area, &durable, &out);
    fail_writes (false);
    CHECK (status, STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.Internal, flushed.Internal);
    CU_ASSERT_FALSE (ClfsLsnGreater (&out, &pending));
    close_fixture (&f);
}

static void
below_the_base_there_is_nothing_to_do (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN out = { 77 };

    appended (f.area, "0");
    CLFS_LSN below = appended (f.area, "below"), base = appended (f.area, "base");
    CHECK (ClfsAdvanceLogBase (f.area, &base, 0), STATUS_SUCCESS);
    CHECK (ClfsFlushToLsn (f.area, &below, &out), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.Internal, flushed_of (&f).Internal);
    CU_ASSERT_TRUE (ClfsLsnGreater (&out, &below));
    close_fixture (&f);
}

static void
a_record_is_flushed_through_its_block (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN out = { 77 };

    appended (f.area, "0");
    CLFS_LSN lsn = appended (f.area, "wanted");
    appended (f.area, "in the same block");
    CHECK (ClfsFlushToLsn (f.area, &lsn, &out), STATUS_SUCCESS);
    CLFS_LSN next = next_of (&f);
    CU_ASSERT_TRUE (ClfsLsnGreater (&out, &lsn));
    CU_ASSERT_FALSE (ClfsLsnGreater (&out, &next));
    CU_ASSERT_EQUAL (flushed_of (&f).Internal, out.Internal);
    close_fixture (&f);
}

static void
an_lsn_that_is_no_records_is_well_defined (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN out = { 77 };

    appended (f.area, "0");
    CLFS_LSN last_of_block, between;
    CHECK (append_bytes (f.area, "1", 1, CLFS_FLAG_FORCE_APPEND, &last_of_block), STATUS_SUCCESS);
    CLFS_LSN first_of_next = appended (f.area, "2");
    between.Internal = last_of_block.Internal + 50;
    CU_ASSERT_TRUE (ClfsLsnLess (&between, &first_of_next));
    CHECK (ClfsFlushToLsn (f.area, &between, &out), STATUS_SUCCESS);
    CU_ASSERT_TRUE (ClfsLsnGreater (&out, &between));
    CLFS_LSN next = next_of (&f);
    CU_ASSERT_FALSE (ClfsLsnGreater (&out, &next));
    close_fixture (&f);
}

static void
the_next_lsn_flushes_all_and_gives_it (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN out = { 77 };

    appended (f.area, "0");
    appended (f.area, "1");
    CLFS_LSN next = next_of (&f);
    CHECK (ClfsFlushToLsn (f.area, &next, &out), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.Internal, next_of (&f).Internal);
    CU_ASSERT_EQUAL (flushed_of (&f).Internal, out.Internal);
    CU_ASSERT_FALSE (ClfsLsnLess (&out, &next));
    close_fixture (&f);
}

static void
beyond_the_next_lsn_is_refused_and_nothing_is_flushed (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN out = { 77 };

    appended (f.area, "0");
    CHECK (ClfsFlushBuffers (f.area), STATUS_SUCCESS);
    appended (f.area, "1");
    CLFS_LSN flushed = flushed_of (&f), next = next_of (&f);
    CLFS_LSN beyond[] = { { next.Internal + 1 }, { next.Internal + 512 }, { 0x500000000 }, { 0xFFFFFFFEFFFFFFFF } };
    for (size_t i = 0; i < G_N_ELEMENTS (beyond); i++)
        CHECK (ClfsFlushToLsn (f.area, &beyond[i], &out), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (out.Internal, 77);
    CU_ASSERT_EQUAL (flushed_of (&f).Internal, flushed.Internal);
    close_fixture (&f);
}

static void
the_invalid_lsn_is_refused_and_means_not_all (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN invalid = CLFS_LSN_INVALID, highest = { UINT64_MAX }, out = { 77 };

    appended (f.area, "0");
    CLFS_LSN flushed = flushed_of (&f);
    CHECK (ClfsFlushToLsn (f.area, &invalid, &out), STATUS_INVALID_PARAMETER);
    CHECK (ClfsFlushToLsn (f.area, &highest, &out), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (out.Internal, 77);
    CU_ASSERT_EQUAL (flushed_of (&f).Internal, flushed.Internal);
    close_fixture (&f);
}

static void
no_lsn_is_refused (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN out = { 77 };

    CHECK (ClfsFlushToLsn (f.area, NULL, &out), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (out.Internal, 77);
    close_fixture (&f);
}

static void
the_out_pointer_is_optional (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN lsn = appended (f.area, "x");

    CHECK (ClfsFlushToLsn (f.area, &lsn, NULL), STATUS_SUCCESS);
    CLFS_LSN flushed = flushed_of (&f);
    CU_ASSERT_TRUE (ClfsLsnGreater (&flushed, &lsn));
    close_fixture (&f);
}

static void
no_area_and_a_deleted_one_are_refused (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN null = CLFS_LSN_NULL, out = { 77 };
    PVOID deleted = NULL;

    CHECK_FATAL (make_area (f.log, &deleted), STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (deleted), STATUS_SUCCESS);
    CHECK (ClfsFlushToLsn (NULL, &null, &out), STATUS_INVALID_PARAMETER);
    CHECK (ClfsFlushToLsn (deleted, &null, &out), STATUS_INVALID_PARAMETER);
    CHECK (ClfsFlushToLsn (f.log, &null, &out), STATUS_INVALID_PARAMETER);
    CHECK (ClfsFlushBuffers (NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsFlushBuffers (deleted), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (out.Internal, 77);
    close_fixture (&f);
}

static void
an_area_without_write_access_is_denied_only_if_something_is_pending (void)
{
    fixture f = quiet_fixture ();
    PLOG_FILE_OBJECT reading = NULL;
    PVOID area = NULL;
    CLFS_LSN null = CLFS_LSN_NULL, out = { 77 };

    appended (f.area, "0");
    CLFS_LSN durable = appended (f.area, "1");
    CHECK (ClfsFlushBuffers (f.area), STATUS_SUCCESS);
    CHECK_FATAL (open_log ("L", GENERIC_READ, SHARE_ALL, OPEN_EXISTING, &reading), STATUS_SUCCESS);
    CHECK_FATAL (make_area (reading, &area), STATUS_SUCCESS);
    CLFS_LSN next = next_of (&f), beyond = { next.Internal + 1 };
    CHECK (ClfsFlushBuffers (area), STATUS_SUCCESS);
    CHECK (ClfsFlushToLsn (area, &null, &out), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.Internal, next.Internal);
    CHECK (ClfsFlushToLsn (area, &next, &out), STATUS_SUCCESS);
    CHECK (ClfsFlushToLsn (area, &beyond, &out), STATUS_INVALID_PARAMETER);

    CLFS_LSN pending = appended (f.area, "pending");
    out.Internal = 77;
    next = next_of (&f);
    CHECK (ClfsFlushBuffers (area), STATUS_ACCESS_DENIED);
    CHECK (ClfsFlushToLsn (area, &null, &out), STATUS_ACCESS_DENIED);
    CHECK (ClfsFlushToLsn (area, &pending, &out), STATUS_ACCESS_DENIED);
    CHECK (ClfsFlushToLsn (area, &next, &out), STATUS_ACCESS_DENIED);
    beyond = CLFS_LSN_INVALID;
    CHECK (ClfsFlushToLsn (area, &beyond, &out), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (out.Internal, 77);
    CHECK (ClfsFlushToLsn (area, &durable, &out), STATUS_SUCCESS);
    CU_ASSERT_TRUE (ClfsLsnGreater (&out, &durable));
    CU_ASSERT_FALSE (ClfsLsnGreater (&out, &pending));
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (reading), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
records_of_other_areas_are_flushed_too (void)
{
    fixture f = quiet_fixture ();
    PVOID other = NULL;
    CLFS_LSN out = { 77 };

    CHECK_FATAL (make_area (f.log, &other), STATUS_SUCCESS);
    appended (other, "0");
    CLFS_LSN theirs = appended (other, "theirs"), ours = appended (f.area, "ours");
    CHECK (ClfsFlushToLsn (f.area, &ours, &out), STATUS_SUCCESS);
    CU_ASSERT_TRUE (ClfsLsnGreater (&out, &theirs));
    theirs = appended (other, "theirs again");
    CHECK (ClfsFlushBuffers (f.area), STATUS_SUCCESS);
    CLFS_LSN flushed = flushed_of (&f);
    CU_ASSERT_TRUE (ClfsLsnGreater (&flushed, &theirs));
    CHECK (ClfsDeleteMarshallingArea (other), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_failed_write_is_container_write_failed_now_and_later (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN null = CLFS_LSN_NULL;

    CHECK (append_bytes (f.area, "good", 4, CLFS_FLAG_FORCE_FLUSH, NULL), STATUS_SUCCESS);
    CLFS_LSN flushed = flushed_of (&f), lsn = appended (f.area, "bad");
    fail_writes (true);
    NTSTATUS status = ClfsFlushToLsn (f.area, &lsn, NULL);
    fail_writes (false);
    CHECK (status, STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (flushed_of (&f).Internal, flushed.Internal);
    /* Writes work again, but what a failed one left behind nobody knows. */
    CHECK (ClfsFlushToLsn (f.area, &lsn, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CHECK (ClfsFlushToLsn (f.area, &null, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CHECK (ClfsFlushBuffers (f.area), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CHECK (ClfsDeleteMarshallingArea (f.area), STATUS_LOG_CONTAINER_WRITE_FAILED);
    (void) ClfsCloseLogFileObject (f.log);
    CHECK_FATAL (open_log ("L", ALL_ACCESS, SHARE_ALL, OPEN_EXISTING, &f.log), STATUS_SUCCESS);
    CHECK_FATAL (make_area (f.log, &f.area), STATUS_SUCCESS);
    appended (f.area, "after recovery");
    CHECK (ClfsFlushBuffers (f.area), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
failed_metadata_is_metadata_flush_failed (void)
{
    fixture f = quiet_fixture ();

    appended (f.area, "0");
    CLFS_LSN base = appended (f.area, "base");
    CHECK (ClfsFlushBuffers (f.area), STATUS_SUCCESS);
    fail_writes (true);
    NTSTATUS status = ClfsAdvanceLogBase (f.area, &base, 0);
    fail_writes (false);
    CHECK (status, STATUS_LOG_METADATA_FLUSH_FAILED);
    CU_ASSERT_FALSE (NT_SUCCESS (ClfsFlushBuffers (f.area)));
    CU_ASSERT_FALSE (NT_SUCCESS (ClfsDeleteMarshallingArea (f.area)));
    (void) ClfsCloseLogFileObject (f.log);
    f = (fixture) { NULL, NULL };
    close_fixture (&f);
}

static gpointer
append_and_flush (gpointer data)
{
    fixture *f = data;

    for (int i = 0; i < 20; i++) {
        CLFS_LSN lsn = appended (f->area, "by a thread"), out = { 0 };
        CHECK (ClfsFlushToLsn (f->area, &lsn, &out), STATUS_SUCCESS);
        CLFS_LSN flushed = flushed_of (f);
        CU_ASSERT_TRUE (ClfsLsnGreater (&out, &lsn));
        CU_ASSERT_TRUE (ClfsLsnGreater (&flushed, &lsn));
    }
    return NULL;
}

static void
each_of_many_threads_returns_when_its_own_record_is_durable (void)
{
    fixture f = quiet_fixture ();
    GThread *threads[8];

    for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
        threads[i] = g_thread_new ("flush", append_and_flush, &f);
    for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
        g_thread_join (threads[i]);
    CU_ASSERT_EQUAL (flushed_of (&f).Internal, next_of (&f).Internal);
    close_fixture (&f);
}

static void
what_is_given_never_goes_back (void)
{
    fixture f = quiet_fixture ();
    CLFS_LSN highest = CLFS_LSN_NULL, first = appended (f.area, "0"), second = appended (f.area, "1");

    for (int i = 0; i < 30; i++) {
        CLFS_LSN lsn = appended (f.area, "x"), out;
        PCLFS_LSN targets[] = { &lsn, &second, &first, &second };
        CHECK (ClfsFlushToLsn (f.area, targets[i % 4], &out), STATUS_SUCCESS);
        CU_ASSERT_FALSE (ClfsLsnLess (&out, &highest));
        highest = out;
    }
    close_fixture (&f);
}

static void
what_was_flushed_outlives_the_process (void)
{
    int out[2];
    CLFS_LSN lsns[2] = { { 77 }, { 77 } };

    fresh_directory ();
    CU_ASSERT_EQUAL_FATAL (pipe (out), 0);
    pid_t child = fork ();
    if (child == 0) {
        fixture f = { NULL, NULL };
        bool good = open_log ("L", READ_WRITE, 0, CREATE_NEW, &f.log) == STATUS_SUCCESS
                    && add_containers (f.log, 2) == STATUS_SUCCESS && make_area (f.log, &f.area) == STATUS_SUCCESS
                    && append_text (f.area, "durable", &lsns[0]) == STATUS_SUCCESS
                    && ClfsFlushToLsn (f.area, &lsns[0], &lsns[1]) == STATUS_SUCCESS
                    && write (out[1], lsns, sizeof lsns) == sizeof lsns;
        _exit (good ? 0 : 1);
    }
    CU_ASSERT_EQUAL (read (out[0], lsns, sizeof lsns), sizeof lsns);
    int exit_status = -1;
    CU_ASSERT_EQUAL (waitpid (child, &exit_status, 0), child);
    CU_ASSERT_EQUAL (exit_status, 0);

    fixture f = { NULL, NULL };
    PVOID context = NULL, data;
    ULONG bytes = 0;
    CHECK_FATAL (open_log ("L", READ_WRITE, 0, OPEN_EXISTING, &f.log), STATUS_SUCCESS);
    CHECK_FATAL (make_area (f.log, &f.area), STATUS_SUCCESS);
    CHECK_FATAL (ClfsReadLogRecord (f.area, &lsns[0], ClfsContextForward, &data, &bytes, NULL, NULL, NULL, &context),
                 STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 7);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CLFS_LSN next = next_of (&f);
    CU_ASSERT_FALSE (ClfsLsnLess (&next, &lsns[1]));
    close (out[0]);
    close (out[1]);
    close_fixture (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (nothing_pending_succeeds_without_io_and_gives_next),
    CLFS_TEST (null_lsn_flushes_all_and_gives_next),
    CLFS_TEST (flush_buffers_is_a_flush_to_the_null_lsn),
    CLFS_TEST (durable_already_succeeds_without_io_and_gives_the_first_that_is_not),
    CLFS_TEST (below_the_base_there_is_nothing_to_do),
    CLFS_TEST (a_record_is_flushed_through_its_block),
    CLFS_TEST (an_lsn_that_is_no_records_is_well_defined),
    CLFS_TEST (the_next_lsn_flushes_all_and_gives_it),
    CLFS_TEST (beyond_the_next_lsn_is_refused_and_nothing_is_flushed),
    CLFS_TEST (the_invalid_lsn_is_refused_and_means_not_all),
    CLFS_TEST (no_lsn_is_refused),
    CLFS_TEST (the_out_pointer_is_optional),
    CLFS_TEST (no_area_and_a_deleted_one_are_refused),
    CLFS_TEST (an_area_without_write_access_is_denied_only_if_something_is_pending),
    CLFS_TEST (records_of_other_areas_are_flushed_too),
    CLFS_TEST (a_failed_write_is_container_write_failed_now_and_later),
    CLFS_TEST (failed_metadata_is_metadata_flush_failed),
    CLFS_TEST (each_of_many_threads_returns_when_its_own_record_is_durable),
    CLFS_TEST (what_is_given_never_goes_back),
    CLFS_TEST (what_was_flushed_outlives_the_process),
};
CLFS_TEST_MAIN (tests)
