/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <clfs/clfs.h>

#include "tests/testing.h"

static void
version_is_the_packages (void)
{
    CU_ASSERT_STRING_EQUAL (clfs_version (), PACKAGE_VERSION);
}

static const clfs_test tests[] = {
    CLFS_TEST (version_is_the_packages),
};
CLFS_TEST_MAIN (tests)
