/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recover.c - the one recovery, for daemon, library and tools: metadata, disk scan, shared area, rewrite, sync, epoch, and only
 * then the cut. docs/design.md, "Recovery", says why in this order; change a step only with a counterexample search.
 */
#include "engine/engine.h"

#include <string.h>
#include <syslog.h>

/* ---- the shared area ---- */

/* Under a name that nobody looks for, so that nothing in it is lost. */
static void
set_area_aside (clfs_engine *engine, const char *name, const char *why)
{
    clfs_storage *storage = engine->store->storage;
    for (unsigned n = 1; n < 1000; n++) {
        g_autofree char *aside = g_strdup_printf ("%s.aside-%u", name, n);
        NTSTATUS status = storage->ops->rename (storage, name, aside, false);
        if (status == STATUS_SUCCESS) {
            clfs_message_report (LOG_WARNING, "log %s: its marshalling area is not used: %s; kept as %s", engine->name, why, aside);
            return;
        }
        if (status != STATUS_OBJECT_NAME_COLLISION)
            return;
    }
}

/* Opens the area if it is of this boot, this file and this log; settles what to do with one that is not. */
static NTSTATUS
open_area (clfs_engine *engine, const char *name, clfs_area **out)
{
    clfs_storage *storage = engine->store->storage;
    enum clfs_area_fit fit;
    NTSTATUS status = clfs_area_open (storage, name, engine->blf->guid, &fit, out);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        return STATUS_SUCCESS;
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "log %s: cannot read its marshalling area %s: %s", engine->name, name,
                                  clfs_message_status_words (status));
    switch (fit) {
    case CLFS_AREA_FITS:
        break;
    case CLFS_AREA_UNFINISHED:
        return storage->ops->remove (storage, name);
    case CLFS_AREA_OTHER_BOOT:
        clfs_message_report (LOG_NOTICE, "log %s: its marshalling area is of an earlier boot: what was not flushed then is lost", engine->name);
        return storage->ops->remove (storage, name);
    case CLFS_AREA_COPIED:
        set_area_aside (engine, name, "it is a copy, or of another log or version");
        return STATUS_SUCCESS;
    }
    uint32_t epoch = CLFS_AREA_READ ((*out)->header->epoch);
    if (epoch != engine->blf->epoch && epoch != engine->blf->epoch + 1) {
        clfs_area_free (*out);
        *out = NULL;
        set_area_aside (engine, name, "somebody else has written the log since");
    }
    return STATUS_SUCCESS;
}

/* Why the area does not continue the chain on disk; NULL if it does. */
static const char *
area_mismatch (const clfs_area_mark *mark, const clfs_scan *scan)
{
    if (!scan->watched)
        return "the log has no block that ends where it begins";
    if (scan->watched_checksum != (mark->chain_start ? 0 : mark->checksum) || scan->watched_offset != mark->stream_offset)
        return "the log has another block where it begins";
    if (scan->mark > mark->durable)
        return "the log is further than it knows";
    return NULL;
}

/* Finds the records of a block in the area, and how many of them are whole. `readable`: its image, decoded. */
static void
count_records (clfs_memory_block *block, const uint8_t *readable, uint32_t count, uint32_t used)
{
    uint32_t offset = CLFS_BLOCK_HEADER_BYTES, seed = 0;
    for (uint32_t i = 0; i < count; i++) {
        clfs_record_view view;
        if (clfs_record_at (readable, used, offset, block->address | i, true, seed, &view) != STATUS_SUCCESS)
            break;
        seed = view.header->checksum;
        block->offsets[i] = block->last_record = offset;
        block->stream_at[i] = block->stream_bytes;
        block->count = i + 1;
        if (view.header->type & CLFS_TYPE_RESTART)
            block->restart = block->address | i;
        else
            block->stream_bytes += view.payload_bytes;
        offset = view.next_offset;
    }
    block->used = offset;
    block->running_checksum = seed;
}

