/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * background.c - what nobody waits for: flushes by age and threshold, the next container, idle logs, `retain` by age.
 *
 * A pool of workers runs jobs; one timer thread for each store looks at its engines when the earliest
 * deadline is due. With CLFS_STORE_INLINE there is neither.
 */
#include "engine/engine.h"

#include <syslog.h>

/* `retain` by age is looked at this often: ages are days. */
#define RETAIN_AGE_NS (INT64_C (60) * 1000000000)
/* A reader whose handle is watched looks for what a writer elsewhere has appended. */
#define REFRESH_NS (INT64_C (1) * 1000000000)

static int64_t
now_ns (clfs_store *store)
{
    return store->storage->ops->now_ns (store->storage);
}

/* ---- jobs ---- */

/* A job is the engine's address with the kind in its lowest bit: nothing to allocate, and nothing of the job itself is shared. */
static_assert (CLFS_JOB_FLUSH == 0 && CLFS_JOB_PREPARE == 1, "one bit");
#define JOB_KIND_BIT ((uintptr_t) 1)

static void
run_prepare (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    clfs_lsn_t at = engine->open ? engine->open->address : engine->end;
    bool wanted = engine->state == CLFS_STATE_OK && engine->started && !engine->busy;
    g_mutex_unlock (&engine->lock);
    /* A log that is full says so to the append that finds no room, not here. */
    if (wanted && clfs_rollover_prepare (engine, clfs_lsn_container (at) + 1) == STATUS_LOG_METADATA_FLUSH_FAILED)
        clfs_message_report (LOG_ERR, "%s", clfs_error_message ());
}

static void
run_flush (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    engine->flush_queued = false;
    bool was_failed = engine->state == CLFS_STATE_FAILED;
    if (!engine->flushing && !engine->busy)
        clfs_flush_round (engine);
    bool failed = engine->state == CLFS_STATE_FAILED && !was_failed;
    g_autofree char *error = failed ? g_strdup (engine->error) : NULL;
    g_mutex_unlock (&engine->lock);
    if (failed)
        clfs_message_report (LOG_ERR, "%s", error);
}

static void
run_job (gpointer data, gpointer user_data)
{
    (void) user_data;
    clfs_engine *engine = (clfs_engine *) ((uintptr_t) data & ~JOB_KIND_BIT);
    if (((uintptr_t) data & JOB_KIND_BIT) == CLFS_JOB_FLUSH) {
        run_flush (engine);
    } else {
        run_prepare (engine);
        g_mutex_lock (&engine->lock);
        engine->prepare_queued = false;
        g_mutex_unlock (&engine->lock);
    }
    g_mutex_lock (&engine->lock);
    engine->jobs--;
    g_cond_broadcast (&engine->changed);
    g_mutex_unlock (&engine->lock);
}

void
clfs_background_queue (clfs_engine *engine, enum clfs_job kind)
{
    bool *queued = kind == CLFS_JOB_FLUSH ? &engine->flush_queued : &engine->prepare_queued;
    if (*queued || !engine->store->workers || engine->closing)
        return;
    *queued = true;
    engine->jobs++;
    g_thread_pool_push (engine->store->workers, (gpointer) ((uintptr_t) engine | (uintptr_t) kind), NULL);
}

void
clfs_background_drain (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    engine->closing = true;
    while (engine->jobs > 0)
        g_cond_wait (&engine->changed, &engine->lock);
    g_mutex_unlock (&engine->lock);
}

/* ---- the timer ---- */

void
clfs_background_arm (clfs_store *store, int64_t when_ns)
{
    if (!store->timer)
        return;
    g_mutex_lock (&store->timer_lock);
    if (when_ns < store->timer_next_ns) {
        store->timer_next_ns = when_ns;
        g_cond_signal (&store->timer_wake);
    }
    g_mutex_unlock (&store->timer_lock);
}

/* Looks at one engine; returns when it wants to be looked at next. Holds a use of it (store->lock not held). */
static int64_t
look_at (clfs_engine *engine, int64_t now)
{
    int64_t next = INT64_MAX;
    if (!engine->writer) {
        if (!g_atomic_int_get (&engine->watch_mask))
            return next;
        clfs_engine_refresh (engine, 900);
        return now + REFRESH_NS;
    }
    g_mutex_lock (&engine->lock);
    if (engine->oldest_pending_ns != 0 && engine->blf->flush_ms != 0) {
        int64_t due = engine->oldest_pending_ns + (int64_t) engine->blf->flush_ms * 1000000;
        if (due <= now)
            clfs_background_queue (engine, CLFS_JOB_FLUSH);
        else
            next = due;
    }
    bool by_age = (engine->blf->ext_flags & CLFS_EXT_RETAIN_AGE) && engine->started;
    bool age_due = by_age && now - engine->retain_looked_ns >= RETAIN_AGE_NS;
    if (age_due)
        engine->retain_looked_ns = now;
    if (by_age)
        next = MIN (next, engine->retain_looked_ns + RETAIN_AGE_NS);
    g_mutex_unlock (&engine->lock);
    if (age_due)
        clfs_rollover_retain_age (engine);
    return next;
}

