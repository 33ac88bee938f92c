/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Damage: whatever is done to a log's files, no wrong byte is shown and nothing is cut silently below the durable mark; what
 * is intact can be read, and when the files are put right again everything is there.
 */
#include "harness.h"

enum { RECORDS = 60, BYTES = 3000 };

/* A log that may have 1,023 containers has the larger base log file. */
#define BLF_SHADOW 0x2A000u
#define BLF_SECTORS 320u

typedef struct fixture {
    harness h;
    clfs_lsn_t lsns[RECORDS];
    char container[300]; /* file name of the first container */
} fixture;

/* A log of 60 records of 3,000 bytes in 12 flushed groups; closed cleanly, or left by a power loss. */
static void
begin (fixture *f, bool clean)
{
    *f = (fixture) { 0 };
    harness_start (&f->h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&f->h, "a");
    for (unsigned i = 0; i < RECORDS; i++) {
        CU_ASSERT_EQUAL_FATAL (harness_append_number (log, i, BYTES, &f->lsns[i]), STATUS_SUCCESS);
        if (i % 5 == 4)
            CU_ASSERT_EQUAL (clfs_log_flush (log, 0, NULL), STATUS_SUCCESS);
    }
    clfs_container_info containers[2];
    size_t count;
    CU_ASSERT_EQUAL (clfs_log_containers (log, containers, 2, &count), STATUS_SUCCESS);
    g_strlcpy (f->container, containers[0].name, sizeof f->container);
    if (clean) {
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
        harness_stop (&f->h);
    } else {
        clfs_sim_power_loss (f->h.disk, CLFS_SIM_NONE, NULL);
    }
    f->h.store = NULL;
}

static void
end (fixture *f)
{
    clfs_sim_disk_free (f->h.disk);
    clfs_set_log_handler (NULL, NULL);
}

/* The same store on a copy of the disk, to be damaged. */
static harness
copy_of (const fixture *f)
{
    return (harness){ .disk = clfs_sim_disk_copy (f->h.disk), .flags = CLFS_STORE_INLINE };
}

static void
done_with (harness *h)
{
    harness_stop (h);
    clfs_sim_disk_free (h->disk);
}

static void
flip (clfs_sim_disk *disk, const char *name, size_t byte, unsigned bit)
{
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (disk, name);
    CU_ASSERT_FATAL (bytes != NULL && byte < bytes->len);
    bytes->data[byte] ^= (uint8_t) (1u << bit);
    clfs_sim_file_set (disk, name, bytes->data, bytes->len);
}

/* Reads every record both ways. Returns how many can be read in order from the first; none is wrong. *error: what ended it. */
static unsigned
honest_records (clfs_log *log, const fixture *f, NTSTATUS *error)
{
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    unsigned count = 0;
    NTSTATUS status;
    while ((status = clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record)) == STATUS_SUCCESS) {
        CU_ASSERT_FATAL (count < RECORDS);
        CU_ASSERT_EQUAL (record.lsn, f->lsns[count]);
        CU_ASSERT (harness_is_number (&record, count, BYTES));
        count++;
    }
    *error = status;
    for (unsigned i = 0; i < RECORDS; i++) {
        status = clfs_cursor_seek (cursor, f->lsns[i], &record);
        if (status == STATUS_SUCCESS)
            CU_ASSERT (harness_is_number (&record, i, BYTES));
        CU_ASSERT (status == STATUS_SUCCESS || i >= count);
    }
    uint8_t buffer[BYTES];
    for (unsigned i = 0; i < RECORDS; i += 7) {
        size_t got = 0;
        status = clfs_cursor_read (cursor, (uint64_t) i * BYTES, buffer, BYTES, false, &got);
        record = (clfs_record){ .data = buffer, .bytes = (uint32_t) got };
        if (status == STATUS_SUCCESS && got == BYTES)
            CU_ASSERT (harness_is_number (&record, i, BYTES));
        CU_ASSERT ((status == STATUS_SUCCESS && got == BYTES) || i >= count);
    }
    clfs_cursor_close (cursor);
    return count;
}

