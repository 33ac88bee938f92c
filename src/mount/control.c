/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c - writes and reads of `control`. What a line means is in control_commands.c.
 *
 * A write is a job: its lines run in order. Where a line has to wait for a flush, the job is parked and goes on in a
 * pool thread. Answers are queued on the handle, so two scripts never see each other's.
 */
#include "control.h"
#include "parked.h"
#include "poll.h"
#include "text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct control {
    bool written;   /* reads give answers now, not the state */
    GQueue answers; /* GString */
    size_t read;    /* bytes of the oldest answer that were read */
};

struct job {
    fuse_req_t req;
    struct clfs_handle *handle;
    char *text;
    size_t bytes;
    size_t done;  /* bytes of the lines that ran */
    bool ran;     /* one did */
    unsigned stalls;
    clfs_log *log;       /* what the line that waits ran on */
    clfs_lsn_t appended; /* its record, or CLFS_INVALID_LSN */
};

/* As in records.c. */
#define STALLS_MAX 3

static void job_run (struct job *job);

static bool
readable (const struct clfs_handle *handle)
{
    return (handle->flags & O_ACCMODE) != O_WRONLY;
}

bool
clfs_control_has_answer (struct clfs_handle *handle)
{
    struct control *control = handle->state;

    return !g_queue_is_empty (&control->answers);
}

static void
answer_free (gpointer answer)
{
    g_string_free (answer, TRUE);
}

/* Takes `line`. Nobody could read it through a write-only descriptor. */
static void
answer (struct clfs_handle *handle, GString *line)
{
    struct control *control = handle->state;

    g_string_append_c (line, '\n');
    g_mutex_lock (&handle->lock);
    if (readable (handle)) {
        g_queue_push_tail (&control->answers, line);
        line = NULL;
        if (g_queue_get_length (&control->answers) > CLFS_CONTROL_ANSWERS_MAX) {
            answer_free (g_queue_pop_head (&control->answers));
            control->read = 0;
        }
    }
    g_mutex_unlock (&handle->lock);
    if (line != NULL)
        g_string_free (line, TRUE);
    clfs_poll_wake (handle);
}

static void
answer_ok (struct clfs_handle *handle, clfs_lsn_t lsn)
{
    GString *line = g_string_new ("ok ");

    clfs_text_append_lsn (line, lsn);
    answer (handle, line);
}

static void
answer_error (struct clfs_handle *handle, int error, const char *message)
{
    GString *line = g_string_new ("err ");
    const char *name = strerrorname_np (error);

    g_string_append_printf (line, "%s ", name != NULL ? name : "EIO");
    clfs_text_append_line (line, *message != '\0' ? message : g_strerror (error));
    answer (handle, line);
}

static void
job_end (struct job *job, int error)
{
    clfs_mlog_leave (job->handle->mlog);
    if (error != 0)
        fuse_reply_err (job->req, error);
    else
        fuse_reply_write (job->req, job->done);
    g_free (job->text);
    g_free (job);
}

/* The bytes of the line at job->done, its newline included if it has one. */
static size_t
line_bytes (const struct job *job)
{
    const char *line = job->text + job->done;
    const char *newline = memchr (line, '\n', job->bytes - job->done);

    return newline != NULL ? (size_t) (newline - line) + 1 : job->bytes - job->done;
}

static void
line_ok (struct job *job, clfs_lsn_t lsn)
{
    answer_ok (job->handle, lsn);
    job->done += line_bytes (job);
    job->ran = true;
    job->stalls = 0;
}

/* The line failed. After others that ran it is not answered: the write is short, and the writer sends it again. */
static void
line_failed (struct job *job, int error, const char *message)
{
    if (!job->ran)
        answer_error (job->handle, error, message);
    job_end (job, job->ran ? 0 : error);
}

static void
job_resume (gpointer data, gpointer user_data)
{
    (void) user_data;
    job_run (data);
}

/* A flush that a line waited for is over. The rest may block, so it runs elsewhere. */
static void
line_flushed (NTSTATUS status, clfs_lsn_t durable_below, void *data)
{
    struct job *job = data;

    if (!NT_SUCCESS (status)) {
        g_autofree char *message = NULL;
        if (status == STATUS_CANCELLED) {
            message = g_strdup ("interrupted; the flush may go on, write the command again to wait for it");
        } else {
            clfs_info info;
            clfs_log_info (job->log, &info);
            message = g_strdup (info.error[0] != '\0' ? info.error : g_strerror (clfs_mount_errno (status)));
        }
        line_failed (job, clfs_mount_errno (status), message);
        return;
    }
    line_ok (job, job->appended != CLFS_INVALID_LSN ? job->appended : durable_below);
    if (job->done == job->bytes)
        job_end (job, 0);
    else
        clfs_mount_defer (job_resume, job);
}

static void
line_has_room (NTSTATUS status, clfs_lsn_t durable_below, void *data)
{
    (void) status;
    (void) durable_below;
    clfs_mount_defer (job_resume, data);
}

