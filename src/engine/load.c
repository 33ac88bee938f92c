/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load.c - one block at a time, from memory or from storage, decoded and checked.
 *
 * Blocks from the durable LSN on are in memory and are copied under the engine's lock; those below are read from the
 * containers in chunks. A container may be recycled while it is read: what was read counts only if the container still
 * has the same logical id afterwards.
 */
#include "engine/engine.h"

#include <string.h>

/* The first look at a block whose size is not known reads this much. */
#define FIRST_READ_BYTES (16u * 1024)

void
clfs_loader_init (clfs_loader *loader, clfs_engine *engine)
{
    *loader = (clfs_loader) { .engine = engine, .address = CLFS_INVALID_LSN };
}

static void
leave_container (clfs_loader *loader)
{
    if (!loader->container)
        return;
    g_mutex_lock (&loader->engine->lock);
    clfs_container_unref (loader->engine, loader->container);
    g_mutex_unlock (&loader->engine->lock);
    loader->container = NULL;
    loader->chunk_bytes = 0;
}

void
clfs_loader_clear (clfs_loader *loader)
{
    leave_container (loader);
    g_free (loader->chunk);
    g_free (loader->copy);
    clfs_loader_init (loader, loader->engine);
}

/* ---- from memory ---- */

/* Undoes the signatures in the part [from, to) of a copy of a signed image. */
static void
restore_part (uint8_t *copy, const clfs_memory_block *block, uint32_t from, uint32_t to)
{
    const uint8_t *displaced = block->image + clfs_block_signatures_offset (block->sectors);
    for (uint32_t sector = from / CLFS_SECTOR_BYTES; sector < block->sectors; sector++) {
        uint32_t slot = (sector + 1) * CLFS_SECTOR_BYTES - 2;
        if (slot >= to)
            break;
        for (uint32_t byte = slot; byte < slot + 2; byte++)
            if (byte >= from && byte < to)
                copy[byte] = displaced[2 * sector + byte - slot];
    }
}

/* Copies the block's records from `from_record` on (lock). */
static void
copy_block (clfs_loader *loader, const clfs_memory_block *block, uint32_t from_record)
{
    uint32_t first = MIN (from_record, block->count);
    uint32_t from = first < block->count ? block->offsets[first] : block->used;
    uint64_t before = first < block->count ? block->stream_at[first] : block->stream_bytes;
    size_t bytes = (size_t) block->capacity_sectors * CLFS_SECTOR_BYTES;
    if (loader->copy_capacity < bytes) {
        loader->copy = g_realloc (loader->copy, bytes);
        loader->copy_capacity = bytes;
    }
    memcpy (loader->copy + from, block->image + from, block->used - from);
    if (block->is_signed)
        restore_part (loader->copy, block, from, block->used);

    loader->address = block->address;
    loader->open = !block->closed;
    loader->end = block->closed ? block->end : CLFS_INVALID_LSN;
    loader->image = loader->copy;
    loader->record_end = block->used;
    loader->count = block->count;
    loader->first = first;
    loader->first_at = from;
    loader->stream_offset = block->stream_offset;
    loader->stream_bytes = block->stream_bytes;
    loader->first_stream_offset = block->stream_offset + before;
    loader->sealed_ns = block->sealed_ns;
    loader->ours = true;
}

/* ---- from storage ---- */

/* Goes to the container of the address; STATUS_NOT_FOUND: recycled (no lock). */
static NTSTATUS
enter_container (clfs_loader *loader, clfs_lsn_t address)
{
    clfs_engine *engine = loader->engine;
    uint32_t logical_id = clfs_lsn_container (address);
    g_mutex_lock (&engine->lock);
    clfs_container *container = clfs_container_find (engine, logical_id);
    bool same = container && container == loader->container;
    if (container && !same)
        clfs_container_ref (container);
    g_mutex_unlock (&engine->lock);
    if (same)
        return STATUS_SUCCESS;
    leave_container (loader);
    if (!container)
        return clfs_message_fail (STATUS_NOT_FOUND, "log %s: the container of 0x%016" G_GINT64_MODIFIER "x was recycled", engine->name, address);
    loader->container = container;
    return STATUS_SUCCESS;
}

