/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"
#include "text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Keep this the same as docs/clfs.1. */
static const char help[]
    = "usage: clfs [OPTIONS] STORE MOUNTPOINT   mount the logs in the directory STORE\n"
      "       clfs -u MOUNTPOINT                unmount; returns when all is flushed\n"
      "\n"
      "  -o OPTION,...        mount options, below\n"
      "  -f                   stay in the foreground, messages to stderr\n"
      "  -d                   debug: -f, and print every request\n"
      "  -s                   one thread\n"
      "  -u                   unmount\n"
      "  -h, --help           this text\n"
      "  -V, --version        versions\n"
      "\n"
      "mount options:\n"
      "  ro                   read only: lock, recover and write nothing\n"
      "  ro,all               logs start at the oldest intact record, not at the base\n"
      "  wait=SECONDS         how long to wait for a store or mountpoint in use (10)\n"
      "  allow_other          let other users in, as far as the modes of the files allow\n"
      "and those of mount(8) and mount.fuse3(8): nodev, noexec, nosuid, allow_root ...\n"
      "\n"
      "options for the logs that mkdir makes (see `control` in clfs(1)):\n"
      "  framing=write|line   a record for each write(2), or for each line (write)\n"
      "  container-size=SIZE  (8M)\n"
      "  align=512|4096       (512)\n"
      "  max-size=SIZE        a log grows up to this (1G)\n"
      "  retain=SIZE|AGE|off  move the base so that a log keeps at most that (off)\n"
      "  flush-ms=N|off       flush in the background after so many milliseconds (1000)\n"
      "  flush-threshold=SIZE and when so much is unflushed (1M)\n"
      "  pending-max=SIZE     appends wait when so much is unflushed (16M)\n"
      "SIZE is a number of bytes, or with K, M, G or T; AGE has s, m, h, d or w.\n";

const char *
clfs_options_help (void)
{
    return help;
}

enum key { KEY_HELP, KEY_VERSION, KEY_FOREGROUND, KEY_DEBUG, KEY_SINGLE, KEY_UNMOUNT, KEY_RO, KEY_ALL, KEY_VALUE };

static const struct fuse_opt specs[] = {
    FUSE_OPT_KEY ("-h", KEY_HELP),
    FUSE_OPT_KEY ("--help", KEY_HELP),
    FUSE_OPT_KEY ("-V", KEY_VERSION),
    FUSE_OPT_KEY ("--version", KEY_VERSION),
    FUSE_OPT_KEY ("-f", KEY_FOREGROUND),
    FUSE_OPT_KEY ("-d", KEY_DEBUG),
    FUSE_OPT_KEY ("debug", KEY_DEBUG),
    FUSE_OPT_KEY ("-s", KEY_SINGLE),
    FUSE_OPT_KEY ("-u", KEY_UNMOUNT),
    FUSE_OPT_KEY ("ro", KEY_RO),
    FUSE_OPT_KEY ("all", KEY_ALL),
    FUSE_OPT_KEY ("wait=", KEY_VALUE),
    FUSE_OPT_KEY ("framing=", KEY_VALUE),
    FUSE_OPT_KEY ("container-size=", KEY_VALUE),
    FUSE_OPT_KEY ("align=", KEY_VALUE),
    FUSE_OPT_KEY ("max-size=", KEY_VALUE),
    FUSE_OPT_KEY ("retain=", KEY_VALUE),
    FUSE_OPT_KEY ("flush-ms=", KEY_VALUE),
    FUSE_OPT_KEY ("flush-threshold=", KEY_VALUE),
    FUSE_OPT_KEY ("pending-max=", KEY_VALUE),
    FUSE_OPT_END,
};

/* What clfs_log_create() takes. */
#define FLUSH_MS_MAX 86400000u
#define FLUSH_THRESHOLD_MIN 512u

static bool
parse_size (const char *value, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t size;

    if (!clfs_text_parse_size (value, strlen (value), &size) || size < min || size > max)
        return false;
    *out = size;
    return true;
}

static bool
parse_number (const char *value, uint64_t min, uint64_t max, uint32_t *out)
{
    uint64_t number;

    if (!clfs_text_parse_number (value, strlen (value), &number) || number < min || number > max)
        return false;
    *out = (uint32_t) number;
    return true;
}

static bool
parse_retain (const char *value, clfs_log_options *log)
{
    uint64_t number;

    if (strcmp (value, "off") == 0) {
        log->retain_bytes = log->retain_seconds = CLFS_UNSET;
        return true;
    }
    if (clfs_text_parse_size (value, strlen (value), &number) && number > 0) {
        log->retain_bytes = number;
        return true;
    }
    if (clfs_text_parse_age (value, strlen (value), &number) && number > 0) {
        log->retain_seconds = number;
        return true;
    }
    return false;
}

