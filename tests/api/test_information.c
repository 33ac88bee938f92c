/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/api/api_testing.h"

static NTSTATUS
query (PLOG_FILE_OBJECT log, int class, PVOID out, PULONG bytes)
{
    return ClfsQueryLogFileInformation (log, (CLFS_LOG_INFORMATION_CLASS) class, NULL, 0, out, bytes);
}

static void
a_new_log_says_what_it_is (void)
{
    fixture f = open_fixture ();
    CLFS_INFORMATION information = information_of (f.log), physical;
    ULONG bytes = sizeof physical;

    CU_ASSERT_EQUAL (information.TotalAvailable, 2 * HALF_MIB);
    CU_ASSERT_TRUE (information.CurrentAvailable > 0 && information.CurrentAvailable <= information.TotalAvailable);
    CU_ASSERT_EQUAL (information.TotalReservation, 0);
    CU_ASSERT_TRUE (information.BaseFileSize > 0);
    CU_ASSERT_EQUAL (information.ContainerSize, HALF_MIB);
    CU_ASSERT_EQUAL (information.TotalContainers, 2);
    CU_ASSERT_EQUAL (information.TotalClients, 1);
    CU_ASSERT_EQUAL (information.Attributes, FILE_ATTRIBUTE_DEDICATED);
    CU_ASSERT_EQUAL (information.SectorSize, 512);
    CU_ASSERT_TRUE (information.FlushThreshold > 0);
    CU_ASSERT_EQUAL (information.BaseLsn.Internal, 0);
    CU_ASSERT_EQUAL (information.MinArchiveTailLsn.Internal, 0);
    CU_ASSERT_EQUAL (information.LastLsn.Internal, 0);
    CU_ASSERT_EQUAL (information.RestartLsn.Internal, CLFS_LSN_INVALID.Internal);
    CHECK (query (f.log, ClfsLogBasicInformationPhysical, &physical, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 120);
    CU_ASSERT_EQUAL (memcmp (&physical, &information, sizeof physical), 0);
    close_fixture (&f);
}

static void
marks_move_with_the_log (void)
{
    fixture f = open_fixture ();
    CLFS_LSN first = appended (f.area, "one"), second = appended (f.area, "two"), last, restart;

    CHECK (ClfsGetLastLsn (f.log, &last), STATUS_SUCCESS);
    CU_ASSERT_TRUE (ClfsLsnGreater (&last, &second));
    CU_ASSERT_EQUAL (information_of (f.log).LastLsn.Internal, last.Internal);
    CHECK (ClfsWriteRestartArea (f.area, NULL, 0, &second, 0, NULL, &restart), STATUS_SUCCESS);
    CLFS_INFORMATION information = information_of (f.log);
    CU_ASSERT_EQUAL (first.Internal, 0);
    CU_ASSERT_EQUAL (information.BaseLsn.Internal, second.Internal);
    CU_ASSERT_EQUAL (information.MinArchiveTailLsn.Internal, second.Internal);
    CU_ASSERT_EQUAL (information.RestartLsn.Internal, restart.Internal);
    CU_ASSERT_EQUAL (information.LastFlushedLsn.Internal, information.LastLsn.Internal);
    close_fixture (&f);
}

static void
an_archived_log_says_so (void)
{
    PLOG_FILE_OBJECT log = NULL;

    fresh_directory ();
    CHECK_FATAL (ClfsCreateLogFile (&log, log_name ("L"), READ_WRITE, 0, NULL, CREATE_NEW, 0, FILE_ATTRIBUTE_ARCHIVE, 0,
                                    NULL, 0),
                 STATUS_SUCCESS);
    CU_ASSERT_EQUAL (information_of (log).Attributes, FILE_ATTRIBUTE_DEDICATED | FILE_ATTRIBUTE_ARCHIVE);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    drop_directory ();
}

static void
the_physical_name_is_the_base_log_files_path (void)
{
    fixture f = open_fixture ();
    union {
        CLFS_LOG_NAME_INFORMATION name;
        char room[1024];
    } out = { 0 };
    ULONG bytes = sizeof out;
    g_autofree char *wanted = g_build_filename (test_directory, "L.blf", NULL);

    CHECK (query (f.log, ClfsLogPhysicalNameInformation, &out, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.name.NameLengthInBytes, strlen (wanted) * 2);
    CU_ASSERT_EQUAL (bytes, 2 + out.name.NameLengthInBytes);
    g_autofree char *path =
        g_utf16_to_utf8 ((const gunichar2 *) (out.room + 2), out.name.NameLengthInBytes / 2, NULL, NULL, NULL);
    CU_ASSERT_STRING_EQUAL (path, wanted);

    ULONG whole = bytes;
    memset (&out, 0, sizeof out);
    bytes = 7;
    CHECK (query (f.log, ClfsLogPhysicalNameInformation, &out, &bytes), STATUS_BUFFER_OVERFLOW);
    CU_ASSERT_EQUAL (bytes, whole);
    CU_ASSERT_EQUAL (out.name.NameLengthInBytes, whole - 2);
    CU_ASSERT_EQUAL (out.room[2], '/');
    CU_ASSERT_EQUAL (out.room[6], 0);
    bytes = 0;
    CHECK (query (f.log, ClfsLogPhysicalNameInformation, NULL, &bytes), STATUS_BUFFER_OVERFLOW);
    CU_ASSERT_EQUAL (bytes, whole);
    close_fixture (&f);
}

static void
stream_and_marking_of_a_dedicated_log_are_zero (void)
{
    fixture f = open_fixture ();
    CLFS_STREAM_ID_INFORMATION stream = { 9 };
    ULONG marking = 9, bytes = sizeof stream;

    CHECK (query (f.log, ClfsLogStreamIdentifierInformation, &stream, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (stream.StreamIdentifier, 0);
    CU_ASSERT_EQUAL (bytes, 1);
    bytes = sizeof marking;
    CHECK (query (f.log, ClfsLogSystemMarkingInformation, &marking, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (marking, 0);
    CU_ASSERT_EQUAL (bytes, 4);
    close_fixture (&f);
}

static void
physical_lsns_of_a_dedicated_log_are_the_virtual_ones (void)
{
    fixture f = open_fixture ();
    CLFS_PHYSICAL_LSN_INFORMATION in = { 0, { 0x9001 }, { 0 } }, out = { 0 };
    ULONG bytes = sizeof out;

    CHECK (ClfsQueryLogFileInformation (f.log, ClfsLogPhysicalLsnInformation, &in, sizeof in, &out, &bytes),
           STATUS_SUCCESS);
    CU_ASSERT_EQUAL (out.PhysicalLsn.Internal, 0x9001);
    CHECK (ClfsQueryLogFileInformation (f.log, ClfsLogPhysicalLsnInformation, NULL, 0, &out, &bytes),
           STATUS_INVALID_PARAMETER);
    CHECK (ClfsQueryLogFileInformation (f.log, ClfsLogPhysicalLsnInformation, &in, 8, &out, &bytes),
           STATUS_INVALID_PARAMETER);
    in.StreamIdentifier = 1;
    CHECK (ClfsQueryLogFileInformation (f.log, ClfsLogPhysicalLsnInformation, &in, sizeof in, &out, &bytes),
           STATUS_INVALID_PARAMETER);
    in = (CLFS_PHYSICAL_LSN_INFORMATION) { 0, CLFS_LSN_INVALID, { 0 } };
    CHECK (ClfsQueryLogFileInformation (f.log, ClfsLogPhysicalLsnInformation, &in, sizeof in, &out, &bytes),
           STATUS_INVALID_PARAMETER);
    close_fixture (&f);
}

static void
too_little_room_and_bad_parameters_are_refused (void)
{
    fixture f = open_fixture ();
    CLFS_INFORMATION information;
    ULONG bytes = sizeof information - 1;

    memset (&information, 0x55, sizeof information);
    CHECK (query (f.log, ClfsLogBasicInformation, &information, &bytes), STATUS_BUFFER_TOO_SMALL);
    CU_ASSERT_EQUAL (bytes, 120);
    CU_ASSERT_EQUAL (information.TotalContainers, 0x55555555);
    bytes = 119;
    CHECK (ClfsGetLogFileInformation (f.log, &information, &bytes), STATUS_BUFFER_TOO_SMALL);
    bytes = 0;
    CHECK (query (f.log, ClfsLogStreamIdentifierInformation, NULL, &bytes), STATUS_BUFFER_TOO_SMALL);
    CU_ASSERT_EQUAL (bytes, 1);
    bytes = sizeof information;
    CHECK (query (f.log, 6, &information, &bytes), STATUS_INVALID_PARAMETER_2);
    CHECK (query (f.log, ClfsLogBasicInformation, NULL, &bytes), STATUS_INVALID_PARAMETER);
    CHECK (query (f.log, ClfsLogBasicInformation, &information, NULL), STATUS_INVALID_PARAMETER);
    CHECK (query (NULL, ClfsLogBasicInformation, &information, &bytes), STATUS_INVALID_HANDLE);
    CHECK (ClfsGetLogFileInformation (NULL, &information, &bytes), STATUS_INVALID_HANDLE);
    CHECK (ClfsGetLastLsn (f.log, NULL), STATUS_INVALID_PARAMETER);
    close_fixture (&f);
}

static void
an_open_without_access_may_ask (void)
{
    PLOG_FILE_OBJECT log = NULL;
    CLFS_LSN last = { 9 };

    fresh_directory ();
    CHECK_FATAL (open_log ("L", 0, 0, CREATE_NEW, &log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (information_of (log).TotalContainers, 0);
    CHECK (ClfsGetLastLsn (log, &last), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (last.Internal, 0);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    drop_directory ();
}

static const clfs_test tests[] = {
    CLFS_TEST (a_new_log_says_what_it_is),
    CLFS_TEST (marks_move_with_the_log),
    CLFS_TEST (an_archived_log_says_so),
    CLFS_TEST (the_physical_name_is_the_base_log_files_path),
    CLFS_TEST (stream_and_marking_of_a_dedicated_log_are_zero),
    CLFS_TEST (physical_lsns_of_a_dedicated_log_are_the_virtual_ones),
    CLFS_TEST (too_little_room_and_bad_parameters_are_refused),
    CLFS_TEST (an_open_without_access_may_ask),
};
CLFS_TEST_MAIN (tests)
