/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/area.h"

#include <libdeflate.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The checksum of the header's fields that never change. */
static uint32_t
header_checksum (const clfs_area_header *header)
{
    return libdeflate_crc32 (0, header, offsetof (clfs_area_header, checksum));
}

static clfs_area *
area_new (clfs_storage *storage, const char *name, uint64_t ring_bytes)
{
    clfs_area *area = g_new0 (clfs_area, 1);
    area->storage = storage;
    area->name = g_strdup (name);
    area->ring_bytes = ring_bytes;
    area->virtual_bytes = CLFS_AREA_PAGE_BYTES + ring_bytes;
    area->empty = true;
    return area;
}

/* Address space for private memory: touched pages become real one by one. */
static NTSTATUS
map_private (clfs_area *area)
{
    void *memory = mmap (NULL, area->virtual_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return STATUS_INSUFFICIENT_RESOURCES;
    area->header = memory;
    area->ring = (uint8_t *) memory + CLFS_AREA_PAGE_BYTES;
    area->ring_allocated = area->ring_bytes;
    return STATUS_SUCCESS;
}

static void
adopt_map (clfs_area *area, clfs_map *map)
{
    clfs_map_stat stat;
    map->storage->ops->map_stat (map, &stat);
    area->map = map;
    area->header = (clfs_area_header *) stat.base;
    area->ring = stat.base + CLFS_AREA_PAGE_BYTES;
    area->ring_allocated = MIN (stat.allocated_bytes, area->virtual_bytes);
    area->ring_allocated = area->ring_allocated > CLFS_AREA_PAGE_BYTES ? area->ring_allocated - CLFS_AREA_PAGE_BYTES : 0;
}

NTSTATUS
clfs_area_create (clfs_storage *storage, const clfs_area_params *params, clfs_area **out)
{
    NTSTATUS status;
    clfs_area *area = area_new (storage, params->name, params->ring_bytes);
    if (params->name) {
        clfs_map *map;
        status = storage->ops->map (storage, params->name, CLFS_MAP_CREATE, area->virtual_bytes, &map);
        if (status != STATUS_SUCCESS)
            goto fail;
        status = storage->ops->map_grow (map, CLFS_AREA_PAGE_BYTES + CLFS_AREA_STEP_BYTES);
        if (status != STATUS_SUCCESS) {
            storage->ops->unmap (map);
            storage->ops->remove (storage, params->name);
            goto fail;
        }
        adopt_map (area, map);
    } else {
        status = map_private (area);
        if (status != STATUS_SUCCESS)
            goto fail;
    }

    clfs_area_header *header = area->header;
    header->magic = CLFS_AREA_MAGIC;
    header->version = CLFS_AREA_VERSION;
    header->header_bytes = sizeof *header;
    storage->ops->boot_id (storage, header->boot_id);
    memcpy (header->guid, params->guid, 16);
    if (area->map) {
        clfs_map_stat stat;
        storage->ops->map_stat (area->map, &stat);
        header->device = stat.device;
        header->inode = stat.inode;
    }
    header->ring_bytes = params->ring_bytes;
    header->pid = (uint64_t) getpid ();
    header->checksum = header_checksum (header);
    header->epoch = params->epoch;
    header->marks[0] = params->mark;
    header->marks[0].first = CLFS_AREA_NO_BLOCK;
    CLFS_AREA_FINAL (header->ready, 1);
    *out = area;
    return STATUS_SUCCESS;

fail:
    g_free (area->name);
    g_free (area);
    return status;
}

NTSTATUS
clfs_area_open (clfs_storage *storage, const char *name, const uint8_t guid[16], enum clfs_area_fit *fit,
                clfs_area **out)
{
    *out = NULL;
    clfs_map *map;
    /* The header says how large the ring is: look at it through a small map first. */
    NTSTATUS status = storage->ops->map (storage, name, 0, CLFS_AREA_PAGE_BYTES, &map);
    if (status != STATUS_SUCCESS)
        return status;
    clfs_map_stat stat;
    storage->ops->map_stat (map, &stat);
    if (stat.allocated_bytes < CLFS_AREA_PAGE_BYTES) {
        storage->ops->unmap (map);
        *fit = CLFS_AREA_UNFINISHED;
        return STATUS_SUCCESS;
    }
    clfs_area_header seen = *(clfs_area_header *) stat.base;
    storage->ops->unmap (map);

    uint8_t boot_id[16];
    storage->ops->boot_id (storage, boot_id);
    if (!seen.ready && (seen.magic == 0 || seen.magic == CLFS_AREA_MAGIC)) {
        *fit = CLFS_AREA_UNFINISHED;
    } else if (seen.magic != CLFS_AREA_MAGIC || seen.version != CLFS_AREA_VERSION ||
               seen.header_bytes != sizeof seen || seen.checksum != header_checksum (&seen) ||
               memcmp (seen.guid, guid, 16) != 0 || seen.current > 1 || seen.ring_bytes % CLFS_AREA_STEP_BYTES != 0 ||
               seen.ring_bytes > CLFS_PENDING_BYTES_MAX * 2) {
        *fit = CLFS_AREA_COPIED;
    } else if (memcmp (seen.boot_id, boot_id, 16) != 0) {
        *fit = CLFS_AREA_OTHER_BOOT;
    } else if (seen.device != stat.device || seen.inode != stat.inode) {
        *fit = CLFS_AREA_COPIED;
    } else {
        *fit = CLFS_AREA_FITS;
        clfs_area *area = area_new (storage, name, seen.ring_bytes);
        status = storage->ops->map (storage, name, 0, area->virtual_bytes, &map);
        if (status != STATUS_SUCCESS) {
            g_free (area->name);
            g_free (area);
            return status;
        }
        adopt_map (area, map);
        *out = area;
    }
    return STATUS_SUCCESS;
}

void
clfs_area_free (clfs_area *area)
{
    if (!area)
        return;
    if (area->map)
        area->storage->ops->unmap (area->map);
    else
        munmap (area->header, area->virtual_bytes);
    g_free (area->name);
    g_free (area);
}

const clfs_area_mark *
clfs_area_current_mark (const clfs_area *area)
{
    return &area->header->marks[CLFS_AREA_READ (area->header->current) & 1];
}

void
clfs_area_set_mark (clfs_area *area, const clfs_area_mark *mark)
{
    uint32_t other = 1 - (area->header->current & 1);
    area->header->marks[other] = *mark;
    CLFS_AREA_FINAL (area->header->current, other);
}

clfs_area_block *
clfs_area_block_at (const clfs_area *area, uint64_t offset)
{
    if (offset % 64 != 0 || offset > area->ring_allocated || area->ring_allocated - offset < sizeof (clfs_area_block))
        return NULL;
    clfs_area_block *block = (clfs_area_block *) (area->ring + offset);
    if (block->magic != CLFS_AREA_BLOCK_MAGIC || block->image_offset != sizeof *block ||
        block->capacity_sectors > CLFS_BLOCK_SECTORS_MAX || block->sectors > block->capacity_sectors ||
        area->ring_allocated - offset < clfs_area_block_span (block->sectors ? block->sectors : 1))
        return NULL;
    return block;
}

enum clfs_area_room
clfs_area_reserve (const clfs_area *area, uint32_t sectors, uint64_t *offset)
{
    uint64_t span = clfs_area_block_span (sectors);
    uint64_t head = area->empty ? 0 : area->head;
    *offset = head;
    if (!area->empty && head <= area->tail)
        /* The free part lies between head and tail; a block must not end at tail, or full would look empty. */
        return area->tail - head > span ? CLFS_AREA_ROOM : CLFS_AREA_FULL;
    if (head + span <= area->ring_allocated)
        return CLFS_AREA_ROOM;
    if (!area->empty && span < area->tail) {
        *offset = 0;
        return CLFS_AREA_ROOM;
    }
    if (head + span > area->ring_bytes)
        return CLFS_AREA_FULL;
    uint64_t wanted = (head + span + CLFS_AREA_STEP_BYTES - 1) / CLFS_AREA_STEP_BYTES * CLFS_AREA_STEP_BYTES;
    *offset = MIN (wanted, area->ring_bytes);
    return CLFS_AREA_GROW;
}

NTSTATUS
clfs_area_grow (clfs_area *area, uint64_t ring_bytes)
{
    return area->storage->ops->map_grow (area->map, CLFS_AREA_PAGE_BYTES + ring_bytes);
}

void
clfs_area_take (clfs_area *area, uint64_t offset, uint32_t sectors)
{
    if (area->empty) {
        area->tail = offset;
        area->empty = false;
    }
    area->head = offset + clfs_area_block_span (sectors);
}

void
clfs_area_release (clfs_area *area, uint64_t tail)
{
    area->empty = tail == CLFS_AREA_NO_BLOCK;
    if (!area->empty)
        area->tail = tail;
}
