/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_log.c - a whole log on the simulated disk whose base log file, containers, marshalling area and lines were changed:
 * it opens or is refused, is read all ways, and what is then appended and flushed is there after a close, a kill or a
 * power loss. With FUZZ_TRACE set it says what it does: for an input that failed.
 *
 * An input: how to begin (1 byte), changes (see `change`), then what is done with the log (see `act`).
 */
#include "fuzz.h"

#include "engine/area.h"
#include "engine/engine.h"
#include "format/blf_disk.h"
#include "format/signature.h"
#include "storage/sim_storage.h"

#include <libdeflate.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME "a"
#define BLOCKS_MAX 64u
#define ACTIONS_MAX 16u
#define DEATHS_MAX 2u
#define STEPS_MAX 400u /* more records than there can be; chains of changed records may go in circles */
#define READ_BYTES 5000u
#define DISK_BYTES (UINT64_C (24) << 20)

/* A block of a container. */
typedef struct place {
    unsigned file;
    uint32_t offset;
} place;

/* A file of a store that begins an input, its blocks decoded. */
typedef struct image {
    char *name;
    uint8_t *bytes;
    size_t count;
} image;

enum { FILE_BLF, FILE_FIRST, FILE_SECOND, FILE_AREA, FILE_LINES, FILES };

/* The disks that an input can begin with. */
typedef struct start {
    clfs_sim_disk *disk;
    image files[FILES]; /* name NULL: there is none */
    clfs_blf_layout layout;
    place blocks[BLOCKS_MAX];
    unsigned block_count;
} start;

enum { START_CLEAN, START_KILLED, START_POWER_LOSS, START_DAMAGED_TAIL, STARTS };
static start starts[STARTS];

/* What dies on purpose while the disks are made; reachable, so no leak. */
static clfs_store *dead_stores[STARTS];
static clfs_writer *dead_writers[STARTS];

/* ---- the disks ------------------------------------------------------------------------------- */

static clfs_store *
open_store (clfs_sim_disk *disk, unsigned flags)
{
    clfs_store_options options = { .flags = CLFS_STORE_INLINE | flags };
    clfs_storage *storage;
    clfs_store *store;

    FUZZ_REQUIRE (clfs_sim_storage_open (disk, flags & CLFS_STORE_READ_ONLY ? CLFS_STORAGE_READ_ONLY : 0, &storage)
                  == STATUS_SUCCESS);
    FUZZ_REQUIRE (clfs_store_open_on (storage, "simulated", &options, &store) == STATUS_SUCCESS);
    return store;
}

static NTSTATUS
append (clfs_log *log, unsigned number, size_t bytes, clfs_lsn_t previous, clfs_lsn_t *lsn)
{
    g_autofree uint8_t *data = g_malloc (bytes + 1);
    struct iovec vector = { data, bytes };
    clfs_append_options options = { .previous = previous, .undo_next = previous };

    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t) (number * 31 + i);
    return clfs_log_append (log, &vector, 1, &options, lsn);
}

/* A log of two containers, with a moved base, restart areas, several blocks of several records. */
static void
fill (clfs_log *log)
{
    clfs_lsn_t lsn = CLFS_INVALID_LSN, base = 0;

    for (unsigned i = 0; i < 36; i++) {
        /* Large ones, soon below the base, bring it to the end of the first container. */
        size_t bytes = i < 3 ? 168000 : 20 + i * 37;
        FUZZ_REQUIRE (append (log, i, bytes, lsn, &lsn) == STATUS_SUCCESS);
        if (i == 5)
            base = lsn;
        if (i % 3 == 2)
            FUZZ_REQUIRE (clfs_log_flush (log, CLFS_NULL_LSN, NULL) == STATUS_SUCCESS);
        if (i == 10 || i == 20)
            FUZZ_REQUIRE (clfs_log_write_restart (log, "restart", 7, i == 10 ? base : CLFS_INVALID_LSN, NULL)
                          == STATUS_SUCCESS);
    }
}

