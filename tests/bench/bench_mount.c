/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench_mount.c - first figures of an appendable file: write(2), and write(2) with fsync(2), by one or more processes.
 *
 *     bench_mount FILE             records of a mounted log, or a plain file to compare with
 *
 * Compare figures of one run only.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now (void)
{
    struct timespec at;
    clock_gettime (CLOCK_MONOTONIC, &at);
    return (double) at.tv_sec + (double) at.tv_nsec / 1e9;
}

static void
append_many (const char *path, unsigned count, size_t bytes, int durable)
{
    static char payload[1 << 20];
    memset (payload, 'x', sizeof payload);
    payload[bytes - 1] = '\n';
    int fd = open (path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd < 0) {
        perror (path);
        exit (1);
    }
    for (unsigned i = 0; i < count; i++)
        if (write (fd, payload, bytes) != (ssize_t) bytes || (durable && fsync (fd) != 0)) {
            perror (path);
            exit (1);
        }
    close (fd);
}

static void
measure (const char *name, const char *path, unsigned processes, unsigned total, size_t bytes, int durable)
{
    double from = now ();
    for (unsigned i = 0; i < processes; i++)
        if (fork () == 0) {
            append_many (path, total / processes, bytes, durable);
            _exit (0);
        }
    int status, failed = 0;
    while (wait (&status) > 0)
        failed |= status;
    if (failed)
        exit (1);
    printf ("%s %.0f writes/s\n", name, total / processes * processes / (now () - from));
    fflush (stdout);
}

int
main (int argc, char **argv)
{
    if (argc != 2) {
        fprintf (stderr, "usage: bench_mount FILE\n");
        return 2;
    }
    measure ("write-100-1-process", argv[1], 1, 100000, 100, 0);
    measure ("write-4096-1-process", argv[1], 1, 50000, 4096, 0);
    measure ("write-131072-1-process", argv[1], 1, 2000, 131072, 0);
    measure ("fsync-100-1-process", argv[1], 1, 5000, 100, 1);
    measure ("fsync-100-16-processes", argv[1], 16, 32000, 100, 1);
    return 0;
}
