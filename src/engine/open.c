/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open.c - from a name to an engine that may write, and back to a clean end.
 */
#include "engine/engine.h"

#include <string.h>
#include <syslog.h>

clfs_engine *
clfs_engine_new (clfs_store *store, const char *name)
{
    clfs_engine *engine = g_new0 (clfs_engine, 1);
    engine->store = store;
    engine->name = g_strdup (name);
    g_mutex_init (&engine->watch_lock);
    g_mutex_init (&engine->restart_writers);
    g_mutex_init (&engine->meta);
    g_mutex_init (&engine->lock);
    g_cond_init (&engine->changed);
    g_queue_init (&engine->waiters);
    engine->handles = g_ptr_array_new ();
    engine->blocks = g_ptr_array_new_with_free_func (g_free);
    engine->containers = g_ptr_array_new ();
    engine->base_wish = engine->last = engine->restart = engine->durable_last = engine->durable_restart = CLFS_INVALID_LSN;
    return engine;
}

void
clfs_engine_free (clfs_engine *engine)
{
    clfs_storage *storage = engine->store->storage;
    for (guint i = 0; i < engine->containers->len; i++)
        clfs_container_unref (engine, g_ptr_array_index (engine->containers, i));
    g_ptr_array_free (engine->containers, TRUE);
    g_ptr_array_free (engine->blocks, TRUE);
    g_ptr_array_free (engine->handles, TRUE);
    if (engine->foreign_blocks)
        g_array_free (engine->foreign_blocks, TRUE);
    clfs_area_free (engine->area);
    clfs_lines_free (engine->lines);
    if (engine->blf_file)
        storage->ops->close_file (engine->blf_file);
    if (engine->lock_file)
        storage->ops->unlock (engine->lock_file);
    g_clear_pointer (&engine->blf, clfs_blf_free);
    g_mutex_clear (&engine->restart_writers);
    g_mutex_clear (&engine->watch_lock);
    g_mutex_clear (&engine->meta);
    g_mutex_clear (&engine->lock);
    g_cond_clear (&engine->changed);
    g_free (engine->name);
    g_free (engine);
}

clfs_lsn_t
clfs_engine_address_after (const clfs_engine *engine, clfs_lsn_t at, uint64_t bytes)
{
    uint64_t offset = clfs_lsn_block_bytes (at) + bytes;
    uint32_t container = clfs_lsn_container (at);
    if (offset >= engine->container_bytes)
        return clfs_lsn_make (container + 1, 0, 0);
    return clfs_lsn_make (container, (uint32_t) offset, 0);
}

clfs_lsn_t
clfs_engine_next (const clfs_engine *engine)
{
    return engine->open ? engine->open->address | engine->open->count : engine->end;
}

void
clfs_engine_take_clean_end (clfs_engine *engine)
{
    const clfs_blf *blf = engine->blf;
    engine->end = engine->durable = engine->durable_mark = blf->clean_end;
    engine->end_offset = engine->durable_offset = engine->durable_mark_offset = blf->clean_offset;
    engine->durable_checksum = blf->clean_checksum;
    engine->durable_chain_start = blf->clean_checksum == 0;
    engine->last = engine->durable_last = blf->last_record;
    engine->restart = engine->durable_restart = blf->restart;
    engine->base = blf->base;
    engine->base_offset = blf->base_offset;
    engine->epoch = blf->epoch;
    engine->appended_ns = blf->appended_ns;
    engine->started = false;
}

/* Opens and parses NAME.blf. */
static NTSTATUS
read_metadata (clfs_engine *engine, unsigned flags, clfs_file **file, clfs_blf_report *report, clfs_blf **blf)
{
    clfs_storage *storage = engine->store->storage;
    g_autofree char *name = clfs_meta_file_name (engine->name);
    NTSTATUS status = storage->ops->open (storage, name, flags, file);
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "cannot open log %s (%s in the store): %s", engine->name, name, clfs_message_status_words (status));
    g_autofree uint8_t *bytes = NULL;
    size_t count;
    report->fault[0] = '\0';
    status = clfs_meta_read_file (*file, &bytes, &count);
    if (status == STATUS_SUCCESS)
        status = clfs_blf_parse (bytes, count, report, blf);
    else
        g_strlcpy (report->fault, clfs_message_status_words (status), sizeof report->fault);
    if (status != STATUS_SUCCESS) {
        storage->ops->close_file (*file);
        *file = NULL;
        return clfs_message_fail (status, "log %s: its base log file %s cannot be used: %s; restore it from a backup", engine->name, name,
                                  report->fault[0] ? report->fault : clfs_message_status_words (status));
    }
    return STATUS_SUCCESS;
}

