/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Containers: growth, the full log, retain, adding and removing, recycling, and stores without space. */
#include "harness.h"

#define UNIT CLFS_CONTAINER_BYTES_UNIT

typedef struct fixture {
    harness h;
    clfs_log *log;
} fixture;

static void
begin_with (fixture *f, const clfs_log_options *options)
{
    *f = (fixture) { 0 };
    harness_start (&f->h, CLFS_STORE_INLINE);
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (f->h.store, "a", options, NULL), STATUS_SUCCESS);
    f->log = harness_log (&f->h, "a");
    /* Files whose removal is not durable take room still. */
    clfs_storage *storage = f->h.store->storage;
    CU_ASSERT_EQUAL (storage->ops->sync_names (storage), STATUS_SUCCESS);
}

static void
begin (fixture *f, uint64_t max_containers)
{
    clfs_log_options options;
    harness_options (&options);
    options.max_bytes = max_containers * UNIT;
    begin_with (f, &options);
}

static void
end (fixture *f)
{
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    harness_end (&f->h);
}

static void
reopen (fixture *f)
{
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    f->log = harness_log (&f->h, "a");
}

static unsigned
containers_of (clfs_log *log, clfs_container_info *out, size_t room)
{
    size_t count = 0;
    CU_ASSERT_EQUAL (clfs_log_containers (log, out, room, &count), STATUS_SUCCESS);
    return (unsigned) count;
}

/* Appends records of 10,000 bytes until it fails; *count counts them. */
static NTSTATUS
fill (clfs_log *log, unsigned *count)
{
    NTSTATUS status;
    while ((status = harness_append_number (log, *count, 10000, NULL)) == STATUS_SUCCESS && *count < 100000)
        ++*count;
    return status;
}

/* Appends until the log stands in the logical container. Returns the last LSN. */
static clfs_lsn_t
go_to (clfs_log *log, uint32_t logical_id, unsigned *count)
{
    clfs_lsn_t lsn = 0;
    while (clfs_lsn_container (lsn) < logical_id) {
        NTSTATUS status = harness_append_number (log, *count, 10000, &lsn);
        if (status != STATUS_SUCCESS)
            printf ("  append: %s\n", clfs_error_message ());
        CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
        ++*count;
    }
    return lsn;
}

/* The records numbered from `from` to below `to` are in the log, and no others. */
static void
check_numbers (clfs_log *log, unsigned from, unsigned to)
{
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    NTSTATUS status = clfs_cursor_seek_from (cursor, 0, &record);
    for (unsigned i = from; i < to; i++) {
        CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
        CU_ASSERT_FATAL (harness_is_number (&record, i, 10000));
        status = clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record);
    }
    CU_ASSERT_EQUAL (status, STATUS_END_OF_FILE);
    clfs_cursor_close (cursor);
}

/* ---- growth and the full log ---- */

static void
a_log_makes_containers_as_it_grows_up_to_max_size (void)
{
    fixture f;
    begin (&f, 5);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 0);
    CU_ASSERT_EQUAL (harness_info (f.log).available_bytes, 5 * UNIT);
    unsigned count = 0;
    for (uint32_t id = 0; id < 5; id++) {
        go_to (f.log, id, &count);
        clfs_container_info all[8];
        unsigned there = containers_of (f.log, all, 8);
        CU_ASSERT (there >= id + 1 || id == 0);
        for (unsigned i = 0; i < there; i++) {
            CU_ASSERT_EQUAL (all[i].physical_id, i);
            CU_ASSERT_EQUAL (all[i].logical_id, i);
            CU_ASSERT_EQUAL (all[i].size_bytes, UNIT);
            CU_ASSERT_EQUAL (all[i].state, 4);
        }
    }
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 5);
    CU_ASSERT_EQUAL (harness_info (f.log).size_bytes, 5 * UNIT);
    check_numbers (f.log, 0, count);
    end (&f);
}

