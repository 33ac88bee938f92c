/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_control.c - the grammar of `control`: any bytes are commands that run or are refused with an errno and a line; and
 * what the mount writes as text is read back as the same.
 *
 * An input: how to begin (1 byte), then lines. Each runs on a log of a small simulated disk, without a mount.
 */
#include "fuzz.h"

#include "mount/control.h"
#include "mount/text.h"
#include "storage/sim_storage.h"

#include <errno.h>
#include <string.h>

#define LINES_MAX 16u
#define DISK_BYTES (UINT64_C (3) << 20)

static clfs_sim_disk *begin_disk;
static clfs_log *current_log;

const char *
clfs_mount_message (NTSTATUS status)
{
    const char *message = clfs_error_message ();

    return *message != '\0' ? message : clfs_status_name (status);
}

/* As in engine/engine.h, whose names do not go together with the mount's. */
NTSTATUS clfs_store_open_on (clfs_storage *storage, const char *path, const clfs_store_options *options,
                             clfs_store **out);

/* ---- what control_commands.c needs of the mount ---------------------------------------------- */

void
clfs_mlog_appended (struct clfs_mlog *mlog, clfs_log *log, NTSTATUS status)
{
    (void) mlog, (void) log, (void) status;
}

NTSTATUS
clfs_handle_log (struct clfs_handle *handle, bool write, clfs_log **out)
{
    (void) handle;
    (void) write;
    *out = current_log;
    return STATUS_SUCCESS;
}

int
clfs_mount_errno (NTSTATUS status)
{
    int error = clfs_status_errno (status);

    return error != 0 ? error : EIO;
}

/* ---- the log --------------------------------------------------------------------------------- */

static clfs_store *
open_store (clfs_sim_disk *disk)
{
    clfs_store_options options = { .flags = CLFS_STORE_INLINE };
    clfs_storage *storage;
    clfs_store *store;

    FUZZ_REQUIRE (clfs_sim_storage_open (disk, 0, &storage) == STATUS_SUCCESS);
    FUZZ_REQUIRE (clfs_store_open_on (storage, "simulated", &options, &store) == STATUS_SUCCESS);
    return store;
}