/* Makes the disk, up to the end of its process. */
static void
make_disk (int index)
{
    clfs_sim_disk *disk = clfs_sim_disk_new (7);
    clfs_store *store = open_store (disk, 0);
    clfs_log_options options;
    clfs_log *log;
    size_t taken;

    clfs_log_options_init (&options);
    options.container_bytes = CLFS_CONTAINER_BYTES_UNIT;
    options.flush_ms = 0;
    options.framing = CLFS_FRAMING_LINE;
    options.max_bytes = 4 * CLFS_CONTAINER_BYTES_UNIT;
    FUZZ_REQUIRE (clfs_log_create (store, NAME, &options, NULL) == STATUS_SUCCESS);
    FUZZ_REQUIRE (clfs_log_open (store, NAME, CLFS_LOG_WRITE, &log) == STATUS_SUCCESS);
    fill (log);
    if (index == START_CLEAN) {
        FUZZ_REQUIRE (clfs_log_close (log) == STATUS_SUCCESS);
        FUZZ_REQUIRE (clfs_store_close (store) == STATUS_SUCCESS);
    } else {
        clfs_writer *writer;
        for (unsigned i = 100; i < 106; i++)
            FUZZ_REQUIRE (append (log, i, 700, CLFS_INVALID_LSN, NULL) == STATUS_SUCCESS);
        FUZZ_REQUIRE (clfs_writer_open (log, &writer) == STATUS_SUCCESS);
        FUZZ_REQUIRE (clfs_writer_write (writer, "a line\nand half a", 17, 0, &taken) == STATUS_SUCCESS);
        dead_stores[index] = store;
        dead_writers[index] = writer;
        if (index == START_POWER_LOSS)
            clfs_sim_power_loss (disk, CLFS_SIM_ALL, NULL);
        else if (index == START_DAMAGED_TAIL)
            clfs_sim_power_loss (disk, CLFS_SIM_NONE, NULL);
        else
            clfs_sim_kill (disk);
    }
    clfs_sim_set_capacity (disk, DISK_BYTES);
    starts[index].disk = disk;
}

static void
add_file (start *start, int file, const char *name)
{
    GByteArray *bytes = clfs_sim_file_bytes (start->disk, name);

    if (bytes == NULL)
        return;
    start->files[file].name = g_strdup (name);
    start->files[file].count = bytes->len;
    start->files[file].bytes = g_byte_array_free (bytes, FALSE);
}

/* Decodes a base log file's general blocks. */
static clfs_blf *
decode_blf (start *start)
{
    image *file = &start->files[FILE_BLF];
    clfs_blf_report report;
    clfs_blf *blf;

    FUZZ_REQUIRE (clfs_blf_parse (file->bytes, file->count, &report, &blf) == STATUS_SUCCESS);
    start->layout = report.layout;
    for (int copy = 0; copy < 2; copy++) {
        clfs_block_header *header = (clfs_block_header *) (file->bytes + report.layout.general_offset[copy]);
        if (report.general_valid[copy])
            clfs_signature_restore ((uint8_t *) header, header->total_sectors, header->signatures_offset);
    }
    return blf;
}

static void
decode_container (start *start, unsigned file, uint32_t logical)
{
    image *image = &start->files[file];
    clfs_block_info info;

    for (uint32_t offset = 0; offset < image->count; offset += info.sectors * CLFS_SECTOR_BYTES) {
        if (clfs_block_open (image->bytes + offset, image->count - offset, clfs_lsn_make (logical, offset, 0), NULL, &info)
            != CLFS_BLOCK_GOOD)
            return;
        FUZZ_REQUIRE (start->block_count < BLOCKS_MAX);
        start->blocks[start->block_count++] = (place){ file, offset };
    }
}

