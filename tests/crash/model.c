/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.c - the oracle: what the log must hold, may hold, and must never hold. */
#include "crash.h"

#include <string.h>

#define LSN "0x%" G_GINT64_MODIFIER "x"
#define OFF "%" G_GUINT64_FORMAT
#define AT(array, i) g_array_index (array, model_record, i)

static void
record_clear (gpointer data)
{
    g_bytes_unref (((model_record *) data)->data);
}

static GArray *
records_new (void)
{
    GArray *records = g_array_new (FALSE, FALSE, sizeof (model_record));
    g_array_set_clear_func (records, record_clear);
    return records;
}

static GArray *
records_copy (const GArray *from)
{
    GArray *to = records_new ();
    g_array_append_vals (to, from->data, from->len);
    for (guint i = 0; i < to->len; i++)
        g_bytes_ref (AT (to, i).data);
    return to;
}

static GByteArray *
bytes_copy (const GByteArray *from)
{
    return g_byte_array_append (g_byte_array_new (), from->data, from->len);
}

model *
model_new (void)
{
    model *m = g_new0 (model, 1);
    m->records = records_new ();
    m->maybe = records_new ();
    m->writer = -1;
    m->rest = g_byte_array_new ();
    m->promise = g_byte_array_new ();
    m->kept = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
    for (int w = 0; w < CRASH_WRITERS; w++)
        m->lines[w] = g_byte_array_new ();
    return m;
}

model *
model_copy (const model *from)
{
    model *m = g_memdup2 (from, sizeof *from);
    m->records = records_copy (from->records);
    m->maybe = records_copy (from->maybe);
    m->rest = bytes_copy (from->rest);
    m->promise = bytes_copy (from->promise);
    m->kept = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
    for (guint i = 0; i < from->kept->len; i++)
        g_ptr_array_add (m->kept, g_bytes_ref (from->kept->pdata[i]));
    for (int w = 0; w < CRASH_WRITERS; w++)
        m->lines[w] = bytes_copy (from->lines[w]);
    return m;
}

void
model_free (model *m)
{
    if (!m)
        return;
    g_array_unref (m->records);
    g_array_unref (m->maybe);
    g_byte_array_unref (m->rest);
    g_byte_array_unref (m->promise);
    g_ptr_array_unref (m->kept);
    for (int w = 0; w < CRASH_WRITERS; w++)
        g_byte_array_unref (m->lines[w]);
    g_free (m);
}

void
model_settled (model *m)
{
    g_array_set_size (m->maybe, 0);
    g_byte_array_set_size (m->rest, 0);
    m->maybe_reset = false;
    m->writer = -1;
}

static void
add (GArray *records, GBytes *data, bool restart, clfs_lsn_t lsn, uint64_t offset)
{
    model_record record = { .data = g_bytes_ref (data), .lsn = lsn, .offset = offset, .restart = restart };
    g_array_append_val (records, record);
}

void
model_appended (model *m, GBytes *data, bool restart, clfs_lsn_t lsn)
{
    if (lsn < m->lsn_floor)
        crash_fail ("a record got " LSN ", but everything below " LSN " has been used", lsn, m->lsn_floor);
    if (m->records->len > 0 && lsn <= AT (m->records, m->records->len - 1).lsn)
        crash_fail ("a record got " LSN ", the one before it has " LSN, lsn, AT (m->records, m->records->len - 1).lsn);
    add (m->records, data, restart, lsn, m->end_offset);
    if (!restart)
        m->end_offset += g_bytes_get_size (data);
}

void
model_may_append (model *m, GBytes *data, bool restart)
{
    add (m->maybe, data, restart, CLFS_INVALID_LSN, 0);
}

void
model_durable (model *m, clfs_lsn_t lsn)
{
    for (guint i = m->records->len; i-- > 0;) {
        model_record *record = &AT (m->records, i);
        if (record->lsn > lsn)
            continue;
        if (record->durable)
            break;
        record->durable = true;
        m->lsn_floor = MAX (m->lsn_floor, record->lsn + 1);
        m->offset_floor = MAX (m->offset_floor,
                               record->offset + (record->restart ? 0 : g_bytes_get_size (record->data)));
    }
}