void
fuzz_prepare (void)
{
    clfs_log_options options;
    clfs_store *store;

    clfs_set_log_handler (fuzz_quiet, NULL);
    begin_disk = clfs_sim_disk_new (5);
    store = open_store (begin_disk);
    clfs_log_options_init (&options);
    options.container_bytes = CLFS_CONTAINER_BYTES_UNIT;
    options.flush_ms = 0;
    FUZZ_REQUIRE (clfs_log_create (store, "a", &options, NULL) == STATUS_SUCCESS);
    FUZZ_REQUIRE (clfs_store_close (store) == STATUS_SUCCESS);
    clfs_sim_set_capacity (begin_disk, DISK_BYTES);
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Numbers that were read are written and read again as the same. */
static void
check_text (const char *text, size_t bytes)
{
    g_autoptr (GString) written = g_string_new (NULL);
    clfs_lsn_t lsn, again;
    uint64_t value, number;

    if (clfs_text_parse_lsn (text, bytes, &lsn) && lsn != CLFS_INVALID_LSN) {
        clfs_text_append_lsn (written, lsn);
        FUZZ_REQUIRE (written->len == 18 && clfs_text_parse_lsn (written->str, written->len, &again) && again == lsn);
    }
    if (clfs_text_parse_number (text, bytes, &number)) {
        g_string_printf (written, "%" G_GUINT64_FORMAT, number);
        FUZZ_REQUIRE (clfs_text_parse_number (written->str, written->len, &value) && value == number);
        FUZZ_REQUIRE (clfs_text_parse_size (text, bytes, &value) && value == number);
        FUZZ_REQUIRE (!clfs_text_parse_age (text, bytes, &value));
    }
    if (clfs_text_parse_size (text, bytes, &value))
        FUZZ_REQUIRE (!clfs_text_parse_age (text, bytes, &number));
    if (bytes >= sizeof (int64_t)) {
        int64_t time_ns;
        memcpy (&time_ns, text, sizeof time_ns);
        g_string_truncate (written, 0);
        clfs_text_append_time (written, time_ns);
        FUZZ_REQUIRE (written->len == 30 && written->str[29] == 'Z');
    }
}

static void
check_line (const GString *line)
{
    for (gsize i = 0; i < line->len; i++)
        FUZZ_REQUIRE ((unsigned char) line->str[i] >= 0x20 && line->str[i] != 0x7f);
}

/* The state is lines of a key and a value, none of them empty. */
static void
check_state (clfs_log *log)
{
    g_autoptr (GString) state = g_string_new (NULL);
    g_auto (GStrv) lines = NULL;
    clfs_info info;

    clfs_log_info (log, &info);
    clfs_control_state (&info, state);
    FUZZ_REQUIRE (state->len > 0 && state->str[state->len - 1] == '\n' && strlen (state->str) == state->len);
    g_string_truncate (state, state->len - 1);
    lines = g_strsplit (state->str, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        const char *blank = strchr (*line, ' ');
        FUZZ_REQUIRE (blank != NULL && blank > *line && blank[1] != '\0');
    }
    FUZZ_REQUIRE (info.durable_below <= info.next && info.base <= info.next);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void
run (struct clfs_handle *handle, const char *text, size_t bytes)
{
    /* Without a byte behind it, as in the middle of a write. */
    g_autofree char *line = (char *) fuzz_copy (text, bytes);
    struct clfs_command command = { .message = g_string_new (NULL) };
    g_autoptr (GString) answer = g_string_new (NULL);
    NTSTATUS status;

    check_text (line, bytes);
    switch (clfs_control_run (handle, line, bytes, false, &command)) {
    case CLFS_COMMAND_OK:
        FUZZ_REQUIRE (command.lsn != CLFS_INVALID_LSN);
        break;
    case CLFS_COMMAND_FAILED:
        FUZZ_REQUIRE (command.error > 0 && command.message->len > 0);
        clfs_text_append_line (answer, command.message->str);
        check_line (answer);
        break;
    case CLFS_COMMAND_FLUSH:
    case CLFS_COMMAND_APPENDED:
        status = clfs_log_flush (command.log, command.lsn, NULL);
        FUZZ_REQUIRE (status != STATUS_INVALID_PARAMETER);
        break;
    case CLFS_COMMAND_ROOM:
        (void) !clfs_log_flush (command.log, CLFS_NULL_LSN, NULL);
        break;
    }
    g_string_free (command.message, TRUE);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t bytes)
{
    fuzz_input input = { data, bytes };
    const unsigned begin = (unsigned) fuzz_take (&input, 1);
    struct clfs_handle handle = { .uid = (begin & 1) != 0 ? 12345 : 0 };
    clfs_sim_disk *disk = clfs_sim_disk_copy (begin_disk);
    clfs_store *store = open_store (disk);
    const char *at = (const char *) input.data, *end = at + input.bytes;

    g_mutex_init (&handle.lock);
    FUZZ_REQUIRE (clfs_log_open (store, "a", CLFS_LOG_WRITE, &current_log) == STATUS_SUCCESS);
    for (unsigned i = 0; i < LINES_MAX && at < end; i++) {
        const char *newline = memchr (at, '\n', (size_t) (end - at));
        run (&handle, at, (size_t) ((newline != NULL ? newline : end) - at));
        at = newline != NULL ? newline + 1 : end;
    }
    check_state (current_log);
    (void) !clfs_log_close (current_log);
    (void) !clfs_store_close (store);

    /* What the commands left opens again. */
    store = open_store (disk);
    FUZZ_REQUIRE (clfs_log_open (store, "a", CLFS_LOG_WRITE, &current_log) == STATUS_SUCCESS);
    check_state (current_log);
    (void) !clfs_log_close (current_log);
    (void) !clfs_store_close (store);
    clfs_sim_disk_free (disk);
    g_mutex_clear (&handle.lock);
    return 0;
}