static void
a_full_log_harms_nothing_and_ends_when_there_is_space (void)
{
    fixture f;
    begin (&f, 3);
    unsigned count = 0;
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    CU_ASSERT (strstr (clfs_error_message (), "max-size") != NULL);
    clfs_info info = harness_info (f.log);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_FULL);
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_SUCCESS);
    check_numbers (f.log, 0, count);
    CU_ASSERT_EQUAL (harness_append_number (f.log, 0, 10000, NULL), STATUS_LOG_FULL);
    /* A smaller record that fits is taken. */
    CU_ASSERT_EQUAL (harness_append_number (f.log, 0, 1, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_OK);
    harness_power_loss (&f.h, CLFS_SIM_NONE);
    f.log = harness_log (&f.h, "a");
    check_numbers (f.log, 0, count);
    /* Each way out. */
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 4 * UNIT), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_OK);
    unsigned before = count;
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    CU_ASSERT (count > before + 40);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1, NULL, NULL), STATUS_SUCCESS);
    before = count;
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    CU_ASSERT (count > before + 40);
    check_numbers (f.log, 0, count);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, clfs_lsn_make (2, 0, 0)), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_OK);
    before = count;
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    CU_ASSERT (count > before + 90);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 5);
    end (&f);
}

static void
max_size_zero_never_grows (void)
{
    fixture f;
    begin (&f, 0);
    CU_ASSERT_EQUAL (harness_append_number (f.log, 0, 10, NULL), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (harness_info (f.log).available_bytes, 0);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 2, NULL, NULL), STATUS_SUCCESS);
    unsigned count = 0;
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    CU_ASSERT (count > 90);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 2);
    check_numbers (f.log, 0, count);
    end (&f);
}

static void
restart_areas_and_base_moves_work_in_a_full_log (void)
{
    fixture f;
    begin (&f, 2);
    unsigned count = 0;
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    clfs_lsn_t lsn;
    NTSTATUS status = STATUS_SUCCESS;
    for (int i = 0; i < 2000 && status == STATUS_SUCCESS; i++)
        status = clfs_log_write_restart (f.log, "small", 5, CLFS_INVALID_LSN, &lsn);
    CU_ASSERT_EQUAL (status, STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, harness_info (f.log).next), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_write_restart (f.log, "small", 5, CLFS_INVALID_LSN, &lsn), STATUS_SUCCESS);
    end (&f);
}

/* ---- recycling ---- */

static void
containers_are_recycled_by_growing_logical_ids (void)
{
    fixture f;
    begin (&f, 3);
    unsigned count = 0, first = 0;
    for (uint32_t id = 1; id < 20; id++) {
        clfs_lsn_t lsn = go_to (f.log, id, &count);
        if (id > 1) {
            clfs_container_info all[4];
            CU_ASSERT (containers_of (f.log, all, 4) <= 3);
        }
        CU_ASSERT_EQUAL (clfs_log_set_base (f.log, lsn), STATUS_SUCCESS);
        first = count - 1;
        check_numbers (f.log, first, count);
        if (id % 4 == 0)
            reopen (&f);
        if (id % 5 == 0) {
            harness_kill (&f.h);
            f.log = harness_log (&f.h, "a");
        }
        check_numbers (f.log, first, count);
    }
    clfs_container_info all[4];
    unsigned there = containers_of (f.log, all, 4);
    for (unsigned i = 0; i < there; i++)
        for (unsigned j = 0; j < i; j++)
            CU_ASSERT (all[i].logical_id != all[j].logical_id);
    end (&f);
}

static void
a_container_below_the_base_is_free_and_one_above_is_active (void)
{
    fixture f;
    begin (&f, 6);
    unsigned count = 0;
    clfs_lsn_t lsn = go_to (f.log, 3, &count);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, lsn), STATUS_SUCCESS);
    clfs_container_info all[8];
    unsigned there = containers_of (f.log, all, 8);
    for (unsigned i = 0; i < there; i++)
        CU_ASSERT_EQUAL (all[i].state, all[i].logical_id < 3 ? 2 : 4);
    CU_ASSERT (harness_info (f.log).containers_free >= 3);
    end (&f);
}

/* ---- retain ---- */

