/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scan.c - the chain of blocks on storage, from the metadata's scan start to where it ends.
 *
 * A block counts if its checksum, address, log and epoch are right and it names the checksum of the block before it. The durable
 * mark is the highest that any evidence gives: the caller compares it with the end to tell damage from a torn tail.
 */
#include "engine/engine.h"

#include <string.h>

#define WINDOW_BYTES (1024u * 1024)

/* A window onto one container's raw bytes. */
typedef struct window {
    clfs_engine *engine;
    clfs_container *container; /* a reference */
    clfs_file *file;
    uint64_t container_bytes;
    uint8_t *bytes;
    size_t capacity, count;
    uint64_t offset;           /* of bytes[0] in the container */
    size_t ahead;              /* read at least so much at a time */
} window;

static void
window_leave (window *w)
{
    if (w->container) {
        g_mutex_lock (&w->engine->lock);
        clfs_container_unref (w->engine, w->container);
        g_mutex_unlock (&w->engine->lock);
    }
    w->container = NULL;
    w->count = 0;
}

/* Goes to the container; STATUS_NOT_FOUND if the metadata names none of that id. */
static NTSTATUS
window_enter (window *w, uint32_t logical_id)
{
    window_leave (w);
    g_mutex_lock (&w->engine->lock);
    clfs_container *container = clfs_container_find (w->engine, logical_id);
    if (container)
        clfs_container_ref (container);
    g_mutex_unlock (&w->engine->lock);
    if (!container)
        return STATUS_NOT_FOUND;
    w->container = container;
    NTSTATUS status = clfs_container_file (w->engine, container, &w->file);
    if (status != STATUS_SUCCESS)
        return status;
    clfs_file_stat stat;
    status = w->file->storage->ops->stat (w->file, &stat);
    if (status == STATUS_SUCCESS && stat.bytes < w->container_bytes)
        return clfs_message_fail (STATUS_LOG_CONTAINER_READ_FAILED,
                                  "log %s: its container %s has %" G_GUINT64_FORMAT " bytes instead of %" G_GUINT64_FORMAT
                                  "; restore it from a backup, or reset the log",
                                  w->engine->name, container->name, stat.bytes, w->container_bytes);
    return status;
}

/* Has at least `bytes` at `offset` in the window, as far as the container goes. *at points to them. */
static NTSTATUS
window_show (window *w, uint64_t offset, size_t bytes, uint8_t **at)
{
    if (w->count == 0 || offset < w->offset || offset + bytes > w->offset + w->count) {
        size_t wanted = (size_t) MIN (MAX (bytes, w->ahead), w->container_bytes - offset);
        if (wanted > w->capacity) {
            w->bytes = g_realloc (w->bytes, wanted);
            w->capacity = wanted;
        }
        size_t got;
        w->count = 0;
        NTSTATUS status = w->file->storage->ops->read (w->file, offset, w->bytes, wanted, &got);
        if (status == STATUS_SUCCESS && got < wanted)
            status = STATUS_IO_DEVICE_ERROR;
        if (status != STATUS_SUCCESS)
            return clfs_message_fail (STATUS_LOG_CONTAINER_READ_FAILED, "log %s: cannot read its container %s at %" G_GUINT64_FORMAT ": %s",
                                      w->engine->name, w->container->name, offset, clfs_message_status_words (status));
        w->offset = offset;
        w->count = wanted;
    }
    *at = w->bytes + (offset - w->offset);
    return STATUS_SUCCESS;
}

static void
scan_block_free (gpointer data)
{
    clfs_scan_block *block = data;
    g_free (block->raw);
    g_free (block);
}

void
clfs_scan_clear (clfs_scan *scan)
{
    g_clear_pointer (&scan->loose, g_ptr_array_unref);
    g_clear_pointer (&scan->entries, g_array_unref);
}

