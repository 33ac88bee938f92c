/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

struct clfs_mount clfs_mount;

static bool foreground = true, debugging;
static int ready_fd = -1; /* the parent waits at the other end */
static int to_syslog;     /* atomic */

static uint64_t counters[CLFS_COUNTERS];
static GThreadPool *pool;
static GMutex pool_lock;

/* ---- shared by the whole mount ------------------------------------------------------------- */

void
clfs_mount_count (enum clfs_counter counter, uint64_t add)
{
    __atomic_fetch_add (&counters[counter], add, __ATOMIC_RELAXED);
}

uint64_t
clfs_mount_counter (enum clfs_counter counter)
{
    return __atomic_load_n (&counters[counter], __ATOMIC_RELAXED);
}

struct deferred {
    GFunc run;
    void *data;
};

static void
run_deferred (gpointer data, gpointer user_data)
{
    struct deferred *deferred = data;

    (void) user_data;
    deferred->run (deferred->data, NULL);
    g_free (deferred);
}

void
clfs_mount_defer (GFunc run, void *data)
{
    struct deferred *deferred = g_new (struct deferred, 1);

    *deferred = (struct deferred){ run, data };
    g_mutex_lock (&pool_lock);
    if (pool == NULL)
        pool = g_thread_pool_new (run_deferred, NULL, CLFS_MOUNT_POOL_THREADS, FALSE, NULL);
    /* FALSE only says that no thread could be added just now: those there are will take it. */
    g_thread_pool_push (pool, deferred, NULL);
    g_mutex_unlock (&pool_lock);
}

void
clfs_mount_pool_end (void)
{
    GThreadPool *ending;

    g_mutex_lock (&pool_lock);
    ending = g_steal_pointer (&pool);
    g_mutex_unlock (&pool_lock);
    if (ending != NULL)
        g_thread_pool_free (ending, FALSE, TRUE);
}

int
clfs_mount_errno (NTSTATUS status)
{
    int error = clfs_status_errno (status);

    /* ENOSYS would make the kernel stop asking, and 0 would be a lie. */
    return error <= 0 || error == ENOSYS ? EIO : error;
}

const char *
clfs_mount_message (NTSTATUS status)
{
    const char *message = clfs_error_message ();

    return *message != '\0' ? message : g_strerror (clfs_mount_errno (status));
}

void
clfs_mount_say (int level, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    if (g_atomic_int_get (&to_syslog)) {
        vsyslog (level, format, args);
    } else {
        g_autofree char *line = g_strdup_vprintf (format, args);
        fprintf (stderr, "clfs: %s\n", line);
    }
    va_end (args);
}

void
clfs_mount_say_rarely (int level, const char *format, ...)
{
    static GMutex lock;
    static char *said[CLFS_MOUNT_RARE_LINES_MAX]; /* since `began` */
    static unsigned count;
    static gint64 began;
    g_autoptr (GString) line = g_string_new (NULL);
    g_autofree char *text = NULL;
    gint64 now = g_get_monotonic_time ();
    bool anew = true;
    va_list args;

    va_start (args, format);
    text = g_strdup_vprintf (format, args);
    va_end (args);
    clfs_text_append_line (line, text);
    g_mutex_lock (&lock);
    if (now - began >= G_TIME_SPAN_SECOND) {
        while (count > 0)
            g_clear_pointer (&said[--count], g_free);
        began = now;
    }
    for (unsigned i = 0; i < count; i++)
        anew = anew && strcmp (said[i], line->str) != 0;
    anew = anew && count < CLFS_MOUNT_RARE_LINES_MAX;
    if (anew)
        said[count++] = g_strdup (line->str);
    g_mutex_unlock (&lock);
    if (anew)
        clfs_mount_say (level, "%s", line->str);
}

static void
say_for_library (int level, const char *line, void *data)
{
    (void) data;
    clfs_mount_say (level, "%s", line);
}

/* ---- libfuse's messages -------------------------------------------------------------------- */

static void
say_for_fuse (enum fuse_log_level level, const char *format, va_list args)
{
    g_autofree char *line = NULL;

    if (level == FUSE_LOG_DEBUG) {
        if (debugging)
            vfprintf (stderr, format, args);
        return;
    }
    line = g_strchomp (g_strdup_vprintf (format, args));
    clfs_mount_say ((int) level, "%s", g_str_has_prefix (line, "fuse: ") ? line + strlen ("fuse: ") : line);
}

