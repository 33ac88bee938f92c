/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/api/api_testing.h"

static CLFS_LSN
restarted (PVOID area, const char *text)
{
    CLFS_LSN lsn = CLFS_LSN_INVALID;

    CHECK_FATAL (ClfsWriteRestartArea (area, (PVOID) text, (ULONG) strlen (text), NULL, 0, NULL, &lsn), STATUS_SUCCESS);
    return lsn;
}

static void
a_log_without_restart_area_says_so_by_an_informational_status (void)
{
    fixture f = open_fixture ();
    PVOID data = &f, context = &f;
    ULONG bytes = 77;
    CLFS_LSN lsn = { 77 };

    appended (f.area, "data");
    CHECK (ClfsReadRestartArea (f.area, &data, &bytes, &lsn, &context), STATUS_LOG_NO_RESTART);
    CU_ASSERT_PTR_NULL (data);
    CU_ASSERT_EQUAL (bytes, 0);
    CU_ASSERT_EQUAL (lsn.Internal, CLFS_LSN_INVALID.Internal);
    CU_ASSERT_PTR_NULL (context);
    close_fixture (&f);
}

static void
restart_areas_are_read_from_the_newest_back (void)
{
    fixture f = open_fixture ();
    PVOID data = NULL, context = NULL;
    ULONG bytes = 0;
    CLFS_LSN lsn, first = restarted (f.area, "first");

    appended (f.area, "data");
    CLFS_LSN second = restarted (f.area, "second!");
    CHECK_FATAL (ClfsReadRestartArea (f.area, &data, &bytes, &lsn, &context), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 7);
    CU_ASSERT_EQUAL (memcmp (data, "second!", 7), 0);
    CU_ASSERT_EQUAL (lsn.Internal, second.Internal);
    CHECK (ClfsReadPreviousRestartArea (context, &data, &bytes, &lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 5);
    CU_ASSERT_EQUAL (memcmp (data, "first", 5), 0);
    CU_ASSERT_EQUAL (lsn.Internal, first.Internal);
    CHECK (ClfsReadPreviousRestartArea (context, &data, &bytes, &lsn), STATUS_LOG_START_OF_LOG);
    CHECK (ClfsReadPreviousRestartArea (context, &data, &bytes, &lsn), STATUS_LOG_START_OF_LOG);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_restart_areas_previous_link_is_the_one_before_it (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL, data;
    ULONG bytes;
    CLFS_LSN first = restarted (f.area, "first"), second = restarted (f.area, "second"), previous = { 77 };

    CHECK_FATAL (
        ClfsReadLogRecord (f.area, &second, ClfsContextPrevious, &data, &bytes, NULL, NULL, &previous, &context),
        STATUS_SUCCESS);
    CU_ASSERT_EQUAL (previous.Internal, first.Internal);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CHECK_FATAL (
        ClfsReadLogRecord (f.area, &first, ClfsContextPrevious, &data, &bytes, NULL, NULL, &previous, &context),
        STATUS_SUCCESS);
    CU_ASSERT_EQUAL (previous.Internal, CLFS_LSN_INVALID.Internal);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
after_a_restart_area_reading_goes_on_forward_and_back_again (void)
{
    fixture f = open_fixture ();
    PVOID data = NULL, context = NULL;
    ULONG bytes = 0;
    CLFS_RECORD_TYPE type = ClfsDataRecord;
    CLFS_LSN lsn, first = restarted (f.area, "first");

    restarted (f.area, "second");
    appended (f.area, "redo this");
    CHECK_FATAL (ClfsReadRestartArea (f.area, &data, &bytes, &lsn, &context), STATUS_SUCCESS);
    CHECK (ClfsReadNextLogRecord (context, &data, &bytes, &type, NULL, NULL, NULL, &lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 9);
    CU_ASSERT_EQUAL (memcmp (data, "redo this", 9), 0);
    CHECK (ClfsReadPreviousRestartArea (context, &data, &bytes, &lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (lsn.Internal, first.Internal);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_restart_area_is_durable_with_all_before_it (void)
{
    fixture f = open_fixture ();
    ULONG written = 77;
    CLFS_LSN restart;

    CHECK_FATAL (clfs_log_set (clfs_log_of_file_object (f.log), CLFS_SET_FLUSH_MS, 0), STATUS_SUCCESS);
    appended (f.area, "data");
    CHECK (ClfsWriteRestartArea (f.area, (PVOID) "restart", 7, NULL, 0, &written, &restart), STATUS_SUCCESS);
    CLFS_INFORMATION information = information_of (f.log);
    CU_ASSERT_TRUE (ClfsLsnGreater (&information.LastFlushedLsn, &restart));
    CU_ASSERT_EQUAL (information.LastFlushedLsn.Internal, information.LastLsn.Internal);
    CU_ASSERT_EQUAL (information.BaseLsn.Internal, 0);
    CU_ASSERT_TRUE (written >= 512 && written % 512 == 0);
    close_fixture (&f);
}

static void
a_restart_area_moves_the_base_at_most_to_itself (void)
{
    fixture f = open_fixture ();
    CLFS_LSN restart, one = appended (f.area, "one"), two = appended (f.area, "two"), next;

    CHECK (ClfsWriteRestartArea (f.area, NULL, 0, &two, 0, NULL, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (information_of (f.log).BaseLsn.Internal, two.Internal);
    CHECK (ClfsGetLastLsn (f.log, &next), STATUS_SUCCESS);
    CLFS_LSN bad[] = { one, { next.Internal + 0x10000 }, CLFS_LSN_INVALID, { UINT64_MAX } };
    for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
        CHECK (ClfsWriteRestartArea (f.area, NULL, 0, &bad[i], 0, NULL, NULL), STATUS_LOG_TAIL_INVALID);
    CU_ASSERT_EQUAL (information_of (f.log).LastLsn.Internal, next.Internal);
    CHECK (ClfsWriteRestartArea (f.area, NULL, 0, &next, 0, NULL, &restart), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (restart.Internal, next.Internal);
    CU_ASSERT_EQUAL (information_of (f.log).BaseLsn.Internal, restart.Internal);
    close_fixture (&f);
}

static void
an_empty_restart_area_is_one (void)
{
    fixture f = open_fixture ();
    PVOID data = NULL, context = NULL;
    ULONG bytes = 77;
    CLFS_LSN lsn, restart;

    CHECK (ClfsWriteRestartArea (f.area, NULL, 0, NULL, 0, NULL, &restart), STATUS_SUCCESS);
    CHECK_FATAL (ClfsReadRestartArea (f.area, &data, &bytes, &lsn, &context), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 0);
    CU_ASSERT_EQUAL (lsn.Internal, restart.Internal);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
bad_restart_calls_are_refused (void)
{
    fixture f = open_fixture ();
    PLOG_FILE_OBJECT reading = NULL;
    PVOID area = NULL, context = NULL, data;
    ULONG bytes;
    CLFS_LSN lsn;
    char large[600] = { 0 };

    CHECK (ClfsWriteRestartArea (NULL, large, 1, NULL, 0, NULL, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsWriteRestartArea (f.area, NULL, 1, NULL, 0, NULL, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsWriteRestartArea (f.area, large, 1, NULL, CLFS_FLAG_FORCE_FLUSH, NULL, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsWriteRestartArea (f.area, large, 1, NULL, CLFS_FLAG_USE_RESERVATION, NULL, NULL), STATUS_NOT_SUPPORTED);
    CHECK_FATAL (ClfsCreateMarshallingArea (f.log, PagedPool, NULL, NULL, 512, 1, 1, &area), STATUS_SUCCESS);
    CHECK (ClfsWriteRestartArea (area, large, sizeof large, NULL, 0, NULL, NULL), STATUS_BUFFER_TOO_SMALL);
    CHECK (ClfsWriteRestartArea (f.area, large, sizeof large, NULL, 0, NULL, NULL), STATUS_SUCCESS);
    CHECK (ClfsReadRestartArea (area, &data, &bytes, &lsn, &context), STATUS_LOG_BLOCK_INCOMPLETE);
    CU_ASSERT_PTR_NULL (context);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);

    CHECK (ClfsReadRestartArea (NULL, &data, &bytes, &lsn, &context), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadRestartArea (f.area, NULL, &bytes, &lsn, &context), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadRestartArea (f.area, &data, NULL, &lsn, &context), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadRestartArea (f.area, &data, &bytes, NULL, &context), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadRestartArea (f.area, &data, &bytes, &lsn, NULL), STATUS_INVALID_PARAMETER);
    CHECK_FATAL (ClfsReadRestartArea (f.area, &data, &bytes, &lsn, &context), STATUS_SUCCESS);
    CHECK (ClfsReadPreviousRestartArea (context, NULL, &bytes, &lsn), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadPreviousRestartArea (context, &data, NULL, &lsn), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadPreviousRestartArea (context, &data, &bytes, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CHECK (ClfsReadPreviousRestartArea (context, &data, &bytes, &lsn), STATUS_LOG_READ_CONTEXT_INVALID);
    CHECK_FATAL (ClfsReadLogRecord (f.area, &lsn, ClfsContextForward, &data, &bytes, NULL, NULL, NULL, &context),
                 STATUS_SUCCESS);
    CHECK (ClfsReadPreviousRestartArea (context, &data, &bytes, &lsn), STATUS_LOG_READ_CONTEXT_INVALID);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);

    CHECK_FATAL (open_log ("L", GENERIC_READ, SHARE_ALL, OPEN_EXISTING, &reading), STATUS_SUCCESS);
    CHECK_FATAL (make_area (reading, &area), STATUS_SUCCESS);
    CHECK (ClfsWriteRestartArea (area, large, 1, NULL, 0, NULL, NULL), STATUS_ACCESS_DENIED);
    CHECK (ClfsAdvanceLogBase (area, &lsn, 0), STATUS_ACCESS_DENIED);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (reading), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
the_base_moves_forward_to_any_lsn_up_to_the_end (void)
{
    fixture f = open_fixture ();
    CLFS_LSN one = appended (f.area, "one"), two = appended (f.area, "two"), three = appended (f.area, "three"), next;

    CHECK (ClfsAdvanceLogBase (f.area, &two, 0), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (information_of (f.log).BaseLsn.Internal, two.Internal);
    CHECK (ClfsAdvanceLogBase (f.area, &two, 0), STATUS_SUCCESS);
    CHECK (ClfsAdvanceLogBase (f.area, &one, 0), STATUS_LOG_START_OF_LOG);
    CU_ASSERT_EQUAL (information_of (f.log).BaseLsn.Internal, two.Internal);
    CHECK (ClfsAdvanceLogBase (f.area, &three, 0), STATUS_SUCCESS);
    CHECK (ClfsGetLastLsn (f.log, &next), STATUS_SUCCESS);
    CHECK (ClfsAdvanceLogBase (f.area, &next, 0), STATUS_SUCCESS);
    CLFS_INFORMATION information = information_of (f.log);
    CU_ASSERT_EQUAL (information.BaseLsn.Internal, information.LastLsn.Internal);
    close_fixture (&f);
}

static void
a_bad_base_is_refused (void)
{
    fixture f = open_fixture ();
    CLFS_LSN lsn = appended (f.area, "one"), next;

    CHECK (ClfsGetLastLsn (f.log, &next), STATUS_SUCCESS);
    CLFS_LSN beyond = { next.Internal + 1 }, invalid = CLFS_LSN_INVALID;
    CHECK (ClfsAdvanceLogBase (f.area, &beyond, 0), STATUS_LOG_TAIL_INVALID);
    CHECK (ClfsAdvanceLogBase (f.area, &invalid, 0), STATUS_LOG_TAIL_INVALID);
    CHECK (ClfsAdvanceLogBase (f.area, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (ClfsAdvanceLogBase (f.area, &lsn, 1), STATUS_INVALID_PARAMETER);
    CHECK (ClfsAdvanceLogBase (NULL, &lsn, 0), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (information_of (f.log).BaseLsn.Internal, 0);
    close_fixture (&f);
}

static void
restart_area_and_base_are_there_after_reopening (void)
{
    fixture f = open_fixture ();
    PVOID data = NULL, context = NULL;
    ULONG bytes = 0;
    CLFS_LSN lsn, base, restart;

    appended (f.area, "0");
    base = appended (f.area, "base");
    CHECK (ClfsWriteRestartArea (f.area, (PVOID) "kept", 4, &base, 0, NULL, &restart), STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (f.area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (f.log), STATUS_SUCCESS);
    CHECK_FATAL (open_log ("L", READ_WRITE, 0, OPEN_EXISTING, &f.log), STATUS_SUCCESS);
    CHECK_FATAL (make_area (f.log, &f.area), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (information_of (f.log).BaseLsn.Internal, base.Internal);
    CHECK_FATAL (ClfsReadRestartArea (f.area, &data, &bytes, &lsn, &context), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (lsn.Internal, restart.Internal);
    CU_ASSERT_EQUAL (bytes, 4);
    CU_ASSERT_EQUAL (memcmp (data, "kept", 4), 0);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (a_log_without_restart_area_says_so_by_an_informational_status),
    CLFS_TEST (restart_areas_are_read_from_the_newest_back),
    CLFS_TEST (a_restart_areas_previous_link_is_the_one_before_it),
    CLFS_TEST (after_a_restart_area_reading_goes_on_forward_and_back_again),
    CLFS_TEST (a_restart_area_is_durable_with_all_before_it),
    CLFS_TEST (a_restart_area_moves_the_base_at_most_to_itself),
    CLFS_TEST (an_empty_restart_area_is_one),
    CLFS_TEST (bad_restart_calls_are_refused),
    CLFS_TEST (the_base_moves_forward_to_any_lsn_up_to_the_end),
    CLFS_TEST (a_bad_base_is_refused),
    CLFS_TEST (restart_area_and_base_are_there_after_reopening),
};
CLFS_TEST_MAIN (tests)