/* ---- blocks ---- */

static void
a_changed_bit_in_a_block_of_a_clean_log_is_seen_by_whoever_reads_it (void)
{
    fixture f;
    begin (&f, true);
    unsigned step = clfs_test_quick () ? 40009 : 9007;
    for (size_t byte = 0; byte < RECORDS * BYTES; byte += step) {
        harness h = copy_of (&f);
        flip (h.disk, f.container, byte, byte % 8);
        harness_boot (&h);
        clfs_log *log = harness_log (&h, "a");
        NTSTATUS error;
        unsigned count = honest_records (log, &f, &error);
        CU_ASSERT (count < RECORDS);
        CU_ASSERT_EQUAL (error, STATUS_LOG_BLOCK_INVALID);
        CU_ASSERT (count >= byte / BYTES / 5 * 5 - 5 || byte < 10 * BYTES);
        /* The log goes on, but does not keep it to itself. */
        clfs_info info = harness_info (log);
        CU_ASSERT_EQUAL (info.state, CLFS_STATE_OK);
        CU_ASSERT (strstr (info.error, "damaged at 0x0000000000") != NULL && strstr (info.error, f.container) != NULL);
        (void) !clfs_log_close (log);
        done_with (&h);
    }
    end (&f);
}

static void
a_changed_bit_below_the_durable_mark_makes_the_log_read_only_and_reset_ends_it (void)
{
    fixture f;
    begin (&f, false);
    unsigned step = clfs_test_quick () ? 40009 : 12011;
    /* The last group cannot be told from a torn tail: that is the stated limit. */
    for (size_t byte = 100; byte < (RECORDS - 5) * BYTES; byte += step) {
        harness h = copy_of (&f);
        flip (h.disk, f.container, byte, byte % 8);
        for (int opening = 0; opening < 2; opening++) {
            harness_boot (&h);
            clfs_log *log = harness_log (&h, "a");
            clfs_info info = harness_info (log);
            CU_ASSERT_EQUAL (info.state, CLFS_STATE_READ_ONLY);
            CU_ASSERT (strstr (info.error, f.container) != NULL);
            CU_ASSERT (strstr (info.error, "0x0000000000") != NULL);
            NTSTATUS error;
            unsigned count = honest_records (log, &f, &error);
            CU_ASSERT (count < RECORDS);
            CU_ASSERT (count + 10 > byte / BYTES);
            struct iovec vector = { (void *) "x", 1 };
            CU_ASSERT_EQUAL (clfs_log_append (log, &vector, 1, NULL, NULL), STATUS_MEDIA_WRITE_PROTECTED);
            if (opening == 1) {
                CU_ASSERT_EQUAL (clfs_log_reset (log), STATUS_SUCCESS);
                CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
                clfs_lsn_t lsn = harness_append (log, "new life");
                CU_ASSERT (lsn > f.lsns[RECORDS - 1]);
                g_autofree char *all = harness_records (log);
                CU_ASSERT_STRING_EQUAL (all, "new life|");
            }
            CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
            harness_stop (&h);
        }
        harness_boot (&h);
        done_with (&h);
    }
    end (&f);
}

static void
a_changed_bit_in_the_last_group_after_a_power_loss_is_a_torn_tail_that_is_said (void)
{
    fixture f;
    begin (&f, false);
    harness h = copy_of (&f);
    flip (h.disk, f.container, clfs_lsn_block_bytes (f.lsns[RECORDS - 1]) + 5000, 3);
    harness_boot (&h);
    clfs_log *log = harness_log (&h, "a");
    clfs_info info = harness_info (log);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_OK);
    CU_ASSERT_EQUAL (info.cut_lsn, clfs_lsn_block (f.lsns[RECORDS - 1]));
    CU_ASSERT (info.cut_bytes > 0);
    NTSTATUS error;
    CU_ASSERT_EQUAL (honest_records (log, &f, &error), RECORDS - 5);
    CU_ASSERT_EQUAL (error, STATUS_END_OF_FILE);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    done_with (&h);
    end (&f);
}

