/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated disk: the contract, and what power loss, death and faults do to it. */
#include "storage/sim_storage.h"
#include "tests/storage/contract.h"

#include <string.h>

enum { SECTOR = 512 };

static clfs_sim_disk *disk;

void
fixture_begin (void)
{
    disk = clfs_sim_disk_new (1);
}

void
fixture_end (void)
{
    clfs_sim_disk_free (disk);
    disk = NULL;
}

clfs_storage *
fixture_open (unsigned flags)
{
    clfs_storage *storage;

    CU_ASSERT_OK_FATAL (clfs_sim_storage_open (disk, flags, &storage));
    return storage;
}

/* ---- helpers -------------------------------------------------------------------------------- */

static void
barrier (clfs_file *file)
{
    CU_ASSERT_OK (file->storage->ops->barrier (file));
}

static void
sync_names (clfs_storage *storage)
{
    CU_ASSERT_OK (storage->ops->sync_names (storage));
}

/* Fills sectors [first, first + count) with `byte`. */
static NTSTATUS
write_sectors (clfs_file *file, size_t first, size_t count, uint8_t byte)
{
    g_autofree uint8_t *bytes = g_malloc (count * SECTOR);
    struct iovec piece = { .iov_base = bytes, .iov_len = count * SECTOR };

    memset (bytes, byte, count * SECTOR);
    return file->storage->ops->write (file, first * SECTOR, &piece, 1);
}

/* The byte that fills a sector; -1 if it is torn, -2 if there is no such sector. */
static int
sector_of (clfs_sim_disk *of, const char *name, size_t sector)
{
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (of, name);

    if (bytes == NULL || bytes->len < (sector + 1) * SECTOR)
        return -2;
    const uint8_t *at = bytes->data + sector * SECTOR;
    for (size_t i = 1; i < SECTOR; i++)
        if (at[i] != at[0])
            return -1;
    return at[0];
}

static int64_t
length_of (clfs_sim_disk *of, const char *name)
{
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (of, name);

    return bytes == NULL ? -1 : (int64_t) bytes->len;
}

