/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control_commands.c - the grammar of `control`: one line, one command; and its state.
 */
#include "control.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define WORDS_MAX 3

struct word {
    const char *text;
    size_t bytes;
};

/* A line that is being run. */
struct line {
    struct clfs_handle *handle;
    clfs_log *log;
    struct word words[WORDS_MAX]; /* the command first */
    unsigned count;
    const char *rest;             /* what follows the command and one blank, as it is */
    size_t rest_bytes;
    bool wait;
    struct clfs_command *command;
};

/* Returned by the commands; the names of enum clfs_command_result stay short here. */
typedef enum clfs_command_result result;

static result
fail (struct line *line, int error, const char *format, ...) G_GNUC_PRINTF (3, 4);

static result
fail (struct line *line, int error, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_string_vprintf (line->command->message, format, args);
    va_end (args);
    line->command->error = error;
    return CLFS_COMMAND_FAILED;
}

static result
fail_status (struct line *line, NTSTATUS status)
{
    return fail (line, clfs_mount_errno (status), "%s", clfs_mount_message (status));
}

/* A command without an LSN of its own: the answer has the next one. */
static result
finish (struct line *line, NTSTATUS status)
{
    clfs_info info;

    if (!NT_SUCCESS (status))
        return fail_status (line, status);
    clfs_log_info (line->log, &info);
    line->command->lsn = info.next;
    return CLFS_COMMAND_OK;
}

static bool
word_is (const struct word *word, const char *text)
{
    return strlen (text) == word->bytes && memcmp (word->text, text, word->bytes) == 0;
}

static result
fail_word (struct line *line, unsigned word, const char *wanted)
{
    return fail (line, EINVAL, "\"%.*s\" is not %s", (int) MIN (line->words[word].bytes, 80), line->words[word].text,
                 wanted);
}

#define LSN_WANTED "an LSN: 0x and up to 16 hex digits, a decimal number, or container:offset:record in hex"
#define SIZE_WANTED "a size: a number of bytes, or with K, M, G or T"

static result
flush_to (struct line *line, unsigned word)
{
    clfs_info info;
    clfs_lsn_t lsn;

    if (!clfs_text_parse_lsn (line->words[word].text, line->words[word].bytes, &lsn))
        return fail_word (line, word, LSN_WANTED);
    clfs_log_info (line->log, &info);
    if (lsn > info.next)
        return fail (line, EINVAL, "0x%016" G_GINT64_MODIFIER "x is beyond the next LSN, 0x%016" G_GINT64_MODIFIER "x",
                     lsn, info.next);
    line->command->lsn = lsn;
    return CLFS_COMMAND_FLUSH;
}

static result
run_flush (struct line *line)
{
    if (line->count > 1)
        return flush_to (line, 1);
    line->command->lsn = CLFS_NULL_LSN;
    return CLFS_COMMAND_FLUSH;
}

static result
append (struct line *line, result appended)
{
    struct iovec parts[] = {
        { .iov_base = (void *) line->rest, .iov_len = line->rest_bytes },
        { .iov_base = (void *) "\n", .iov_len = 1 },
    };
    clfs_append_options options = {
        .flags = line->wait ? 0 : CLFS_APPEND_NO_WAIT,
        .previous = CLFS_INVALID_LSN,
        .undo_next = CLFS_INVALID_LSN,
    };
    NTSTATUS status;

    if (line->rest == NULL)
        return fail (line, EINVAL, "append wants a text after one blank");
    status = clfs_log_append (line->log, parts, 2, &options, &line->command->lsn);
    clfs_mlog_appended (line->handle->mlog, line->log, status);
    if (status == STATUS_PENDING)
        return CLFS_COMMAND_ROOM;
    return NT_SUCCESS (status) ? appended : fail_status (line, status);
}

static result
run_append (struct line *line)
{
    return append (line, CLFS_COMMAND_OK);
}

static result
run_append_flush (struct line *line)
{
    return append (line, CLFS_COMMAND_APPENDED);
}

static result
run_base (struct line *line)
{
    clfs_lsn_t lsn;

    if (!clfs_text_parse_lsn (line->words[1].text, line->words[1].bytes, &lsn))
        return fail_word (line, 1, LSN_WANTED);
    return finish (line, clfs_log_set_base (line->log, lsn));
}

