/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled as C and, included by test_windows_cpp.cc, as C++; with -fshort-wchar. */
#include "tests/api/layout.h"
#include "tests/api/windows_code.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <unistd.h>

static char directory[64];
static WCHAR log_name[128];

static void
make_directory (void)
{
    char text[128];

    strcpy (directory, "/tmp/clfs-windows-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL (mkdtemp (directory));
    snprintf (text, sizeof text, "log:%s/Service", directory);
    for (size_t i = 0; i <= strlen (text); i++)
        log_name[i] = (WCHAR) text[i];
}

static void
code_for_windows_logs_commits_recovers_and_deletes (void)
{
    SERVICE_LOG log;
    ULONG count = 0;
    char update[] = "update";

    make_directory ();
    CU_ASSERT_EQUAL_FATAL (ServiceOpenLog (log_name, TRUE, &log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (ServiceRecover (&log), STATUS_NOT_FOUND);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL (ServiceLogUpdate (&log, update, sizeof update), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (ServiceCommit (&log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (ServiceCheckpoint (&log), STATUS_SUCCESS);
    CLFS_LSN last = log.LastLsn;
    ServiceCloseLog (&log, FALSE);

    CU_ASSERT_EQUAL (ServiceOpenLog (log_name, TRUE, &log), STATUS_OBJECT_NAME_COLLISION);
    CU_ASSERT_EQUAL_FATAL (ServiceOpenLog (log_name, FALSE, &log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (ServiceRecover (&log), STATUS_SUCCESS);
    CU_ASSERT_TRUE (ClfsLsnEqual (&log.LastLsn, &last));
    CU_ASSERT_EQUAL (ServiceCountUpdates (&log, log.LastLsn, &count), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (count, 10);
    ServiceCloseLog (&log, TRUE);
    CU_ASSERT_EQUAL (ServiceOpenLog (log_name, FALSE, &log), STATUS_OBJECT_NAME_NOT_FOUND);
    /* Nothing of the log is left but, maybe, its lock. */
    char command[256];
    snprintf (command, sizeof command, "test -z \"$(ls %s)\" && rm -rf %s", directory, directory);
    CU_ASSERT_EQUAL (system (command), 0);
}

static const clfs_test tests[] = {
    CLFS_TEST (code_for_windows_logs_commits_recovers_and_deletes),
};
CLFS_TEST_MAIN (tests)
