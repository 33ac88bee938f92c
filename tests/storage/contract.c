/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/storage/contract.h"

#include <string.h>
#include <unistd.h>

/* ---- helpers -------------------------------------------------------------------------------- */

clfs_file *
open_file (clfs_storage *storage, const char *name, unsigned flags)
{
    clfs_file *file;

    CU_ASSERT_OK_FATAL (storage->ops->open (storage, name, flags, &file));
    return file;
}

void
write_bytes (clfs_file *file, uint64_t offset, const void *bytes, size_t count)
{
    struct iovec piece = { .iov_base = (void *) bytes, .iov_len = count };

    CU_ASSERT_OK (file->storage->ops->write (file, offset, &piece, 1));
}

clfs_file *
make_file (clfs_storage *storage, const char *name, const void *bytes, size_t count)
{
    clfs_file *file = open_file (storage, name, CLFS_FILE_CREATE);

    if (count > 0)
        write_bytes (file, 0, bytes, count);
    return file;
}

void
expect_bytes (clfs_file *file, uint64_t offset, const void *bytes, size_t count)
{
    g_autofree uint8_t *buffer = g_malloc (count + 1);
    size_t got;

    CU_ASSERT_OK (file->storage->ops->read (file, offset, buffer, count, &got));
    CU_ASSERT_EQUAL (got, count);
    CU_ASSERT (got == count && memcmp (buffer, bytes, count) == 0);
}

uint64_t
size_of (clfs_file *file)
{
    clfs_file_stat status = { 0 };

    CU_ASSERT_OK (file->storage->ops->stat (file, &status));
    return status.bytes;
}

bool
exists (clfs_storage *storage, const char *name)
{
    clfs_file *file;
    NTSTATUS result = storage->ops->open (storage, name, 0, &file);

    if (NT_SUCCESS (result))
        storage->ops->close_file (file);
    else
        CU_ASSERT_EQUAL (result, STATUS_OBJECT_NAME_NOT_FOUND);
    return NT_SUCCESS (result);
}

/* ---- files ---------------------------------------------------------------------------------- */

