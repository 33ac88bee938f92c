/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/block.h"
#include "format/signature.h"
#include "tests/format/samples.h"
#include "tests/testing.h"

static const uint32_t sizes[] = { 1, 2, 3, 4, 61, 64, 254, 255, 256, 2047, 2057 };
static const uint64_t log_id = SAMPLE_LOG_ID;

static size_t
bytes_of (uint32_t sectors)
{
    return (size_t) sectors * CLFS_SECTOR_BYTES;
}

/* What was read; a sanitizer sees a read outside. */
static volatile uint8_t sink;

/* Reads everything that a good block says it has; false if any of it is outside. */
static bool
records_are_inside (const uint8_t *block, const clfs_block_info *info, uint64_t address)
{
    const uint8_t *end = block + bytes_of (info->sectors);
    uint32_t offset = CLFS_BLOCK_HEADER_BYTES;

    for (uint32_t i = 0; i < info->record_count; i++) {
        clfs_record_view view;

        if (clfs_record_at (block, info->record_end, offset, address + i, false, 0, &view) != STATUS_SUCCESS)
            return false;
        if (view.payload < block || view.payload > end || view.payload_bytes > (size_t) (end - view.payload))
            return false;
        for (uint32_t j = 0; j < view.payload_bytes; j++)
            sink ^= view.payload[j];
        offset = view.next_offset;
    }
    return offset >= info->record_end;
}

static void
structures_have_the_documented_sizes (void)
{
    CU_ASSERT_EQUAL (sizeof (clfs_block_header), 0x70);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, checksum), 0x0C);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, current_lsn), 0x18);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, record_offsets), 0x28);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, magic), 0x34);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, durable_lsn), 0x40);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, stream_offset), 0x48);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, sealed_ns), 0x50);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, epoch), 0x58);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, previous_checksum), 0x5C);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, record_count), 0x64);
    CU_ASSERT_EQUAL (offsetof (clfs_block_header, signatures_offset), 0x68);
    CU_ASSERT_EQUAL (sizeof (clfs_record_header), 40);
    CU_ASSERT_EQUAL (offsetof (clfs_record_header, checksum), 0x1C);
    CU_ASSERT_EQUAL (offsetof (clfs_record_header, type), 0x24);
}

static void
geometry_is_that_of_the_measured_log (void)
{
    CU_ASSERT_EQUAL (clfs_block_signatures_offset (1), 0x1F8);
    CU_ASSERT_EQUAL (clfs_block_signatures_offset (2), 0x3F8);
    CU_ASSERT_EQUAL (clfs_block_signatures_offset (3), 0x5F8);
    CU_ASSERT_EQUAL (clfs_block_signatures_offset (61), 0x7980);
}

static void
sectors_are_the_fewest_that_hold_the_records (void)
{
    for (uint32_t sectors = 1; sectors <= 4096; sectors++) {
        const uint32_t room = clfs_block_room (sectors);

        CU_ASSERT_EQUAL (clfs_block_sectors_for (room, 1), sectors);
        CU_ASSERT_EQUAL (clfs_block_sectors_for (room + 1, 1), sectors + 1);
        CU_ASSERT_EQUAL (clfs_block_sectors_for (room, 8), (sectors + 7) / 8 * 8);
        CU_ASSERT_EQUAL (clfs_block_payload_max (sectors), room - 112 - 40);
    }
    CU_ASSERT_EQUAL (clfs_block_sectors_for (0, 1), 1);
    CU_ASSERT_EQUAL (clfs_block_sectors_for (clfs_block_room (CLFS_BLOCK_SECTORS_MAX), 1), CLFS_BLOCK_SECTORS_MAX);
}

