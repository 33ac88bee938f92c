/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "locks.h"

#include <errno.h>
#include <fcntl.h>

struct held {
    enum clfs_lock_family family;
    short type;
    uint64_t start, end;
    uint64_t owner;
    uint64_t handle;
    pid_t pid;
};

struct waiter {
    uint64_t id;
    fuse_req_t req;
    uint64_t ino, handle;
    struct clfs_lock_request request;
};

/* The locks of one file. Exists while it has some, or waiters. */
struct file {
    uint64_t ino;
    GArray *held;   /* struct held */
    GQueue waiters; /* struct waiter, the oldest first */
};

/* An answer that is given after the table's lock has been let go. */
struct answer {
    fuse_req_t req;
    int error;
};

static GMutex lock;
static GHashTable *files;   /* ino -> file */
static GHashTable *waiting; /* waiter's id -> waiter */
static uint64_t last_id;

static struct file *
file_get (uint64_t ino, bool make)
{
    struct file *file;

    if (files == NULL) {
        files = g_hash_table_new (g_int64_hash, g_int64_equal);
        waiting = g_hash_table_new (g_int64_hash, g_int64_equal);
    }
    file = g_hash_table_lookup (files, &ino);
    if (file == NULL && make) {
        file = g_new0 (struct file, 1);
        file->ino = ino;
        file->held = g_array_new (FALSE, FALSE, sizeof (struct held));
        g_hash_table_insert (files, &file->ino, file);
    }
    return file;
}

static void
file_put (struct file *file)
{
    if (file->held->len > 0 || !g_queue_is_empty (&file->waiters))
        return;
    g_hash_table_remove (files, &file->ino);
    g_array_free (file->held, TRUE);
    g_free (file);
}

static const struct held *
conflict (const struct file *file, const struct clfs_lock_request *request)
{
    for (guint i = 0; i < file->held->len; i++) {
        const struct held *held = &g_array_index (file->held, struct held, i);
        if (held->family == request->family && held->owner != request->owner && held->start <= request->end
            && request->start <= held->end && (held->type == F_WRLCK || request->type == F_WRLCK))
            return held;
    }
    return NULL;
}

/* Takes the owner's locks of this family out of the range, splitting those that reach beyond it. */
static void
clear_range (struct file *file, const struct clfs_lock_request *request)
{
    for (guint i = 0; i < file->held->len;) {
        struct held *held = &g_array_index (file->held, struct held, i);
        struct held right = *held;

        if (held->family != request->family || held->owner != request->owner || held->start > request->end
            || request->start > held->end) {
            i++;
            continue;
        }
        if (held->start < request->start) {
            held->end = request->start - 1;
            i++;
        } else {
            g_array_remove_index (file->held, i);
        }
        if (right.end > request->end) {
            right.start = request->end + 1;
            g_array_append_val (file->held, right);
        }
    }
}

static void
grant (struct file *file, uint64_t handle, const struct clfs_lock_request *request)
{
    struct held held = {
        .family = request->family,
        .type = request->type,
        .start = request->start,
        .end = request->end,
        .owner = request->owner,
        .handle = handle,
        .pid = request->pid,
    };

    clear_range (file, request);
    if (request->type != F_UNLCK)
        g_array_append_val (file->held, held);
}

static void
answer_add (GArray *answers, fuse_req_t req, int error)
{
    struct answer answer = { req, error };

    g_array_append_val (answers, answer);
}

static void
answers_give (GArray *answers)
{
    for (guint i = 0; i < answers->len; i++) {
        const struct answer *answer = &g_array_index (answers, struct answer, i);
        fuse_reply_err (answer->req, answer->error);
    }
    g_array_free (answers, TRUE);
}

static void
waiter_remove (struct file *file, GList *link, GArray *answers, int error)
{
    struct waiter *waiter = link->data;

    answer_add (answers, waiter->req, error);
    g_hash_table_remove (waiting, &waiter->id);
    g_queue_delete_link (&file->waiters, link);
    g_free (waiter);
}

/* Something was let go: whoever can have a lock now, gets it; the oldest first. */
static void
grant_waiters (struct file *file, GArray *answers)
{
    GList *link = file->waiters.head;

    while (link != NULL) {
        GList *next = link->next;
        struct waiter *waiter = link->data;
        if (conflict (file, &waiter->request) == NULL) {
            grant (file, waiter->handle, &waiter->request);
            waiter_remove (file, link, answers, 0);
        }
        link = next;
    }
}