static void
job_run (struct job *job)
{
    struct clfs_handle *handle = job->handle;
    struct clfs_command command = { .message = g_string_new (NULL) };
    enum clfs_command_result result;
    size_t bytes;

    while (job->done < job->bytes) {
        bytes = line_bytes (job);
        if (job->text[job->done + bytes - 1] == '\n')
            bytes--;
        g_string_truncate (command.message, 0);
        clfs_mount_count (CLFS_COUNT_COMMANDS, 1);
        result = clfs_control_run (handle, job->text + job->done, bytes, job->stalls >= STALLS_MAX, &command);
        job->log = command.log;
        job->appended = CLFS_INVALID_LSN;
        switch (result) {
        case CLFS_COMMAND_OK:
            line_ok (job, command.lsn);
            continue;
        case CLFS_COMMAND_FAILED:
            line_failed (job, command.error, command.message->str);
            goto out;
        case CLFS_COMMAND_ROOM:
            job->stalls++;
            clfs_parked_flush (job->req, handle, command.log, CLFS_NULL_LSN, CLFS_PARKED_ROOM, false, line_has_room,
                               job);
            goto out;
        case CLFS_COMMAND_APPENDED:
            job->appended = command.lsn;
            clfs_parked_flush (job->req, handle, command.log, command.lsn, CLFS_PARKED_COMMAND, false, line_flushed,
                               job);
            goto out;
        case CLFS_COMMAND_FLUSH:
            clfs_parked_flush (job->req, handle, command.log, command.lsn, CLFS_PARKED_COMMAND, true, line_flushed,
                               job);
            goto out;
        }
    }
    job_end (job, 0);
out:
    g_string_free (command.message, TRUE);
}

static void
control_write (fuse_req_t req, struct clfs_handle *handle, const char *data, size_t bytes, off_t offset, int flags)
{
    struct control *control = handle->state;
    struct job *job;
    int error;

    (void) offset;
    (void) flags;
    g_mutex_lock (&handle->lock);
    control->written = true;
    g_mutex_unlock (&handle->lock);
    if (data[bytes - 1] != '\n' && bytes >= CLFS_CONTROL_UNTERMINATED_MAX) {
        answer_error (handle, E2BIG, "a write of 4,096 bytes or more must end with a newline; nothing ran");
        fuse_reply_err (req, E2BIG);
        return;
    }
    error = clfs_mlog_enter (handle->mlog);
    if (error != 0) {
        answer_error (handle, error, "the log was removed");
        fuse_reply_err (req, error);
        return;
    }
    job = g_new0 (struct job, 1);
    job->req = req;
    job->handle = handle;
    job->text = g_memdup2 (data, bytes);
    job->bytes = bytes;
    job_run (job);
}

/* Gives the rest of the oldest unread answer: one at a time, since a shell that read more than a line at once would
 * seek back for what it did not use. */
static void
read_answer (fuse_req_t req, struct clfs_handle *handle, size_t bytes)
{
    struct control *control = handle->state;
    g_autofree char *part = NULL;
    GString *oldest;

    oldest = g_queue_peek_head (&control->answers);
    clfs_poll_at_end (handle, oldest == NULL || bytes > oldest->len - control->read);
    if (oldest == NULL) {
        g_mutex_unlock (&handle->lock);
        fuse_reply_buf (req, NULL, 0);
        return;
    }
    bytes = MIN (bytes, oldest->len - control->read);
    part = g_memdup2 (oldest->str + control->read, bytes);
    control->read += bytes;
    if (control->read == oldest->len) {
        answer_free (g_queue_pop_head (&control->answers));
        control->read = 0;
    }
    g_mutex_unlock (&handle->lock);
    fuse_reply_buf (req, part, bytes);
}

static void
mark_seen (struct clfs_handle *handle)
{
    clfs_info info;

    if (handle->log == NULL)
        return;
    clfs_log_info (handle->log, &info);
    clfs_poll_seen (handle, info.durable_below);
}

static void
control_read (fuse_req_t req, struct clfs_handle *handle, size_t bytes, off_t offset)
{
    struct control *control = handle->state;
    bool written;
    int error;

    error = clfs_mlog_enter (handle->mlog);
    g_mutex_lock (&handle->lock);
    written = control->written;
    if (error == 0 && written)
        mark_seen (handle);
    if (written) {
        if (error == 0)
            clfs_mlog_leave (handle->mlog);
        read_answer (req, handle, bytes);
        return;
    }
    g_mutex_unlock (&handle->lock);
    if (error == 0)
        clfs_mlog_leave (handle->mlog);
    clfs_text_file_read (req, handle, bytes, offset);
}

static int
control_text (struct clfs_handle *handle, GString *out)
{
    clfs_info info;
    clfs_log *log;
    NTSTATUS status;

    status = clfs_handle_log (handle, false, &log);
    if (NT_SUCCESS (status)) {
        if (!handle->log_writable)
            clfs_mlog_look_anew (log);
        clfs_log_info (log, &info);
        clfs_poll_seen (handle, info.durable_below);
        clfs_control_state (&info, out);
    } else {
        clfs_control_broken_state (clfs_mount_message (status), out);
    }
    return 0;
}

static int
control_open (struct clfs_handle *handle, struct clfs_node *node)
{
    struct control *control = g_new0 (struct control, 1);
    clfs_log *log;

    (void) node;
    g_queue_init (&control->answers);
    handle->state = control;
    /* A log that cannot be opened has a `control` that says why. */
    g_mutex_lock (&handle->lock);
    if (NT_SUCCESS (clfs_handle_log (handle, false, &log)))
        mark_seen (handle);
    g_mutex_unlock (&handle->lock);
    return 0;
}

static void
control_close (struct clfs_handle *handle)
{
    struct control *control = handle->state;

    if (control == NULL)
        return;
    g_queue_clear_full (&control->answers, answer_free);
    g_free (control);
    handle->state = NULL;
}

const struct clfs_kind clfs_kind_control = {
    .name = "control",
    .slot = CLFS_ATTR_CONTROL,
    .type = S_IFREG,
    .mode_mask = 0777,
    .truncate_ignored = true,
    .writable = true,
    .open = control_open,
    .close = control_close,
    .read = control_read,
    .text = control_text,
    .write = control_write,
};
