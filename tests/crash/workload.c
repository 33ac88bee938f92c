/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workload.h"

#include <string.h>

#define LSN "0x%" G_GINT64_MODIFIER "x"
#define RECORD_AT(m, i) g_array_index ((m)->records, model_record, i)
#define SECTOR CLFS_SECTOR_BYTES

uint64_t
crash_below (crash_random *random, uint64_t n)
{
    /* splitmix64 */
    uint64_t value = (random->state += UINT64_C (0x9E3779B97F4A7C15));
    value = (value ^ (value >> 30)) * UINT64_C (0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C (0x94D049BB133111EB);
    return (value ^ (value >> 31)) % n;
}

crash_profile
crash_profile_choose (crash_random *random)
{
    crash_profile profile = { .store_flags = CLFS_STORE_INLINE };
    clfs_log_options *options = &profile.options;
    clfs_log_options_init (options);
    options->container_bytes = CLFS_CONTAINER_BYTES_UNIT;
    options->max_bytes = (2 + crash_below (random, 3)) * CLFS_CONTAINER_BYTES_UNIT;
    options->flush_ms = 0;
    if (crash_chance (random, 25)) {
        options->flush_ms = 1000;
        options->flush_threshold_bytes = (uint32_t) (512 << crash_below (random, 10));
    }
    if (crash_chance (random, 35))
        options->retain_bytes = 2 * CLFS_CONTAINER_BYTES_UNIT;
    if (crash_chance (random, 25))
        options->align_bytes = 4096;
    if (crash_chance (random, 35))
        options->framing = CLFS_FRAMING_LINE;
    if (crash_chance (random, 30))
        options->pending_bytes_max = CLFS_PENDING_BYTES_MIN;
    if (crash_chance (random, 15))
        profile.store_flags |= CLFS_STORE_NO_AREA;
    profile.faults = crash_chance (random, 20);
    if (crash_chance (random, 30))
        profile.uniform = 1 + (unsigned) crash_below (random, 600);
    profile.large = (unsigned[]){ 0, 3, 15, 40 }[crash_below (random, 4)];
    return profile;
}

/* ---- life and death ---- */

bool
crash_process_alive (crash_process *p)
{
    g_autoptr (GPtrArray) names = NULL;
    return p->storage->ops->list (p->storage, &names) == STATUS_SUCCESS;
}

void
crash_process_bury (crash_process *p)
{
    NTSTATUS status = STATUS_SUCCESS;
    for (int w = 0; w < CRASH_WRITERS; w++)
        status = clfs_writer_close (g_steal_pointer (&p->writers[w]));
    if (p->log)
        status = clfs_log_close (g_steal_pointer (&p->log));
    if (p->store)
        status = clfs_store_close (g_steal_pointer (&p->store));
    (void) status;
}

static void
answer (const char *what, NTSTATUS status)
{
    crash_say ("  %s: %s%s%s", what, clfs_status_name (status), status == STATUS_SUCCESS ? "" : ": ",
               status == STATUS_SUCCESS ? "" : clfs_error_message ());
}

/* After a call: true if it succeeded and the process lives on. A failure must have a reason. */
static bool
succeeded (crash_process *p, const char *what, NTSTATUS status)
{
    answer (what, status);
    if (!crash_process_alive (p))
        return false;
    if (status == STATUS_SUCCESS)
        return true;
    if (!p->profile->faults)
        crash_fail ("%s failed without a reason: %s", what, clfs_error_message ());
    p->failed = true;
    return false;
}

bool
crash_process_begin (crash_process *p, bool create)
{
    clfs_store_options options = { .flags = p->profile->store_flags };
    p->failed = false;
    NTSTATUS status = clfs_sim_storage_open (p->disk, 0, &p->storage);
    if (status == STATUS_SUCCESS)
        status = clfs_store_open_on (p->storage, "simulated", &options, &p->store);
    if (status != STATUS_SUCCESS)
        crash_fail ("cannot open the store: %s", clfs_error_message ());
    if (create) {
        status = clfs_log_create (p->store, "log", &p->profile->options, NULL);
        answer ("create", status);
        if (!crash_process_alive (p))
            return false;
        if (status != STATUS_SUCCESS && status != STATUS_OBJECT_NAME_COLLISION)
            crash_fail ("cannot make the log: %s", clfs_error_message ());
    }
    status = clfs_log_open (p->store, "log", CLFS_LOG_WRITE, &p->log);
    answer ("open", status);
    if (!crash_process_alive (p))
        return false;
    if (status != STATUS_SUCCESS && p->profile->faults && !create) {
        p->failed = true;
        return false;
    }
    if (status != STATUS_SUCCESS)
        crash_fail ("cannot open the log: %s", clfs_error_message ());
    for (int w = 0; w < CRASH_WRITERS; w++)
        if (clfs_writer_open (p->log, &p->writers[w]) != STATUS_SUCCESS)
            crash_fail ("no writer: %s", clfs_error_message ());
    return true;
}

/* ---- content ---- */

static size_t
choose_size (crash_process *p)
{
    crash_random *random = p->random;
    clfs_info info;
    if (p->profile->uniform > 0)
        return p->profile->uniform;
    if (crash_chance (random, p->profile->large)) {
        clfs_log_info (p->log, &info);
        switch (crash_below (random, 4)) {
        case 0:
            return info.record_bytes_max - crash_below (random, 3) * 8;
        case 1:
            return 255 * SECTOR - 1200 + crash_below (random, 2400);
        default:
            return crash_below (random, info.record_bytes_max);
        }
    }
    switch (crash_below (random, 6)) {
    case 0:
        return crash_below (random, 3);
    case 1:
        return crash_below (random, 3) * SECTOR + SECTOR - 200 + crash_below (random, 100);
    case 2:
        return crash_below (random, 12000);
    default:
        return crash_below (random, 120);
    }
}

/* Bytes that no other record has. */
static GBytes *
make_content (crash_process *p, size_t size, bool text)
{
    crash_random content = { .state = ++*p->next_id };
    uint8_t *bytes = g_malloc (size + 8);
    for (size_t i = 0; i < size; i += 8) {
        uint64_t value = crash_below (&content, UINT64_MAX);
        memcpy (bytes + i, &value, 8);
    }
    for (size_t i = 0; text && i < size; i++)
        bytes[i] = (uint8_t) ('a' + bytes[i] % 26);
    return g_bytes_new_take (bytes, size);
}

/* ---- the things it does ---- */

/* After the log was full: room is made, as a user would. */
static bool
make_room (crash_process *p)
{
    model *m = p->model;
    clfs_info info;
    clfs_log_info (p->log, &info);
    if (info.containers < 5 && crash_chance (p->random, 30)) {
        uint64_t bytes = info.container_bytes;
        return succeeded (p, "add container", clfs_log_add_containers (p->log, 1, NULL, &bytes));
    }
    guint half = m->records->len - m->records->len / 4;
    clfs_lsn_t base = half < m->records->len && crash_chance (p->random, 50) ? RECORD_AT (m, half).lsn : info.next;
    base = MAX (base, info.base);
    m->base_most = MAX (m->base_most, base);
    crash_say ("base to " LSN " of " LSN, base, info.next);
    if (!succeeded (p, "base", clfs_log_set_base (p->log, base)))
        return false;
    m->base = base;
    return true;
}

/* What a successful append with these flags means. */
static void
appended (crash_process *p, GBytes *data, bool restart, clfs_lsn_t lsn, bool durable)
{
    model_appended (p->model, data, restart, lsn);
    if (durable)
        model_durable (p->model, lsn);
}

static bool
do_append (crash_process *p)
{
    g_autoptr (GBytes) data = make_content (p, choose_size (p), false);
    size_t size = g_bytes_get_size (data), cut = size > 0 ? crash_below (p->random, size) : 0;
    const uint8_t *bytes = g_bytes_get_data (data, NULL);
    struct iovec vector[2] = { { (void *) bytes, cut }, { (void *) (bytes + cut), size - cut } };
    clfs_append_options options = { .previous = CLFS_INVALID_LSN, .undo_next = CLFS_INVALID_LSN };
    if (p->profile->uniform > 0 || crash_chance (p->random, 10))
        options.flags |= CLFS_APPEND_FORCE_APPEND;
    if (crash_chance (p->random, p->profile->uniform > 0 ? 35 : 15))
        options.flags |= CLFS_APPEND_FORCE_FLUSH;
    crash_say ("append %zu bytes, flags %x", size, options.flags);
    model_may_append (p->model, data, false);
    clfs_lsn_t lsn = CLFS_INVALID_LSN;
    NTSTATUS status = clfs_log_append (p->log, vector, 2, &options, &lsn);
    if (status == STATUS_LOG_FULL && crash_process_alive (p)) {
        answer ("append", status);
        model_settled (p->model);
        return make_room (p);
    }
    if (!succeeded (p, "append", status))
        return false;
    crash_say ("  " LSN, lsn);
    model_settled (p->model);
    appended (p, data, false, lsn, options.flags & CLFS_APPEND_FORCE_FLUSH);
    return true;
}

/* Several lines in one write, the last one perhaps without its end. */
static bool
do_write (crash_process *p)
{
    model *m = p->model;
    bool lines = p->profile->options.framing == CLFS_FRAMING_LINE;
    int w = (int) crash_below (p->random, CRASH_WRITERS);
    unsigned flags = crash_chance (p->random, 15) ? CLFS_APPEND_FORCE_FLUSH : 0;
    unsigned count = lines ? (unsigned) crash_below (p->random, 4) : 1;
    clfs_info info;
    clfs_log_info (p->log, &info);
    if (lines && info.available_bytes < 8 * 65536)
        return make_room (p);
    bool rest = lines && (count == 0 || crash_chance (p->random, 50));

    /* What the log must make of it: `line` is the one that is not ended. */
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    g_autoptr (GByteArray) line = g_byte_array_append (g_byte_array_new (), m->lines[w]->data, m->lines[w]->len);
    g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
    for (unsigned i = 0; i < count + rest; i++) {
        size_t size = crash_chance (p->random, 10) ? crash_below (p->random, 30000) : 1 + crash_below (p->random, 200);
        g_autoptr (GBytes) part = make_content (p, size + 1, lines);
        g_byte_array_append (bytes, g_bytes_get_data (part, NULL), (guint) size + 1);
        g_byte_array_append (line, g_bytes_get_data (part, NULL), (guint) size + 1);
        if (i < count) {
            if (lines)
                bytes->data[bytes->len - 1] = line->data[line->len - 1] = '\n';
            g_ptr_array_add (made, g_bytes_new (line->data, line->len));
            g_byte_array_set_size (line, 0);
        }
    }
    if ((flags & CLFS_APPEND_FORCE_FLUSH) && line->len > 0) {
        g_ptr_array_add (made, g_bytes_new (line->data, line->len));
        g_byte_array_set_size (m->rest, 0);
        g_byte_array_append (m->rest, line->data, line->len);
        g_byte_array_set_size (line, 0);
    }
    crash_say ("writer %d writes %u bytes, %u records, rest %u, flags %x", w, bytes->len, made->len, line->len, flags);
    for (guint i = 0; i < made->len; i++)
        model_may_append (m, made->pdata[i], false);
    m->writer = w;
    if (line->len > 0) {
        guint before = count == 0 ? m->lines[w]->len : 0;
        g_byte_array_append (m->rest, line->data + before, line->len - before);
    } else if (count == 0 && made->len > 0) {
        g_byte_array_remove_range (m->rest, 0, m->lines[w]->len);
    }

    size_t taken = 0, done = 0;
    while (done < bytes->len) {
        NTSTATUS status = clfs_writer_write (p->writers[w], bytes->data + done, bytes->len - done, flags, &taken);
        done += taken;
        if (status == STATUS_LOG_FULL && crash_process_alive (p)) {
            answer ("write", status);
            if (lines)
                crash_fail ("a log with room for these lines is full");
            model_settled (m);
            return make_room (p);
        }
        if (!succeeded (p, "write", status))
            return false;
        if (taken == 0)
            crash_fail ("a write of %zu bytes took none", bytes->len - done);
    }
    model_settled (m);
    clfs_lsn_t last = clfs_writer_last_lsn (p->writers[w]);
    g_autoptr (GArray) lsns = g_array_new (FALSE, FALSE, sizeof (clfs_lsn_t));
    /* Only the last LSN is told; the others are read back. */
    if (made->len > 0) {
        clfs_cursor *cursor;
        clfs_record record;
        guint old = m->records->len;
        clfs_lsn_t from = old > 0 ? RECORD_AT (m, old - 1).lsn + 1 : 0;
        NTSTATUS status = clfs_cursor_open (p->log, CLFS_CURSOR_FORWARD, &cursor);
        if (status == STATUS_SUCCESS) {
            status = clfs_cursor_seek_from (cursor, from, &record);
            for (guint i = 0; i < made->len && status == STATUS_SUCCESS; i++) {
                g_array_append_val (lsns, record.lsn);
                status = clfs_cursor_next (cursor, CLFS_RECORD_DATA | CLFS_RECORD_RESTART, &record);
            }
            clfs_cursor_close (cursor);
        }
        if (status != STATUS_END_OF_FILE || lsns->len != made->len || g_array_index (lsns, clfs_lsn_t,
                                                                                     lsns->len - 1) != last)
            crash_fail ("%u records were written, %u can be read: %s", made->len, lsns->len, clfs_error_message ());
    }
    for (guint i = 0; i < made->len; i++)
        appended (p, made->pdata[i], false, g_array_index (lsns, clfs_lsn_t, i), flags & CLFS_APPEND_FORCE_FLUSH);
    g_byte_array_set_size (m->lines[w], 0);
    g_byte_array_append (m->lines[w], line->data, line->len);
    return true;
}

static bool
cut_line (crash_process *p, int w)
{
    model *m = p->model;
    if (m->lines[w]->len == 0)
        return true;
    g_autoptr (GBytes) data = g_bytes_new (m->lines[w]->data, m->lines[w]->len);
    crash_say ("writer %d cuts its line of %u bytes", w, m->lines[w]->len);
    model_may_append (m, data, false);
    m->writer = w;
    NTSTATUS status = clfs_writer_cut (p->writers[w]);
    if (status == STATUS_LOG_FULL && crash_process_alive (p)) {
        answer ("cut", status);
        model_settled (m);
        return make_room (p);
    }
    if (!succeeded (p, "cut", status))
        return false;
    model_settled (m);
    appended (p, data, false, clfs_writer_last_lsn (p->writers[w]), false);
    g_byte_array_set_size (m->lines[w], 0);
    return true;
}

typedef struct flushed {
    unsigned calls;
    NTSTATUS status;
    clfs_lsn_t durable;
} flushed;

static void
flush_done (NTSTATUS status, clfs_lsn_t durable, void *data)
{
    flushed *done = data;
    done->calls++;
    done->status = status;
    done->durable = durable;
}

static bool
do_flush (crash_process *p)
{
    model *m = p->model;
    clfs_lsn_t target = CLFS_NULL_LSN, durable = 0;
    if (m->records->len > 0 && crash_chance (p->random, 50))
        target = RECORD_AT (m, m->records->len - 1 - crash_below (p->random, MIN (m->records->len, 10))).lsn;
    NTSTATUS status;
    if (crash_chance (p->random, 30)) {
        flushed done = { 0 };
        crash_say ("flush " LSN ", asynchronous", target);
        status = clfs_log_flush_async (p->log, target, flush_done, &done, NULL);
        if (status == STATUS_PENDING && done.calls != 1)
            crash_fail ("a flush was answered %u times", done.calls);
        if (status == STATUS_PENDING)
            status = done.status;
        durable = done.durable;
    } else {
        crash_say ("flush " LSN, target);
        status = clfs_log_flush (p->log, target, &durable);
    }
    if (!succeeded (p, "flush", status))
        return false;
    model_durable (m, target == CLFS_NULL_LSN ? CLFS_INVALID_LSN : target);
    if (durable > 0)
        model_durable (m, durable - 1);
    return true;
}

static bool
do_restart (crash_process *p)
{
    model *m = p->model;
    g_autoptr (GBytes) data = make_content (p, crash_below (p->random, 1500), false);
    clfs_info info;
    clfs_log_info (p->log, &info);
    clfs_lsn_t base = CLFS_INVALID_LSN, lsn;
    if (m->records->len > 0 && crash_chance (p->random, 40)) {
        base = RECORD_AT (m, crash_below (p->random, m->records->len)).lsn;
        base = MAX (base, info.base);
        m->base_most = MAX (m->base_most, base);
    }
    crash_say ("restart area of %zu bytes, base " LSN, g_bytes_get_size (data), base);
    model_may_append (m, data, true);
    size_t size;
    const void *bytes = g_bytes_get_data (data, &size);
    NTSTATUS status = clfs_log_write_restart (p->log, bytes, size, base, &lsn);
    if (status == STATUS_LOG_FULL && crash_process_alive (p)) {
        answer ("restart area", status);
        model_settled (m);
        return make_room (p);
    }
    if (!succeeded (p, "restart area", status))
        return false;
    model_settled (m);
    appended (p, data, true, lsn, true);
    if (base != CLFS_INVALID_LSN)
        m->base = MAX (m->base, base);
    return true;
}

static bool
do_base (crash_process *p)
{
    model *m = p->model;
    clfs_info info;
    clfs_log_info (p->log, &info);
    clfs_lsn_t base = info.next;
    if (m->records->len > 0 && crash_chance (p->random, 80))
        base = RECORD_AT (m, crash_below (p->random, m->records->len)).lsn;
    base = MAX (base, info.base);
    m->base_most = MAX (m->base_most, base);
    crash_say ("base to " LSN, base);
    if (!succeeded (p, "base", clfs_log_set_base (p->log, base)))
        return false;
    m->base = base;
    return true;
}

static bool
do_reset (crash_process *p)
{
    model *m = p->model;
    crash_say ("reset");
    m->maybe_reset = true;
    if (!succeeded (p, "reset", clfs_log_reset (p->log)))
        return false;
    clfs_info info;
    clfs_log_info (p->log, &info);
    if (info.next < m->next || info.end_offset < m->end_offset)
        crash_fail ("a reset went back to " LSN " from " LSN, info.next, m->next);
    model_settled (m);
    g_array_set_size (m->records, 0);
    m->base = m->base_most = m->lsn_floor = info.next;
    m->end_offset = m->offset_floor = info.end_offset;
    return true;
}

static bool
do_containers (crash_process *p)
{
    clfs_container_info all[16];
    size_t count;
    NTSTATUS status = clfs_log_containers (p->log, all, G_N_ELEMENTS (all), &count);
    if (status != STATUS_SUCCESS)
        crash_fail ("no list of containers: %s", clfs_error_message ());
    if (count > 2 && crash_chance (p->random, 60)) {
        const char *name = all[crash_below (p->random, count)].name;
        crash_say ("remove container %s", name);
        return succeeded (p, "remove container", clfs_log_remove_containers (p->log, 1, &name, false));
    }
    if (count >= 5)
        return true;
    crash_say ("add container");
    return succeeded (p, "add container", clfs_log_add_containers (p->log, 1, NULL, NULL));
}

static bool
do_setting (crash_process *p)
{
    bool on = crash_chance (p->random, 50);
    uint64_t value = on ? 2 * CLFS_CONTAINER_BYTES_UNIT : CLFS_UNSET;
    crash_say ("retain %s", on ? "1 MiB" : "off");
    if (on)
        p->model->retained = 2;
    if (!succeeded (p, "retain", clfs_log_set (p->log, CLFS_SET_RETAIN_BYTES, value)))
        return false;
    if (!on) {
        /* What it has moved so far may be seen only now. */
        clfs_info info;
        clfs_log_info (p->log, &info);
        p->model->base_most = MAX (p->model->base_most, info.base);
        p->model->retained = 0;
    }
    return true;
}

bool
crash_process_end (crash_process *p)
{
    for (int w = 0; w < CRASH_WRITERS; w++) {
        /* A full log is given room in between. */
        for (int tries = 0; p->model->lines[w]->len > 0 && tries < 4; tries++)
            if (!cut_line (p, w))
                return false;
        if (!succeeded (p, "close writer", clfs_writer_close (g_steal_pointer (&p->writers[w]))))
            return false;
    }
    crash_say ("close");
    if (!succeeded (p, "close", clfs_log_close (g_steal_pointer (&p->log))))
        return false;
    model_durable (p->model, CLFS_INVALID_LSN);
    NTSTATUS status = clfs_store_close (g_steal_pointer (&p->store));
    if (status != STATUS_SUCCESS)
        crash_fail ("closing the store: %s", clfs_error_message ());
    return true;
}

bool
crash_process_step (crash_process *p)
{
    static const struct {
        unsigned weight;
        bool (*act) (crash_process *p);
    } things[] = {
        { 40, do_append }, { 25, do_write }, { 14, do_flush }, { 5, do_restart }, { 5, do_base },
        { 5, do_containers }, { 1, do_reset }, { 1, do_setting },
    };
    unsigned sum = 0;
    for (size_t i = 0; i < G_N_ELEMENTS (things); i++)
        sum += things[i].weight;
    uint64_t chosen = crash_below (p->random, sum + 3);
    bool alive = true;
    if (p->profile->uniform > 0 && crash_chance (p->random, 80)) {
        alive = do_append (p);
    } else if (chosen >= sum) {
        alive = cut_line (p, (int) crash_below (p->random, CRASH_WRITERS));
    } else {
        for (size_t i = 0; i < G_N_ELEMENTS (things); i++) {
            if (chosen < things[i].weight) {
                alive = things[i].act (p);
                break;
            }
            chosen -= things[i].weight;
        }
    }
    if (alive)
        model_check_info (p->model, p->log);
    return alive;
}
