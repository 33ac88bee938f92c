/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/api/api_testing.h"
#include "tests/api/write_failure.h"

/* The data of the record at `lsn`, and its links; to be freed with g_free(). */
static char *
record_at (PVOID area, CLFS_LSN lsn, ULONG *bytes, PCLFS_LSN undo_next, PCLFS_LSN previous)
{
    PVOID context = NULL, data = NULL;
    char *copy = NULL;

    CHECK (ClfsReadLogRecord (area, &lsn, ClfsContextForward, &data, bytes, NULL, undo_next, previous, &context),
           STATUS_SUCCESS);
    if (context != NULL) {
        copy = g_malloc0 (*bytes + 1);
        memcpy (copy, data, *bytes);
        CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    }
    return copy;
}

static void
entries_are_gathered_into_one_record (void)
{
    fixture f = open_fixture ();
    CLFS_WRITE_ENTRY entries[] = { { (PVOID) "one", 3 }, { NULL, 0 }, { (PVOID) "two", 3 }, { (PVOID) "three", 5 } };
    CLFS_LSN lsn, undo = { 0x200 }, previous = { 0x400 }, undo_read, previous_read;
    ULONG bytes = 0;

    CHECK (ClfsReserveAndAppendLog (f.area, entries, 4, &undo, &previous, 0, NULL, 0, &lsn), STATUS_SUCCESS);
    g_autofree char *data = record_at (f.area, lsn, &bytes, &undo_read, &previous_read);
    CU_ASSERT_EQUAL (bytes, 11);
    CU_ASSERT_STRING_EQUAL (data, "onetwothree");
    CU_ASSERT_EQUAL (undo_read.Internal, 0x200);
    CU_ASSERT_EQUAL (previous_read.Internal, 0x400);
    close_fixture (&f);
}

static void
links_left_out_are_the_invalid_lsn (void)
{
    fixture f = open_fixture ();
    CLFS_LSN undo = { 1 }, previous = { 1 };
    ULONG bytes;
    g_autofree char *data = record_at (f.area, appended (f.area, "x"), &bytes, &undo, &previous);

    CU_ASSERT_PTR_NOT_NULL (data);
    CU_ASSERT_TRUE (ClfsLsnInvalid (&undo));
    CU_ASSERT_TRUE (ClfsLsnInvalid (&previous));
    close_fixture (&f);
}

static void
aligned_entries_begin_at_multiples_with_zeros_between (void)
{
    fixture f = open_fixture ();
    CLFS_WRITE_ENTRY entries[] = {
        { (PVOID) "abc", 3 }, { (PVOID) "de", 2 }, { (PVOID) "fghijklmn", 9 }, { (PVOID) "o", 1 }
    };
    CLFS_LSN lsn;
    ULONG bytes = 0;

    CHECK (ClfsReserveAndAppendLogAligned (f.area, entries, 4, 8, NULL, NULL, 0, NULL, 0, &lsn), STATUS_SUCCESS);
    g_autofree char *data = record_at (f.area, lsn, &bytes, NULL, NULL);
    CU_ASSERT_EQUAL (bytes, 33);
    CU_ASSERT_EQUAL (memcmp (data, "abc\0\0\0\0\0de\0\0\0\0\0\0fghijklmn\0\0\0\0\0\0\0o", 33), 0);
    CHECK (ClfsReserveAndAppendLogAligned (f.area, entries, 2, 5, NULL, NULL, 0, NULL, 0, &lsn), STATUS_SUCCESS);
    g_autofree char *odd = record_at (f.area, lsn, &bytes, NULL, NULL);
    CU_ASSERT_EQUAL (bytes, 7);
    CU_ASSERT_EQUAL (memcmp (odd, "abc\0\0de", 7), 0);
    close_fixture (&f);
}

static void
many_entries_make_one_record (void)
{
    fixture f = open_fixture ();
    CLFS_WRITE_ENTRY entries[1000];
    CLFS_LSN lsn;
    ULONG bytes = 0;

    for (size_t i = 0; i < G_N_ELEMENTS (entries); i++)
        entries[i] = (CLFS_WRITE_ENTRY) { (PVOID) "x", 1 };
    CHECK (ClfsReserveAndAppendLogAligned (f.area, entries, 1000, 4, NULL, NULL, 0, NULL, 0, &lsn), STATUS_SUCCESS);
    g_autofree char *data = record_at (f.area, lsn, &bytes, NULL, NULL);
    CU_ASSERT_EQUAL (bytes, 999 * 4 + 1);
    for (size_t i = 0; data != NULL && i < bytes; i++)
        CU_ASSERT_EQUAL_FATAL (data[i], i % 4 == 0 ? 'x' : 0);
    close_fixture (&f);
}