/* Reads `bytes` at the address into the chunk. *got may be less at the end of the file. */
static NTSTATUS
read_chunk (clfs_loader *loader, clfs_lsn_t address, size_t bytes, size_t *got)
{
    clfs_engine *engine = loader->engine;
    loader->address = CLFS_INVALID_LSN; /* what was loaded may lie in the chunk */
    if (loader->chunk_capacity < bytes) {
        loader->chunk = g_realloc (loader->chunk, bytes);
        loader->chunk_capacity = bytes;
    }
    clfs_file *file;
    NTSTATUS status = clfs_container_file (engine, loader->container, &file);
    if (status != STATUS_SUCCESS)
        return status;
    status = file->storage->ops->read (file, clfs_lsn_block_bytes (address), loader->chunk, bytes, got);
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (STATUS_LOG_CONTAINER_READ_FAILED, "log %s: cannot read its container %s at %u: %s", engine->name,
                                  loader->container->name, clfs_lsn_block_bytes (address), clfs_message_status_words (status));
    g_mutex_lock (&engine->lock);
    bool recycled = loader->container->logical_id != clfs_lsn_container (address);
    g_mutex_unlock (&engine->lock);
    if (recycled)
        return clfs_message_fail (STATUS_NOT_FOUND, "log %s: the container of 0x%016" G_GINT64_MODIFIER "x was recycled", engine->name, address);
    loader->chunk_address = address;
    loader->chunk_bytes = *got;
    loader->chunk_fresh = address;
    return STATUS_SUCCESS;
}

/* Has the raw block at the address in the chunk, whole if the file has it. `readable`: bytes from the address on that will not change. */
static NTSTATUS
chunk_block (clfs_loader *loader, clfs_lsn_t address, uint64_t readable, uint8_t **at, size_t *bytes)
{
    bool here = loader->chunk_bytes > 0 && address >= loader->chunk_fresh && address >= loader->chunk_address &&
                address - loader->chunk_address + CLFS_SECTOR_BYTES <= loader->chunk_bytes;
    if (here) {
        *at = loader->chunk + (address - loader->chunk_address);
        *bytes = loader->chunk_bytes - (size_t) (address - loader->chunk_address);
        uint32_t sectors = clfs_block_peek_sectors (*at, address);
        if (sectors > 0 && sectors * (size_t) CLFS_SECTOR_BYTES <= *bytes)
            return STATUS_SUCCESS;
    }
    /* Going on where the last chunk ended is a scan: read far. A jump reads what a small block needs, and more if it must. */
    bool onward = loader->chunk_bytes > 0 && address >= loader->chunk_address &&
                  address - loader->chunk_address <= loader->chunk_bytes;
    size_t wanted = (size_t) MIN (readable, onward ? CLFS_CHUNK_BYTES : FIRST_READ_BYTES);
    NTSTATUS status = read_chunk (loader, address, wanted, bytes);
    if (status != STATUS_SUCCESS)
        return status;
    uint32_t sectors = *bytes >= CLFS_SECTOR_BYTES ? clfs_block_peek_sectors (loader->chunk, address) : 0;
    size_t needed = sectors * (size_t) CLFS_SECTOR_BYTES;
    if (needed > *bytes && needed <= readable) {
        status = read_chunk (loader, address, MAX (needed, (size_t) MIN (readable, CLFS_CHUNK_BYTES)), bytes);
        if (status != STATUS_SUCCESS)
            return status;
    }
    *at = loader->chunk;
    return STATUS_SUCCESS;
}