/* Closes the engines that have been idle for long enough; returns when the next one is due. */
static int64_t
close_idle (clfs_store *store, int64_t now)
{
    int64_t next = INT64_MAX;
    int64_t idle_ns = (int64_t) store->options.idle_close_ms * 1000000;
    g_mutex_lock (&store->lock);
    for (;;) {
        clfs_engine *due = NULL;
        GHashTableIter iter;
        gpointer value;
        next = INT64_MAX;
        g_hash_table_iter_init (&iter, store->engines);
        while (g_hash_table_iter_next (&iter, NULL, &value)) {
            clfs_engine *engine = value;
            if (engine->references > 0 || engine->users > 0 || engine->idle_since_ns == 0 || engine->shutting_down)
                continue;
            if (engine->idle_since_ns + idle_ns <= now)
                due = engine;
            else
                next = MIN (next, engine->idle_since_ns + idle_ns);
        }
        if (!due)
            break;
        if (clfs_store_retire_engine (store, due) != STATUS_SUCCESS) {
            g_mutex_unlock (&store->lock);
            clfs_message_report (LOG_ERR, "%s", clfs_error_message ());
            g_mutex_lock (&store->lock);
        }
    }
    g_mutex_unlock (&store->lock);
    return next;
}

static int64_t
look_at_all (clfs_store *store)
{
    int64_t now = now_ns (store);
    int64_t next = close_idle (store, now);
    g_autoptr (GPtrArray) engines = g_ptr_array_new ();
    g_mutex_lock (&store->lock);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init (&iter, store->engines);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        clfs_engine *engine = value;
        if (!engine->opening && !engine->shutting_down) {
            engine->users++;
            g_ptr_array_add (engines, engine);
        }
    }
    for (guint i = 0; i < store->readers->len; i++) {
        clfs_engine *engine = g_ptr_array_index (store->readers, i);
        engine->users++;
        g_ptr_array_add (engines, engine);
    }
    g_mutex_unlock (&store->lock);
    for (guint i = 0; i < engines->len; i++)
        next = MIN (next, look_at (g_ptr_array_index (engines, i), now));
    g_mutex_lock (&store->lock);
    for (guint i = 0; i < engines->len; i++)
        ((clfs_engine *) g_ptr_array_index (engines, i))->users--;
    g_cond_broadcast (&store->opened);
    g_mutex_unlock (&store->lock);
    return next;
}

static gpointer
timer_thread (gpointer data)
{
    clfs_store *store = data;
    g_mutex_lock (&store->timer_lock);
    while (!store->timer_stop) {
        int64_t wait_us = store->timer_next_ns == INT64_MAX ? G_MAXINT64 : (store->timer_next_ns - now_ns (store)) / 1000;
        if (wait_us > 0) {
            if (wait_us == G_MAXINT64)
                g_cond_wait (&store->timer_wake, &store->timer_lock);
            else
                g_cond_wait_until (&store->timer_wake, &store->timer_lock, g_get_monotonic_time () + wait_us + 1);
            continue;
        }
        store->timer_next_ns = INT64_MAX;
        g_mutex_unlock (&store->timer_lock);
        int64_t next = look_at_all (store);
        g_mutex_lock (&store->timer_lock);
        store->timer_next_ns = MIN (store->timer_next_ns, next);
    }
    g_mutex_unlock (&store->timer_lock);
    return NULL;
}

void
clfs_background_start (clfs_store *store)
{
    store->timer_next_ns = INT64_MAX;
    if (store->options.flags & CLFS_STORE_INLINE)
        return;
    store->workers = g_thread_pool_new (run_job, NULL, CLFS_WORKERS_MAX, FALSE, NULL);
    store->timer = g_thread_new ("clfs-timer", timer_thread, store);
}

void
clfs_background_stop (clfs_store *store)
{
    if (store->timer) {
        g_mutex_lock (&store->timer_lock);
        store->timer_stop = true;
        g_cond_signal (&store->timer_wake);
        g_mutex_unlock (&store->timer_lock);
        g_thread_join (store->timer);
        store->timer = NULL;
    }
    if (store->workers) {
        g_thread_pool_free (store->workers, FALSE, TRUE);
        store->workers = NULL;
    }
}
