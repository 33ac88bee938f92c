/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A log that Windows wrote, through the names that wrote it. The sample has lost its second container, which held
 * nothing. */
#include "tests/api/api_testing.h"

#define LOG "DRIVERS{53b39e70-18c4-11ea-a811-000d3aa4692b}.TM"

/* The log in the test's directory, so that it may be opened to write. */
static void
copy_log (void)
{
    static const char *const files[] = { LOG ".blf", LOG "Container00000000000000000001.regtrans-ms" };
    const char *source = g_getenv ("top_srcdir") != NULL ? g_getenv ("top_srcdir") : ".";

    fresh_directory ();
    for (size_t i = 0; i < G_N_ELEMENTS (files); i++) {
        g_autofree char *from = g_build_filename (source, "tests/data/windows-log", files[i], NULL);
        g_autofree char *to = g_build_filename (test_directory, files[i], NULL), *data = NULL;
        gsize bytes;
        CU_ASSERT_TRUE_FATAL (g_file_get_contents (from, &data, &bytes, NULL));
        CU_ASSERT_TRUE_FATAL (g_file_set_contents (to, data, (gssize) bytes, NULL));
    }
}

static gint
by_text (gconstpointer one, gconstpointer other)
{
    return strcmp (*(char *const *) one, *(char *const *) other);
}

static char *
content (void)
{
    GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);
    g_autoptr (GDir) dir = g_dir_open (test_directory, 0, NULL);
    const char *name;
    GPtrArray *names = g_ptr_array_new_with_free_func (g_free);

    while ((name = g_dir_read_name (dir)) != NULL)
        if (name[0] != '.')
            g_ptr_array_add (names, g_build_filename (test_directory, name, NULL));
    g_ptr_array_sort (names, by_text);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *data = NULL;
        gsize bytes = 0;
        CU_ASSERT_TRUE (g_file_get_contents (names->pdata[i], &data, &bytes, NULL));
        g_checksum_update (sum, names->pdata[i], -1);
        g_checksum_update (sum, (const guchar *) data, (gssize) bytes);
    }
    char *text = g_strdup (g_checksum_get_string (sum));
    g_checksum_free (sum);
    g_ptr_array_unref (names);
    return text;
}

static void
its_marks_and_restart_area_are_read (void)
{
    PLOG_FILE_OBJECT log = NULL;
    PVOID area = NULL, context = NULL, data;
    CLFS_LSN lsn = CLFS_LSN_NULL;
    ULONG bytes = 0;

    copy_log ();
    CHECK_FATAL (open_log (LOG, GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING, &log), STATUS_SUCCESS);
    CLFS_INFORMATION information = information_of (log);
    CU_ASSERT_EQUAL (information.BaseLsn.Internal, 0x9001);
    CU_ASSERT_EQUAL (information.LastLsn.Internal, 0x9200);
    CU_ASSERT_EQUAL (information.RestartLsn.Internal, 0x9001);
    CU_ASSERT_EQUAL (information.MinArchiveTailLsn.Internal, 0x9001);
    CU_ASSERT_EQUAL (information.TotalContainers, 2);
    CHECK_FATAL (make_area (log, &area), STATUS_SUCCESS);
    CHECK_FATAL (ClfsReadRestartArea (area, &data, &bytes, &lsn, &context), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (lsn.Internal, 0x9001);
    CHECK (ClfsReadPreviousRestartArea (context, &data, &bytes, &lsn), STATUS_LOG_START_OF_LOG);
    CHECK (ClfsTerminateReadLog (context), STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    drop_directory ();
}

static void
it_is_never_written (void)
{
    PLOG_FILE_OBJECT log = NULL;
    PVOID area = NULL;
    ULONGLONG size = HALF_MIB;

    copy_log ();
    g_autofree char *before = content ();
    CHECK_FATAL (open_log (LOG, READ_WRITE, 0, OPEN_EXISTING, &log), STATUS_SUCCESS);
    CHECK_FATAL (make_area (log, &area), STATUS_SUCCESS);
    CHECK (append_text (area, "x", NULL), STATUS_MEDIA_WRITE_PROTECTED);
    CHECK (ClfsWriteRestartArea (area, NULL, 0, NULL, 0, NULL, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    CHECK (ClfsAddLogContainer (log, &size, wide ("%%BLF%%\\more")), STATUS_MEDIA_WRITE_PROTECTED);
    CHECK (ClfsFlushBuffers (area), STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    g_autofree char *after = content ();
    CU_ASSERT_STRING_EQUAL (before, after);
    drop_directory ();
}

static const clfs_test tests[] = {
    CLFS_TEST (its_marks_and_restart_area_are_read),
    CLFS_TEST (it_is_never_written),
};
CLFS_TEST_MAIN (tests)
