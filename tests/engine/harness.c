/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness.h"

#include <string.h>

/* What dead processes leave stays in sight of leak checkers, which would otherwise find it or not by chance. */
static GPtrArray *dead;

void
harness_may_die (void *object)
{
    if (!dead)
        dead = g_ptr_array_new ();
    g_ptr_array_add (dead, object);
}

void
harness_boot (harness *h)
{
    clfs_storage *storage;
    clfs_store_options options = { .flags = h->flags };
    CU_ASSERT_EQUAL_FATAL (clfs_sim_storage_open (h->disk, 0, &storage), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_store_open_on (storage, "simulated", &options, &h->store), STATUS_SUCCESS);
    harness_may_die (h->store);
}

static void
quiet (int level, const char *line, void *data)
{
    (void) level;
    (void) line;
    (void) data;
}

void
harness_start (harness *h, unsigned flags)
{
    clfs_set_log_handler (quiet, NULL);
    h->disk = clfs_sim_disk_new (1);
    h->flags = flags;
    harness_boot (h);
}

void
harness_stop (harness *h)
{
    CU_ASSERT_EQUAL (clfs_store_close (h->store), STATUS_SUCCESS);
    h->store = NULL;
}

void
harness_kill (harness *h)
{
    clfs_sim_kill (h->disk);
    harness_boot (h);
}

void
harness_power_loss (harness *h, enum clfs_sim_survivors survivors)
{
    clfs_sim_power_loss (h->disk, survivors, NULL);
    harness_boot (h);
}

void
harness_end (harness *h)
{
    if (h->store)
        harness_stop (h);
    clfs_sim_disk_free (h->disk);
    clfs_set_log_handler (NULL, NULL);
}

clfs_store *
harness_other (harness *h, unsigned flags)
{
    clfs_storage *storage;
    clfs_store *store;
    clfs_store_options options = { .flags = flags };
    unsigned storage_flags = flags & CLFS_STORE_READ_ONLY ? CLFS_STORAGE_READ_ONLY : 0;
    CU_ASSERT_EQUAL_FATAL (clfs_sim_storage_open (h->disk, storage_flags, &storage), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_store_open_on (storage, "other", &options, &store), STATUS_SUCCESS);
    return store;
}

clfs_info
harness_info (clfs_log *log)
{
    clfs_info info;
    clfs_log_info (log, &info);
    return info;
}

void
harness_options (clfs_log_options *options)
{
    clfs_log_options_init (options);
    options->container_bytes = CLFS_CONTAINER_BYTES_UNIT;
    options->flush_ms = 0;
}

clfs_log *
harness_log (harness *h, const char *name)
{
    clfs_log_options options;
    harness_options (&options);
    NTSTATUS status = clfs_log_create (h->store, name, &options, NULL);
    CU_ASSERT_FATAL (status == STATUS_SUCCESS || status == STATUS_OBJECT_NAME_COLLISION);
    clfs_log *log = NULL;
    status = clfs_log_open (h->store, name, CLFS_LOG_WRITE, &log);
    if (status != STATUS_SUCCESS)
        printf ("  open: %s\n", clfs_error_message ());
    CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
    return log;
}

clfs_lsn_t
harness_append (clfs_log *log, const char *text)
{
    struct iovec vector = { (void *) text, strlen (text) };
    clfs_lsn_t lsn = CLFS_INVALID_LSN;
    NTSTATUS status = clfs_log_append (log, &vector, 1, NULL, &lsn);
    if (status != STATUS_SUCCESS)
        printf ("  append: %s\n", clfs_error_message ());
    CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
    return lsn;
}

static uint8_t
number_byte (unsigned number, size_t at)
{
    return (uint8_t) (number * 2654435761u + at * 31 + (at >> 8));
}

NTSTATUS
harness_append_number (clfs_log *log, unsigned number, size_t bytes, clfs_lsn_t *lsn)
{
    g_autofree uint8_t *data = g_malloc (bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        data[i] = number_byte (number, i);
    struct iovec vector = { data, bytes };
    return clfs_log_append (log, &vector, 1, NULL, lsn);
}

bool
harness_is_number (const clfs_record *record, unsigned number, size_t bytes)
{
    if (record->bytes != bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        if (((const uint8_t *) record->data)[i] != number_byte (number, i))
            return false;
    return true;
}

char *
harness_records (clfs_log *log)
{
    GString *all = g_string_new (NULL);
    clfs_cursor *cursor;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    clfs_record record;
    NTSTATUS status = clfs_cursor_seek_from (cursor, 0, &record);
    while (status == STATUS_SUCCESS) {
        if (record.type == CLFS_RECORD_DATA)
            g_string_append_printf (all, "%.*s|", (int) record.bytes, (const char *) record.data);
        status = clfs_cursor_next (cursor, CLFS_RECORD_DATA | CLFS_RECORD_RESTART, &record);
    }
    CU_ASSERT_EQUAL (status, STATUS_END_OF_FILE);
    clfs_cursor_close (cursor);
    return g_string_free (all, FALSE);
}

char *
harness_stream (clfs_log *log, bool durable_only)
{
    GString *all = g_string_new (NULL);
    clfs_cursor *cursor;
    clfs_info info;
    clfs_log_info (log, &info);
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    uint64_t at = info.base_offset;
    for (;;) {
        char piece[1000];
        size_t got = 0;
        NTSTATUS status = clfs_cursor_read (cursor, at, piece, sizeof piece, durable_only, &got);
        CU_ASSERT_EQUAL (status, STATUS_SUCCESS);
        if (status != STATUS_SUCCESS || got == 0)
            break;
        g_string_append_len (all, piece, (gssize) got);
        at += got;
    }
    clfs_cursor_close (cursor);
    return g_string_free (all, FALSE);
}