static void
full_block_of_every_size_reads_back (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
        const size_t bytes = bytes_of (sizes[i]);
        g_autofree uint8_t *sealed = sample_block_full (sizes[i]);
        g_autofree uint8_t *opened = g_memdup2 (sealed, bytes);
        clfs_block_info info;
        clfs_record_view view;
        uint32_t wrong = 0;
        uint64_t state = clfs_block_payload_max (sizes[i]);

        CU_ASSERT_EQUAL (clfs_block_open (opened, bytes, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_GOOD);
        CU_ASSERT_EQUAL (info.sectors, sizes[i]);
        CU_ASSERT_EQUAL (info.record_count, 1);
        CU_ASSERT_EQUAL (info.record_end, clfs_block_room (sizes[i]));
        CU_ASSERT_EQUAL (info.stream_bytes, clfs_block_payload_max (sizes[i]));
        CU_ASSERT_EQUAL_FATAL (clfs_record_at (opened, info.record_end, 0x70, SAMPLE_ADDRESS, true, 0, &view),
                               STATUS_SUCCESS);
        CU_ASSERT_EQUAL_FATAL (view.payload_bytes, clfs_block_payload_max (sizes[i]));
        for (uint32_t j = 0; j < view.payload_bytes; j++)
            wrong += view.payload[j] != (uint8_t) sample_random (&state);
        CU_ASSERT_EQUAL (wrong, 0);

        /* Sealing what was opened gives the same bytes: a recovery writes exactly what was there. */
        clfs_block_save_displaced (opened, sizes[i]);
        clfs_block_sign (opened, sizes[i], 1);
        clfs_block_store_checksum (opened, sizes[i]);
        CU_ASSERT_EQUAL (memcmp (opened, sealed, bytes), 0);
    }
}