static void
after_damage_back_shows_the_record_before_the_last_that_was_shown (void)
{
    harness h;
    clfs_container_info containers[4];
    clfs_cursor *cursor;
    clfs_record record;
    clfs_lsn_t lsns[4];
    size_t count;
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    /* The last one goes to the second container; a block without records fills the first. */
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL_FATAL (harness_append_number (log, i, i < 2 ? 100 : 300000, &lsns[i]), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (clfs_log_flush (log, 0, NULL), STATUS_SUCCESS);
    }
    CU_ASSERT_EQUAL (clfs_lsn_container (lsns[3]), 1);
    CU_ASSERT_EQUAL (clfs_log_containers (log, containers, 4, &count), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_stop (&h);
    flip (h.disk, containers[1].name, 1000, 3);
    harness_boot (&h);
    log = harness_log (&h, "a");
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (record.lsn, lsns[i]);
    }
    CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_LOG_BLOCK_INVALID);
    CU_ASSERT_EQUAL (clfs_cursor_back (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (record.lsn, lsns[1]);
    clfs_cursor_close (cursor);
    (void) !clfs_log_close (log);
    harness_end (&h);
}

/* ---- containers ---- */

typedef void (*spoiler) (clfs_sim_disk *disk, const fixture *f);

static void
spoil_missing (clfs_sim_disk *disk, const fixture *f)
{
    clfs_sim_file_remove (disk, f->container);
}

static void
spoil_empty (clfs_sim_disk *disk, const fixture *f)
{
    clfs_sim_file_set (disk, f->container, (const uint8_t *) "", 0);
}

static void
spoil_truncated (clfs_sim_disk *disk, const fixture *f)
{
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (disk, f->container);
    clfs_sim_file_set (disk, f->container, bytes->data, 60 * 1024 + 100);
}

static void
spoil_zeros (clfs_sim_disk *disk, const fixture *f)
{
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (disk, f->container);
    memset (bytes->data, 0, bytes->len);
    clfs_sim_file_set (disk, f->container, bytes->data, bytes->len);
}

static void
spoil_random (clfs_sim_disk *disk, const fixture *f)
{
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (disk, f->container);
    g_autoptr (GRand) rand = g_rand_new_with_seed (9);
    for (guint i = 0; i < bytes->len; i++)
        bytes->data[i] = (uint8_t) g_rand_int (rand);
    clfs_sim_file_set (disk, f->container, bytes->data, bytes->len);
}

/* The same records in another log. */
static void
spoil_other_log (clfs_sim_disk *disk, const fixture *f)
{
    fixture other;
    begin (&other, true);
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (other.h.disk, other.container);
    /* Both disks draw the same ids from the same seed: another id is what another log has. */
    for (guint at = 0; at + 512 <= bytes->len; at += 512)
        if (bytes->data[at] == 21)
            bytes->data[at + 0x48] ^= 1;
    clfs_sim_file_set (disk, f->container, bytes->data, bytes->len);
    clfs_sim_disk_free (other.h.disk);
}

/* The last half was written after this copy was made. */
static void
spoil_older_copy (clfs_sim_disk *disk, const fixture *f)
{
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (disk, f->container);
    size_t half = clfs_lsn_block_bytes (f->lsns[RECORDS / 2]);
    memset (bytes->data + half, 0, bytes->len - half);
    clfs_sim_file_set (disk, f->container, bytes->data, bytes->len);
}

static void
check_spoiled (spoiler spoil, bool clean, unsigned readable_most)
{
    fixture f;
    begin (&f, clean);
    harness h = copy_of (&f);
    spoil (h.disk, &f);
    harness_boot (&h);
    clfs_log *log = NULL;
    NTSTATUS status = clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log);
    if (status == STATUS_SUCCESS) {
        NTSTATUS error;
        unsigned count = honest_records (log, &f, &error);
        CU_ASSERT (count <= readable_most);
        CU_ASSERT (error != STATUS_END_OF_FILE || harness_info (log).state == CLFS_STATE_READ_ONLY);
        CU_ASSERT (!clean || error != STATUS_END_OF_FILE);
        if (error != STATUS_END_OF_FILE)
            CU_ASSERT (strlen (clfs_error_message ()) > 0);
        (void) !clfs_log_close (log);
    } else {
        CU_ASSERT (strlen (clfs_error_message ()) > 0);
    }
    (void) !clfs_store_close (h.store);
    /* Put right again, everything is there: nothing was cut and nothing recovered away. */
    g_autoptr (GByteArray) good = clfs_sim_file_bytes (f.h.disk, f.container);
    clfs_sim_file_remove (h.disk, f.container);
    clfs_sim_file_set (h.disk, f.container, good->data, good->len);
    harness_boot (&h);
    status = clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log);
    if (status != STATUS_SUCCESS)
        printf ("  %s\n", clfs_error_message ());
    CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
    NTSTATUS error;
    CU_ASSERT_EQUAL (honest_records (log, &f, &error), RECORDS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    done_with (&h);
    end (&f);
}

