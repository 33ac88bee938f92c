/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GMutex and GCond over pthreads, linked before GLib in builds with ThreadSanitizer.
 *
 * GLib's own are made of futexes inside libglib, where ThreadSanitizer sees nothing: each access under such a mutex would be
 * reported as a race. GLib's other primitives are pthread ones.
 */
#include <glib.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static void
check (int error)
{
    if (error != 0)
        abort ();
}

/* The object behind a zero-initialized GMutex is made by whoever locks it first. */
static pthread_mutex_t *
mutex_of (GMutex *mutex)
{
    pthread_mutex_t *found = __atomic_load_n (&mutex->p, __ATOMIC_ACQUIRE);
    if (found != NULL)
        return found;
    pthread_mutex_t *made = g_new (pthread_mutex_t, 1);
    check (pthread_mutex_init (made, NULL));
    gpointer expected = NULL;
    if (__atomic_compare_exchange_n (&mutex->p, &expected, made, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    check (pthread_mutex_destroy (made));
    g_free (made);
    return expected;
}

void
g_mutex_init (GMutex *mutex)
{
    mutex->p = NULL;
    mutex_of (mutex);
}

void
g_mutex_clear (GMutex *mutex)
{
    if (mutex->p == NULL)
        return;
    check (pthread_mutex_destroy (mutex->p));
    g_free (g_steal_pointer (&mutex->p));
}

void
g_mutex_lock (GMutex *mutex)
{
    check (pthread_mutex_lock (mutex_of (mutex)));
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
    int error = pthread_mutex_trylock (mutex_of (mutex));
    if (error != EBUSY)
        check (error);
    return error == 0;
}

void
g_mutex_unlock (GMutex *mutex)
{
    check (pthread_mutex_unlock (mutex_of (mutex)));
}

static pthread_cond_t *
cond_of (GCond *cond)
{
    pthread_cond_t *found = __atomic_load_n (&cond->p, __ATOMIC_ACQUIRE);
    if (found != NULL)
        return found;
    pthread_condattr_t attributes;
    check (pthread_condattr_init (&attributes));
    check (pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC)); /* that of g_get_monotonic_time */
    pthread_cond_t *made = g_new (pthread_cond_t, 1);
    check (pthread_cond_init (made, &attributes));
    check (pthread_condattr_destroy (&attributes));
    gpointer expected = NULL;
    if (__atomic_compare_exchange_n (&cond->p, &expected, made, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    check (pthread_cond_destroy (made));
    g_free (made);
    return expected;
}

void
g_cond_init (GCond *cond)
{
    cond->p = NULL;
    cond_of (cond);
}

void
g_cond_clear (GCond *cond)
{
    if (cond->p == NULL)
        return;
    check (pthread_cond_destroy (cond->p));
    g_free (g_steal_pointer (&cond->p));
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
    check (pthread_cond_wait (cond_of (cond), mutex_of (mutex)));
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
    struct timespec until = {
        .tv_sec = end_time / G_USEC_PER_SEC,
        .tv_nsec = end_time % G_USEC_PER_SEC * 1000,
    };
    int error = pthread_cond_timedwait (cond_of (cond), mutex_of (mutex), &until);
    if (error != ETIMEDOUT)
        check (error);
    return error == 0;
}

void
g_cond_signal (GCond *cond)
{
    check (pthread_cond_signal (cond_of (cond)));
}

void
g_cond_broadcast (GCond *cond)
{
    check (pthread_cond_broadcast (cond_of (cond)));
}

/* GThreadPool hands its items over under futexes inside libglib as well; the items themselves are handed over under ours. */
const char *__tsan_default_suppressions (void);
__attribute__ ((visibility ("default"))) const char *
__tsan_default_suppressions (void)
{
    return "race:g_queue_pop_tail\nrace:g_queue_pop_tail_link\n";
}
