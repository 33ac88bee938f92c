/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/format/samples.h"

#include "format/signature.h"

#include <string.h>

void
sample_block_begin (uint8_t *block, uint32_t sectors, uint64_t address)
{
    clfs_block_header *header = (clfs_block_header *) block;

    memset (block, 0, (size_t) sectors * CLFS_SECTOR_BYTES);
    *header = (clfs_block_header) {
        .major = CLFS_BLOCK_MAJOR,
        .minor = CLFS_BLOCK_MINOR,
        .total_sectors = (uint16_t) sectors,
        .valid_sectors = (uint16_t) sectors,
        .flags = 1,
        .current_lsn = address,
        .next_lsn = CLFS_INVALID_LSN,
        .record_offsets = { CLFS_BLOCK_HEADER_BYTES, 0, 0 },
        .magic = CLFS_DATA_MAGIC,
        .log_id = SAMPLE_LOG_ID,
        .durable_lsn = address,
        .stream_offset = 1000,
        .sealed_ns = UINT64_C (1700000000000000000),
        .epoch = 7,
        .previous_checksum = 0xCAFEBABE,
        .version = 1,
        .signatures_offset = clfs_block_signatures_offset (sectors),
    };
}

void
sample_record (uint8_t *block, sample_cursor *cursor, uint32_t type, uint64_t previous, const void *payload,
               uint32_t bytes)
{
    clfs_block_header *block_header = (clfs_block_header *) block;
    clfs_record_header *header;

    if (cursor->offset == 0)
        cursor->offset = CLFS_BLOCK_HEADER_BYTES;
    header = (clfs_record_header *) (block + cursor->offset);
    *header = (clfs_record_header) {
        .lsn = block_header->current_lsn + block_header->record_count,
        .undo_next = type == CLFS_TYPE_DATA ? previous : 0,
        .previous = previous,
        .bytes = CLFS_RECORD_HEADER_BYTES + bytes,
        .data_offset = CLFS_RECORD_HEADER_BYTES,
        .type = type | (block_header->record_count == 0 ? CLFS_TYPE_FIRST : 0),
    };
    if (bytes > 0)
        memcpy (header + 1, payload, bytes);
    header->checksum = clfs_record_checksum (cursor->seed, header, header + 1, bytes);
    cursor->seed = header->checksum;
    cursor->offset += (header->bytes + 7) & ~7u;
    block_header->record_count++;
}

uint32_t
sample_block_seal (uint8_t *block, uint32_t sectors, const sample_cursor *cursor)
{
    const clfs_block_header *header = (const clfs_block_header *) block;
    uint32_t offset = CLFS_BLOCK_HEADER_BYTES;

    for (uint32_t i = 0; i < header->record_count; i++) {
        clfs_record_header *record = (clfs_record_header *) (block + offset);

        offset += (record->bytes + 7) & ~7u;
        if (i + 1 == header->record_count)
            record->type |= CLFS_TYPE_LAST;
    }
    if (cursor != NULL)
        g_assert (cursor->offset == offset);
    clfs_block_save_displaced (block, sectors);
    clfs_block_sign (block, sectors, 1);
    return clfs_block_store_checksum (block, sectors);
}

uint32_t
sample_random (uint64_t *state)
{
    *state = *state * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
    return (uint32_t) (*state >> 32);
}

static uint8_t *
random_bytes (size_t bytes)
{
    uint8_t *out = g_malloc (bytes + 1);
    uint64_t state = bytes;

    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t) sample_random (&state);
    return out;
}

uint8_t *
sample_block_full (uint32_t sectors)
{
    const uint32_t bytes = clfs_block_payload_max (sectors);
    g_autofree uint8_t *payload = random_bytes (bytes);
    uint8_t *block = g_malloc ((size_t) sectors * CLFS_SECTOR_BYTES);
    sample_cursor cursor = { 0 };

    sample_block_begin (block, sectors, SAMPLE_ADDRESS);
    sample_record (block, &cursor, CLFS_TYPE_DATA, CLFS_INVALID_LSN, payload, bytes);
    sample_block_seal (block, sectors, &cursor);
    return block;
}

uint8_t *
sample_block_small (uint32_t sectors, uint32_t records)
{
    uint8_t *block = g_malloc ((size_t) sectors * CLFS_SECTOR_BYTES);
    sample_cursor cursor = { 0 };

    sample_block_begin (block, sectors, SAMPLE_ADDRESS);
    ((clfs_block_header *) block)->block_flags = CLFS_BLOCK_PADDED;
    for (uint32_t i = 0; i < records; i++) {
        g_autofree uint8_t *payload = random_bytes (3 + 7 * i);

        sample_record (block, &cursor, i % 3 == 2 ? CLFS_TYPE_RESTART : CLFS_TYPE_DATA, SAMPLE_ADDRESS + i / 2, payload,
                       3 + 7 * i);
    }
    sample_block_seal (block, sectors, NULL);
    return block;
}