static result
run_archive_tail (struct line *line)
{
    clfs_lsn_t lsn;

    if (!clfs_text_parse_lsn (line->words[1].text, line->words[1].bytes, &lsn))
        return fail_word (line, 1, LSN_WANTED);
    return fail (line, clfs_mount_errno (STATUS_LOG_EPHEMERAL), "this log keeps no archive tail; move the base instead");
}

static result
run_policy (struct line *line)
{
    return fail (line, clfs_mount_errno (STATUS_NOT_SUPPORTED),
                 "there are no policies in this version; max-size and retain bound a log");
}

static result
run_add_container (struct line *line)
{
    uint64_t count = 1;

    if (line->count > 1
        && (!clfs_text_parse_number (line->words[1].text, line->words[1].bytes, &count) || count < 1
            || count > CLFS_CONTAINERS_MAX))
        return fail_word (line, 1, "a number of containers, 1 to 1023");
    return finish (line, clfs_log_add_containers (line->log, (unsigned) count, NULL, NULL));
}

static result
run_remove_container (struct line *line)
{
    g_autofree char *name = g_strndup (line->words[1].text, line->words[1].bytes);
    const char *names[] = { name };

    if (line->count > 2 && !word_is (&line->words[2], "force"))
        return fail_word (line, 2, "\"force\"");
    if (line->words[1].bytes > NAME_MAX)
        return fail (line, ENOENT, "no container has so long a name");
    return finish (line, clfs_log_remove_containers (line->log, 1, names, line->count > 2));
}

static result
set_size (struct line *line, enum clfs_setting setting)
{
    uint64_t size;

    if (!clfs_text_parse_size (line->words[1].text, line->words[1].bytes, &size))
        return fail_word (line, 1, SIZE_WANTED);
    return finish (line, clfs_log_set (line->log, setting, size));
}

static result
run_max_size (struct line *line)
{
    return set_size (line, CLFS_SET_MAX_BYTES);
}

static result
run_flush_threshold (struct line *line)
{
    return set_size (line, CLFS_SET_FLUSH_THRESHOLD_BYTES);
}

static result
run_pending_max (struct line *line)
{
    return set_size (line, CLFS_SET_PENDING_BYTES_MAX);
}

static result
run_container_size (struct line *line)
{
    return set_size (line, CLFS_SET_CONTAINER_BYTES);
}

static result
run_retain (struct line *line)
{
    const struct word *word = &line->words[1];
    uint64_t value;
    NTSTATUS status;

    if (word_is (word, "off")) {
        status = clfs_log_set (line->log, CLFS_SET_RETAIN_BYTES, CLFS_UNSET);
        if (NT_SUCCESS (status))
            status = clfs_log_set (line->log, CLFS_SET_RETAIN_SECONDS, CLFS_UNSET);
        return finish (line, status);
    }
    if (clfs_text_parse_size (word->text, word->bytes, &value))
        return finish (line, clfs_log_set (line->log, CLFS_SET_RETAIN_BYTES, value));
    if (clfs_text_parse_age (word->text, word->bytes, &value))
        return finish (line, clfs_log_set (line->log, CLFS_SET_RETAIN_SECONDS, value));
    return fail_word (line, 1, "\"off\", a size (with K, M, G or T) or an age (with s, m, h, d or w)");
}

static result
run_flush_ms (struct line *line)
{
    uint64_t value = 0;

    if (!word_is (&line->words[1], "off")
        && (!clfs_text_parse_number (line->words[1].text, line->words[1].bytes, &value) || value == 0))
        return fail_word (line, 1, "a number of milliseconds above 0, or \"off\"");
    return finish (line, clfs_log_set (line->log, CLFS_SET_FLUSH_MS, value));
}

static result
run_framing (struct line *line)
{
    if (word_is (&line->words[1], "write"))
        return finish (line, clfs_log_set (line->log, CLFS_SET_FRAMING, CLFS_FRAMING_WRITE));
    if (word_is (&line->words[1], "line"))
        return finish (line, clfs_log_set (line->log, CLFS_SET_FRAMING, CLFS_FRAMING_LINE));
    return fail_word (line, 1, "\"write\" or \"line\"");
}