static void
retain_by_size_keeps_that_much_and_never_fills_up (void)
{
    clfs_log_options options;
    harness_options (&options);
    options.max_bytes = 10 * UNIT;
    options.retain_bytes = 3 * UNIT;
    fixture f;
    begin_with (&f, &options);
    unsigned count = 0;
    for (uint32_t id = 1; id < 15; id++) {
        go_to (f.log, id, &count);
        clfs_info info = harness_info (f.log);
        CU_ASSERT (info.containers <= 4);
        CU_ASSERT (clfs_lsn_container (info.next) - clfs_lsn_container (info.base) < 3);
        CU_ASSERT_EQUAL (info.base_offset % 10000, 0);
        check_numbers (f.log, (unsigned) (info.base_offset / 10000), count);
    }
    CU_ASSERT (clfs_lsn_container (harness_info (f.log).base) >= 12);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_RETAIN_BYTES, CLFS_UNSET), STATUS_SUCCESS);
    clfs_lsn_t base = harness_info (f.log).base;
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (harness_info (f.log).base, base);
    /* Set again it moves the base at once. */
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_RETAIN_BYTES, 2 * UNIT), STATUS_SUCCESS);
    clfs_info info = harness_info (f.log);
    CU_ASSERT (clfs_lsn_container (info.next) - clfs_lsn_container (info.base) < 2);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_OK);
    check_numbers (f.log, (unsigned) (info.base_offset / 10000), count);
    end (&f);
}

static void
retain_larger_than_max_size_recycles_instead_of_filling_up (void)
{
    clfs_log_options options;
    harness_options (&options);
    options.max_bytes = 3 * UNIT;
    options.retain_bytes = 100 * UNIT;
    fixture f;
    begin_with (&f, &options);
    unsigned count = 0;
    go_to (f.log, 12, &count);
    CU_ASSERT (harness_info (f.log).containers <= 3);
    check_numbers (f.log, (unsigned) (harness_info (f.log).base_offset / 10000), count);
    end (&f);
}

static void
retain_by_age_drops_whole_containers_that_are_older (void)
{
    fixture f;
    begin (&f, 10);
    unsigned count = 0;
    go_to (f.log, 3, &count);
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_RETAIN_SECONDS, 86400), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).base, 0);
    /* The simulated clock runs as it is looked at. */
    clfs_storage *storage = f.h.store->storage;
    int64_t until = storage->ops->now_ns (storage) + INT64_C (3000000000);
    for (unsigned i = 0; i < 50000000 && storage->ops->now_ns (storage) < until; i++)
        ;
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_RETAIN_SECONDS, 1), STATUS_SUCCESS);
    clfs_info info = harness_info (f.log);
    CU_ASSERT (clfs_lsn_container (info.base) >= 1);
    CU_ASSERT (clfs_lsn_container (info.base) <= 3);
    check_numbers (f.log, (unsigned) (info.base_offset / 10000), count);
    end (&f);
}

/* ---- adding and removing ---- */

static void
containers_are_added_by_name_and_chosen_names (void)
{
    fixture f;
    begin (&f, 0);
    const char *names[] = { "first", NULL, "third.container" };
    uint64_t bytes = UNIT + 1;
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 3, names, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 2 * UNIT);
    clfs_container_info all[4];
    CU_ASSERT_EQUAL (containers_of (f.log, all, 4), 3);
    CU_ASSERT_STRING_EQUAL (all[0].name, "first");
    CU_ASSERT_STRING_EQUAL (all[2].name, "third.container");
    CU_ASSERT_EQUAL (strlen (all[1].name), 16 + 1 + 4);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL (all[i].state, 2);
    /* The log's own size counts from now on. */
    bytes = 1;
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1, NULL, &bytes), STATUS_INVALID_PARAMETER);
    bytes = 2 * UNIT;
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1, NULL, &bytes), STATUS_SUCCESS);
    bytes = 9 * UNIT;
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1, NULL, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 2 * UNIT);
    harness_power_loss (&f.h, CLFS_SIM_NONE);
    f.log = harness_log (&f.h, "a");
    CU_ASSERT_EQUAL (containers_of (f.log, all, 4), 5);
    unsigned count = 0;
    go_to (f.log, 3, &count);
    check_numbers (f.log, 0, count);
    end (&f);
}

