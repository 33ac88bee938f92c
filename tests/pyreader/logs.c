/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/pyreader/logs.h"

#include "tests/testing.h"

#include <glib/gstdio.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
quiet (int level, const char *line, void *data)
{
    (void) level;
    (void) line;
    (void) data;
}

void
logs_options (clfs_log_options *options)
{
    clfs_log_options_init (options);
    options->container_bytes = 4 * CLFS_CONTAINER_BYTES_UNIT;
    options->max_bytes = 128 * CLFS_CONTAINER_BYTES_UNIT; /* at most 160 containers: the smaller layout */
    options->flush_ms = 0;
}

void
logs_open (logs *l, unsigned store_flags)
{
    clfs_store_options options = { .flags = CLFS_STORE_INLINE | store_flags };
    CU_ASSERT_EQUAL_FATAL (clfs_store_open (l->directory, &options, &l->store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (l->store, "log", CLFS_LOG_WRITE, &l->log), STATUS_SUCCESS);
}

void
logs_start (logs *l, const clfs_log_options *options)
{
    clfs_log_options own;
    clfs_store_options inline_store = { .flags = CLFS_STORE_INLINE };

    clfs_set_log_handler (quiet, NULL);
    logs_options (&own);
    l->directory = g_dir_make_tmp ("clfs-second-reader-XXXXXX", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL (l->directory);
    CU_ASSERT_EQUAL_FATAL (clfs_store_open (l->directory, &inline_store, &l->store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_create (l->store, "log", options ? options : &own, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (l->store, "log", CLFS_LOG_WRITE, &l->log), STATUS_SUCCESS);
}

void
logs_close (logs *l)
{
    if (l->log)
        CU_ASSERT_EQUAL (clfs_log_close (l->log), STATUS_SUCCESS);
    l->log = NULL;
    CU_ASSERT_EQUAL (clfs_store_close (l->store), STATUS_SUCCESS);
    l->store = NULL;
}

void
logs_end (logs *l)
{
    logs_close (l);
    GDir *entries = g_dir_open (l->directory, 0, NULL);
    for (const char *name; entries && (name = g_dir_read_name (entries)) != NULL;) {
        g_autofree char *path = g_build_filename (l->directory, name, NULL);
        g_unlink (path);
    }
    if (entries)
        g_dir_close (entries);
    CU_ASSERT_EQUAL (g_rmdir (l->directory), 0);
    g_clear_pointer (&l->directory, g_free);
    clfs_set_log_handler (NULL, NULL);
}

void
logs_killed (logs *l, unsigned store_flags, void (*work) (logs *l))
{
    int status;
    fflush (stdout);
    pid_t child = fork ();
    CU_ASSERT_NOT_EQUAL_FATAL (child, -1);
    if (child == 0) {
        clfs_store_options options = { .flags = CLFS_STORE_INLINE | store_flags };
        if (clfs_store_open (l->directory, &options, &l->store) != STATUS_SUCCESS ||
            clfs_log_open (l->store, "log", CLFS_LOG_WRITE, &l->log) != STATUS_SUCCESS)
            _exit (1);
        work (l);
        kill (getpid (), SIGKILL);
    }
    CU_ASSERT_EQUAL_FATAL (waitpid (child, &status, 0), child);
    CU_ASSERT_FATAL (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
}

clfs_lsn_t
logs_append (logs *l, size_t bytes, unsigned seed, const clfs_append_options *options)
{
    clfs_lsn_t lsn = CLFS_INVALID_LSN;
    g_autofree uint8_t *data = g_malloc (bytes + 1);
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < bytes; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (uint8_t) (state >> 24);
    }
    struct iovec buffer = { data, bytes };
    CU_ASSERT_EQUAL (clfs_log_append (l->log, &buffer, 1, options, &lsn), STATUS_SUCCESS);
    return lsn;
}

void
logs_flush (logs *l)
{
    CU_ASSERT_EQUAL (clfs_log_flush (l->log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
}

void
logs_restart (logs *l, const char *text, clfs_lsn_t base)
{
    CU_ASSERT_EQUAL (clfs_log_write_restart (l->log, text, strlen (text), base, NULL), STATUS_SUCCESS);
}

void
logs_damage (logs *l, unsigned container, uint64_t offset)
{
    clfs_container_info containers[8];
    size_t count;
    clfs_store_options options = { .flags = CLFS_STORE_INLINE | CLFS_STORE_READ_ONLY };
    clfs_store *store;
    clfs_log *log;

    CU_ASSERT_EQUAL_FATAL (clfs_store_open (l->directory, &options, &store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, "log", CLFS_LOG_READ, &log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_containers (log, containers, G_N_ELEMENTS (containers), &count), STATUS_SUCCESS);
    CU_ASSERT_FATAL (container < count);
    clfs_log_close (log);
    clfs_store_close (store);

    g_autofree char *path = g_build_filename (l->directory, containers[container].name, NULL);
    FILE *file = fopen (path, "r+b");
    CU_ASSERT_PTR_NOT_NULL_FATAL (file);
    fseek (file, (long) offset, SEEK_SET);
    int byte = fgetc (file);
    fseek (file, (long) offset, SEEK_SET);
    fputc (byte ^ 1, file);
    CU_ASSERT_EQUAL (fclose (file), 0);
}

/* A bound at a container's end may be written in two ways; so that dumps compare, it is the next one's start. */
static clfs_lsn_t
place (clfs_lsn_t lsn, uint64_t container_bytes)
{
    if (lsn != CLFS_INVALID_LSN && (lsn & 0xFFFFFFFF) == container_bytes)
        return ((lsn >> 32) + 1) << 32;
    return lsn;
}

static void
dump_record (GString *out, const clfs_record *record)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *data = record->data;
    g_string_append_printf (out, "record 0x%" PRIx64 " %s 0x%" PRIx64 " 0x%" PRIx64 " %" PRIu64 " %" PRIu32 " ",
                            record->lsn, record->type == CLFS_RECORD_DATA ? "data" : "restart", record->previous,
                            record->undo_next, record->stream_offset, record->bytes);
    for (uint32_t i = 0; i < record->bytes; i++) {
        g_string_append_c (out, digits[data[i] >> 4]);
        g_string_append_c (out, digits[data[i] & 15]);
    }
    g_string_append (out, record->bytes ? "\n" : "-\n");
}

char *
logs_dump_c (const char *directory, const char *name, unsigned flags, NTSTATUS *ended)
{
    clfs_store_options options = { .flags = CLFS_STORE_INLINE | CLFS_STORE_READ_ONLY | flags };
    GString *out = g_string_new (NULL);
    clfs_store *store;
    clfs_log *log;
    clfs_cursor *cursor;
    clfs_info info;
    clfs_record record;

    CU_ASSERT_EQUAL_FATAL (clfs_store_open (directory, &options, &store), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_log_open (store, name, CLFS_LOG_READ, &log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    clfs_log_info (log, &info);
    const struct {
        const char *name;
        uint64_t value;
    } marks[] = {
        { "base", place (info.base, info.container_bytes) },
        { "next", place (info.next, info.container_bytes) },
        { "last", info.last },
        { "durable", place (info.durable_below, info.container_bytes) },
        { "restart", info.restart },
        { "offset", info.end_offset },
    };
    for (size_t i = 0; i < G_N_ELEMENTS (marks); i++)
        g_string_append_printf (out, "mark %s 0x%" PRIx64 "\n", marks[i].name, marks[i].value);
    *ended = clfs_cursor_seek_from (cursor, CLFS_NULL_LSN, &record);
    while (*ended == STATUS_SUCCESS) {
        dump_record (out, &record);
        *ended = clfs_cursor_next (cursor, CLFS_RECORD_DATA | CLFS_RECORD_RESTART, &record);
    }
    clfs_cursor_close (cursor);
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_store_close (store), STATUS_SUCCESS);
    return g_string_free (out, FALSE);
}

char *
logs_run (const char *script, const char *option, const char *directory, const char *name, int *status)
{
    const char *top = g_getenv ("top_srcdir");
    g_autofree char *program = g_build_filename (top ? top : ".", "tests/pyreader", script, NULL);
    g_autofree char *file = g_strconcat (directory, "/", name, ".blf", NULL);
    const char *arguments[] = { "python3", "-B", program, option ? option : file, option ? file : NULL, NULL };
    char *out = NULL;
    g_autofree char *complaint = NULL;

    if (!g_spawn_sync (NULL, (char **) arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &complaint, status,
                       NULL)) {
        CU_FAIL_FATAL ("python3 does not start");
        return NULL;
    }
    if (complaint[0] != '\0')
        printf ("%s", complaint);
    return out;
}

char *
logs_dump_python (const char *directory, const char *name, bool all, char **stop)
{
    int status;
    GString *kept = g_string_new (NULL);
    g_autofree char *output = logs_run ("clfs_read.py", all ? "--all" : NULL, directory, name, &status);
    g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
    *stop = g_strdup ("");
    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix (*line, "mark ") || g_str_has_prefix (*line, "record "))
            g_string_append_printf (kept, "%s\n", *line);
        else if (g_str_has_prefix (*line, "stop ")) {
            g_free (*stop);
            *stop = g_strdup (*line);
        } else if (g_str_has_prefix (*line, "differ ")) {
            printf ("  %s\n", *line);
            CU_FAIL ("two places of the log say differs");
        }
    }
    return g_string_free (kept, FALSE);
}

static void
show_difference (const char *first, const char *second)
{
    g_auto (GStrv) a = g_strsplit (first, "\n", -1);
    g_auto (GStrv) b = g_strsplit (second, "\n", -1);
    size_t i = 0;
    while (a[i] && b[i] && strcmp (a[i], b[i]) == 0)
        i++;
    printf ("  line %zu of C: %.150s\n  in Python:  %.150s\n", i, a[i] ? a[i] : "(none)", b[i] ? b[i] : "(none)");
}

static void
only_records (char *dump)
{
    const char *first = strstr (dump, "record ");
    if (!first)
        first = dump + strlen (dump);
    memmove (dump, first, strlen (first) + 1);
}

void
logs_compare (logs *l, const char *stop)
{
    NTSTATUS ended;
    for (int all = 0; all < 2; all++) {
        g_autofree char *why = NULL;
        g_autofree char *c = logs_dump_c (l->directory, "log", all ? CLFS_STORE_ALL : 0, &ended);
        g_autofree char *python = logs_dump_python (l->directory, "log", all, &why);
        if (strcmp (stop, "damage") == 0) {
            /* Behind the damage the library gives the marks of the metadata, and the second reader those it saw. */
            only_records (c);
            only_records (python);
        }
        g_autofree char *kind = g_strdup_printf (" %s: ", stop);
        bool same = strcmp (c, python) == 0;
        CU_ASSERT (same);
        CU_ASSERT_PTR_NOT_NULL (strstr (why, kind));
        CU_ASSERT_EQUAL (ended, strcmp (stop, "damage") == 0 ? STATUS_LOG_BLOCK_INVALID : STATUS_END_OF_FILE);
        if (!same || !strstr (why, kind)) {
            printf ("  %s\n", why);
            show_difference (c, python);
        }
    }
}
