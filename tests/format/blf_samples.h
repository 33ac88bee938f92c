/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blf_samples.h - base log files to read, damage and read again. */
#ifndef CLFS_TESTS_FORMAT_BLF_SAMPLES_H
#define CLFS_TESTS_FORMAT_BLF_SAMPLES_H

#include "tests/format/samples.h"

/* Bytes of a general block. */
size_t sample_general_bytes (const clfs_blf_layout *layout);

/* A file of ours with the layout that `containers` need; the counts are 33 and 34. g_free. */
uint8_t *sample_blf_file (const clfs_blf *blf, clfs_blf_layout *layout);

/* clfs_blf_parse on bytes that are exactly as long as they say, so that a sanitizer sees any read beyond; asserts
 * that they were left alone. */
NTSTATUS sample_parse (const uint8_t *file, size_t bytes, clfs_blf_report *report, clfs_blf **out);

/* Whether parsing says STATUS_LOG_METADATA_CORRUPT, and why. */
bool sample_file_is_refused (const uint8_t *file, size_t bytes);

/* Signatures and checksum over a decoded block that was changed. */
void sample_meta_reseal (uint8_t *block, uint32_t sectors);

/* The main general copy, decoded. g_free. */
uint8_t *sample_decoded_general (const uint8_t *file, const clfs_blf_layout *layout);

/* Whether a byte of a decoded general block says something: all do but unused slots of the arrays and the space
 * after the zone. */
bool sample_general_byte_is_used (const uint8_t *decoded, size_t at);

#endif