static void
a_set_is_added_whole_or_not_at_all (void)
{
    fixture f;
    begin (&f, 0);
    const char *once[] = { "one" };
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1, once, NULL), STATUS_SUCCESS);
    static const struct {
        const char *names[3];
        NTSTATUS status;
    } wrong[] = {
        { { "two", "three", "one" }, STATUS_OBJECT_NAME_COLLISION },
        { { "two", "two", "three" }, STATUS_OBJECT_NAME_COLLISION },
        { { "two", "a/b", "three" }, STATUS_OBJECT_NAME_INVALID },
        { { "two", "", "three" }, STATUS_OBJECT_NAME_INVALID },
        { { "two", ".hidden", "three" }, STATUS_OBJECT_NAME_INVALID },
        { { "two", "x.blf", "three" }, STATUS_OBJECT_NAME_INVALID },
        { { "two", "..", "three" }, STATUS_OBJECT_NAME_INVALID },
    };
    for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
        CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 3, wrong[i].names, NULL), wrong[i].status);
        CU_ASSERT_EQUAL (harness_info (f.log).containers, 1);
        CU_ASSERT_PTR_NULL (clfs_sim_file_bytes (f.h.disk, "two"));
        CU_ASSERT_PTR_NULL (clfs_sim_file_bytes (f.h.disk, "three"));
    }
    /* A file that somebody else has put there is not touched. */
    clfs_sim_file_set (f.h.disk, "three", (const uint8_t *) "mine", 4);
    const char *taken[] = { "two", "three" };
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 2, taken, NULL), STATUS_OBJECT_NAME_COLLISION);
    CU_ASSERT_PTR_NULL (clfs_sim_file_bytes (f.h.disk, "two"));
    g_autoptr (GByteArray) mine = clfs_sim_file_bytes (f.h.disk, "three");
    CU_ASSERT_EQUAL (mine->len, 4);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 0, NULL, NULL), STATUS_INVALID_PARAMETER);
    end (&f);
}

static void
removing_by_force_takes_free_containers_only_and_all_or_none (void)
{
    fixture f;
    begin (&f, 0);
    const char *names[] = { "c0", "c1", "c2", "c3" };
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 4, names, NULL), STATUS_SUCCESS);
    unsigned count = 0;
    clfs_lsn_t lsn = go_to (f.log, 1, &count);
    const char *mixed[] = { "c3", "c0" };
    CU_ASSERT_EQUAL (clfs_log_remove_containers (f.log, 2, mixed, true), STATUS_LOG_CANT_DELETE);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 4);
    const char *unknown[] = { "c3", "nothing" };
    CU_ASSERT_EQUAL (clfs_log_remove_containers (f.log, 2, unknown, false), STATUS_NOT_FOUND);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 4);
    const char *free_one[] = { "c3" };
    CU_ASSERT_EQUAL (clfs_log_remove_containers (f.log, 1, free_one, true), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 3);
    CU_ASSERT_PTR_NULL (clfs_sim_file_bytes (f.h.disk, "c3"));
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, lsn), STATUS_SUCCESS);
    const char *old[] = { "c0" };
    CU_ASSERT_EQUAL (clfs_log_remove_containers (f.log, 1, old, true), STATUS_SUCCESS);
    clfs_container_info all[4];
    CU_ASSERT_EQUAL (containers_of (f.log, all, 4), 2);
    CU_ASSERT_STRING_EQUAL (all[0].name, "c1");
    CU_ASSERT_EQUAL (all[0].physical_id, 0);
    CU_ASSERT_EQUAL (clfs_log_remove_containers (f.log, 0, NULL, true), STATUS_INVALID_PARAMETER);
    check_numbers (f.log, count - 1, count);
    reopen (&f);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 2);
    check_numbers (f.log, count - 1, count);
    end (&f);
}