bool
clfs_scan_epoch_fits (const clfs_blf *blf, clfs_lsn_t address, uint32_t epoch)
{
    return address >= blf->epoch_first ? epoch == blf->epoch : epoch < blf->epoch;
}

static void
raise_mark (clfs_scan *scan, clfs_lsn_t mark)
{
    scan->mark = MAX (scan->mark, mark);
    /* What is below is durable: it need not be written again. */
    guint below = 0;
    while (below < scan->loose->len && ((clfs_scan_block *) scan->loose->pdata[below])->end <= scan->mark)
        below++;
    if (below > 0)
        g_ptr_array_remove_range (scan->loose, 0, below);
}

/* Takes the block at scan->end into the chain if it is one. *more: it was (opened in the window). */
static NTSTATUS
take_block (clfs_engine *engine, const clfs_blf *blf, window *w, bool keep_raw, uint32_t *epoch, clfs_scan *scan, bool *more)
{
    *more = false;
    uint64_t offset = clfs_lsn_block_bytes (scan->end);
    uint8_t *at;
    NTSTATUS status = window_show (w, offset, CLFS_SECTOR_BYTES, &at);
    if (status != STATUS_SUCCESS)
        return status;
    uint64_t left = w->container_bytes - offset;
    uint32_t sectors = clfs_block_peek_sectors (at, scan->end);
    size_t bytes = (size_t) MIN (MAX (sectors, 1) * (uint64_t) CLFS_SECTOR_BYTES, left);
    status = window_show (w, offset, bytes, &at);
    if (status != STATUS_SUCCESS)
        return status;

    g_autofree uint8_t *raw = keep_raw ? g_memdup2 (at, bytes) : NULL;
    clfs_block_info info;
    scan->fault = clfs_block_open (at, bytes, scan->end, &blf->log_id, &info);
    if (scan->fault != CLFS_BLOCK_GOOD)
        return STATUS_SUCCESS;
    bool chained = (info.flags & CLFS_BLOCK_CHAIN_START) ? scan->chain_start || scan->checksum == 0
                                                         : info.previous_checksum == scan->checksum;
    if (!chained || !clfs_scan_epoch_fits (blf, scan->end, info.epoch) || info.epoch < *epoch ||
        info.stream_offset != scan->end_offset || info.durable_lsn > scan->end) {
        scan->fault = CLFS_BLOCK_FOREIGN;
        /* Opened in place, so its bytes changed: have them read anew. */
        w->count = 0;
        return STATUS_SUCCESS;
    }
    *epoch = info.epoch;

    /* Restart records count for the newest restart area. */
    uint32_t record = CLFS_BLOCK_HEADER_BYTES, seed = 0;
    for (uint32_t i = 0; i < info.record_count; i++) {
        clfs_record_view view;
        if (clfs_record_at (at, info.record_end, record, scan->end | i, false, seed, &view) != STATUS_SUCCESS) {
            scan->fault = CLFS_BLOCK_RECORDS;
            w->count = 0;
            return STATUS_SUCCESS;
        }
        if (view.header->type & CLFS_TYPE_RESTART)
            scan->restart = scan->end | i;
        record = view.next_offset;
    }
    if (info.record_count > 0) {
        scan->last = scan->end | (info.record_count - 1);
        scan->last_ns = info.sealed_ns;
    }
    if (offset == 0) {
        clfs_scan_entry entry = { clfs_lsn_container (scan->end), scan->end_offset };
        g_array_append_val (scan->entries, entry);
    }
    clfs_lsn_t address = scan->end;
    scan->end = clfs_engine_address_after (engine, address, (uint64_t) info.sectors * CLFS_SECTOR_BYTES);
    scan->end_offset += info.stream_bytes;
    scan->checksum = info.checksum;
    scan->chain_start = false;
    if (keep_raw) {
        clfs_scan_block *block = g_new0 (clfs_scan_block, 1);
        block->address = address;
        block->end = scan->end;
        block->raw = g_steal_pointer (&raw);
        block->sectors = info.sectors;
        block->info = info;
        g_ptr_array_add (scan->loose, block);
    }
    raise_mark (scan, info.durable_lsn);
    *more = true;
    return STATUS_SUCCESS;
}

