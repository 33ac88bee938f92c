/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - start-up and end of a mount.
 */
#include "daemon.h"
#include "handle.h"
#include "locks.h"
#include "ops.h"
#include "options.h"
#include "parked.h"
#include "unmount.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

static int G_GNUC_PRINTF (1, 2)
fail (const char *format, ...)
{
    g_autofree char *line = NULL;
    va_list args;

    va_start (args, format);
    line = g_strdup_vprintf (format, args);
    va_end (args);
    clfs_mount_say (LOG_ERR, "%s", line);
    return 1;
}

/* ---- before the fork: what can be wrong with the names ------------------------------------- */

static bool
is_empty (const char *path)
{
    struct dirent *entry;
    DIR *directory = opendir (path);
    bool empty = true;

    if (directory == NULL)
        return true; /* mounting on it will say what is wrong */
    while (empty && (entry = readdir (directory)) != NULL)
        empty = strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0;
    closedir (directory);
    return empty;
}

/* Absolute, since the daemon changes its directory; the store need not exist yet. */
static char *
absolute (const char *path)
{
    char *resolved = realpath (path, NULL);

    return resolved != NULL ? resolved : g_canonicalize_filename (path, NULL);
}

/* A mount that is ending is waited for, as its store is. */
static bool
check_mountpoint (const char *path, unsigned wait_seconds)
{
    gint64 until = g_get_monotonic_time () + wait_seconds * G_TIME_SPAN_SECOND;
    enum clfs_mounted mounted;
    struct stat st;

    while ((mounted = clfs_unmount_dead (path)) == CLFS_MOUNTED_ALIVE && g_get_monotonic_time () < until)
        g_usleep (CLFS_MOUNT_LOCK_RETRY_US);
    switch (mounted) {
    case CLFS_MOUNTED_ALIVE:
        fail ("mountpoint %s: a store is mounted there", path);
        return false;
    case CLFS_MOUNTED_STUCK:
        return false;
    case CLFS_MOUNTED_DEAD:
        clfs_mount_say (LOG_NOTICE, "mountpoint %s: took away the mount of a daemon that had died", path);
        break;
    case CLFS_MOUNTED_NONE:
        break;
    }
    if (stat (path, &st) < 0)
        fail ("mountpoint %s: %s", path, g_strerror (errno));
    else if (!S_ISDIR (st.st_mode))
        fail ("mountpoint %s: not a directory", path);
    else if (!is_empty (path))
        fail ("mountpoint %s: not empty", path);
    else
        return true;
    return false;
}

static bool
check_store (const char *path)
{
    struct stat st;

    if (stat (path, &st) < 0 || S_ISDIR (st.st_mode))
        return true; /* opening it says the rest */
    fail ("store %s: not a directory", path);
    return false;
}

/* ---- readiness and signals ----------------------------------------------------------------- */

/* Waits for an answer from the mount itself, through the kernel; returns 0 or an errno. A process without any of our files asks: a
 * thread of this one that waits for an answer cannot be killed, keeps /dev/fuse open, and so would keep everybody waiting for
 * a daemon that was killed meanwhile. */