static void
a_lazily_removed_container_goes_when_the_base_has_passed_it (void)
{
    for (int reopened = 0; reopened < 2; reopened++) {
        fixture f;
        begin (&f, 0);
        const char *names[] = { "c0", "c1", "c2" };
        CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 3, names, NULL), STATUS_SUCCESS);
        unsigned count = 0;
        clfs_lsn_t lsn = go_to (f.log, 1, &count);
        CU_ASSERT_EQUAL (clfs_log_remove_containers (f.log, 1, names, false), STATUS_SUCCESS);
        clfs_container_info all[4];
        CU_ASSERT_EQUAL (containers_of (f.log, all, 4), 3);
        CU_ASSERT_EQUAL (all[0].state, 8);
        check_numbers (f.log, 0, count);
        if (reopened) {
            reopen (&f);
            CU_ASSERT_EQUAL (containers_of (f.log, all, 4), 3);
            CU_ASSERT_EQUAL (all[0].state, 8);
        }
        CU_ASSERT_EQUAL (clfs_log_set_base (f.log, lsn), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (containers_of (f.log, all, 4), 2);
        CU_ASSERT_PTR_NULL (clfs_sim_file_bytes (f.h.disk, "c0"));
        check_numbers (f.log, count - 1, count);
        harness_power_loss (&f.h, CLFS_SIM_NONE);
        f.log = harness_log (&f.h, "a");
        CU_ASSERT_EQUAL (containers_of (f.log, all, 4), 2);
        end (&f);
    }
}

static void
ensure_space_makes_containers_until_that_much_is_there (void)
{
    fixture f;
    begin (&f, 6);
    CU_ASSERT_EQUAL (clfs_log_ensure_space (f.log, 3 * UNIT), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 3);
    CU_ASSERT_EQUAL (clfs_log_ensure_space (f.log, UNIT), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 3);
    CU_ASSERT_EQUAL (clfs_log_ensure_space (f.log, 6 * UNIT + 1), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (clfs_log_ensure_space (f.log, UINT64_MAX), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 3);
    unsigned count = 0;
    go_to (f.log, 1, &count);
    CU_ASSERT_EQUAL (clfs_log_ensure_space (f.log, 4 * UNIT), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 6);
    CU_ASSERT_EQUAL (clfs_log_ensure_space (f.log, 0), STATUS_SUCCESS);
    end (&f);
}

/* ---- many ---- */

static void
more_than_160_containers_move_the_log_to_a_larger_base_log_file (void)
{
    fixture f;
    begin (&f, 4);
    harness_append (f.log, "kept");
    uint64_t small = harness_info (f.log).base_file_bytes;
    NTSTATUS status = clfs_log_add_containers (f.log, 158, NULL, NULL);
    CU_ASSERT_EQUAL (status, STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).base_file_bytes, small);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 30, NULL, NULL), STATUS_SUCCESS);
    clfs_info info = harness_info (f.log);
    CU_ASSERT (info.base_file_bytes > small);
    CU_ASSERT_EQUAL (info.containers, 1 + 158 + 30);
    harness_power_loss (&f.h, CLFS_SIM_RANDOM);
    f.log = harness_log (&f.h, "a");
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 189);
    /* The lock did not hang on the file that was replaced. */
    clfs_store *other = harness_other (&f.h, CLFS_STORE_INLINE);
    clfs_log *second;
    CU_ASSERT_EQUAL (clfs_log_open (other, "a", CLFS_LOG_WRITE, &second), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (clfs_store_close (other), STATUS_SUCCESS);
    end (&f);
}

static void
there_are_1023_containers_and_no_more (void)
{
    fixture f;
    begin (&f, 4);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1024, NULL, NULL), STATUS_LOG_CONTAINER_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 0);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1023, NULL, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1, NULL, NULL), STATUS_LOG_CONTAINER_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 5000 * UNIT), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_ensure_space (f.log, 1024 * UNIT), STATUS_LOG_FULL);
    unsigned count = 0;
    go_to (f.log, 3, &count);
    reopen (&f);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 1023);
    check_numbers (f.log, 0, count);
    end (&f);
}

/* ---- no space in the store ---- */

static uint64_t
used_bytes (harness *h)
{
    clfs_store_space space;
    clfs_sim_set_capacity (h->disk, UINT64_C (1) << 40);
    CU_ASSERT_EQUAL (clfs_store_get_space (h->store, &space), STATUS_SUCCESS);
    return space.total_bytes - space.free_bytes;
}