static void
lsn_pointer_is_optional_and_left_alone_on_failure (void)
{
    fixture f = open_fixture ();
    CLFS_LSN lsn = { 77 };

    CHECK (append_text (f.area, "x", NULL), STATUS_SUCCESS);
    CHECK (append_bytes (f.area, NULL, 5, 0, &lsn), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (lsn.Internal, 77);
    close_fixture (&f);
}

static void
force_flush_makes_the_record_durable (void)
{
    fixture f = open_fixture ();
    CLFS_LSN lsn;

    CHECK (append_bytes (f.area, "x", 1, CLFS_FLAG_FORCE_FLUSH, &lsn), STATUS_SUCCESS);
    CLFS_LSN flushed = information_of (f.log).LastFlushedLsn;
    CU_ASSERT_TRUE (ClfsLsnGreater (&flushed, &lsn));
    close_fixture (&f);
}

static void
force_append_closes_the_block (void)
{
    fixture f = open_fixture ();
    CLFS_LSN first = appended (f.area, "1"), second, third;

    CHECK (append_bytes (f.area, "2", 1, CLFS_FLAG_FORCE_APPEND, &second), STATUS_SUCCESS);
    third = appended (f.area, "3");
    CU_ASSERT_EQUAL (ClfsLsnBlockOffset (&first), ClfsLsnBlockOffset (&second));
    CU_ASSERT_TRUE (ClfsLsnBlockOffset (&third) > ClfsLsnBlockOffset (&second));
    CU_ASSERT_EQUAL (ClfsLsnRecordSequence (&third), 0);
    close_fixture (&f);
}

static void
without_entries_force_flush_flushes_and_nothing_is_a_success (void)
{
    fixture f = open_fixture ();
    CLFS_WRITE_ENTRY unused = { (PVOID) "x", 1 };
    CLFS_LSN lsn = appended (f.area, "x"), out = { 77 };

    CHECK (ClfsReserveAndAppendLog (f.area, NULL, 0, NULL, NULL, 0, NULL, 0, &out), STATUS_SUCCESS);
    CHECK (ClfsReserveAndAppendLog (f.area, &unused, 0, NULL, NULL, 0, NULL, CLFS_FLAG_FORCE_APPEND, &out),
           STATUS_SUCCESS);
    CHECK (ClfsReserveAndAppendLog (f.area, NULL, 0, NULL, NULL, 0, NULL, CLFS_FLAG_FORCE_FLUSH, &out), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.Internal, 77);
    CLFS_INFORMATION information = information_of (f.log);
    CU_ASSERT_TRUE (ClfsLsnGreater (&information.LastFlushedLsn, &lsn));
    CU_ASSERT_EQUAL (information.LastFlushedLsn.Internal, information.LastLsn.Internal);
    close_fixture (&f);
}

static void
bad_parameters_are_refused (void)
{
    fixture f = open_fixture ();
    CLFS_WRITE_ENTRY entry = { (PVOID) "x", 1 };
    LONGLONG reservation = 100;
    CLFS_LSN before = information_of (f.log).LastLsn;

    CHECK (ClfsReserveAndAppendLog (NULL, &entry, 1, NULL, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReserveAndAppendLog (f.log, &entry, 1, NULL, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReserveAndAppendLog (f.area, NULL, 1, NULL, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReserveAndAppendLog (f.area, &entry, 1, NULL, NULL, 0, NULL, 8, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReserveAndAppendLog (f.area, &entry, 1, NULL, NULL, 1, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsReserveAndAppendLog (f.area, &entry, 1, NULL, NULL, 1, &reservation, CLFS_FLAG_USE_RESERVATION, NULL),
           STATUS_INVALID_PARAMETER);
    CHECK (ClfsReserveAndAppendLogAligned (f.area, &entry, 1, 0, NULL, NULL, 0, NULL, 0, NULL),
           STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (information_of (f.log).LastLsn.Internal, before.Internal);
    close_fixture (&f);
}

static void
reservations_are_not_supported (void)
{
    fixture f = open_fixture ();
    CLFS_WRITE_ENTRY entry = { (PVOID) "x", 1 };
    LONGLONG reservation = 100;

    CHECK (ClfsReserveAndAppendLog (f.area, &entry, 1, NULL, NULL, 1, &reservation, 0, NULL), STATUS_NOT_SUPPORTED);
    CHECK (ClfsReserveAndAppendLog (f.area, NULL, 0, NULL, NULL, 1, &reservation, 0, NULL), STATUS_NOT_SUPPORTED);
    CHECK (ClfsReserveAndAppendLog (f.area, &entry, 1, NULL, NULL, 0, NULL, CLFS_FLAG_USE_RESERVATION, NULL),
           STATUS_NOT_SUPPORTED);
    CU_ASSERT_EQUAL (reservation, 100);
    close_fixture (&f);
}

static void
appending_needs_write_access (void)
{
    fixture f = open_fixture ();
    PLOG_FILE_OBJECT reading = NULL, read_only = NULL;
    PVOID area = NULL;

    CHECK_FATAL (open_log ("L", GENERIC_READ, SHARE_ALL, OPEN_EXISTING, &reading), STATUS_SUCCESS);
    CHECK_FATAL (make_area (reading, &area), STATUS_SUCCESS);
    CHECK (append_text (area, "x", NULL), STATUS_ACCESS_DENIED);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (reading), STATUS_SUCCESS);
    CHECK_FATAL (ClfsCreateLogFile (&read_only, log_name ("L"), READ_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0,
                                    FILE_ATTRIBUTE_READONLY, 0, NULL, 0),
                 STATUS_SUCCESS);
    CHECK_FATAL (make_area (read_only, &area), STATUS_SUCCESS);
    CHECK (append_text (area, "x", NULL), STATUS_ACCESS_DENIED);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (read_only), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
a_record_is_bounded_by_the_areas_block (void)
{
    /* Block, and the longest record in it: the block less its header (112), the record's (40) and the signatures'
     * array, 2 bytes a sector and 2 more, rounded up to 8. */
    static const ULONG sizes[][2] = { { 512, 352 }, { 500, 352 }, { 513, 864 }, { 2048, 1880 }, { 65536, 65120 } };
    fixture f = open_fixture ();
    g_autofree char *data = g_malloc0 (70000);

    for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
        PVOID area = NULL;
        CLFS_LSN lsn = { 77 };
        CHECK_FATAL (ClfsCreateMarshallingArea (f.log, PagedPool, NULL, NULL, sizes[i][0], 1, 1, &area),
                     STATUS_SUCCESS);
        CHECK (append_bytes (area, data, sizes[i][1] + 1, 0, &lsn), STATUS_BUFFER_TOO_SMALL);
        CU_ASSERT_EQUAL (lsn.Internal, 77);
        CHECK (append_bytes (area, data, sizes[i][1], 0, &lsn), STATUS_SUCCESS);
        CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    }
    CLFS_WRITE_ENTRY huge[] = { { data, UINT32_MAX }, { data, UINT32_MAX }, { data, 1 } };
    CHECK (ClfsReserveAndAppendLog (f.area, huge, 3, NULL, NULL, 0, NULL, 0, NULL), STATUS_BUFFER_TOO_SMALL);
    CHECK (ClfsReserveAndAppendLogAligned (f.area, &(CLFS_WRITE_ENTRY[]) { { data, 1 }, { data, 1 } }[0], 2, UINT32_MAX,
                                           NULL, NULL, 0, NULL, 0, NULL),
           STATUS_BUFFER_TOO_SMALL);
    close_fixture (&f);
}

static void
a_full_log_says_so_harms_nothing_and_goes_on_when_the_base_has_moved (void)
{
    fixture f = open_fixture ();
    g_autofree char *data = g_malloc (60000);
    CLFS_LSN lsn = { 0 }, last = { 0 };
    unsigned count = 0;
    NTSTATUS status;
    ULONG bytes = 0;

    memset (data, 'x', 60000);
    while ((status = append_bytes (f.area, data, 60000, 0, &lsn)) == STATUS_SUCCESS && count < 100) {
        last = lsn;
        count++;
    }
    CHECK (status, STATUS_LOG_FULL);
    CU_ASSERT_TRUE (count >= 8 && count < 18);
    CU_ASSERT_EQUAL (lsn.Internal, last.Internal);
    CHECK (ClfsFlushBuffers (f.area), STATUS_SUCCESS);
    g_autofree char *first = record_at (f.area, CLFS_LSN_NULL, &bytes, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL (first);
    CU_ASSERT_EQUAL (bytes, 60000);
    CHECK (ClfsAdvanceLogBase (f.area, &last, 0), STATUS_SUCCESS);
    CHECK (append_bytes (f.area, data, 60000, 0, &lsn), STATUS_SUCCESS);
    CU_ASSERT_TRUE (ClfsLsnGreater (&lsn, &last));
    close_fixture (&f);
}

static void
a_record_whose_flush_fails_is_said_to_be_appended_only (void)
{
    fixture f = open_fixture ();
    CLFS_LSN lsn = CLFS_LSN_INVALID, next;

    CHECK (append_bytes (f.area, "good", 4, CLFS_FLAG_FORCE_FLUSH, NULL), STATUS_SUCCESS);
    CHECK (ClfsGetLastLsn (f.log, &next), STATUS_SUCCESS);
    fail_writes (true);
    NTSTATUS status = append_bytes (f.area, "bad", 3, CLFS_FLAG_FORCE_FLUSH, &lsn);
    fail_writes (false);
    CHECK (status, STATUS_LOG_APPENDED_FLUSH_FAILED);
    CU_ASSERT_EQUAL (lsn.Internal, next.Internal);
    CU_ASSERT_FALSE (NT_SUCCESS (append_text (f.area, "more", NULL)));
    CU_ASSERT_FALSE (NT_SUCCESS (ClfsDeleteMarshallingArea (f.area)));
    (void) ClfsCloseLogFileObject (f.log);
    f = (fixture) { NULL, NULL };
    close_fixture (&f);
}

static gpointer
append_many (gpointer area)
{
    for (int i = 0; i < 200; i++)
        CHECK (append_text (area, "by a thread", NULL), STATUS_SUCCESS);
    return NULL;
}

static void
threads_may_share_an_area (void)
{
    fixture f = open_fixture ();
    GThread *threads[4];
    PVOID context = NULL, data;
    CLFS_LSN first = CLFS_LSN_NULL;
    CLFS_RECORD_TYPE type = ClfsDataRecord;
    ULONG bytes;
    int count = 0;

    for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
        threads[i] = g_thread_new ("append", append_many, f.area);
    for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
        g_thread_join (threads[i]);
    NTSTATUS status = ClfsReadLogRecord (f.area, &first, ClfsContextForward, &data, &bytes, NULL, NULL, NULL, &context);
    while (status == STATUS_SUCCESS) {
        CU_ASSERT_EQUAL (bytes, 11);
        count++;
        status = ClfsReadNextLogRecord (context, &data, &bytes, &type, NULL, NULL, NULL, NULL);
    }
    CHECK (status, STATUS_END_OF_FILE);
    CU_ASSERT_EQUAL (count, 800);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    close_fixture (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (entries_are_gathered_into_one_record),
    CLFS_TEST (links_left_out_are_the_invalid_lsn),
    CLFS_TEST (aligned_entries_begin_at_multiples_with_zeros_between),
    CLFS_TEST (many_entries_make_one_record),
    CLFS_TEST (lsn_pointer_is_optional_and_left_alone_on_failure),
    CLFS_TEST (force_flush_makes_the_record_durable),
    CLFS_TEST (force_append_closes_the_block),
    CLFS_TEST (without_entries_force_flush_flushes_and_nothing_is_a_success),
    CLFS_TEST (bad_parameters_are_refused),
    CLFS_TEST (reservations_are_not_supported),
    CLFS_TEST (appending_needs_write_access),
    CLFS_TEST (a_record_is_bounded_by_the_areas_block),
    CLFS_TEST (a_full_log_says_so_harms_nothing_and_goes_on_when_the_base_has_moved),
    CLFS_TEST (a_record_whose_flush_fails_is_said_to_be_appended_only),
    CLFS_TEST (threads_may_share_an_area),
};
CLFS_TEST_MAIN (tests)
