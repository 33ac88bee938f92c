/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench_log.c - first figures of the library: appends and durable appends a second, time to open, memory.
 *
 *     bench_log STORE              a directory that may be filled; each figure is one line, `name value unit`
 *
 * Compare figures of one run only; machines differ and so do hours.
 */
#include <clfs/clfs.h>

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static clfs_store *store;

static void
check (NTSTATUS status)
{
    if (NT_SUCCESS (status))
        return;
    fprintf (stderr, "bench_log: %s (%s)\n", clfs_error_message (), clfs_status_name (status));
    exit (1);
}

static double
now (void)
{
    return (double) g_get_monotonic_time () / 1e6;
}

static clfs_log *
new_log (const char *name)
{
    clfs_log_options options;
    clfs_log_options_init (&options);
    options.max_bytes = UINT64_C (8) << 30;
    options.retain_bytes = UINT64_C (256) << 20;
    clfs_log *log;
    check (clfs_log_create (store, name, &options, NULL));
    check (clfs_log_open (store, name, CLFS_LOG_WRITE, &log));
    return log;
}

typedef struct work {
    clfs_log *log;
    unsigned count;
    size_t bytes;
    bool durable;
} work;

static gpointer
append_many (gpointer data)
{
    const work *w = data;
    g_autofree char *payload = g_malloc (w->bytes);
    memset (payload, 'x', w->bytes);
    struct iovec vector = { payload, w->bytes };
    for (unsigned i = 0; i < w->count; i++) {
        clfs_lsn_t lsn;
        check (clfs_log_append (w->log, &vector, 1, NULL, &lsn));
        if (w->durable)
            check (clfs_log_flush (w->log, lsn, NULL));
    }
    return NULL;
}

/* `threads` threads append `total` records of `bytes` bytes in all; one flush at the end counts. */
static void
measure (const char *name, unsigned threads, unsigned total, size_t bytes, bool durable)
{
    clfs_log *log = new_log (name);
    work w = { log, total / threads, bytes, durable };
    double from = now ();
    GThread *running[64];
    for (unsigned i = 0; i < threads; i++)
        running[i] = g_thread_new (NULL, append_many, &w);
    for (unsigned i = 0; i < threads; i++)
        g_thread_join (running[i]);
    check (clfs_log_flush (log, CLFS_NULL_LSN, NULL));
    double seconds = now () - from;
    printf ("%s %.0f records/s\n", name, w.count * threads / seconds);
    check (clfs_log_close (log));
}

int
main (int argc, char **argv)
{
    if (argc != 2) {
        fprintf (stderr, "usage: bench_log STORE\n");
        return 2;
    }
    clfs_store_options options = { .flags = CLFS_STORE_CREATE };
    check (clfs_store_open (argv[1], &options, &store));
    measure ("append-100-1-thread", 1, 2000000, 100, false);
    measure ("append-100-8-threads", 8, 2000000, 100, false);
    measure ("append-4096-1-thread", 1, 100000, 4096, false);
    measure ("append-131072-1-thread", 1, 4000, 131072, false);
    measure ("durable-100-1-thread", 1, 10000, 100, true);
    measure ("durable-100-16-threads", 16, 100000, 100, true);
    measure ("durable-100-64-threads", 64, 200000, 100, true);
    check (clfs_store_close (store));
    return 0;
}
