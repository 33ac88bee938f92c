/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_crash.c - power fails, or every process dies, at a chosen I/O; again while recovering, and a third time.
 *
 *     tests/crash/test_crash               CRASH_POINTS crash points (the default is a short run)
 *     FIRST_SEED=n tests/crash/test_crash  the same from another seed on (the default is 1)
 *     SEED=n tests/crash/test_crash        one seed, with a trace of what was called, of each I/O and of each crash
 *
 * A crash point is one power loss or death and what recovery makes of it. A seed is one log's life: it crashes several
 * times, and each time several ends of the same moment are looked at on copies of the disk.
 */
#include "workload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFF "%" G_GUINT64_FORMAT
#define POINTS_DEFAULT 25000
#define FAILURES_MAX 5

static jmp_buf end_of_seed;
static bool tracing;
static GString *io_trace;
static char failure[1024];
static uint64_t points, points_power, points_kill, points_again, points_fault;

G_GNUC_PRINTF (1, 2) void
crash_say (const char *format, ...)
{
    if (!tracing)
        return;
    if (io_trace->len > 0) {
        fputs (io_trace->str, stdout);
        g_string_set_size (io_trace, 0);
    }
    va_list arguments;
    va_start (arguments, format);
    vprintf (format, arguments);
    va_end (arguments);
    putchar ('\n');
    fflush (stdout);
}

void
crash_fail (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (failure, sizeof failure, format, arguments);
    va_end (arguments);
    crash_say ("FAIL %s", failure);
    longjmp (end_of_seed, 1);
}

static void
library_says (int level, const char *line, void *data)
{
    (void) level;
    (void) data;
    crash_say ("  clfs: %s", line);
}

/* ---- crashes ---- */

/* The ways a moment can end. */
enum ending {
    END_KILL,
    END_NONE,
    END_ALL,
    END_RANDOM,
    END_ONE_MISSING,
    END_ONE_ALONE,
    END_PREFIX,
    END_SUFFIX,
    ENDINGS
};

/* Ends all processes in that way. True: what was not flushed may be gone. */
static bool
crash (clfs_sim_disk *disk, enum ending ending, crash_random *random)
{
    points++;
    if (ending == END_KILL) {
        points_kill++;
        clfs_sim_kill (disk);
        return false;
    }
    points_power++;
    if (ending <= END_RANDOM) {
        static const enum clfs_sim_survivors survivors[] = {
            [END_NONE] = CLFS_SIM_NONE, [END_ALL] = CLFS_SIM_ALL, [END_RANDOM] = CLFS_SIM_RANDOM,
        };
        clfs_sim_power_loss (disk, survivors[ending], NULL);
        return true;
    }
    size_t count = clfs_sim_unsynced_count (disk);
    g_autofree uint8_t *chosen = g_malloc0 (count / 8 + 1);
    size_t one = count > 0 ? crash_below (random, count) : 0;
    for (size_t i = 0; i < count; i++) {
        bool kept = ending == END_ONE_MISSING ? i != one
                    : ending == END_ONE_ALONE ? i == one
                    : ending == END_PREFIX    ? i <= one
                                              : i >= one;
        if (kept)
            chosen[i / 8] |= (uint8_t) (1u << i % 8);
    }
    clfs_sim_power_loss (disk, CLFS_SIM_CHOSEN, chosen);
    return true;
}

static enum ending
choose_ending (crash_random *random)
{
    return crash_chance (random, 35) ? END_KILL : (enum ending) (1 + crash_below (random, ENDINGS - 1));
}

/* One I/O of some kind fails once. */
static void
arm_fault (crash_process *p, bool recovering)
{
    /* What the test itself reads is not to fail. */
    static const enum clfs_sim_op ops[] = {
        CLFS_SIM_WRITE, CLFS_SIM_BARRIER, CLFS_SIM_BARRIER, CLFS_SIM_FILL, CLFS_SIM_SYNC_NAMES,
        CLFS_SIM_GROW, CLFS_SIM_REMOVE, CLFS_SIM_READ, CLFS_SIM_OPEN, CLFS_SIM_MAP,
    };
    enum clfs_sim_op op = ops[crash_below (p->random, G_N_ELEMENTS (ops) - (recovering ? 0 : 3))];
    uint64_t nth = crash_below (p->random, 12);
    crash_say ("fault: " OFF " operations of kind %d later", nth, op);
    clfs_sim_fail (p->disk, op, crash_chance (p->random, 30) ? ".blf" : NULL, nth, 1, STATUS_IO_DEVICE_ERROR);
}

/* Every container that the log names is there. */
static void
check_containers (crash_process *p)
{
    clfs_container_info all[16];
    size_t count;
    g_autoptr (GPtrArray) names = NULL;
    if (clfs_log_containers (p->log, all, G_N_ELEMENTS (all), &count) != STATUS_SUCCESS ||
        p->storage->ops->list (p->storage, &names) != STATUS_SUCCESS)
        crash_fail ("no list of containers: %s", clfs_error_message ());
    for (size_t i = 0; i < count; i++)
        if (!g_ptr_array_find_with_equal_func (names, all[i].name, g_str_equal, NULL))
            crash_fail ("container %s is in the log and not in the store", all[i].name);
}