static void
expect_dead (clfs_storage *storage, clfs_file *file)
{
    clfs_file *opened;
    clfs_file_stat status;
    GPtrArray *names;
    uint8_t byte;
    size_t got;

    CU_ASSERT_STATUS (storage->ops->open (storage, "x", CLFS_FILE_CREATE, &opened), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (storage->ops->list (storage, &names), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (storage->ops->sync_names (storage), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (storage->ops->stat (file, &status), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (storage->ops->read (file, 0, &byte, 1, &got), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (storage->ops->barrier (file), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (write_sectors (file, 0, 1, 0xEE), STATUS_IO_DEVICE_ERROR);
}

/* A synced file of `count` sectors of ones under a synced name. */
static clfs_file *
make_synced (clfs_storage *storage, const char *name, size_t count)
{
    clfs_file *file = open_file (storage, name, CLFS_FILE_CREATE);

    CU_ASSERT_OK (write_sectors (file, 0, count, 1));
    barrier (file);
    sync_names (storage);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 0);
    return file;
}

/* ---- power loss: bytes ---------------------------------------------------------------------- */

static void
synced_bytes_survive_and_unsynced_ones_need_not (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 4);
    CU_ASSERT_OK (write_sectors (file, 1, 2, 2));
    CU_ASSERT_EQUAL (sector_of (disk, "a", 1), 2);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 2);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL (sector_of (disk, "a", i), 1);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 0);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
any_subset_of_the_unsynced_sectors_survives_as_chosen (void)
{
    enum { SECTORS = 5 };

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", SECTORS);
    CU_ASSERT_OK (write_sectors (file, 0, SECTORS, 2));
    CU_ASSERT_EQUAL_FATAL (clfs_sim_unsynced_count (disk), SECTORS);
    for (unsigned subset = 0; subset < 1u << SECTORS; subset++) {
        clfs_sim_disk *copy = clfs_sim_disk_copy (disk);
        uint8_t chosen = (uint8_t) subset;

        clfs_sim_power_loss (copy, CLFS_SIM_CHOSEN, &chosen);
        for (unsigned i = 0; i < SECTORS; i++)
            CU_ASSERT_EQUAL (sector_of (copy, "a", i), (subset >> i & 1) != 0 ? 2 : 1);
        clfs_sim_disk_free (copy);
    }
    clfs_sim_power_loss (disk, CLFS_SIM_ALL, NULL);
    for (unsigned i = 0; i < SECTORS; i++)
        CU_ASSERT_EQUAL (sector_of (disk, "a", i), 2);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
a_sector_is_never_torn (void)
{
    unsigned kept = 0, lost = 0;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 8);
    for (unsigned i = 0; i < 40; i++) {
        uint8_t bytes[1000];

        /* Not aligned: the first and the last sector are written in part, in two calls. */
        memset (bytes, 2, sizeof bytes);
        write_bytes (file, 700, bytes, 500);
        write_bytes (file, 1200, bytes, 500);
        clfs_sim_power_loss (disk, CLFS_SIM_RANDOM, NULL);
        g_autoptr (GByteArray) now = clfs_sim_file_bytes (disk, "a");
        CU_ASSERT_EQUAL_FATAL (now->len, 8 * SECTOR);
        CU_ASSERT_EQUAL (sector_of (disk, "a", 0), 1);
        bool second = now->data[1024] == 2;
        for (size_t byte = 1024; byte < 1200; byte++)
            CU_ASSERT_EQUAL_FATAL (now->data[byte] == 2, second);
        kept += second;
        lost += !second;
        storage->ops->close_file (file);
        storage->ops->close (storage);
        storage = fixture_open (0);
        file = open_file (storage, "a", CLFS_FILE_WRITE);
        CU_ASSERT_OK (write_sectors (file, 0, 8, 1));
        barrier (file);
    }
    CU_ASSERT (kept > 5 && lost > 5);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
rewritten_sector_may_have_each_of_its_contents (void)
{
    bool seen[5] = { false };

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 1);
    for (uint8_t content = 2; content < 5; content++)
        CU_ASSERT_OK (write_sectors (file, 0, 1, content));
    CU_ASSERT_EQUAL_FATAL (clfs_sim_unsynced_count (disk), 3);
    for (uint8_t subset = 0; subset < 8; subset++) {
        clfs_sim_disk *copy = clfs_sim_disk_copy (disk);

        clfs_sim_power_loss (copy, CLFS_SIM_CHOSEN, &subset);
        int content = sector_of (copy, "a", 0);
        CU_ASSERT_FATAL (content >= 1 && content < 5);
        seen[content] = true;
        clfs_sim_disk_free (copy);
    }
    CU_ASSERT (seen[1] && seen[2] && seen[3] && seen[4]);
    barrier (file);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 0), 4);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
size_is_durable_only_by_a_barrier_and_may_be_any_in_between (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 1);
    CU_ASSERT_OK (write_sectors (file, 1, 1, 2));
    CU_ASSERT_OK (write_sectors (file, 2, 1, 3));
    /* Items: size 2, size 3, sector 1, sector 2. */
    CU_ASSERT_EQUAL_FATAL (clfs_sim_unsynced_count (disk), 4);
    static const struct {
        uint8_t chosen;
        int64_t bytes;
        int first, second;
    } cases[] = {
        { 0x0, 1, -2, -2 }, { 0xC, 1, -2, -2 }, { 0x1, 2, 0, -2 }, { 0x5, 2, 2, -2 },
        { 0x2, 3, 0, 0 },   { 0xB, 3, 0, 3 },   { 0x6, 3, 2, 0 },  { 0xF, 3, 2, 3 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        clfs_sim_disk *copy = clfs_sim_disk_copy (disk);

        clfs_sim_power_loss (copy, CLFS_SIM_CHOSEN, &cases[i].chosen);
        CU_ASSERT_EQUAL (length_of (copy, "a"), cases[i].bytes * SECTOR);
        CU_ASSERT_EQUAL (sector_of (copy, "a", 1), cases[i].first);
        CU_ASSERT_EQUAL (sector_of (copy, "a", 2), cases[i].second);
        clfs_sim_disk_free (copy);
    }
    barrier (file);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (length_of (disk, "a"), 3 * SECTOR);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
filling_with_zeros_is_not_durable_before_a_barrier (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 4);
    CU_ASSERT_OK (storage->ops->fill_zero (file, 6 * SECTOR));
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 5); /* the size, and four sectors that were not zero */
    clfs_sim_disk *copy = clfs_sim_disk_copy (disk);
    clfs_sim_power_loss (copy, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (length_of (copy, "a"), 4 * SECTOR);
    CU_ASSERT_EQUAL (sector_of (copy, "a", 3), 1);
    clfs_sim_disk_free (copy);

    CU_ASSERT_OK (storage->ops->fill_zero (file, 2 * SECTOR));
    copy = clfs_sim_disk_copy (disk);
    clfs_sim_power_loss (copy, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (length_of (copy, "a"), 4 * SECTOR);
    clfs_sim_disk_free (copy);
    barrier (file);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (length_of (disk, "a"), 2 * SECTOR);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 1), 0);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- power loss: names ---------------------------------------------------------------------- */

static void
synced_file_whose_name_was_not_synced_may_vanish (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = open_file (storage, "a", CLFS_FILE_CREATE);
    CU_ASSERT_OK (write_sectors (file, 0, 2, 2));
    barrier (file);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 1);
    clfs_sim_disk *copy = clfs_sim_disk_copy (disk);
    clfs_sim_power_loss (copy, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (length_of (copy, "a"), -1);
    clfs_sim_disk_free (copy);
    copy = clfs_sim_disk_copy (disk);
    clfs_sim_power_loss (copy, CLFS_SIM_ALL, NULL);
    CU_ASSERT_EQUAL (sector_of (copy, "a", 1), 2);
    clfs_sim_disk_free (copy);
    sync_names (storage);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 1), 2);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
synced_name_of_an_unsynced_file_is_an_empty_file (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = open_file (storage, "a", CLFS_FILE_CREATE);
    CU_ASSERT_OK (write_sectors (file, 0, 2, 2));
    sync_names (storage);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (length_of (disk, "a"), 0);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
rename_happens_whole_or_not_at_all (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *old = make_synced (storage, "log", 1);
    clfs_file *file = open_file (storage, "tmp", CLFS_FILE_CREATE);
    CU_ASSERT_OK (write_sectors (file, 0, 1, 2));
    barrier (file);
    CU_ASSERT_OK (storage->ops->rename (storage, "tmp", "log", true));
    CU_ASSERT_EQUAL_FATAL (clfs_sim_unsynced_count (disk), 2);
    for (uint8_t chosen = 0; chosen < 4; chosen++) {
        clfs_sim_disk *copy = clfs_sim_disk_copy (disk);

        clfs_sim_power_loss (copy, CLFS_SIM_CHOSEN, &chosen);
        CU_ASSERT_EQUAL (sector_of (copy, "log", 0), chosen >= 2 ? 2 : 1);
        CU_ASSERT_EQUAL (sector_of (copy, "tmp", 0), chosen == 1 ? 2 : -2);
        clfs_sim_disk_free (copy);
    }
    sync_names (storage);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (sector_of (disk, "log", 0), 2);
    CU_ASSERT_EQUAL (length_of (disk, "tmp"), -1);
    storage->ops->close_file (file);
    storage->ops->close_file (old);
    storage->ops->close (storage);
    fixture_end ();
}

static void
removed_file_is_back_if_its_removal_was_not_synced (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 1);
    CU_ASSERT_OK (write_sectors (file, 0, 1, 2));
    CU_ASSERT_OK (storage->ops->remove (storage, "a"));
    storage->ops->close_file (file);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 2);
    clfs_sim_disk *copy = clfs_sim_disk_copy (disk);
    clfs_sim_power_loss (copy, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (sector_of (copy, "a", 0), 1);
    clfs_sim_disk_free (copy);
    sync_names (storage);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 0);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (length_of (disk, "a"), -1);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- failed barriers ------------------------------------------------------------------------ */

static void
failed_barrier_leaves_any_subset_and_the_next_success_promises_nothing (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 3);
    CU_ASSERT_OK (write_sectors (file, 0, 3, 2));
    CU_ASSERT_OK (write_sectors (file, 3, 1, 2));
    clfs_sim_fail (disk, CLFS_SIM_BARRIER, "a", 0, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (storage->ops->barrier (file), STATUS_IO_DEVICE_ERROR);
    barrier (file);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL (sector_of (disk, "a", i), 2); /* reads go on showing the new bytes */
    CU_ASSERT_EQUAL_FATAL (clfs_sim_unsynced_count (disk), 5);
    for (uint8_t subset = 0; subset < 32; subset++) {
        clfs_sim_disk *copy = clfs_sim_disk_copy (disk);

        clfs_sim_power_loss (copy, CLFS_SIM_CHOSEN, &subset);
        CU_ASSERT_EQUAL (length_of (copy, "a"), ((subset & 1) != 0 ? 4 : 3) * SECTOR);
        for (unsigned i = 0; i < 3; i++)
            CU_ASSERT_EQUAL (sector_of (copy, "a", i), (subset >> (i + 1) & 1) != 0 ? 2 : 1);
        clfs_sim_disk_free (copy);
    }
    /* Written again, the same bytes are dirty again; the others stay undecided. */
    CU_ASSERT_OK (write_sectors (file, 0, 1, 2));
    CU_ASSERT_OK (write_sectors (file, 3, 1, 2));
    barrier (file);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 2);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 0), 2);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 1), 1);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 2), 1);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 3), 2);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- crash points and deaths ---------------------------------------------------------------- */