/* The index of the first record at or above the LSN. */
static guint
first_at (const model *m, clfs_lsn_t lsn)
{
    guint low = 0, high = m->records->len;
    while (low < high) {
        guint middle = (low + high) / 2;
        if (AT (m->records, middle).lsn < lsn)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The highest LSN that the base may have been moved to. */
static clfs_lsn_t
base_bound (const model *m)
{
    clfs_lsn_t bound = MAX (m->base, m->base_most);
    /* The container after the current one may be named already. */
    uint64_t named = (uint64_t) clfs_lsn_container (m->next) + 2;
    if (m->retained > 0 && named >= m->retained)
        bound = MAX (bound, clfs_lsn_make ((uint32_t) (named - m->retained) + 1, 0, 0));
    return bound;
}

void
model_check_info (model *m, clfs_log *log)
{
    clfs_info info;
    clfs_log_info (log, &info);
    m->next = info.next;
    if (info.end_offset != m->end_offset)
        crash_fail ("end-offset is " OFF " instead of " OFF, info.end_offset, m->end_offset);
    guint front = first_at (m, info.base);
    if (front < first_at (m, m->base))
        crash_fail ("the base is " LSN " after a move to " LSN, info.base, m->base);
    if (front > first_at (m, base_bound (m)))
        crash_fail ("the base is " LSN ", and nobody moved it beyond " LSN, info.base, base_bound (m));
    clfs_lsn_t last = front < m->records->len ? AT (m->records, m->records->len - 1).lsn : CLFS_INVALID_LSN;
    if (info.last != last)
        crash_fail ("last is " LSN " instead of " LSN, info.last, last);
    if (m->records->len > 0 && info.next <= AT (m->records, m->records->len - 1).lsn)
        crash_fail ("next is " LSN ", the newest record has " LSN, info.next, AT (m->records, m->records->len - 1).lsn);
    uint64_t base_offset = front < m->records->len ? AT (m->records, front).offset : m->end_offset;
    if (info.base_offset != base_offset)
        crash_fail ("base-offset is " OFF " instead of " OFF " at " LSN, info.base_offset, base_offset, info.base);
    clfs_lsn_t restart = CLFS_INVALID_LSN;
    for (guint i = front; i < m->records->len; i++)
        if (AT (m->records, i).restart)
            restart = AT (m->records, i).lsn;
    if (info.restart != restart)
        crash_fail ("restart is " LSN " instead of " LSN, info.restart, restart);
    guint pending = first_at (m, info.durable_below);
    uint64_t durable_offset = pending < m->records->len ? AT (m->records, pending).offset : m->end_offset;
    if (info.durable_offset != durable_offset)
        crash_fail ("durable-offset is " OFF " instead of " OFF, info.durable_offset, durable_offset);
    if (pending < m->records->len && AT (m->records, pending).durable)
        crash_fail ("durable-below is " LSN ", but " LSN " is durable", info.durable_below, AT (m->records,
                                                                                                pending).lsn);
    if (info.durable_below > 0)
        model_durable (m, info.durable_below - 1);
}

/* ---- the whole log ---- */

static GArray *
read_log (clfs_log *log)
{
    GArray *found = records_new ();
    clfs_cursor *cursor;
    NTSTATUS status = clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor);
    if (status != STATUS_SUCCESS)
        crash_fail ("no cursor: %s", clfs_error_message ());
    clfs_record record;
    status = clfs_cursor_seek_from (cursor, 0, &record);
    while (status == STATUS_SUCCESS) {
        g_autoptr (GBytes) data = g_bytes_new (record.data, record.bytes);
        add (found, data, record.type == CLFS_RECORD_RESTART, record.lsn, record.stream_offset);
        AT (found, found->len - 1).durable = true;
        status = clfs_cursor_next (cursor, CLFS_RECORD_DATA | CLFS_RECORD_RESTART, &record);
    }
    clfs_cursor_close (cursor);
    if (status != STATUS_END_OF_FILE)
        crash_fail ("reading ends after %u records: %s", found->len, clfs_error_message ());
    return found;
}

static bool
same_content (const model_record *a, const model_record *b)
{
    return a->restart == b->restart && g_bytes_equal (a->data, b->data);
}

static bool
is_line (const model_record *record, const GByteArray *line)
{
    return line->len > 0 && !record->restart && g_bytes_get_size (record->data) == line->len &&
           memcmp (g_bytes_get_data (record->data, NULL), line->data, line->len) == 0;
}

/* Whether the record is what writer w had not ended; *whole: also what it had written before the call under way. */
static bool
is_rest (const model *m, int w, const model_record *record, bool *whole)
{
    *whole = true;
    if (is_line (record, m->lines[w]))
        return true;
    if (w != m->writer || m->rest->len == 0)
        return false;
    g_autoptr (GByteArray) both = bytes_copy (m->lines[w]);
    g_byte_array_append (both, m->rest->data, m->rest->len);
    if (is_line (record, both))
        return true;
    *whole = false;
    return is_line (record, m->rest);
}

/* Whether the record is a line that was kept. */
static bool
was_kept (model *m, const model_record *record)
{
    for (guint i = 0; i < m->kept->len; i++)
        if (!record->restart && g_bytes_equal (m->kept->pdata[i], record->data)) {
            g_ptr_array_remove_index (m->kept, i);
            return true;
        }
    return false;
}

/* found[j...] must be lines of dead writers, each at most once, and all of them if must_all and there is room. */
static void
match_lines (model *m, const GArray *found, guint j, guint taken, bool must_all, bool room)
{
    bool seen[CRASH_WRITERS] = { false };
    for (; j < found->len; j++) {
        const model_record *record = &AT (found, j);
        bool known = was_kept (m, record);
        for (int w = 0; w < CRASH_WRITERS && !known; w++) {
            bool whole;
            if (seen[w] || !is_rest (m, w, record, &whole))
                continue;
            /* Once a line has become a record its bytes are spent. */
            if (w == m->writer && m->maybe->len > 0 && (taken > 0) == whole && m->lines[w]->len > 0)
                continue;
            known = seen[w] = true;
        }
        if (!known)
            crash_fail ("record " LSN " of %zu bytes was never appended there (or is there twice, or out of order)",
                        record->lsn,
                        g_bytes_get_size (record->data));
    }
    for (int w = 0; w < CRASH_WRITERS; w++)
        if (!seen[w] && m->lines[w]->len > 0 && !(w == m->writer && taken > 0) && !room)
            g_ptr_array_add (m->kept, g_bytes_new (m->lines[w]->data, m->lines[w]->len));
        else if (must_all && !seen[w] && m->lines[w]->len > 0 && !(w == m->writer && taken > 0))
            crash_fail ("the unterminated line of writer %d (%u bytes) is lost", w, m->lines[w]->len);
}

static void
check_order (const GArray *found, const clfs_info *info)
{
    uint64_t offset = info->base_offset;
    for (guint j = 0; j < found->len; j++) {
        const model_record *record = &AT (found, j);
        if (j > 0 && record->lsn <= AT (found, j - 1).lsn)
            crash_fail ("record " LSN " comes after " LSN, record->lsn, AT (found, j - 1).lsn);
        if (record->offset != offset)
            crash_fail ("record " LSN " has stream offset " OFF " instead of " OFF, record->lsn, record->offset,
                        offset);
        offset += record->restart ? 0 : g_bytes_get_size (record->data);
    }
    if (info->end_offset != offset)
        crash_fail ("end-offset is " OFF ", the records end at " OFF, info->end_offset, offset);
}

/* The reset under way has happened: nothing of before is there, and nothing is used twice. */
static bool
was_reset (model *m, const GArray *found, const clfs_info *info)
{
    if (!m->maybe_reset || info->next <= m->next || (found->len > 0 && found->len >= m->records->len))
        return false;
    if (found->len > 0 && m->records->len > 0 && AT (found, 0).lsn <= AT (m->records, m->records->len - 1).lsn)
        return false;
    if (found->len == 0 && info->next < clfs_lsn_make (clfs_lsn_container (m->next) + 1, 0, 0))
        return false;
    if (info->base_offset < m->end_offset)
        crash_fail ("stream offset " OFF " was used before the reset", info->base_offset);
    return true;
}

static void
check_promise (model *m, clfs_log *log, const clfs_info *info)
{
    if (!m->has_promise)
        return;
    m->has_promise = false;
    uint64_t end = m->promise_offset + m->promise->len;
    if (m->maybe_reset)
        return;
    if (end > info->end_offset)
        crash_fail ("a reader showed the stream as durable up to " OFF ", now it ends at " OFF, end, info->end_offset);
    uint64_t from = MAX (m->promise_offset, info->base_offset);
    if (from >= end)
        return;
    g_autofree uint8_t *now = g_malloc (end - from);
    clfs_cursor *cursor;
    size_t got = 0;
    NTSTATUS status = clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor);
    if (status == STATUS_SUCCESS) {
        status = clfs_cursor_read (cursor, from, now, end - from, true, &got);
        clfs_cursor_close (cursor);
    }
    if (status != STATUS_SUCCESS || got != end - from)
        crash_fail ("what a reader showed as durable cannot be read: %s", clfs_error_message ());
    if (memcmp (now, m->promise->data + (from - m->promise_offset), end - from) != 0)
        crash_fail ("what a reader showed as durable has changed");
}

