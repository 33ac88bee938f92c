/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blf_encode.c - from clfs_blf to metadata blocks. */
#include "format/blf_disk.h"
#include "format/signature.h"

#include <string.h>

/* A file name that Linux takes and that comes back the same through the name that is stored. */
#define NAME_BYTES_MAX 255u

/* The symbol zone while it is written. Offsets are relative to the base record. */
typedef struct zone {
    clfs_base_record *record;
    uint32_t end, limit;
} zone;

/* Writes what all metadata blocks have in common into a zeroed block: the header, except the ext's place. */
static clfs_meta_header *
begin_block (const clfs_blf *blf, uint32_t sectors, uint64_t dump_count, uint8_t *block)
{
    clfs_block_header *header = (clfs_block_header *) block;
    clfs_meta_header *meta = (clfs_meta_header *) block;

    memset (block, 0, (size_t) sectors * CLFS_SECTOR_BYTES);
    header->major = CLFS_BLOCK_MAJOR;
    header->minor = CLFS_BLOCK_MINOR;
    /* The number of times that this copy was written, so that a torn write shows in the signatures. */
    header->usn = (uint8_t) ((dump_count + 1) / 2);
    header->total_sectors = (uint16_t) sectors;
    header->valid_sectors = (uint16_t) sectors;
    header->flags = 1;
    header->current_lsn = CLFS_INVALID_LSN;
    header->next_lsn = CLFS_INVALID_LSN;
    header->record_offsets[0] = CLFS_BLOCK_HEADER_BYTES;
    header->signatures_offset = clfs_block_signatures_offset (sectors);
    meta->magic = CLFS_BLF_MAGIC;
    meta->log_id = clfs_blf_log_id (blf->guid);
    meta->format_version = CLFS_BLF_FORMAT_VERSION;
    meta->incompatible = blf->incompatible;
    meta->readonly_compatible = blf->readonly_compatible;
    memcpy (block + CLFS_BLOCK_HEADER_BYTES, &dump_count, sizeof dump_count);
    return meta;
}

static void
finish_block (uint8_t *block, uint32_t sectors)
{
    clfs_block_header *header = (clfs_block_header *) block;

    clfs_signature_save (block, sectors, header->signatures_offset);
    clfs_signature_write (block, sectors, CLFS_SECTOR_BASE, header->usn);
    header->checksum = clfs_signature_checksum (block, sectors);
}

/* Binds the symbol at `offset` below `root`, the first one of its bucket. */
static void
bind_symbol (clfs_base_record *record, uint64_t root, uint32_t offset)
{
    uint8_t *start = (uint8_t *) record;
    const uint32_t hash = ((const clfs_symbol *) (start + offset))->hash;
    clfs_symbol *parent = (clfs_symbol *) (start + root);

    for (;;) {
        const bool lower = hash < parent->hash;
        const uint64_t next = lower ? parent->below : parent->above;

        if (next == 0) {
            if (lower)
                parent->below = offset;
            else
                parent->above = offset;
            return;
        }
        parent = (clfs_symbol *) (start + next);
    }
}

/* Appends a symbol with room for its context and its name. The context's offset, 0: no room. Its bucket: *bucket;
 * the caller enters the symbol there (the tables are packed, so that no pointer to them can be passed). */
static uint32_t
add_symbol (zone *zone, uint32_t context_bytes, const char *name, uint32_t *bucket)
{
    g_autofree gunichar2 *units = NULL;
    const uint32_t offset = zone->end;
    const uint32_t name_offset = offset + (uint32_t) sizeof (clfs_symbol) + context_bytes;
    glong count = 0;
    uint64_t end;
    clfs_symbol *symbol;

    units = g_utf8_to_utf16 (name, -1, NULL, &count, NULL);
    g_assert (units != NULL);
    end = ((uint64_t) name_offset + 2 * ((uint64_t) count + 1) + 7) & ~UINT64_C (7);
    if (end > zone->limit)
        return 0;
    symbol = (clfs_symbol *) ((uint8_t *) zone->record + offset);
    symbol->node_type = CLFS_NODE_SYMBOL;
    symbol->node_bytes = sizeof *symbol;
    symbol->hash = clfs_symbol_hash (units, (size_t) count);
    symbol->name_distance = name_offset - offset;
    symbol->name = name_offset;
    symbol->context = offset + (uint32_t) sizeof *symbol;
    memcpy ((uint8_t *) zone->record + name_offset, units, 2 * (size_t) count);
    *bucket = symbol->hash % CLFS_HASH_BUCKETS;
    zone->end = (uint32_t) end;
    return symbol->context;
}