static void
nth_io_and_all_later_ones_do_not_happen (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0), *none;
    clfs_file *file = make_synced (storage, "a", 2);
    uint64_t before = clfs_sim_io_count (disk);
    expect_bytes (file, 0, "\1\1", 2);
    CU_ASSERT_EQUAL (clfs_sim_io_count (disk), before); /* a read changes nothing: no crash point */
    clfs_sim_stop_after (disk, 1);
    CU_ASSERT_OK (write_sectors (file, 0, 1, 2));
    CU_ASSERT_STATUS (storage->ops->barrier (file), STATUS_IO_DEVICE_ERROR);
    expect_dead (storage, file);
    CU_ASSERT_STATUS (clfs_sim_storage_open (disk, 0, &none), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_EQUAL (clfs_sim_io_count (disk), before + 1);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 1);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    clfs_storage *next = fixture_open (0);
    expect_dead (storage, file);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 0), 1);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    file = open_file (next, "a", CLFS_FILE_WRITE);
    CU_ASSERT_OK (write_sectors (file, 0, 1, 3));
    next->ops->close_file (file);
    next->ops->close (next);
    fixture_end ();
}

static void
kill_keeps_what_was_written_and_maps_and_frees_locks (void)
{
    uint8_t boot[16], later_boot[16];
    clfs_lock *lock, *second;
    clfs_map *map, *found;
    clfs_map_stat status, found_status;
    int64_t pid;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 1);
    storage->ops->boot_id (storage, boot);
    CU_ASSERT_OK (write_sectors (file, 0, 1, 2));
    CU_ASSERT_OK_FATAL (storage->ops->lock (storage, ".lock", &lock, &pid));
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 1 << 20, &map));
    CU_ASSERT_OK_FATAL (storage->ops->map_grow (map, 4096));
    storage->ops->map_stat (map, &status);
    status.base[0] = 1;
    clfs_sim_kill (disk);
    status.base[0] = 2; /* by a thread that does not know yet that it is dead */
    expect_dead (storage, file);

    clfs_storage *next = fixture_open (0);
    next->ops->boot_id (next, later_boot);
    CU_ASSERT (memcmp (boot, later_boot, 16) == 0);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 0), 2);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 1);
    CU_ASSERT_OK_FATAL (next->ops->lock (next, ".lock", &second, &pid));
    CU_ASSERT_OK_FATAL (next->ops->map (next, ".area", 0, 1 << 20, &found));
    next->ops->map_stat (found, &found_status);
    CU_ASSERT_EQUAL_FATAL (found_status.allocated_bytes, 4096);
    CU_ASSERT_EQUAL (found_status.base[0], 1);
    /* The dead one's handles close without harm to its successor. */
    storage->ops->unlock (lock);
    storage->ops->unmap (map);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    CU_ASSERT_STATUS (next->ops->lock (next, ".lock", &lock, &pid), STATUS_SHARING_VIOLATION);
    next->ops->unmap (found);
    next->ops->unlock (second);
    next->ops->close (next);
    fixture_end ();
}