static char *
name_with (clfs_sim_disk *disk, const char *end)
{
    clfs_storage *storage;
    g_autoptr (GPtrArray) names = NULL;
    char *found = NULL;

    FUZZ_REQUIRE (clfs_sim_storage_open (disk, 0, &storage) == STATUS_SUCCESS);
    FUZZ_REQUIRE (storage->ops->list (storage, &names) == STATUS_SUCCESS);
    for (guint i = 0; i < names->len && found == NULL; i++)
        if (g_str_has_suffix (g_ptr_array_index (names, i), end))
            found = g_strdup (g_ptr_array_index (names, i));
    storage->ops->close (storage);
    return found != NULL ? found : g_strdup ("none");
}

void
fuzz_prepare (void)
{
    if (g_getenv ("FUZZ_TRACE") == NULL)
        clfs_set_log_handler (fuzz_quiet, NULL);
    for (int i = 0; i < STARTS; i++) {
        g_autofree char *area = NULL;
        g_autofree char *lines = NULL;
        g_autoptr (clfs_blf) blf = NULL;

        make_disk (i);
        area = name_with (starts[i].disk, ".area");
        lines = name_with (starts[i].disk, ".lines");
        add_file (&starts[i], FILE_BLF, NAME ".blf");
        add_file (&starts[i], FILE_AREA, area);
        add_file (&starts[i], FILE_LINES, lines);
        FUZZ_REQUIRE (i != START_KILLED || (starts[i].files[FILE_AREA].name && starts[i].files[FILE_LINES].name));
        blf = decode_blf (&starts[i]);
        FUZZ_REQUIRE (blf->containers->len >= 2);
        for (unsigned container = 0; container < 2; container++) {
            const clfs_blf_container *of = g_ptr_array_index (blf->containers, container);
            add_file (&starts[i], FILE_FIRST + (int) container, of->name);
            decode_container (&starts[i], FILE_FIRST + container, of->logical_id);
        }
        FUZZ_REQUIRE (starts[i].block_count > 8);
    }
}

/* ---- changes --------------------------------------------------------------------------------- */

/* The files of an input; NULL: as they were. */
typedef struct changed {
    const start *start;
    uint8_t *files[FILES];
} changed;

static uint8_t *
to_change (changed *changed, int file)
{
    if (changed->files[file] == NULL)
        changed->files[file] = fuzz_copy (changed->start->files[file].bytes, changed->start->files[file].count);
    return changed->files[file];
}

/* Takes the changes; those of a file that this start does not have are nothing. */
static void
change (fuzz_input *input, changed *changed)
{
    const start *start = changed->start;
    const clfs_blf_layout *layout = &start->layout;

    for (;;) {
        const unsigned kind = (unsigned) fuzz_take (input, 1) % 12;
        const uint32_t general = layout->general_offset[kind & 1];
        const place *place;

        switch (kind) {
        case 0: /* that was all */
            return;
        case 1: /* one sector of a container is as it never was */
            place = &start->blocks[fuzz_take (input, 1) % start->block_count];
            fuzz_take_patch (input, to_change (changed, (int) place->file) + place->offset, CLFS_SECTOR_BYTES);
            break;
        case 2:
        case 3: /* clients, containers: the record's begin and the zone's */
            fuzz_take_patch (input, to_change (changed, FILE_BLF) + general + CLFS_BLOCK_HEADER_BYTES, 0x1338 + 0x400);
            break;
        case 4:
        case 5: /* the ext */
            fuzz_take_patch (input, to_change (changed, FILE_BLF) + general
                                        + clfs_block_signatures_offset (layout->general_sectors) - sizeof (clfs_ext),
                             sizeof (clfs_ext));
            break;
        case 6:
        case 7: /* a block's header and its first record's */
            place = &start->blocks[fuzz_take (input, 1) % start->block_count];
            fuzz_take_patch (input, to_change (changed, (int) place->file) + place->offset,
                             CLFS_BLOCK_HEADER_BYTES + 2 * CLFS_RECORD_HEADER_BYTES);
            break;
        case 8: /* the area's header */
            if (start->files[FILE_AREA].name == NULL)
                return;
            fuzz_take_patch (input, to_change (changed, FILE_AREA), sizeof (clfs_area_header));
            break;
        case 9: /* its ring */
            if (start->files[FILE_AREA].name == NULL)
                return;
            fuzz_take_patch (input, to_change (changed, FILE_AREA) + CLFS_AREA_PAGE_BYTES,
                             MIN (start->files[FILE_AREA].count - CLFS_AREA_PAGE_BYTES, 16384));
            break;
        case 10: /* lines: header, and first page */
            if (start->files[FILE_LINES].name == NULL)
                return;
            fuzz_take_patch (input, to_change (changed, FILE_LINES), 128);
            break;
        case 11:
            if (start->files[FILE_LINES].name == NULL)
                return;
            fuzz_take_patch (input, to_change (changed, FILE_LINES) + 4096, 4096);
            break;
        }
    }
}

