/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/api/api_testing.h"

#include <sys/wait.h>
#include <unistd.h>

/* ClfsCreateLogFile with everything that can be wrong about it; a success is closed. */
static NTSTATUS
try_create (PUNICODE_STRING name, ACCESS_MASK access, ULONG share, ULONG disposition, ULONG options, ULONG attributes,
            ULONG flags, PVOID context, ULONG context_bytes)
{
    PLOG_FILE_OBJECT log = NULL;
    NTSTATUS status = ClfsCreateLogFile (&log, name, access, share, NULL, disposition, options, attributes, flags,
                                         context, context_bytes);

    if (status == STATUS_SUCCESS)
        CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    else
        CU_ASSERT_PTR_NULL (log);
    return status;
}

static NTSTATUS
try_open (PUNICODE_STRING name, ULONG disposition)
{
    return try_create (name, READ_WRITE, SHARE_ALL, disposition, 0, FILE_ATTRIBUTE_NORMAL, 0, NULL, 0);
}

static void
initialize_and_finalize_are_counted_and_not_needed (void)
{
    CHECK (ClfsInitialize (), STATUS_SUCCESS);
    CHECK (ClfsInitialize (), STATUS_SUCCESS);
    ClfsFinalize ();
    ClfsFinalize ();
    ClfsFinalize ();
    fresh_directory ();
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_SUCCESS);
    drop_directory ();
}

static void
create_new_makes_a_log_and_refuses_one_that_exists (void)
{
    fresh_directory ();
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_SUCCESS);
    CU_ASSERT_TRUE (exists ("L.blf"));
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_OBJECT_NAME_COLLISION);
    drop_directory ();
}

static void
open_existing_opens_a_log_and_makes_none (void)
{
    fresh_directory ();
    CHECK (try_open (log_name ("L"), OPEN_EXISTING), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_FALSE (exists ("L.blf"));
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_SUCCESS);
    CHECK (try_open (log_name ("L"), OPEN_EXISTING), STATUS_SUCCESS);
    drop_directory ();
}

static void
open_always_does_both (void)
{
    fresh_directory ();
    CHECK (try_open (log_name ("L"), OPEN_ALWAYS), STATUS_SUCCESS);
    CU_ASSERT_TRUE (exists ("L.blf"));
    CHECK (try_open (log_name ("L"), OPEN_ALWAYS), STATUS_SUCCESS);
    drop_directory ();
}

static void
names_begin_with_log_in_any_case (void)
{
    fresh_directory ();
    CHECK (try_open (wide ("LOG:%s/L", test_directory), CREATE_NEW), STATUS_SUCCESS);
    CHECK (try_open (wide ("Log:%s/L", test_directory), OPEN_EXISTING), STATUS_SUCCESS);
    CHECK (try_open (wide ("log:%s/L", test_directory), OPEN_EXISTING), STATUS_SUCCESS);
    drop_directory ();
}