static void
stop_freezes_maps_at_that_moment (void)
{
    clfs_map *map;
    clfs_map_stat status;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 4096, &map));
    CU_ASSERT_OK_FATAL (storage->ops->map_grow (map, 4096));
    storage->ops->map_stat (map, &status);
    clfs_sim_stop_after (disk, 0);
    status.base[0] = 1;
    CU_ASSERT_STATUS (storage->ops->sync_names (storage), STATUS_IO_DEVICE_ERROR);
    status.base[0] = 2;
    clfs_sim_kill (disk);
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (disk, ".area");
    CU_ASSERT_PTR_NOT_NULL_FATAL (bytes);
    CU_ASSERT_EQUAL (bytes->data[0], 1);
    storage->ops->unmap (map);
    storage->ops->close (storage);
    fixture_end ();
}

static void
power_loss_takes_maps_and_locks_and_changes_the_boot (void)
{
    uint8_t boot[16], later_boot[16];
    clfs_lock *lock, *second;
    clfs_map *map, *found;
    clfs_map_stat status;
    int64_t pid;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    int64_t before = storage->ops->now_ns (storage);
    storage->ops->boot_id (storage, boot);
    CU_ASSERT_OK_FATAL (storage->ops->lock (storage, ".lock", &lock, &pid));
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 4096, &map));
    CU_ASSERT_OK_FATAL (storage->ops->map_grow (map, 4096));
    sync_names (storage);
    storage->ops->map_stat (map, &status);
    status.base[9] = 9;
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (disk), 0);
    g_autoptr (GByteArray) left = clfs_sim_file_bytes (disk, ".area");
    clfs_sim_power_loss (disk, CLFS_SIM_ALL, NULL);
    status.base[9] = 8;

    clfs_storage *next = fixture_open (0);
    next->ops->boot_id (next, later_boot);
    CU_ASSERT (memcmp (boot, later_boot, 16) != 0);
    CU_ASSERT (next->ops->now_ns (next) > before);
    CU_ASSERT_OK_FATAL (next->ops->lock (next, ".lock", &second, &pid));
    CU_ASSERT_STATUS (next->ops->map (next, ".area", 0, 4096, &found), STATUS_OBJECT_NAME_NOT_FOUND);
    /* A test can put back what a real file system might have kept. */
    clfs_sim_file_set (disk, ".area", left->data, left->len);
    CU_ASSERT_OK_FATAL (next->ops->map (next, ".area", 0, 4096, &found));
    storage->ops->unmap (map);
    next->ops->map_stat (found, &status);
    CU_ASSERT_EQUAL (status.allocated_bytes, 4096);
    CU_ASSERT_EQUAL (status.base[9], 9);
    next->ops->unmap (found);
    next->ops->unlock (second);
    next->ops->close (next);
    storage->ops->unlock (lock);
    storage->ops->close (storage);
    fixture_end ();
}

