/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* samples.h - blocks, metadata and files that the format's tests are made of. */
#ifndef CLFS_TESTS_FORMAT_SAMPLES_H
#define CLFS_TESTS_FORMAT_SAMPLES_H

#include "format/blf.h"
#include "format/block.h"

#define SAMPLE_LOG_ID UINT64_C (0x1122334455667788)
#define SAMPLE_ADDRESS UINT64_C (0x0000000300004200)

/* Begins a decoded block of ours in zeroed `block`: header with additions, no records. */
void sample_block_begin (uint8_t *block, uint32_t sectors, uint64_t address);

/* Appends a record, as the engine does; keeps count and offset in the caller's variables. type: CLFS_TYPE_DATA or
 * RESTART. */
typedef struct sample_cursor {
    uint32_t offset, seed;
} sample_cursor;
void sample_record (uint8_t *block, sample_cursor *cursor, uint32_t type, uint64_t previous, const void *payload,
                    uint32_t bytes);

/* Marks the last record; saves, signs and stores the checksum. Returns it. */
uint32_t sample_block_seal (uint8_t *block, uint32_t sectors, const sample_cursor *cursor);

/* A sealed block of `sectors` with one record that fills it; or with `records` records of odd lengths. g_free. */
uint8_t *sample_block_full (uint32_t sectors);
uint8_t *sample_block_small (uint32_t sectors, uint32_t records);

/* Metadata with every field set and `containers` containers with names as the engine gives them. */
clfs_blf *sample_blf (uint32_t containers);

/* Whether two say the same, dump count, usn and log id aside. */
gboolean sample_blf_equal (const clfs_blf *a, const clfs_blf *b);

/* A file below the source tree. g_free. */
uint8_t *sample_file (const char *path, size_t *bytes);

/* Pseudo-random, the same in every run. */
uint32_t sample_random (uint64_t *state);

#endif