static void
a_missing_container_is_an_error_and_loses_nothing (void)
{
    check_spoiled (spoil_missing, true, 0);
    check_spoiled (spoil_missing, false, 0);
}

static void
an_empty_container_is_an_error_and_loses_nothing (void)
{
    check_spoiled (spoil_empty, true, 0);
    check_spoiled (spoil_empty, false, 0);
}

static void
a_truncated_container_is_an_error_and_loses_nothing (void)
{
    check_spoiled (spoil_truncated, true, 25);
    check_spoiled (spoil_truncated, false, 25);
}

static void
a_container_of_zeros_is_an_error_and_loses_nothing (void)
{
    check_spoiled (spoil_zeros, true, 0);
}

static void
a_container_of_random_bytes_is_an_error_and_loses_nothing (void)
{
    check_spoiled (spoil_random, true, 0);
}

static void
a_container_of_another_log_is_an_error_and_loses_nothing (void)
{
    check_spoiled (spoil_other_log, true, 0);
}

static void
an_older_copy_of_a_container_is_an_error_and_loses_nothing (void)
{
    check_spoiled (spoil_older_copy, true, RECORDS / 2);
}

static void
a_container_that_is_missing_in_a_clean_log_refuses_appends_rather_than_lose_them (void)
{
    fixture f;
    begin (&f, true);
    harness h = copy_of (&f);
    spoil_missing (h.disk, &f);
    harness_boot (&h);
    clfs_log *log = NULL;
    if (clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log) == STATUS_SUCCESS) {
        clfs_lsn_t out;
        NTSTATUS status = harness_append_number (log, 1, 10, NULL);
        if (status == STATUS_SUCCESS)
            status = clfs_log_flush (log, 0, &out);
        CU_ASSERT (status != STATUS_SUCCESS);
        (void) !clfs_log_close (log);
    }
    (void) !clfs_store_close (h.store);
    clfs_sim_disk_free (h.disk);
    end (&f);
}

/* Two containers of one log, swapped. */
static void
swapped_containers_are_an_error_and_lose_nothing (void)
{
    fixture f = { 0 };
    harness_start (&f.h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&f.h, "a");
    unsigned count = 0;
    clfs_lsn_t lsn = 0;
    for (; clfs_lsn_container (lsn) < 2; count++)
        CU_ASSERT_EQUAL_FATAL (harness_append_number (log, count, 10000, &lsn), STATUS_SUCCESS);
    clfs_container_info all[4];
    size_t there;
    CU_ASSERT_EQUAL (clfs_log_containers (log, all, 4, &there), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_stop (&f.h);
    g_autoptr (GByteArray) first = clfs_sim_file_bytes (f.h.disk, all[0].name);
    g_autoptr (GByteArray) second = clfs_sim_file_bytes (f.h.disk, all[1].name);
    clfs_sim_file_set (f.h.disk, all[0].name, second->data, second->len);
    clfs_sim_file_set (f.h.disk, all[1].name, first->data, first->len);
    harness_boot (&f.h);
    log = harness_log (&f.h, "a");
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_LOG_BLOCK_INVALID);
    CU_ASSERT_EQUAL (clfs_cursor_seek (cursor, lsn, &record), STATUS_SUCCESS);
    CU_ASSERT (harness_is_number (&record, count - 1, 10000));
    clfs_cursor_close (cursor);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_stop (&f.h);
    clfs_sim_file_set (f.h.disk, all[0].name, first->data, first->len);
    clfs_sim_file_set (f.h.disk, all[1].name, second->data, second->len);
    harness_boot (&f.h);
    log = harness_log (&f.h, "a");
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    for (unsigned i = 0; i < count; i++) {
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
        CU_ASSERT (harness_is_number (&record, i, 10000));
    }
    clfs_cursor_close (cursor);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&f.h);
}