/* Takes one block of a dead process. NULL: it is none, or cannot be trusted at all. *whole: all of it is as it was written. */
static clfs_memory_block *
adopt_block (clfs_engine *engine, clfs_area *area, uint64_t ring_offset, clfs_lsn_t address, uint64_t stream_offset, bool *whole)
{
    clfs_area_block *in_area = clfs_area_block_at (area, ring_offset);
    if (!in_area || in_area->address != address || in_area->stream_offset != stream_offset || in_area->epoch != engine->blf->epoch)
        return NULL;
    uint32_t state = CLFS_AREA_READ (in_area->state);
    uint64_t committed = CLFS_AREA_READ (in_area->committed);
    uint32_t count = (uint32_t) (committed >> 32), used = (uint32_t) committed;
    uint64_t left = (engine->container_bytes - clfs_lsn_block_bytes (address)) / CLFS_SECTOR_BYTES;
    uint32_t sectors = state == CLFS_AREA_OPEN ? in_area->capacity_sectors : in_area->sectors;
    if (state < CLFS_AREA_OPEN || state > CLFS_AREA_SEALED || sectors == 0 || sectors > left || count > CLFS_BLOCK_RECORDS_MAX ||
        used < CLFS_BLOCK_HEADER_BYTES || used > clfs_block_room (sectors) ||
        area->ring_allocated - ring_offset < clfs_area_block_span (sectors))
        return NULL;

    clfs_memory_block *block = g_new0 (clfs_memory_block, 1);
    block->address = address;
    block->stream_offset = stream_offset;
    block->area_block = in_area;
    block->image = clfs_area_image (in_area);
    block->ring_offset = ring_offset;
    block->capacity_sectors = in_area->capacity_sectors;
    block->sectors = sectors;
    block->flags = in_area->flags;
    block->restart = CLFS_INVALID_LSN;
    block->is_signed = state >= CLFS_AREA_SAVED;

    size_t bytes = (size_t) sectors * CLFS_SECTOR_BYTES;
    g_autofree uint8_t *copy = NULL;
    const uint8_t *readable = block->image;
    if (block->is_signed) {
        /* Some or all displaced bytes are replaced by signatures; all of them are in the array. */
        readable = copy = g_memdup2 (block->image, bytes);
        clfs_block_restore (copy, sectors);
    }
    count_records (block, readable, count, used);
    *whole = block->count == count && block->used == used;
    if (*whole && state == CLFS_AREA_SEALED) {
        g_autofree uint8_t *sealed = g_memdup2 (block->image, bytes);
        clfs_block_info info;
        *whole = clfs_block_open (sealed, bytes, address, &engine->log_id, &info) == CLFS_BLOCK_GOOD;
        block->checksum = info.checksum;
        block->sealed_ns = info.sealed_ns;
    }
    if (!*whole && block->is_signed) {
        /* Damaged memory: what can be read of it is sealed anew. */
        memcpy (block->image, copy, bytes);
        block->is_signed = false;
    }
    if (state != CLFS_AREA_OPEN && *whole) {
        block->closed = true;
        block->end = clfs_engine_address_after (engine, address, bytes);
    }
    return block;
}

/* Makes the blocks of a dead process the engine's own (lock). Returns how many records there are. */
static guint
adopt_area (clfs_engine *engine, clfs_area *area)
{
    const clfs_area_mark *mark = clfs_area_current_mark (area);
    engine->area = area;
    engine->epoch = engine->blf->epoch;
    engine->started = true;
    engine->chain_start = false;
    area->empty = true;
    guint records = 0;
    uint64_t steps = area->ring_bytes / clfs_area_block_span (1);
    for (uint64_t at = mark->first; at != CLFS_AREA_NO_BLOCK && steps > 0; steps--) {
        bool whole = false;
        clfs_memory_block *block = adopt_block (engine, area, at, engine->end, engine->end_offset, &whole);
        if (!block)
            break;
        uint64_t next = CLFS_AREA_READ (block->area_block->next);
        bool last = !whole || !block->closed;
        if (last && block->count == 0) {
            g_free (block);
            break;
        }
        clfs_area_take (area, at, block->closed ? block->sectors : block->capacity_sectors);
        g_ptr_array_add (engine->blocks, block);
        if (clfs_lsn_block_bytes (block->address) == 0) {
            clfs_container *container = clfs_container_find (engine, clfs_lsn_container (block->address));
            if (container) {
                container->first_offset = block->stream_offset;
                container->first_offset_known = true;
            }
        }
        engine->end_offset += block->stream_bytes;
        engine->pending_bytes += block->used - CLFS_BLOCK_HEADER_BYTES;
        records += block->count;
        if (block->count > 0) {
            engine->last = block->address | (block->count - 1);
            if (block->restart != CLFS_INVALID_LSN)
                engine->restart = block->restart;
        }
        if (last) {
            if (!whole)
                clfs_message_report (LOG_ERR, "log %s: its marshalling area is damaged at 0x%016" G_GINT64_MODIFIER "x: what follows is lost",
                                     engine->name, block->address | block->count);
            CLFS_AREA_FINAL (block->area_block->committed, (uint64_t) block->count << 32 | block->used);
            CLFS_AREA_FINAL (block->area_block->next, CLFS_AREA_NO_BLOCK);
            CLFS_AREA_FINAL (block->area_block->state, CLFS_AREA_OPEN);
            engine->open = block;
            break;
        }
        engine->end = block->end;
        at = next;
    }
    return records;
}

/* ---- what the disk has ---- */

