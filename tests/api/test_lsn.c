/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/testing.h"

#include <clfs/clfsw32.h>
#include <clfs/wdm.h>

static CLFS_LSN
lsn (ULONGLONG value)
{
    return (CLFS_LSN) { value };
}

static void
the_bounds_are_windows_numbers (void)
{
    CU_ASSERT_EQUAL (CLFS_LSN_NULL.Internal, 0);
    CU_ASSERT_EQUAL (CLFS_LSN_INVALID.Internal, 0xFFFFFFFF00000000ULL);
}

static void
comparison_is_unsigned_and_includes_the_bounds (void)
{
    CLFS_LSN one = lsn (0x7FFFFFFF00000000), other = lsn (0x8000000000000000), same = one;

    CU_ASSERT_TRUE (ClfsLsnEqual (&one, &same));
    CU_ASSERT_FALSE (ClfsLsnEqual (&one, &other));
    CU_ASSERT_TRUE (ClfsLsnLess (&one, &other));
    CU_ASSERT_FALSE (ClfsLsnLess (&other, &one));
    CU_ASSERT_FALSE (ClfsLsnLess (&one, &same));
    CU_ASSERT_TRUE (ClfsLsnGreater (&other, &one));
    CU_ASSERT_FALSE (ClfsLsnGreater (&one, &same));
    CU_ASSERT_TRUE (ClfsLsnLess (&CLFS_LSN_NULL, &CLFS_LSN_INVALID));
    CU_ASSERT_TRUE (ClfsLsnGreater (&CLFS_LSN_INVALID, &other));
}

static void
null_and_invalid_are_two_things (void)
{
    CLFS_LSN other = lsn (0x200);

    CU_ASSERT_TRUE (ClfsLsnNull (&CLFS_LSN_NULL));
    CU_ASSERT_FALSE (ClfsLsnNull (&CLFS_LSN_INVALID));
    CU_ASSERT_TRUE (ClfsLsnInvalid (&CLFS_LSN_INVALID));
    CU_ASSERT_FALSE (ClfsLsnInvalid (&CLFS_LSN_NULL));
    CU_ASSERT_FALSE (ClfsLsnNull (&other));
    CU_ASSERT_FALSE (ClfsLsnInvalid (&other));
}

static void
an_lsn_is_made_of_container_block_and_record (void)
{
    CLFS_LSN made = ClfsLsnCreate (7, 0x9000, 1);

    CU_ASSERT_EQUAL (made.Internal, 0x0000000700009001ULL);
    CU_ASSERT_EQUAL (ClfsLsnContainer (&made), 7);
    CU_ASSERT_EQUAL (ClfsLsnBlockOffset (&made), 0x9000);
    CU_ASSERT_EQUAL (ClfsLsnRecordSequence (&made), 1);
    made = ClfsLsnCreate (0xFFFFFFFE, 0xFFFFFE00, 511);
    CU_ASSERT_EQUAL (made.Internal, 0xFFFFFFFEFFFFFFFFULL);
    CU_ASSERT_EQUAL (ClfsLsnContainer (&made), 0xFFFFFFFE);
    CU_ASSERT_EQUAL (ClfsLsnBlockOffset (&made), 0xFFFFFE00);
    CU_ASSERT_EQUAL (ClfsLsnRecordSequence (&made), 511);
}

static void
bad_parts_make_the_invalid_lsn (void)
{
    CLFS_LSN made[] = { ClfsLsnCreate (0, 1, 0), ClfsLsnCreate (0, 511, 0), ClfsLsnCreate (0, 0, 512),
                        ClfsLsnCreate (0xFFFFFFFF, 0, 0), ClfsLsnCreate (0xFFFFFFFF, 512, 0) };

    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        CU_ASSERT_TRUE (ClfsLsnInvalid (&made[i]));
}

static void
later_and_earlier_go_by_one_and_stop_at_the_bounds (void)
{
    CLFS_LSN value = lsn (0x9001), last = lsn (0xFFFFFFFEFFFFFFFF), record511 = lsn (0x91FF), beyond = lsn (UINT64_MAX);
    CLFS_LSN null = CLFS_LSN_NULL, invalid = CLFS_LSN_INVALID;

    CU_ASSERT_EQUAL (ClfsLsnIncrement (&value).Internal, 0x9002);
    CU_ASSERT_EQUAL (ClfsLaterLsn (&value).Internal, 0x9002);
    CU_ASSERT_EQUAL (ClfsEarlierLsn (&value).Internal, 0x9000);
    CU_ASSERT_EQUAL (ClfsLsnIncrement (&record511).Internal, 0x9200);
    CU_ASSERT_EQUAL (ClfsLsnIncrement (&last).Internal, CLFS_LSN_INVALID.Internal);
    CU_ASSERT_EQUAL (ClfsLsnIncrement (&invalid).Internal, CLFS_LSN_INVALID.Internal);
    CU_ASSERT_EQUAL (ClfsLaterLsn (&invalid).Internal, CLFS_LSN_INVALID.Internal);
    CU_ASSERT_EQUAL (ClfsLaterLsn (&beyond).Internal, CLFS_LSN_INVALID.Internal);
    CU_ASSERT_EQUAL (ClfsEarlierLsn (&null).Internal, CLFS_LSN_INVALID.Internal);
    CU_ASSERT_EQUAL (ClfsEarlierLsn (&invalid).Internal, CLFS_LSN_INVALID.Internal);
}

