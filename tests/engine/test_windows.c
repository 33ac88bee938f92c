/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A log that Windows wrote (tests/data/windows-log), opened like any other: it can be read, and no byte of it changes. */
#include "harness.h"

#include <errno.h>

#define LOG "DRIVERS{53b39e70-18c4-11ea-a811-000d3aa4692b}.TM"
#define CONTAINER LOG "Container00000000000000000001.regtrans-ms"
#define ALL (CLFS_RECORD_DATA | CLFS_RECORD_RESTART)

enum { STREAM_BYTES = 12 * (960 + 632 + 72) };

typedef struct fixture {
    harness h;
    clfs_store *store;
    clfs_log *log;
    clfs_cursor *cursor;
    clfs_record record;
} fixture;

static void
copy_in (clfs_sim_disk *disk, const char *name)
{
    const char *top = g_getenv ("top_srcdir");
    g_autofree char *path = g_build_filename (top ? top : ".", "tests/data/windows-log", name, NULL);
    g_autofree char *bytes = NULL;
    gsize count;
    CU_ASSERT_FATAL (g_file_get_contents (path, &bytes, &count, NULL));
    clfs_sim_file_set (disk, name, (const uint8_t *) bytes, count);
}

static void
begin (fixture *f, unsigned flags)
{
    *f = (fixture) { 0 };
    harness_start (&f->h, CLFS_STORE_INLINE);
    copy_in (f->h.disk, LOG ".blf");
    copy_in (f->h.disk, CONTAINER);
    f->store = harness_other (&f->h, CLFS_STORE_INLINE | flags);
    NTSTATUS status = clfs_log_open (f->store, LOG, CLFS_LOG_WRITE, &f->log);
    if (status != STATUS_SUCCESS)
        printf ("  %s\n", clfs_error_message ());
    CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f->log, CLFS_CURSOR_FORWARD, &f->cursor), STATUS_SUCCESS);
}

static void
end (fixture *f)
{
    clfs_cursor_close (f->cursor);
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (f->store), STATUS_SUCCESS);
    harness_end (&f->h);
}

static void
it_opens_read_only_with_base_0x9001_and_next_0x9200 (void)
{
    fixture f;
    begin (&f, 0);
    clfs_info info = harness_info (f.log);
    CU_ASSERT (info.foreign);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_READ_ONLY);
    CU_ASSERT (strlen (info.error) > 0);
    CU_ASSERT_EQUAL (info.base, 0x9001);
    CU_ASSERT_EQUAL (info.last, 0x9001);
    CU_ASSERT_EQUAL (info.next, 0x9200);
    CU_ASSERT_EQUAL (info.restart, 0x9001);
    CU_ASSERT_EQUAL (info.containers, 2);
    CU_ASSERT_EQUAL (info.container_bytes, CLFS_CONTAINER_BYTES_UNIT);
    CU_ASSERT_EQUAL (info.end_offset, STREAM_BYTES);
    CU_ASSERT_EQUAL (info.base_offset, STREAM_BYTES);
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (f.record.lsn, 0x9001);
    CU_ASSERT_EQUAL (f.record.type, CLFS_RECORD_RESTART);
    CU_ASSERT_EQUAL (f.record.bytes, 32);
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_END_OF_FILE);
    CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, 0, &f.record), STATUS_LOG_START_OF_LOG);
    end (&f);
}

