/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz.h - what the libFuzzer programs share: reading an input as instructions, sealing blocks anew, running.
 *
 * Checksums and signatures would stop nearly all changed bytes, so inputs are changes to decoded blocks, which are
 * sealed again. Small inputs reach deep, and a failing one stays small.
 *
 * Without arguments a program runs a fixed number of inputs from FUZZ_SEED (1), or for FUZZ_SECONDS from a seed that is chosen and
 * printed, and from its part of tests/fuzz/corpus; what fails is written to a file. With arguments it is libFuzzer as it is: a file is replayed.
 */
#ifndef CLFS_TESTS_FUZZ_H
#define CLFS_TESTS_FUZZ_H

#include "format/block.h"

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t bytes);
int LLVMFuzzerInitialize (int *argc, char ***argv);

/* Called once before the first input. Each program has one. */
void fuzz_prepare (void);

/* Ends the program when a promise is broken: libFuzzer then keeps the input. */
#define FUZZ_REQUIRE(condition) \
    do { \
        if (!(condition)) \
            fuzz_broken (__FILE__, __LINE__, #condition); \
    } while (0)
_Noreturn void fuzz_broken (const char *file, int line, const char *condition);

/* The rest of an input. Beyond its end everything is 0. */
typedef struct fuzz_input {
    const uint8_t *data;
    size_t bytes;
} fuzz_input;

/* A little-endian number of `bytes` (1 to 8) bytes. */
uint64_t fuzz_take (fuzz_input *input, unsigned bytes);

/* Copies bytes of the input over `to`: an offset (3 bytes, taken modulo `room`), a length (1 byte), then those. Returns the offset. */
size_t fuzz_take_patch (fuzz_input *input, uint8_t *to, size_t room);

/* A copy that is exactly as long as it says, so that a read beyond is seen. g_free. */
uint8_t *fuzz_copy (const void *from, size_t bytes);

/* Reads all of it, for a sanitizer to see. */
void fuzz_touch (const void *data, size_t bytes);

/* Seals the decoded block in the first of `room` bytes, as its header says it is. kind: CLFS_SECTOR_DATA or CLFS_SECTOR_BASE.
 * False, nothing changed: the header is impossible. */
bool fuzz_seal (uint8_t *block, size_t room, uint8_t kind);

/* Writes the checksums of the records that follow each other in a decoded data block, and the block's count of them. */
void fuzz_fix_records (uint8_t *block, size_t room);

/* Nothing is said. */
void fuzz_quiet (int level, const char *line, void *data);

#endif