static bool
add_client (zone *zone, const clfs_blf *blf)
{
    char name[17];
    clfs_client_context *client;
    uint32_t offset, bucket;

    /* Not the log's name: a rename must not have to change the file. */
    g_snprintf (name, sizeof name, "%016" G_GINT64_MODIFIER "x", clfs_blf_log_id (blf->guid));
    offset = add_symbol (zone, sizeof *client, name, &bucket);
    if (offset == 0)
        return false;
    zone->record->client_symbols[bucket] = offset - sizeof (clfs_symbol);
    zone->record->clients[0] = offset;
    client = (clfs_client_context *) ((uint8_t *) zone->record + offset);
    client->node_type = CLFS_NODE_CLIENT;
    client->node_bytes = sizeof *client;
    client->attributes = blf->attributes;
    client->flush_threshold_bytes = blf->flush_threshold_bytes;
    client->created = clfs_blf_time_encode (blf->created_ns);
    client->accessed = clfs_blf_time_encode (blf->accessed_ns);
    client->appended = clfs_blf_time_encode (blf->appended_ns);
    client->owner_page = CLFS_INVALID_LSN;
    client->archive_tail = blf->archive_tail;
    client->base = blf->base;
    client->last = blf->last;
    client->restart = blf->restart;
    client->physical_base = CLFS_INVALID_LSN;
    return true;
}

static bool
name_is_storable (const char *name)
{
    return name[0] != '\0' && strcmp (name, ".") != 0 && strcmp (name, "..") != 0 && strlen (name) <= NAME_BYTES_MAX &&
           strpbrk (name, "/\\") == NULL && g_utf8_validate (name, -1, NULL);
}

static bool
add_container (zone *zone, const clfs_blf_container *from, uint32_t index)
{
    g_autofree char *name = g_strconcat (CLFS_CONTAINER_PREFIX, from->name, NULL);
    clfs_container_context *container;
    uint32_t offset, symbol, bucket;

    offset = add_symbol (zone, sizeof *container, name, &bucket);
    if (offset == 0)
        return false;
    symbol = offset - (uint32_t) sizeof (clfs_symbol);
    if (zone->record->container_symbols[bucket] == 0)
        zone->record->container_symbols[bucket] = symbol;
    else
        bind_symbol (zone->record, zone->record->container_symbols[bucket], symbol);
    zone->record->containers[index] = offset;
    container = (clfs_container_context *) ((uint8_t *) zone->record + offset);
    container->node_type = CLFS_NODE_CONTAINER;
    container->node_bytes = sizeof *container;
    container->size_bytes = from->size_bytes;
    container->physical_id = from->physical_id;
    container->logical_id = from->logical_id;
    container->usn = 1;
    container->state = from->state;
    container->first_offset = from->first_offset;
    return true;
}

static void
write_ext (const clfs_blf *blf, clfs_ext *ext)
{
    *ext = (clfs_ext) {
        .magic = CLFS_EXT_MAGIC,
        .version = CLFS_EXT_VERSION,
        .bytes = sizeof *ext,
        .epoch = blf->epoch,
        .flags = blf->ext_flags,
        .epoch_first = blf->epoch_first,
        .scan_start = blf->scan_start,
        .scan_start_offset = blf->scan_start_offset,
        .scan_start_checksum = blf->scan_start_checksum,
        .clean_checksum = blf->clean_checksum,
        .clean_end = blf->clean_end,
        .clean_offset = blf->clean_offset,
        .durable = blf->durable,
        .base_offset = blf->base_offset,
        .prepared_physical = blf->prepared_physical,
        .prepared_logical = blf->prepared_logical,
        .cut_lsn = blf->cut_lsn,
        .cut_bytes = blf->cut_bytes,
        .container_bytes = blf->container_bytes,
        .max_bytes = blf->max_bytes,
        .retain_bytes = blf->retain_bytes,
        .retain_seconds = blf->retain_seconds,
        .flush_ms = blf->flush_ms,
        .align_bytes = blf->align_bytes,
        .framing = blf->framing,
        .pending_bytes_max = blf->pending_bytes_max,
        .damage = blf->damage,
        .last_record = blf->last_record,
    };
    for (int i = 0; i < CLFS_ATTR_SLOTS; i++) {
        ext->attrs[i].mode = blf->attrs[i].mode;
        ext->attrs[i].uid = blf->attrs[i].uid;
        ext->attrs[i].gid = blf->attrs[i].gid;
    }
}

