/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/api/api_testing.h"

#include <clfs/clfs.h>

static PLOG_FILE_OBJECT
fresh_log (void)
{
    PLOG_FILE_OBJECT log = NULL;

    fresh_directory ();
    CHECK_FATAL (open_log ("L", READ_WRITE, SHARE_ALL, CREATE_NEW, &log), STATUS_SUCCESS);
    return log;
}

static void
drop_log (PLOG_FILE_OBJECT log)
{
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    drop_directory ();
}

static void
the_first_container_needs_a_size_that_is_rounded_up (void)
{
    PLOG_FILE_OBJECT log = fresh_log ();
    ULONGLONG bytes = 0;

    CHECK (ClfsAddLogContainer (log, NULL, wide ("%%BLF%%\\c0")), STATUS_INVALID_PARAMETER);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\c0")), STATUS_INVALID_PARAMETER);
    bytes = UINT64_C (1) << 32;
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\c0")), STATUS_INVALID_PARAMETER);
    bytes = UINT64_MAX;
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\c0")), STATUS_INVALID_PARAMETER);
    bytes = HALF_MIB + 1;
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\c0")), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 2 * HALF_MIB);
    CU_ASSERT_TRUE (exists ("c0"));
    CU_ASSERT_EQUAL (information_of (log).ContainerSize, 2 * HALF_MIB);
    drop_log (log);
}

static void
later_containers_get_the_logs_own_size (void)
{
    PLOG_FILE_OBJECT log = fresh_log ();
    ULONGLONG bytes = 2 * HALF_MIB;

    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\c0")), STATUS_SUCCESS);
    CHECK (ClfsAddLogContainer (log, NULL, wide ("%%BLF%%\\c1")), STATUS_SUCCESS);
    bytes = 5 * HALF_MIB;
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\c2")), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 2 * HALF_MIB);
    bytes = HALF_MIB;
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\c3")), STATUS_INVALID_PARAMETER);
    CU_ASSERT_FALSE (exists ("c3"));
    CU_ASSERT_EQUAL (information_of (log).TotalContainers, 3);
    CU_ASSERT_EQUAL (information_of (log).TotalAvailable, 3 * 2 * HALF_MIB);
    drop_log (log);
}

static void
paths_may_be_relative_to_the_log_or_absolute_in_its_directory (void)
{
    PLOG_FILE_OBJECT log = fresh_log ();
    ULONGLONG bytes = HALF_MIB;

    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\c0")), STATUS_SUCCESS);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%blf%%/c1")), STATUS_SUCCESS);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%s/c2", test_directory)), STATUS_SUCCESS);
    CU_ASSERT_TRUE (exists ("c0") && exists ("c1") && exists ("c2"));
    drop_log (log);
}

static void
bad_paths_are_refused (void)
{
    PLOG_FILE_OBJECT log = fresh_log ();
    ULONGLONG bytes = HALF_MIB;
    g_autofree char *long_name = g_strnfill (CLFS_NAME_BYTES_MAX + 1, 'x');

    CHECK (ClfsAddLogContainer (log, &bytes, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("c0")), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%c0")), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\")), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\..\\c0")), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%s/../c0", test_directory)), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%s/./c0", test_directory)), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%s/", test_directory)), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("/c0")), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\.c0")), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\M.blf")), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\%s", long_name)), STATUS_OBJECT_NAME_INVALID);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%s/none/c0", test_directory)), STATUS_OBJECT_PATH_NOT_FOUND);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%:c0")), STATUS_NOT_SUPPORTED);
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\folder\\c0")), STATUS_NOT_SUPPORTED);
    CU_ASSERT_EQUAL (information_of (log).TotalContainers, 0);
    drop_log (log);
}