static result
run_align (struct line *line)
{
    if (word_is (&line->words[1], "512"))
        return finish (line, clfs_log_set (line->log, CLFS_SET_ALIGN_BYTES, 512));
    if (word_is (&line->words[1], "4096"))
        return finish (line, clfs_log_set (line->log, CLFS_SET_ALIGN_BYTES, 4096));
    return fail_word (line, 1, "512 or 4096");
}

static result
run_recover (struct line *line)
{
    return finish (line, clfs_log_recover (line->log));
}

static result
run_reset (struct line *line)
{
    return finish (line, clfs_log_reset (line->log));
}

static const struct {
    const char *word;
    const char *usage;
    unsigned arguments_min, arguments_max;
    bool text;  /* the rest of the line is not split */
    bool owner; /* it can discard or reshape */
    result (*run) (struct line *line);
} commands[] = {
    { "flush", "flush [LSN]", 0, 1, false, false, run_flush },
    { "append", "append TEXT", 0, 0, true, false, run_append },
    { "append-flush", "append-flush TEXT", 0, 0, true, false, run_append_flush },
    { "base", "base LSN", 1, 1, false, true, run_base },
    { "archive-tail", "archive-tail LSN", 1, 1, false, true, run_archive_tail },
    { "add-container", "add-container [N]", 0, 1, false, true, run_add_container },
    { "remove-container", "remove-container NAME [force]", 1, 2, false, true, run_remove_container },
    { "max-size", "max-size SIZE", 1, 1, false, true, run_max_size },
    { "retain", "retain SIZE, retain AGE or retain off", 1, 1, false, true, run_retain },
    { "policy", "policy NAME VALUE", 2, 2, false, true, run_policy },
    { "flush-ms", "flush-ms N or flush-ms off", 1, 1, false, true, run_flush_ms },
    { "flush-threshold", "flush-threshold SIZE", 1, 1, false, true, run_flush_threshold },
    { "pending-max", "pending-max SIZE", 1, 1, false, true, run_pending_max },
    { "framing", "framing write or framing line", 1, 1, false, true, run_framing },
    { "container-size", "container-size SIZE", 1, 1, false, true, run_container_size },
    { "align", "align 512 or align 4096", 1, 1, false, true, run_align },
    { "recover", "recover", 0, 0, false, true, run_recover },
    { "reset", "reset", 0, 0, false, true, run_reset },
};

static bool
blank (char c)
{
    return c == ' ' || c == '\t';
}

/* Splits at blanks. line->count is one too many if there are more words than there can be. */
static void
split (struct line *line, const char *text, size_t bytes)
{
    size_t i = 0;

    line->count = 0;
    for (;;) {
        size_t start;
        while (i < bytes && blank (text[i]))
            i++;
        if (i == bytes)
            return;
        start = i;
        while (i < bytes && !blank (text[i]))
            i++;
        if (line->count == 0 && i < bytes) {
            line->rest = text + i + 1;
            line->rest_bytes = bytes - i - 1;
        }
        if (line->count == WORDS_MAX) {
            line->count++;
            return;
        }
        line->words[line->count++] = (struct word){ text + start, i - start };
    }
}

static bool
owns (const struct line *line)
{
    clfs_attr attrs[CLFS_ATTR_SLOTS];

    if (line->handle->uid == 0)
        return true;
    clfs_log_get_attrs (line->log, attrs);
    return attrs[CLFS_ATTR_DIRECTORY].uid == line->handle->uid;
}

static result
dispatch (struct line *line)
{
    for (size_t i = 0; i < G_N_ELEMENTS (commands); i++) {
        if (!word_is (&line->words[0], commands[i].word))
            continue;
        if (commands[i].owner && !owns (line))
            return fail (line, EPERM, "%s is for the owner of the log's directory", commands[i].word);
        if (!commands[i].text
            && (line->count - 1 < commands[i].arguments_min || line->count - 1 > commands[i].arguments_max))
            return fail (line, EINVAL, "usage: %s", commands[i].usage);
        return commands[i].run (line);
    }
    if (!g_ascii_isdigit (line->words[0].text[0]))
        return fail_word (line, 0, "a command; clfs(1) lists them");
    if (line->count > 1)
        return fail (line, EINVAL, "an LSN stands alone on its line");
    return flush_to (line, 0);
}