static void
what_a_block_says_comes_back (void)
{
    g_autofree uint8_t *block = sample_block_small (3, 9);
    const uint32_t checksum = ((clfs_block_header *) block)->checksum;
    clfs_block_info info;
    uint32_t offset = 0x70, seed = 0, data_bytes = 0;

    CU_ASSERT_EQUAL (clfs_block_open (block, bytes_of (3), SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_GOOD);
    CU_ASSERT_TRUE (info.ours);
    CU_ASSERT_EQUAL (info.sectors, 3);
    CU_ASSERT_EQUAL (info.record_count, 9);
    CU_ASSERT_EQUAL (info.checksum, checksum);
    CU_ASSERT_EQUAL (info.previous_checksum, 0xCAFEBABE);
    CU_ASSERT_EQUAL (info.epoch, 7);
    CU_ASSERT_EQUAL (info.flags, CLFS_BLOCK_PADDED);
    CU_ASSERT_EQUAL (info.durable_lsn, SAMPLE_ADDRESS);
    CU_ASSERT_EQUAL (info.stream_offset, 1000);
    CU_ASSERT_EQUAL (info.log_id, SAMPLE_LOG_ID);
    CU_ASSERT_EQUAL (info.sealed_ns, INT64_C (1700000000000000000));
    for (uint32_t i = 0; i < 9; i++) {
        clfs_record_view view;

        CU_ASSERT_EQUAL_FATAL (clfs_record_at (block, info.record_end, offset, SAMPLE_ADDRESS + i, true, seed, &view),
                               STATUS_SUCCESS);
        CU_ASSERT_EQUAL (view.payload_bytes, 3 + 7 * i);
        CU_ASSERT_EQUAL (view.header->type, (i % 3 == 2 ? 2u : 1u) | (i == 0 ? 4u : 0u) | (i == 8 ? 0x20u : 0u));
        data_bytes += i % 3 == 2 ? 0 : view.payload_bytes;
        seed = view.header->checksum;
        offset = view.next_offset;
    }
    CU_ASSERT_EQUAL (offset, info.record_end);
    CU_ASSERT_EQUAL (info.stream_bytes, data_bytes);
}

static void
block_of_512_records_reads_back_and_of_513_does_not (void)
{
    for (uint32_t count = 512; count <= 513; count++) {
        g_autofree uint8_t *block = g_malloc (bytes_of (255));
        sample_cursor cursor = { 0 };
        clfs_block_info info;

        sample_block_begin (block, 255, SAMPLE_ADDRESS);
        for (uint32_t i = 0; i < count; i++)
            sample_record (block, &cursor, CLFS_TYPE_DATA, CLFS_INVALID_LSN, "x", 1);
        sample_block_seal (block, 255, &cursor);
        CU_ASSERT_EQUAL (clfs_block_open (block, bytes_of (255), SAMPLE_ADDRESS, &log_id, &info),
                         count == 512 ? CLFS_BLOCK_GOOD : CLFS_BLOCK_HEADER);
    }
}

static void
filler_without_records_is_good (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
        g_autofree uint8_t *block = g_malloc (bytes_of (sizes[i]));
        clfs_block_info info;

        sample_block_begin (block, sizes[i], SAMPLE_ADDRESS);
        ((clfs_block_header *) block)->block_flags = CLFS_BLOCK_PADDED;
        sample_block_seal (block, sizes[i], NULL);
        CU_ASSERT_EQUAL (clfs_block_open (block, bytes_of (sizes[i]), SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_GOOD);
        CU_ASSERT_EQUAL (info.record_count, 0);
        CU_ASSERT_EQUAL (info.stream_bytes, 0);
        CU_ASSERT_EQUAL (info.record_end, 0x70);
    }
}

/* A process may die between any two instructions of a step; who takes over does that step again. */
static void
each_step_of_sealing_can_be_repeated_from_any_point (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
        const uint32_t sectors = sizes[i];
        const size_t bytes = bytes_of (sectors);
        const uint32_t array = clfs_block_signatures_offset (sectors);
        g_autofree uint8_t *sealed = sample_block_full (sectors);
        g_autofree uint8_t *decoded = g_memdup2 (sealed, bytes);
        g_autofree uint8_t *saved = NULL;
        g_autofree uint8_t *signed_block = NULL;
        const uint32_t step = sectors < 8 ? 1 : sectors / 7;

        clfs_block_restore (decoded, sectors);
        ((clfs_block_header *) decoded)->checksum = 0;
        saved = g_memdup2 (decoded, bytes);
        clfs_block_save_displaced (saved, sectors);
        signed_block = g_memdup2 (saved, bytes);
        clfs_block_sign (signed_block, sectors, 1);

        for (uint32_t done = 0; done <= sectors; done += step) {
            g_autofree uint8_t *again = g_memdup2 (decoded, bytes);

            for (uint32_t j = 0; j < done; j++)
                memcpy (again + array + 2 * j, saved + array + 2 * j, 2);
            clfs_block_save_displaced (again, sectors);
            CU_ASSERT_EQUAL (memcmp (again, saved, bytes), 0);

            for (uint32_t j = 0; j < done; j++)
                memcpy (again + bytes_of (j + 1) - 2, signed_block + bytes_of (j + 1) - 2, 2);
            clfs_block_sign (again, sectors, 1);
            CU_ASSERT_EQUAL (memcmp (again, signed_block, bytes), 0);

            clfs_block_sign (again, sectors, 1);
            clfs_block_store_checksum (again, sectors);
            clfs_block_sign (again, sectors, 1);
            clfs_block_store_checksum (again, sectors);
            CU_ASSERT_EQUAL (memcmp (again, sealed, bytes), 0);
        }
    }
}

static void
every_changed_bit_is_seen_and_bad_bytes_are_left_alone (void)
{
    const size_t bytes = bytes_of (2);
    g_autofree uint8_t *sealed = sample_block_small (2, 5);
    g_autofree uint8_t *block = g_malloc (bytes);
    g_autofree uint8_t *before = g_malloc (bytes);
    uint32_t missed = 0, touched = 0;

    for (size_t bit = 0; bit < bytes * 8; bit++) {
        clfs_block_info info;

        memcpy (before, sealed, bytes);
        before[bit / 8] ^= (uint8_t) (1u << (bit % 8));
        memcpy (block, before, bytes);
        missed += clfs_block_open (block, bytes, SAMPLE_ADDRESS, &log_id, &info) == CLFS_BLOCK_GOOD;
        touched += memcmp (block, before, bytes) != 0;
        memcpy (block, before, bytes);
        missed += clfs_block_open (block, bytes, SAMPLE_ADDRESS, NULL, &info) == CLFS_BLOCK_GOOD;
    }
    CU_ASSERT_EQUAL (missed, 0);
    CU_ASSERT_EQUAL (touched, 0);
}

