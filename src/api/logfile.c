/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * logfile.c - log file objects: create, open, close, reset, delete.
 */
#include "api.h"

#define OPTIONS_ALLOWED    (FILE_NO_INTERMEDIATE_BUFFERING | FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)
#define ATTRIBUTES_ALLOWED (FILE_ATTRIBUTE_NORMAL | FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_ARCHIVE)
#define SHARE_ALL          (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define ACCESS_USED        (GENERIC_READ | GENERIC_WRITE | DELETE)
/* Rights that every open has on Windows, and that mean nothing for a log. */
#define ACCESS_IGNORED (SYNCHRONIZE | READ_CONTROL)

static gint initialized;

NTSTATUS
ClfsInitialize (void)
{
    g_atomic_int_inc (&initialized);
    return STATUS_SUCCESS;
}

void
ClfsFinalize (void)
{
    gint count = g_atomic_int_get (&initialized);

    while (count > 0 && !g_atomic_int_compare_and_exchange (&initialized, count, count - 1))
        count = g_atomic_int_get (&initialized);
}

/* fLogOptionFlag: one kind of client, and its context as that kind wants it. */
static NTSTATUS
check_log_option (ULONG fLogOptionFlag, PVOID pvContext, ULONG cbContext)
{
    /* These two may stand beside the kind. */
    switch (fLogOptionFlag & ~(ULONG) (CLFS_FLAG_IGNORE_SHARE_ACCESS | CLFS_FLAG_HIDDEN_SYSTEM_LOG)) {
    case CLFS_FLAG_NO_FLAGS:
    case CLFS_FLAG_REENTRANT_FILE_SYSTEM:
        return pvContext != NULL && cbContext == 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
    case CLFS_FLAG_NON_REENTRANT_FILTER:
    case CLFS_FLAG_MINIFILTER_LEVEL:
        return pvContext == NULL ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
    case CLFS_FLAG_REENTRANT_FILTER:
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

/* Which rights a share mode grants to others, as access bits. */
static ACCESS_MASK
shared_access (ULONG share)
{
    return ((share & FILE_SHARE_READ) ? GENERIC_READ : 0) | ((share & FILE_SHARE_WRITE) ? GENERIC_WRITE : 0)
           | ((share & FILE_SHARE_DELETE) ? DELETE : 0);
}

/* Whether an open with that access and share mode goes together with those there are. An open without access conflicts
 * with nobody, as on Windows. */
static NTSTATUS
check_share (const clfs_stream *stream, ACCESS_MASK access, ULONG share)
{
    for (guint i = 0; access != 0 && i < stream->files->len; i++) {
        const clfs_api_file *other = stream->files->pdata[i];
        if (other->counts && other->access != 0
            && ((access & ~shared_access (other->share)) != 0 || (other->access & ~shared_access (share)) != 0))
            return clfs_message_fail (STATUS_SHARING_VIOLATION, "log %s: this process has it open, not shared for this",
                                      stream->name);
    }
    return STATUS_SUCCESS;
}

/* Whether the log is there. Damaged metadata says that it is: opening it gives the error. */
static bool
stream_exists (const clfs_stream *stream)
{
    clfs_info info;

    return stream->files->len > 0
           || clfs_log_peek (stream->store->store, stream->name, &info, NULL) != STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS
stream_create (const clfs_stream *stream, ULONG attributes)
{
    clfs_log_options options;

    if (stream->store->read_only != STATUS_SUCCESS)
        return clfs_stream_read_only (stream);
    clfs_log_options_init (&options);
    options.max_bytes = 0; /* its containers are what ClfsAddLogContainer adds */
    options.archive = (attributes & FILE_ATTRIBUTE_ARCHIVE) != 0;
    return clfs_log_create (stream->store->store, stream->name, &options, NULL);
}

/* Makes the message for what the log's existence or state forbids. */
static NTSTATUS
refuse (const clfs_stream *stream, NTSTATUS status)
{
    const char *why = status == STATUS_OBJECT_NAME_COLLISION   ? "it is there already"
                      : status == STATUS_OBJECT_NAME_NOT_FOUND ? "there is none"
                      : status == STATUS_DELETE_PENDING        ? "it is marked for deletion"
                      : status == STATUS_LOG_DEDICATED         ? "it is a dedicated log, which has no streams"
                                                               : "logs with streams (NAME::STREAM) are not supported";

    return clfs_message_fail (status, "log %s: %s", stream->name, why);
}

/* Creates the log or finds it, as the disposition wants. Called with the stream's lock. */
static NTSTATUS
dispose (const clfs_stream *stream, ULONG disposition, ULONG attributes)
{
    if (stream_exists (stream))
        return disposition == CREATE_NEW ? refuse (stream, STATUS_OBJECT_NAME_COLLISION) : STATUS_SUCCESS;
    if (disposition == OPEN_EXISTING)
        return refuse (stream, STATUS_OBJECT_NAME_NOT_FOUND);
    NTSTATUS status = stream_create (stream, attributes);
    /* Another process was quicker: then it is there to be opened. */
    if (status == STATUS_OBJECT_NAME_COLLISION && disposition == OPEN_ALWAYS)
        return STATUS_SUCCESS;
    return status;
}

/* A log cannot be a dedicated one and have streams. */
static NTSTATUS
refuse_multiplexed (const clfs_stream *stream, ULONG disposition)
{
    if (!stream_exists (stream))
        return refuse (stream, disposition == OPEN_EXISTING ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_NOT_SUPPORTED);
    return refuse (stream, disposition == CREATE_NEW ? STATUS_OBJECT_NAME_COLLISION : STATUS_LOG_DEDICATED);
}

clfs_api_file *
clfs_api_file_ref (clfs_api_file *file)
{
    g_atomic_int_inc (&file->references);
    return file;
}

NTSTATUS
clfs_api_file_unref (clfs_api_file *file)
{
    if (!g_atomic_int_dec_and_test (&file->references))
        return STATUS_SUCCESS;
    NTSTATUS status = STATUS_SUCCESS;
    g_mutex_lock (&file->stream->lock);
    g_ptr_array_remove_fast (file->stream->files, file);
    if (file->stream->files->len == 0)
        status = clfs_stream_close (file->stream);
    g_mutex_unlock (&file->stream->lock);
    NTSTATUS released = clfs_stream_release (file->stream);
    g_free (file->directory);
    g_free (file);
    return NT_SUCCESS (status) ? released : status;
}

static NTSTATUS
file_destroy (void *object)
{
    return clfs_api_file_unref (object);
}

NTSTATUS
ClfsCreateLogFile (PPLOG_FILE_OBJECT pplfoLog, PUNICODE_STRING puszLogFileName, ACCESS_MASK fDesiredAccess,
                   ULONG dwShareMode, PSECURITY_DESCRIPTOR psdLogFile, ULONG fCreateDisposition, ULONG fCreateOptions,
                   ULONG fFlagsAndAttributes, ULONG fLogOptionFlag, PVOID pvContext, ULONG cbContext)
{
    clfs_log_path path = { 0 };
    clfs_stream *stream = NULL;

    (void) psdLogFile; /* the owner and mode of the files are the access control */
    if (pplfoLog == NULL || puszLogFileName == NULL || (fDesiredAccess & ~(ACCESS_USED | ACCESS_IGNORED)) != 0
        || (dwShareMode & ~(ULONG) SHARE_ALL) != 0 || (fFlagsAndAttributes & ~(ULONG) ATTRIBUTES_ALLOWED) != 0
        || (fCreateOptions & ~(ULONG) OPTIONS_ALLOWED) != 0)
        return clfs_message_fail (STATUS_INVALID_PARAMETER,
                                  "ClfsCreateLogFile: a NULL pointer, or a bit of access, share "
                                  "mode, options or attributes that is not documented");
    if ((fCreateOptions & FILE_SYNCHRONOUS_IO_ALERT) && (fCreateOptions & FILE_SYNCHRONOUS_IO_NONALERT))
        return clfs_message_fail (STATUS_INVALID_PARAMETER, "ClfsCreateLogFile: both kinds of synchronous I/O");
    if (fCreateDisposition != CREATE_NEW && fCreateDisposition != OPEN_EXISTING && fCreateDisposition != OPEN_ALWAYS)
        return clfs_message_fail (STATUS_INVALID_PARAMETER,
                                  "ClfsCreateLogFile: disposition %u is not CREATE_NEW, "
                                  "OPEN_EXISTING or OPEN_ALWAYS",
                                  fCreateDisposition);
    NTSTATUS status = check_log_option (fLogOptionFlag, pvContext, cbContext);
    if (!NT_SUCCESS (status))
        return clfs_message_fail (status, "ClfsCreateLogFile: bad fLogOptionFlag, or not the context that it needs");

    ACCESS_MASK access = fDesiredAccess & ACCESS_USED;
    if (fFlagsAndAttributes & FILE_ATTRIBUTE_READONLY)
        access &= ~GENERIC_WRITE;
    bool counts = (fLogOptionFlag & CLFS_FLAG_IGNORE_SHARE_ACCESS) == 0;

    status = clfs_log_path_parse (puszLogFileName, &path);
    if (!NT_SUCCESS (status))
        return status;
    status = clfs_stream_acquire (&path, &stream);
    if (!NT_SUCCESS (status))
        goto out;
    g_mutex_lock (&stream->lock);
    if (stream->delete_pending)
        status = refuse (stream, STATUS_DELETE_PENDING);
    else if (path.multiplexed)
        status = refuse_multiplexed (stream, fCreateDisposition);
    else
        status = dispose (stream, fCreateDisposition, fFlagsAndAttributes);
    if (NT_SUCCESS (status) && counts)
        status = check_share (stream, access, dwShareMode);
    if (NT_SUCCESS (status))
        status = clfs_stream_open (stream, (access & GENERIC_WRITE) != 0);
    if (NT_SUCCESS (status)) {
        clfs_api_file *file = g_new0 (clfs_api_file, 1);
        *file = (clfs_api_file) { .references = 1,
                                 .stream = stream,
                                 .directory = g_steal_pointer (&path.directory),
                                 .access = access,
                                 .share = dwShareMode,
                                 .counts = counts };
        PVOID handle = clfs_handle_new (CLFS_HANDLE_FILE, file, file_destroy);
        if (handle != NULL) {
            g_ptr_array_add (stream->files, file);
            stream = NULL; /* it is the file's now */
            g_mutex_unlock (&file->stream->lock);
            *pplfoLog = handle;
            goto out;
        }
        g_free (file->directory);
        g_free (file);
        status = STATUS_INSUFFICIENT_RESOURCES;
        if (stream->files->len == 0)
            (void) clfs_stream_close (stream);
    }
    g_mutex_unlock (&stream->lock);
out:
    if (stream != NULL) {
        NTSTATUS released = clfs_stream_release (stream);
        if (NT_SUCCESS (status))
            status = released;
    }
    clfs_log_path_clear (&path);
    return status;
}

/* Closes the handle of an acquired file and releases it: afterwards the caller has nothing any more. */
static NTSTATUS
close_acquired (PLOG_FILE_OBJECT plfoLog)
{
    bool mine = clfs_handle_close (plfoLog);
    NTSTATUS status = clfs_handle_release (plfoLog);

    return mine ? status : STATUS_INVALID_HANDLE;
}

NTSTATUS
ClfsCloseLogFileObject (PLOG_FILE_OBJECT plfoLog)
{
    return clfs_api_file_acquire (plfoLog) != NULL ? close_acquired (plfoLog) : STATUS_INVALID_HANDLE;
}

NTSTATUS
ClfsCloseAndResetLogFile (PLOG_FILE_OBJECT plfoLog)
{
    clfs_api_file *file = clfs_api_file_acquire (plfoLog);

    if (file == NULL)
        return STATUS_INVALID_HANDLE;
    if ((file->access & GENERIC_WRITE) == 0) {
        NTSTATUS status = clfs_api_file_denied (file);
        (void) clfs_handle_release (plfoLog);
        return status;
    }
    g_mutex_lock (&file->stream->lock);
    file->stream->reset_pending = true;
    g_mutex_unlock (&file->stream->lock);
    return close_acquired (plfoLog);
}

NTSTATUS
ClfsDeleteLogByPointer (PLOG_FILE_OBJECT plfoLog)
{
    clfs_api_file *file = clfs_api_file_acquire (plfoLog);
    NTSTATUS status;

    if (file == NULL)
        return STATUS_INVALID_HANDLE;
    if ((file->access & DELETE) == 0) {
        status = clfs_api_file_denied (file);
    } else {
        g_mutex_lock (&file->stream->lock);
        /* The log's lock now, so that another process that writes it is noticed here and not when it is too late to say
         * so. */
        status = clfs_stream_open (file->stream, true);
        if (NT_SUCCESS (status))
            file->stream->delete_pending = true;
        g_mutex_unlock (&file->stream->lock);
    }
    (void) clfs_handle_release (plfoLog);
    return status;
}

NTSTATUS
ClfsDeleteLogFile (PUNICODE_STRING puszLogFileName, PVOID pvReserved, ULONG fLogOptionFlag, PVOID pvContext,
                   ULONG cbContext)
{
    clfs_log_path path = { 0 };
    clfs_stream *stream = NULL;

    (void) pvReserved; /* older headers had a security descriptor here */
    if (puszLogFileName == NULL)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = check_log_option (fLogOptionFlag, pvContext, cbContext);
    if (!NT_SUCCESS (status))
        return status;
    status = clfs_log_path_parse (puszLogFileName, &path);
    if (!NT_SUCCESS (status))
        return status;
    status = clfs_stream_acquire (&path, &stream);
    if (!NT_SUCCESS (status))
        goto out;
    g_mutex_lock (&stream->lock);
    if (stream->delete_pending) {
        status = refuse (stream, STATUS_DELETE_PENDING);
    } else if (path.multiplexed) {
        status = refuse_multiplexed (stream, OPEN_EXISTING);
    } else if (stream->store->read_only != STATUS_SUCCESS) {
        status = clfs_stream_read_only (stream);
    } else if (stream->files->len == 0) {
        status = clfs_log_delete (stream->store->store, stream->name, 0);
    } else {
        if ((fLogOptionFlag & CLFS_FLAG_IGNORE_SHARE_ACCESS) == 0)
            status = check_share (stream, DELETE, SHARE_ALL);
        if (NT_SUCCESS (status))
            status = clfs_stream_open (stream, true);
        if (NT_SUCCESS (status))
            stream->delete_pending = true;
    }
    g_mutex_unlock (&stream->lock);
    NTSTATUS released = clfs_stream_release (stream);
    if (NT_SUCCESS (status))
        status = released;
out:
    clfs_log_path_clear (&path);
    return status;
}

clfs_log *
clfs_log_of_file_object (PLOG_FILE_OBJECT plfoLog)
{
    clfs_api_file *file = clfs_api_file_acquire (plfoLog);

    if (file == NULL)
        return NULL;
    /* The log stays open as long as the file does, which is for the caller to see to. */
    clfs_log *log = clfs_stream_log (file->stream);
    (void) clfs_handle_release (plfoLog);
    return log;
}