static void
closing_a_storage_is_its_death_and_handles_may_close_later (void)
{
    clfs_lock *lock, *second;
    int64_t pid;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0), *other = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 1);
    CU_ASSERT_OK_FATAL (storage->ops->lock (storage, ".lock", &lock, &pid));
    storage->ops->close (storage);
    CU_ASSERT_STATUS (write_sectors (file, 0, 1, 2), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_OK_FATAL (other->ops->lock (other, ".lock", &second, &pid));
    file->storage->ops->close_file (file);
    lock->storage->ops->unlock (lock);
    CU_ASSERT_STATUS (other->ops->lock (other, ".lock", &lock, &pid), STATUS_SHARING_VIOLATION);
    /* What is still open is freed with the disk: the leak checker would tell. */
    (void) open_file (other, "a", 0);
    fixture_end ();
}

/* ---- faults --------------------------------------------------------------------------------- */

static void
told_operations_fail_and_no_others (void)
{
    clfs_file *file;
    clfs_lock *lock;
    clfs_map *map;
    int64_t pid;
    uint8_t byte;
    size_t got;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *one = make_synced (storage, "one", 1), *two = make_synced (storage, "two", 1);
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, "area", CLFS_MAP_CREATE, 4096, &map));
    clfs_sim_fail (disk, CLFS_SIM_READ, "on", 1, 2, STATUS_IO_DEVICE_ERROR);
    static const NTSTATUS expected[] = { STATUS_SUCCESS, STATUS_IO_DEVICE_ERROR, STATUS_IO_DEVICE_ERROR,
                                         STATUS_SUCCESS };
    for (size_t i = 0; i < G_N_ELEMENTS (expected); i++) {
        CU_ASSERT_OK (storage->ops->read (two, 0, &byte, 1, &got));
        CU_ASSERT_STATUS (storage->ops->read (one, 0, &byte, 1, &got), expected[i]);
    }
    for (enum clfs_sim_op op = 0; op < CLFS_SIM_OPS; op++)
        clfs_sim_fail (disk, op, NULL, 0, 0, STATUS_DISK_QUOTA_EXCEEDED);
    for (int i = 0; i < 3; i++) {
        const NTSTATUS fault = i < 2 ? STATUS_DISK_QUOTA_EXCEEDED : STATUS_SUCCESS;

        if (i == 2)
            clfs_sim_fail_clear (disk);
        CU_ASSERT_STATUS (storage->ops->open (storage, "new", CLFS_FILE_CREATE, &file), fault);
        CU_ASSERT_STATUS (storage->ops->read (one, 0, &byte, 1, &got), fault);
        CU_ASSERT_STATUS (write_sectors (one, 0, 1, 2), fault);
        CU_ASSERT_STATUS (storage->ops->barrier (one), fault);
        CU_ASSERT_STATUS (storage->ops->fill_zero (two, SECTOR), fault);
        CU_ASSERT_STATUS (storage->ops->rename (storage, "two", "three", false), fault);
        CU_ASSERT_STATUS (storage->ops->remove (storage, "three"),
                          NT_SUCCESS (fault) ? STATUS_SUCCESS : STATUS_DISK_QUOTA_EXCEEDED);
        CU_ASSERT_STATUS (storage->ops->sync_names (storage), fault);
        CU_ASSERT_STATUS (storage->ops->lock (storage, "lock", &lock, &pid), fault);
        CU_ASSERT_STATUS (storage->ops->map_grow (map, 4096), fault);
    }
    clfs_sim_fail (disk, CLFS_SIM_MAP, "area", 0, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (storage->ops->map (storage, "area", 0, 4096, &map), STATUS_IO_DEVICE_ERROR);
    fixture_end ();
}