/* The log as the scan found it (lock). */
static void
take_scan (clfs_engine *engine, const clfs_scan *scan)
{
    const clfs_blf *blf = engine->blf;
    clfs_block_drop_all (engine);
    engine->end = engine->durable = engine->durable_mark = scan->end;
    engine->end_offset = engine->durable_offset = engine->durable_mark_offset = scan->end_offset;
    engine->durable_checksum = scan->checksum;
    engine->durable_chain_start = scan->chain_start;
    engine->chain_start = scan->chain_start;
    engine->last = engine->durable_last = scan->last != CLFS_INVALID_LSN ? scan->last : blf->last_record;
    engine->restart = engine->durable_restart = scan->restart != CLFS_INVALID_LSN ? scan->restart : blf->restart;
    engine->base = blf->base;
    engine->base_offset = blf->base_offset;
    engine->epoch = blf->epoch;
    engine->appended_ns = scan->last_ns ? scan->last_ns : blf->appended_ns;
    engine->started = false;
    for (guint i = 0; i < scan->entries->len; i++) {
        const clfs_scan_entry *entry = &g_array_index (scan->entries, clfs_scan_entry, i);
        clfs_container *container = clfs_container_find (engine, entry->logical_id);
        if (container) {
            container->first_offset = entry->stream_offset;
            container->first_offset_known = true;
        }
    }
}

/* Damage below the mark: said with file, offset and LSN, written down, and the log opens read-only. */
static NTSTATUS
become_damaged (clfs_engine *engine, const clfs_scan *scan)
{
    g_mutex_lock (&engine->lock);
    take_scan (engine, scan);
    const clfs_container *container = clfs_container_find (engine, clfs_lsn_container (scan->end));
    g_autofree char *file = g_strdup (container ? container->name : "(missing container)");
    g_mutex_unlock (&engine->lock);

    if (!(engine->blf->ext_flags & CLFS_EXT_DAMAGED)) {
        g_autoptr (clfs_blf) next = clfs_blf_copy (engine->blf);
        next->ext_flags |= CLFS_EXT_DAMAGED;
        next->damage = scan->mark;
        NTSTATUS status = clfs_meta_write (engine, g_steal_pointer (&next));
        if (status != STATUS_SUCCESS)
            return status;
    }
    g_mutex_lock (&engine->lock);
    engine->state = CLFS_STATE_READ_ONLY;
    if (scan->mark <= scan->end)
        g_snprintf (engine->error, sizeof engine->error,
                    "damaged before 0x%016" G_GINT64_MODIFIER "x: the block that ends there is not the one that was written; reset empties it",
                    engine->blf->scan_start);
    else
        g_snprintf (engine->error, sizeof engine->error,
                    "damaged at 0x%016" G_GINT64_MODIFIER "x (%s, offset %u): %s; durable was up to 0x%016" G_GINT64_MODIFIER
                    "x; reset empties it",
                    scan->end, file, clfs_lsn_block_bytes (scan->end), clfs_block_fault_text (scan->fault), scan->mark);
    g_mutex_unlock (&engine->lock);
    clfs_message_report (LOG_CRIT, "log %s: %s", engine->name, engine->error);
    return STATUS_SUCCESS;
}

/* Blocks above the mark are only written: again, from the validated bytes, and synced, before they count. */
static NTSTATUS
rewrite_loose (clfs_engine *engine, const clfs_scan *scan)
{
    if (scan->loose->len == 0)
        return STATUS_SUCCESS;
    g_autofree clfs_piece *pieces = g_new (clfs_piece, scan->loose->len);
    for (guint i = 0; i < scan->loose->len; i++) {
        const clfs_scan_block *block = g_ptr_array_index (scan->loose, i);
        pieces[i] = (clfs_piece) { block->address, block->raw, block->sectors };
    }
    return clfs_flush_write (engine, pieces, scan->loose->len);
}

/* The epoch is raised, found something to cut or not: from here on nothing that was given up can come back. */
static NTSTATUS
raise_epoch (clfs_engine *engine, const clfs_scan *scan)
{
    g_autoptr (clfs_blf) next = clfs_meta_begin (engine);
    next->epoch++;
    next->epoch_first = next->durable;
    next->ext_flags &= ~(uint32_t) CLFS_EXT_CLEAN;
    next->clean_end = CLFS_INVALID_LSN;
    next->clean_checksum = 0;
    next->clean_offset = 0;
    if (scan->torn_bytes > 0) {
        next->cut_lsn = next->durable;
        next->cut_bytes = scan->torn_bytes;
    }
    uint32_t epoch = next->epoch;
    if (engine->area)
        CLFS_AREA_FINAL (engine->area->header->epoch, epoch);
    NTSTATUS status = clfs_meta_write (engine, g_steal_pointer (&next));
    if (status == STATUS_SUCCESS) {
        g_mutex_lock (&engine->lock);
        engine->epoch = epoch;
        g_mutex_unlock (&engine->lock);
    }
    return status;
}