static NTSTATUS
load_stored (clfs_loader *loader, clfs_lsn_t address, uint64_t readable)
{
    clfs_engine *engine = loader->engine;
    uint8_t *at;
    size_t bytes;
    NTSTATUS status = enter_container (loader, address);
    if (status == STATUS_SUCCESS)
        status = chunk_block (loader, address, readable, &at, &bytes);
    if (status != STATUS_SUCCESS)
        return status;

    clfs_block_info info;
    clfs_block_fault fault;
    if (bytes < CLFS_SECTOR_BYTES)
        fault = CLFS_BLOCK_SHORT;
    else if (!clfs_sector_begins_block (at) && clfs_block_peek_sectors (at, address) == 0)
        return clfs_message_fail (STATUS_LOG_RECORD_NONEXISTENT, "log %s: no record has the LSN 0x%016" G_GINT64_MODIFIER "x", engine->name, address);
    else
        fault = clfs_block_open (at, bytes, address, engine->foreign ? NULL : &engine->log_id, &info);
    if (fault == CLFS_BLOCK_GOOD && !engine->foreign) {
        g_mutex_lock (&engine->lock);
        bool fits = clfs_scan_epoch_fits (engine->blf, address, info.epoch);
        g_mutex_unlock (&engine->lock);
        if (!fits)
            fault = CLFS_BLOCK_FOREIGN;
    }
    if (fault != CLFS_BLOCK_GOOD) {
        loader->chunk_bytes = 0;
        return clfs_message_fail (STATUS_LOG_BLOCK_INVALID,
                                  "log %s: damaged at 0x%016" G_GINT64_MODIFIER "x (%s, offset %u): %s", engine->name, address,
                                  loader->container->name, clfs_lsn_block_bytes (address), clfs_block_fault_text (fault));
    }
    size_t block_bytes = info.sectors * (size_t) CLFS_SECTOR_BYTES;
    loader->chunk_fresh = address + block_bytes;
    loader->address = address;
    loader->end = clfs_engine_address_after (engine, address, block_bytes);
    loader->open = false;
    loader->image = at;
    loader->record_end = info.record_end;
    loader->count = info.record_count;
    loader->first = 0;
    loader->first_at = CLFS_BLOCK_HEADER_BYTES;
    loader->stream_offset = loader->first_stream_offset = info.stream_offset;
    loader->stream_bytes = info.stream_bytes;
    loader->sealed_ns = info.sealed_ns;
    loader->ours = info.ours;
    return STATUS_SUCCESS;
}

/* A foreign block carries no stream offset: the index made at the open has it. */
static const clfs_foreign_block *
find_foreign (const clfs_engine *engine, clfs_lsn_t lsn)
{
    guint low = 0, high = engine->foreign_blocks->len;
    while (low < high) {
        guint middle = (low + high) / 2;
        if (g_array_index (engine->foreign_blocks, clfs_foreign_block, middle).end <= lsn)
            low = middle + 1;
        else
            high = middle;
    }
    return low < engine->foreign_blocks->len ? &g_array_index (engine->foreign_blocks, clfs_foreign_block, low) : NULL;
}

NTSTATUS
clfs_loader_load (clfs_loader *loader, clfs_lsn_t address, uint32_t from_record)
{
    clfs_engine *engine = loader->engine;
    g_assert (clfs_lsn_record (address) == 0);
    g_mutex_lock (&engine->lock);
    if (address >= engine->durable) {
        NTSTATUS status = STATUS_SUCCESS;
        const clfs_memory_block *block = clfs_block_find (engine, address);
        if (!block)
            status = STATUS_END_OF_FILE;
        else if (block->address != address)
            status = clfs_message_fail (STATUS_LOG_RECORD_NONEXISTENT, "log %s: no record has the LSN 0x%016" G_GINT64_MODIFIER "x",
                                        engine->name, address);
        else
            copy_block (loader, block, from_record);
        g_mutex_unlock (&engine->lock);
        return status;
    }
    if (!loader->open && loader->address == address && loader->first <= from_record) {
        g_mutex_unlock (&engine->lock);
        return STATUS_SUCCESS;
    }
    uint64_t container_end = engine->container_bytes - clfs_lsn_block_bytes (address);
    uint64_t readable = container_end;
    if (clfs_lsn_container (engine->durable) == clfs_lsn_container (address))
        readable = clfs_lsn_block_bytes (engine->durable) - clfs_lsn_block_bytes (address);
    g_mutex_unlock (&engine->lock);

    NTSTATUS status = load_stored (loader, address, readable);
    if (status == STATUS_SUCCESS && engine->foreign) {
        const clfs_foreign_block *known = find_foreign (engine, address);
        if (!known || known->address != address)
            return STATUS_LOG_RECORD_NONEXISTENT;
        loader->stream_offset = loader->first_stream_offset = known->stream_offset;
    }
    return status;
}