enum clfs_command_result
clfs_control_run (struct clfs_handle *handle, const char *text, size_t bytes, bool wait, struct clfs_command *command)
{
    struct line line = { .handle = handle, .wait = wait, .command = command };
    NTSTATUS status;

    split (&line, text, bytes);
    if (line.count == 0)
        return fail (&line, EINVAL, "an empty line is no command");
    g_mutex_lock (&handle->lock);
    status = clfs_handle_log (handle, true, &line.log);
    g_mutex_unlock (&handle->lock);
    if (!NT_SUCCESS (status))
        return fail_status (&line, status);
    command->log = line.log;
    return dispatch (&line);
}

static void
key_lsn (GString *out, const char *key, clfs_lsn_t lsn)
{
    g_string_append_printf (out, "%s ", key);
    clfs_text_append_lsn (out, lsn);
    g_string_append_c (out, '\n');
}

static void
key_number (GString *out, const char *key, uint64_t value)
{
    g_string_append_printf (out, "%s %" G_GUINT64_FORMAT "\n", key, value);
}

static void
key_retain (GString *out, const clfs_info *info)
{
    g_string_append (out, "retain");
    if (info->retain_bytes != CLFS_UNSET)
        g_string_append_printf (out, " %" G_GUINT64_FORMAT, info->retain_bytes);
    if (info->retain_seconds != CLFS_UNSET)
        g_string_append_printf (out, " %" G_GUINT64_FORMAT "s", info->retain_seconds);
    if (info->retain_bytes == CLFS_UNSET && info->retain_seconds == CLFS_UNSET)
        g_string_append (out, " off");
    g_string_append_c (out, '\n');
}

static void
key_cut (GString *out, const clfs_info *info)
{
    g_string_append (out, "recovered-cut ");
    clfs_text_append_lsn (out, info->cut_lsn);
    if (info->cut_lsn != CLFS_INVALID_LSN)
        g_string_append_printf (out, " %" G_GUINT64_FORMAT, info->cut_bytes);
    g_string_append_c (out, '\n');
}

static void
key_error (GString *out, const char *error)
{
    g_string_append (out, "error ");
    clfs_text_append_line (out, *error != '\0' ? error : "none");
    g_string_append_c (out, '\n');
}

void
clfs_control_state (const clfs_info *info, GString *out)
{
    static const char *const states[] = {
        [CLFS_STATE_OK] = "ok",
        [CLFS_STATE_FAILED] = "failed",
        [CLFS_STATE_READ_ONLY] = "read-only",
        [CLFS_STATE_FULL] = "full",
    };

    g_string_append_printf (out, "state %s\n", states[info->state]);
    key_lsn (out, "base", info->base);
    key_lsn (out, "last", info->last);
    key_lsn (out, "next", info->next);
    key_lsn (out, "durable-below", info->durable_below);
    key_lsn (out, "restart", info->restart);
    key_lsn (out, "archive-tail", info->archive_tail);
    key_number (out, "base-offset", info->base_offset);
    key_number (out, "end-offset", info->end_offset);
    key_number (out, "pending-bytes", info->pending_bytes);
    key_number (out, "containers", info->containers);
    key_number (out, "container-size", info->container_bytes);
    key_number (out, "align", info->align_bytes);
    key_number (out, "size", info->size_bytes);
    key_number (out, "max-size", info->max_bytes);
    key_retain (out, info);
    key_number (out, "available-bytes", info->available_bytes);
    key_number (out, "reserved-bytes", info->reserved_bytes);
    g_string_append_printf (out, "framing %s\n", info->framing == CLFS_FRAMING_LINE ? "line" : "write");
    if (info->flush_ms == 0)
        g_string_append (out, "flush-ms off\n");
    else
        key_number (out, "flush-ms", info->flush_ms);
    key_number (out, "flush-threshold", info->flush_threshold_bytes);
    key_cut (out, info);
    key_error (out, info->error);
    key_number (out, "pending-max", info->pending_bytes_max);
}

void
clfs_control_broken_state (const char *message, GString *out)
{
    g_string_append (out, "state failed\n");
    key_error (out, message);
}
