/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract.h - what every storage promises (storage.h), as tests that run over each implementation.
 *
 * A program provides the fixture and puts CLFS_CONTRACT_TESTS into its table.
 */
#ifndef CLFS_TESTS_STORAGE_CONTRACT_H
#define CLFS_TESTS_STORAGE_CONTRACT_H

#include "storage/storage.h"
#include "tests/testing.h"

/* A new, empty store; its end. */
void fixture_begin (void);
void fixture_end (void);
/* One more storage ("process") on it; the caller closes it. */
clfs_storage *fixture_open (unsigned flags);

/* Files for the tests; each fails the running test if it cannot. */
clfs_file *make_file (clfs_storage *storage, const char *name, const void *bytes, size_t count);
clfs_file *open_file (clfs_storage *storage, const char *name, unsigned flags);
void write_bytes (clfs_file *file, uint64_t offset, const void *bytes, size_t count);
void expect_bytes (clfs_file *file, uint64_t offset, const void *bytes, size_t count);
uint64_t size_of (clfs_file *file);
bool exists (clfs_storage *storage, const char *name);

#define CU_ASSERT_STATUS(call, status) CU_ASSERT_EQUAL ((call), (status))
#define CU_ASSERT_OK(call) CU_ASSERT_EQUAL ((call), STATUS_SUCCESS)
#define CU_ASSERT_OK_FATAL(call) CU_ASSERT_EQUAL_FATAL ((call), STATUS_SUCCESS)

void created_file_is_empty_and_creating_it_again_collides (void);
void missing_file_is_name_not_found (void);
void names_that_are_no_single_component_are_refused (void);
void vector_of_thousands_of_pieces_is_written_whole (void);
void read_is_short_only_at_the_end (void);
void file_opened_to_read_refuses_changes (void);
void offsets_beyond_63_bits_are_refused (void);
void filled_file_is_zeros_of_that_size_and_allocated (void);
void rename_replaces_only_if_asked (void);
void removed_file_stays_readable_through_its_handle (void);
void list_has_every_name_once (void);
void second_lock_is_a_sharing_violation_with_the_owners_pid (void);
void lock_file_holds_the_pid_as_text_until_unlocked (void);
void map_is_shared_and_outlives_who_made_it (void);
void map_grows_and_shrinks_and_grown_memory_is_zero (void);
void larger_area_than_asked_for_is_shown_whole (void);
void map_is_made_once_and_must_be_there_else (void);
void read_only_storage_refuses_each_change (void);
void surroundings_are_those_of_one_machine (void);
void threads_write_one_file_at_several_places (void);

#define CLFS_CONTRACT_TESTS                                                                                            \
    CLFS_TEST (created_file_is_empty_and_creating_it_again_collides),                                                  \
        CLFS_TEST (missing_file_is_name_not_found), CLFS_TEST (names_that_are_no_single_component_are_refused),        \
        CLFS_TEST (vector_of_thousands_of_pieces_is_written_whole), CLFS_TEST (read_is_short_only_at_the_end),         \
        CLFS_TEST (file_opened_to_read_refuses_changes), CLFS_TEST (offsets_beyond_63_bits_are_refused),               \
        CLFS_TEST (filled_file_is_zeros_of_that_size_and_allocated), CLFS_TEST (rename_replaces_only_if_asked),        \
        CLFS_TEST (removed_file_stays_readable_through_its_handle), CLFS_TEST (list_has_every_name_once),              \
        CLFS_TEST (second_lock_is_a_sharing_violation_with_the_owners_pid),                                            \
        CLFS_TEST (lock_file_holds_the_pid_as_text_until_unlocked), CLFS_TEST (map_is_shared_and_outlives_who_made_it), \
        CLFS_TEST (map_grows_and_shrinks_and_grown_memory_is_zero),                                                    \
        CLFS_TEST (larger_area_than_asked_for_is_shown_whole), CLFS_TEST (map_is_made_once_and_must_be_there_else),    \
        CLFS_TEST (read_only_storage_refuses_each_change), CLFS_TEST (surroundings_are_those_of_one_machine),          \
        CLFS_TEST (threads_write_one_file_at_several_places)

#endif