/* A log of Windows carries no Unix owner: whoever owns its base log file does, and all may read what the store lets them. */
static NTSTATUS
foreign_attrs (clfs_file *file, clfs_blf *blf)
{
    clfs_file_stat stat;
    NTSTATUS status = file->storage->ops->stat (file, &stat);
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "cannot tell who owns a base log file: %s", clfs_message_status_words (status));
    for (int slot = 0; slot < CLFS_ATTR_SLOTS; slot++) {
        bool directory = slot == CLFS_ATTR_DIRECTORY || slot == CLFS_ATTR_BY_LSN || slot == CLFS_ATTR_CONTAINERS;
        blf->attrs[slot] = (clfs_attr) { directory ? 0555 : 0444, stat.uid, stat.gid };
    }
    if (blf->created_ns <= 0)
        blf->created_ns = stat.modified_ns;
    if (blf->appended_ns <= 0)
        blf->appended_ns = stat.modified_ns;
    /* Opened for writing it gets EROFS with a clear line, not a riddle about permissions. */
    blf->attrs[CLFS_ATTR_RECORDS].mode = blf->attrs[CLFS_ATTR_CONTROL].mode = blf->attrs[CLFS_ATTR_RESTART].mode = 0644;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_engine_load_metadata (clfs_engine *engine, bool write, clfs_blf_report *report)
{
    clfs_file *file;
    clfs_blf *blf;
    NTSTATUS status = read_metadata (engine, write ? CLFS_FILE_WRITE : 0, &file, report, &blf);
    if (status == STATUS_SUCCESS && !blf->ours) {
        status = foreign_attrs (file, blf);
        if (status != STATUS_SUCCESS) {
            engine->store->storage->ops->close_file (file);
            clfs_blf_free (blf);
        }
    }
    if (status != STATUS_SUCCESS)
        return status;
    g_mutex_lock (&engine->lock);
    if (engine->blf_file)
        engine->store->storage->ops->close_file (engine->blf_file);
    engine->blf_file = file;
    clfs_blf *old = engine->blf;
    engine->blf = blf;
    engine->layout = report->layout;
    engine->meta_checked = false;
    /* Cursors of a reader read these without the lock; looking again finds the same. */
    if (engine->log_id != blf->log_id)
        engine->log_id = blf->log_id;
    if (engine->container_bytes != blf->container_bytes)
        engine->container_bytes = blf->container_bytes;
    clfs_container_load (engine);
    g_mutex_unlock (&engine->lock);
    g_clear_pointer (&old, clfs_blf_free);
    return STATUS_SUCCESS;
}

/* Whether a file of that name may be in the store: only "not found" says that it is not. */
static bool
file_exists (clfs_storage *storage, const char *name)
{
    clfs_file *file;
    NTSTATUS status = storage->ops->open (storage, name, 0, &file);
    if (status == STATUS_SUCCESS)
        storage->ops->close_file (file);
    return status != STATUS_OBJECT_NAME_NOT_FOUND;
}

char *
clfs_engine_kept_lines_name (const clfs_engine *engine, unsigned number)
{
    g_autofree char *suffix = g_strdup_printf ("lines-full-%u", number);
    return clfs_meta_side_name (engine->blf->guid, suffix);
}

/* Lines for which a full log had no room stay what they are, under a name that the next opening looks at. */
static void
keep_lines (clfs_engine *engine, const char *name)
{
    clfs_storage *storage = engine->store->storage;
    NTSTATUS status = STATUS_OBJECT_NAME_COLLISION;
    g_autofree char *kept = NULL;
    for (unsigned number = 1; number <= CLFS_LINES_KEPT_MAX && status == STATUS_OBJECT_NAME_COLLISION; number++) {
        g_free (kept);
        kept = clfs_engine_kept_lines_name (engine, number);
        if (strcmp (kept, name) == 0)
            return;
        status = storage->ops->rename (storage, name, kept, false);
    }
    clfs_message_report (LOG_WARNING,
                         "log %s is full: unterminated lines of a process that died are kept in %s until it is opened with room for them",
                         engine->name, status == STATUS_SUCCESS ? kept : name);
}

