/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reader.c - logs that are only read: without a lock beside their writer, from a read-only store, or made by Windows.
 *
 * Nothing is written and nothing recovered. What is read is metadata and chain as they stand; they are read again when the
 * reader comes to the end.
 */
#include "engine/engine.h"

#include <string.h>

/* ---- logs of our own ---- */

/* The chain as it is now (lock). */
static void
take_view (clfs_engine *engine, const clfs_scan *scan)
{
    const clfs_blf *blf = engine->blf;
    engine->end = engine->durable = scan->end;
    engine->end_offset = engine->durable_offset = scan->end_offset;
    engine->durable_mark = MIN (scan->mark, scan->end);
    engine->durable_mark_offset = scan->watched ? scan->watched_offset : blf->scan_start_offset;
    engine->last = scan->last != CLFS_INVALID_LSN ? scan->last : blf->last_record;
    engine->restart = scan->restart != CLFS_INVALID_LSN ? scan->restart : blf->restart;
    engine->base = MIN (blf->base, scan->end);
    engine->base_offset = blf->base_offset;
    engine->appended_ns = scan->last_ns ? scan->last_ns : blf->appended_ns;
    for (guint i = 0; i < scan->entries->len; i++) {
        const clfs_scan_entry *entry = &g_array_index (scan->entries, clfs_scan_entry, i);
        clfs_container *container = clfs_container_find (engine, entry->logical_id);
        if (container) {
            container->first_offset = entry->stream_offset;
            container->first_offset_known = true;
        }
    }
    if (scan->mark > scan->end)
        g_snprintf (engine->error, sizeof engine->error, "damaged at 0x%016" G_GINT64_MODIFIER "x: %s; opened for reading only", scan->end,
                    clfs_block_fault_text (scan->fault));
    else
        g_strlcpy (engine->error, "not recovered; opened for reading only", sizeof engine->error);
}

static NTSTATUS
read_chain (clfs_engine *engine)
{
    if ((engine->blf->ext_flags & CLFS_EXT_CLEAN) && !(engine->blf->ext_flags & CLFS_EXT_DAMAGED)) {
        g_mutex_lock (&engine->lock);
        clfs_engine_take_clean_end (engine);
        g_strlcpy (engine->error, "opened for reading only", sizeof engine->error);
        g_mutex_unlock (&engine->lock);
        return STATUS_SUCCESS;
    }
    clfs_scan scan;
    NTSTATUS status = clfs_scan_chain (engine, engine->blf, false, CLFS_INVALID_LSN, &scan);
    if (status != STATUS_SUCCESS)
        return status;
    /* The stream offset at the durable mark: once more, now that the mark is known. */
    clfs_lsn_t mark = MIN (scan.mark, scan.end);
    clfs_scan_clear (&scan);
    status = clfs_scan_chain (engine, engine->blf, false, mark, &scan);
    if (status != STATUS_SUCCESS)
        return status;
    g_mutex_lock (&engine->lock);
    take_view (engine, &scan);
    g_mutex_unlock (&engine->lock);
    clfs_scan_clear (&scan);
    return STATUS_SUCCESS;
}

/* With CLFS_STORE_ALL the log begins at the oldest block that is still there. */
static void
show_all (clfs_engine *engine)
{
    clfs_lsn_t oldest = clfs_loader_oldest (engine);
    g_mutex_lock (&engine->lock);
    if (oldest < engine->base) {
        engine->base = oldest;
        const clfs_container *container = clfs_container_find (engine, clfs_lsn_container (oldest));
        if (container)
            engine->base_offset = container->first_offset;
    }
    g_mutex_unlock (&engine->lock);
}

/* ---- logs of others ---- */

/* Walks one container's blocks into the index. */
static NTSTATUS
index_container (clfs_engine *engine, clfs_container *container, uint64_t *stream_offset)
{
    clfs_file *file;
    NTSTATUS status = clfs_container_file (engine, container, &file);
    if (status != STATUS_SUCCESS)
        return status;
    g_autofree uint8_t *buffer = NULL;
    uint64_t offset = 0;
    while (offset + CLFS_SECTOR_BYTES <= container->size_bytes) {
        uint8_t sector[CLFS_SECTOR_BYTES];
        size_t got;
        clfs_lsn_t address = clfs_lsn_make (container->logical_id, (uint32_t) offset, 0);
        status = file->storage->ops->read (file, offset, sector, sizeof sector, &got);
        if (status != STATUS_SUCCESS || got < sizeof sector)
            break;
        uint32_t sectors = clfs_block_peek_sectors (sector, address);
        if (sectors == 0)
            break;
        size_t bytes = sectors * (size_t) CLFS_SECTOR_BYTES;
        buffer = g_realloc (buffer, bytes);
        status = file->storage->ops->read (file, offset, buffer, bytes, &got);
        if (status != STATUS_SUCCESS)
            break;
        clfs_block_info info;
        if (clfs_block_open (buffer, got, address, NULL, &info) != CLFS_BLOCK_GOOD)
            break;
        clfs_foreign_block block = {
            .address = address,
            .end = clfs_engine_address_after (engine, address, bytes),
            .stream_offset = *stream_offset,
            .stream_bytes = info.stream_bytes,
            .record_count = info.record_count,
        };
        g_array_append_val (engine->foreign_blocks, block);
        *stream_offset += info.stream_bytes;
        offset += bytes;
    }
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (STATUS_LOG_CONTAINER_READ_FAILED, "log %s: cannot read its container %s at %" G_GUINT64_FORMAT ": %s",
                                  engine->name, container->name, offset, clfs_message_status_words (status));
    return STATUS_SUCCESS;
}