NTSTATUS
clfs_loader_load_before (clfs_loader *loader, clfs_lsn_t address)
{
    clfs_engine *engine = loader->engine;
    if (engine->foreign) {
        for (guint i = engine->foreign_blocks->len; i > 0; i--) {
            const clfs_foreign_block *block = &g_array_index (engine->foreign_blocks, clfs_foreign_block, i - 1);
            if (block->end <= address)
                return clfs_loader_load (loader, block->address, 0);
        }
        return STATUS_NOT_FOUND;
    }
    /* In memory? */
    g_mutex_lock (&engine->lock);
    clfs_lsn_t durable = engine->durable;
    clfs_lsn_t before = CLFS_INVALID_LSN;
    if (address > durable)
        for (guint i = engine->blocks->len; i > 0 && before == CLFS_INVALID_LSN; i--) {
            const clfs_memory_block *block = g_ptr_array_index (engine->blocks, i - 1);
            if (block->address < address)
                before = block->address;
        }
    g_mutex_unlock (&engine->lock);
    if (before != CLFS_INVALID_LSN)
        return clfs_loader_load (loader, before, 0);

    /* The sector signatures say where blocks begin: go back to the nearest. */
    uint32_t logical_id = clfs_lsn_container (address);
    uint64_t end = clfs_lsn_block_bytes (address);
    if (end == 0) {
        if (logical_id == 0)
            return STATUS_NOT_FOUND;
        logical_id--;
        end = engine->container_bytes;
    }
    while (end > 0) {
        uint64_t from = end > CLFS_CHUNK_BYTES ? end - CLFS_CHUNK_BYTES : 0;
        clfs_lsn_t start = clfs_lsn_make (logical_id, (uint32_t) from, 0);
        size_t got;
        NTSTATUS status = enter_container (loader, start);
        if (status == STATUS_SUCCESS)
            status = read_chunk (loader, start, (size_t) (end - from), &got);
        if (status != STATUS_SUCCESS)
            return status;
        for (size_t at = got / CLFS_SECTOR_BYTES; at > 0; at--)
            if (clfs_sector_begins_block (loader->chunk + (at - 1) * CLFS_SECTOR_BYTES))
                return clfs_loader_load (loader, start + (at - 1) * CLFS_SECTOR_BYTES, 0);
        end = from;
    }
    return STATUS_NOT_FOUND;
}

/* ---- by stream offset ---- */

/* The first block that begins at or after `offset` in the container and before `limit`, loaded. STATUS_NOT_FOUND: none. */
static NTSTATUS
load_begin_after (clfs_loader *loader, uint32_t logical_id, uint64_t offset, uint64_t limit)
{
    while (offset < limit) {
        size_t wanted = (size_t) MIN (limit - offset, CLFS_CHUNK_BYTES / 2), got;
        clfs_lsn_t start = clfs_lsn_make (logical_id, (uint32_t) offset, 0);
        NTSTATUS status = enter_container (loader, start);
        if (status == STATUS_SUCCESS)
            status = read_chunk (loader, start, wanted, &got);
        if (status != STATUS_SUCCESS)
            return status;
        for (size_t at = 0; at + CLFS_SECTOR_BYTES <= got; at += CLFS_SECTOR_BYTES)
            if (clfs_sector_begins_block (loader->chunk + at))
                return clfs_loader_load (loader, start + at, 0);
        if (got < wanted)
            break;
        offset += wanted;
    }
    return STATUS_NOT_FOUND;
}