static void
with_all_its_49_records_are_read_forward_and_backward (void)
{
    static const uint32_t payload_bytes[] = { 32, 960, 632, 72 };
    fixture f;
    begin (&f, CLFS_STORE_READ_ONLY | CLFS_STORE_ALL);
    clfs_lsn_t lsns[49];
    uint64_t offset = 0;
    for (unsigned i = 0; i < 49; i++) {
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_SUCCESS);
        lsns[i] = f.record.lsn;
        CU_ASSERT_EQUAL (f.record.type, i % 4 == 0 ? CLFS_RECORD_RESTART : CLFS_RECORD_DATA);
        CU_ASSERT_EQUAL (f.record.bytes, payload_bytes[i % 4]);
        CU_ASSERT_EQUAL (f.record.stream_offset, offset);
        CU_ASSERT_EQUAL (f.record.time_ns, 0);
        if (i % 4)
            offset += f.record.bytes;
    }
    CU_ASSERT_EQUAL (clfs_cursor_next (f.cursor, ALL, &f.record), STATUS_END_OF_FILE);
    CU_ASSERT_EQUAL (lsns[0], 0);
    CU_ASSERT_EQUAL (lsns[48], 0x9001);
    for (unsigned i = 48; i > 0; i--) {
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_back (f.cursor, ALL, &f.record), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (f.record.lsn, lsns[i - 1]);
    }
    CU_ASSERT_EQUAL (clfs_cursor_back (f.cursor, ALL, &f.record), STATUS_LOG_START_OF_LOG);
    for (unsigned i = 0; i < 49; i++) {
        CU_ASSERT_EQUAL (clfs_cursor_seek (f.cursor, lsns[i], &f.record), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (f.record.bytes, payload_bytes[i % 4]);
    }
    clfs_info info = harness_info (f.log);
    CU_ASSERT_EQUAL (info.base, 0);
    CU_ASSERT_EQUAL (info.base_offset, 0);
    end (&f);
}

static void
its_13_restart_areas_are_a_chain (void)
{
    fixture f;
    begin (&f, CLFS_STORE_READ_ONLY | CLFS_STORE_ALL);
    NTSTATUS status = clfs_cursor_restart (f.cursor, &f.record);
    clfs_lsn_t expected = 0x9001;
    for (int i = 0; i < 13; i++) {
        CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
        CU_ASSERT_EQUAL (f.record.lsn, expected);
        expected = expected == 0xC01 ? 0 : expected - 0xC00;
        status = clfs_cursor_previous_restart (f.cursor, &f.record);
    }
    CU_ASSERT_EQUAL (status, STATUS_LOG_START_OF_LOG);
    end (&f);
    begin (&f, CLFS_STORE_READ_ONLY);
    CU_ASSERT_EQUAL (clfs_cursor_restart (f.cursor, &f.record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_previous_restart (f.cursor, &f.record), STATUS_LOG_START_OF_LOG);
    end (&f);
}

static void
its_stream_is_the_payloads_of_its_data_records (void)
{
    fixture f;
    begin (&f, CLFS_STORE_READ_ONLY | CLFS_STORE_ALL);
    GByteArray *by_record = g_byte_array_new ();
    while (clfs_cursor_next (f.cursor, CLFS_RECORD_DATA, &f.record) == STATUS_SUCCESS)
        g_byte_array_append (by_record, f.record.data, f.record.bytes);
    CU_ASSERT_EQUAL (by_record->len, STREAM_BYTES);
    for (int durable = 0; durable < 2; durable++) {
        uint8_t buffer[777];
        size_t got;
        uint64_t at = 0;
        do {
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_read (f.cursor, at, buffer, sizeof buffer, durable, &got), STATUS_SUCCESS);
            CU_ASSERT (memcmp (buffer, by_record->data + at, got) == 0);
            at += got;
        } while (got > 0);
        CU_ASSERT_EQUAL (at, STREAM_BYTES);
        for (at = STREAM_BYTES; at > 0; at -= MIN (at, 501)) {
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_read (f.cursor, at - 1, buffer, 1, durable, &got), STATUS_SUCCESS);
            CU_ASSERT_EQUAL (buffer[0], by_record->data[at - 1]);
        }
    }
    g_byte_array_unref (by_record);
    end (&f);
}

