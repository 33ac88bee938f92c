/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * write_failure.h - makes every write to a file of this process fail (EFBIG), and lets them succeed again.
 */
#ifndef CLFS_TESTS_API_WRITE_FAILURE_H
#define CLFS_TESTS_API_WRITE_FAILURE_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>

static inline void
fail_writes (bool fail)
{
    static rlim_t usual;
    struct rlimit limit;

    fflush (stdout); /* may be a file, too */
    signal (SIGXFSZ, SIG_IGN);
    getrlimit (RLIMIT_FSIZE, &limit);
    if (fail)
        usual = limit.rlim_cur;
    limit.rlim_cur = fail ? 0 : usual;
    setrlimit (RLIMIT_FSIZE, &limit);
}

#endif