/* The writers of this opening will want the name. */
static NTSTATUS
remove_lines (clfs_engine *engine, const char *name)
{
    clfs_storage *storage = engine->store->storage;
    NTSTATUS status = storage->ops->remove (storage, name);
    if (status == STATUS_SUCCESS)
        return status;
    return clfs_message_fail (status, "log %s: cannot remove %s: %s", engine->name, name, clfs_message_status_words (status));
}

/* Lines that a dead process left in the file `name` become records, as at an unmount. */
static NTSTATUS
adopt_lines_in (clfs_engine *engine, const char *name)
{
    clfs_storage *storage = engine->store->storage;
    const char *why = NULL;
    clfs_lines *lines;
    NTSTATUS status = clfs_lines_open (storage, name, engine->blf->guid, &lines, &why);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        return STATUS_SUCCESS;
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "log %s: cannot read the unterminated lines in %s: %s", engine->name, name,
                                  clfs_message_status_words (status));
    if (!lines) {
        clfs_message_report (LOG_NOTICE, "log %s: unterminated lines in %s are not used: %s", engine->name, name, why);
        return remove_lines (engine, name);
    }

    g_mutex_lock (&engine->lock);
    g_autoptr (GPtrArray) left = clfs_lines_left (lines, clfs_engine_next (engine));
    guint adopted = 0;
    for (guint i = 0; i < left->len && status == STATUS_SUCCESS; i++) {
        clfs_line *line = g_ptr_array_index (left, i);
        struct iovec pieces[CLFS_LINE_PIECES_MAX];
        int count;
        clfs_lsn_t lsn;
        clfs_line_vector (line, pieces, &count);
        status = clfs_append_locked (engine, pieces, count, clfs_line_bytes (line), CLFS_TYPE_DATA, CLFS_INVALID_LSN,
                                     CLFS_INVALID_LSN, line, 0, &lsn);
        if (status == STATUS_SUCCESS)
            adopted++;
    }
    /* Also those before the one that found no room: what their lines say of them must be true before others get LSNs. */
    NTSTATUS flushed = clfs_flush_all (engine);
    g_mutex_unlock (&engine->lock);
    clfs_lines_free (lines);
    if (flushed != STATUS_SUCCESS)
        return flushed;
    if (status == STATUS_SUCCESS) {
        status = remove_lines (engine, name);
        if (adopted > 0)
            clfs_message_report (LOG_NOTICE, "log %s: %u unterminated lines of a process that died are records now", engine->name, adopted);
    } else if (status == STATUS_LOG_FULL) {
        keep_lines (engine, name);
        status = STATUS_SUCCESS;
    }
    return status;
}

/* Those for which there was no room last time, then those of the last process. */
NTSTATUS
clfs_engine_adopt_lines (clfs_engine *engine)
{
    NTSTATUS status = STATUS_SUCCESS;
    for (unsigned number = 1; number <= CLFS_LINES_KEPT_MAX && status == STATUS_SUCCESS; number++) {
        g_autofree char *kept = clfs_engine_kept_lines_name (engine, number);
        status = adopt_lines_in (engine, kept);
    }
    g_autofree char *name = clfs_meta_side_name (engine->blf->guid, "lines");
    return status == STATUS_SUCCESS ? adopt_lines_in (engine, name) : status;
}