/* Checksums of area and lines: CRC-32 of what stands before them. */
static void
fix_area (uint8_t *area)
{
    clfs_area_header *header = (clfs_area_header *) area;

    header->checksum = libdeflate_crc32 (0, header, offsetof (clfs_area_header, checksum));
}

static void
fix_lines (uint8_t *lines)
{
    const size_t checksum = 8 + 4 + 4 + 16 + 16 + 8 + 8 + 8; /* struct lines_header */
    const uint32_t value = libdeflate_crc32 (0, lines, checksum);

    memcpy (lines + checksum, &value, sizeof value);
}

/* Seals what was decoded. chain: each block has the checksum of the one before, as if it had always been so. */
static void
seal (changed *changed, bool chain, bool records)
{
    const start *start = changed->start;
    uint32_t previous = 0;

    for (unsigned i = 0; i < start->block_count; i++) {
        const place *place = &start->blocks[i];
        uint8_t *block = to_change (changed, (int) place->file) + place->offset;
        clfs_block_header *header = (clfs_block_header *) block;

        if (records)
            fuzz_fix_records (block, start->files[place->file].count - place->offset);
        if (chain && (header->block_flags & CLFS_BLOCK_CHAIN_START) == 0)
            header->previous_checksum = previous;
        fuzz_seal (block, start->files[place->file].count - place->offset, CLFS_SECTOR_DATA);
        previous = header->checksum;
    }
}

static void
seal_blf (changed *changed)
{
    const start *start = changed->start;

    for (int copy = 0; copy < 2; copy++) {
        const uint32_t offset = start->layout.general_offset[copy];
        fuzz_seal (changed->files[FILE_BLF] + offset, start->files[FILE_BLF].count - offset, CLFS_SECTOR_BASE);
    }
}

/* A map is changed in place: another file would have another inode. */
static void
put_map (clfs_sim_disk *disk, const image *image, const uint8_t *bytes)
{
    clfs_storage *storage;
    clfs_map *map;
    clfs_map_stat stat;

    FUZZ_REQUIRE (clfs_sim_storage_open (disk, 0, &storage) == STATUS_SUCCESS);
    FUZZ_REQUIRE (storage->ops->map (storage, image->name, 0, image->count, &map) == STATUS_SUCCESS);
    storage->ops->map_stat (map, &stat);
    FUZZ_REQUIRE (stat.allocated_bytes >= image->count);
    memcpy (stat.base, bytes, image->count);
    storage->ops->unmap (map);
    storage->ops->close (storage);
}