void
clfs_daemon_take_fuse_log (void)
{
    fuse_set_log_func (say_for_fuse);
}

/* "fuse: a\nfusermount3: b\n" as "a; fusermount3: b". */
static char *
one_line (char *text)
{
    g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
    GString *out = g_string_new (NULL);

    for (char **line = lines; *line != NULL; line++) {
        const char *start = g_str_has_prefix (*line, "fuse: ") ? *line + strlen ("fuse: ") : *line;
        if (*start == '\0')
            continue;
        if (out->len > 0)
            g_string_append (out, "; ");
        g_string_append (out, start);
    }
    return g_string_free (out, FALSE);
}

static void
fuse_log_to_stderr (enum fuse_log_level level, const char *format, va_list args)
{
    if (level != FUSE_LOG_DEBUG)
        vfprintf (stderr, format, args);
}

char *
clfs_daemon_capture (int (*run) (void *data), void *data, int *result)
{
    g_autofree char *text = g_malloc0 (4096);
    int file, former;

    fflush (stderr);
    file = memfd_create ("stderr", MFD_CLOEXEC);
    former = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (file < 0 || former < 0 || dup2 (file, STDERR_FILENO) < 0) {
        *result = run (data);
        goto out;
    }
    fuse_set_log_func (fuse_log_to_stderr);
    *result = run (data);
    fflush (stderr);
    dup2 (former, STDERR_FILENO);
    if (pread (file, text, 4095, 0) < 0)
        text[0] = '\0';
out:
    clfs_daemon_take_fuse_log ();
    if (file >= 0)
        close (file);
    if (former >= 0)
        close (former);
    return one_line (text);
}

/* ---- start --------------------------------------------------------------------------------- */

/* The parent: exits as the child says. */
static void G_GNUC_NORETURN
wait_for_child (pid_t child, int fd)
{
    char ready;
    ssize_t got;
    int status;

    do
        got = read (fd, &ready, 1);
    while (got < 0 && errno == EINTR);
    if (got == 1)
        _exit (0);
    while (waitpid (child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED (status))
        fprintf (stderr, "clfs: the daemon was ended by signal %d before the mount answered\n", WTERMSIG (status));
    _exit (WIFEXITED (status) && WEXITSTATUS (status) != 0 ? WEXITSTATUS (status) : 1);
}

void
clfs_daemon_start (bool stay, bool debug)
{
    int fds[2];
    pid_t child;

    foreground = stay;
    debugging = debug;
    signal (SIGPIPE, SIG_IGN);
    clfs_set_log_handler (say_for_library, NULL);
    clfs_daemon_take_fuse_log ();
    if (foreground)
        return;
    if (pipe2 (fds, O_CLOEXEC) < 0 || (child = fork ()) < 0) {
        fprintf (stderr, "clfs: cannot start a process: %s\n", g_strerror (errno));
        exit (1);
    }
    if (child > 0) {
        close (fds[1]);
        wait_for_child (child, fds[0]);
    }
    close (fds[0]);
    ready_fd = fds[1];
    setsid ();
    if (chdir ("/") < 0)
        clfs_mount_say (LOG_WARNING, "cannot leave the current directory: %s", g_strerror (errno));
}

void
clfs_daemon_ready (void)
{
    g_autofree char *state = g_strdup_printf ("READY=1\nMAINPID=%ld", (long) getpid ());
    int null;

    clfs_daemon_notify (state);
    if (foreground)
        return;
    openlog ("clfs", LOG_PID, LOG_DAEMON);
    g_atomic_int_set (&to_syslog, 1);
    null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= 2; fd++)
        dup2 (null, fd);
    if (null > 2)
        close (null);
    if (write (ready_fd, "r", 1) < 0)
        clfs_mount_say (LOG_WARNING, "the process that asked for the mount is gone");
    close (ready_fd);
    ready_fd = -1;
}

void
clfs_daemon_notify (const char *state)
{
    const char *path = g_getenv ("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t bytes;
    int fd;

    if (path == NULL || (path[0] != '/' && path[0] != '@'))
        return;
    bytes = strlen (path);
    if (bytes >= sizeof address.sun_path)
        return;
    memcpy (address.sun_path, path, bytes);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto (fd, state, strlen (state), MSG_NOSIGNAL, (struct sockaddr *) &address,
                (socklen_t) (offsetof (struct sockaddr_un, sun_path) + bytes)) < 0)
        clfs_mount_say (LOG_WARNING, "cannot tell the service manager: %s", g_strerror (errno));
    close (fd);
}
