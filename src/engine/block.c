/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * block.c - blocks in memory: begin, add a record, close, seal.
 *
 * The order of the stores into the area is what makes a kill between any two instructions harmless;
 * area.h says what each step promises.
 */
#include "engine/engine.h"

#include <string.h>

#define ALIGN8(bytes) (((bytes) + 7) & ~(size_t) 7)

uint32_t
clfs_block_align_sectors (const clfs_engine *engine)
{
    return engine->blf->align_bytes == 4096 ? 8 : 1;
}

uint32_t
clfs_block_record_max (const clfs_engine *engine)
{
    uint64_t sectors = engine->container_bytes / CLFS_SECTOR_BYTES;
    uint32_t alone = clfs_block_payload_max ((uint32_t) MIN (sectors, CLFS_BLOCK_SECTORS_MAX));
    return MIN (alone, CLFS_RECORD_BYTES_MAX);
}

/* Blocks of several records end at this size; whole multiples of the alignment. */
static uint32_t
usual_sectors (const clfs_engine *engine)
{
    uint32_t align = clfs_block_align_sectors (engine);
    return CLFS_BLOCK_SECTORS_USUAL / align * align;
}

bool
clfs_block_fits (const clfs_engine *engine, size_t payload)
{
    const clfs_memory_block *open = engine->open;
    return open && open->used + ALIGN8 (CLFS_RECORD_HEADER_BYTES + payload) <= clfs_block_room (open->capacity_sectors);
}

/* Makes the next block at engine->end; room for it was reserved at `ring_offset`. */
static clfs_memory_block *
block_new (clfs_engine *engine, uint64_t ring_offset, uint32_t capacity_sectors)
{
    clfs_area *area = engine->area;
    clfs_area_block *in_area = (clfs_area_block *) (area->ring + ring_offset);
    *in_area = (clfs_area_block) {
        .magic = CLFS_AREA_BLOCK_MAGIC,
        .image_offset = sizeof *in_area,
        .address = engine->end,
        .stream_offset = engine->end_offset,
        .epoch = engine->epoch,
        .capacity_sectors = capacity_sectors,
        .next = CLFS_AREA_NO_BLOCK,
        .committed = CLFS_BLOCK_HEADER_BYTES,
        .state = CLFS_AREA_OPEN,
        .flags = engine->chain_start ? CLFS_BLOCK_CHAIN_START : 0,
    };

    clfs_memory_block *block = g_new (clfs_memory_block, 1);
    memset (block, 0, offsetof (clfs_memory_block, offsets));
    block->address = engine->end;
    block->stream_offset = engine->end_offset;
    block->area_block = in_area;
    block->image = clfs_area_image (in_area);
    block->ring_offset = ring_offset;
    block->capacity_sectors = capacity_sectors;
    block->used = CLFS_BLOCK_HEADER_BYTES;
    block->flags = in_area->flags;
    block->restart = CLFS_INVALID_LSN;
    memset (block->image, 0, CLFS_BLOCK_HEADER_BYTES);
    engine->chain_start = false;

    clfs_container *container = clfs_container_find (engine, clfs_lsn_container (engine->end));
    if (container && !container->first_offset_known && clfs_lsn_block_bytes (engine->end) == 0) {
        container->first_offset = engine->end_offset;
        container->first_offset_known = true;
    }

    /* From here on a successor finds the block. */
    if (engine->blocks->len > 0) {
        clfs_memory_block *before = g_ptr_array_index (engine->blocks, engine->blocks->len - 1);
        CLFS_AREA_FINAL (before->area_block->next, ring_offset);
    } else {
        clfs_area_mark mark = *clfs_area_current_mark (area);
        mark.first = ring_offset;
        clfs_area_set_mark (area, &mark);
    }
    clfs_area_take (area, ring_offset, capacity_sectors);
    g_ptr_array_add (engine->blocks, block);
    return block;
}

