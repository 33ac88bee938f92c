/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directory storage: the contract, and what only a real file system and real processes show. */
#include "storage/file_storage_internal.h"
#include "tests/storage/contract.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *store_path;

void
fixture_begin (void)
{
    store_path = g_dir_make_tmp ("clfs-storage-XXXXXX", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL (store_path);
}

static void
remove_directory (const char *path)
{
    GDir *directory = g_dir_open (path, 0, NULL);
    const char *name;

    while (directory != NULL && (name = g_dir_read_name (directory)) != NULL) {
        g_autofree char *child = g_build_filename (path, name, NULL);

        if (g_file_test (child, G_FILE_TEST_IS_DIR) && !g_file_test (child, G_FILE_TEST_IS_SYMLINK))
            remove_directory (child);
        else
            g_unlink (child);
    }
    if (directory != NULL)
        g_dir_close (directory);
    g_rmdir (path);
}

void
fixture_end (void)
{
    remove_directory (store_path);
    g_clear_pointer (&store_path, g_free);
}

clfs_storage *
fixture_open (unsigned flags)
{
    clfs_storage *storage;

    CU_ASSERT_OK_FATAL (clfs_file_storage_open (store_path, flags, &storage));
    return storage;
}

static char *
in_store (const char *name)
{
    return g_build_filename (store_path, name, NULL);
}

/* Runs `body` in a child process; its result is the child's exit status. */
static int
in_child (int (*body) (void))
{
    int status;
    pid_t child;

    fflush (stdout);
    child = fork ();
    if (child == 0)
        _exit (body ());
    CU_ASSERT_FATAL (child > 0);
    CU_ASSERT_EQUAL_FATAL (waitpid (child, &status, 0), child);
    return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

/* ---- the directory -------------------------------------------------------------------------- */

static void
store_is_made_0700_below_a_parent_that_is_there (void)
{
    clfs_storage *storage;
    struct stat status;

    fixture_begin ();
    g_autofree char *path = in_store ("store"), *deeper = in_store ("no/store"), *file = in_store ("file");
    CU_ASSERT_STATUS (clfs_file_storage_open (path, 0, &storage), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_STATUS (clfs_file_storage_open (deeper, CLFS_STORAGE_CREATE, &storage), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_PTR_NULL (storage);
    CU_ASSERT (g_file_set_contents (file, "x", 1, NULL));
    CU_ASSERT_STATUS (clfs_file_storage_open (file, CLFS_STORAGE_CREATE, &storage), STATUS_OBJECT_PATH_NOT_FOUND);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_OK_FATAL (clfs_file_storage_open (path, CLFS_STORAGE_CREATE, &storage));
        storage->ops->close (storage);
    }
    CU_ASSERT_EQUAL (stat (path, &status), 0);
    CU_ASSERT_EQUAL (status.st_mode & 07777, 0700);
    fixture_end ();
}

static void
store_keeps_working_when_its_directory_is_renamed (void)
{
    fixture_begin ();
    g_autofree char *path = in_store ("store"), *moved = in_store ("moved");
    clfs_storage *storage;
    CU_ASSERT_OK_FATAL (clfs_file_storage_open (path, CLFS_STORAGE_CREATE, &storage));
    CU_ASSERT_EQUAL_FATAL (g_rename (path, moved), 0);
    clfs_file *file = make_file (storage, "a", "abc", 3);
    g_autofree char *there = g_build_filename (moved, "a", NULL);
    CU_ASSERT_EQUAL (access (there, F_OK), 0);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
links_fifos_and_directories_are_refused_without_waiting (void)
{
    static const char *const names[] = { "link", "fifo", "directory" };
    clfs_file *file;
    clfs_lock *lock;
    clfs_map *map;
    int64_t pid;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    storage->ops->close_file (make_file (storage, "target", "abc", 3));
    g_autofree char *link = in_store ("link"), *fifo = in_store ("fifo"), *directory = in_store ("directory");
    CU_ASSERT_EQUAL_FATAL (symlink ("target", link), 0);
    CU_ASSERT_EQUAL_FATAL (mkfifo (fifo, 0600), 0);
    CU_ASSERT_EQUAL_FATAL (mkdir (directory, 0700), 0);
    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
        CU_ASSERT_STATUS (storage->ops->open (storage, names[i], 0, &file), STATUS_ACCESS_DENIED);
        CU_ASSERT_STATUS (storage->ops->open (storage, names[i], CLFS_FILE_WRITE, &file), STATUS_ACCESS_DENIED);
        CU_ASSERT_STATUS (storage->ops->lock (storage, names[i], &lock, &pid), STATUS_ACCESS_DENIED);
        CU_ASSERT_STATUS (storage->ops->map (storage, names[i], 0, 4096, &map), STATUS_ACCESS_DENIED);
    }
    CU_ASSERT_STATUS (storage->ops->remove (storage, "directory"), STATUS_ACCESS_DENIED);
    storage->ops->close (storage);
    fixture_end ();
}

static void
files_are_made_0600_and_closed_on_exec (void)
{
    clfs_lock *lock;
    clfs_map *map;
    int64_t pid;
    static const char *const names[] = { "file", "lock", "map" };

    fixture_begin ();
    mode_t mask = umask (0);
    clfs_storage *storage = fixture_open (0);
    clfs_file *file = make_file (storage, "file", NULL, 0);
    CU_ASSERT_OK_FATAL (storage->ops->lock (storage, "lock", &lock, &pid));
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, "map", CLFS_MAP_CREATE, 4096, &map));
    umask (mask);
    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *path = in_store (names[i]);
        struct stat status;

        CU_ASSERT_EQUAL_FATAL (stat (path, &status), 0);
        CU_ASSERT_EQUAL (status.st_mode & 07777, 0600);
    }
    for (int fd = 3; fd < 64; fd++) {
        g_autofree char *entry = g_strdup_printf ("/proc/self/fd/%d", fd);
        g_autofree char *target = g_file_read_link (entry, NULL);

        if (target != NULL && g_str_has_prefix (target, store_path))
            CU_ASSERT ((fcntl (fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    storage->ops->unmap (map);
    storage->ops->unlock (lock);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    fixture_end ();
}

static void
each_errno_has_its_status (void)
{
    CU_ASSERT_STATUS (clfs_file_storage_status (ENOSPC), STATUS_DISK_FULL);
    CU_ASSERT_STATUS (clfs_file_storage_status (EDQUOT), STATUS_DISK_QUOTA_EXCEEDED);
    CU_ASSERT_STATUS (clfs_file_storage_status (EROFS), STATUS_MEDIA_WRITE_PROTECTED);
    CU_ASSERT_STATUS (clfs_file_storage_status (EMFILE), STATUS_TOO_MANY_OPENED_FILES);
    CU_ASSERT_STATUS (clfs_file_storage_status (ENFILE), STATUS_TOO_MANY_OPENED_FILES);
    CU_ASSERT_STATUS (clfs_file_storage_status (ENOMEM), STATUS_INSUFFICIENT_RESOURCES);
    CU_ASSERT_STATUS (clfs_file_storage_status (EACCES), STATUS_ACCESS_DENIED);
    CU_ASSERT_STATUS (clfs_file_storage_status (EPERM), STATUS_ACCESS_DENIED);
    CU_ASSERT_STATUS (clfs_file_storage_status (ENOENT), STATUS_OBJECT_NAME_NOT_FOUND);
    CU_ASSERT_STATUS (clfs_file_storage_status (EEXIST), STATUS_OBJECT_NAME_COLLISION);
    CU_ASSERT_STATUS (clfs_file_storage_status (EIO), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (clfs_file_storage_status (EBADF), STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_STATUS (clfs_file_storage_status (EINTR), STATUS_IO_DEVICE_ERROR);
}

/* ---- locks between processes ---------------------------------------------------------------- */

static int
lock_as_the_second (void)
{
    clfs_storage *storage;
    clfs_lock *lock;
    int64_t pid;

    if (clfs_file_storage_open (store_path, 0, &storage) != STATUS_SUCCESS)
        return 2;
    if (storage->ops->lock (storage, ".lock", &lock, &pid) != STATUS_SHARING_VIOLATION)
        return 3;
    storage->ops->close (storage);
    return pid == getppid () ? 0 : 4;
}

static void
second_process_is_told_the_pid_of_the_first (void)
{
    clfs_lock *lock;
    int64_t pid;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    CU_ASSERT_OK_FATAL (storage->ops->lock (storage, ".lock", &lock, &pid));
    CU_ASSERT_EQUAL (in_child (lock_as_the_second), 0);
    storage->ops->unlock (lock);
    storage->ops->close (storage);
    fixture_end ();
}

static int
lock_and_die (void)
{
    clfs_storage *storage;
    clfs_lock *lock;
    int64_t pid;

    if (clfs_file_storage_open (store_path, 0, &storage) != STATUS_SUCCESS)
        return 2;
    return storage->ops->lock (storage, ".lock", &lock, &pid) == STATUS_SUCCESS ? 0 : 3;
}

static void
lock_of_a_dead_process_is_free (void)
{
    clfs_lock *lock;
    int64_t pid;

    fixture_begin ();
    CU_ASSERT_EQUAL (in_child (lock_and_die), 0);
    clfs_storage *storage = fixture_open (0);
    CU_ASSERT_OK_FATAL (storage->ops->lock (storage, ".lock", &lock, &pid));
    storage->ops->unlock (lock);
    storage->ops->close (storage);
    fixture_end ();
}

/* The holder of a mount hands its lock on by fork: the child's death does not free it, the parent's unlock does. */
static void
lock_belongs_to_the_description_not_to_the_process (void)
{
    clfs_lock *lock, *second;
    int64_t pid;
    int pipe_fds[2], status;
    char byte;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    CU_ASSERT_OK_FATAL (storage->ops->lock (storage, ".lock", &lock, &pid));
    CU_ASSERT_EQUAL_FATAL (pipe (pipe_fds), 0);
    pid_t dies = fork ();
    if (dies == 0)
        _exit (0);
    CU_ASSERT_EQUAL (waitpid (dies, &status, 0), dies);
    CU_ASSERT_STATUS (storage->ops->lock (storage, ".lock", &second, &pid), STATUS_SHARING_VIOLATION);
    pid_t lives = fork ();
    if (lives == 0) {
        close (pipe_fds[1]);
        _exit (read (pipe_fds[0], &byte, 1) == 0 ? 0 : 1);
    }
    storage->ops->unlock (lock);
    CU_ASSERT_OK (storage->ops->lock (storage, ".lock", &second, &pid));
    if (second != NULL)
        storage->ops->unlock (second);
    close (pipe_fds[1]);
    CU_ASSERT_EQUAL (waitpid (lives, &status, 0), lives);
    close (pipe_fds[0]);
    storage->ops->close (storage);
    fixture_end ();
}

/* The moment between another one's flock and its pid in the file. */
static void
owner_that_has_not_written_its_pid_is_unknown (void)
{
    clfs_lock *lock;
    int64_t pid = -1;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    g_autofree char *path = in_store (".lock");
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL (fd >= 0);
    CU_ASSERT_EQUAL_FATAL (flock (fd, LOCK_EX), 0);
    CU_ASSERT_STATUS (storage->ops->lock (storage, ".lock", &lock, &pid), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (pid, 0);
    CU_ASSERT_EQUAL (write (fd, "no number\n", 10), 10);
    CU_ASSERT_STATUS (storage->ops->lock (storage, ".lock", &lock, &pid), STATUS_SHARING_VIOLATION);
    CU_ASSERT_EQUAL (pid, 0);
    close (fd);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- maps ----------------------------------------------------------------------------------- */

static void
area_that_others_may_open_is_refused (void)
{
    clfs_map *map;

    fixture_begin ();
    clfs_storage *storage = fixture_open (0);
    g_autofree char *path = in_store (".area");
    storage->ops->close_file (make_file (storage, ".area", "abc", 3));
    CU_ASSERT_EQUAL_FATAL (chmod (path, 0640), 0);
    CU_ASSERT_STATUS (storage->ops->map (storage, ".area", 0, 4096, &map), STATUS_ACCESS_DENIED);
    CU_ASSERT_EQUAL_FATAL (chmod (path, 0600), 0);
    if (geteuid () == 0) {
        CU_ASSERT_EQUAL_FATAL (chown (path, 12345, (gid_t) -1), 0);
        CU_ASSERT_STATUS (storage->ops->map (storage, ".area", 0, 4096, &map), STATUS_ACCESS_DENIED);
        CU_ASSERT_EQUAL_FATAL (chown (path, 0, (gid_t) -1), 0);
    }
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", 0, 4096, &map));
    storage->ops->unmap (map);
    storage->ops->close (storage);
    fixture_end ();
}

static int
write_to_the_map (void)
{
    clfs_storage *storage;
    clfs_map *map;
    clfs_map_stat status;

    if (clfs_file_storage_open (store_path, 0, &storage) != STATUS_SUCCESS ||
        storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 1 << 20, &map) != STATUS_SUCCESS ||
        storage->ops->map_grow (map, 4096) != STATUS_SUCCESS)
        return 2;
    storage->ops->map_stat (map, &status);
    memcpy (status.base + 100, "left behind", 11);
    raise (SIGKILL);
    return 3;
}

static void
stores_of_a_killed_process_are_in_the_map (void)
{
    clfs_map *map;
    clfs_map_stat status;

    fixture_begin ();
    CU_ASSERT_EQUAL (in_child (write_to_the_map), -1);
    clfs_storage *storage = fixture_open (0);
    CU_ASSERT_OK_FATAL (storage->ops->map (storage, ".area", 0, 1 << 20, &map));
    storage->ops->map_stat (map, &status);
    CU_ASSERT_EQUAL_FATAL (status.allocated_bytes, 4096);
    CU_ASSERT (memcmp (status.base + 100, "left behind", 11) == 0);
    storage->ops->unmap (map);
    storage->ops->close (storage);
    fixture_end ();
}

/* ---- full disk ------------------------------------------------------------------------------ */

enum { CANNOT_MOUNT = 77 };

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf ("  %s:%d: %s\n", __FILE__, __LINE__, #condition);                                                  \
            fflush (stdout);                                                                                           \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

static bool
write_text (const char *path, const char *text)
{
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write (fd, text, strlen (text)) == (ssize_t) strlen (text);

    if (fd >= 0)
        close (fd);
    return written;
}

/* A mount namespace of its own; for others than root in a user namespace, in which it is root. */
static bool
enter_own_namespace (void)
{
    g_autofree char *uid_map = g_strdup_printf ("0 %u 1", (unsigned) geteuid ());
    g_autofree char *gid_map = g_strdup_printf ("0 %u 1", (unsigned) getegid ());

    if (geteuid () == 0)
        return unshare (CLONE_NEWNS) == 0;
    return unshare (CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text ("/proc/self/uid_map", uid_map) &&
           write_text ("/proc/self/setgroups", "deny") && write_text ("/proc/self/gid_map", gid_map);
}

/* On a file system of 2 MiB of its own. */
static int
fill_the_disk (void)
{
    const uint64_t mib = 1024 * 1024;
    clfs_storage *storage;
    clfs_file *file, *small;
    clfs_map *map;
    clfs_file_stat status;
    clfs_map_stat map_status;
    clfs_space space;

    if (!enter_own_namespace () || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount ("tmpfs", store_path, "tmpfs", 0, "size=2m,mode=0700") != 0)
        return CANNOT_MOUNT;
    CHECK (clfs_file_storage_open (store_path, 0, &storage) == STATUS_SUCCESS);
    CHECK (storage->ops->open (storage, "small", CLFS_FILE_CREATE, &small) == STATUS_SUCCESS);
    CHECK (storage->ops->fill_zero (small, mib) == STATUS_SUCCESS);

    CHECK (storage->ops->open (storage, "large", CLFS_FILE_CREATE, &file) == STATUS_SUCCESS);
    CHECK (storage->ops->fill_zero (file, 4 * mib) == STATUS_DISK_FULL);
    CHECK (storage->ops->stat (file, &status) == STATUS_SUCCESS);
    CHECK (status.bytes == 0 && status.allocated_bytes == 0);

    CHECK (storage->ops->map (storage, ".area", CLFS_MAP_CREATE, 8 * mib, &map) == STATUS_SUCCESS);
    CHECK (storage->ops->map_grow (map, 65536) == STATUS_SUCCESS);
    CHECK (storage->ops->map_grow (map, 4 * mib) == STATUS_DISK_FULL);
    storage->ops->map_stat (map, &map_status);
    CHECK (map_status.allocated_bytes == 65536);
    memset (map_status.base, 1, 65536);
    CHECK (storage->ops->space (storage, &space) == STATUS_SUCCESS);
    CHECK (space.total_bytes == 2 * mib && space.available_bytes < mib && space.available_bytes > mib / 2);

    storage->ops->close_file (small);
    CHECK (storage->ops->remove (storage, "small") == STATUS_SUCCESS);
    CHECK (storage->ops->fill_zero (file, mib) == STATUS_SUCCESS);
    storage->ops->close_file (file);
    storage->ops->unmap (map);
    storage->ops->close (storage);
    return 0;
}

static void
full_disk_is_told_leaves_all_as_it_was_and_ends_with_space (void)
{
    fixture_begin ();
    int result = in_child (fill_the_disk);
    if (result == CANNOT_MOUNT)
        printf ("  no private mount may be made here: not tried\n");
    else
        CU_ASSERT_EQUAL (result, 0);
    fixture_end ();
}

/* The limit on a file's size makes the kernel write the part below it and say so. */
static int
write_across_a_limit (void)
{
    struct rlimit limit = { .rlim_cur = 10000, .rlim_max = 10000 };
    static uint8_t bytes[8000];
    struct iovec pieces[] = { { bytes, sizeof bytes }, { bytes, sizeof bytes } };
    clfs_storage *storage;
    clfs_file *file;
    clfs_file_stat status;

    CHECK (clfs_file_storage_open (store_path, 0, &storage) == STATUS_SUCCESS);
    CHECK (storage->ops->open (storage, "a", CLFS_FILE_CREATE, &file) == STATUS_SUCCESS);
    signal (SIGXFSZ, SIG_IGN);
    CHECK (setrlimit (RLIMIT_FSIZE, &limit) == 0);
    CHECK (storage->ops->write (file, 0, pieces, 2) == STATUS_IO_DEVICE_ERROR);
    CHECK (storage->ops->stat (file, &status) == STATUS_SUCCESS);
    CHECK (status.bytes == 10000);
    storage->ops->close_file (file);
    storage->ops->close (storage);
    return 0;
}

static void
short_write_is_never_a_success (void)
{
    fixture_begin ();
    CU_ASSERT_EQUAL (in_child (write_across_a_limit), 0);
    fixture_end ();
}

static const clfs_test tests[] = {
    CLFS_CONTRACT_TESTS,
    CLFS_TEST (store_is_made_0700_below_a_parent_that_is_there),
    CLFS_TEST (store_keeps_working_when_its_directory_is_renamed),
    CLFS_TEST (links_fifos_and_directories_are_refused_without_waiting),
    CLFS_TEST (files_are_made_0600_and_closed_on_exec),
    CLFS_TEST (each_errno_has_its_status),
    CLFS_TEST (second_process_is_told_the_pid_of_the_first),
    CLFS_TEST (lock_of_a_dead_process_is_free),
    CLFS_TEST (lock_belongs_to_the_description_not_to_the_process),
    CLFS_TEST (owner_that_has_not_written_its_pid_is_unknown),
    CLFS_TEST (area_that_others_may_open_is_refused),
    CLFS_TEST (stores_of_a_killed_process_are_in_the_map),
    CLFS_TEST (full_disk_is_told_leaves_all_as_it_was_and_ends_with_space),
    CLFS_TEST (short_write_is_never_a_success),
};
CLFS_TEST_MAIN (tests)