/* Looks in the rest of a container for blocks of this epoch that the chain does not reach: what they say was durable was. */
static NTSTATUS
search_beyond (const clfs_blf *blf, window *w, uint32_t logical_id, uint64_t offset, clfs_scan *scan)
{
    while (offset < w->container_bytes) {
        uint8_t *at;
        NTSTATUS status = window_show (w, offset, CLFS_SECTOR_BYTES, &at);
        if (status != STATUS_SUCCESS)
            return status;
        clfs_lsn_t address = clfs_lsn_make (logical_id, (uint32_t) offset, 0);
        const clfs_block_header *header = (const clfs_block_header *) at;
        uint32_t sectors = 0;
        if (header->magic == CLFS_DATA_MAGIC && header->log_id == blf->log_id && header->epoch == blf->epoch &&
            clfs_sector_begins_block (at))
            sectors = clfs_block_peek_sectors (at, address);
        if (sectors == 0 || sectors * (uint64_t) CLFS_SECTOR_BYTES > w->container_bytes - offset) {
            offset += CLFS_SECTOR_BYTES;
            continue;
        }
        status = window_show (w, offset, (size_t) sectors * CLFS_SECTOR_BYTES, &at);
        if (status != STATUS_SUCCESS)
            return status;
        clfs_block_info info;
        g_autofree uint8_t *copy = g_memdup2 (at, (size_t) sectors * CLFS_SECTOR_BYTES);
        if (clfs_block_open (copy, (size_t) sectors * CLFS_SECTOR_BYTES, address, &blf->log_id, &info) == CLFS_BLOCK_GOOD) {
            scan->torn_bytes += (uint64_t) info.sectors * CLFS_SECTOR_BYTES;
            if (address >= blf->epoch_first)
                raise_mark (scan, info.durable_lsn);
            offset += (uint64_t) info.sectors * CLFS_SECTOR_BYTES;
        } else {
            /* A torn one: at least its first sector reached the medium. */
            if (address == scan->end)
                scan->torn_bytes += (uint64_t) sectors * CLFS_SECTOR_BYTES;
            offset += CLFS_SECTOR_BYTES;
        }
    }
    return STATUS_SUCCESS;
}

/* Does the block that ends at the scan start still have the checksum that the metadata says? A container that was replaced by
 * another, or by an older copy of itself, shows here. */
static NTSTATUS
check_scan_start (const clfs_blf *blf, window *w, bool *same)
{
    *same = true;
    uint64_t end = clfs_lsn_block_bytes (blf->scan_start);
    if (end == 0 || blf->scan_start_checksum == 0)
        return STATUS_SUCCESS;
    for (uint64_t offset = end; offset > 0;) {
        offset -= CLFS_SECTOR_BYTES;
        uint8_t *at;
        /* Read backwards in pieces, so that a near block costs little. */
        if (w->count == 0 || offset < w->offset || offset + CLFS_SECTOR_BYTES > w->offset + w->count) {
            uint64_t from = offset + CLFS_SECTOR_BYTES > 65536 ? offset + CLFS_SECTOR_BYTES - 65536 : 0;
            size_t bytes = (size_t) (end - from);
            NTSTATUS status = window_show (w, from, bytes, &at);
            if (status != STATUS_SUCCESS)
                return status;
        }
        at = w->bytes + (offset - w->offset);
        if (!clfs_sector_begins_block (at))
            continue;
        const clfs_block_header *header = (const clfs_block_header *) at;
        uint64_t bytes = end - offset;
        g_autofree uint8_t *copy = g_memdup2 (at, (size_t) bytes);
        clfs_block_info info;
        clfs_lsn_t address = clfs_lsn_make (clfs_lsn_container (blf->scan_start), (uint32_t) offset, 0);
        *same = header->checksum == blf->scan_start_checksum &&
                clfs_block_open (copy, (size_t) bytes, address, &blf->log_id, &info) == CLFS_BLOCK_GOOD &&
                info.sectors * (uint64_t) CLFS_SECTOR_BYTES == bytes;
        w->count = 0;
        return STATUS_SUCCESS;
    }
    *same = false;
    return STATUS_SUCCESS;
}