static void
every_changed_bit_of_an_open_blocks_record_is_seen (void)
{
    g_autofree uint8_t *block = g_malloc (bytes_of (1));
    sample_cursor cursor = { 0 };
    uint32_t second, seed, missed = 0;
    clfs_record_view view;

    sample_block_begin (block, 1, SAMPLE_ADDRESS);
    sample_record (block, &cursor, CLFS_TYPE_DATA, CLFS_INVALID_LSN, "first", 5);
    second = cursor.offset;
    seed = cursor.seed;
    sample_record (block, &cursor, CLFS_TYPE_DATA, SAMPLE_ADDRESS, "second record", 13);
    CU_ASSERT_EQUAL (clfs_record_at (block, cursor.offset, second, SAMPLE_ADDRESS + 1, true, seed, &view),
                     STATUS_SUCCESS);
    for (uint32_t bit = 0; bit < (40 + 13) * 8; bit++) {
        block[second + bit / 8] ^= (uint8_t) (1u << (bit % 8));
        /* The LAST bit is set after the checksum was taken. */
        if (bit / 8 != 0x24 || bit % 8 != 5)
            missed += clfs_record_at (block, cursor.offset, second, SAMPLE_ADDRESS + 1, true, seed, &view) ==
                      STATUS_SUCCESS;
        block[second + bit / 8] ^= (uint8_t) (1u << (bit % 8));
    }
    CU_ASSERT_EQUAL (missed, 0);
    /* It hangs on the record before it. */
    CU_ASSERT_EQUAL (clfs_record_at (block, cursor.offset, second, SAMPLE_ADDRESS + 1, true, seed ^ 1, &view),
                     STATUS_LOG_BLOCK_INVALID);
}

static void
running_checksum_is_crc32_over_header_and_payload (void)
{
    /* The numbers are those of zlib's crc32 () for 40 zero bytes, and for these and an `a`, from 0 and from 1. */
    const clfs_record_header zero = { 0 };
    const clfs_record_header last = { .type = CLFS_TYPE_LAST, .checksum = 0x12345678 };

    CU_ASSERT_EQUAL (clfs_record_checksum (0, &zero, NULL, 0), 0xE9EC3DB1);
    CU_ASSERT_EQUAL (clfs_record_checksum (0, &last, NULL, 0), 0xE9EC3DB1);
    CU_ASSERT_EQUAL (clfs_record_checksum (0, &zero, "a", 1), 0x5438D164);
    CU_ASSERT_EQUAL (clfs_record_checksum (1, &zero, "a", 1), 0xBC2F41C5);
}

