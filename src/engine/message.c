/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static _Thread_local char thread_message[512];

static GMutex handler_lock;
static clfs_log_handler handler_function;
static void *handler_data;

const char *
clfs_error_message (void)
{
    return thread_message;
}

NTSTATUS
clfs_message_fail (NTSTATUS status, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (thread_message, sizeof thread_message, format, arguments);
    va_end (arguments);
    return status;
}

void
clfs_set_log_handler (clfs_log_handler handler, void *data)
{
    g_mutex_lock (&handler_lock);
    handler_function = handler;
    handler_data = data;
    g_mutex_unlock (&handler_lock);
}

void
clfs_message_report (int level, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    g_autofree char *line = g_strdup_vprintf (format, arguments);
    va_end (arguments);

    g_mutex_lock (&handler_lock);
    clfs_log_handler handler = handler_function;
    void *data = handler_data;
    g_mutex_unlock (&handler_lock);
    if (handler)
        handler (level, line, data);
    else if (level <= LOG_NOTICE)
        fprintf (stderr, "clfs: %s\n", line);
}

const char *
clfs_message_status_words (NTSTATUS status)
{
    switch (status) {
    case STATUS_DISK_FULL:
        return "no space left on the device";
    case STATUS_DISK_QUOTA_EXCEEDED:
        return "disk quota exceeded";
    case STATUS_ACCESS_DENIED:
        return "permission denied";
    case STATUS_MEDIA_WRITE_PROTECTED:
        return "read-only";
    case STATUS_OBJECT_NAME_NOT_FOUND:
        return "no such file";
    case STATUS_OBJECT_NAME_COLLISION:
        return "it already exists";
    case STATUS_SHARING_VIOLATION:
        return "in use";
    case STATUS_TOO_MANY_OPENED_FILES:
        return "too many open files";
    case STATUS_INSUFFICIENT_RESOURCES:
        return "not enough memory";
    case STATUS_IO_DEVICE_ERROR:
        return "input/output error";
    default:
        return g_strerror (clfs_status_errno (status));
    }
}