/* ---- the base log file ---- */

static void
a_changed_bit_in_one_copy_of_the_metadata_is_repaired (void)
{
    for (int clean = 0; clean < 2; clean++) {
        fixture f;
        begin (&f, clean);
        g_autoptr (GByteArray) blf = clfs_sim_file_bytes (f.h.disk, "a.blf");
        for (size_t byte = 0; byte < blf->len; byte += clfs_test_quick () ? 9973 : clean ? 1151 : 3491) {
            harness h = copy_of (&f);
            flip (h.disk, "a.blf", byte, byte % 8);
            harness_boot (&h);
            clfs_log *log = harness_log (&h, "a");
            NTSTATUS error;
            CU_ASSERT_EQUAL (honest_records (log, &f, &error), RECORDS);
            CU_ASSERT_EQUAL (error, STATUS_END_OF_FILE);
            CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
            CU_ASSERT_EQUAL (clfs_log_set (log, CLFS_SET_FLUSH_MS, 7), STATUS_SUCCESS);
            CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
            done_with (&h);
        }
        end (&f);
    }
}

static void
check_bad_blf (const fixture *f, const uint8_t *bytes, size_t count)
{
    harness h = copy_of (f);
    clfs_sim_file_set (h.disk, "a.blf", bytes, count);
    harness_boot (&h);
    clfs_log *good = harness_log (&h, "good");
    harness_append (good, "others go on");
    clfs_log *log;
    clfs_info info;
    uint64_t ios = clfs_sim_io_count (h.disk);
    NTSTATUS opened = clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log);
    if (opened != STATUS_LOG_METADATA_CORRUPT)
        printf ("  %zu bytes: 0x%08x %s\n", count, (unsigned) opened, clfs_error_message ());
    CU_ASSERT_EQUAL_FATAL (opened, STATUS_LOG_METADATA_CORRUPT);
    CU_ASSERT (strstr (clfs_error_message (), "a.blf") != NULL);
    CU_ASSERT_EQUAL (clfs_log_open (h.store, "a", CLFS_LOG_READ, &log), STATUS_LOG_METADATA_CORRUPT);
    CU_ASSERT_EQUAL (clfs_log_peek (h.store, "a", &info, NULL), STATUS_LOG_METADATA_CORRUPT);
    CU_ASSERT_EQUAL (clfs_log_delete (h.store, "a", 0), STATUS_LOG_METADATA_CORRUPT);
    CU_ASSERT_EQUAL (clfs_sim_io_count (h.disk), ios);
    char **names;
    size_t there;
    CU_ASSERT_EQUAL (clfs_store_names (h.store, &names, &there), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (there, 2);
    clfs_names_free (names, there);
    CU_ASSERT_EQUAL (clfs_log_close (good), STATUS_SUCCESS);
    harness_stop (&h);
    g_autoptr (GByteArray) right = clfs_sim_file_bytes (f->h.disk, "a.blf");
    clfs_sim_file_set (h.disk, "a.blf", right->data, right->len);
    harness_boot (&h);
    log = harness_log (&h, "a");
    NTSTATUS error;
    CU_ASSERT_EQUAL (honest_records (log, f, &error), RECORDS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    done_with (&h);
}

static void
a_base_log_file_that_cannot_be_used_is_an_error_others_go_on_and_nothing_is_touched (void)
{
    fixture f;
    begin (&f, true);
    g_autoptr (GByteArray) blf = clfs_sim_file_bytes (f.h.disk, "a.blf");
    g_autofree uint8_t *bad = g_malloc0 (blf->len);
    check_bad_blf (&f, bad, 0);
    check_bad_blf (&f, bad, 100);
    check_bad_blf (&f, bad, blf->len);
    g_autoptr (GRand) rand = g_rand_new_with_seed (4);
    for (int round = 0; round < 3; round++) {
        for (guint i = 0; i < blf->len; i++)
            bad[i] = (uint8_t) g_rand_int (rand);
        check_bad_blf (&f, bad, blf->len);
    }
    /* Both general copies. */
    memcpy (bad, blf->data, blf->len);
    bad[0x2000 + 300] ^= 1;
    bad[BLF_SHADOW + 300] ^= 1;
    check_bad_blf (&f, bad, blf->len);
    /* A large file of nothing is no reason to read it all. */
    g_autofree uint8_t *large = g_malloc0 (8 << 20);
    memcpy (large, bad, blf->len);
    check_bad_blf (&f, large, 8 << 20);
    end (&f);
}

static void
half_a_base_log_file_gives_the_copy_that_is_whole_or_an_error (void)
{
    fixture f;
    begin (&f, true);
    g_autoptr (GByteArray) blf = clfs_sim_file_bytes (f.h.disk, "a.blf");
    for (size_t length = 0; length < blf->len; length += 4096 + 512) {
        harness h = copy_of (&f);
        clfs_sim_file_set (h.disk, "a.blf", blf->data, length);
        harness_boot (&h);
        clfs_log *log;
        NTSTATUS status = clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log), error;
        CU_ASSERT (status == STATUS_SUCCESS || status == STATUS_LOG_METADATA_CORRUPT);
        CU_ASSERT (status != STATUS_SUCCESS || length >= 0x2000 + BLF_SECTORS * 512);
        if (status == STATUS_SUCCESS) {
            CU_ASSERT_EQUAL (honest_records (log, &f, &error), RECORDS);
            CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
        }
        done_with (&h);
    }
    end (&f);
}