static void
each_kind_of_bad_block_is_named (void)
{
    const size_t bytes = bytes_of (3);
    g_autofree uint8_t *sealed = sample_block_small (3, 5);
    g_autofree uint8_t *block = g_memdup2 (sealed, bytes);
    clfs_block_header *header = (clfs_block_header *) block;
    const uint64_t other = SAMPLE_LOG_ID + 1;
    clfs_block_info info;

    CU_ASSERT_EQUAL (clfs_block_open (block, 511, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_SHORT);
    CU_ASSERT_EQUAL (clfs_block_open (block, bytes - 1, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_SHORT);
    CU_ASSERT_EQUAL (clfs_block_open (block, bytes, SAMPLE_ADDRESS + 512, &log_id, &info), CLFS_BLOCK_ADDRESS);
    CU_ASSERT_EQUAL (clfs_block_open (block, bytes, SAMPLE_ADDRESS, &other, &info), CLFS_BLOCK_FOREIGN);
    CU_ASSERT_EQUAL (memcmp (block, sealed, bytes), 0);

    header->major = 0x16;
    CU_ASSERT_EQUAL (clfs_block_open (block, bytes, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_HEADER);
    memcpy (block, sealed, bytes);
    block[1023] ^= 1;
    CU_ASSERT_EQUAL (clfs_block_open (block, bytes, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_SIGNATURE);
    memcpy (block, sealed, bytes);
    block[200] ^= 1;
    CU_ASSERT_EQUAL (clfs_block_open (block, bytes, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_CHECKSUM);
    memcpy (block, sealed, bytes);
    header->record_count = 4;
    clfs_block_store_checksum (block, 3);
    memcpy (sealed, block, bytes);
    CU_ASSERT_EQUAL (clfs_block_open (block, bytes, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_RECORDS);
    CU_ASSERT_EQUAL (memcmp (block, sealed, bytes), 0);
    memset (block, 0, 512);
    CU_ASSERT_EQUAL (clfs_block_open (block, bytes, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_ZERO);
    for (int fault = CLFS_BLOCK_GOOD; fault <= CLFS_BLOCK_RECORDS; fault++)
        CU_ASSERT_STRING_NOT_EQUAL (clfs_block_fault_text ((clfs_block_fault) fault), "unknown fault");
}

static void
wrong_number_of_records_is_seen (void)
{
    const size_t bytes = bytes_of (3);

    for (uint16_t count = 1; count < 9; count++) {
        g_autofree uint8_t *block = sample_block_small (3, 5);
        clfs_block_info info;

        ((clfs_block_header *) block)->record_count = count;
        clfs_block_store_checksum (block, 3);
        CU_ASSERT_EQUAL (clfs_block_open (block, bytes, SAMPLE_ADDRESS, &log_id, &info),
                         count == 5 ? CLFS_BLOCK_GOOD : CLFS_BLOCK_RECORDS);
    }
}

static void
header_fields_of_ours_have_the_documented_values (void)
{
    /* Each byte that has one value only, with a checksum that fits: nothing but the check of the field itself can
     * see it. */
    static const struct {
        uint8_t offset, bytes;
    } fields[] = {
        { 0x00, 2 }, { 0x03, 1 }, { 0x04, 4 }, { 0x08, 4 }, { 0x10, 8 }, { 0x20, 8 },
        { 0x28, 12 }, { 0x60, 4 }, { 0x66, 2 }, { 0x68, 8 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
        for (uint32_t at = fields[i].offset; at < (uint32_t) fields[i].offset + fields[i].bytes; at++)
            for (int bit = 0; bit < 8; bit++) {
                g_autofree uint8_t *block = sample_block_small (2, 3);
                clfs_block_info info;

                block[at] ^= (uint8_t) (1u << bit);
                if (at == 0x62 && bit < 2)
                    continue; /* the flags that there are */
                clfs_block_store_checksum (block, 2);
                CU_ASSERT_EQUAL (clfs_block_open (block, bytes_of (2), SAMPLE_ADDRESS, &log_id, &info),
                                 CLFS_BLOCK_HEADER);
            }
}

static void
torn_block_is_seen_wherever_it_is_torn (void)
{
    /* Over zero bytes, and over another sealed block with the same address and usn: each sector may be old or new. */
    const size_t bytes = bytes_of (4);
    g_autofree uint8_t *sealed = sample_block_small (4, 12);
    g_autofree uint8_t *old = sample_block_full (4);

    for (unsigned mask = 0; mask < 15; mask++) {
        g_autofree uint8_t *torn = g_memdup2 (sealed, bytes);
        clfs_block_info info;

        for (uint32_t i = 0; i < 4; i++)
            if ((mask & (1u << i)) == 0)
                memset (torn + bytes_of (i), 0, 512);
        CU_ASSERT_NOT_EQUAL (clfs_block_open (torn, bytes, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_GOOD);
        if (mask == 0)
            continue;
        for (uint32_t i = 0; i < 4; i++)
            memcpy (torn + bytes_of (i), ((mask & (1u << i)) != 0 ? sealed : old) + bytes_of (i), 512);
        CU_ASSERT_NOT_EQUAL (clfs_block_open (torn, bytes, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_GOOD);
    }
}

/* Opens hostile bytes in a buffer of exactly their size; whatever the verdict, nothing outside may be reached. */
static uint32_t
hostile_violations (const uint8_t *bytes, size_t count)
{
    uint32_t violations = 0;

    for (int foreign_wanted = 0; foreign_wanted < 2; foreign_wanted++) {
        g_autofree uint8_t *exact = g_memdup2 (bytes, count);
        clfs_block_info info;

        if (clfs_block_open (exact, count, SAMPLE_ADDRESS, foreign_wanted ? NULL : &log_id, &info) == CLFS_BLOCK_GOOD)
            violations += info.sectors > count / 512 || info.record_end > count ||
                          !records_are_inside (exact, &info, SAMPLE_ADDRESS);
        else
            violations += memcmp (exact, bytes, count) != 0;
    }
    return violations;
}

/* Signs and checksums whatever the header says, so that the hostile fields get past both. */
static void
reseal (uint8_t *block, uint32_t sectors, bool ours)
{
    clfs_signature_save (block, sectors, clfs_block_signatures_offset (sectors));
    clfs_signature_write (block, sectors, CLFS_SECTOR_DATA, ((clfs_block_header *) block)->usn);
    ((clfs_block_header *) block)->checksum = ours ? clfs_signature_checksum (block, sectors) : 0;
}

static void
hostile_fields_never_lead_outside_the_block (void)
{
    const size_t bytes = bytes_of (2);
    g_autofree uint8_t *decoded = sample_block_small (2, 5);
    g_autofree uint8_t *block = g_malloc (bytes);
    const uint64_t values[] = { 0, 1, 2, 7, 39, 40, 41, 111, 113, 511, 513, 0x3F7, 0x3F8, 0x3F9, 0x400, 0x401, 0x7FFF,
                                0x8000,
                                0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, UINT64_MAX, INT64_MAX };
    uint32_t violations = 0, end;
    clfs_block_info info;

    CU_ASSERT_EQUAL (clfs_block_open (decoded, bytes, SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_GOOD);
    end = info.record_end;
    for (int ours = 1; ours >= 0; ours--) {
        if (!ours)
            memset (decoded + 0x34, 0, 0x34);
        for (uint32_t at = 0; at < end; at++)
            for (uint32_t width = 1; width <= 8; width *= 2)
                for (size_t v = 0; v < G_N_ELEMENTS (values) + 2; v++) {
                    uint64_t value = 0;

                    if (at % width != 0)
                        continue;
                    memcpy (&value, decoded + at, width);
                    value = v < G_N_ELEMENTS (values) ? values[v] : v == G_N_ELEMENTS (values) ? value + 1 : value - 1;
                    memcpy (block, decoded, bytes);
                    memcpy (block + at, &value, width);
                    reseal (block, 2, ours != 0);
                    violations += hostile_violations (block, bytes);
                }
    }
    CU_ASSERT_EQUAL (violations, 0);
}

static void
random_bytes_never_lead_outside_the_block (void)
{
    g_autofree uint8_t *good = sample_block_small (3, 9);
    uint64_t state = 42;
    uint32_t violations = 0;

    clfs_block_restore (good, 3);
    for (uint32_t round = 0; round < 20000; round++) {
        uint8_t block[3 * 512];
        const uint32_t changes = 1 + sample_random (&state) % 6;
        const bool ours = sample_random (&state) % 2;

        memcpy (block, good, sizeof block);
        if (!ours)
            memset (block + 0x34, 0, 0x34);
        if (round % 16 == 0)
            for (size_t i = 0; i < sizeof block; i++)
                block[i] = (uint8_t) sample_random (&state);
        for (uint32_t i = 0; i < changes; i++)
            block[sample_random (&state) % 600] = (uint8_t) sample_random (&state);
        if (round % 2 == 0)
            memcpy (block, good, 0x20);
        reseal (block, 3, ours);
        violations += hostile_violations (block, sizeof block);
        violations += hostile_violations (block, 512 + sample_random (&state) % 1024);
    }
    CU_ASSERT_EQUAL (violations, 0);
}

static void
block_without_additions_is_good_only_where_any_log_is_wanted (void)
{
    g_autofree uint8_t *block = sample_block_small (2, 3);
    g_autofree uint8_t *again = NULL;
    clfs_block_info info;

    clfs_block_restore (block, 2);
    memset (block + 0x34, 0, 0x34);
    reseal (block, 2, false);
    again = g_memdup2 (block, bytes_of (2));
    CU_ASSERT_EQUAL (clfs_block_open (block, bytes_of (2), SAMPLE_ADDRESS, &log_id, &info), CLFS_BLOCK_FOREIGN);
    CU_ASSERT_EQUAL (clfs_block_open (again, bytes_of (2), SAMPLE_ADDRESS, NULL, &info), CLFS_BLOCK_GOOD);
    CU_ASSERT_FALSE (info.ours);
    CU_ASSERT_EQUAL (info.record_count, 3);
    CU_ASSERT_EQUAL (info.stream_bytes, 3 + 10);
    CU_ASSERT_EQUAL (info.epoch, 0);
}

static void
first_sector_tells_length_and_beginning (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
        g_autofree uint8_t *block = sample_block_full (sizes[i]);
        uint32_t beginnings = 0;

        CU_ASSERT_EQUAL (clfs_block_peek_sectors (block, SAMPLE_ADDRESS), sizes[i]);
        CU_ASSERT_EQUAL (clfs_block_peek_sectors (block, SAMPLE_ADDRESS + 512), 0);
        for (uint32_t j = 0; j < sizes[i]; j++)
            beginnings += clfs_sector_begins_block (block + bytes_of (j));
        CU_ASSERT_EQUAL (beginnings, 1);
        CU_ASSERT_TRUE (clfs_sector_begins_block (block));
    }
    uint8_t zero[512] = { 0 };
    CU_ASSERT_EQUAL (clfs_block_peek_sectors (zero, 0), 0);
    CU_ASSERT_FALSE (clfs_sector_begins_block (zero));
}

static const clfs_test tests[] = {
    CLFS_TEST (structures_have_the_documented_sizes),
    CLFS_TEST (geometry_is_that_of_the_measured_log),
    CLFS_TEST (sectors_are_the_fewest_that_hold_the_records),
    CLFS_TEST (full_block_of_every_size_reads_back),
    CLFS_TEST (what_a_block_says_comes_back),
    CLFS_TEST (block_of_512_records_reads_back_and_of_513_does_not),
    CLFS_TEST (filler_without_records_is_good),
    CLFS_TEST (each_step_of_sealing_can_be_repeated_from_any_point),
    CLFS_TEST (every_changed_bit_is_seen_and_bad_bytes_are_left_alone),
    CLFS_TEST (every_changed_bit_of_an_open_blocks_record_is_seen),
    CLFS_TEST (running_checksum_is_crc32_over_header_and_payload),
    CLFS_TEST (each_kind_of_bad_block_is_named),
    CLFS_TEST (wrong_number_of_records_is_seen),
    CLFS_TEST (header_fields_of_ours_have_the_documented_values),
    CLFS_TEST (torn_block_is_seen_wherever_it_is_torn),
    CLFS_TEST (hostile_fields_never_lead_outside_the_block),
    CLFS_TEST (random_bytes_never_lead_outside_the_block),
    CLFS_TEST (block_without_additions_is_good_only_where_any_log_is_wanted),
    CLFS_TEST (first_sector_tells_length_and_beginning),
};

CLFS_TEST_MAIN (tests)
