/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * unmount.c - clfs -u. umount(2) does not wait for a FUSE daemon, so this does: it learns the daemon's pid from the
 * mount before, and waits for its end after.
 */
#include "unmount.h"
#include "ioctl.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* A mount that is busy is looked at again for a second. */
#define BUSY_LOOKS 20
#define BUSY_LOOK_US 50000

/* Undoes the octal escapes of /proc/self/mountinfo. */
static char *
unescape (const char *text)
{
    return g_strcompress (text);
}

/* Whether the topmost mount on the path is ours. *source: the store; free with g_free. *writes: it is not read-only. */
static bool
find_mount (const char *path, char **source, bool *writes)
{
    g_autofree char *table = NULL;
    g_auto (GStrv) lines = NULL;
    bool found = false;

    *source = NULL;
    *writes = false;
    if (!g_file_get_contents ("/proc/self/mountinfo", &table, NULL, NULL))
        return false;
    lines = g_strsplit (table, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        g_auto (GStrv) fields = g_strsplit (*line, " ", -1);
        const char *rest = strstr (*line, " - ");
        g_autofree char *point = NULL;
        if (rest == NULL || g_strv_length (fields) < 6)
            continue;
        point = unescape (fields[4]);
        if (strcmp (point, path) != 0)
            continue;
        found = g_str_has_prefix (rest, " - fuse.clfs ");
        g_clear_pointer (source, g_free);
        if (found) {
            g_auto (GStrv) last = g_strsplit (rest + strlen (" - fuse.clfs "), " ", 2);
            *source = unescape (last[0]);
            *writes = strcmp (fields[5], "rw") == 0 || g_str_has_prefix (fields[5], "rw,");
        }
    }
    return found;
}

/* The path as the kernel has it, without asking the mount itself, which may be dead. Free with g_free. */
static char *
canonical (const char *path)
{
    g_autofree char *parent = g_path_get_dirname (path);
    g_autofree char *name = g_path_get_basename (path);
    char *resolved;

    resolved = realpath (path, NULL);
    if (resolved == NULL && strcmp (name, ".") != 0 && strcmp (name, "..") != 0) {
        g_autofree char *base = realpath (parent, NULL);
        return base != NULL ? g_build_filename (base, name, NULL) : NULL;
    }
    return resolved;
}

/* "pid N" in the mount's version file; 0 if nobody serves the mount any more, or it cannot be known who. */
static pid_t
find_pid (const char *mountpoint, const char *store, bool writes)
{
    g_autofree char *version = g_build_filename (mountpoint, ".clfs", "version", NULL);
    g_autofree char *lock = g_build_filename (store, ".mount.lock", NULL);
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;
    const char *pid;

    if (g_file_get_contents (version, &text, NULL, &error)) {
        pid = strstr (text, "pid ");
        return pid != NULL ? (pid_t) strtol (pid + strlen ("pid "), NULL, 10) : 0;
    }
    /* A mount of another user keeps even root out, but the store's lock names who writes to it. Not otherwise: a dead
     * mount's store may be in use by another mount, and so may that of a read-only one. */
    if (writes && error->code == G_FILE_ERROR_ACCES && g_file_get_contents (lock, &text, NULL, NULL))
        return (pid_t) strtol (text, NULL, 10);
    return 0;
}

/* A descriptor that becomes readable when the process ends, or -1. The name guards against a pid of another
 * namespace. */
static int
watch_pid (pid_t pid)
{
    g_autofree char *path = g_strdup_printf ("/proc/%ld/comm", (long) pid);
    g_autofree char *name = NULL;

    if (pid <= 0 || !g_file_get_contents (path, &name, NULL, NULL) || !g_str_has_suffix (name, "clfs\n"))
        return -1;
    return (int) syscall (SYS_pidfd_open, pid, 0);
}

