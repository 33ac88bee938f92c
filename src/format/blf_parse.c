/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blf_parse.c - from the bytes of a base log file to clfs_blf.
 *
 * Nothing here follows a pointer chain: the arrays of clients and containers lead to every context, so no bytes can
 * make it loop. Each block is copied before it is decoded; the caller's bytes stay as they are.
 */
#include "format/blf_disk.h"
#include "format/signature.h"

#include <stdarg.h>
#include <string.h>

/* Where control copies can stand: in any log, in one of ours, in one of Windows. */
static const uint32_t control_places[] = { 0x0, 0x1000, 0x400 };

static const char *const block_names[] = { "control",        "control shadow", "general",
                                           "general shadow", "scratch",        "scratch shadow" };

typedef struct parser {
    const uint8_t *file;
    size_t bytes;
    clfs_blf_report *report;
} parser;

/* What one general copy turned out to be. */
typedef enum verdict {
    COPY_INVALID,
    COPY_UNKNOWN, /* intact, with a version or features that we do not know */
    COPY_VALID,
} verdict;

/* The first fault is the one that is told: later ones tend to follow from it. */
static void G_GNUC_PRINTF (2, 3)
set_fault (const parser *parser, const char *format, ...)
{
    va_list args;

    if (parser->report->fault[0] != '\0')
        return;
    va_start (args, format);
    g_vsnprintf (parser->report->fault, sizeof parser->report->fault, format, args);
    va_end (args);
}

static bool
all_zero (const uint8_t *bytes, size_t count)
{
    return count == 0 || (bytes[0] == 0 && memcmp (bytes, bytes + 1, count - 1) == 0);
}

/* A decoded copy of the metadata block at `offset`, NULL if it is not valid; *fault says why. want_bytes 0: any
 * size. */
static uint8_t *
open_block (const parser *parser, uint64_t offset, uint32_t want_bytes, const char **fault)
{
    const clfs_block_header *header = (const clfs_block_header *) (parser->file + offset);
    uint64_t bytes;
    bool ours;
    uint8_t *block;

    *fault = NULL;
    if (offset % CLFS_SECTOR_BYTES != 0 || offset > parser->bytes || parser->bytes - offset < CLFS_SECTOR_BYTES) {
        *fault = "lies beyond the end of the file";
        return NULL;
    }
    if (all_zero ((const uint8_t *) header, CLFS_SECTOR_BYTES)) {
        *fault = "was never written";
        return NULL;
    }
    ours = ((const clfs_meta_header *) header)->magic == CLFS_BLF_MAGIC;
    bytes = (uint64_t) header->total_sectors * CLFS_SECTOR_BYTES;
    *fault = clfs_signature_header_fault (header, ours);
    if (*fault == NULL && want_bytes != 0 && bytes != want_bytes)
        *fault = "size is not that of the block table";
    if (*fault == NULL && bytes > parser->bytes - offset)
        *fault = "lies beyond the end of the file";
    if (*fault == NULL && header->current_lsn != CLFS_INVALID_LSN)
        *fault = "is not a metadata block";
    if (*fault == NULL &&
        !clfs_signature_check ((const uint8_t *) header, header->total_sectors, CLFS_SECTOR_BASE, header->usn))
        *fault = "sector signature is wrong";
    if (*fault == NULL && clfs_signature_checksum ((const uint8_t *) header, header->total_sectors) != header->checksum)
        *fault = "checksum does not match";
    if (*fault != NULL)
        return NULL;
    block = g_memdup2 (header, bytes);
    clfs_signature_restore (block, header->total_sectors, header->signatures_offset);
    return block;
}