static void
failed_write_may_have_written_some_sectors (void)
{
    bool seen[5] = { false };

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 4);
    clfs_sim_fail (disk, CLFS_SIM_WRITE, NULL, 0, 0, STATUS_IO_DEVICE_ERROR);
    for (unsigned i = 0; i < 50; i++) {
        clfs_sim_fail_clear (disk);
        CU_ASSERT_OK (write_sectors (file, 0, 4, 1));
        clfs_sim_fail (disk, CLFS_SIM_WRITE, NULL, 0, 0, STATUS_IO_DEVICE_ERROR);
        CU_ASSERT_STATUS (write_sectors (file, 0, 4, 2), STATUS_IO_DEVICE_ERROR);
        unsigned written = 0;
        while (written < 4 && sector_of (disk, "a", written) == 2)
            written++;
        seen[written] = true;
        for (unsigned rest = written; rest < 4; rest++)
            CU_ASSERT_EQUAL (sector_of (disk, "a", rest), 1);
    }
    CU_ASSERT (seen[0] && seen[1] && seen[2] && seen[3]);
    CU_ASSERT (!seen[4]);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
full_disk_is_told_and_ends_with_space (void)
{
    clfs_map *map;
    clfs_map_stat status;
    clfs_space space;

    fixture_begin ();
    clfs_sim_set_capacity (disk, 16384);
    clfs_storage *storage = fixture_open (0);
    clfs_file *one = make_file (storage, "one", NULL, 0), *two = make_file (storage, "two", NULL, 0);
    CU_ASSERT_OK (storage->ops->fill_zero (one, 8192));
    CU_ASSERT_STATUS (storage->ops->fill_zero (two, 8193), STATUS_DISK_FULL);
    CU_ASSERT_EQUAL (size_of (two), 0);
    CU_ASSERT_STATUS (write_sectors (two, 0, 17, 2), STATUS_DISK_FULL);
    CU_ASSERT_OK (storage->ops->fill_zero (two, 0));
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 1 << 20, &map));
    CU_ASSERT_STATUS (storage->ops->map_grow (map, 12288), STATUS_DISK_FULL);
    CU_ASSERT_OK (storage->ops->map_grow (map, 4096));
    CU_ASSERT_STATUS (storage->ops->map_grow (map, 12288), STATUS_DISK_FULL);
    storage->ops->map_stat (map, &status);
    CU_ASSERT_EQUAL (status.allocated_bytes, 4096);
    CU_ASSERT_OK (storage->ops->space (storage, &space));
    CU_ASSERT_EQUAL (space.total_bytes, 16384);
    CU_ASSERT_EQUAL (space.available_bytes, 4096);
    CU_ASSERT_OK (write_sectors (one, 0, 16, 3)); /* an overwrite needs no room */
    /* A removed file takes its room until it is closed and its removal synced. */
    CU_ASSERT_OK (storage->ops->remove (storage, "one"));
    sync_names (storage);
    CU_ASSERT_STATUS (storage->ops->fill_zero (two, 12288), STATUS_DISK_FULL);
    storage->ops->close_file (one);
    CU_ASSERT_OK (storage->ops->fill_zero (two, 12288));
    storage->ops->close_file (two);
    storage->ops->unmap (map);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- one seed is one run -------------------------------------------------------------------- */