/* From a dead disk to a process that has the log open; it may die again on its way. lost: power was lost. */
static void
come_back (crash_process *p, bool lost)
{
    bool no_area = p->profile->store_flags & CLFS_STORE_NO_AREA;
    for (unsigned again = 0;; again++) {
        if (crash_chance (p->random, 30))
            model_take_promise (p->model, p->disk);
        if (again < 3 && crash_chance (p->random, 35))
            clfs_sim_stop_after (p->disk, crash_below (p->random, 16));
        if (p->profile->faults && again < 3 && crash_chance (p->random, 40))
            arm_fault (p, true);
        crash_say ("-- recover");
        bool back = crash_process_begin (p, false);
        clfs_sim_fail_clear (p->disk);
        if (back)
            break;
        if (p->failed && crash_process_alive (p) && crash_chance (p->random, 50)) {
            points_fault++;
            crash_say ("-- could not recover, tries again");
            crash_process_bury (p);
            continue;
        }
        enum ending ending = choose_ending (p->random);
        points_again++;
        crash_say ("-- died while recovering, ending %d", ending);
        if (crash (p->disk, ending, p->random))
            lost = true;
        crash_process_bury (p);
    }
    clfs_sim_stop_after (p->disk, CLFS_SIM_NEVER);
    if (!crash_process_alive (p))
        crash_fail ("died after recovery");
    model_check_log (p->model, p->log, lost || no_area, true);
    check_containers (p);
}

/* On a copy: the same moment ends in another way. The log must go on. */
static void
look_at (const crash_process *from, enum ending ending, uint64_t seed)
{
    crash_random random = { seed };
    uint64_t next_id = *from->next_id;
    crash_process p = { .profile = from->profile, .random = &random, .next_id = &next_id };
    p.disk = clfs_sim_disk_copy (from->disk);
    p.model = model_copy (from->model);
    if (tracing)
        clfs_sim_trace (p.disk, io_trace);
    crash_say ("-- on a copy, ending %d", ending);
    come_back (&p, crash (p.disk, ending, &random));
    bool alive = true;
    /* What the crash has left behind the end comes to light, if ever, when the log ends in front of it once more. */
    for (int lives = (int) crash_below (&random, 3); lives > 0; lives--) {
        for (int i = (int) crash_below (&random, 3); i >= 0 && alive; i--)
            alive = crash_process_step (&p);
        if (!alive)
            crash_fail ("the log does not go on");
        ending = choose_ending (&random);
        crash_say ("-- again, ending %d", ending);
        bool lost = crash (p.disk, ending, &random);
        crash_process_bury (&p);
        come_back (&p, lost);
    }
    for (int i = 0; i < 3 && alive; i++)
        alive = crash_process_step (&p);
    if (alive)
        alive = crash_process_end (&p);
    if (!alive)
        crash_fail ("the log does not go on");
    crash_say ("-- open again");
    if (!crash_process_begin (&p, false))
        crash_fail ("died without a crash");
    model_check_log (p.model, p.log, false, true);
    crash_process_bury (&p);
    clfs_sim_disk_free (p.disk);
    model_free (p.model);
}

/* ---- one seed ---- */

/* A call has failed for a fault: the log refuses to go on until it is recovered. */
static void
after_failure (crash_process *p)
{
    model *m = p->model;
    points_fault++;
    clfs_sim_fail_clear (p->disk);
    clfs_info info;
    clfs_log_info (p->log, &info);
    crash_say ("-- failed: state %d", info.state);
    if (info.state == CLFS_STATE_FAILED) {
        struct iovec vector = { "x", 1 };
        if (clfs_log_append (p->log, &vector, 1, NULL, NULL) == STATUS_SUCCESS)
            crash_fail ("a failed log took a record");
        if (info.durable_below < info.next && clfs_log_flush (p->log, CLFS_NULL_LSN, NULL) == STATUS_SUCCESS)
            crash_fail ("a failed log has flushed");
        NTSTATUS status = clfs_log_recover (p->log);
        crash_say ("  recover: %s", clfs_status_name (status));
        if (status != STATUS_SUCCESS)
            crash_fail ("recovery after a fault: %s", clfs_error_message ());
    }
    int w = m->writer;
    size_t before = w >= 0 ? m->lines[w]->len : 0;
    g_autoptr (GByteArray) rest = g_byte_array_append (g_byte_array_new (), m->rest->data, m->rest->len);
    model_check_log (m, p->log, false, false);
    if (w >= 0) {
        size_t pending = clfs_writer_pending_bytes (p->writers[w]);
        if (pending == before + rest->len && rest->len > 0)
            g_byte_array_append (m->lines[w], rest->data, rest->len);
        else if (pending != before) {
            if (pending != 0 && pending != rest->len)
                crash_fail ("a writer has %zu bytes pending", pending);
            g_byte_array_set_size (m->lines[w], 0);
            g_byte_array_append (m->lines[w], rest->data, (guint) pending);
        }
    }
    p->failed = false;
}