static void
a_failing_read_is_an_error_and_never_a_torn_tail (void)
{
    fixture f;
    begin (&f, false);
    for (uint64_t nth = 0; nth < 12; nth++) {
        harness h = copy_of (&f);
        harness_boot (&h);
        clfs_log *log;
        NTSTATUS error;
        clfs_sim_fail (h.disk, CLFS_SIM_READ, NULL, nth, 1, STATUS_IO_DEVICE_ERROR);
        NTSTATUS status = clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log);
        clfs_sim_fail_clear (h.disk);
        if (status != STATUS_SUCCESS) {
            CU_ASSERT (status == STATUS_IO_DEVICE_ERROR || status == STATUS_LOG_CONTAINER_READ_FAILED);
            CU_ASSERT_EQUAL (clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log), STATUS_SUCCESS);
        }
        CU_ASSERT_EQUAL (honest_records (log, &f, &error), RECORDS);
        CU_ASSERT_EQUAL (harness_info (log).cut_bytes, 0);
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
        done_with (&h);
    }
    end (&f);
}

static void
a_read_that_fails_once_is_an_error_of_that_read_only (void)
{
    fixture f;
    begin (&f, true);
    harness h = copy_of (&f);
    harness_boot (&h);
    clfs_log *log = harness_log (&h, "a");
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    clfs_sim_fail (h.disk, CLFS_SIM_READ, f.container, 0, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_LOG_CONTAINER_READ_FAILED);
    CU_ASSERT (strstr (clfs_error_message (), f.container) != NULL);
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
    CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (record.lsn, f.lsns[0]);
    clfs_cursor_close (cursor);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    done_with (&h);
    end (&f);
}