static void
put (clfs_sim_disk *disk, changed *changed, unsigned begin)
{
    const bool raw = (begin & 4) != 0;

    /* Sealing takes the decoded copies of both containers, so it is done only where one was changed. */
    if (changed->files[FILE_FIRST] != NULL || changed->files[FILE_SECOND] != NULL)
        seal (changed, (begin & 8) == 0, (begin & 16) == 0);
    if (changed->files[FILE_BLF] != NULL)
        seal_blf (changed);
    if (changed->files[FILE_AREA] != NULL && !raw)
        fix_area (changed->files[FILE_AREA]);
    if (changed->files[FILE_LINES] != NULL && !raw)
        fix_lines (changed->files[FILE_LINES]);
    for (int i = 0; i < FILES; i++) {
        const image *image = &changed->start->files[i];
        if (changed->files[i] == NULL)
            continue;
        if (i == FILE_AREA || i == FILE_LINES)
            put_map (disk, image, changed->files[i]);
        else
            clfs_sim_file_set (disk, image->name, changed->files[i], image->count);
        g_free (changed->files[i]);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static void
touch (const clfs_record *record)
{
    fuzz_touch (record->data, record->bytes);
}

static void
read_forward (clfs_cursor *cursor)
{
    clfs_record record;
    clfs_lsn_t before = 0;
    unsigned count = 0;
    NTSTATUS status = clfs_cursor_seek_from (cursor, 0, &record);

    for (; status == STATUS_SUCCESS; count++) {
        FUZZ_REQUIRE (count < 4 * CLFS_BLOCK_RECORDS_MAX * BLOCKS_MAX && (count == 0 || record.lsn > before));
        before = record.lsn;
        touch (&record);
        status = clfs_cursor_next (cursor, CLFS_RECORD_DATA | CLFS_RECORD_RESTART, &record);
    }
    for (; count > 0; count--) {
        status = clfs_cursor_back (cursor, CLFS_RECORD_DATA | CLFS_RECORD_RESTART, &record);
        if (status != STATUS_SUCCESS)
            return;
        FUZZ_REQUIRE (record.lsn <= before);
        before = record.lsn;
        touch (&record);
    }
}

static void
read_restarts (clfs_cursor *cursor)
{
    clfs_record record;
    clfs_lsn_t before = CLFS_INVALID_LSN;
    NTSTATUS status = clfs_cursor_restart (cursor, &record);

    for (unsigned count = 0; status == STATUS_SUCCESS; count++) {
        FUZZ_REQUIRE (record.lsn < before && record.type == CLFS_RECORD_RESTART);
        before = record.lsn;
        touch (&record);
        status = clfs_cursor_previous_restart (cursor, &record);
    }
}

static void
read_stream (clfs_cursor *cursor, const clfs_info *info)
{
    uint8_t buffer[READ_BYTES];
    uint64_t at = info->base_offset;
    size_t got;

    for (;;) {
        NTSTATUS status = clfs_cursor_read (cursor, at, buffer, sizeof buffer, false, &got);
        if (status != STATUS_SUCCESS || got == 0)
            return;
        FUZZ_REQUIRE (got <= sizeof buffer && at + got > at && at + got <= info->end_offset);
        at += got;
    }
}

static void
read_chain (clfs_log *log, enum clfs_cursor_mode mode, clfs_lsn_t from)
{
    clfs_cursor *cursor;
    clfs_record record;
    NTSTATUS status;

    if (clfs_cursor_open (log, mode, &cursor) != STATUS_SUCCESS)
        return;
    status = clfs_cursor_seek (cursor, from, &record);
    for (unsigned i = 0; status == STATUS_SUCCESS && i < STEPS_MAX; i++) {
        touch (&record);
        status = clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record);
    }
    clfs_cursor_close (cursor);
}

static void
read_all (clfs_log *log)
{
    clfs_container_info containers[8];
    clfs_cursor *cursor;
    clfs_info info;
    size_t count;

    clfs_log_info (log, &info);
    FUZZ_REQUIRE (memchr (info.error, 0, sizeof info.error) != NULL);
    (void) !clfs_log_containers (log, containers, G_N_ELEMENTS (containers), &count);
    if (clfs_cursor_open (log, CLFS_CURSOR_FORWARD, &cursor) != STATUS_SUCCESS)
        return;
    read_forward (cursor);
    read_restarts (cursor);
    read_stream (cursor, &info);
    clfs_cursor_close (cursor);
    read_chain (log, CLFS_CURSOR_PREVIOUS, info.last);
    read_chain (log, CLFS_CURSOR_UNDO_NEXT, info.last);
}

/* ---- acting ---------------------------------------------------------------------------------- */

/* The log while it is used, and the last record that was promised. */
typedef struct life {
    clfs_sim_disk *disk;
    unsigned flags; /* of the store */
    clfs_store *store;
    clfs_log *log;  /* NULL: it cannot be opened */
    clfs_lsn_t appended, promised;
    size_t appended_bytes, promised_bytes;
    unsigned deaths;
    bool changed; /* the input changed a file: it may have damaged what recovery reads before it comes to the promised */
} life;

static void
life_begin (life *life)
{
    life->store = open_store (life->disk, life->flags);
    if (clfs_log_open (life->store, NAME, CLFS_LOG_WRITE, &life->log) != STATUS_SUCCESS)
        life->log = NULL;
    life->appended = CLFS_INVALID_LSN;
}

static void
life_end (life *life)
{
    if (life->log != NULL)
        (void) !clfs_log_close (life->log);
    (void) !clfs_store_close (life->store);
    life->log = NULL;
}

/* A record that was flushed is there, with its bytes. Not where changes made the base pass it, or where the log says
 * that it is damaged. */
static void
check_promise (life *life)
{
    clfs_cursor *cursor;
    clfs_record record;
    clfs_info info;

    if (life->promised == CLFS_INVALID_LSN || (life->changed && life->log == NULL))
        return;
    FUZZ_REQUIRE (life->log != NULL);
    clfs_log_info (life->log, &info);
    if (life->changed && (life->promised < info.base || info.error[0] != '\0'))
        return;
    FUZZ_REQUIRE (clfs_cursor_open (life->log, CLFS_CURSOR_FORWARD, &cursor) == STATUS_SUCCESS);
    FUZZ_REQUIRE (clfs_cursor_seek (cursor, life->promised, &record) == STATUS_SUCCESS);
    FUZZ_REQUIRE (record.bytes == life->promised_bytes);
    touch (&record);
    clfs_cursor_close (cursor);
}

static void
promise (life *life)
{
    life->promised = life->appended;
    life->promised_bytes = life->appended_bytes;
}

/* The process dies, and perhaps the machine: a copy of the disk goes on. */
static void
life_dies (life *life, bool power, enum clfs_sim_survivors survivors)
{
    clfs_sim_disk *copy;

    if (life->deaths++ >= DEATHS_MAX) /* copies take most of the time */
        return;
    copy = clfs_sim_disk_copy (life->disk);
    life_end (life);
    clfs_sim_disk_free (life->disk);
    life->disk = copy;
    if (power)
        clfs_sim_power_loss (copy, survivors, NULL);
    else
        clfs_sim_kill (copy);
    life_begin (life);
    check_promise (life);
}

/* With FUZZ_TRACE set: what is about to be done, with what. */
static void
trace (const life *life, unsigned action)
{
    clfs_info info;

    if (g_getenv ("FUZZ_TRACE") == NULL)
        return;
    clfs_log_info (life->log, &info);
    fprintf (stderr,
             "action %u: state %d, base 0x%" PRIx64 ", last 0x%" PRIx64 ", next 0x%" PRIx64 ", durable below 0x%" PRIx64
             ", promised 0x%" PRIx64 "; %s\n",
             action, info.state, info.base, info.last, info.next, info.durable_below, life->promised, info.error);
}

/* One step. */
static void
act (life *life, fuzz_input *input)
{
    const unsigned action = (unsigned) fuzz_take (input, 1) % 16;
    clfs_cursor *cursor = NULL;
    clfs_record record;
    clfs_writer *writer;
    uint8_t buffer[READ_BYTES];
    size_t bytes;

    if (life->log == NULL)
        return;
    trace (life, action);
    switch (action) {
    case 0:
    case 1:
    case 2:
        bytes = fuzz_take (input, 1) * (action == 2 ? 400 : 7);
        if (append (life->log, (unsigned) bytes, bytes, fuzz_take (input, 1), &life->appended) == STATUS_SUCCESS)
            life->appended_bytes = bytes;
        else
            life->appended = CLFS_INVALID_LSN;
        break;
    case 3:
    case 4:
        if (clfs_log_flush (life->log, CLFS_NULL_LSN, NULL) == STATUS_SUCCESS && life->appended != CLFS_INVALID_LSN)
            promise (life);
        break;
    case 5:
    case 6:
        life_end (life);
        life_begin (life);
        check_promise (life);
        break;
    case 7:
        life_dies (life, false, CLFS_SIM_ALL);
        break;
    case 8:
        life_dies (life, true, fuzz_take (input, 1) % 3);
        break;
    case 9:
        if (clfs_log_set_base (life->log, fuzz_take (input, 8)) == STATUS_SUCCESS)
            life->promised = CLFS_INVALID_LSN;
        break;
    case 10:
        if (clfs_log_write_restart (life->log, "again", 5, CLFS_INVALID_LSN, NULL) == STATUS_SUCCESS
            && life->appended != CLFS_INVALID_LSN)
            promise (life);
        break;
    case 11:
        if (clfs_log_reset (life->log) == STATUS_SUCCESS)
            life->promised = life->appended = CLFS_INVALID_LSN;
        break;
    case 12:
        if (clfs_log_recover (life->log) != STATUS_SUCCESS)
            life->promised = life->appended = CLFS_INVALID_LSN;
        break;
    case 13:
    case 14:
        if (clfs_cursor_open (life->log, CLFS_CURSOR_FORWARD, &cursor) != STATUS_SUCCESS)
            break;
        if (clfs_cursor_seek (cursor, fuzz_take (input, 8), &record) == STATUS_SUCCESS)
            touch (&record);
        if (clfs_cursor_seek_offset (cursor, fuzz_take (input, 8), &record) == STATUS_SUCCESS)
            touch (&record);
        (void) !clfs_cursor_read (cursor, fuzz_take (input, 8), buffer, sizeof buffer, action == 14, &bytes);
        clfs_cursor_close (cursor);
        break;
    case 15:
        if (clfs_writer_open (life->log, &writer) != STATUS_SUCCESS)
            break;
        (void) !clfs_writer_write (writer, input->data, MIN (input->bytes, 40), 0, &bytes);
        (void) !clfs_writer_close (writer);
        break;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t bytes)
{
    fuzz_input input = { data, bytes };
    const unsigned begin = (unsigned) fuzz_take (&input, 1);
    changed changed = { .start = &starts[begin % STARTS] };
    life life = { .promised = CLFS_INVALID_LSN };

    life.disk = clfs_sim_disk_copy (changed.start->disk);
    change (&input, &changed);
    for (int i = 0; i < FILES; i++)
        life.changed = life.changed || changed.files[i] != NULL;
    put (life.disk, &changed, begin);
    life.flags = (begin & 64) == 0 ? 0 : (begin & 128) == 0 ? CLFS_STORE_READ_ONLY : CLFS_STORE_READ_ONLY | CLFS_STORE_ALL;
    life_begin (&life);
    if (life.log != NULL)
        read_all (life.log);
    for (unsigned i = 0; i < ACTIONS_MAX && input.bytes > 0; i++)
        act (&life, &input);
    if (life.log != NULL)
        read_all (life.log);
    life_end (&life);
    life_begin (&life);
    check_promise (&life);
    if (life.log != NULL)
        read_all (life.log);
    life_end (&life);
    clfs_sim_disk_free (life.disk);
    return 0;
}