static void
run (uint64_t seed)
{
    crash_random random = { seed };
    crash_profile profile = crash_profile_choose (&random);
    uint64_t next_id = seed << 20;
    crash_process p = { .disk = clfs_sim_disk_new (seed), .profile = &profile, .random = &random, .next_id = &next_id };
    p.model = model_new ();
    p.model->retained = profile.options.retain_bytes == CLFS_UNSET ? 0 : 2;
    if (tracing)
        clfs_sim_trace (p.disk, io_trace);
    crash_say ("-- seed " OFF ": framing %d, align %d, max %d KiB, retain %d, flush-ms %u, store flags %x, faults %d",
               seed,
               profile.options.framing, profile.options.align_bytes, (int) (profile.options.max_bytes / 1024),
               p.model->retained,
               profile.options.flush_ms, profile.store_flags, profile.faults);
    bool alive = crash_process_begin (&p, true);
    if (alive)
        model_check_info (p.model, p.log);
    unsigned crashes = 3 + (unsigned) crash_below (&random, 5);
    while (crashes > 0) {
        static const uint64_t far[] = { 4, 12, 40, 150 };
        clfs_sim_stop_after (p.disk, crash_below (&random, far[crash_below (&random, G_N_ELEMENTS (far))]));
        unsigned steps = 1 + (unsigned) crash_below (&random, 60);
        while (alive && steps-- > 0) {
            if (profile.faults && crash_chance (&random, 15))
                arm_fault (&p, false);
            alive = crash_process_step (&p);
            if (!alive && p.failed && crash_process_alive (&p) && crash_chance (&random, 70)) {
                clfs_sim_stop_after (p.disk, CLFS_SIM_NEVER);
                after_failure (&p);
                alive = true;
            }
        }
        clfs_sim_fail_clear (p.disk);
        if (alive && crash_chance (&random, 20)) {
            alive = crash_process_end (&p);
            if (alive) {
                crash_say ("-- closed");
                clfs_sim_stop_after (p.disk, CLFS_SIM_NEVER);
                alive = crash_process_begin (&p, false);
                if (!alive)
                    crash_fail ("died without a crash");
                model_check_log (p.model, p.log, false, true);
                continue;
            }
        }
        /* This moment, ended in several ways; then the log goes on from one of them. */
        crash_say ("-- crash");
        for (unsigned looks = 1 + (unsigned) crash_below (&random, 4); looks > 0; looks--)
            look_at (&p, choose_ending (&random), crash_below (&random, UINT64_MAX));
        enum ending ending = choose_ending (&random);
        crash_say ("-- ending %d", ending);
        bool lost = crash (p.disk, ending, &random);
        crash_process_bury (&p);
        come_back (&p, lost);
        alive = true;
        crashes--;
    }
    crash_process_bury (&p);
    clfs_sim_disk_free (p.disk);
    model_free (p.model);
}

static bool
run_seed (uint64_t seed)
{
    if (setjmp (end_of_seed) != 0) {
        printf ("FAIL seed " OFF ": %s\n", seed, failure);
        printf ("  SEED=" OFF " tests/crash/test_crash shows how it came to that\n", seed);
        fflush (stdout);
        return false;
    }
    run (seed);
    return true;
}

static uint64_t
number_from (const char *variable, uint64_t otherwise)
{
    const char *text = getenv (variable);
    return text ? g_ascii_strtoull (text, NULL, 0) : otherwise;
}

int
main (void)
{
    unsigned passed = 0, failed = 0;
    clfs_set_log_handler (library_says, NULL);
    if (getenv ("SEED")) {
        tracing = true;
        io_trace = g_string_new (NULL);
        if (run_seed (number_from ("SEED", 0)))
            passed++;
        else
            failed++;
        g_string_free (io_trace, TRUE);
    } else {
        bool quick = getenv ("CLFS_TEST_QUICK");
        uint64_t wanted = number_from ("CRASH_POINTS", quick ? POINTS_DEFAULT / 20 : POINTS_DEFAULT);
        for (uint64_t seed = number_from ("FIRST_SEED", 1); points < wanted && failed < FAILURES_MAX; seed++) {
            if (run_seed (seed))
                passed++;
            else
                failed++;
        }
    }
    printf (OFF " crash points: " OFF " power losses, " OFF " deaths, " OFF " of them while recovering; ", points,
            points_power, points_kill, points_again);
    printf (OFF " failed I/Os\n", points_fault);
    printf ("%u passed, %u failed\n", passed, failed);
    /* What a failed seed held is not freed: no report of leaks then. */
    fflush (stdout);
    if (failed > 0)
        _Exit (1);
    return passed == 0;
}