void
created_file_is_empty_and_creating_it_again_collides (void)
{
    clfs_file *again;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_file (storage, "a", NULL, 0);
    CU_ASSERT_EQUAL (size_of (file), 0);
    CU_ASSERT_STATUS (storage->ops->open (storage, "a", CLFS_FILE_CREATE | CLFS_FILE_NO_COW, &again),
                      STATUS_OBJECT_NAME_COLLISION);
    CU_ASSERT_PTR_NULL (again);
    CU_ASSERT_OK (storage->ops->barrier (file));
    CU_ASSERT_OK (storage->ops->sync_names (storage));
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

void
missing_file_is_name_not_found (void)
{
    clfs_file *file;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    CU_ASSERT_STATUS (storage->ops->open (storage, "a", CLFS_FILE_WRITE, &file), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_STATUS (storage->ops->open (storage, "a", 0, &file), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_STATUS (storage->ops->remove (storage, "a"), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_STATUS (storage->ops->rename (storage, "a", "b", true), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_STATUS (storage->ops->rename (storage, "a", "b", false), STATUS_OBJECT_NAME_NOT_FOUND);
    storage->ops->close (storage);
    fixture_end ();
}

void
names_that_are_no_single_component_are_refused (void)
{
    char longest[257];
    const char *bad[] = { "", ".", "..", "a/b", "/a", "a/", longest };
    clfs_file *file;
    clfs_lock *lock;
    clfs_map *map;
    int64_t pid;

    memset (longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *there = make_file (storage, "there", NULL, 0);
    for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
        CU_ASSERT_STATUS (storage->ops->open (storage, bad[i], CLFS_FILE_CREATE, &file), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_STATUS (storage->ops->remove (storage, bad[i]), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_STATUS (storage->ops->rename (storage, "there", bad[i], true), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_STATUS (storage->ops->rename (storage, bad[i], "there", true), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_STATUS (storage->ops->lock (storage, bad[i], &lock, &pid), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_STATUS (storage->ops->map (storage, bad[i], CLFS_MAP_CREATE, 4096, &map),
                          STATUS_OBJECT_NAME_INVALID);
    }
    longest[255] = '\0';
    file = make_file (storage, longest, "x", 1);
    storage->ops->close_file (file);
    storage->ops->close_file (there);
    storage->ops->close (storage);
    fixture_end ();
}

void
vector_of_thousands_of_pieces_is_written_whole (void)
{
    enum { PIECES = 5000 };
    g_autofree struct iovec *vector = g_new0 (struct iovec, PIECES);
    g_autofree uint8_t *bytes = g_malloc (PIECES * 7);
    size_t at = 0;

    for (size_t i = 0; i < PIECES * 7; i++)
        bytes[i] = (uint8_t) (i * 131 + i / 251);
    for (size_t i = 0; i < PIECES; i++) {
        vector[i].iov_base = i % 8 == 0 ? NULL : bytes + at;
        vector[i].iov_len = i % 8; /* some are empty */
        at += i % 8;
    }
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_file (storage, "a", NULL, 0);
    CU_ASSERT_OK (storage->ops->write (file, 777, vector, PIECES));
    CU_ASSERT_EQUAL (size_of (file), 777 + at);
    expect_bytes (file, 777, bytes, at);
    CU_ASSERT_OK (storage->ops->write (file, 777, vector, 0));
    CU_ASSERT_OK (storage->ops->write (file, 777, vector, 1));
    CU_ASSERT_EQUAL (size_of (file), 777 + at);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

void
read_is_short_only_at_the_end (void)
{
    uint8_t buffer[8] = { 0 };
    size_t got;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_file (storage, "a", "abcdef", 6);
    CU_ASSERT_OK (storage->ops->read (file, 2, buffer, 8, &got));
    CU_ASSERT_EQUAL (got, 4);
    CU_ASSERT (memcmp (buffer, "cdef", 4) == 0);
    CU_ASSERT_OK (storage->ops->read (file, 6, buffer, 8, &got));
    CU_ASSERT_EQUAL (got, 0);
    CU_ASSERT_OK (storage->ops->read (file, 600, buffer, 8, &got));
    CU_ASSERT_EQUAL (got, 0);
    write_bytes (file, 10, "x", 1);
    expect_bytes (file, 4, "ef\0\0\0\0x", 7);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

void
file_opened_to_read_refuses_changes (void)
{
    struct iovec piece = { .iov_base = "x", .iov_len = 1 };

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *writer = make_file (storage, "a", "abc", 3);
    clfs_file *reader = open_file (storage, "a", 0);
    CU_ASSERT_STATUS (storage->ops->write (reader, 0, &piece, 1), STATUS_ACCESS_DENIED);
    CU_ASSERT_STATUS (storage->ops->fill_zero (reader, 512), STATUS_ACCESS_DENIED);
    expect_bytes (reader, 0, "abc", 3);
    write_bytes (writer, 0, "A", 1);
    expect_bytes (reader, 0, "Abc", 3);
    storage->ops->close_file (reader);
    storage->ops->close_file (writer);
    storage->ops->close (storage);
    fixture_end ();
}

void
offsets_beyond_63_bits_are_refused (void)
{
    struct iovec piece = { .iov_base = "x", .iov_len = 1 };
    uint8_t byte;
    size_t got;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_file (storage, "a", "abc", 3);
    CU_ASSERT_STATUS (storage->ops->read (file, UINT64_MAX, &byte, 1, &got), STATUS_INVALID_PARAMETER);
    CU_ASSERT_STATUS (storage->ops->write (file, UINT64_MAX, &piece, 1), STATUS_INVALID_PARAMETER);
    CU_ASSERT_STATUS (storage->ops->fill_zero (file, UINT64_MAX), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (size_of (file), 3);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

void
filled_file_is_zeros_of_that_size_and_allocated (void)
{
    static const uint64_t sizes[] = { 3 * 1024 * 1024 + 512, 8192, 1000, 512 * 1024, 0 };
    clfs_file_stat status;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_file (storage, "a", "abc", 3);
    for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
        g_autofree uint8_t *zeros = g_malloc0 (sizes[i] + 1);

        CU_ASSERT_OK (storage->ops->fill_zero (file, sizes[i]));
        CU_ASSERT_OK (storage->ops->stat (file, &status));
        CU_ASSERT_EQUAL (status.bytes, sizes[i]);
        CU_ASSERT (status.allocated_bytes >= sizes[i]);
        expect_bytes (file, 0, zeros, sizes[i]);
        write_bytes (file, sizes[i] / 2, "dirt", 4);
    }
    CU_ASSERT (status.modified_ns > 0);
    CU_ASSERT_EQUAL (status.uid, geteuid ());
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- names ---------------------------------------------------------------------------------- */

void
rename_replaces_only_if_asked (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *one = make_file (storage, "one", "1", 1);
    clfs_file *two = make_file (storage, "two", "2", 1);
    CU_ASSERT_STATUS (storage->ops->rename (storage, "one", "two", false), STATUS_OBJECT_NAME_COLLISION);
    CU_ASSERT (exists (storage, "one"));
    CU_ASSERT_OK (storage->ops->rename (storage, "one", "two", true));
    CU_ASSERT (!exists (storage, "one"));
    clfs_file *file = open_file (storage, "two", 0);
    expect_bytes (file, 0, "1", 1);
    CU_ASSERT_OK (storage->ops->rename (storage, "two", "three", false));
    CU_ASSERT (exists (storage, "three") && !exists (storage, "two"));
    expect_bytes (two, 0, "2", 1);
    storage->ops->close_file (file);
    storage->ops->close_file (one);
    storage->ops->close_file (two);
    storage->ops->close (storage);
    fixture_end ();
}

void
removed_file_stays_readable_through_its_handle (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_file (storage, "a", "abc", 3);
    CU_ASSERT_OK (storage->ops->remove (storage, "a"));
    CU_ASSERT (!exists (storage, "a"));
    clfs_file *next = make_file (storage, "a", "next", 4);
    expect_bytes (file, 0, "abc", 3);
    write_bytes (file, 3, "d", 1);
    CU_ASSERT_OK (storage->ops->barrier (file));
    expect_bytes (next, 0, "next", 4);
    storage->ops->close_file (file);
    storage->ops->close_file (next);
    storage->ops->close (storage);
    fixture_end ();
}

void
list_has_every_name_once (void)
{
    enum { COUNT = 300 };
    g_autoptr (GHashTable) expected = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    GPtrArray *names;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    for (int i = 0; i < COUNT; i++) {
        char *name = g_strdup_printf (".name %d", i);

        storage->ops->close_file (make_file (storage, name, NULL, 0));
        g_hash_table_add (expected, name);
    }
    CU_ASSERT_OK_FATAL (storage->ops->list (storage, &names));
    CU_ASSERT_EQUAL (names->len, COUNT);
    for (guint i = 0; i < names->len; i++)
        CU_ASSERT (g_hash_table_remove (expected, g_ptr_array_index (names, i)));
    g_ptr_array_unref (names);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- locks ---------------------------------------------------------------------------------- */

void
second_lock_is_a_sharing_violation_with_the_owners_pid (void)
{
    clfs_lock *lock, *second, *other;
    int64_t pid;

    fixture_begin ();
    clfs_storage *one = fixture_open (0), *two = fixture_open (0);
    CU_ASSERT_OK_FATAL (one->ops->lock (one, ".lock", &lock, &pid));
    CU_ASSERT_STATUS (two->ops->lock (two, ".lock", &second, &pid), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (pid, getpid ());
    CU_ASSERT_PTR_NULL (second);
    CU_ASSERT_STATUS (one->ops->lock (one, ".lock", &second, &pid), STATUS_SHARING_VIOLATION);
    CU_ASSERT_OK_FATAL (two->ops->lock (two, ".other", &other, &pid));
    one->ops->unlock (lock);
    CU_ASSERT_OK_FATAL (two->ops->lock (two, ".lock", &second, &pid));
    two->ops->unlock (second);
    two->ops->unlock (other);
    one->ops->close (one);
    two->ops->close (two);
    fixture_end ();
}

void
lock_file_holds_the_pid_as_text_until_unlocked (void)
{
    g_autofree char *text = g_strdup_printf ("%d\n", (int) getpid ());
    clfs_lock *lock, *second;
    int64_t pid;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_file (storage, ".lock", "123456789012\nrest of a former owner", 35);
    CU_ASSERT_OK_FATAL (storage->ops->lock (storage, ".lock", &lock, &pid));
    CU_ASSERT_EQUAL (size_of (file), strlen (text));
    expect_bytes (file, 0, text, strlen (text));
    /* Who comes second changes nothing in it. */
    CU_ASSERT_STATUS (storage->ops->lock (storage, ".lock", &second, &pid), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (size_of (file), strlen (text));
    expect_bytes (file, 0, text, strlen (text));
    storage->ops->unlock (lock);
    CU_ASSERT_EQUAL (size_of (file), 0);
    CU_ASSERT (exists (storage, ".lock"));
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- maps ----------------------------------------------------------------------------------- */

void
map_is_shared_and_outlives_who_made_it (void)
{
    clfs_map *first, *second;
    clfs_map_stat one_stat, two_stat;

    fixture_begin ();
    clfs_storage *one = fixture_open (0), *two = fixture_open (0);
    CU_ASSERT_OK_FATAL (one->ops->map (one, ".area", CLFS_MAP_CREATE, 1 << 20, &first));
    CU_ASSERT_OK_FATAL (one->ops->map_grow (first, 8192));
    CU_ASSERT_OK_FATAL (two->ops->map (two, ".area", 0, 1 << 20, &second));
    one->ops->map_stat (first, &one_stat);
    two->ops->map_stat (second, &two_stat);
    CU_ASSERT_EQUAL (one_stat.device, two_stat.device);
    CU_ASSERT_EQUAL (one_stat.inode, two_stat.inode);
    CU_ASSERT_EQUAL (two_stat.allocated_bytes, 8192);
    memcpy (one_stat.base + 5000, "hello", 5);
    CU_ASSERT (memcmp (two_stat.base + 5000, "hello", 5) == 0);
    one->ops->unmap (first);
    two->ops->unmap (second);
    one->ops->close (one);
    CU_ASSERT_OK_FATAL (two->ops->map (two, ".area", 0, 1 << 20, &second));
    two->ops->map_stat (second, &two_stat);
    CU_ASSERT (memcmp (two_stat.base + 5000, "hello", 5) == 0);
    CU_ASSERT_EQUAL (one_stat.inode, two_stat.inode);
    two->ops->unmap (second);
    two->ops->close (two);
    fixture_end ();
}

void
map_grows_and_shrinks_and_grown_memory_is_zero (void)
{
    static const uint8_t zeros[4096];
    clfs_map *map;
    clfs_map_stat status;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 1 << 20, &map));
    storage->ops->map_stat (map, &status);
    CU_ASSERT_EQUAL (status.allocated_bytes, 0);
    CU_ASSERT_OK (storage->ops->map_grow (map, 512 * 1024));
    storage->ops->map_stat (map, &status);
    CU_ASSERT_EQUAL (status.allocated_bytes, 512 * 1024);
    memset (status.base, 0xAA, 512 * 1024);
    CU_ASSERT_OK (storage->ops->map_grow (map, 4096));
    storage->ops->map_stat (map, &status);
    CU_ASSERT_EQUAL (status.allocated_bytes, 512 * 1024);
    storage->ops->map_shrink (map, 4096);
    storage->ops->map_stat (map, &status);
    CU_ASSERT_EQUAL (status.allocated_bytes, 4096);
    CU_ASSERT_EQUAL (status.base[4095], 0xAA);
    CU_ASSERT_OK (storage->ops->map_grow (map, 1 << 20));
    CU_ASSERT (memcmp (status.base + 4096, zeros, 4096) == 0);
    CU_ASSERT (memcmp (status.base + 508 * 1024, zeros, 4096) == 0);
    CU_ASSERT_STATUS (storage->ops->map_grow (map, (1 << 20) + 1), STATUS_INVALID_PARAMETER);
    storage->ops->unmap (map);
    storage->ops->close (storage);
    fixture_end ();
}

void
larger_area_than_asked_for_is_shown_whole (void)
{
    clfs_map *map;
    clfs_map_stat status;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 65536, &map));
    CU_ASSERT_OK_FATAL (storage->ops->map_grow (map, 65536));
    storage->ops->map_stat (map, &status);
    status.base[65535] = 9;
    storage->ops->unmap (map);
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", 0, 4096, &map));
    storage->ops->map_stat (map, &status);
    CU_ASSERT_EQUAL_FATAL (status.allocated_bytes, 65536);
    CU_ASSERT_EQUAL (status.base[65535], 9);
    storage->ops->unmap (map);
    storage->ops->close (storage);
    fixture_end ();
}

void
map_is_made_once_and_must_be_there_else (void)
{
    clfs_map *map, *second;
    clfs_map_stat one, other;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    CU_ASSERT_STATUS (storage->ops->map (storage, ".area", 0, 4096, &map), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_STATUS (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 0, &map), STATUS_INVALID_PARAMETER);
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 4096, &map));
    CU_ASSERT_STATUS (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 4096, &second),
                      STATUS_OBJECT_NAME_COLLISION);
    CU_ASSERT_OK (storage->ops->rename (storage, ".area", ".aside", false));
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 4096, &second));
    storage->ops->map_stat (map, &one);
    storage->ops->map_stat (second, &other);
    CU_ASSERT (one.inode != other.inode);
    storage->ops->unmap (map);
    storage->ops->unmap (second);
    CU_ASSERT_OK (storage->ops->remove (storage, ".area"));
    CU_ASSERT_STATUS (storage->ops->map (storage, ".area", 0, 4096, &map), STATUS_OBJECT_NAME_NOT_FOUND);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- the rest ------------------------------------------------------------------------------- */

void
read_only_storage_refuses_each_change (void)
{
    clfs_file *file;
    clfs_lock *lock;
    clfs_map *map;
    clfs_map_stat status;
    int64_t pid;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    storage->ops->close_file (make_file (storage, "a", "abc", 3));
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 4096, &map));
    CU_ASSERT_OK_FATAL (storage->ops->map_grow (map, 4096));
    storage->ops->map_stat (map, &status);
    status.base[7] = 7;
    storage->ops->unmap (map);
    storage->ops->close (storage);

    storage = fixture_open (CLFS_STORAGE_READ_ONLY);
    CU_ASSERT_STATUS (storage->ops->open (storage, "a", CLFS_FILE_WRITE, &file), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_STATUS (storage->ops->open (storage, "b", CLFS_FILE_CREATE, &file), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_STATUS (storage->ops->remove (storage, "a"), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_STATUS (storage->ops->rename (storage, "a", "b", true), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_STATUS (storage->ops->lock (storage, ".lock", &lock, &pid), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_STATUS (storage->ops->map (storage, ".new", CLFS_MAP_CREATE, 4096, &map), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT (!exists (storage, "b") && !exists (storage, ".lock") && !exists (storage, ".new"));
    file = open_file (storage, "a", 0);
    expect_bytes (file, 0, "abc", 3);
    storage->ops->close_file (file);
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", 0, 65536, &map));
    storage->ops->map_stat (map, &status);
    CU_ASSERT_EQUAL (status.base[7], 7);
    CU_ASSERT_STATUS (storage->ops->map_grow (map, 65536), STATUS_MEDIA_WRITE_PROTECTED);
    storage->ops->unmap (map);
    storage->ops->close (storage);
    fixture_end ();
}

void
surroundings_are_those_of_one_machine (void)
{
    static const uint8_t zeros[16];
    uint8_t one_boot[16], two_boot[16], one_random[1000], two_random[1000];
    clfs_space space;

    fixture_begin ();
    clfs_storage *one = fixture_open (0), *two = fixture_open (0);
    one->ops->boot_id (one, one_boot);
    two->ops->boot_id (two, two_boot);
    CU_ASSERT (memcmp (one_boot, two_boot, 16) == 0);
    CU_ASSERT (memcmp (one_boot, zeros, 16) != 0);
    one->ops->random (one, one_random, sizeof one_random);
    two->ops->random (two, two_random, sizeof two_random);
    CU_ASSERT (memcmp (one_random, two_random, sizeof one_random) != 0);
    CU_ASSERT (memcmp (one_random + 984, zeros, 16) != 0);
    CU_ASSERT (one->ops->now_ns (one) > INT64_C (1700000000) * 1000000000);
    CU_ASSERT_OK (one->ops->space (one, &space));
    CU_ASSERT (space.total_bytes > 0 && space.free_bytes <= space.total_bytes);
    CU_ASSERT (space.available_bytes <= space.free_bytes);
    one->ops->close (one);
    two->ops->close (two);
    fixture_end ();
}

enum { THREADS = 4, ROUNDS = 50, STRIPE_BYTES = 1000 };

typedef struct stripe {
    clfs_file *file;
    unsigned number;
    unsigned failed_count;
} stripe;

static gpointer
write_stripe (gpointer data)
{
    stripe *stripe = data;
    const clfs_storage_ops *ops = stripe->file->storage->ops;
    uint8_t bytes[STRIPE_BYTES], back[STRIPE_BYTES];
    size_t got;

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct iovec pieces[] = { { bytes, 300 }, { bytes + 300, sizeof bytes - 300 } };

        memset (bytes, (int) (stripe->number * ROUNDS + round + 1), sizeof bytes);
        if (ops->write (stripe->file, stripe->number * STRIPE_BYTES, pieces, 2) != STATUS_SUCCESS ||
            (round % 10 == 0 && ops->barrier (stripe->file) != STATUS_SUCCESS) ||
            ops->read (stripe->file, stripe->number * STRIPE_BYTES, back, sizeof back, &got) != STATUS_SUCCESS ||
            got != sizeof back || memcmp (bytes, back, sizeof back) != 0)
            stripe->failed_count++;
    }
    return NULL;
}

void
threads_write_one_file_at_several_places (void)
{
    stripe stripes[THREADS];
    GThread *threads[THREADS];

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_file (storage, "a", NULL, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        stripes[i] = (stripe) { .file = file, .number = i };
        threads[i] = g_thread_new ("stripe", write_stripe, &stripes[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        g_thread_join (threads[i]);
    for (unsigned i = 0; i < THREADS; i++) {
        uint8_t bytes[STRIPE_BYTES];

        memset (bytes, (int) (i * ROUNDS + ROUNDS), sizeof bytes);
        CU_ASSERT_EQUAL (stripes[i].failed_count, 0);
        expect_bytes (file, i * STRIPE_BYTES, bytes, sizeof bytes);
    }
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}
