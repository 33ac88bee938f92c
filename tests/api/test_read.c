/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/api/api_testing.h"

/* A record as one of the read calls gave it. */
typedef struct seen {
    char text[64];
    CLFS_RECORD_TYPE type;
    CLFS_LSN lsn, undo_next, previous;
} seen;

static void
see (seen *out, PVOID data, ULONG bytes)
{
    CU_ASSERT_TRUE_FATAL (bytes < sizeof out->text);
    memcpy (out->text, data, bytes);
    out->text[bytes] = '\0';
}

static NTSTATUS
start (PVOID area, CLFS_LSN lsn, CLFS_CONTEXT_MODE mode, PVOID *context, seen *out)
{
    PVOID data = NULL;
    ULONG bytes = 0;
    NTSTATUS status = ClfsReadLogRecord (area, &lsn, mode, &data, &bytes, &out->type, &out->undo_next, &out->previous,
                                         context);

    if (status == STATUS_SUCCESS)
        see (out, data, bytes);
    else
        CU_ASSERT_PTR_NULL (*context);
    return status;
}

static NTSTATUS
next (PVOID context, CLFS_RECORD_TYPE type, PCLFS_LSN user, seen *out)
{
    PVOID data = NULL;
    ULONG bytes = 0;

    out->type = type;
    NTSTATUS status = ClfsReadNextLogRecord (context, &data, &bytes, &out->type, user, &out->undo_next, &out->previous,
                                             &out->lsn);
    if (status == STATUS_SUCCESS)
        see (out, data, bytes);
    return status;
}

static CLFS_LSN
linked (PVOID area, const char *text, CLFS_LSN undo_next, CLFS_LSN previous)
{
    CLFS_WRITE_ENTRY entry = { (PVOID) text, (ULONG) strlen (text) };
    CLFS_LSN lsn = CLFS_LSN_INVALID;

    CHECK_FATAL (ClfsReserveAndAppendLog (area, &entry, 1, &undo_next, &previous, 0, NULL, 0, &lsn), STATUS_SUCCESS);
    return lsn;
}

static void
forward_reads_all_records_then_waits_for_more (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN one = appended (f.area, "one"), two = appended (f.area, "two");

    CHECK_FATAL (start (f.area, one, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "one");
    CU_ASSERT_EQUAL (s.type, ClfsDataRecord);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "two");
    CU_ASSERT_EQUAL (s.lsn.Internal, two.Internal);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_END_OF_FILE);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_END_OF_FILE);
    CLFS_LSN three = appended (f.area, "three");
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "three");
    CU_ASSERT_EQUAL (s.lsn.Internal, three.Internal);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