static int
ask_mount (void)
{
    struct statvfs st;
    pid_t child;
    int status;

    child = fork ();
    if (child < 0)
        return errno;
    if (child == 0) {
        close_range (0, ~0U, 0);
        _exit (statvfs (clfs_mount.mountpoint, &st) == 0 ? 0 : errno);
    }
    while (waitpid (child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED (status) ? WEXITSTATUS (status) : EINTR;
}

static gpointer
become_ready (gpointer data)
{
    int error = ask_mount ();

    if (error == 0)
        clfs_daemon_ready ();
    else
        clfs_mount_say (LOG_ERR, "%s does not answer: %s", clfs_mount.mountpoint, g_strerror (error));
    return data;
}

static void
started (void)
{
    g_thread_unref (g_thread_new ("ready", become_ready, NULL));
}

static sigset_t end_signals;

static gpointer
wait_for_signal (gpointer data)
{
    int number;

    if (sigwait (&end_signals, &number) != 0)
        return data;
    clfs_mount_say (LOG_INFO, "signal %d: flushing and unmounting %s", number, clfs_mount.mountpoint);
    fuse_session_exit (clfs_mount.session);
    /* The threads look at that after their next request: here it is. */
    (void) !ask_mount ();
    return data;
}

/* ---- the mount ----------------------------------------------------------------------------- */

static int
mount_session (void *data)
{
    return fuse_session_mount (clfs_mount.session, data);
}

static int
new_session (void *data)
{
    struct clfs_options *options = data;
    g_autofree char *fsname = g_strdup_printf ("fsname=%s", options->store != NULL ? options->store : "");
    char *list = NULL;
    int result;

    /* The store's name may have a comma in it. */
    result = fuse_opt_add_opt_escaped (&list, fsname) == 0 && fuse_opt_add_opt (&list, "subtype=clfs") == 0
             && fuse_opt_add_opt (&list, "default_permissions") == 0
             && fuse_opt_add_arg (&options->mount_args, "-o") == 0
             && fuse_opt_add_arg (&options->mount_args, list) == 0
             && (!options->debug || fuse_opt_add_arg (&options->mount_args, "-d") == 0);
    free (list);
    if (!result)
        return -1;
    clfs_mount.session = fuse_session_new (&options->mount_args, &clfs_ops, sizeof clfs_ops, NULL);
    return clfs_mount.session != NULL ? 0 : -1;
}

/* libfuse knows which options it and the kernel take. */
static bool
make_session (struct clfs_options *options)
{
    g_autofree char *said = NULL;
    int result;

    said = clfs_daemon_capture (new_session, options, &result);
    if (result != 0)
        fail ("%s; clfs --help lists the options", said);
    return result == 0;
}

/* Waits for a store that is in use, but not for logs: whose log another process has gets EBUSY at once, or reads it. So
 * the waiting is done here, and not by the library. */
static bool
open_store (const struct clfs_options *options)
{
    clfs_store_options store = {
        .flags = options->read_only ? CLFS_STORE_READ_ONLY | (options->all ? CLFS_STORE_ALL : 0)
                                    : CLFS_STORE_CREATE | CLFS_STORE_MOUNT_LOCK,
        .idle_close_ms = CLFS_MOUNT_IDLE_CLOSE_MS,
    };
    gint64 until = g_get_monotonic_time () + options->wait_seconds * G_TIME_SPAN_SECOND;
    NTSTATUS status;

    for (;;) {
        status = clfs_store_open (options->store, &store, &clfs_mount.store);
        if (status != STATUS_SHARING_VIOLATION || g_get_monotonic_time () >= until)
            break;
        g_usleep (CLFS_MOUNT_LOCK_RETRY_US);
    }
    if (NT_SUCCESS (status))
        return true;
    fail ("%s", clfs_mount_message (status));
    return false;
}

static bool
mount_store (struct clfs_options *options)
{
    g_autofree char *said = NULL;
    int result;

    said = clfs_daemon_capture (mount_session, options->mountpoint, &result);
    if (result != 0) {
        if (geteuid () != 0 && g_find_program_in_path ("fusermount3") == NULL)
            fail ("cannot mount %s: fusermount3 is not there; install the package fuse3", options->mountpoint);
        else
            fail ("cannot mount %s: %s", options->mountpoint, said);
        return false;
    }
    return true;
}

static int
serve (const struct clfs_options *options)
{
    struct fuse_loop_config *config;
    int result;

    if (options->single_thread)
        return fuse_session_loop (clfs_mount.session);
    config = fuse_loop_cfg_create ();
    fuse_loop_cfg_set_max_threads (config, CLFS_MOUNT_THREADS_MAX);
    fuse_loop_cfg_set_clone_fd (config, 0);
    result = fuse_session_loop_mt (clfs_mount.session, config);
    fuse_loop_cfg_destroy (config);
    return result;
}

static void
close_handles (void)
{
    g_autoptr (GPtrArray) handles = clfs_handles_all ();

    for (guint i = 0; i < handles->len; i++) {
        struct clfs_handle *handle = handles->pdata[i];
        clfs_handle_release (handle);
        clfs_handle_unref (handle);
    }
}

/* Flushes and closes all, and only then lets the mount go: whoever sees it gone may copy the store. */
static int
end (void)
{
    NTSTATUS status;

    clfs_daemon_notify ("STOPPING=1");
    clfs_locks_end ();
    /* What was parked may leave work for the pool, and that may park something. */
    do
        clfs_mount_pool_end ();
    while (clfs_parked_drain ());
    close_handles ();
    clfs_mount_pool_end ();
    status = clfs_store_close (clfs_mount.store);
    if (!NT_SUCCESS (status))
        fail ("%s", clfs_error_message ());
    fuse_session_unmount (clfs_mount.session);
    clfs_nodes_free ();
    return NT_SUCCESS (status) ? 0 : 1;
}

/* A thousand open logs need more than a thousand files. */
static void
raise_file_limit (void)
{
    struct rlimit limit;

    if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit (RLIMIT_NOFILE, &limit) < 0)
            clfs_mount_say (LOG_WARNING, "cannot raise the limit of open files: %s", g_strerror (errno));
    }
}