/* With the lock held and the metadata read under it. */
static NTSTATUS
open_locked (clfs_engine *engine, const clfs_blf_report *report)
{
    clfs_storage *storage = engine->store->storage;
    if (engine->blf->ext_flags & CLFS_EXT_PENDING_DELETE) {
        NTSTATUS status = clfs_engine_remove_files (engine);
        if (status != STATUS_SUCCESS)
            return status;
        return clfs_message_fail (STATUS_OBJECT_NAME_NOT_FOUND, "log %s was being removed when its process ended: now it is gone",
                                  engine->name);
    }
    g_autofree char *area = clfs_meta_side_name (engine->blf->guid, "area");
    bool clean = (engine->blf->ext_flags & CLFS_EXT_CLEAN) && !(engine->blf->ext_flags & CLFS_EXT_DAMAGED) &&
                 report->general_valid[0] && report->general_valid[1] && report->control_valid[0] &&
                 report->control_valid[1] && report->scratch_valid[0] && report->scratch_valid[1] &&
                 !file_exists (storage, area) && clfs_scan_start_intact (engine, engine->blf);
    if (clean) {
        g_mutex_lock (&engine->lock);
        clfs_engine_take_clean_end (engine);
        g_mutex_unlock (&engine->lock);
    } else {
        g_mutex_lock (&engine->meta);
        NTSTATUS status = clfs_engine_recover (engine, report);
        g_mutex_unlock (&engine->meta);
        if (status != STATUS_SUCCESS)
            return status;
    }
    if (engine->state != CLFS_STATE_OK)
        return STATUS_SUCCESS;
    clfs_engine_settle_base (engine);
    return clfs_engine_adopt_lines (engine);
}

NTSTATUS
clfs_engine_open_writer (clfs_engine *engine)
{
    clfs_blf_report report;
    NTSTATUS status = clfs_engine_load_metadata (engine, false, &report);
    if (status != STATUS_SUCCESS)
        return status;
    if (!engine->blf->ours || engine->blf->readonly_compatible)
        return clfs_engine_open_reader (engine);

    /* The lock's name comes from the log's id, so a rename of the log does not lose it; what was read before it was held counts for nothing. */
    g_autofree char *lock_name = clfs_meta_side_name (engine->blf->guid, "lock");
    g_autofree char *what = g_strdup_printf ("log %s", engine->name);
    status = clfs_store_lock (engine->store, lock_name, what, &engine->lock_file);
    if (status != STATUS_SUCCESS)
        return status;
    uint8_t guid[16];
    memcpy (guid, engine->blf->guid, 16);
    engine->writer = true;
    status = clfs_engine_load_metadata (engine, true, &report);
    if (status != STATUS_SUCCESS)
        return status;
    if (memcmp (guid, engine->blf->guid, 16) != 0 || !engine->blf->ours)
        return clfs_message_fail (STATUS_SHARING_VIOLATION, "log %s was replaced while it was opened; try again", engine->name);
    return open_locked (engine, &report);
}

/* Writes the clean end: a durable mark, a scan start, and where the next opening begins. */
static NTSTATUS
write_clean_end (clfs_engine *engine)
{
    g_mutex_lock (&engine->meta);
    NTSTATUS status = clfs_container_sweep (engine);
    if (status == STATUS_SUCCESS && !(engine->blf->ext_flags & CLFS_EXT_CLEAN)) {
        clfs_blf *next = clfs_meta_begin (engine);
        next->ext_flags |= CLFS_EXT_CLEAN;
        next->clean_end = next->durable;
        next->clean_offset = next->scan_start_offset;
        next->clean_checksum = next->scan_start_checksum;
        status = clfs_meta_write (engine, next);
    }
    g_mutex_unlock (&engine->meta);
    return status;
}

NTSTATUS
clfs_engine_shutdown (clfs_engine *engine)
{
    clfs_storage *storage = engine->store->storage;
    if (!engine->writer)
        return STATUS_SUCCESS;
    g_mutex_lock (&engine->lock);
    NTSTATUS status = STATUS_SUCCESS;
    if (engine->state == CLFS_STATE_OK)
        status = clfs_flush_all (engine);
    else if (engine->state == CLFS_STATE_FAILED)
        status = clfs_engine_check_writable (engine);
    g_mutex_unlock (&engine->lock);
    clfs_background_drain (engine);
    if (engine->state != CLFS_STATE_OK)
        return status;
    status = write_clean_end (engine);
    if (status != STATUS_SUCCESS)
        return status;
    /* The area goes last: until the clean end is durable it is what the next opener recovers from. */
    if (engine->area && engine->area->name)
        storage->ops->remove (storage, engine->area->name);
    /* Lines that a full log had no room for stay for the next opening. */
    if (engine->lines && clfs_lines_bytes (engine->lines) == 0 && !(engine->store->options.flags & CLFS_STORE_NO_AREA)) {
        g_autofree char *name = clfs_meta_side_name (engine->blf->guid, "lines");
        storage->ops->remove (storage, name);
    }
    return STATUS_SUCCESS;
}