static void
damage_in_the_last_block_of_a_closed_log_is_seen_before_anything_is_appended_behind_it (void)
{
    fixture f;
    begin (&f, true);
    harness h = copy_of (&f);
    flip (h.disk, f.container, (f.lsns[RECORDS - 1] & 0xFFFFFE00u) + 300, 3);
    harness_boot (&h);
    clfs_log *log = harness_log (&h, "a");
    clfs_info info = harness_info (log);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_READ_ONLY);
    CU_ASSERT_PTR_NOT_NULL (strstr (info.error, "damaged"));
    CU_ASSERT_EQUAL (harness_append_number (log, 1, 10, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    NTSTATUS error;
    CU_ASSERT_EQUAL (honest_records (log, &f, &error), RECORDS - 5);
    CU_ASSERT_EQUAL (error, STATUS_LOG_BLOCK_INVALID);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    done_with (&h);
    end (&f);
}

static void
what_was_flushed_behind_a_block_that_rotted_later_stays_readable (void)
{
    fixture f;
    begin (&f, true);
    harness h = copy_of (&f);
    harness_boot (&h);
    clfs_log *log = harness_log (&h, "a");
    clfs_lsn_t lsn;
    CU_ASSERT_EQUAL (harness_append_number (log, 77, 100, &lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_flush (log, 0, NULL), STATUS_SUCCESS);
    clfs_sim_power_loss (h.disk, CLFS_SIM_NONE, NULL);
    /* The scan start is the end of this block: its damage must not take along what follows. */
    flip (h.disk, f.container, (f.lsns[RECORDS - 1] & 0xFFFFFE00u) + 300, 3);
    for (int opening = 0; opening < 2; opening++) {
        harness_boot (&h);
        log = harness_log (&h, "a");
        CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_READ_ONLY);
        clfs_cursor *cursor;
        clfs_record record;
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (clfs_cursor_seek (cursor, lsn, &record), STATUS_SUCCESS);
        CU_ASSERT (harness_is_number (&record, 77, 100));
        CU_ASSERT_EQUAL (clfs_cursor_seek (cursor, f.lsns[RECORDS - 1], &record), STATUS_LOG_BLOCK_INVALID);
        clfs_cursor_close (cursor);
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
        harness_stop (&h);
    }
    clfs_sim_disk_free (h.disk);
    end (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (damage_in_the_last_block_of_a_closed_log_is_seen_before_anything_is_appended_behind_it),
    CLFS_TEST (what_was_flushed_behind_a_block_that_rotted_later_stays_readable),
    CLFS_TEST (after_damage_back_shows_the_record_before_the_last_that_was_shown),
    CLFS_TEST (a_changed_bit_in_a_block_of_a_clean_log_is_seen_by_whoever_reads_it),
    CLFS_TEST (a_changed_bit_below_the_durable_mark_makes_the_log_read_only_and_reset_ends_it),
    CLFS_TEST (a_changed_bit_in_the_last_group_after_a_power_loss_is_a_torn_tail_that_is_said),
    CLFS_TEST (a_missing_container_is_an_error_and_loses_nothing),
    CLFS_TEST (an_empty_container_is_an_error_and_loses_nothing),
    CLFS_TEST (a_truncated_container_is_an_error_and_loses_nothing),
    CLFS_TEST (a_container_of_zeros_is_an_error_and_loses_nothing),
    CLFS_TEST (a_container_of_random_bytes_is_an_error_and_loses_nothing),
    CLFS_TEST (a_container_of_another_log_is_an_error_and_loses_nothing),
    CLFS_TEST (an_older_copy_of_a_container_is_an_error_and_loses_nothing),
    CLFS_TEST (a_container_that_is_missing_in_a_clean_log_refuses_appends_rather_than_lose_them),
    CLFS_TEST (swapped_containers_are_an_error_and_lose_nothing),
    CLFS_TEST (a_changed_bit_in_one_copy_of_the_metadata_is_repaired),
    CLFS_TEST (a_base_log_file_that_cannot_be_used_is_an_error_others_go_on_and_nothing_is_touched),
    CLFS_TEST (half_a_base_log_file_gives_the_copy_that_is_whole_or_an_error),
    CLFS_TEST (a_failing_read_is_an_error_and_never_a_torn_tail),
    CLFS_TEST (a_read_that_fails_once_is_an_error_of_that_read_only),
};
CLFS_TEST_MAIN (tests)
