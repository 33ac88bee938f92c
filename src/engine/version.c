/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <clfs/clfs.h>

const char *
clfs_version (void)
{
    return PACKAGE_VERSION;
}