static void
difference_counts_containers_blocks_and_at_most_a_block_within_one (void)
{
    CLFS_LSN start = ClfsLsnCreate (1, 0x1000, 2), same = start, record = ClfsLsnCreate (1, 0x1000, 5),
             block = ClfsLsnCreate (1, 0x3000, 0), container = ClfsLsnCreate (3, 0x200, 0);
    LONGLONG bytes = -1;

    CU_ASSERT_EQUAL (ClfsLsnDifference (&start, &same, 524288, 4096, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 0);
    CU_ASSERT_EQUAL (ClfsLsnDifference (&start, &record, 524288, 4096, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 4096);
    CU_ASSERT_EQUAL (ClfsLsnDifference (&start, &block, 524288, 4096, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 0x2000);
    CU_ASSERT_EQUAL (ClfsLsnDifference (&start, &container, 524288, 4096, &bytes), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (bytes, 2 * 524288 + 0x200 - 0x1000);
}

static void
difference_refuses_what_has_none (void)
{
    CLFS_LSN start = lsn (0x200), finish = lsn (0x400), invalid = CLFS_LSN_INVALID;
    CLFS_LSN far = lsn (0xFFFFFFFE00000000), high = lsn (0x1000), next = lsn (0x100000000);
    LONGLONG bytes = 77;

    CU_ASSERT_EQUAL (ClfsLsnDifference (NULL, &finish, 524288, 4096, &bytes), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (ClfsLsnDifference (&start, NULL, 524288, 4096, &bytes), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (ClfsLsnDifference (&start, &finish, 524288, 4096, NULL), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (ClfsLsnDifference (&finish, &start, 524288, 4096, &bytes), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (ClfsLsnDifference (&start, &invalid, 524288, 4096, &bytes), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (ClfsLsnDifference (&invalid, &invalid, 524288, 4096, &bytes), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (ClfsLsnDifference (&start, &far, 0xFFFFFFFF, 4096, &bytes), STATUS_INVALID_PARAMETER);
    /* An offset beyond the container size that was named would make it negative. */
    CU_ASSERT_EQUAL (ClfsLsnDifference (&high, &next, 512, 4096, &bytes), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (bytes, 77);
}

static void
user_mode_names_do_the_same (void)
{
    CLFS_LSN one = LsnCreate (2, 0x400, 3), other = LsnIncrement (&one);

    CU_ASSERT_EQUAL (one.Internal, 0x200000403ULL);
    CU_ASSERT_EQUAL (other.Internal, 0x200000404ULL);
    CU_ASSERT_EQUAL (LsnContainer (&one), 2);
    CU_ASSERT_EQUAL (LsnBlockOffset (&one), 0x400);
    CU_ASSERT_EQUAL (LsnRecordSequence (&one), 3);
    CU_ASSERT_TRUE (LsnLess (&one, &other));
    CU_ASSERT_FALSE (LsnLess (&other, &one));
    CU_ASSERT_TRUE (LsnGreater (&other, &one));
    CU_ASSERT_FALSE (LsnGreater (&one, &other));
    CU_ASSERT_TRUE (LsnEqual (&one, &one));
    CU_ASSERT_FALSE (LsnEqual (&one, &other));
    CU_ASSERT_TRUE (LsnNull (&CLFS_LSN_NULL));
    CU_ASSERT_FALSE (LsnNull (&one));
    CU_ASSERT_TRUE (LsnInvalid (&CLFS_LSN_INVALID));
    CU_ASSERT_FALSE (LsnInvalid (&one));
}

static const clfs_test tests[] = {
    CLFS_TEST (the_bounds_are_windows_numbers),
    CLFS_TEST (comparison_is_unsigned_and_includes_the_bounds),
    CLFS_TEST (null_and_invalid_are_two_things),
    CLFS_TEST (an_lsn_is_made_of_container_block_and_record),
    CLFS_TEST (bad_parts_make_the_invalid_lsn),
    CLFS_TEST (later_and_earlier_go_by_one_and_stop_at_the_bounds),
    CLFS_TEST (difference_counts_containers_blocks_and_at_most_a_block_within_one),
    CLFS_TEST (difference_refuses_what_has_none),
    CLFS_TEST (user_mode_names_do_the_same),
};
CLFS_TEST_MAIN (tests)