static int
run (struct clfs_options *options)
{
    int result;

    /* All threads inherit this: the signals that end the mount go to one thread that waits for them. */
    sigemptyset (&end_signals);
    sigaddset (&end_signals, SIGTERM);
    sigaddset (&end_signals, SIGINT);
    sigaddset (&end_signals, SIGHUP);
    pthread_sigmask (SIG_BLOCK, &end_signals, NULL);
    raise_file_limit ();
    clfs_mount.read_only = options->read_only;
    clfs_mount.uid = geteuid ();
    clfs_mount.gid = getegid ();
    clfs_mount.new_log = options->new_log;
    clfs_mount.mountpoint = options->mountpoint;
    if (!open_store (options))
        return 1;
    clfs_nodes_init ();
    clfs_handles_init ();
    clfs_ops_started = started;
    if (!mount_store (options)) {
        if (!NT_SUCCESS (clfs_store_close (clfs_mount.store)))
            fail ("%s", clfs_error_message ());
        return 1;
    }
    g_thread_unref (g_thread_new ("signals", wait_for_signal, NULL));
    result = serve (options);
    if (result < 0)
        fail ("%s: %s", options->mountpoint, g_strerror (-result));
    return end () != 0 || result < 0 ? 1 : 0;
}

static void
make_absolute (char **path)
{
    char *resolved;

    if (*path == NULL)
        return;
    resolved = absolute (*path);
    g_free (*path);
    *path = resolved;
}

int
main (int argc, char **argv)
{
    struct clfs_options options;
    int status = 2;

    if (!clfs_options_parse (argc, argv, &options))
        goto out;
    status = 0;
    if (options.help) {
        fputs (clfs_options_help (), stdout);
        goto out;
    }
    if (options.version) {
        printf ("clfs %s, libfuse %s\n", clfs_version (), fuse_pkgversion ());
        goto out;
    }
    if (!options.unmount)
        make_absolute (&options.store);
    if (!make_session (&options) || !clfs_options_check (&options)) {
        status = 2;
    } else if (options.unmount) {
        status = clfs_unmount (options.mountpoint);
    } else if (!check_store (options.store) || !check_mountpoint (options.mountpoint, options.wait_seconds)) {
        status = 1;
    } else {
        make_absolute (&options.mountpoint);
        clfs_daemon_start (options.foreground, options.debug);
        status = run (&options);
    }
out:
    if (clfs_mount.session != NULL)
        fuse_session_destroy (clfs_mount.session);
    clfs_options_clear (&options);
    return status;
}