static void
every_change_is_refused_and_no_byte_is_changed (void)
{
    fixture f;
    begin (&f, 0);
    g_autoptr (GByteArray) blf = clfs_sim_file_bytes (f.h.disk, LOG ".blf");
    g_autoptr (GByteArray) container = clfs_sim_file_bytes (f.h.disk, CONTAINER);
    struct iovec vector = { (void *) "x", 1 };
    clfs_attr attrs[CLFS_ATTR_SLOTS] = { 0 };
    CU_ASSERT_EQUAL (clfs_log_append (f.log, &vector, 1, NULL, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_status_errno (STATUS_MEDIA_WRITE_PROTECTED), EROFS);
    CU_ASSERT (strstr (clfs_error_message (), "not written by clfs") != NULL);
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "r", 1, CLFS_INVALID_LSN, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, 0x9200), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_reset (f.log), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_FLUSH_MS, 5), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_set_attrs (f.log, attrs, 1), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1, NULL, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_recover (f.log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_SUCCESS);
    clfs_cursor_close (f.cursor);
    CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_SUCCESS);
    CU_ASSERT (clfs_log_delete (f.store, LOG, 0) != STATUS_SUCCESS);
    CU_ASSERT (clfs_log_delete (f.store, LOG, CLFS_DELETE_IF_EMPTY) != STATUS_SUCCESS);
    clfs_info info;
    CU_ASSERT_EQUAL (clfs_log_peek (f.store, LOG, &info, attrs), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (info.base, 0x9001);
    CU_ASSERT (info.foreign);
    g_autoptr (GByteArray) blf_after = clfs_sim_file_bytes (f.h.disk, LOG ".blf");
    g_autoptr (GByteArray) container_after = clfs_sim_file_bytes (f.h.disk, CONTAINER);
    CU_ASSERT_FATAL (blf_after != NULL && container_after != NULL);
    CU_ASSERT (blf->len == blf_after->len && memcmp (blf->data, blf_after->data, blf->len) == 0);
    CU_ASSERT (container->len == container_after->len && memcmp (container->data, container_after->data, container->len) == 0);
    CU_ASSERT_EQUAL (clfs_log_open (f.store, LOG, CLFS_LOG_READ, &f.log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &f.cursor), STATUS_SUCCESS);
    end (&f);
}

static void
its_active_container_must_be_there (void)
{
    fixture f;
    begin (&f, 0);
    clfs_sim_file_remove (f.h.disk, CONTAINER);
    clfs_log *log;
    clfs_store *other = harness_other (&f.h, CLFS_STORE_INLINE);
    CU_ASSERT_EQUAL (clfs_log_open (other, LOG, CLFS_LOG_READ, &log), STATUS_LOG_CONTAINER_OPEN_FAILED);
    CU_ASSERT (strstr (clfs_error_message (), CONTAINER) != NULL);
    CU_ASSERT_EQUAL (clfs_store_close (other), STATUS_SUCCESS);
    copy_in (f.h.disk, CONTAINER);
    end (&f);
}

static void
a_changed_bit_in_it_makes_no_more_records_and_no_crash (void)
{
    for (size_t byte = 7; byte < 0x9200; byte += clfs_test_quick () ? 2003 : 401) {
        fixture f;
        begin (&f, CLFS_STORE_READ_ONLY | CLFS_STORE_ALL);
        GByteArray *right = g_byte_array_new ();
        while (clfs_cursor_next (f.cursor, ALL, &f.record) == STATUS_SUCCESS)
            g_byte_array_append (right, f.record.data, f.record.bytes);
        g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (f.h.disk, CONTAINER);
        /* Windows stores no checksum: only the header, the signatures and the records' structure can tell. */
        bytes->data[byte] ^= 0x40;
        clfs_sim_file_set (f.h.disk, CONTAINER, bytes->data, bytes->len);
        clfs_log *log;
        clfs_cursor *cursor;
        if (clfs_log_open (f.store, LOG, CLFS_LOG_READ, &log) == STATUS_SUCCESS) {
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
            size_t total = 0;
            unsigned count = 0;
            while (clfs_cursor_next (cursor, ALL, &f.record) == STATUS_SUCCESS && count < 100) {
                total += f.record.bytes;
                count++;
            }
            CU_ASSERT (count <= 49);
            CU_ASSERT (total <= right->len);
            clfs_cursor_close (cursor);
            CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
        }
        g_byte_array_unref (right);
        end (&f);
    }
}

static const clfs_test tests[] = {
    CLFS_TEST (it_opens_read_only_with_base_0x9001_and_next_0x9200),
    CLFS_TEST (with_all_its_49_records_are_read_forward_and_backward),
    CLFS_TEST (its_13_restart_areas_are_a_chain),
    CLFS_TEST (its_stream_is_the_payloads_of_its_data_records),
    CLFS_TEST (every_change_is_refused_and_no_byte_is_changed),
    CLFS_TEST (its_active_container_must_be_there),
    CLFS_TEST (a_changed_bit_in_it_makes_no_more_records_and_no_crash),
};
CLFS_TEST_MAIN (tests)