/* Fixes a block's length: its records are complete. */
static void
block_finish (clfs_engine *engine, clfs_memory_block *block, uint32_t sectors)
{
    if (block->count > 0)
        ((clfs_record_header *) (block->image + block->last_record))->type |= CLFS_TYPE_LAST;
    memset (block->image + block->used, 0, (size_t) sectors * CLFS_SECTOR_BYTES - block->used);
    block->sectors = sectors;
    block->end = clfs_engine_address_after (engine, block->address, (uint64_t) sectors * CLFS_SECTOR_BYTES);
    block->closed = true;
    block->area_block->sectors = sectors;
    block->area_block->flags = block->flags;
    CLFS_AREA_FINAL (block->area_block->state, CLFS_AREA_CLOSED);
    clfs_area_take (engine->area, block->ring_offset, sectors);
    engine->end = block->end;
    engine->counters[CLFS_COUNT_BLOCKS]++;
    engine->counters[CLFS_COUNT_BLOCK_BYTES] += (uint64_t) sectors * CLFS_SECTOR_BYTES;
}

void
clfs_block_close (clfs_engine *engine)
{
    clfs_memory_block *open = engine->open;
    if (!open)
        return;
    uint32_t sectors = clfs_block_sectors_for (open->used, clfs_block_align_sectors (engine));
    if (sectors > clfs_block_sectors_for (open->used, 1))
        open->flags |= CLFS_BLOCK_PADDED;
    block_finish (engine, open, sectors);
    engine->open = NULL;
}

/* Whether blocks may go into that container: it is named in both copies of the metadata. */
static bool
container_usable (const clfs_engine *engine, uint32_t logical_id)
{
    return clfs_container_find (engine, logical_id) != NULL;
}

/* Gets the container, with the lock dropped. */
static NTSTATUS
prepare (clfs_engine *engine, uint32_t logical_id, unsigned flags)
{
    if (flags & CLFS_APPEND_NO_WAIT) {
        clfs_background_queue (engine, CLFS_JOB_PREPARE);
        return STATUS_LOG_BLOCKS_EXHAUSTED;
    }
    g_mutex_unlock (&engine->lock);
    NTSTATUS status = clfs_rollover_prepare (engine, logical_id);
    g_mutex_lock (&engine->lock);
    return status == STATUS_SUCCESS ? STATUS_PENDING : status;
}

/* Waits until the ring has been emptied somewhat. */
static NTSTATUS
wait_for_ring (clfs_engine *engine, unsigned flags)
{
    if (flags & CLFS_APPEND_NO_WAIT) {
        clfs_background_queue (engine, CLFS_JOB_FLUSH);
        return STATUS_LOG_BLOCKS_EXHAUSTED;
    }
    clfs_flush_for_room (engine);
    return STATUS_PENDING;
}

/* Allocates the next step, with the lock dropped. Where the store has no room for it, what is pending is flushed instead. */
static NTSTATUS
grow_ring (clfs_engine *engine, uint64_t ring_bytes, unsigned flags)
{
    if (engine->growing) {
        g_cond_wait (&engine->changed, &engine->lock);
        return STATUS_PENDING;
    }
    clfs_area *area = engine->area;
    engine->growing = true;
    g_mutex_unlock (&engine->lock);
    NTSTATUS status = clfs_area_grow (area, ring_bytes);
    g_mutex_lock (&engine->lock);
    engine->growing = false;
    g_cond_broadcast (&engine->changed);
    if (status == STATUS_SUCCESS) {
        area->ring_allocated = MAX (area->ring_allocated, ring_bytes);
        return STATUS_PENDING;
    }
    if (!area->empty)
        return wait_for_ring (engine, flags);
    return clfs_message_fail (status == STATUS_DISK_FULL || status == STATUS_DISK_QUOTA_EXCEEDED ? STATUS_LOG_FULL : status,
                              "log %s: its marshalling area cannot grow: %s; free space in the store", engine->name,
                              clfs_message_status_words (status));
}