void
model_check_log (model *m, clfs_log *log, bool lost_ok, bool lines_ok)
{
    clfs_info info;
    clfs_log_info (log, &info);
    if (info.state != CLFS_STATE_OK && info.state != CLFS_STATE_FULL)
        crash_fail ("the log's state is %d: %s", info.state, info.error);
    g_autoptr (GArray) found = read_log (log);
    check_order (found, &info);
    check_promise (m, log, &info);

    bool reset = was_reset (m, found, &info);
    guint i = reset ? m->records->len : 0, j = 0, taken = 0;
    if (!reset) {
        guint least = first_at (m, m->base), most = first_at (m, base_bound (m));
        i = found->len > 0 ? first_at (m, AT (found, 0).lsn) : most;
        if (found->len > 0 && (i == m->records->len || AT (m->records, i).lsn != AT (found, 0).lsn ||
                               !same_content (&AT (m->records, i), &AT (found, 0))))
            i = MIN (most, i);
        if (i < least || i > most)
            crash_fail ("the log begins at its record %u (base " LSN "), and the base is from " LSN " to " LSN, i,
                        info.base, m->base,
                        base_bound (m));
        while (i < m->records->len && j < found->len && AT (m->records, i).lsn == AT (found, j).lsn &&
               same_content (&AT (m->records, i), &AT (found, j))) {
            if (AT (m->records, i).offset != AT (found, j).offset)
                crash_fail ("record " LSN " had stream offset " OFF ", now " OFF, AT (found, j).lsn,
                            AT (m->records, i).offset, AT (found, j).offset);
            i++, j++;
        }
    }
    if (i < m->records->len) {
        for (guint n = i; n < m->records->len; n++)
            if (AT (m->records, n).durable)
                crash_fail ("record " LSN " was flushed and is gone (%u of %u are there, the end is " LSN ")",
                            AT (m->records, n).lsn, i,
                            m->records->len, info.next);
        if (!lost_ok)
            crash_fail ("record " LSN " is gone, and nothing but a process died", AT (m->records, i).lsn);
    } else {
        while (taken < m->maybe->len && j < found->len && same_content (&AT (m->maybe, taken), &AT (found, j)))
            taken++, j++;
    }
    bool room = !lines_ok || info.available_bytes >= CLFS_CONTAINER_BYTES_UNIT;
    match_lines (m, found, j, taken, !lost_ok && lines_ok, room);
    if (!lines_ok && j < found->len)
        crash_fail ("an unterminated line became a record while its writer lived");
    if (info.next < m->lsn_floor || info.end_offset < m->offset_floor)
        crash_fail ("next " LSN ", end-offset " OFF ": below " LSN ", " OFF " everything was used", info.next,
                    info.end_offset, m->lsn_floor, m->offset_floor);
    for (guint n = j - taken; n < found->len; n++)
        if (AT (found, n).lsn < m->lsn_floor && n >= j)
            crash_fail ("record " LSN " has an LSN that was used", AT (found, n).lsn);

    /* From here on the log is what was found. What recovery has shown is durable. */
    if (reset)
        m->lsn_floor = MAX (m->lsn_floor, m->next);
    crash_say ("  found %u records from " LSN ", next " LSN "; %u lost, %u of %u under way came through", found->len,
               info.base, info.next,
               m->records->len - i, taken, m->maybe->len);
    m->base = m->base_most = MAX (MIN (m->base, info.base), info.base);
    g_array_unref (m->records);
    m->records = g_steal_pointer (&found);
    m->end_offset = info.end_offset;
    for (guint n = 0; n < m->records->len; n++)
        AT (m->records, n).durable = false;
    if (m->records->len > 0 && lines_ok && info.durable_below <= AT (m->records, m->records->len - 1).lsn)
        crash_fail ("an open log says that " LSN " is not durable", AT (m->records, m->records->len - 1).lsn);
    model_check_info (m, log);
    if (lines_ok)
        for (int w = 0; w < CRASH_WRITERS; w++)
            g_byte_array_set_size (m->lines[w], 0);
    model_settled (m);
}