NTSTATUS
clfs_blf_encode_general (const clfs_blf *blf, const clfs_blf_layout *layout, uint64_t dump_count, uint8_t *out)
{
    const uint32_t sectors = layout->general_sectors;
    const uint32_t ext_offset = clfs_block_signatures_offset (sectors) - (uint32_t) sizeof (clfs_ext);
    clfs_base_record *record = (clfs_base_record *) (out + CLFS_BLOCK_HEADER_BYTES);
    clfs_meta_header *meta;
    zone zone = { record, sizeof *record, ext_offset - CLFS_BLOCK_HEADER_BYTES };

    if (blf->containers->len > clfs_blf_containers_max (layout))
        return STATUS_LOG_CONTAINER_LIMIT_EXCEEDED;
    meta = begin_block (blf, sectors, dump_count, out);
    meta->epoch = blf->epoch;
    meta->ext_offset = ext_offset;
    meta->ext_bytes = sizeof (clfs_ext);
    memcpy (record->guid, blf->guid, sizeof record->guid);
    record->next_client = 1;
    record->active_containers = blf->containers->len;
    record->log_state = blf->log_state;
    record->usn = 1;
    record->client_count = 1;
    if (!add_client (&zone, blf))
        return STATUS_LOG_CONTAINER_LIMIT_EXCEEDED;
    for (guint i = 0; i < blf->containers->len; i++) {
        const clfs_blf_container *container = g_ptr_array_index (blf->containers, i);

        if (container->physical_id != i)
            return STATUS_INVALID_PARAMETER;
        if (!name_is_storable (container->name))
            return STATUS_OBJECT_NAME_INVALID;
        if (!add_container (&zone, container, i))
            return STATUS_LOG_CONTAINER_LIMIT_EXCEEDED;
    }
    record->zone_bytes = zone.end - (uint32_t) sizeof *record;
    write_ext (blf, (clfs_ext *) (out + ext_offset));
    finish_block (out, sectors);
    return STATUS_SUCCESS;
}

void
clfs_blf_encode_control (const clfs_blf *blf, const clfs_blf_layout *layout, int copy, uint8_t *out)
{
    clfs_control_record *record = (clfs_control_record *) (out + CLFS_BLOCK_HEADER_BYTES);
    const struct {
        uint32_t sectors;
        const uint32_t *offsets;
    } pairs[] = {
        { CLFS_CONTROL_SECTORS, layout->control_offset },
        { layout->general_sectors, layout->general_offset },
        { 1, layout->scratch_offset },
    };

    begin_block (blf, CLFS_CONTROL_SECTORS, (uint64_t) copy + 1, out);
    record->magic = CLFS_CONTROL_MAGIC;
    record->version = 1;
    record->block_count = CLFS_META_BLOCKS;
    for (uint32_t i = 0; i < CLFS_META_BLOCKS; i++) {
        record->blocks[i].bytes = pairs[i / 2].sectors * CLFS_SECTOR_BYTES;
        record->blocks[i].offset = pairs[i / 2].offsets[i % 2];
        record->blocks[i].type = i;
    }
    finish_block (out, CLFS_CONTROL_SECTORS);
}

void
clfs_blf_encode_scratch (const clfs_blf *blf, int copy, uint8_t *out)
{
    begin_block (blf, 1, (uint64_t) copy + 1, out);
    finish_block (out, 1);
}

NTSTATUS
clfs_blf_encode_file (const clfs_blf *blf, const clfs_blf_layout *layout, uint64_t first_count, uint8_t *out)
{
    memset (out, 0, layout->file_bytes);
    for (int copy = 0; copy < 2; copy++) {
        NTSTATUS status;

        clfs_blf_encode_control (blf, layout, copy, out + layout->control_offset[copy]);
        clfs_blf_encode_scratch (blf, copy, out + layout->scratch_offset[copy]);
        status = clfs_blf_encode_general (blf, layout, first_count + (uint64_t) copy,
                                          out + layout->general_offset[copy]);
        if (status != STATUS_SUCCESS)
            return status;
    }
    return STATUS_SUCCESS;
}
