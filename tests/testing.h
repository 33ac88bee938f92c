/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * testing.h - what each unit test program is made of: a table of tests over CUnit.
 *
 *     static void
 *     flushed_record_survives_power_loss (void)
 *     {
 *         CU_ASSERT_EQUAL (...);        goes on after a failure
 *         CU_ASSERT_EQUAL_FATAL (...);  ends this test
 *     }
 *
 *     static const clfs_test tests[] = {
 *         CLFS_TEST (flushed_record_survives_power_loss),
 *     };
 *     CLFS_TEST_MAIN (tests)
 *
 * A program prints one line for each test, `ok NAME` or `FAIL NAME` (before it, each failed assertion with file
 * and line), last `N passed, N failed`, and exits 1 if one failed or none ran. With arguments it runs only the tests
 * whose names contain one of them.
 */
#ifndef CLFS_TESTS_TESTING_H
#define CLFS_TESTS_TESTING_H

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct clfs_test {
    const char *name;
    void (*function) (void);
} clfs_test;

#define CLFS_TEST(function) { #function, function }

static unsigned clfs_tests_passed, clfs_tests_failed;

/* True where everything is many times slower (valgrind, ThreadSanitizer): a test that repeats itself may do so less often. */
static inline int
clfs_test_quick (void)
{
    return getenv ("CLFS_TEST_QUICK") != NULL;
}

static inline void
clfs_test_done (const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failures)
{
    (void) suite;
    for (CU_pFailureRecord failure = failures; failure != NULL; failure = failure->pNext)
        printf ("  %s:%u: %s\n", failure->strFileName != NULL ? failure->strFileName : "?", failure->uiLineNumber,
                failure->strCondition != NULL ? failure->strCondition : "");
    printf ("%s %s\n", failures == NULL ? "ok" : "FAIL", test->pName);
    fflush (stdout);
    if (failures == NULL)
        clfs_tests_passed++;
    else
        clfs_tests_failed++;
}

static inline int
clfs_test_wanted (const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strstr (name, argv[i]) != NULL)
            return 1;
    return argc < 2;
}

static inline int
clfs_test_run (const clfs_test *tests, size_t count, int argc, char **argv)
{
    if (CU_initialize_registry () != CUE_SUCCESS)
        return 2;
    const char *slash = strrchr (argv[0], '/');
    CU_pSuite suite = CU_add_suite (slash != NULL ? slash + 1 : argv[0], NULL, NULL);
    if (suite == NULL)
        return 2;
    for (size_t i = 0; i < count; i++)
        if (clfs_test_wanted (tests[i].name, argc, argv) && CU_add_test (suite, tests[i].name, tests[i].function) == NULL)
            return 2;
    CU_set_test_complete_handler (clfs_test_done);
    CU_run_all_tests ();
    CU_cleanup_registry ();
    printf ("%u passed, %u failed\n", clfs_tests_passed, clfs_tests_failed);
    return clfs_tests_failed != 0 || clfs_tests_passed == 0;
}

#define CLFS_TEST_MAIN(tests) \
    int main (int argc, char **argv) \
    { \
        return clfs_test_run (tests, sizeof (tests) / sizeof ((tests)[0]), argc, argv); \
    }

#endif