static gint
compare_logical (gconstpointer a, gconstpointer b)
{
    const clfs_container *left = *(clfs_container *const *) a, *right = *(clfs_container *const *) b;
    return left->logical_id < right->logical_id ? -1 : left->logical_id > right->logical_id;
}

/* Where reading ends and the log begins, from the index. */
static void
take_index (clfs_engine *engine, uint64_t stream_end)
{
    const clfs_blf *blf = engine->blf;
    const GArray *blocks = engine->foreign_blocks;
    engine->appended_ns = blf->appended_ns;
    engine->base = blf->base;
    engine->base_offset = stream_end;
    engine->restart = blf->restart;
    engine->end = engine->durable = engine->durable_mark = blocks->len > 0 ? g_array_index (blocks, clfs_foreign_block, blocks->len - 1).end : blf->base;
    engine->end_offset = engine->durable_offset = engine->durable_mark_offset = stream_end;
    for (guint i = blocks->len; i > 0; i--) {
        const clfs_foreign_block *block = &g_array_index (blocks, clfs_foreign_block, i - 1);
        if (block->record_count > 0 && engine->last == CLFS_INVALID_LSN)
            engine->last = block->address | (block->record_count - 1);
        if (block->end > blf->base)
            engine->base_offset = block->stream_offset;
    }
    if (engine->store->options.flags & CLFS_STORE_ALL) {
        engine->base = blocks->len > 0 ? g_array_index (blocks, clfs_foreign_block, 0).address : engine->base;
        engine->base_offset = 0;
    }
}

static NTSTATUS
read_foreign (clfs_engine *engine)
{
    engine->foreign = true;
    if (engine->foreign_blocks)
        g_array_free (engine->foreign_blocks, TRUE);
    engine->foreign_blocks = g_array_new (FALSE, FALSE, sizeof (clfs_foreign_block));
    /* Containers are as large as they say; the first one's size is the log's. */
    for (guint i = 0; i < engine->containers->len && engine->container_bytes == 0; i++)
        engine->container_bytes = ((clfs_container *) g_ptr_array_index (engine->containers, i))->size_bytes;
    engine->blf->container_bytes = engine->container_bytes;
    g_autoptr (GPtrArray) order = g_ptr_array_new ();
    for (guint i = 0; i < engine->containers->len; i++)
        g_ptr_array_add (order, g_ptr_array_index (engine->containers, i));
    g_ptr_array_sort (order, compare_logical);
    uint64_t stream_offset = 0;
    for (guint i = 0; i < order->len; i++) {
        clfs_container *container = g_ptr_array_index (order, i);
        NTSTATUS status = index_container (engine, container, &stream_offset);
        /* One that has no part in the active log may be missing: logs get copied without their free containers. */
        bool active = container->logical_id >= clfs_lsn_container (engine->blf->base) &&
                      clfs_lsn_make (container->logical_id, 0, 0) < engine->blf->last;
        if (status != STATUS_SUCCESS && active)
            return status;
    }
    g_mutex_lock (&engine->lock);
    take_index (engine, stream_offset);
    g_strlcpy (engine->error, "not written by clfs: opened for reading only", sizeof engine->error);
    g_mutex_unlock (&engine->lock);
    return STATUS_SUCCESS;
}

/* ---- opening and looking again ---- */

static NTSTATUS
look (clfs_engine *engine)
{
    clfs_blf_report report;
    NTSTATUS status = clfs_engine_load_metadata (engine, false, &report);
    if (status != STATUS_SUCCESS)
        return status;
    engine->state = CLFS_STATE_READ_ONLY;
    engine->refreshed_ns = engine->store->storage->ops->now_ns (engine->store->storage);
    status = engine->blf->ours ? read_chain (engine) : read_foreign (engine);
    if (status == STATUS_SUCCESS && engine->blf->ours && (engine->store->options.flags & CLFS_STORE_ALL))
        show_all (engine);
    if (status == STATUS_SUCCESS)
        clfs_engine_settle_base (engine);
    return status;
}

NTSTATUS
clfs_engine_open_reader (clfs_engine *engine)
{
    g_mutex_lock (&engine->meta);
    NTSTATUS status = look (engine);
    g_mutex_unlock (&engine->meta);
    return status;
}

void
clfs_engine_refresh (clfs_engine *engine, int64_t age_ms)
{
    if (engine->writer || engine->foreign)
        return;
    g_mutex_lock (&engine->meta);
    int64_t now = engine->store->storage->ops->now_ns (engine->store->storage);
    if (now - engine->refreshed_ns >= age_ms * 1000000) {
        clfs_lsn_t mark = engine->durable_mark, base = engine->base, end = engine->end;
        /* A look that fails leaves what was seen before. */
        if (look (engine) == STATUS_SUCCESS) {
            unsigned events = (engine->durable_mark != mark ? CLFS_EVENT_DURABLE : 0u) | (engine->base != base ? CLFS_EVENT_BASE : 0u) |
                              (engine->end != end ? CLFS_EVENT_APPENDED : 0u);
            g_mutex_unlock (&engine->meta);
            if (events)
                clfs_engine_notify (engine, events);
            return;
        }
    }
    g_mutex_unlock (&engine->meta);
}