static void
a_store_without_space_for_a_container_is_a_full_log_that_ends_with_space (void)
{
    fixture f;
    begin (&f, 100);
    unsigned count = 0;
    go_to (f.log, 1, &count);
    clfs_sim_set_capacity (f.h.disk, used_bytes (&f.h) + 2 * UNIT + 1000);
    CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_FULL);
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_SUCCESS);
    check_numbers (f.log, 0, count);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 1, NULL, NULL), STATUS_DISK_FULL);
    CU_ASSERT_EQUAL (clfs_log_ensure_space (f.log, 4 * UNIT), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_FULL);
    CU_ASSERT_EQUAL (clfs_log_close (f.log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (f.h.store, "a", CLFS_LOG_WRITE, &f.log), STATUS_SUCCESS);
    check_numbers (f.log, 0, count);
    clfs_sim_set_capacity (f.h.disk, 0);
    unsigned before = count;
    go_to (f.log, 7, &count);
    CU_ASSERT (count > before);
    check_numbers (f.log, 0, count);
    end (&f);
}

static void
a_set_that_finds_no_space_leaves_nothing_behind (void)
{
    fixture f;
    begin (&f, 0);
    uint64_t before = used_bytes (&f.h);
    clfs_sim_set_capacity (f.h.disk, before + 5 * UNIT);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 8, NULL, NULL), STATUS_DISK_FULL);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 0);
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_OK);
    CU_ASSERT_EQUAL (used_bytes (&f.h), before);
    end (&f);
}

static void
no_space_for_the_larger_base_log_file_is_full_and_leaves_nothing_behind (void)
{
    fixture f;
    begin (&f, 2);
    harness_append (f.log, "kept");
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 150, NULL, NULL), STATUS_SUCCESS);
    uint64_t before = used_bytes (&f.h);
    clfs_sim_set_capacity (f.h.disk, before + 20 * UNIT + 1000);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 20, NULL, NULL), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 151);
    CU_ASSERT (harness_info (f.log).state != CLFS_STATE_FAILED);
    CU_ASSERT (used_bytes (&f.h) < before + UNIT);
    CU_ASSERT_EQUAL (clfs_log_add_containers (f.log, 20, NULL, NULL), STATUS_SUCCESS);
    reopen (&f);
    CU_ASSERT_EQUAL (harness_info (f.log).containers, 171);
    g_autofree char *all = harness_records (f.log);
    CU_ASSERT_STRING_EQUAL (all, "kept|");
    end (&f);
}

static void
no_space_for_the_marshalling_area_is_a_full_log_that_ends_with_space (void)
{
    fixture f;
    begin (&f, 4);
    clfs_sim_set_capacity (f.h.disk, used_bytes (&f.h) + UNIT + 5000);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL (harness_append_number (f.log, 0, 10000, NULL), STATUS_LOG_FULL);
        CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_FULL);
    }
    /* No container is left that the log does not know. */
    uint64_t unknown = used_bytes (&f.h) - harness_info (f.log).allocated_bytes;
    CU_ASSERT (unknown < UNIT);
    clfs_sim_set_capacity (f.h.disk, 0);
    CU_ASSERT_EQUAL (harness_append_number (f.log, 0, 10000, NULL), STATUS_SUCCESS);
    check_numbers (f.log, 0, 1);
    end (&f);
}

static void
no_space_for_a_step_of_the_area_makes_appends_flush_what_there_is (void)
{
    fixture f;
    begin (&f, 100);
    CU_ASSERT_EQUAL (clfs_log_ensure_space (f.log, 10 * UNIT), STATUS_SUCCESS);
    unsigned count = 0;
    CU_ASSERT_EQUAL (harness_append_number (f.log, count++, 10000, NULL), STATUS_SUCCESS);
    clfs_sim_set_capacity (f.h.disk, used_bytes (&f.h));
    for (; count < 400; count++)
        CU_ASSERT_EQUAL_FATAL (harness_append_number (f.log, count, 10000, NULL), STATUS_SUCCESS);
    /* Only a block that the step does not hold finds no room. */
    CU_ASSERT_EQUAL (harness_append_number (f.log, 0, 500000, NULL), STATUS_LOG_FULL);
    clfs_sim_set_capacity (f.h.disk, 0);
    CU_ASSERT_EQUAL (harness_append_number (f.log, 0, 500000, NULL), STATUS_SUCCESS);
    end (&f);
}