/* In one container: narrows down to a block at or before the stream offset with not much between. */
static NTSTATUS
find_in_container (clfs_loader *loader, uint32_t logical_id, uint64_t limit, uint64_t stream_offset, clfs_lsn_t *address)
{
    uint64_t low = 0, high = limit; /* a block begins at low, at or before what is looked for */
    while (high - low > CLFS_CHUNK_BYTES) {
        uint64_t middle = (low + high) / 2 / CLFS_SECTOR_BYTES * CLFS_SECTOR_BYTES;
        NTSTATUS status = load_begin_after (loader, logical_id, middle, high);
        if (status == STATUS_NOT_FOUND || status == STATUS_LOG_BLOCK_INVALID) {
            /* Nothing (good) begins up there. */
            high = middle;
            continue;
        }
        if (status != STATUS_SUCCESS)
            return status;
        if (loader->stream_offset <= stream_offset)
            low = clfs_lsn_block_bytes (loader->address);
        else
            high = middle;
    }
    *address = clfs_lsn_make (logical_id, (uint32_t) low, 0);
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_loader_find_offset (clfs_loader *loader, uint64_t stream_offset, clfs_lsn_t *address)
{
    clfs_engine *engine = loader->engine;
    if (engine->foreign) {
        for (guint i = engine->foreign_blocks->len; i > 0; i--) {
            const clfs_foreign_block *block = &g_array_index (engine->foreign_blocks, clfs_foreign_block, i - 1);
            if (block->stream_offset <= stream_offset) {
                *address = block->address;
                return STATUS_SUCCESS;
            }
        }
        return STATUS_NOT_FOUND;
    }
    g_mutex_lock (&engine->lock);
    if (stream_offset >= engine->durable_offset) {
        /* In memory, or at the end. */
        *address = engine->durable;
        for (guint i = engine->blocks->len; i > 0; i--) {
            const clfs_memory_block *block = g_ptr_array_index (engine->blocks, i - 1);
            if (block->stream_offset <= stream_offset) {
                *address = block->address;
                break;
            }
        }
        g_mutex_unlock (&engine->lock);
        return STATUS_SUCCESS;
    }
    const clfs_container *best = NULL;
    for (guint i = 0; i < engine->containers->len; i++) {
        const clfs_container *container = g_ptr_array_index (engine->containers, i);
        if (container->logical_id != CLFS_NO_CONTAINER && container->first_offset_known &&
            container->first_offset <= stream_offset && (!best || container->logical_id > best->logical_id))
            best = container;
    }
    uint32_t logical_id = best ? best->logical_id : 0;
    uint64_t limit = engine->container_bytes;
    if (best && clfs_lsn_container (engine->durable) == logical_id)
        limit = clfs_lsn_block_bytes (engine->durable);
    g_mutex_unlock (&engine->lock);
    if (!best)
        return clfs_message_fail (STATUS_NOT_FOUND, "log %s: stream offset %" G_GUINT64_FORMAT " was recycled", engine->name, stream_offset);
    return find_in_container (loader, logical_id, limit, stream_offset, address);
}

clfs_lsn_t
clfs_loader_oldest (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    clfs_lsn_t oldest = clfs_lsn_block (engine->base);
    uint32_t lowest = clfs_lsn_container (engine->base);
    while (lowest > 0 && clfs_container_find (engine, lowest - 1))
        lowest--;
    if (lowest < clfs_lsn_container (engine->base))
        oldest = clfs_lsn_make (lowest, 0, 0);
    else if (clfs_container_find (engine, lowest))
        oldest = clfs_lsn_make (lowest, 0, 0);
    g_mutex_unlock (&engine->lock);
    return oldest;
}
