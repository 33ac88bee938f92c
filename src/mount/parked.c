/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parked.h"

struct parked {
    uint64_t id;
    struct clfs_handle *handle; /* a reference */
    clfs_log *log;
    uint64_t ticket;
    bool submitted;   /* ticket is known */
    bool interrupted; /* before it was */
    enum clfs_parked_reason reason;
    clfs_parked_done done;
    void *data;
};

static GMutex lock;
static GCond drained;
static GHashTable *table; /* id -> parked */
static uint64_t last_id;
static size_t counts[CLFS_PARKED_REASONS], peaks[CLFS_PARKED_REASONS];
static size_t ending; /* no longer in the table, but still being answered */

static void
flushed (NTSTATUS status, clfs_lsn_t durable_below, void *data)
{
    struct parked *parked = data;
    struct clfs_mlog *mlog = clfs_mlog_ref (parked->handle->mlog);

    g_mutex_lock (&lock);
    g_hash_table_remove (table, &parked->id);
    counts[parked->reason]--;
    ending++;
    g_mutex_unlock (&lock);
    /* `done` leaves the gate, and its answer lets RELEASE come: hold both until the handle's reference is dropped. */
    clfs_mlog_hold (mlog);
    parked->done (status, durable_below, parked->data);
    clfs_handle_unref_later (parked->handle);
    clfs_mlog_leave (mlog);
    clfs_mlog_unref (mlog);
    g_free (parked);
    g_mutex_lock (&lock);
    if (--ending == 0 && g_hash_table_size (table) == 0)
        g_cond_broadcast (&drained);
    g_mutex_unlock (&lock);
}

/* libfuse calls this with the request's lock held, perhaps after its answer: so it gets a number that is never used
 * again, not a pointer. */
static void
interrupt (fuse_req_t req, void *data)
{
    uint64_t id = (uint64_t) (uintptr_t) data;
    struct clfs_handle *handle = NULL;
    struct clfs_mlog *mlog;
    struct parked *parked;
    clfs_log *log = NULL;
    uint64_t ticket = 0;

    (void) req;
    g_mutex_lock (&lock);
    parked = g_hash_table_lookup (table, &id);
    if (parked != NULL && !parked->submitted) {
        parked->interrupted = true;
    } else if (parked != NULL) {
        handle = clfs_handle_ref (parked->handle);
        log = parked->log;
        ticket = parked->ticket;
        clfs_mlog_hold (handle->mlog);
    }
    g_mutex_unlock (&lock);
    if (handle == NULL)
        return;
    mlog = clfs_mlog_ref (handle->mlog);
    if (clfs_log_flush_cancel (log, ticket))
        clfs_mount_count (CLFS_COUNT_INTERRUPTED, 1);
    clfs_handle_unref_later (handle);
    clfs_mlog_leave (mlog);
    clfs_mlog_unref (mlog);
}

void
clfs_parked_flush (fuse_req_t req, struct clfs_handle *handle, clfs_log *log, clfs_lsn_t lsn,
                   enum clfs_parked_reason reason, bool interruptible, clfs_parked_done done, void *data)
{
    struct parked *parked = g_new0 (struct parked, 1);
    struct clfs_mlog *mlog = handle->mlog;
    uint64_t id, ticket = 0;
    bool cancel = false;
    NTSTATUS status;

    G_STATIC_ASSERT (sizeof (void *) == sizeof (uint64_t)); /* a number goes through libfuse as a pointer */
    parked->handle = clfs_handle_ref (handle);
    parked->log = log;
    parked->reason = reason;
    parked->done = done;
    parked->data = data;
    g_mutex_lock (&lock);
    if (table == NULL)
        table = g_hash_table_new (g_int64_hash, g_int64_equal);
    parked->id = id = ++last_id;
    g_hash_table_insert (table, &parked->id, parked);
    counts[reason]++;
    peaks[reason] = MAX (peaks[reason], counts[reason]);
    g_mutex_unlock (&lock);
    /* An INTERRUPT that came before calls interrupt() here. Not after the flush has begun: the request may be
     * answered then. */
    if (interruptible)
        fuse_req_interrupt_func (req, interrupt, (void *) (uintptr_t) id);

    /* Until the cancelling below is over, this thread stays inside; it keeps the handle the same way. */
    clfs_mlog_ref (mlog);
    clfs_mlog_hold (mlog);
    clfs_handle_ref (handle);
    status = clfs_log_flush_async (log, lsn, flushed, parked, &ticket);
    if (status != STATUS_PENDING) {
        flushed (status, 0, parked);
    } else {
        g_mutex_lock (&lock);
        parked = g_hash_table_lookup (table, &id);
        if (parked != NULL) {
            parked->ticket = ticket;
            parked->submitted = true;
            cancel = parked->interrupted;
        }
        g_mutex_unlock (&lock);
        if (cancel && clfs_log_flush_cancel (log, ticket))
            clfs_mount_count (CLFS_COUNT_INTERRUPTED, 1);
    }
    clfs_handle_unref (handle);
    clfs_mlog_leave (mlog);
    clfs_mlog_unref (mlog);
}

void
clfs_parked_count (enum clfs_parked_reason reason, size_t *now, size_t *peak)
{
    g_mutex_lock (&lock);
    *now = counts[reason];
    *peak = peaks[reason];
    g_mutex_unlock (&lock);
}

bool
clfs_parked_drain (void)
{
    bool waited = false;

    g_mutex_lock (&lock);
    while (table != NULL && (g_hash_table_size (table) > 0 || ending > 0)) {
        waited = true;
        g_cond_wait (&drained, &lock);
    }
    g_mutex_unlock (&lock);
    return waited;
}
