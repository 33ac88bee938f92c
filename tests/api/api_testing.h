/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * api_testing.h - what the tests of the Windows names share: a fresh directory, and short forms of the calls with many
 * parameters. CHECK (call, status) names the statuses that differ.
 */
#ifndef CLFS_TESTS_API_API_TESTING_H
#define CLFS_TESTS_API_API_TESTING_H

#include "tests/testing.h"

#include <clfs/clfs.h>
#include <clfs/wdm.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#define READ_WRITE (GENERIC_READ | GENERIC_WRITE)
#define ALL_ACCESS (GENERIC_READ | GENERIC_WRITE | DELETE)
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define HALF_MIB 524288u

static inline void
check_status (NTSTATUS got, NTSTATUS wanted, const char *call, const char *file, unsigned line, bool fatal)
{
    char text[600];

    snprintf (text, sizeof text, "%s: %s instead of %s", call, clfs_status_name (got), clfs_status_name (wanted));
    CU_assertImplementation (got == wanted, line, text, file, "", fatal);
}

#define CHECK(call, status) check_status ((call), (status), #call, __FILE__, __LINE__, false)
#define CHECK_FATAL(call, status) check_status ((call), (status), #call, __FILE__, __LINE__, true)

static char *test_directory;

static inline void
no_log_lines (int level, const char *line, void *data)
{
    (void) level;
    (void) line;
    (void) data;
}

static inline void
remove_tree (const char *path)
{
    g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
        g_autofree char *child = g_build_filename (path, name, NULL);
        if (g_file_test (child, G_FILE_TEST_IS_DIR) && !g_file_test (child, G_FILE_TEST_IS_SYMLINK))
            remove_tree (child);
        else
            g_unlink (child);
    }
    g_rmdir (path);
}

static inline void
fresh_directory (void)
{
    clfs_set_log_handler (no_log_lines, NULL);
    test_directory = g_dir_make_tmp ("clfs-api-XXXXXX", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL (test_directory);
}

static inline void
drop_directory (void)
{
    remove_tree (test_directory);
    g_clear_pointer (&test_directory, g_free);
}

static inline bool
exists (const char *name)
{
    g_autofree char *path = g_build_filename (test_directory, name, NULL);

    return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* A string of UTF-16 from a format; from a ring, so that a few live at once. */
G_GNUC_PRINTF (1, 2)
static inline PUNICODE_STRING
wide (const char *format, ...)
{
    static UNICODE_STRING ring[8];
    static unsigned next;
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    PUNICODE_STRING string = &ring[next++ % 8];
    glong units = 0;
    g_free (string->Buffer);
    string->Buffer = (PWSTR) g_utf8_to_utf16 (text, -1, NULL, &units, NULL);
    string->Length = (USHORT) (units * 2);
    string->MaximumLength = (USHORT) (units * 2 + 2);
    return string;
}

/* "log:/the/test/directory/NAME" */
static inline PUNICODE_STRING
log_name (const char *name)
{
    return wide ("log:%s/%s", test_directory, name);
}

static inline NTSTATUS
open_log (const char *name, ACCESS_MASK access, ULONG share, ULONG disposition, PLOG_FILE_OBJECT *out)
{
    return ClfsCreateLogFile (out, log_name (name), access, share, NULL, disposition, 0, FILE_ATTRIBUTE_NORMAL,
                              CLFS_FLAG_NO_FLAGS, NULL, 0);
}

static inline NTSTATUS
add_containers (PLOG_FILE_OBJECT log, unsigned count)
{
    ULONGLONG bytes = HALF_MIB;
    NTSTATUS status = STATUS_SUCCESS;

    for (unsigned i = 0; i < count && NT_SUCCESS (status); i++)
        status = ClfsAddLogContainer (log, &bytes, wide ("%%BLF%%\\container%u", i));
    return status;
}

static inline NTSTATUS
make_area (PLOG_FILE_OBJECT log, PVOID *out)
{
    return ClfsCreateMarshallingArea (log, PagedPool, NULL, NULL, 65536, 10, INFINITE, out);
}

/* A new log with two containers of 512 KiB and an area that may read and write; ended with close_fixture(). */
typedef struct fixture {
    PLOG_FILE_OBJECT log;
    PVOID area;
} fixture;

static inline fixture
open_fixture (void)
{
    fixture f = { NULL, NULL };

    fresh_directory ();
    CHECK_FATAL (open_log ("L", ALL_ACCESS, SHARE_ALL, CREATE_NEW, &f.log), STATUS_SUCCESS);
    CHECK_FATAL (add_containers (f.log, 2), STATUS_SUCCESS);
    CHECK_FATAL (make_area (f.log, &f.area), STATUS_SUCCESS);
    return f;
}

static inline void
close_fixture (fixture *f)
{
    if (f->area != NULL)
        CHECK (ClfsDeleteMarshallingArea (f->area), STATUS_SUCCESS);
    if (f->log != NULL)
        CHECK (ClfsCloseLogFileObject (f->log), STATUS_SUCCESS);
    drop_directory ();
}

static inline NTSTATUS
append_bytes (PVOID area, const void *data, size_t bytes, ULONG flags, PCLFS_LSN lsn)
{
    CLFS_WRITE_ENTRY entry = { (PVOID) data, (ULONG) bytes };

    return ClfsReserveAndAppendLog (area, &entry, 1, NULL, NULL, 0, NULL, flags, lsn);
}

static inline NTSTATUS
append_text (PVOID area, const char *text, PCLFS_LSN lsn)
{
    return append_bytes (area, text, strlen (text), 0, lsn);
}

/* The LSN of a record just appended. */
static inline CLFS_LSN
appended (PVOID area, const char *text)
{
    CLFS_LSN lsn = CLFS_LSN_INVALID;

    CHECK_FATAL (append_text (area, text, &lsn), STATUS_SUCCESS);
    return lsn;
}

static inline CLFS_INFORMATION
information_of (PLOG_FILE_OBJECT log)
{
    CLFS_INFORMATION information = { 0 };
    ULONG bytes = sizeof information;

    CHECK (ClfsGetLogFileInformation (log, &information, &bytes), STATUS_SUCCESS);
    return information;
}

#endif