void
model_take_promise (model *m, clfs_sim_disk *disk)
{
    clfs_storage *storage;
    clfs_store *store;
    clfs_store_options options = { .flags = CLFS_STORE_READ_ONLY | CLFS_STORE_INLINE };
    NTSTATUS status = clfs_sim_storage_open (disk, CLFS_STORAGE_READ_ONLY, &storage);
    if (status == STATUS_SUCCESS)
        status = clfs_store_open_on (storage, "simulated", &options, &store);
    if (status != STATUS_SUCCESS)
        crash_fail ("a reader cannot open the store: %s", clfs_error_message ());
    clfs_log *log;
    status = clfs_log_open (store, "log", CLFS_LOG_READ, &log);
    if (status != STATUS_SUCCESS)
        crash_fail ("a reader cannot open the log: %s", clfs_error_message ());
    clfs_info info;
    clfs_log_info (log, &info);
    m->has_promise = true;
    m->promise_offset = info.base_offset;
    g_byte_array_set_size (m->promise, (guint) (info.durable_offset - MIN (info.base_offset, info.durable_offset)));
    clfs_cursor *cursor;
    status = clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor);
    if (status == STATUS_SUCCESS) {
        size_t got = 0;
        status = clfs_cursor_read (cursor, info.base_offset, m->promise->data, m->promise->len, true, &got);
        if (status == STATUS_SUCCESS && got != m->promise->len)
            crash_fail ("a reader says durable up to " OFF " and shows %zu bytes from " OFF, info.durable_offset,
                        got, info.base_offset);
        clfs_cursor_close (cursor);
    }
    if (status != STATUS_SUCCESS)
        crash_fail ("a reader cannot read what it says is durable: %s", clfs_error_message ());
    if (clfs_log_close (log) != STATUS_SUCCESS || clfs_store_close (store) != STATUS_SUCCESS)
        crash_fail ("a reader cannot close: %s", clfs_error_message ());
}