previous_mode_follows_the_previous_links (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN none = CLFS_LSN_INVALID, one = linked (f.area, "one", none, none);

    appended (f.area, "between");
    CLFS_LSN two = linked (f.area, "two", none, one), three = linked (f.area, "three", none, two);
    CHECK_FATAL (start (f.area, three, ClfsContextPrevious, &context, &s), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (s.previous.Internal, two.Internal);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "two");
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "one");
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_END_OF_FILE);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
undo_next_mode_follows_the_undo_next_links (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN none = CLFS_LSN_INVALID, one = linked (f.area, "one", none, none), two = linked (f.area, "two", one, one);
    CLFS_LSN compensation = linked (f.area, "compensation", one, two);

    CHECK_FATAL (start (f.area, compensation, ClfsContextUndoNext, &context, &s), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (s.undo_next.Internal, one.Internal);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "one");
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_END_OF_FILE);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_link_below_the_base_is_the_start_of_the_log (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN none = CLFS_LSN_INVALID, one = linked (f.area, "one", none, none), two = linked (f.area, "two", none, one),
             three = linked (f.area, "three", none, two);

    CHECK (ClfsAdvanceLogBase (f.area, &two, 0), STATUS_SUCCESS);
    CHECK_FATAL (start (f.area, three, ClfsContextPrevious, &context, &s), STATUS_SUCCESS);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "two");
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_LOG_START_OF_LOG);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_LOG_START_OF_LOG);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
types_are_filtered_and_told (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN one = appended (f.area, "one"), restart;

    CHECK (ClfsWriteRestartArea (f.area, (PVOID) "restart", 7, NULL, 0, NULL, &restart), STATUS_SUCCESS);
    appended (f.area, "two");
    CHECK_FATAL (start (f.area, one, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "two");
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CHECK_FATAL (start (f.area, one, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CHECK (next (context, ClfsRestartRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "restart");
    CU_ASSERT_EQUAL (s.type, ClfsRestartRecord);
    CU_ASSERT_EQUAL (s.lsn.Internal, restart.Internal);
    CHECK (next (context, ClfsRestartRecord, NULL, &s), STATUS_END_OF_FILE);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CHECK_FATAL (start (f.area, one, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CHECK (next (context, 0x3F, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (s.type, ClfsRestartRecord);
    CHECK (next (context, ClfsClientRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (s.type, ClfsDataRecord);
    CHECK (next (context, ClfsNullRecord, NULL, &s), STATUS_INVALID_PARAMETER);
    CHECK (next (context, 0x3C, NULL, &s), STATUS_INVALID_PARAMETER);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_read_may_begin_at_a_restart_record (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    CLFS_LSN restart;
    seen s;

    CHECK (ClfsWriteRestartArea (f.area, (PVOID) "restart", 7, NULL, 0, NULL, &restart), STATUS_SUCCESS);
    CHECK_FATAL (start (f.area, restart, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (s.type, ClfsRestartRecord);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
the_caller_may_name_the_next_record (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN none = CLFS_LSN_INVALID, one = linked (f.area, "one", none, none), two = linked (f.area, "two", none, one),
             three = linked (f.area, "three", none, two);

    CHECK_FATAL (start (f.area, two, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CHECK (next (context, ClfsDataRecord, &two, &s), STATUS_INVALID_PARAMETER);
    CHECK (next (context, ClfsDataRecord, &one, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "one");
    CHECK (next (context, ClfsDataRecord, &three, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "three");
    CHECK (next (context, ClfsDataRecord, &none, &s), STATUS_END_OF_FILE);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CHECK_FATAL (start (f.area, two, ClfsContextPrevious, &context, &s), STATUS_SUCCESS);
    CHECK (next (context, ClfsDataRecord, &two, &s), STATUS_INVALID_PARAMETER);
    CHECK (next (context, ClfsDataRecord, &three, &s), STATUS_INVALID_PARAMETER);
    CHECK (next (context, ClfsDataRecord, &none, &s), STATUS_END_OF_FILE);
    CHECK (next (context, ClfsDataRecord, &one, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "one");
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_refused_next_leaves_the_context_where_it_is (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN one = appended (f.area, "one"), beyond = { 0x700000000 };

    appended (f.area, "two");
    CHECK_FATAL (start (f.area, one, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CHECK (next (context, ClfsDataRecord, &beyond, &s), STATUS_END_OF_FILE);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "two");
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
where_no_record_is_each_case_has_its_status (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN last, none = CLFS_LSN_INVALID;

    CHECK (start (f.area, CLFS_LSN_NULL, ClfsContextForward, &context, &s), STATUS_END_OF_FILE);
    CHECK (append_bytes (f.area, "one", 3, CLFS_FLAG_FORCE_FLUSH, NULL), STATUS_SUCCESS);
    CHECK (append_bytes (f.area, "two", 3, CLFS_FLAG_FORCE_FLUSH, NULL), STATUS_SUCCESS);
    CLFS_LSN three = appended (f.area, "three"), gap = { 5 };
    CHECK (ClfsGetLastLsn (f.log, &last), STATUS_SUCCESS);
    CHECK (start (f.area, last, ClfsContextForward, &context, &s), STATUS_END_OF_FILE);
    CHECK (start (f.area, none, ClfsContextForward, &context, &s), STATUS_END_OF_FILE);
    CHECK (start (f.area, gap, ClfsContextForward, &context, &s), STATUS_LOG_RECORD_NONEXISTENT);
    CHECK (ClfsAdvanceLogBase (f.area, &three, 0), STATUS_SUCCESS);
    CHECK (start (f.area, CLFS_LSN_NULL, ClfsContextForward, &context, &s), STATUS_LOG_START_OF_LOG);
    close_fixture (&f);
}

static void
bad_parameters_are_refused (void)
{
    fixture f = open_fixture ();
    PVOID context = f.area, data;
    CLFS_RECORD_TYPE type = ClfsDataRecord;
    CLFS_LSN lsn = appended (f.area, "x");
    ULONG bytes;

    CHECK (ClfsReadLogRecord (NULL, &lsn, ClfsContextForward, &data, &bytes, &type, NULL, NULL, &context),
           STATUS_INVALID_PARAMETER);
    CU_ASSERT_PTR_NULL (context);
    CHECK (ClfsReadLogRecord (f.log, &lsn, ClfsContextForward, &data, &bytes, &type, NULL, NULL, &context),
           STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadLogRecord (f.area, NULL, ClfsContextForward, &data, &bytes, &type, NULL, NULL, &context),
           STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadLogRecord (f.area, &lsn, ClfsContextForward, NULL, &bytes, &type, NULL, NULL, &context),
           STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadLogRecord (f.area, &lsn, ClfsContextForward, &data, NULL, &type, NULL, NULL, &context),
           STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadLogRecord (f.area, &lsn, ClfsContextForward, &data, &bytes, &type, NULL, NULL, NULL),
           STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadLogRecord (f.area, &lsn, ClfsContextNone, &data, &bytes, &type, NULL, NULL, &context),
           STATUS_LOG_READ_MODE_INVALID);
    CHECK (ClfsReadLogRecord (f.area, &lsn, (CLFS_CONTEXT_MODE) 4, &data, &bytes, &type, NULL, NULL, &context),
           STATUS_LOG_READ_MODE_INVALID);
    CHECK_FATAL (ClfsReadLogRecord (f.area, &lsn, ClfsContextForward, &data, &bytes, NULL, NULL, NULL, &context),
                 STATUS_SUCCESS);
    CHECK (ClfsReadNextLogRecord (context, NULL, &bytes, &type, NULL, NULL, NULL, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadNextLogRecord (context, &data, NULL, &type, NULL, NULL, NULL, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReadNextLogRecord (context, &data, &bytes, NULL, NULL, NULL, NULL, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_terminated_context_is_noticed (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN lsn = appended (f.area, "x");

    CHECK_FATAL (start (f.area, lsn, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CHECK (ClfsTerminateReadLog (context), STATUS_LOG_READ_CONTEXT_INVALID);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_LOG_READ_CONTEXT_INVALID);
    CHECK (next (NULL, ClfsDataRecord, NULL, &s), STATUS_LOG_READ_CONTEXT_INVALID);
    CHECK (next (f.area, ClfsDataRecord, NULL, &s), STATUS_LOG_READ_CONTEXT_INVALID);
    CHECK (ClfsTerminateReadLog (NULL), STATUS_LOG_READ_CONTEXT_INVALID);
    CHECK (ClfsTerminateReadLog (f.area), STATUS_LOG_READ_CONTEXT_INVALID);
    close_fixture (&f);
}

static void
read_buffers_bound_the_contexts (void)
{
    fixture f = open_fixture ();
    PVOID area = NULL, first = NULL, second = NULL, third = NULL, data;
    ULONG bytes;
    seen s;
    CLFS_LSN lsn = appended (f.area, "x"), restart;

    CHECK_FATAL (ClfsCreateMarshallingArea (f.log, PagedPool, NULL, NULL, 4096, 2, 2, &area), STATUS_SUCCESS);
    CHECK (start (area, lsn, ClfsContextForward, &first, &s), STATUS_SUCCESS);
    CHECK (start (area, lsn, ClfsContextForward, &second, &s), STATUS_SUCCESS);
    CHECK (start (area, lsn, ClfsContextForward, &third, &s), STATUS_LOG_BLOCKS_EXHAUSTED);
    CHECK (ClfsReadRestartArea (area, &data, &bytes, &restart, &third), STATUS_LOG_BLOCKS_EXHAUSTED);
    CHECK (ClfsTerminateReadLog (first), STATUS_SUCCESS);
    CHECK (ClfsReadRestartArea (area, &data, &bytes, &restart, &third), STATUS_LOG_NO_RESTART);
    CHECK (start (area, lsn, ClfsContextForward, &third, &s), STATUS_SUCCESS);
    CHECK (ClfsTerminateReadLog (second), STATUS_SUCCESS);
    CHECK (ClfsTerminateReadLog (third), STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_record_too_large_for_the_areas_block_is_refused_each_time (void)
{
    fixture f = open_fixture ();
    PVOID area = NULL, context = NULL;
    seen s;
    char large[1000] = { 0 };
    CLFS_LSN small = appended (f.area, "small"), large_lsn;

    CHECK_FATAL (ClfsCreateMarshallingArea (f.log, PagedPool, NULL, NULL, 512, 2, 2, &area), STATUS_SUCCESS);
    CHECK (append_bytes (f.area, large, sizeof large, 0, &large_lsn), STATUS_SUCCESS);
    CLFS_LSN after = appended (f.area, "after");
    CHECK (start (area, large_lsn, ClfsContextForward, &context, &s), STATUS_LOG_BLOCK_INCOMPLETE);
    CHECK_FATAL (start (area, small, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_LOG_BLOCK_INCOMPLETE);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_LOG_BLOCK_INCOMPLETE);
    CHECK (next (context, ClfsDataRecord, &after, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "after");
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
reading_needs_read_access (void)
{
    fixture f = open_fixture ();
    PLOG_FILE_OBJECT writing = NULL;
    PVOID area = NULL, context = NULL, data;
    ULONG bytes;
    seen s;
    CLFS_LSN lsn = appended (f.area, "x"), restart;

    CHECK_FATAL (open_log ("L", GENERIC_WRITE, SHARE_ALL, OPEN_EXISTING, &writing), STATUS_SUCCESS);
    CHECK_FATAL (make_area (writing, &area), STATUS_SUCCESS);
    CHECK (append_text (area, "y", NULL), STATUS_SUCCESS);
    CHECK (start (area, lsn, ClfsContextForward, &context, &s), STATUS_ACCESS_DENIED);
    CHECK (ClfsReadRestartArea (area, &data, &bytes, &restart, &context), STATUS_ACCESS_DENIED);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (writing), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_context_outlives_its_area_and_log_file_object (void)
{
    fixture f = open_fixture ();
    PVOID context = NULL;
    seen s;
    CLFS_LSN one = appended (f.area, "one");

    appended (f.area, "two");
    CHECK_FATAL (start (f.area, one, ClfsContextForward, &context, &s), STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (f.area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (f.log), STATUS_SUCCESS);
    CHECK (next (context, ClfsDataRecord, NULL, &s), STATUS_SUCCESS);
    CU_ASSERT_STRING_EQUAL (s.text, "two");
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    f = (fixture) { NULL, NULL };
    close_fixture (&f);
}

static int allocations, frees;
static bool allocate_nothing;
static PVOID newest;

static PVOID
allocate_block (POOL_TYPE pool, SIZE_T bytes, ULONG tag)
{
    (void) tag;
    CU_ASSERT_EQUAL (pool, NonPagedPoolNx);
    CU_ASSERT_EQUAL (bytes, 4096);
    if (allocate_nothing)
        return NULL;
    allocations++;
    newest = malloc (bytes);
    return newest;
}

static VOID
free_block (PVOID block)
{
    frees++;
    free (block);
}

static void
the_callers_memory_holds_what_is_read (void)
{
    fixture f = open_fixture ();
    PVOID area = NULL, context = NULL, data = NULL;
    CLFS_RECORD_TYPE type = ClfsDataRecord;
    CLFS_LSN one = appended (f.area, "one");
    ULONG bytes = 0;
    seen s;

    allocations = frees = 0;
    allocate_nothing = false;
    appended (f.area, "two");
    CHECK_FATAL (ClfsCreateMarshallingArea (f.log, NonPagedPoolNx, allocate_block, free_block, 4000, 2, 2, &area),
                 STATUS_SUCCESS);
    CHECK_FATAL (ClfsReadLogRecord (area, &one, ClfsContextForward, &data, &bytes, NULL, NULL, NULL, &context),
                 STATUS_SUCCESS);
    CU_ASSERT_EQUAL (allocations, 1);
    CU_ASSERT_PTR_EQUAL (data, newest);
    CU_ASSERT_EQUAL (memcmp (data, "one", 3), 0);
    CHECK (ClfsReadNextLogRecord (context, &data, &bytes, &type, NULL, NULL, NULL, NULL), STATUS_SUCCESS);
    CU_ASSERT_PTR_EQUAL (data, newest);
    CU_ASSERT_EQUAL (memcmp (data, "two", 3), 0);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (frees, 1);
    allocate_nothing = true;
    CHECK (start (area, one, ClfsContextForward, &context, &s), STATUS_INSUFFICIENT_RESOURCES);
    allocate_nothing = false;
    CHECK (start (area, CLFS_LSN_INVALID, ClfsContextForward, &context, &s), STATUS_END_OF_FILE);
    CU_ASSERT_EQUAL (allocations, frees);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    close_fixture (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (forward_reads_all_records_then_waits_for_more),
    CLFS_TEST (previous_mode_follows_the_previous_links),
    CLFS_TEST (undo_next_mode_follows_the_undo_next_links),
    CLFS_TEST (a_link_below_the_base_is_the_start_of_the_log),
    CLFS_TEST (types_are_filtered_and_told),
    CLFS_TEST (a_read_may_begin_at_a_restart_record),
    CLFS_TEST (the_caller_may_name_the_next_record),
    CLFS_TEST (a_refused_next_leaves_the_context_where_it_is),
    CLFS_TEST (where_no_record_is_each_case_has_its_status),
    CLFS_TEST (bad_parameters_are_refused),
    CLFS_TEST (a_terminated_context_is_noticed),
    CLFS_TEST (read_buffers_bound_the_contexts),
    CLFS_TEST (a_record_too_large_for_the_areas_block_is_refused_each_time),
    CLFS_TEST (reading_needs_read_access),
    CLFS_TEST (a_context_outlives_its_area_and_log_file_object),
    CLFS_TEST (the_callers_memory_holds_what_is_read),
};
CLFS_TEST_MAIN (tests)