static void
bad_names_are_refused (void)
{
    WCHAR odd[] = u"log:/tmp/x", lone[] = { 'l', 'o', 'g', ':', '/', 't', 0xD800, 'x' };
    WCHAR with_nul[] = { 'l', 'o', 'g', ':', '/', 't', '/', 'a', 0, 'b' };
    UNICODE_STRING string = { 9, sizeof odd, odd };

    fresh_directory ();
    CHECK (try_open (wide ("%s/L", test_directory), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    CHECK (try_open (wide ("log:"), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    CHECK (try_open (wide ("%s", ""), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    CHECK (try_open (wide ("log:relative/L"), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    CHECK (try_open (wide ("log:%s/", test_directory), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    CHECK (try_open (log_name (".hidden"), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    CHECK (try_open (log_name ("a\nb"), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    g_autofree char *long_name = g_strnfill (CLFS_NAME_BYTES_MAX + 1, 'x');
    CHECK (try_open (log_name (long_name), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    CHECK (try_open (&string, OPEN_ALWAYS), STATUS_INVALID_PARAMETER);
    string = (UNICODE_STRING) { sizeof lone, sizeof lone, lone };
    CHECK (try_open (&string, OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    string = (UNICODE_STRING) { sizeof with_nul, sizeof with_nul, with_nul };
    CHECK (try_open (&string, OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    string = (UNICODE_STRING) { 8, 8, NULL };
    CHECK (try_open (&string, OPEN_ALWAYS), STATUS_INVALID_PARAMETER);
    drop_directory ();
}

static void
a_missing_directory_is_a_missing_path (void)
{
    fresh_directory ();
    CHECK (try_open (log_name ("none/L"), OPEN_ALWAYS), STATUS_OBJECT_PATH_NOT_FOUND);
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_SUCCESS);
    CHECK (try_open (log_name ("L.blf/M"), OPEN_ALWAYS), STATUS_OBJECT_PATH_NOT_FOUND);
    drop_directory ();
}

static void
bad_parameters_are_refused (void)
{
    PLOG_FILE_OBJECT log;
    int context;

    fresh_directory ();
    PUNICODE_STRING name = log_name ("L");
    CHECK (ClfsCreateLogFile (NULL, name, 0, 0, NULL, OPEN_ALWAYS, 0, 0, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (ClfsCreateLogFile (&log, NULL, 0, 0, NULL, OPEN_ALWAYS, 0, 0, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, 1, 0, OPEN_ALWAYS, 0, 0, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 8, OPEN_ALWAYS, 0, 0, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, 0, 0, 0, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, CREATE_ALWAYS, 0, 0, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, TRUNCATE_EXISTING, 0, 0, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_ALWAYS, 0x40, 0, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_ALWAYS, FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT, 0, 0,
                       NULL, 0),
           STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_ALWAYS, 0, FILE_ATTRIBUTE_HIDDEN, 0, NULL, 0),
           STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_ALWAYS, 0, 0, CLFS_FLAG_FORCE_FLUSH, NULL, 0),
           STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_ALWAYS, 0, 0,
                       CLFS_FLAG_REENTRANT_FILE_SYSTEM | CLFS_FLAG_MINIFILTER_LEVEL, &context, 8),
           STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_ALWAYS, 0, 0, CLFS_FLAG_NO_FLAGS, &context, 0),
           STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_ALWAYS, 0, 0, CLFS_FLAG_REENTRANT_FILE_SYSTEM, &context, 0),
           STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_ALWAYS, 0, 0, CLFS_FLAG_NON_REENTRANT_FILTER, NULL, 0),
           STATUS_INVALID_PARAMETER);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_ALWAYS, 0, 0, CLFS_FLAG_MINIFILTER_LEVEL, NULL, 0),
           STATUS_INVALID_PARAMETER);
    CU_ASSERT_FALSE (exists ("L.blf"));
    drop_directory ();
}

static void
each_documented_option_is_accepted (void)
{
    int context;

    fresh_directory ();
    PUNICODE_STRING name = log_name ("L");
    CHECK (try_create (name, 0, 0, OPEN_ALWAYS, FILE_NO_INTERMEDIATE_BUFFERING, 0, 0, NULL, 0), STATUS_SUCCESS);
    CHECK (
        try_create (name, GENERIC_READ, 0, OPEN_ALWAYS, FILE_SYNCHRONOUS_IO_ALERT, FILE_ATTRIBUTE_READONLY, 0, NULL, 0),
        STATUS_SUCCESS);
    CHECK (try_create (name, ALL_ACCESS | SYNCHRONIZE | READ_CONTROL, 7, OPEN_EXISTING, FILE_SYNCHRONOUS_IO_NONALERT,
                       FILE_ATTRIBUTE_ARCHIVE, CLFS_FLAG_REENTRANT_FILE_SYSTEM, &context, 8),
           STATUS_SUCCESS);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_EXISTING, 0, 0, CLFS_FLAG_NON_REENTRANT_FILTER, &context, 0),
           STATUS_SUCCESS);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_EXISTING, 0, 0, CLFS_FLAG_REENTRANT_FILTER, NULL, 0), STATUS_SUCCESS);
    CHECK (try_create (name, READ_WRITE, 0, OPEN_EXISTING, 0, 0,
                       CLFS_FLAG_MINIFILTER_LEVEL | CLFS_FLAG_HIDDEN_SYSTEM_LOG, &context, 0),
           STATUS_SUCCESS);
    drop_directory ();
}

static void
names_of_streams_are_refused_by_what_is_there (void)
{
    fresh_directory ();
    CHECK (try_open (log_name ("L::S"), OPEN_ALWAYS), STATUS_NOT_SUPPORTED);
    CHECK (try_open (log_name ("L::"), CREATE_NEW), STATUS_NOT_SUPPORTED);
    CHECK (try_open (log_name ("L::S"), OPEN_EXISTING), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK (try_open (log_name ("L::a/b"), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    CHECK (try_open (log_name ("L::a::b"), OPEN_ALWAYS), STATUS_OBJECT_NAME_INVALID);
    CU_ASSERT_FALSE (exists ("L.blf"));
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_SUCCESS);
    CHECK (try_open (log_name ("L::S"), OPEN_ALWAYS), STATUS_LOG_DEDICATED);
    CHECK (try_open (log_name ("L::"), OPEN_EXISTING), STATUS_LOG_DEDICATED);
    CHECK (try_open (log_name ("L::"), CREATE_NEW), STATUS_OBJECT_NAME_COLLISION);
    CHECK (ClfsDeleteLogFile (log_name ("L::S"), NULL, 0, NULL, 0), STATUS_LOG_DEDICATED);
    CU_ASSERT_TRUE (exists ("L.blf"));
    drop_directory ();
}

static void
share_modes_hold_between_opens_of_this_process (void)
{
    static const struct {
        ACCESS_MASK first_access;
        ULONG first_share;
        ACCESS_MASK access;
        ULONG share;
        NTSTATUS status;
    } cases[] = {
        { READ_WRITE, 0, GENERIC_READ, SHARE_ALL, STATUS_SHARING_VIOLATION },
        { READ_WRITE, FILE_SHARE_READ, GENERIC_READ, SHARE_ALL, STATUS_SUCCESS },
        { READ_WRITE, FILE_SHARE_READ, GENERIC_WRITE, SHARE_ALL, STATUS_SHARING_VIOLATION },
        { READ_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, READ_WRITE, SHARE_ALL, STATUS_SUCCESS },
        { READ_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, DELETE, SHARE_ALL, STATUS_SHARING_VIOLATION },
        { READ_WRITE, SHARE_ALL, ALL_ACCESS, SHARE_ALL, STATUS_SUCCESS },
        { READ_WRITE, SHARE_ALL, GENERIC_READ, FILE_SHARE_READ, STATUS_SHARING_VIOLATION },
        { GENERIC_READ, FILE_SHARE_READ, GENERIC_READ, FILE_SHARE_READ, STATUS_SUCCESS },
        { GENERIC_READ, SHARE_ALL, READ_WRITE, 0, STATUS_SHARING_VIOLATION },
        { 0, 0, READ_WRITE, 0, STATUS_SUCCESS },
        { READ_WRITE, 0, 0, 0, STATUS_SUCCESS },
    };

    fresh_directory ();
    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        PLOG_FILE_OBJECT first = NULL, second = NULL;
        CHECK_FATAL (open_log ("L", cases[i].first_access, cases[i].first_share, OPEN_ALWAYS, &first), STATUS_SUCCESS);
        CHECK (open_log ("L", cases[i].access, cases[i].share, OPEN_EXISTING, &second), cases[i].status);
        if (second != NULL)
            CHECK (ClfsCloseLogFileObject (second), STATUS_SUCCESS);
        CHECK (ClfsCloseLogFileObject (first), STATUS_SUCCESS);
    }
    drop_directory ();
}

static void
share_modes_can_be_ignored (void)
{
    PLOG_FILE_OBJECT first = NULL;

    fresh_directory ();
    CHECK_FATAL (open_log ("L", READ_WRITE, 0, CREATE_NEW, &first), STATUS_SUCCESS);
    CHECK (try_create (log_name ("L"), READ_WRITE, 0, OPEN_EXISTING, 0, 0, CLFS_FLAG_IGNORE_SHARE_ACCESS, NULL, 0),
           STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (first), STATUS_SUCCESS);
    drop_directory ();
}

static void
one_log_has_one_engine_by_whatever_path_it_is_opened (void)
{
    PLOG_FILE_OBJECT first = NULL, second = NULL;

    fresh_directory ();
    g_autofree char *link = g_strconcat (test_directory, "-link", NULL);
    CU_ASSERT_EQUAL_FATAL (symlink (test_directory, link), 0);
    CHECK_FATAL (open_log ("L", READ_WRITE, SHARE_ALL, CREATE_NEW, &first), STATUS_SUCCESS);
    CHECK_FATAL (ClfsCreateLogFile (&second, wide ("log:%s//L", link), READ_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, 0,
                                    0, NULL, 0),
                 STATUS_SUCCESS);
    CU_ASSERT_PTR_NOT_EQUAL (first, second);
    CU_ASSERT_PTR_NOT_NULL (clfs_log_of_file_object (first));
    CU_ASSERT_PTR_EQUAL (clfs_log_of_file_object (first), clfs_log_of_file_object (second));
    CHECK (ClfsCloseLogFileObject (first), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (second), STATUS_SUCCESS);
    CU_ASSERT_PTR_NULL (clfs_log_of_file_object (second));
    g_unlink (link);
    drop_directory ();
}

static void
a_log_that_another_process_writes_is_a_sharing_violation (void)
{
    int go[2], done[2];
    char byte = 0;

    fresh_directory ();
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (pipe (go) | pipe (done), 0);
    pid_t child = fork ();
    if (child == 0) {
        PLOG_FILE_OBJECT log = NULL;
        byte = open_log ("L", READ_WRITE, SHARE_ALL, OPEN_EXISTING, &log) == STATUS_SUCCESS;
        if (write (done[1], &byte, 1) != 1 || read (go[0], &byte, 1) != 1)
            _exit (1);
        _exit (ClfsCloseLogFileObject (log) == STATUS_SUCCESS ? 0 : 1);
    }
    CU_ASSERT_EQUAL (read (done[0], &byte, 1), 1);
    CU_ASSERT_EQUAL (byte, 1);
    CHECK (try_open (log_name ("L"), OPEN_EXISTING), STATUS_SHARING_VIOLATION);
    CHECK (try_create (log_name ("L"), GENERIC_READ, SHARE_ALL, OPEN_EXISTING, 0, 0, 0, NULL, 0), STATUS_SUCCESS);
    CHECK (ClfsDeleteLogFile (log_name ("L"), NULL, 0, NULL, 0), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (write (go[1], &byte, 1), 1);
    int exit_status = -1;
    CU_ASSERT_EQUAL (waitpid (child, &exit_status, 0), child);
    CU_ASSERT_EQUAL (exit_status, 0);
    CHECK (try_open (log_name ("L"), OPEN_EXISTING), STATUS_SUCCESS);
    for (int i = 0; i < 2; i++) {
        close (go[i]);
        close (done[i]);
    }
    drop_directory ();
}

static void
damaged_metadata_is_said (void)
{
    fresh_directory ();
    g_autofree char *path = g_build_filename (test_directory, "L.blf", NULL);
    g_autofree char *zeros = g_malloc0 (81920);
    CU_ASSERT_TRUE (g_file_set_contents (path, zeros, 81920, NULL));
    CHECK (try_open (log_name ("L"), OPEN_EXISTING), STATUS_LOG_METADATA_CORRUPT);
    CHECK (try_open (log_name ("L"), OPEN_ALWAYS), STATUS_LOG_METADATA_CORRUPT);
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_OBJECT_NAME_COLLISION);
    drop_directory ();
}

static void
a_closed_object_is_an_invalid_handle (void)
{
    PLOG_FILE_OBJECT log = NULL;
    CLFS_LSN lsn;

    fresh_directory ();
    CHECK_FATAL (open_log ("L", ALL_ACCESS, 0, CREATE_NEW, &log), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (log), STATUS_INVALID_HANDLE);
    CHECK (ClfsCloseAndResetLogFile (log), STATUS_INVALID_HANDLE);
    CHECK (ClfsDeleteLogByPointer (log), STATUS_INVALID_HANDLE);
    CHECK (ClfsGetLastLsn (log, &lsn), STATUS_INVALID_HANDLE);
    CHECK (ClfsCloseLogFileObject (NULL), STATUS_INVALID_HANDLE);
    CHECK (ClfsCloseAndResetLogFile (NULL), STATUS_INVALID_HANDLE);
    CHECK (ClfsDeleteLogByPointer (NULL), STATUS_INVALID_HANDLE);
    drop_directory ();
}

static void
an_area_keeps_its_log_open_and_its_share_mode (void)
{
    fixture f = open_fixture ();
    PLOG_FILE_OBJECT exclusive = NULL;
    CLFS_LSN lsn;

    CHECK (ClfsCloseLogFileObject (f.log), STATUS_SUCCESS);
    f.log = NULL;
    CHECK (append_text (f.area, "after the close", &lsn), STATUS_SUCCESS);
    CHECK (ClfsFlushToLsn (f.area, &lsn, NULL), STATUS_SUCCESS);
    CHECK (open_log ("L", READ_WRITE, 0, OPEN_EXISTING, &exclusive), STATUS_SHARING_VIOLATION);
    CHECK (ClfsDeleteMarshallingArea (f.area), STATUS_SUCCESS);
    f.area = NULL;
    CHECK (open_log ("L", READ_WRITE, 0, OPEN_EXISTING, &exclusive), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (exclusive), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
delete_by_pointer_waits_for_the_last_close (void)
{
    fixture f = open_fixture ();
    PLOG_FILE_OBJECT second = NULL;

    CHECK_FATAL (open_log ("L", READ_WRITE, SHARE_ALL, OPEN_EXISTING, &second), STATUS_SUCCESS);
    CHECK (ClfsDeleteLogByPointer (second), STATUS_ACCESS_DENIED);
    CHECK (ClfsDeleteLogByPointer (f.log), STATUS_SUCCESS);
    CHECK (try_open (log_name ("L"), OPEN_EXISTING), STATUS_DELETE_PENDING);
    CHECK (try_open (log_name ("L"), OPEN_ALWAYS), STATUS_DELETE_PENDING);
    CHECK (ClfsDeleteLogFile (log_name ("L"), NULL, 0, NULL, 0), STATUS_DELETE_PENDING);
    CHECK (append_text (f.area, "still open", NULL), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (f.log), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (second), STATUS_SUCCESS);
    CU_ASSERT_TRUE (exists ("L.blf"));
    CHECK (ClfsDeleteMarshallingArea (f.area), STATUS_SUCCESS);
    CU_ASSERT_FALSE (exists ("L.blf"));
    CU_ASSERT_FALSE (exists ("container0"));
    CU_ASSERT_FALSE (exists ("container1"));
    CHECK (try_open (log_name ("L"), OPEN_EXISTING), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_SUCCESS);
    drop_directory ();
}

static void
delete_by_name_goes_at_once_or_at_the_last_close (void)
{
    PLOG_FILE_OBJECT log = NULL;

    fresh_directory ();
    CHECK (ClfsDeleteLogFile (NULL, NULL, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (ClfsDeleteLogFile (log_name ("L"), NULL, CLFS_FLAG_FORCE_FLUSH, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (ClfsDeleteLogFile (wide ("nothing"), NULL, 0, NULL, 0), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsDeleteLogFile (log_name ("none/L"), NULL, 0, NULL, 0), STATUS_OBJECT_PATH_NOT_FOUND);
    CHECK (ClfsDeleteLogFile (log_name ("L"), NULL, 0, NULL, 0), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK (try_open (log_name ("L"), CREATE_NEW), STATUS_SUCCESS);
    CHECK (ClfsDeleteLogFile (log_name ("L"), NULL, 0, NULL, 0), STATUS_SUCCESS);
    CU_ASSERT_FALSE (exists ("L.blf"));

    CHECK_FATAL (open_log ("L", READ_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, CREATE_NEW, &log), STATUS_SUCCESS);
    CHECK (ClfsDeleteLogFile (log_name ("L"), NULL, 0, NULL, 0), STATUS_SHARING_VIOLATION);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    CU_ASSERT_TRUE (exists ("L.blf"));
    CHECK_FATAL (open_log ("L", READ_WRITE, SHARE_ALL, OPEN_EXISTING, &log), STATUS_SUCCESS);
    CHECK (ClfsDeleteLogFile (log_name ("L"), NULL, 0, NULL, 0), STATUS_SUCCESS);
    CU_ASSERT_TRUE (exists ("L.blf"));
    CHECK (try_open (log_name ("L"), OPEN_EXISTING), STATUS_DELETE_PENDING);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    CU_ASSERT_FALSE (exists ("L.blf"));
    drop_directory ();
}

static void
reset_empties_the_log_at_the_last_close_and_lsns_go_on (void)
{
    fixture f = open_fixture ();
    PLOG_FILE_OBJECT second = NULL;
    CLFS_LSN before = appended (f.area, "gone soon");

    CHECK_FATAL (open_log ("L", READ_WRITE, SHARE_ALL, OPEN_EXISTING, &second), STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (f.area), STATUS_SUCCESS);
    CHECK (ClfsCloseAndResetLogFile (f.log), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (f.log), STATUS_INVALID_HANDLE);
    CLFS_INFORMATION information = information_of (second);
    CU_ASSERT_EQUAL (information.BaseLsn.Internal, before.Internal);
    CHECK (ClfsCloseLogFileObject (second), STATUS_SUCCESS);

    CHECK_FATAL (open_log ("L", ALL_ACCESS, SHARE_ALL, OPEN_EXISTING, &f.log), STATUS_SUCCESS);
    information = information_of (f.log);
    CU_ASSERT_EQUAL (information.BaseLsn.Internal, information.LastLsn.Internal);
    CU_ASSERT_EQUAL (information.RestartLsn.Internal, CLFS_LSN_INVALID.Internal);
    CU_ASSERT_EQUAL (information.TotalContainers, 2);
    CHECK_FATAL (make_area (f.log, &f.area), STATUS_SUCCESS);
    CLFS_LSN after = appended (f.area, "new life");
    CU_ASSERT_TRUE (ClfsLsnGreater (&after, &before));
    close_fixture (&f);
}

static void
reset_needs_write_access_and_closes_nothing_without (void)
{
    PLOG_FILE_OBJECT log = NULL;

    fresh_directory ();
    CHECK_FATAL (open_log ("L", GENERIC_READ | DELETE, 0, CREATE_NEW, &log), STATUS_SUCCESS);
    CHECK (ClfsCloseAndResetLogFile (log), STATUS_ACCESS_DENIED);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    drop_directory ();
}

static void
a_reader_sees_what_a_later_writer_of_this_process_appends (void)
{
    fixture f = open_fixture ();
    PLOG_FILE_OBJECT reading = NULL, writing = NULL;
    PVOID reader_area = NULL, context = NULL, data;
    ULONG bytes = 0;
    CLFS_RECORD_TYPE type;

    CHECK (ClfsDeleteMarshallingArea (f.area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (f.log), STATUS_SUCCESS);
    CHECK_FATAL (open_log ("L", GENERIC_READ, SHARE_ALL, OPEN_EXISTING, &reading), STATUS_SUCCESS);
    CHECK_FATAL (make_area (reading, &reader_area), STATUS_SUCCESS);
    CHECK_FATAL (open_log ("L", READ_WRITE, SHARE_ALL, OPEN_EXISTING, &writing), STATUS_SUCCESS);
    CHECK_FATAL (make_area (writing, &f.area), STATUS_SUCCESS);
    CLFS_LSN lsn = appended (f.area, "unflushed");
    CHECK_FATAL (ClfsReadLogRecord (reader_area, &lsn, ClfsContextForward, &data, &bytes, &type, NULL, NULL, &context),
                 STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 9);
    CU_ASSERT_EQUAL (memcmp (data, "unflushed", 9), 0);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (reader_area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (reading), STATUS_SUCCESS);
    f.log = writing;
    close_fixture (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (initialize_and_finalize_are_counted_and_not_needed),
    CLFS_TEST (create_new_makes_a_log_and_refuses_one_that_exists),
    CLFS_TEST (open_existing_opens_a_log_and_makes_none),
    CLFS_TEST (open_always_does_both),
    CLFS_TEST (names_begin_with_log_in_any_case),
    CLFS_TEST (bad_names_are_refused),
    CLFS_TEST (a_missing_directory_is_a_missing_path),
    CLFS_TEST (bad_parameters_are_refused),
    CLFS_TEST (each_documented_option_is_accepted),
    CLFS_TEST (names_of_streams_are_refused_by_what_is_there),
    CLFS_TEST (share_modes_hold_between_opens_of_this_process),
    CLFS_TEST (share_modes_can_be_ignored),
    CLFS_TEST (one_log_has_one_engine_by_whatever_path_it_is_opened),
    CLFS_TEST (a_log_that_another_process_writes_is_a_sharing_violation),
    CLFS_TEST (damaged_metadata_is_said),
    CLFS_TEST (a_closed_object_is_an_invalid_handle),
    CLFS_TEST (an_area_keeps_its_log_open_and_its_share_mode),
    CLFS_TEST (delete_by_pointer_waits_for_the_last_close),
    CLFS_TEST (delete_by_name_goes_at_once_or_at_the_last_close),
    CLFS_TEST (reset_empties_the_log_at_the_last_close_and_lsns_go_on),
    CLFS_TEST (reset_needs_write_access_and_closes_nothing_without),
    CLFS_TEST (a_reader_sees_what_a_later_writer_of_this_process_appends),
};
CLFS_TEST_MAIN (tests)