static void
a_set_is_added_all_or_none (void)
{
    PLOG_FILE_OBJECT log = fresh_log ();
    ULONGLONG bytes = HALF_MIB;
    UNICODE_STRING names[] = { *wide ("%%BLF%%\\c0"), *wide ("%%BLF%%\\c1"), *wide ("%%BLF%%\\c2") };
    UNICODE_STRING clash[] = { *wide ("%%BLF%%\\d0"), *wide ("%%BLF%%\\c1") };
    UNICODE_STRING bad[] = { *wide ("%%BLF%%\\e0"), *wide ("e1") };

    CHECK (ClfsAddLogContainerSet (log, 0, &bytes, names), STATUS_INVALID_PARAMETER);
    CHECK (ClfsAddLogContainerSet (log, 3, &bytes, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsAddLogContainerSet (log, 3, &bytes, names), STATUS_SUCCESS);
    CHECK (ClfsAddLogContainerSet (log, 2, &bytes, clash), STATUS_OBJECT_NAME_COLLISION);
    CU_ASSERT_FALSE (exists ("d0"));
    CHECK (ClfsAddLogContainerSet (log, 2, &bytes, bad), STATUS_OBJECT_NAME_INVALID);
    CU_ASSERT_FALSE (exists ("e0"));
    CU_ASSERT_EQUAL (information_of (log).TotalContainers, 3);
    drop_log (log);
}

static void
a_file_that_is_there_is_never_taken_for_a_container (void)
{
    PLOG_FILE_OBJECT log = fresh_log ();
    ULONGLONG bytes = HALF_MIB;
    g_autofree char *path = g_build_filename (test_directory, "mine", NULL), *content = NULL;

    CU_ASSERT_TRUE (g_file_set_contents (path, "precious", -1, NULL));
    CHECK (ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\mine")), STATUS_OBJECT_NAME_COLLISION);
    CU_ASSERT_TRUE (g_file_get_contents (path, &content, NULL, NULL));
    CU_ASSERT_STRING_EQUAL (content, "precious");
    drop_log (log);
}

static void
adding_and_removing_need_write_access (void)
{
    PLOG_FILE_OBJECT log = fresh_log (), reading = NULL;
    ULONGLONG bytes = HALF_MIB;

    CHECK_FATAL (open_log ("L", GENERIC_READ | DELETE, SHARE_ALL, OPEN_EXISTING, &reading), STATUS_SUCCESS);
    CHECK (ClfsAddLogContainer (reading, &bytes, wide ("%%BLF%%\\c0")), STATUS_ACCESS_DENIED);
    CHECK (ClfsRemoveLogContainer (reading, wide ("%%BLF%%\\c0"), TRUE), STATUS_ACCESS_DENIED);
    CHECK (ClfsAddLogContainer (NULL, &bytes, wide ("%%BLF%%\\c0")), STATUS_INVALID_HANDLE);
    CHECK (ClfsRemoveLogContainer (NULL, wide ("%%BLF%%\\c0"), TRUE), STATUS_INVALID_HANDLE);
    CHECK (ClfsCloseLogFileObject (reading), STATUS_SUCCESS);
    drop_log (log);
}

static void
an_inactive_container_is_removed_and_an_active_one_is_not_by_force (void)
{
    fixture f = open_fixture ();
    ULONGLONG bytes = HALF_MIB;

    CHECK (ClfsAddLogContainer (f.log, &bytes, wide ("%%BLF%%\\container2")), STATUS_SUCCESS);
    CHECK (append_bytes (f.area, "active", 6, CLFS_FLAG_FORCE_FLUSH, NULL), STATUS_SUCCESS);
    CHECK (ClfsRemoveLogContainer (f.log, wide ("%%BLF%%\\container2"), TRUE), STATUS_SUCCESS);
    CU_ASSERT_FALSE (exists ("container2"));
    CU_ASSERT_EQUAL (information_of (f.log).TotalContainers, 2);
    CHECK (ClfsRemoveLogContainer (f.log, wide ("%%BLF%%\\container0"), TRUE), STATUS_LOG_CANT_DELETE);
    CU_ASSERT_TRUE (exists ("container0"));
    CHECK (ClfsRemoveLogContainer (f.log, wide ("%%BLF%%\\none"), TRUE), STATUS_NOT_FOUND);
    CHECK (ClfsRemoveLogContainer (f.log, wide ("%%BLF%%\\none"), FALSE), STATUS_NOT_FOUND);
    CHECK (ClfsRemoveLogContainer (f.log, NULL, FALSE), STATUS_INVALID_PARAMETER);
    CHECK (ClfsRemoveLogContainer (f.log, wide ("none"), FALSE), STATUS_OBJECT_NAME_INVALID);
    close_fixture (&f);
}

static void
a_set_is_removed_all_or_none (void)
{
    fixture f = open_fixture ();
    ULONGLONG bytes = HALF_MIB;
    UNICODE_STRING names[] = { *wide ("%%BLF%%\\container2"), *wide ("%%BLF%%\\none") };

    CHECK (ClfsAddLogContainer (f.log, &bytes, &names[0]), STATUS_SUCCESS);
    CHECK (ClfsRemoveLogContainerSet (f.log, 0, names, TRUE), STATUS_INVALID_PARAMETER);
    CHECK (ClfsRemoveLogContainerSet (f.log, 2, names, TRUE), STATUS_NOT_FOUND);
    CU_ASSERT_TRUE (exists ("container2"));
    CU_ASSERT_EQUAL (information_of (f.log).TotalContainers, 3);
    CHECK (ClfsRemoveLogContainerSet (f.log, 1, names, TRUE), STATUS_SUCCESS);
    CU_ASSERT_FALSE (exists ("container2"));
    close_fixture (&f);
}

static void
a_container_is_named_by_its_logical_id (void)
{
    fixture f = open_fixture ();
    WCHAR buffer[512];
    UNICODE_STRING name = { 0, sizeof buffer, buffer };
    ULONG units = 0;
    g_autofree char *wanted = g_build_filename (test_directory, "container0", NULL);

    CHECK (append_bytes (f.area, "active", 6, CLFS_FLAG_FORCE_FLUSH, NULL), STATUS_SUCCESS);
    CHECK (ClfsGetContainerName (f.log, 0, &name, &units), STATUS_SUCCESS);
    g_autofree char *path = g_utf16_to_utf8 (buffer, name.Length / 2, NULL, NULL, NULL);
    CU_ASSERT_STRING_EQUAL (path, wanted);
    CU_ASSERT_EQUAL (units, strlen (wanted));
    CU_ASSERT_EQUAL (name.Length, units * 2);
    CHECK (ClfsGetContainerName (f.log, 0, &name, NULL), STATUS_SUCCESS);
    CHECK (ClfsGetContainerName (f.log, 4711, &name, &units), STATUS_NOT_FOUND);
    CHECK (ClfsGetContainerName (f.log, 0, NULL, &units), STATUS_INVALID_PARAMETER);
    CHECK (ClfsGetContainerName (NULL, 0, &name, &units), STATUS_INVALID_HANDLE);
    close_fixture (&f);
}

static void
a_name_that_does_not_fit_is_cut_and_its_length_said (void)
{
    fixture f = open_fixture ();
    WCHAR buffer[8] = { 0 };
    UNICODE_STRING name = { 0, 7, buffer };
    ULONG units = 0, whole = (ULONG) strlen (test_directory) + 11;

    CHECK (append_bytes (f.area, "active", 6, CLFS_FLAG_FORCE_FLUSH, NULL), STATUS_SUCCESS);
    CHECK (ClfsGetContainerName (f.log, 0, &name, &units), STATUS_BUFFER_OVERFLOW);
    CU_ASSERT_EQUAL (units, whole);
    CU_ASSERT_EQUAL (name.Length, 6);
    CU_ASSERT_EQUAL (buffer[0], '/');
    CU_ASSERT_EQUAL (buffer[3], 0);
    name = (UNICODE_STRING) { 0, 0, NULL };
    CHECK (ClfsGetContainerName (f.log, 0, &name, &units), STATUS_BUFFER_OVERFLOW);
    CU_ASSERT_EQUAL (units, whole);
    close_fixture (&f);
}

static void
there_are_at_most_1023_containers (void)
{
    PLOG_FILE_OBJECT log = fresh_log ();
    ULONGLONG bytes = HALF_MIB;
    g_autofree UNICODE_STRING *names = g_new0 (UNICODE_STRING, 1024);

    for (unsigned i = 0; i < 1024; i++) {
        g_autofree char *text = g_strdup_printf ("%%BLF%%\\c%u", i);
        glong units;
        names[i].Buffer = g_utf8_to_utf16 (text, -1, NULL, &units, NULL);
        names[i].Length = names[i].MaximumLength = (USHORT) (units * 2);
    }
    CHECK (ClfsAddLogContainerSet (log, 1024, &bytes, names), STATUS_LOG_CONTAINER_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL (information_of (log).TotalContainers, 0);
    CU_ASSERT_FALSE (exists ("c0"));
    for (unsigned i = 0; i < 1024; i++)
        g_free (names[i].Buffer);
    drop_log (log);
}

static const clfs_test tests[] = {
    CLFS_TEST (the_first_container_needs_a_size_that_is_rounded_up),
    CLFS_TEST (later_containers_get_the_logs_own_size),
    CLFS_TEST (paths_may_be_relative_to_the_log_or_absolute_in_its_directory),
    CLFS_TEST (bad_paths_are_refused),
    CLFS_TEST (a_set_is_added_all_or_none),
    CLFS_TEST (a_file_that_is_there_is_never_taken_for_a_container),
    CLFS_TEST (adding_and_removing_need_write_access),
    CLFS_TEST (an_inactive_container_is_removed_and_an_active_one_is_not_by_force),
    CLFS_TEST (a_set_is_removed_all_or_none),
    CLFS_TEST (a_container_is_named_by_its_logical_id),
    CLFS_TEST (a_name_that_does_not_fit_is_cut_and_its_length_said),
    CLFS_TEST (there_are_at_most_1023_containers),
};
CLFS_TEST_MAIN (tests)