/* The base of a log whose newest record it has passed bounds it from below only. */
static void
settle_base (clfs_engine *engine)
{
    if (engine->base > engine->end) {
        engine->base = engine->end;
        engine->base_offset = engine->end_offset;
    }
}

NTSTATUS
clfs_engine_recover (clfs_engine *engine, const clfs_blf_report *report)
{
    clfs_storage *storage = engine->store->storage;
    NTSTATUS status = clfs_meta_repair (engine, report);
    if (status != STATUS_SUCCESS)
        return status;
    if (report->fault[0])
        clfs_message_report (LOG_WARNING, "log %s: a copy of its metadata was repaired: %s", engine->name, report->fault);

    g_autofree char *area_name = clfs_meta_side_name (engine->blf->guid, "area");
    clfs_area *area = engine->area; /* private memory that a failure left */
    engine->area = NULL;
    bool damaged_before = engine->blf->ext_flags & CLFS_EXT_DAMAGED;
    if (!area && !damaged_before) {
        status = open_area (engine, area_name, &area);
        if (status != STATUS_SUCCESS)
            return status;
    }
    clfs_lsn_t watch = area ? clfs_area_current_mark (area)->durable : CLFS_INVALID_LSN;
    clfs_scan scan;
    status = clfs_scan_chain (engine, engine->blf, !damaged_before, watch, &scan);
    if (status != STATUS_SUCCESS) {
        if (area && !area->map)
            engine->area = area; /* still all there is of its records */
        else
            clfs_area_free (area);
        return status;
    }

    clfs_lsn_t mark = area ? MAX (scan.mark, watch) : scan.mark;
    if (damaged_before || mark > scan.end || scan.start_damaged) {
        scan.mark = mark;
        clfs_area_free (area);
        if (mark <= scan.end && !damaged_before) {
            /* The damage lies below; what follows it is whole and is made durable, as ever, before it counts. */
            status = rewrite_loose (engine, &scan);
            scan.mark = scan.end;
        }
        if (status == STATUS_SUCCESS)
            status = become_damaged (engine, &scan);
        goto out;
    }
    const char *mismatch = area ? area_mismatch (clfs_area_current_mark (area), &scan) : NULL;
    if (mismatch) {
        clfs_area_free (g_steal_pointer (&area));
        set_area_aside (engine, area_name, mismatch);
    }

    guint records = 0;
    g_mutex_lock (&engine->lock);
    engine->state = CLFS_STATE_OK;
    engine->error[0] = '\0';
    take_scan (engine, &scan);
    if (area) {
        /* What is on disk above the area's durable LSN is the same or older: the area's blocks are written over it. */
        const clfs_area_mark *from = clfs_area_current_mark (area);
        engine->end = engine->durable = engine->durable_mark = from->durable;
        engine->end_offset = engine->durable_offset = engine->durable_mark_offset = from->stream_offset;
        engine->durable_checksum = from->checksum;
        engine->durable_chain_start = from->chain_start;
        if (engine->last != CLFS_INVALID_LSN && engine->last >= from->durable)
            engine->last = engine->durable_last = engine->blf->last_record;
        if (engine->restart != CLFS_INVALID_LSN && engine->restart >= from->durable)
            engine->restart = engine->durable_restart = engine->blf->restart;
        scan.torn_bytes = 0;
        records = adopt_area (engine, area);
        clfs_flush_round (engine);
        if (engine->state == CLFS_STATE_FAILED)
            status = clfs_engine_check_writable (engine);
    }
    g_mutex_unlock (&engine->lock);
    if (!area)
        status = rewrite_loose (engine, &scan);
    if (status == STATUS_SUCCESS) {
        g_mutex_lock (&engine->lock);
        settle_base (engine);
        engine->started = false;
        g_mutex_unlock (&engine->lock);
        status = raise_epoch (engine, &scan);
    }
    if (status != STATUS_SUCCESS)
        goto out;
    if (scan.torn_bytes > 0)
        clfs_message_report (LOG_NOTICE, "log %s: recovery cut %" G_GUINT64_FORMAT " bytes of a torn tail at 0x%016" G_GINT64_MODIFIER "x",
                             engine->name, scan.torn_bytes, engine->durable);
    if (records > 0)
        clfs_message_report (LOG_NOTICE, "log %s: recovery wrote %u records that a process had left in memory", engine->name, records);
    if (area) {
        bool shared = area->map != NULL;
        g_mutex_lock (&engine->lock);
        engine->area = NULL;
        g_mutex_unlock (&engine->lock);
        clfs_area_free (area);
        if (shared)
            storage->ops->remove (storage, area_name);
    }

out:
    clfs_scan_clear (&scan);
    return status;
}