/* What a run over a disk of this seed did and left. */
static char *
run_of (uint64_t seed)
{
    GString *trace = g_string_new (NULL);
    clfs_storage *storage;
    uint8_t drawn[8];

    clfs_sim_disk *of = clfs_sim_disk_new (seed);
    clfs_sim_trace (of, trace);
    CU_ASSERT_OK_FATAL (clfs_sim_storage_open (of, 0, &storage));
    clfs_sim_fail (of, CLFS_SIM_WRITE, NULL, 3, 1, STATUS_IO_DEVICE_ERROR);
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *name = g_strdup_printf ("file %u", i);
        clfs_file *file = open_file (storage, name, CLFS_FILE_CREATE);

        (void) write_sectors (file, 0, 20, (uint8_t) (i + 1));
        if (i == 1)
            sync_names (storage);
        storage->ops->close_file (file);
    }
    storage->ops->random (storage, drawn, sizeof drawn);
    g_string_append_printf (trace, "%d %" G_GINT64_FORMAT "\n", drawn[0], storage->ops->now_ns (storage));
    clfs_sim_power_loss (of, CLFS_SIM_RANDOM, NULL);
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *name = g_strdup_printf ("file %u", i);

        g_string_append_printf (trace, "%s:", name);
        for (size_t sector = 0; sector < 20; sector++)
            g_string_append_printf (trace, " %d", sector_of (of, name, sector));
        g_string_append_c (trace, '\n');
    }
    storage->ops->close (storage);
    clfs_sim_disk_free (of);
    return g_string_free (trace, FALSE);
}

static void
one_seed_is_one_run (void)
{
    g_autofree char *first = run_of (77), *again = run_of (77), *other = run_of (78);

    CU_ASSERT_STRING_EQUAL (first, again);
    CU_ASSERT_STRING_NOT_EQUAL (first, other);
    CU_ASSERT_PTR_NOT_NULL (strstr (first, "create file 0: ok\n"));
    CU_ASSERT_PTR_NOT_NULL (strstr (first, "write file 3 0+10240: 0xC0000185\n"));
}