bool
clfs_scan_start_intact (clfs_engine *engine, const clfs_blf *blf)
{
    window w = { .engine = engine, .container_bytes = blf->container_bytes };
    bool same = true;
    /* What cannot be read is no damage: whoever needs it is told. */
    if (window_enter (&w, clfs_lsn_container (blf->scan_start)) != STATUS_SUCCESS ||
        check_scan_start (blf, &w, &same) != STATUS_SUCCESS)
        same = true;
    window_leave (&w);
    g_free (w.bytes);
    return same;
}

static void
watch_end (clfs_scan *scan, clfs_lsn_t watch)
{
    if (scan->end == watch) {
        scan->watched = true;
        scan->watched_checksum = scan->checksum;
        scan->watched_offset = scan->end_offset;
    }
}

NTSTATUS
clfs_scan_chain (clfs_engine *engine, const clfs_blf *blf, bool keep_raw, clfs_lsn_t watch, clfs_scan *out)
{
    *out = (clfs_scan) {
        .end = blf->scan_start,
        .end_offset = blf->scan_start_offset,
        .checksum = blf->scan_start_checksum,
        .chain_start = blf->scan_start_checksum == 0,
        .mark = MAX (blf->scan_start, blf->epoch_first),
        .last = CLFS_INVALID_LSN,
        .restart = CLFS_INVALID_LSN,
        .loose = g_ptr_array_new_with_free_func (scan_block_free),
        .entries = g_array_new (FALSE, FALSE, sizeof (clfs_scan_entry)),
    };
    if ((blf->ext_flags & CLFS_EXT_CLEAN) && blf->clean_end != CLFS_INVALID_LSN)
        out->mark = MAX (out->mark, blf->clean_end);
    if (blf->ext_flags & CLFS_EXT_DAMAGED)
        out->mark = MAX (out->mark, blf->damage);
    watch_end (out, watch);

    window w = { .engine = engine, .container_bytes = blf->container_bytes, .ahead = WINDOW_BYTES };
    uint32_t first = clfs_lsn_container (blf->scan_start);
    uint32_t epoch = 0;
    NTSTATUS status = STATUS_SUCCESS;
    for (uint32_t id = first; id <= first + 1; id++) {
        status = window_enter (&w, id);
        if (status == STATUS_NOT_FOUND) {
            status = STATUS_SUCCESS;
            break;
        }
        if (status != STATUS_SUCCESS)
            break;
        bool more = true;
        if (id == first)
            status = check_scan_start (blf, &w, &more);
        /* Certainly damage, for it lies below every mark. What follows is chained to the checksum in the metadata, and stays readable. */
        if (status == STATUS_SUCCESS && !more)
            out->start_damaged = more = true;
        while (status == STATUS_SUCCESS && more && clfs_lsn_container (out->end) == id) {
            status = take_block (engine, blf, &w, keep_raw, &epoch, out, &more);
            if (more)
                watch_end (out, watch);
        }
        if (status != STATUS_SUCCESS)
            break;
        uint64_t from = 0;
        if (clfs_lsn_container (out->end) == id)
            from = clfs_lsn_block_bytes (out->end);
        else if (clfs_lsn_container (out->end) > id)
            continue;
        w.count = 0;
        status = search_beyond (blf, &w, id, from, out);
        if (status != STATUS_SUCCESS)
            break;
    }
    window_leave (&w);
    g_free (w.bytes);
    if (status != STATUS_SUCCESS)
        clfs_scan_clear (out);
    return status;
}