NTSTATUS
clfs_block_begin (clfs_engine *engine, size_t payload, unsigned flags)
{
    clfs_block_close (engine);

    uint32_t logical_id = clfs_lsn_container (engine->end);
    if (!engine->started || !container_usable (engine, logical_id))
        return prepare (engine, logical_id, flags);

    uint32_t align = clfs_block_align_sectors (engine);
    uint32_t needed = clfs_block_sectors_for (
        CLFS_BLOCK_HEADER_BYTES + (uint32_t) ALIGN8 (CLFS_RECORD_HEADER_BYTES + payload), align);
    uint64_t left_bytes = engine->container_bytes - clfs_lsn_block_bytes (engine->end);
    uint32_t left = (uint32_t) (left_bytes / CLFS_SECTOR_BYTES);
    bool fill = needed > left;

    /* The rest of a container is filled only when the next one is sure, or a full log would lose room that a smaller record could use. */
    if (fill && !container_usable (engine, logical_id + 1))
        return prepare (engine, logical_id + 1, flags);

    uint32_t capacity = fill ? left : MAX (needed, MIN (usual_sectors (engine), left));
    uint64_t ring_offset;
    enum clfs_area_room room = clfs_area_reserve (engine->area, capacity, &ring_offset);
    if (room == CLFS_AREA_GROW)
        return grow_ring (engine, ring_offset, flags);
    if (room == CLFS_AREA_FULL)
        return wait_for_ring (engine, flags);

    clfs_memory_block *block = block_new (engine, ring_offset, capacity);
    if (fill) {
        block->flags |= CLFS_BLOCK_PADDED;
        block_finish (engine, block, capacity);
        return STATUS_PENDING;
    }
    engine->open = block;

    /* Half full: have the next one made while there is time. */
    if (left_bytes <= engine->container_bytes / 2 && !container_usable (engine, logical_id + 1))
        clfs_background_queue (engine, CLFS_JOB_PREPARE);
    return STATUS_SUCCESS;
}

clfs_lsn_t
clfs_block_add (clfs_engine *engine, const struct iovec *buffers, int count, size_t payload, uint32_t type,
                clfs_lsn_t previous, clfs_lsn_t undo_next, clfs_line *consumed)
{
    clfs_memory_block *block = engine->open;
    g_assert (block && clfs_block_fits (engine, payload));
    clfs_lsn_t lsn = block->address | block->count;
    uint32_t offset = block->used;

    clfs_record_header *header = (clfs_record_header *) (block->image + offset);
    *header = (clfs_record_header) {
        .lsn = lsn,
        .undo_next = undo_next,
        .previous = previous,
        .bytes = (uint32_t) (CLFS_RECORD_HEADER_BYTES + payload),
        .data_offset = CLFS_RECORD_HEADER_BYTES,
        .type = type | (block->count == 0 ? CLFS_TYPE_FIRST : 0),
    };
    uint8_t *to = block->image + offset + CLFS_RECORD_HEADER_BYTES;
    for (int i = 0; i < count; i++) {
        memcpy (to, buffers[i].iov_base, buffers[i].iov_len);
        to += buffers[i].iov_len;
    }
    size_t span = ALIGN8 (CLFS_RECORD_HEADER_BYTES + payload);
    memset (to, 0, span - CLFS_RECORD_HEADER_BYTES - payload);
    header->checksum = clfs_record_checksum (block->running_checksum, header,
                                             block->image + offset + CLFS_RECORD_HEADER_BYTES, payload);

    block->running_checksum = header->checksum;
    block->stream_at[block->count] = block->stream_bytes;
    block->offsets[block->count++] = offset;
    block->last_record = offset;
    block->used = offset + (uint32_t) span;
    if (type & CLFS_TYPE_DATA) {
        block->stream_bytes += payload;
        engine->end_offset += payload;
    } else {
        block->restart = lsn;
    }
    engine->pending_bytes += span;
    engine->counters[CLFS_COUNT_APPENDS]++;
    engine->counters[CLFS_COUNT_APPEND_BYTES] += payload;

    if (consumed)
        clfs_line_consume (consumed, lsn);
    /* The final store: from here on the record is in the log, whoever dies. */
    CLFS_AREA_FINAL (block->area_block->committed, (uint64_t) block->count << 32 | block->used);
    return lsn;
}

