/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same as C++. */
#include "tests/api/test_windows.c"