static void
copy_of_a_disk_lives_its_own_life (void)
{
    clfs_map *map;
    clfs_map_stat status;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 40);
    CU_ASSERT_OK (write_sectors (file, 0, 40, 2));
    CU_ASSERT_OK (write_sectors (file, 10, 5, 3));
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 4096, &map));
    CU_ASSERT_OK_FATAL (storage->ops->map_grow (map, 4096));
    storage->ops->map_stat (map, &status);
    status.base[0] = 1;
    clfs_sim_disk *copy = clfs_sim_disk_copy (disk), *twin = clfs_sim_disk_copy (disk);
    CU_ASSERT_EQUAL (clfs_sim_unsynced_count (copy), 45);
    status.base[0] = 2;
    g_autoptr (GByteArray) area = clfs_sim_file_bytes (copy, ".area");
    CU_ASSERT_PTR_NOT_NULL_FATAL (area);
    CU_ASSERT_EQUAL (area->data[0], 1);
    clfs_sim_power_loss (copy, CLFS_SIM_RANDOM, NULL);
    clfs_sim_power_loss (twin, CLFS_SIM_RANDOM, NULL);
    g_autoptr (GByteArray) one = clfs_sim_file_bytes (copy, "a"), other = clfs_sim_file_bytes (twin, "a");
    CU_ASSERT (one->len == other->len && memcmp (one->data, other->data, one->len) == 0);
    CU_ASSERT_EQUAL (sector_of (disk, "a", 12), 3);
    barrier (file);
    clfs_sim_disk_free (copy);
    clfs_sim_disk_free (twin);
    storage->ops->unmap (map);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
damage_is_durable_at_once (void)
{
    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_synced (storage, "a", 2);
    CU_ASSERT_OK (write_sectors (file, 0, 2, 2));
    CU_ASSERT_OK (storage->ops->rename (storage, "a", "b", false));
    clfs_sim_file_set (disk, "b", (const uint8_t *) "damaged", 7);
    clfs_sim_file_set (disk, "new", (const uint8_t *) "n", 1);
    expect_bytes (file, 0, "damaged", 7);
    clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
    CU_ASSERT_EQUAL (length_of (disk, "b"), 7);
    CU_ASSERT_EQUAL (length_of (disk, "new"), 1);
    clfs_sim_file_remove (disk, "b");
    clfs_sim_power_loss (disk, CLFS_SIM_ALL, NULL);
    CU_ASSERT_EQUAL (length_of (disk, "b"), -1);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static const clfs_test tests[] = {
    CLFS_CONTRACT_TESTS,
    CLFS_TEST (synced_bytes_survive_and_unsynced_ones_need_not),
    CLFS_TEST (any_subset_of_the_unsynced_sectors_survives_as_chosen),
    CLFS_TEST (a_sector_is_never_torn),
    CLFS_TEST (rewritten_sector_may_have_each_of_its_contents),
    CLFS_TEST (size_is_durable_only_by_a_barrier_and_may_be_any_in_between),
    CLFS_TEST (filling_with_zeros_is_not_durable_before_a_barrier),
    CLFS_TEST (synced_file_whose_name_was_not_synced_may_vanish),
    CLFS_TEST (synced_name_of_an_unsynced_file_is_an_empty_file),
    CLFS_TEST (rename_happens_whole_or_not_at_all),
    CLFS_TEST (removed_file_is_back_if_its_removal_was_not_synced),
    CLFS_TEST (failed_barrier_leaves_any_subset_and_the_next_success_promises_nothing),
    CLFS_TEST (nth_io_and_all_later_ones_do_not_happen),
    CLFS_TEST (kill_keeps_what_was_written_and_maps_and_frees_locks),
    CLFS_TEST (stop_freezes_maps_at_that_moment),
    CLFS_TEST (power_loss_takes_maps_and_locks_and_changes_the_boot),
    CLFS_TEST (closing_a_storage_is_its_death_and_handles_may_close_later),
    CLFS_TEST (told_operations_fail_and_no_others),
    CLFS_TEST (failed_write_may_have_written_some_sectors),
    CLFS_TEST (full_disk_is_told_and_ends_with_space),
    CLFS_TEST (one_seed_is_one_run),
    CLFS_TEST (copy_of_a_disk_lives_its_own_life),
    CLFS_TEST (damage_is_durable_at_once),
};
CLFS_TEST_MAIN (tests)