/* The records as they were appended? Memory that another part of the program wrote over must not become durable truth. */
static NTSTATUS
verify_records (const clfs_engine *engine, const clfs_memory_block *block)
{
    uint32_t seed = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        clfs_record_view view;
        NTSTATUS status = clfs_record_at (block->image, block->used, block->offsets[i], block->address | i, true, seed, &view);
        if (status != STATUS_SUCCESS)
            return clfs_message_fail (STATUS_LOG_BLOCK_INVALID,
                                      "log %s: record 0x%016" G_GINT64_MODIFIER "x changed in memory before it was written",
                                      engine->name, block->address | i);
        seed = view.header->checksum;
    }
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_block_seal (clfs_engine *engine, clfs_memory_block *block, uint32_t previous_checksum, bool chain_start,
                 clfs_lsn_t durable)
{
    clfs_area_block *in_area = block->area_block;
    clfs_block_header *header = (clfs_block_header *) block->image;
    uint32_t state = CLFS_AREA_READ (in_area->state);

    if (state == CLFS_AREA_CLOSED) {
        NTSTATUS status = verify_records (engine, block);
        if (status != STATUS_SUCCESS)
            return status;
        block->flags = (block->flags & ~(uint32_t) CLFS_BLOCK_CHAIN_START) | (chain_start ? CLFS_BLOCK_CHAIN_START : 0);
        *header = (clfs_block_header) {
            .major = CLFS_BLOCK_MAJOR,
            .minor = CLFS_BLOCK_MINOR,
            .usn = (uint8_t) (clfs_lsn_container (block->address) + 1),
            .total_sectors = (uint16_t) block->sectors,
            .valid_sectors = (uint16_t) block->sectors,
            .flags = 1,
            .current_lsn = block->address,
            .next_lsn = CLFS_INVALID_LSN,
            .record_offsets = { CLFS_BLOCK_HEADER_BYTES },
            .magic = CLFS_DATA_MAGIC,
            .log_id = engine->log_id,
            .durable_lsn = durable,
            .stream_offset = block->stream_offset,
            .sealed_ns = (uint64_t) engine->store->storage->ops->now_ns (engine->store->storage),
            .epoch = in_area->epoch,
            .previous_checksum = chain_start ? 0 : previous_checksum,
            .version = 1,
            .block_flags = (uint16_t) block->flags,
            .record_count = (uint16_t) block->count,
            .signatures_offset = clfs_block_signatures_offset (block->sectors),
        };
        clfs_block_save_displaced (block->image, block->sectors);
        CLFS_AREA_FINAL (in_area->state, CLFS_AREA_SAVED);
        state = CLFS_AREA_SAVED;
    }
    if (state == CLFS_AREA_SAVED) {
        /* Readers copy under the lock, so they see the bytes either displaced and marked so, or in place. */
        g_mutex_lock (&engine->lock);
        clfs_block_sign (block->image, block->sectors, header->usn);
        block->is_signed = true;
        block->sealed_ns = (int64_t) header->sealed_ns;
        g_mutex_unlock (&engine->lock);
        clfs_block_store_checksum (block->image, block->sectors);
        CLFS_AREA_FINAL (in_area->state, CLFS_AREA_SEALED);
    }
    block->checksum = header->checksum;
    return STATUS_SUCCESS;
}

clfs_memory_block *
clfs_block_find (const clfs_engine *engine, clfs_lsn_t lsn)
{
    guint low = 0, high = engine->blocks->len;
    while (low < high) {
        guint middle = (low + high) / 2;
        const clfs_memory_block *block = g_ptr_array_index (engine->blocks, middle);
        if (block->closed && block->end <= lsn)
            low = middle + 1;
        else
            high = middle;
    }
    return low < engine->blocks->len ? g_ptr_array_index (engine->blocks, low) : NULL;
}

void
clfs_block_drop_all (clfs_engine *engine)
{
    g_ptr_array_set_size (engine->blocks, 0);
    engine->open = NULL;
    engine->pending_bytes = 0;
    engine->oldest_pending_ns = 0;
}