/* What was wanted, or NULL if `value` was right. */
static const char *
parse_value (struct clfs_options *options, const char *name, const char *value)
{
    clfs_log_options *log = &options->new_log;
    uint64_t number;
    uint32_t small;

    if (strcmp (name, "wait") == 0)
        return parse_number (value, 0, 86400, &options->wait_seconds) ? NULL : "a number of seconds, at most 86400";
    if (strcmp (name, "framing") == 0) {
        log->framing = strcmp (value, "line") == 0 ? CLFS_FRAMING_LINE : CLFS_FRAMING_WRITE;
        return strcmp (value, "line") == 0 || strcmp (value, "write") == 0 ? NULL : "\"write\" or \"line\"";
    }
    if (strcmp (name, "container-size") == 0)
        return parse_size (value, 1, CLFS_CONTAINER_BYTES_MAX, &log->container_bytes) ? NULL : "a size below 4G";
    if (strcmp (name, "align") == 0) {
        if (!parse_number (value, 512, 4096, &small) || (small != 512 && small != 4096))
            return "512 or 4096";
        log->align_bytes = (uint16_t) small;
        return NULL;
    }
    if (strcmp (name, "max-size") == 0)
        return parse_size (value, 0, CLFS_CONTAINERS_MAX * CLFS_CONTAINER_BYTES_MAX, &log->max_bytes)
                   ? NULL
                   : "a size of at most 1023 containers of 4G";
    if (strcmp (name, "retain") == 0)
        return parse_retain (value, log) ? NULL : "\"off\", a size (K, M, G, T) or an age (s, m, h, d, w)";
    if (strcmp (name, "flush-ms") == 0) {
        if (strcmp (value, "off") == 0)
            log->flush_ms = 0;
        else if (!parse_number (value, 1, FLUSH_MS_MAX, &log->flush_ms))
            return "a number of milliseconds from 1 to 86400000, or \"off\"";
        return NULL;
    }
    if (strcmp (name, "flush-threshold") == 0) {
        if (!parse_size (value, FLUSH_THRESHOLD_MIN, CLFS_PENDING_BYTES_MAX, &number))
            return "a size from 512 to 1G";
        log->flush_threshold_bytes = (uint32_t) number;
        return NULL;
    }
    return parse_size (value, CLFS_PENDING_BYTES_MIN, CLFS_PENDING_BYTES_MAX, &log->pending_bytes_max)
               ? NULL
               : "a size from 256K to 1G";
}

static int
take_value (struct clfs_options *options, const char *arg)
{
    const char *equals = strchr (arg, '=');
    g_autofree char *name = g_strndup (arg, (gsize) (equals - arg));
    const char *wanted = parse_value (options, name, equals + 1);

    if (wanted == NULL)
        return 0;
    fprintf (stderr, "clfs: -o %s: \"%s\" is not %s\n", name, equals + 1, wanted);
    return -1;
}

static int
take_name (struct clfs_options *options, const char *arg)
{
    char **place = options->store == NULL ? &options->store : &options->mountpoint;

    if (*place != NULL) {
        fprintf (stderr, "clfs: \"%s\" is one argument too many; clfs --help\n", arg);
        return -1;
    }
    *place = g_strdup (arg);
    return 0;
}

/* 1: libfuse gets the argument too; 0: it is ours; -1: wrong. */
static int
take (void *data, const char *arg, int key, struct fuse_args *out)
{
    struct clfs_options *options = data;

    (void) out;
    switch (key) {
    case KEY_HELP:
        options->help = true;
        return 0;
    case KEY_VERSION:
        options->version = true;
        return 0;
    case KEY_FOREGROUND:
        options->foreground = true;
        return 0;
    case KEY_DEBUG:
        options->foreground = options->debug = true;
        return 0;
    case KEY_SINGLE:
        options->single_thread = true;
        return 0;
    case KEY_UNMOUNT:
        options->unmount = true;
        return 0;
    case KEY_RO:
        options->read_only = true;
        return 1;
    case KEY_ALL:
        options->all = true;
        return 0;
    case KEY_VALUE:
        return take_value (options, arg);
    case FUSE_OPT_KEY_NONOPT:
        return take_name (options, arg);
    default:
        return 1;
    }
}

/* Values that are right by themselves, but that no log can have together. */
static bool
check_new_log (const clfs_log_options *log)
{
    uint64_t container = (log->container_bytes + CLFS_CONTAINER_BYTES_UNIT - 1) / CLFS_CONTAINER_BYTES_UNIT
                         * CLFS_CONTAINER_BYTES_UNIT;

    if (log->max_bytes > 0 && log->max_bytes < container) {
        fprintf (stderr, "clfs: -o max-size: %" G_GUINT64_FORMAT " is less than one container (container-size is %"
                 G_GUINT64_FORMAT ")\n", log->max_bytes, container);
        return false;
    }
    if (log->retain_bytes < 2 * container) {
        fprintf (stderr, "clfs: -o retain: %" G_GUINT64_FORMAT " is less than two containers (container-size is %"
                 G_GUINT64_FORMAT ")\n", log->retain_bytes, container);
        return false;
    }
    return true;
}

bool
clfs_options_check (struct clfs_options *options)
{
    if (options->unmount) {
        /* One name: the mountpoint. */
        if (options->store == NULL || options->mountpoint != NULL) {
            fputs ("clfs: -u wants one mountpoint\n", stderr);
            return false;
        }
        options->mountpoint = g_steal_pointer (&options->store);
        return true;
    }
    if (options->mountpoint == NULL) {
        fprintf (stderr, "clfs: %s missing; clfs --help\n", options->store == NULL ? "STORE and MOUNTPOINT are"
                                                                                  : "MOUNTPOINT is");
        return false;
    }
    if (options->all && !options->read_only) {
        fputs ("clfs: -o all goes with ro\n", stderr);
        return false;
    }
    return check_new_log (&options->new_log);
}

bool
clfs_options_parse (int argc, char **argv, struct clfs_options *options)
{
    memset (options, 0, sizeof *options);
    options->wait_seconds = 10;
    clfs_log_options_init (&options->new_log);
    for (int i = 0; i < argc; i++)
        fuse_opt_add_arg (&options->mount_args, argv[i]);
    return fuse_opt_parse (&options->mount_args, options, specs, take) == 0;
}

void
clfs_options_clear (struct clfs_options *options)
{
    g_clear_pointer (&options->store, g_free);
    g_clear_pointer (&options->mountpoint, g_free);
    fuse_opt_free_args (&options->mount_args);
}