static bool
ranges_overlap (uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

/* Takes the layout from a decoded control block. NULL, or why it is impossible. */
static const char *
read_layout (const uint8_t *block, clfs_blf_layout *layout)
{
    const clfs_block_header *header = (const clfs_block_header *) block;
    const clfs_control_record *record = (const clfs_control_record *) (block + CLFS_BLOCK_HEADER_BYTES);
    uint64_t end = 0;

    if (header->signatures_offset < CLFS_BLOCK_HEADER_BYTES + sizeof *record)
        return "is too short";
    if (record->magic != CLFS_CONTROL_MAGIC || record->version != 1)
        return "is not a control record";
    if (record->block_count != CLFS_META_BLOCKS)
        return "has another number of blocks than 6";
    for (uint32_t i = 0; i < CLFS_META_BLOCKS; i++) {
        const clfs_control_entry *entry = &record->blocks[i];

        if (entry->type != i || entry->bytes == 0 || entry->bytes % CLFS_SECTOR_BYTES != 0 ||
            entry->offset % CLFS_SECTOR_BYTES != 0 || entry->bytes > CLFS_BLOCK_SECTORS_MAX * CLFS_SECTOR_BYTES ||
            (uint64_t) entry->offset + entry->bytes > CLFS_BLF_BYTES_MAX ||
            entry->bytes != record->blocks[i & ~1u].bytes)
            return "has an impossible block table";
        for (uint32_t j = 0; j < i; j++)
            if (ranges_overlap (entry->offset, entry->bytes, record->blocks[j].offset, record->blocks[j].bytes))
                return "has blocks that overlap";
        end = MAX (end, (uint64_t) entry->offset + entry->bytes);
    }
    if (record->blocks[CLFS_META_CONTROL].bytes != header->total_sectors * CLFS_SECTOR_BYTES)
        return "has an impossible block table";
    layout->general_sectors = record->blocks[CLFS_META_GENERAL].bytes / CLFS_SECTOR_BYTES;
    for (int copy = 0; copy < 2; copy++) {
        layout->control_offset[copy] = record->blocks[CLFS_META_CONTROL + copy].offset;
        layout->general_offset[copy] = record->blocks[CLFS_META_GENERAL + copy].offset;
        layout->scratch_offset[copy] = record->blocks[CLFS_META_SCRATCH + copy].offset;
    }
    /* Files of ours end on a page; a foreign one's end is the last block's. */
    layout->file_bytes = (uint32_t) end;
    if (((const clfs_meta_header *) header)->magic == CLFS_BLF_MAGIC)
        layout->file_bytes = (layout->file_bytes + 4095) & ~4095u;
    return NULL;
}

/* Finds a valid control copy and takes the layout from it. */
static bool
find_layout (const parser *parser, uint8_t **control)
{
    for (guint i = 0; i < G_N_ELEMENTS (control_places); i++) {
        const char *fault;
        g_autofree uint8_t *block = open_block (parser, control_places[i], 0, &fault);
        clfs_blf_layout layout;

        if (block != NULL)
            fault = read_layout (block, &layout);
        /* A shadow is trusted only where it says that it stands. */
        if (fault == NULL && control_places[i] != layout.control_offset[0] &&
            control_places[i] != layout.control_offset[1])
            fault = "stands at another place than it says";
        if (fault == NULL) {
            parser->report->layout = layout;
            *control = g_steal_pointer (&block);
            return true;
        }
        if (i == 0)
            set_fault (parser, "control at 0x0 %s", fault);
    }
    return false;
}

/* Whether a control or scratch copy is intact. A shadow that Windows never wrote is no fault. */
static bool
check_copy (const parser *parser, int type, uint32_t offset, uint32_t want_bytes, bool ours)
{
    const char *fault;
    g_autofree uint8_t *block = open_block (parser, offset, want_bytes, &fault);
    clfs_blf_layout layout;

    if (block != NULL && type / 2 == 0)
        fault = read_layout (block, &layout);
    if (fault == NULL && type / 2 == 0 && memcmp (&layout, &parser->report->layout, sizeof layout) != 0)
        fault = "says something else than its twin";
    if (fault != NULL && (ours || type % 2 == 0))
        set_fault (parser, "%s at 0x%x %s", block_names[type], offset, fault);
    return fault == NULL;
}

/* The file name in a container's stored name: its last component, as UTF-8. NULL: none. */
static char *
container_name (const uint8_t *record, uint32_t limit, uint32_t offset)
{
    g_autofree gunichar2 *units = NULL;
    g_autofree char *name = NULL;
    size_t room, count = 0;
    const char *start;

    if (offset < sizeof (clfs_base_record) || offset >= limit)
        return NULL;
    room = (limit - offset) / 2;
    while (count < room && (record[offset + 2 * count] != 0 || record[offset + 2 * count + 1] != 0))
        count++;
    if (count == room)
        return NULL;
    /* The offset may be odd: a copy is aligned. */
    units = g_new (gunichar2, count + 1);
    memcpy (units, record + offset, 2 * count);
    name = g_utf16_to_utf8 (units, (glong) count, NULL, NULL, NULL);
    if (name == NULL)
        return NULL;
    start = name + strlen (name);
    while (start > name && start[-1] != '\\' && start[-1] != '/')
        start--;
    if (start[0] == '\0' || strcmp (start, ".") == 0 || strcmp (start, "..") == 0)
        return NULL;
    return g_strdup (start);
}

/* Whether a context of `context_bytes` with its symbol before it lies at `offset`; its node must say so. */
static bool
context_is_possible (const uint8_t *record, uint32_t limit, uint32_t offset, uint32_t node_type, uint32_t context_bytes)
{
    const clfs_symbol *symbol;
    uint32_t node[2];

    if (offset < sizeof (clfs_base_record) + sizeof *symbol || offset > limit || limit - offset < context_bytes)
        return false;
    memcpy (node, record + offset, sizeof node);
    symbol = (const clfs_symbol *) (record + offset - sizeof *symbol);
    return node[0] == node_type && node[1] == context_bytes && symbol->node_type == CLFS_NODE_SYMBOL &&
           symbol->node_bytes == sizeof *symbol && symbol->context == offset;
}

static const char *
read_client (const uint8_t *record, uint32_t limit, clfs_blf *blf)
{
    const clfs_base_record *base = (const clfs_base_record *) record;
    const uint32_t offset = base->clients[0];
    const clfs_client_context *client;

    if (!context_is_possible (record, limit, offset, CLFS_NODE_CLIENT, sizeof *client))
        return "has no client context";
    client = (const clfs_client_context *) (record + offset);
    blf->attributes = client->attributes;
    blf->flush_threshold_bytes = client->flush_threshold_bytes;
    blf->created_ns = clfs_blf_time_decode (client->created);
    blf->accessed_ns = clfs_blf_time_decode (client->accessed);
    blf->appended_ns = clfs_blf_time_decode (client->appended);
    blf->archive_tail = client->archive_tail;
    blf->base = client->base;
    blf->last = client->last;
    blf->restart = client->restart;
    return NULL;
}

static const char *
read_containers (const uint8_t *record, uint32_t limit, clfs_blf *blf)
{
    const clfs_base_record *base = (const clfs_base_record *) record;

    for (uint32_t i = 0; i < CLFS_BLF_CONTAINER_SLOTS; i++) {
        const uint32_t offset = base->containers[i];
        const clfs_container_context *from;
        g_autofree char *name = NULL;
        clfs_blf_container *to;

        if (offset == 0)
            continue;
        if (!context_is_possible (record, limit, offset, CLFS_NODE_CONTAINER, sizeof *from))
            return "has an impossible container context";
        from = (const clfs_container_context *) (record + offset);
        if (from->physical_id != i || (blf->ours && blf->containers->len != i) || i >= CLFS_CONTAINERS_MAX)
            return "has an impossible container id";
        if (from->size_bytes == 0 || from->size_bytes % CLFS_SECTOR_BYTES != 0 ||
            from->size_bytes > UINT64_C (1) << 32)
            return "has an impossible container size";
        name = container_name (record, limit, ((const clfs_symbol *) (record + offset - sizeof (clfs_symbol)))->name);
        if (name == NULL)
            return "has an impossible container name";
        to = clfs_blf_add_container (blf, name, from->size_bytes);
        to->physical_id = from->physical_id;
        to->logical_id = from->logical_id;
        to->state = from->state;
        to->first_offset = blf->ours ? from->first_offset : 0;
    }
    return NULL;
}

static const char *
read_ext (const uint8_t *block, clfs_blf *blf)
{
    const clfs_meta_header *meta = (const clfs_meta_header *) block;
    const clfs_ext *ext;

    if (meta->ext_bytes != sizeof *ext || meta->signatures_offset < sizeof *ext ||
        meta->ext_offset != meta->signatures_offset - sizeof *ext)
        return "has no ext where it must be";
    ext = (const clfs_ext *) (block + meta->ext_offset);
    if (ext->magic != CLFS_EXT_MAGIC || ext->version != CLFS_EXT_VERSION || ext->bytes != sizeof *ext)
        return "has an impossible ext";
    if (meta->epoch != ext->epoch || meta->log_id != blf->log_id)
        return "contradicts its own header";
    blf->epoch = ext->epoch;
    blf->ext_flags = ext->flags;
    blf->epoch_first = ext->epoch_first;
    blf->scan_start = ext->scan_start;
    blf->scan_start_offset = ext->scan_start_offset;
    blf->scan_start_checksum = ext->scan_start_checksum;
    blf->clean_checksum = ext->clean_checksum;
    blf->clean_end = ext->clean_end;
    blf->clean_offset = ext->clean_offset;
    blf->durable = ext->durable;
    blf->base_offset = ext->base_offset;
    blf->prepared_physical = ext->prepared_physical;
    blf->prepared_logical = ext->prepared_logical;
    blf->cut_lsn = ext->cut_lsn;
    blf->cut_bytes = ext->cut_bytes;
    blf->container_bytes = ext->container_bytes;
    blf->max_bytes = ext->max_bytes;
    blf->retain_bytes = ext->retain_bytes;
    blf->retain_seconds = ext->retain_seconds;
    blf->flush_ms = ext->flush_ms;
    blf->align_bytes = ext->align_bytes;
    blf->framing = ext->framing;
    for (int i = 0; i < CLFS_ATTR_SLOTS; i++)
        blf->attrs[i] = (clfs_attr) { ext->attrs[i].mode, ext->attrs[i].uid, ext->attrs[i].gid };
    blf->pending_bytes_max = ext->pending_bytes_max;
    blf->damage = ext->damage;
    blf->last_record = ext->last_record;
    /* Each of these bounds blocks: it is the address where one ends. */
    if (clfs_lsn_record (blf->epoch_first) != 0 || clfs_lsn_record (blf->scan_start) != 0 ||
        clfs_lsn_record (blf->clean_end) != 0 || clfs_lsn_record (blf->durable) != 0)
        return "has a mark that is no address of a block";
    if ((blf->ext_flags & CLFS_EXT_CLEAN) && blf->clean_end == CLFS_INVALID_LSN)
        return "is clean without an end";
    if (blf->container_bytes == 0 || blf->container_bytes > CLFS_CONTAINER_BYTES_MAX ||
        blf->container_bytes % CLFS_CONTAINER_BYTES_UNIT != 0)
        return "has an impossible container size";
    return NULL;
}

/* Content of a decoded general block. NULL, or what is impossible in it. */
static const char *
read_general (const uint8_t *block, clfs_blf *blf)
{
    const clfs_meta_header *meta = (const clfs_meta_header *) block;
    const uint8_t *record = block + CLFS_BLOCK_HEADER_BYTES;
    const clfs_base_record *base = (const clfs_base_record *) record;
    const char *fault;
    uint32_t limit;

    if (blf->ours) {
        blf->incompatible = meta->incompatible;
        blf->readonly_compatible = meta->readonly_compatible;
    }
    memcpy (blf->guid, base->guid, sizeof blf->guid);
    blf->log_id = clfs_blf_log_id (blf->guid);
    blf->usn = ((const clfs_block_header *) block)->usn;
    blf->log_state = base->log_state;
    if (blf->ours && (fault = read_ext (block, blf)) != NULL)
        return fault;
    limit = (blf->ours ? meta->ext_offset : meta->signatures_offset) - CLFS_BLOCK_HEADER_BYTES;
    if ((fault = read_client (record, limit, blf)) != NULL)
        return fault;
    return read_containers (record, limit, blf);
}

/* Whether an intact copy may be read by this program; tells why not. */
static bool
copy_is_known (const parser *parser, int copy, const uint8_t *block)
{
    const clfs_meta_header *meta = (const clfs_meta_header *) block;
    const clfs_base_record *base = (const clfs_base_record *) (block + CLFS_BLOCK_HEADER_BYTES);
    const char *name = block_names[CLFS_META_GENERAL + copy];
    const uint32_t offset = parser->report->layout.general_offset[copy];
    const bool ours = meta->magic == CLFS_BLF_MAGIC;

    if (ours && meta->format_version != CLFS_BLF_FORMAT_VERSION) {
        set_fault (parser, "%s at 0x%x has format version %u; this program knows %u", name, offset,
                   meta->format_version, CLFS_BLF_FORMAT_VERSION);
        return false;
    }
    if (ours && meta->incompatible != 0) {
        set_fault (parser, "%s at 0x%x has features 0x%x that this program does not know", name, offset,
                   meta->incompatible);
        return false;
    }
    if ((base->log_state & CLFS_LOG_STATE_MULTIPLEXED) != 0 || base->client_count > 1) {
        set_fault (parser, "%s at 0x%x is that of a multiplexed log, which this program does not read", name, offset);
        return false;
    }
    return true;
}

/* Reads one general copy. Unless it is invalid, *out has at least its dump count. */
static verdict
read_copy (const parser *parser, int copy, clfs_blf **out)
{
    const clfs_blf_layout *layout = &parser->report->layout;
    const uint32_t offset = layout->general_offset[copy];
    const char *fault;
    g_autofree uint8_t *block = open_block (parser, offset, layout->general_sectors * CLFS_SECTOR_BYTES, &fault);
    g_autoptr (clfs_blf) blf = clfs_blf_new ();
    verdict verdict = COPY_INVALID;

    if (block != NULL) {
        const clfs_meta_header *meta = (const clfs_meta_header *) block;

        if (meta->signatures_offset < CLFS_BLOCK_HEADER_BYTES + sizeof (clfs_base_record)) {
            fault = "is too short";
        } else {
            blf->ours = meta->magic == CLFS_BLF_MAGIC;
            blf->dump_count = ((const clfs_base_record *) (block + CLFS_BLOCK_HEADER_BYTES))->dump_count;
            if (!copy_is_known (parser, copy, block))
                verdict = COPY_UNKNOWN;
            else if ((fault = read_general (block, blf)) == NULL)
                verdict = COPY_VALID;
        }
    }
    if (fault != NULL)
        set_fault (parser, "%s at 0x%x %s", block_names[CLFS_META_GENERAL + copy], offset, fault);
    if (verdict != COPY_INVALID)
        *out = g_steal_pointer (&blf);
    return verdict;
}

NTSTATUS
clfs_blf_parse (const uint8_t *file, size_t bytes, clfs_blf_report *report, clfs_blf **out)
{
    const parser parser = { file, bytes, report };
    g_autofree uint8_t *control = NULL;
    g_autoptr (clfs_blf) main_blf = NULL;
    g_autoptr (clfs_blf) shadow_blf = NULL;
    clfs_blf **const copies[2] = { &main_blf, &shadow_blf };
    verdict verdicts[2];
    uint32_t control_bytes;
    int winner;

    *out = NULL;
    memset (report, 0, sizeof *report);
    if (bytes < CLFS_SECTOR_BYTES || bytes > CLFS_BLF_BYTES_MAX) {
        set_fault (&parser, "base log file has an impossible size: %zu bytes", bytes);
        return STATUS_LOG_METADATA_CORRUPT;
    }
    if (!find_layout (&parser, &control))
        return STATUS_LOG_METADATA_CORRUPT;
    report->ours = ((const clfs_meta_header *) control)->magic == CLFS_BLF_MAGIC;
    control_bytes = ((const clfs_block_header *) control)->total_sectors * CLFS_SECTOR_BYTES;

    for (int copy = 0; copy < 2; copy++) {
        verdicts[copy] = read_copy (&parser, copy, copies[copy]);
        report->general_valid[copy] = verdicts[copy] != COPY_INVALID;
        if (report->general_valid[copy])
            report->counts[copy] = (*copies[copy])->dump_count;
    }
    for (int copy = 0; copy < 2; copy++) {
        report->control_valid[copy] = check_copy (&parser, CLFS_META_CONTROL + copy,
                                                  report->layout.control_offset[copy], control_bytes, report->ours);
        report->scratch_valid[copy] = check_copy (&parser, CLFS_META_SCRATCH + copy,
                                                  report->layout.scratch_offset[copy], 0, report->ours);
    }

    if (!report->general_valid[0] && !report->general_valid[1])
        return STATUS_LOG_METADATA_CORRUPT;
    winner = report->general_valid[1] && (!report->general_valid[0] || report->counts[1] > report->counts[0]);
    report->winner = winner;
    report->ours = (*copies[winner])->ours;
    if (verdicts[winner] == COPY_UNKNOWN)
        return STATUS_LOG_BLOCK_VERSION;
    if (report->ours && (*copies[winner])->readonly_compatible != 0)
        set_fault (&parser, "has features 0x%x that this program can read but not write",
                   (*copies[winner])->readonly_compatible);
    *out = g_steal_pointer (copies[winner]);
    return STATUS_SUCCESS;
}