clfs_blf *
sample_blf (uint32_t containers)
{
    clfs_blf *blf = clfs_blf_new ();

    blf->ours = true;
    for (int i = 0; i < 16; i++)
        blf->guid[i] = (uint8_t) (0x10 + 7 * i);
    blf->attributes = 0x120;
    blf->flush_threshold_bytes = 1 << 20;
    blf->created_ns = INT64_C (1700000000123456700);
    blf->accessed_ns = INT64_C (1700000001123456700);
    blf->appended_ns = INT64_C (1700000002123456700);
    blf->archive_tail = UINT64_C (0x0000000100000201);
    blf->base = UINT64_C (0x0000000100000402);
    blf->last = UINT64_C (0x0000000200008600);
    blf->restart = UINT64_C (0x0000000200001201);
    blf->log_state = 3;
    blf->epoch = 5;
    blf->ext_flags = CLFS_EXT_CLEAN | CLFS_EXT_NEXT_PREPARED | CLFS_EXT_RETAIN_BYTES;
    blf->epoch_first = UINT64_C (0x0000000200000600);
    blf->scan_start = UINT64_C (0x0000000200000800);
    blf->scan_start_offset = 12345;
    blf->scan_start_checksum = 0x89ABCDEF;
    blf->clean_checksum = 0x76543210;
    blf->clean_end = UINT64_C (0x0000000200008600);
    blf->clean_offset = 54321;
    blf->durable = UINT64_C (0x0000000200008400);
    blf->base_offset = 777;
    blf->prepared_physical = 1;
    blf->prepared_logical = 3;
    blf->cut_lsn = UINT64_C (0x0000000200007000);
    blf->cut_bytes = 4711;
    blf->container_bytes = 8 << 20;
    blf->max_bytes = 1 << 30;
    blf->retain_bytes = 64 << 20;
    blf->retain_seconds = 86400;
    blf->flush_ms = 1000;
    blf->align_bytes = 4096;
    blf->framing = 1;
    for (uint32_t i = 0; i < CLFS_ATTR_SLOTS; i++)
        blf->attrs[i] = (clfs_attr) { 0600 + i, 1000 + i, 2000 + i };
    blf->pending_bytes_max = 16 << 20;
    blf->damage = UINT64_C (0x0000000200000999);
    blf->last_record = UINT64_C (0x0000000200008400);
    for (uint32_t i = 0; i < containers; i++) {
        g_autofree char *name = g_strdup_printf ("%016" G_GINT64_MODIFIER "x.%04u", SAMPLE_LOG_ID, i);
        clfs_blf_container *container = clfs_blf_add_container (blf, name, 8 << 20);

        container->logical_id = i + 5;
        container->first_offset = UINT64_C (1000000) * i;
    }
    return blf;
}

static gboolean
containers_equal (const GPtrArray *a, const GPtrArray *b)
{
    if (a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++) {
        const clfs_blf_container *x = g_ptr_array_index (a, i), *y = g_ptr_array_index (b, i);

        if (strcmp (x->name, y->name) != 0 || x->size_bytes != y->size_bytes || x->physical_id != y->physical_id ||
            x->logical_id != y->logical_id || x->state != y->state || x->first_offset != y->first_offset)
            return FALSE;
    }
    return TRUE;
}

gboolean
sample_blf_equal (const clfs_blf *a, const clfs_blf *b)
{
#define SAME(field) (a->field == b->field)
    return SAME (ours) && memcmp (a->guid, b->guid, 16) == 0 && SAME (incompatible) && SAME (readonly_compatible) &&
           SAME (attributes) && SAME (flush_threshold_bytes) && SAME (created_ns) && SAME (accessed_ns) &&
           SAME (appended_ns) && SAME (archive_tail) && SAME (base) && SAME (last) && SAME (restart) &&
           SAME (log_state) &&
           containers_equal (a->containers, b->containers) && SAME (epoch) && SAME (ext_flags) && SAME (epoch_first) &&
           SAME (scan_start) && SAME (scan_start_offset) && SAME (scan_start_checksum) && SAME (clean_checksum) &&
           SAME (clean_end) && SAME (clean_offset) && SAME (durable) && SAME (base_offset) &&
           SAME (prepared_physical) && SAME (prepared_logical) && SAME (cut_lsn) && SAME (cut_bytes) &&
           SAME (container_bytes) && SAME (max_bytes) &&
           SAME (retain_bytes) && SAME (retain_seconds) && SAME (flush_ms) && SAME (align_bytes) && SAME (framing) &&
           memcmp (a->attrs, b->attrs, sizeof a->attrs) == 0 && SAME (pending_bytes_max) && SAME (damage) &&
           SAME (last_record);
#undef SAME
}

uint8_t *
sample_file (const char *path, size_t *bytes)
{
    const char *top = g_getenv ("top_srcdir");
    g_autofree char *full = g_build_filename (top != NULL ? top : ".", path, NULL);
    char *contents = NULL;

    if (!g_file_get_contents (full, &contents, bytes, NULL))
        return NULL;
    return (uint8_t *) contents;
}