/* Called with the request's lock held, perhaps after its answer: so by a number, as in parked.c. */
static void
interrupt (fuse_req_t req, void *data)
{
    uint64_t id = (uint64_t) (uintptr_t) data;
    GArray *answers = g_array_new (FALSE, FALSE, sizeof (struct answer));
    struct waiter *waiter;
    struct file *file;

    (void) req;
    g_mutex_lock (&lock);
    waiter = waiting != NULL ? g_hash_table_lookup (waiting, &id) : NULL;
    if (waiter != NULL) {
        file = file_get (waiter->ino, false);
        waiter_remove (file, g_queue_find (&file->waiters, waiter), answers, EINTR);
        file_put (file);
    }
    g_mutex_unlock (&lock);
    clfs_mount_count (CLFS_COUNT_INTERRUPTED, answers->len);
    answers_give (answers);
}

static void
wait_locked (struct file *file, uint64_t id, fuse_req_t req, const struct clfs_handle *handle,
             const struct clfs_lock_request *request)
{
    struct waiter *waiter = g_new0 (struct waiter, 1);

    waiter->id = id;
    waiter->req = req;
    waiter->ino = handle->ino;
    waiter->handle = handle->id;
    waiter->request = *request;
    g_queue_push_tail (&file->waiters, waiter);
    g_hash_table_insert (waiting, &waiter->id, waiter);
}

void
clfs_locks_set (fuse_req_t req, struct clfs_handle *handle, const struct clfs_lock_request *request)
{
    GArray *answers = g_array_new (FALSE, FALSE, sizeof (struct answer));
    struct file *file;
    uint64_t id = 0;

    if (request->wait) {
        g_mutex_lock (&lock);
        id = ++last_id;
        g_mutex_unlock (&lock);
        /* Before the request is in the queue: there, anybody may answer it, and it is gone. */
        fuse_req_interrupt_func (req, interrupt, (void *) (uintptr_t) id);
    }
    g_mutex_lock (&lock);
    file = file_get (handle->ino, true);
    /* flock(2) lets go of the former lock first, and does not give it back. */
    if (request->family == CLFS_LOCK_FLOCK)
        clear_range (file, request);
    if (request->type == F_UNLCK || conflict (file, request) == NULL) {
        grant (file, handle->id, request);
        answer_add (answers, req, 0);
    } else if (!request->wait) {
        answer_add (answers, req, EAGAIN);
    } else if (fuse_req_interrupted (req)) {
        answer_add (answers, req, EINTR);
    } else {
        wait_locked (file, id, req, handle, request);
    }
    grant_waiters (file, answers);
    file_put (file);
    g_mutex_unlock (&lock);
    answers_give (answers);
}

void
clfs_locks_test (struct clfs_handle *handle, struct clfs_lock_request *request)
{
    const struct held *held = NULL;
    struct file *file;

    g_mutex_lock (&lock);
    file = file_get (handle->ino, false);
    if (file != NULL)
        held = conflict (file, request);
    if (held != NULL) {
        request->type = held->type;
        request->start = held->start;
        request->end = held->end;
        request->pid = held->pid;
    } else {
        request->type = F_UNLCK;
    }
    g_mutex_unlock (&lock);
}

void
clfs_locks_drop_owner (struct clfs_handle *handle, uint64_t owner)
{
    GArray *answers = g_array_new (FALSE, FALSE, sizeof (struct answer));
    struct clfs_lock_request all = {
        .family = CLFS_LOCK_RANGE,
        .type = F_UNLCK,
        .end = UINT64_MAX,
        .owner = owner,
    };
    struct file *file;

    g_mutex_lock (&lock);
    file = file_get (handle->ino, false);
    if (file != NULL) {
        clear_range (file, &all);
        grant_waiters (file, answers);
        file_put (file);
    }
    g_mutex_unlock (&lock);
    answers_give (answers);
}

void
clfs_locks_drop_handle (struct clfs_handle *handle)
{
    GArray *answers = g_array_new (FALSE, FALSE, sizeof (struct answer));
    struct file *file;

    g_mutex_lock (&lock);
    file = file_get (handle->ino, false);
    if (file != NULL) {
        for (guint i = file->held->len; i > 0; i--)
            if (g_array_index (file->held, struct held, i - 1).handle == handle->id)
                g_array_remove_index (file->held, i - 1);
        grant_waiters (file, answers);
        file_put (file);
    }
    g_mutex_unlock (&lock);
    answers_give (answers);
}

void
clfs_locks_end (void)
{
    GArray *answers = g_array_new (FALSE, FALSE, sizeof (struct answer));
    GHashTableIter iter;
    gpointer waiter;

    g_mutex_lock (&lock);
    if (waiting != NULL) {
        g_hash_table_iter_init (&iter, waiting);
        while (g_hash_table_iter_next (&iter, NULL, &waiter))
            answer_add (answers, ((struct waiter *) waiter)->req, EINTR);
        g_hash_table_remove_all (waiting);
    }
    g_mutex_unlock (&lock);
    answers_give (answers);
}