/* Everything that was written must be on disk before the mount goes: afterwards nobody would hear of an error. */
static int
flush_all (const char *mountpoint)
{
    int fd, error = 0;

    fd = open (mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return 0; /* dead, or not ours to look into: the daemon flushes at its end */
    if (ioctl (fd, CLFS_IOC_FLUSH_ALL) < 0)
        error = errno;
    close (fd);
    return error == ENOTTY || error == ENOTCONN || error == EPERM ? 0 : error;
}

/* Runs fusermount3, whose messages are clear. Returns 0 or an errno; -1 if it said what was wrong. */
static int
detach (const char *path)
{
    char *argv[] = { (char *) "fusermount3", (char *) "-u", (char *) "--", (char *) path, NULL };
    g_autofree char *said = NULL;
    g_autoptr (GError) error = NULL;
    int status;

    if (geteuid () == 0)
        return umount2 (path, UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
    if (!g_spawn_sync ("/", argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &said, &status, &error)) {
        fprintf (stderr, "clfs: cannot unmount %s: fusermount3 (package fuse3): %s\n", path, error->message);
        return -1;
    }
    if (g_spawn_check_wait_status (status, NULL))
        return 0;
    if (strstr (said, "busy") != NULL)
        return EBUSY;
    fprintf (stderr, "clfs: cannot unmount %s: %s\n", path, g_strchomp (said));
    return -1;
}

int
clfs_unmount (const char *mountpoint)
{
    g_autofree char *path = canonical (mountpoint);
    g_autofree char *store = NULL;
    struct pollfd watch;
    int error, unflushed;
    bool writes;

    if (path == NULL || !find_mount (path, &store, &writes)) {
        fprintf (stderr, "clfs: no store is mounted on %s\n", mountpoint);
        return 1;
    }
    watch = (struct pollfd){ .fd = watch_pid (find_pid (path, store, writes)), .events = POLLIN };
    unflushed = flush_all (path);
    if (unflushed != 0)
        fprintf (stderr, "clfs: %s: not everything could be flushed: %s; the log of the daemon says what\n", path,
                 g_strerror (unflushed));
    error = detach (path);
    /* Whoever only looks (a stat, another clfs that waits for the mountpoint) is in it for a moment. */
    for (int look = 0; error == EBUSY && look < BUSY_LOOKS; look++) {
        g_usleep (BUSY_LOOK_US);
        error = detach (path);
    }
    if (error == EBUSY)
        fprintf (stderr, "clfs: cannot unmount %s: open files, or somebody's current directory, are in it\n", path);
    else if (error > 0)
        fprintf (stderr, "clfs: cannot unmount %s: %s\n", path, g_strerror (error));
    if (error == 0 && watch.fd >= 0)
        while (poll (&watch, 1, -1) < 0 && errno == EINTR)
            continue;
    if (watch.fd >= 0)
        close (watch.fd);
    return error == 0 && unflushed == 0 ? 0 : 1;
}

enum clfs_mounted
clfs_unmount_dead (const char *mountpoint)
{
    g_autofree char *path = canonical (mountpoint);
    g_autofree char *store = NULL;
    struct statvfs st;
    bool writes;
    int error;

    if (path == NULL || !find_mount (path, &store, &writes))
        return CLFS_MOUNTED_NONE;
    /* Not stat(2): the kernel has the directory's attributes for an hour. ECONNABORTED: the daemon died while we
     * asked. */
    if (statvfs (path, &st) == 0 || (errno != ENOTCONN && errno != ECONNABORTED))
        return CLFS_MOUNTED_ALIVE;
    error = detach (path);
    if (error > 0)
        fprintf (stderr, "clfs: mountpoint %s: the mount of a daemon that had died cannot be taken away: %s\n", path,
                 error == EBUSY ? "open files, or somebody's current directory, are in it" : g_strerror (error));
    return error == 0 ? CLFS_MOUNTED_DEAD : CLFS_MOUNTED_STUCK;
}