static void
no_space_for_a_new_log_leaves_no_log (void)
{
    fixture f;
    begin (&f, 4);
    clfs_sim_set_capacity (f.h.disk, used_bytes (&f.h) + 1000);
    CU_ASSERT_EQUAL (clfs_log_create (f.h.store, "b", NULL, NULL), STATUS_DISK_FULL);
    clfs_info info;
    CU_ASSERT_EQUAL (clfs_log_peek (f.h.store, "b", &info, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    clfs_sim_set_capacity (f.h.disk, 0);
    CU_ASSERT_EQUAL (clfs_log_create (f.h.store, "b", NULL, NULL), STATUS_SUCCESS);
    end (&f);
}

static void
another_error_than_space_at_a_container_fails_the_log (void)
{
    static const enum clfs_sim_op ops[] = { CLFS_SIM_FILL, CLFS_SIM_SYNC_NAMES };
    for (size_t i = 0; i < G_N_ELEMENTS (ops); i++) {
        fixture f;
        begin (&f, 100);
        unsigned count = 0;
        go_to (f.log, 1, &count);
        clfs_sim_fail (f.h.disk, ops[i], NULL, 0, 1, STATUS_IO_DEVICE_ERROR);
        CU_ASSERT_EQUAL (fill (f.log, &count), STATUS_LOG_CONTAINER_WRITE_FAILED);
        CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_FAILED);
        CU_ASSERT_EQUAL (clfs_log_recover (f.log), STATUS_SUCCESS);
        check_numbers (f.log, 0, count);
        go_to (f.log, 4, &count);
        check_numbers (f.log, 0, count);
        end (&f);
    }
}

static const clfs_test tests[] = {
    CLFS_TEST (a_log_makes_containers_as_it_grows_up_to_max_size),
    CLFS_TEST (a_full_log_harms_nothing_and_ends_when_there_is_space),
    CLFS_TEST (max_size_zero_never_grows),
    CLFS_TEST (restart_areas_and_base_moves_work_in_a_full_log),
    CLFS_TEST (containers_are_recycled_by_growing_logical_ids),
    CLFS_TEST (a_container_below_the_base_is_free_and_one_above_is_active),
    CLFS_TEST (retain_by_size_keeps_that_much_and_never_fills_up),
    CLFS_TEST (retain_larger_than_max_size_recycles_instead_of_filling_up),
    CLFS_TEST (retain_by_age_drops_whole_containers_that_are_older),
    CLFS_TEST (containers_are_added_by_name_and_chosen_names),
    CLFS_TEST (a_set_is_added_whole_or_not_at_all),
    CLFS_TEST (removing_by_force_takes_free_containers_only_and_all_or_none),
    CLFS_TEST (a_lazily_removed_container_goes_when_the_base_has_passed_it),
    CLFS_TEST (ensure_space_makes_containers_until_that_much_is_there),
    CLFS_TEST (more_than_160_containers_move_the_log_to_a_larger_base_log_file),
    CLFS_TEST (there_are_1023_containers_and_no_more),
    CLFS_TEST (a_store_without_space_for_a_container_is_a_full_log_that_ends_with_space),
    CLFS_TEST (a_set_that_finds_no_space_leaves_nothing_behind),
    CLFS_TEST (no_space_for_the_larger_base_log_file_is_full_and_leaves_nothing_behind),
    CLFS_TEST (no_space_for_the_marshalling_area_is_a_full_log_that_ends_with_space),
    CLFS_TEST (no_space_for_a_step_of_the_area_makes_appends_flush_what_there_is),
    CLFS_TEST (no_space_for_a_new_log_leaves_no_log),
    CLFS_TEST (another_error_than_space_at_a_container_fails_the_log),
};
CLFS_TEST_MAIN (tests)
