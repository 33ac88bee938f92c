/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stores: names, making, removing and renaming logs, locks, looking at logs, and reading without a lock. */
#include "harness.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- names ---- */

static void
names_are_valid_or_refused_with_a_reason (void)
{
    g_autofree char *longest = g_strnfill (CLFS_NAME_BYTES_MAX, 'n');
    g_autofree char *too_long = g_strnfill (CLFS_NAME_BYTES_MAX + 1, 'n');
    g_autofree char *far_too_long = g_strnfill (300, 'n');
    const char *valid[] = { "a", "orders", "with space", "x.blf", "ends.", "ümläut", "日本", "-", "a:b", "a\\b", longest };
    const char *invalid[] = { "", ".", "..", ".hidden", "a/b", "/", "a\nb", "a\x7f", "\x01", "bad\xff", "\xc3", too_long, far_too_long };
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    for (size_t i = 0; i < G_N_ELEMENTS (valid); i++) {
        CU_ASSERT (clfs_name_valid (valid[i]));
        CU_ASSERT_EQUAL (clfs_log_create (h.store, valid[i], NULL, NULL), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (clfs_log_create (h.store, valid[i], NULL, NULL), STATUS_OBJECT_NAME_COLLISION);
    }
    clfs_info info;
    clfs_log *log;
    for (size_t i = 0; i < G_N_ELEMENTS (invalid); i++) {
        CU_ASSERT_FALSE (clfs_name_valid (invalid[i]));
        CU_ASSERT (strlen (clfs_error_message ()) > 0);
        CU_ASSERT_EQUAL (clfs_log_create (h.store, invalid[i], NULL, NULL), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_EQUAL (clfs_log_open (h.store, invalid[i], CLFS_LOG_WRITE, &log), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_EQUAL (clfs_log_delete (h.store, invalid[i], 0), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_EQUAL (clfs_log_rename (h.store, "a", invalid[i]), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_EQUAL (clfs_log_rename (h.store, invalid[i], "b"), STATUS_OBJECT_NAME_INVALID);
        CU_ASSERT_EQUAL (clfs_log_peek (h.store, invalid[i], &info, NULL), STATUS_OBJECT_NAME_INVALID);
    }
    char **names;
    size_t count;
    CU_ASSERT_EQUAL (clfs_store_names (h.store, &names, &count), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (count, G_N_ELEMENTS (valid));
    for (size_t i = 1; i < count; i++)
        CU_ASSERT (strcmp (names[i - 1], names[i]) < 0);
    clfs_names_free (names, count);
    harness_end (&h);
}

static void
logs_that_are_not_there_are_not_found (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log;
    clfs_info info;
    CU_ASSERT_EQUAL (clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &log), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_EQUAL (clfs_log_open (h.store, "a", CLFS_LOG_READ, &log), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_EQUAL (clfs_log_delete (h.store, "a", 0), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_EQUAL (clfs_log_rename (h.store, "a", "b"), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_EQUAL (clfs_log_peek (h.store, "a", &info, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    char **names;
    size_t count;
    CU_ASSERT_EQUAL (clfs_store_names (h.store, &names, &count), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (count, 0);
    clfs_names_free (names, count);
    harness_end (&h);
}

/* ---- make, remove, rename ---- */

static void
a_log_is_durable_when_it_was_made_and_gone_when_it_was_removed (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    CU_ASSERT_EQUAL (clfs_log_create (h.store, "a", NULL, NULL), STATUS_SUCCESS);
    harness_power_loss (&h, CLFS_SIM_NONE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_delete (h.store, "a", 0), STATUS_SUCCESS);
    harness_power_loss (&h, CLFS_SIM_NONE);
    clfs_info info;
    CU_ASSERT_EQUAL (clfs_log_peek (h.store, "a", &info, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    GPtrArray *files;
    CU_ASSERT_EQUAL (h.store->storage->ops->list (h.store->storage, &files), STATUS_SUCCESS);
    for (guint i = 0; i < files->len; i++)
        CU_ASSERT (g_str_has_suffix (files->pdata[i], ".lock"));
    g_ptr_array_unref (files);
    harness_end (&h);
}

static void
an_open_log_is_not_removed_and_not_renamed (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (clfs_log_delete (h.store, "a", 0), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (clfs_log_rename (h.store, "a", "b"), STATUS_SHARING_VIOLATION);
    clfs_store *other = harness_other (&h, CLFS_STORE_INLINE);
    CU_ASSERT_EQUAL (clfs_log_delete (other, "a", 0), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (clfs_log_rename (other, "a", "b"), STATUS_SHARING_VIOLATION);
    harness_append (log, "still there");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_rename (other, "a", "b"), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_delete (other, "b", 0), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (other), STATUS_SUCCESS);
    harness_end (&h);
}

static void
only_an_empty_log_is_removed_if_that_is_asked (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_delete (h.store, "a", CLFS_DELETE_IF_EMPTY), STATUS_DIRECTORY_NOT_EMPTY);
    log = harness_log (&h, "a");
    g_autofree char *kept = harness_records (log);
    CU_ASSERT_STRING_EQUAL (kept, "one|");
    CU_ASSERT_EQUAL (clfs_log_set_base (log, harness_info (log).next), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_delete (h.store, "a", CLFS_DELETE_IF_EMPTY), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_create (h.store, "a", NULL, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_delete (h.store, "a", CLFS_DELETE_IF_EMPTY), STATUS_SUCCESS);
    /* Records that a dead process left count, too. */
    log = harness_log (&h, "a");
    harness_append (log, "unflushed");
    harness_kill (&h);
    CU_ASSERT_EQUAL (clfs_log_delete (h.store, "a", CLFS_DELETE_IF_EMPTY), STATUS_DIRECTORY_NOT_EMPTY);
    log = harness_log (&h, "a");
    g_autofree char *back = harness_records (log);
    CU_ASSERT_STRING_EQUAL (back, "unflushed|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static void
a_rename_keeps_everything_and_never_replaces (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    log = harness_log (&h, "b");
    harness_append (log, "of b");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_rename (h.store, "a", "b"), STATUS_OBJECT_NAME_COLLISION);
    CU_ASSERT_EQUAL (clfs_log_rename (h.store, "a", "c"), STATUS_SUCCESS);
    harness_power_loss (&h, CLFS_SIM_NONE);
    clfs_info info;
    CU_ASSERT_EQUAL (clfs_log_peek (h.store, "a", &info, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    log = harness_log (&h, "c");
    g_autofree char *moved = harness_records (log);
    CU_ASSERT_STRING_EQUAL (moved, "one|");
    harness_append (log, "two");
    harness_kill (&h);
    /* Also of a log that was not closed cleanly: nothing in it is lost. */
    CU_ASSERT_EQUAL (clfs_log_rename (h.store, "c", "d"), STATUS_SUCCESS);
    log = harness_log (&h, "d");
    g_autofree char *all = harness_records (log);
    CU_ASSERT_STRING_EQUAL (all, "one|two|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

/* Runs `change` until it is stopped at each of its I/Os by a power loss, and `check` on what is left. */
static void
crash_everywhere (void (*change) (clfs_store *store), void (*check) (harness *h))
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    CU_ASSERT_EQUAL (clfs_log_add_containers (log, 2, NULL, NULL), STATUS_SUCCESS);
    harness_append (log, "one");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_stop (&h);
    uint64_t before = clfs_sim_io_count (h.disk);
    clfs_sim_disk *whole = clfs_sim_disk_copy (h.disk);
    harness through = { .disk = whole, .flags = CLFS_STORE_INLINE };
    before = clfs_sim_io_count (whole);
    harness_boot (&through);
    change (through.store);
    uint64_t ios = clfs_sim_io_count (whole) - before;
    harness_stop (&through);
    check (&through);
    clfs_sim_disk_free (whole);
    for (uint64_t at = 0; at < ios; at++)
        for (int survivors = CLFS_SIM_NONE; survivors <= CLFS_SIM_RANDOM; survivors++) {
            harness crashed = { .disk = clfs_sim_disk_copy (h.disk), .flags = CLFS_STORE_INLINE };
            harness_boot (&crashed);
            clfs_sim_stop_after (crashed.disk, at);
            change (crashed.store);
            clfs_sim_power_loss (crashed.disk, (enum clfs_sim_survivors) survivors, NULL);
            check (&crashed);
            clfs_sim_disk_free (crashed.disk);
        }
    clfs_sim_disk_free (h.disk);
}

static void
remove_a (clfs_store *store)
{
    (void) !clfs_log_delete (store, "a", 0);
}

static void
whole_or_gone (harness *h)
{
    harness_boot (h);
    clfs_log *log = NULL;
    NTSTATUS status = clfs_log_open (h->store, "a", CLFS_LOG_WRITE, &log);
    CU_ASSERT (status == STATUS_SUCCESS || status == STATUS_OBJECT_NAME_NOT_FOUND);
    if (status == STATUS_SUCCESS) {
        g_autofree char *all = harness_records (log);
        CU_ASSERT_STRING_EQUAL (all, "one|");
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    } else {
        GPtrArray *files;
        CU_ASSERT_EQUAL (clfs_log_open (h->store, "a", CLFS_LOG_WRITE, &log), STATUS_OBJECT_NAME_NOT_FOUND);
        CU_ASSERT_EQUAL (h->store->storage->ops->list (h->store->storage, &files), STATUS_SUCCESS);
        for (guint i = 0; i < files->len; i++)
            CU_ASSERT (g_str_has_suffix (files->pdata[i], ".lock"));
        g_ptr_array_unref (files);
    }
    harness_stop (h);
}

static void
a_power_loss_in_a_removal_leaves_a_whole_log_or_none_of_its_files (void)
{
    crash_everywhere (remove_a, whole_or_gone);
}

static void
rename_a (clfs_store *store)
{
    (void) !clfs_log_rename (store, "a", "b");
}

static void
under_one_name (harness *h)
{
    harness_boot (h);
    clfs_info info;
    NTSTATUS a = clfs_log_peek (h->store, "a", &info, NULL), b = clfs_log_peek (h->store, "b", &info, NULL);
    CU_ASSERT ((a == STATUS_SUCCESS) != (b == STATUS_SUCCESS));
    clfs_log *log = harness_log (h, a == STATUS_SUCCESS ? "a" : "b");
    g_autofree char *all = harness_records (log);
    CU_ASSERT_STRING_EQUAL (all, "one|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_stop (h);
}

static void
a_power_loss_in_a_rename_leaves_the_log_under_one_name (void)
{
    crash_everywhere (rename_a, under_one_name);
}

static void
make_b (clfs_store *store)
{
    (void) !clfs_log_create (store, "b", NULL, NULL);
}

static void
b_is_whole_or_not_there (harness *h)
{
    harness_boot (h);
    clfs_log *log = NULL;
    NTSTATUS status = clfs_log_open (h->store, "b", CLFS_LOG_WRITE, &log);
    CU_ASSERT (status == STATUS_SUCCESS || status == STATUS_OBJECT_NAME_NOT_FOUND);
    if (status == STATUS_SUCCESS)
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_create (h->store, "b", NULL, NULL), status == STATUS_SUCCESS ? STATUS_OBJECT_NAME_COLLISION : STATUS_SUCCESS);
    harness_stop (h);
}

static void
a_power_loss_while_a_log_is_made_leaves_a_whole_one_or_none (void)
{
    crash_everywhere (make_b, b_is_whole_or_not_there);
}

/* ---- locks ---- */

static void
a_log_has_one_engine_in_a_store_and_one_writer_among_stores (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *one = harness_log (&h, "a"), *two = harness_log (&h, "a");
    CU_ASSERT_PTR_EQUAL (one->engine, two->engine);
    clfs_store *other = harness_other (&h, CLFS_STORE_INLINE);
    clfs_log *refused;
    CU_ASSERT_EQUAL (clfs_log_open (other, "a", CLFS_LOG_WRITE, &refused), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (clfs_log_close (one), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_open (other, "a", CLFS_LOG_WRITE, &refused), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (clfs_log_close (two), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_open (other, "a", CLFS_LOG_WRITE, &one), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_open (h.store, "a", CLFS_LOG_WRITE, &refused), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (clfs_log_close (one), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (other), STATUS_SUCCESS);
    harness_end (&h);
}

static char *
new_directory (void)
{
    g_autofree char *pattern = g_build_filename (g_get_tmp_dir (), "clfs-engine-XXXXXX", NULL);
    char *path = g_mkdtemp (g_steal_pointer (&pattern));
    CU_ASSERT_PTR_NOT_NULL_FATAL (path);
    return path;
}

static void
remove_directory (char *path)
{
    GDir *directory = g_dir_open (path, 0, NULL);
    const char *name;
    while (directory && (name = g_dir_read_name (directory))) {
        g_autofree char *file = g_build_filename (path, name, NULL);
        g_unlink (file);
    }
    if (directory)
        g_dir_close (directory);
    g_rmdir (path);
    g_free (path);
}

/* Whether `child` says so in another process. */
static bool
in_another_process (bool (*child) (const char *path), const char *path)
{
    fflush (stdout);
    pid_t pid = fork ();
    if (pid == 0)
        _exit (child (path) ? 0 : 1);
    int status = -1;
    CU_ASSERT_FATAL (pid > 0 && waitpid (pid, &status, 0) == pid);
    return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

static bool
child_is_refused_with_our_pid (const char *path)
{
    clfs_store_options options = { .flags = CLFS_STORE_INLINE, .lock_wait_ms = 10 };
    clfs_store *store;
    clfs_log *log;
    char pid[20];
    g_snprintf (pid, sizeof pid, "%d", (int) getppid ());
    if (clfs_store_open (path, &options, &store) != STATUS_SUCCESS)
        return false;
    return clfs_log_open (store, "a", CLFS_LOG_WRITE, &log) == STATUS_SHARING_VIOLATION && strstr (clfs_error_message (), pid) != NULL;
}

static bool
child_opens_and_appends (const char *path)
{
    clfs_store_options options = { .flags = CLFS_STORE_INLINE };
    clfs_store *store;
    clfs_log *log;
    if (clfs_store_open (path, &options, &store) != STATUS_SUCCESS || clfs_log_open (store, "a", CLFS_LOG_WRITE, &log) != STATUS_SUCCESS)
        return false;
    struct iovec vector = { (void *) "child", 5 };
    /* It ends without closing anything, as by a kill. */
    return clfs_log_append (log, &vector, 1, NULL, NULL) == STATUS_SUCCESS;
}

static bool
child_is_refused_the_store (const char *path)
{
    clfs_store_options options = { .flags = CLFS_STORE_INLINE | CLFS_STORE_MOUNT_LOCK };
    clfs_store *store;
    char pid[20];
    g_snprintf (pid, sizeof pid, "%d", (int) getppid ());
    return clfs_store_open (path, &options, &store) == STATUS_SHARING_VIOLATION && strstr (clfs_error_message (), pid) != NULL;
}

static void
a_second_process_is_refused_with_the_pid_of_the_first_until_it_closes (void)
{
    char *path = new_directory ();
    clfs_store_options options = { .flags = CLFS_STORE_INLINE };
    clfs_store *store;
    clfs_log *log;
    CU_ASSERT_EQUAL_FATAL (clfs_store_open (path, &options, &store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_create (store, "a", NULL, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, "a", CLFS_LOG_WRITE, &log), STATUS_SUCCESS);
    CU_ASSERT (in_another_process (child_is_refused_with_our_pid, path));
    harness_append (log, "parent");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT (in_another_process (child_opens_and_appends, path));
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, "a", CLFS_LOG_WRITE, &log), STATUS_SUCCESS);
    g_autofree char *all = harness_records (log);
    CU_ASSERT_STRING_EQUAL (all, "parent|child|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    remove_directory (path);
}

static void
one_mount_holds_the_store_and_library_users_do_not_mind (void)
{
    char *path = new_directory ();
    clfs_store_options options = { .flags = CLFS_STORE_INLINE | CLFS_STORE_MOUNT_LOCK };
    clfs_store *store, *library;
    CU_ASSERT_EQUAL_FATAL (clfs_store_open (path, &options, &store), STATUS_SUCCESS);
    CU_ASSERT (in_another_process (child_is_refused_the_store, path));
    CU_ASSERT_EQUAL (clfs_store_open (path, &options, &library), STATUS_SHARING_VIOLATION);
    options.flags = CLFS_STORE_INLINE;
    CU_ASSERT_EQUAL (clfs_store_open (path, &options, &library), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (library), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    remove_directory (path);
}

static void
a_store_is_a_directory_that_is_there_or_made_for_the_owner_alone (void)
{
    char *path = new_directory ();
    g_autofree char *inner = g_build_filename (path, "store", NULL);
    g_autofree char *deep = g_build_filename (path, "no", "store", NULL);
    clfs_store_options options = { .flags = CLFS_STORE_INLINE };
    clfs_store *store = NULL;
    CU_ASSERT_EQUAL (clfs_store_open (inner, &options, &store), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT (strstr (clfs_error_message (), inner) != NULL);
    options.flags |= CLFS_STORE_CREATE;
    CU_ASSERT_EQUAL (clfs_store_open (deep, &options, &store), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_EQUAL (clfs_store_open (inner, &options, &store), STATUS_SUCCESS);
    struct stat status;
    CU_ASSERT_EQUAL (stat (inner, &status), 0);
    CU_ASSERT_EQUAL (status.st_mode & 07777, 0700);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_open (inner, &options, &store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (g_rmdir (inner), 0);
    CU_ASSERT (g_file_set_contents (inner, "file", 4, NULL));
    NTSTATUS refused = clfs_store_open (inner, &options, &store);
    CU_ASSERT (refused != STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (NULL), STATUS_SUCCESS);
    remove_directory (path);
}

static void
an_idle_log_is_closed_cleanly_after_its_time_and_not_before (void)
{
    char *path = new_directory ();
    clfs_store_options options = { .idle_close_ms = 400 }, at_once = { .flags = CLFS_STORE_INLINE };
    clfs_store *store, *other;
    clfs_log *log;
    CU_ASSERT_EQUAL_FATAL (clfs_store_open (path, &options, &store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_store_open (path, &at_once, &other), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_create (store, "a", NULL, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, "a", CLFS_LOG_WRITE, &log), STATUS_SUCCESS);
    clfs_engine *engine = log->engine;
    harness_append (log, "one");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, "a", CLFS_LOG_WRITE, &log), STATUS_SUCCESS);
    CU_ASSERT_PTR_EQUAL (log->engine, engine);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    clfs_info info = { 0 };
    for (int i = 0; i < 3000 && !info.closed_cleanly; i++) {
        CU_ASSERT_EQUAL (clfs_log_peek (other, "a", &info, NULL), STATUS_SUCCESS);
        g_usleep (10000);
    }
    CU_ASSERT (info.closed_cleanly);
    CU_ASSERT_EQUAL (info.end_offset, 3);
    NTSTATUS status = STATUS_SHARING_VIOLATION;
    for (int i = 0; i < 3000 && status == STATUS_SHARING_VIOLATION; i++) {
        status = clfs_log_open (other, "a", CLFS_LOG_WRITE, &log);
        g_usleep (1000);
    }
    CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
    g_autofree char *all = harness_records (log);
    CU_ASSERT_STRING_EQUAL (all, "one|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (other), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    remove_directory (path);
}

static void
closing_a_store_closes_its_idle_logs_cleanly (void)
{
    char *path = new_directory ();
    clfs_store_options options = { .idle_close_ms = 3600000 };
    clfs_store *store;
    clfs_log *log;
    CU_ASSERT_EQUAL_FATAL (clfs_store_open (path, &options, &store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_create (store, "a", NULL, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, "a", CLFS_LOG_WRITE, &log), STATUS_SUCCESS);
    harness_append (log, "one");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_store_open (path, NULL, &store), STATUS_SUCCESS);
    clfs_info info;
    CU_ASSERT_EQUAL (clfs_log_peek (store, "a", &info, NULL), STATUS_SUCCESS);
    CU_ASSERT (info.closed_cleanly);
    CU_ASSERT_EQUAL (info.end_offset, 3);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    remove_directory (path);
}

/* ---- looking ---- */

static void
a_peek_tells_a_clean_end_an_unclean_one_and_an_open_log (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    clfs_info info;
    harness_append (log, "one");
    CU_ASSERT_EQUAL (clfs_log_peek (h.store, "a", &info, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (info.end_offset, 3);
    CU_ASSERT_EQUAL (info.next, 1);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_OK);
    clfs_store *other = harness_other (&h, CLFS_STORE_INLINE | CLFS_STORE_READ_ONLY);
    CU_ASSERT_EQUAL (clfs_log_peek (other, "a", &info, NULL), STATUS_SUCCESS);
    CU_ASSERT_FALSE (info.closed_cleanly);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    uint64_t ios = clfs_sim_io_count (h.disk);
    CU_ASSERT_EQUAL (clfs_log_peek (other, "a", &info, NULL), STATUS_SUCCESS);
    CU_ASSERT (info.closed_cleanly);
    CU_ASSERT_EQUAL (info.end_offset, 3);
    CU_ASSERT_EQUAL (info.durable_offset, 3);
    CU_ASSERT_EQUAL (info.next, 0x200);
    CU_ASSERT_EQUAL (info.last, 0);
    CU_ASSERT_EQUAL (info.base, 0);
    CU_ASSERT_EQUAL (info.containers, 1);
    /* It takes no lock and writes nothing. */
    CU_ASSERT_EQUAL (clfs_sim_io_count (h.disk), ios);
    log = harness_log (&h, "a");
    harness_append (log, "two");
    harness_kill (&h);
    CU_ASSERT_EQUAL (clfs_log_peek (h.store, "a", &info, NULL), STATUS_SUCCESS);
    CU_ASSERT_FALSE (info.closed_cleanly);
    CU_ASSERT_EQUAL (clfs_store_close (other), STATUS_SUCCESS);
    harness_end (&h);
}

static void
info_tells_the_guid_the_creation_and_the_last_append (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *a = harness_log (&h, "a"), *b = harness_log (&h, "b");
    clfs_info of_a = harness_info (a), of_b = harness_info (b);
    CU_ASSERT (memcmp (of_a.id, of_b.id, 16) != 0);
    CU_ASSERT (of_a.created_ns > 0);
    CU_ASSERT_EQUAL (of_a.appended_ns, of_a.created_ns);
    harness_append (a, "one");
    CU_ASSERT (harness_info (a).appended_ns > of_a.created_ns);
    CU_ASSERT_EQUAL (clfs_log_close (a), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (b), STATUS_SUCCESS);
    clfs_info again;
    CU_ASSERT_EQUAL (clfs_log_peek (h.store, "a", &again, NULL), STATUS_SUCCESS);
    CU_ASSERT (memcmp (of_a.id, again.id, 16) == 0);
    CU_ASSERT_EQUAL (again.created_ns, of_a.created_ns);
    CU_ASSERT (again.appended_ns > of_a.created_ns);
    harness_end (&h);
}

/* ---- read-only ---- */

static void
a_read_only_store_changes_nothing_and_refuses_changes (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    harness_append (log, "one");
    CU_ASSERT_EQUAL (clfs_log_flush (log, 0, NULL), STATUS_SUCCESS);
    harness_append (log, "two");
    CU_ASSERT_EQUAL (clfs_log_flush (log, 0, NULL), STATUS_SUCCESS);
    harness_append (log, "in memory only");
    clfs_sim_kill (h.disk);
    uint64_t ios = clfs_sim_io_count (h.disk);
    clfs_store *store = harness_other (&h, CLFS_STORE_INLINE | CLFS_STORE_READ_ONLY);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, "a", CLFS_LOG_WRITE, &log), STATUS_SUCCESS);
    clfs_info info = harness_info (log);
    CU_ASSERT_EQUAL (info.state, CLFS_STATE_READ_ONLY);
    g_autofree char *all = harness_records (log);
    CU_ASSERT_STRING_EQUAL (all, "one|two|");
    g_autofree char *durable = harness_stream (log, true);
    CU_ASSERT_STRING_EQUAL (durable, "one");
    struct iovec vector = { (void *) "x", 1 };
    CU_ASSERT_EQUAL (clfs_log_append (log, &vector, 1, NULL, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_set_base (log, 0x200), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_write_restart (log, "r", 1, CLFS_INVALID_LSN, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_reset (log), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_set (log, CLFS_SET_FLUSH_MS, 1), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_add_containers (log, 1, NULL, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    clfs_writer *writer;
    size_t taken;
    CU_ASSERT_EQUAL (clfs_writer_open (log, &writer), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_writer_write (writer, "x", 1, 0, &taken), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_writer_close (writer), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_sim_io_count (h.disk), ios);
    CU_ASSERT_EQUAL (clfs_log_create (store, "b", NULL, NULL), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_delete (store, "a", 0), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_log_rename (store, "a", "b"), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    harness_boot (&h);
    log = harness_log (&h, "a");
    g_autofree char *recovered = harness_records (log);
    CU_ASSERT_STRING_EQUAL (recovered, "one|two|in memory only|");
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static void
pass_seconds (clfs_store *store, int64_t seconds)
{
    /* The simulated clock runs as it is looked at. */
    clfs_storage *storage = store->storage;
    int64_t until = storage->ops->now_ns (storage) + seconds * 1000000000;
    while (storage->ops->now_ns (storage) < until)
        ;
}

static void
a_reader_beside_a_writer_follows_it_when_it_comes_to_the_end (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *writer = harness_log (&h, "a");
    harness_append (writer, "one");
    CU_ASSERT_EQUAL (clfs_log_flush (writer, 0, NULL), STATUS_SUCCESS);
    clfs_store *store = harness_other (&h, CLFS_STORE_INLINE);
    clfs_log *reader;
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, "a", CLFS_LOG_READ, &reader), STATUS_SUCCESS);
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (reader, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_END_OF_FILE);
    uint64_t ios = clfs_sim_io_count (h.disk);
    unsigned count = 0;
    for (int round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 40; i++) {
            CU_ASSERT_EQUAL_FATAL (harness_append_number (writer, count + i, 5000, NULL), STATUS_SUCCESS);
        }
        if (round == 5)
            CU_ASSERT_EQUAL (clfs_log_set_base (writer, harness_info (writer).last), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (clfs_log_flush (writer, 0, NULL), STATUS_SUCCESS);
        ios = clfs_sim_io_count (h.disk);
        pass_seconds (store, 1);
        for (unsigned i = 0; i < 40; i++, count++) {
            NTSTATUS status = clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record);
            if (status != STATUS_SUCCESS)
                printf ("  round %d record %u: %s\n", round, i, clfs_error_message ());
            CU_ASSERT_EQUAL_FATAL (status, STATUS_SUCCESS);
            CU_ASSERT (harness_is_number (&record, count, 5000));
        }
        pass_seconds (store, 1);
        CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_END_OF_FILE);
        clfs_info seen = harness_info (reader), is = harness_info (writer);
        CU_ASSERT_EQUAL (seen.next, is.next);
        CU_ASSERT_EQUAL (seen.end_offset, is.end_offset);
        CU_ASSERT_EQUAL (seen.base, is.base);
        CU_ASSERT (seen.durable_below <= is.durable_below);
        CU_ASSERT_EQUAL (clfs_sim_io_count (h.disk), ios);
    }
    clfs_cursor_close (cursor);
    CU_ASSERT_EQUAL (clfs_log_close (reader), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (writer), STATUS_SUCCESS);
    harness_end (&h);
}

static void
with_all_a_log_begins_at_the_oldest_record_that_is_there (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a");
    unsigned count = 0;
    clfs_lsn_t lsn = 0;
    for (; clfs_lsn_container (lsn) < 2; count++)
        CU_ASSERT_EQUAL_FATAL (harness_append_number (log, count, 10000, &lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set_base (log, lsn), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    for (int all = 0; all < 2; all++) {
        clfs_store *store = harness_other (&h, CLFS_STORE_INLINE | CLFS_STORE_READ_ONLY | (all ? CLFS_STORE_ALL : 0));
        CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, "a", CLFS_LOG_READ, &log), STATUS_SUCCESS);
        clfs_cursor *cursor;
        clfs_record record;
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
        unsigned first = all ? 0 : count - 1;
        CU_ASSERT_EQUAL (harness_info (log).base_offset, first * 10000);
        for (unsigned i = first; i < count; i++) {
            CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
            CU_ASSERT (harness_is_number (&record, i, 10000));
            CU_ASSERT_EQUAL (record.stream_offset, i * 10000);
        }
        CU_ASSERT_EQUAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_END_OF_FILE);
        clfs_cursor_close (cursor);
        CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
        CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    }
    harness_end (&h);
}

static void
a_handle_that_reads_changes_nothing_also_beside_one_that_writes (void)
{
    harness h = { 0 };
    harness_start (&h, CLFS_STORE_INLINE);
    clfs_log *log = harness_log (&h, "a"), *reading;
    clfs_lsn_t two;
    harness_append (log, "one");
    two = harness_append (log, "two");
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (h.store, "a", CLFS_LOG_READ, &reading), STATUS_SUCCESS);
    struct iovec vector = { (void *) "x", 1 };
    clfs_writer *writer;
    CU_ASSERT_EQUAL (clfs_log_append (reading, &vector, 1, NULL, NULL), STATUS_ACCESS_DENIED);
    CU_ASSERT_EQUAL (clfs_writer_open (reading, &writer), STATUS_ACCESS_DENIED);
    CU_ASSERT_EQUAL (clfs_log_set_base (reading, two), STATUS_ACCESS_DENIED);
    CU_ASSERT_EQUAL (clfs_log_write_restart (reading, "x", 1, CLFS_INVALID_LSN, NULL), STATUS_ACCESS_DENIED);
    CU_ASSERT_EQUAL (clfs_log_reset (reading), STATUS_ACCESS_DENIED);
    CU_ASSERT_EQUAL (clfs_log_set (reading, CLFS_SET_FLUSH_MS, 1), STATUS_ACCESS_DENIED);
    CU_ASSERT_EQUAL (clfs_log_add_containers (reading, 1, NULL, NULL), STATUS_ACCESS_DENIED);
    g_autofree char *records = harness_records (reading);
    CU_ASSERT_STRING_EQUAL (records, "one|two|");
    CU_ASSERT_EQUAL (clfs_log_close (reading), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    harness_end (&h);
}

static const clfs_test tests[] = {
    CLFS_TEST (a_handle_that_reads_changes_nothing_also_beside_one_that_writes),
    CLFS_TEST (names_are_valid_or_refused_with_a_reason),
    CLFS_TEST (logs_that_are_not_there_are_not_found),
    CLFS_TEST (a_log_is_durable_when_it_was_made_and_gone_when_it_was_removed),
    CLFS_TEST (an_open_log_is_not_removed_and_not_renamed),
    CLFS_TEST (only_an_empty_log_is_removed_if_that_is_asked),
    CLFS_TEST (a_rename_keeps_everything_and_never_replaces),
    CLFS_TEST (a_power_loss_in_a_removal_leaves_a_whole_log_or_none_of_its_files),
    CLFS_TEST (a_power_loss_in_a_rename_leaves_the_log_under_one_name),
    CLFS_TEST (a_power_loss_while_a_log_is_made_leaves_a_whole_one_or_none),
    CLFS_TEST (a_log_has_one_engine_in_a_store_and_one_writer_among_stores),
    CLFS_TEST (a_second_process_is_refused_with_the_pid_of_the_first_until_it_closes),
    CLFS_TEST (one_mount_holds_the_store_and_library_users_do_not_mind),
    CLFS_TEST (a_store_is_a_directory_that_is_there_or_made_for_the_owner_alone),
    CLFS_TEST (an_idle_log_is_closed_cleanly_after_its_time_and_not_before),
    CLFS_TEST (closing_a_store_closes_its_idle_logs_cleanly),
    CLFS_TEST (a_peek_tells_a_clean_end_an_unclean_one_and_an_open_log),
    CLFS_TEST (info_tells_the_guid_the_creation_and_the_last_append),
    CLFS_TEST (a_read_only_store_changes_nothing_and_refuses_changes),
    CLFS_TEST (a_reader_beside_a_writer_follows_it_when_it_comes_to_the_end),
    CLFS_TEST (with_all_a_log_begins_at_the_oldest_record_that_is_there),
};
CLFS_TEST_MAIN (tests)
