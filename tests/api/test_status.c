/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/testing.h"

#include <clfs/clfs.h>

#include <errno.h>

static void
each_log_status_has_its_own_name_and_errno (void)
{
    static const struct {
        uint32_t number;
        const char *name;
        int error;
    } wanted[] = {
        { 0xC01A0001, "STATUS_LOG_SECTOR_INVALID", EIO },
        { 0xC01A0002, "STATUS_LOG_SECTOR_PARITY_INVALID", EIO },
        { 0xC01A0003, "STATUS_LOG_SECTOR_REMAPPED", EIO },
        { 0xC01A0004, "STATUS_LOG_BLOCK_INCOMPLETE", EMSGSIZE },
        { 0xC01A0005, "STATUS_LOG_INVALID_RANGE", ERANGE },
        { 0xC01A0006, "STATUS_LOG_BLOCKS_EXHAUSTED", ENOBUFS },
        { 0xC01A0007, "STATUS_LOG_READ_CONTEXT_INVALID", EBADF },
        { 0xC01A0008, "STATUS_LOG_RESTART_INVALID", EBADMSG },
        { 0xC01A0009, "STATUS_LOG_BLOCK_VERSION", EPROTO },
        { 0xC01A000A, "STATUS_LOG_BLOCK_INVALID", EBADMSG },
        { 0xC01A000B, "STATUS_LOG_READ_MODE_INVALID", EINVAL },
        { 0x401A000C, "STATUS_LOG_NO_RESTART", ENODATA },
        { 0xC01A000D, "STATUS_LOG_METADATA_CORRUPT", EUCLEAN },
        { 0xC01A000E, "STATUS_LOG_METADATA_INVALID", EINVAL },
        { 0xC01A000F, "STATUS_LOG_METADATA_INCONSISTENT", EUCLEAN },
        { 0xC01A0010, "STATUS_LOG_RESERVATION_INVALID", EINVAL },
        { 0xC01A0011, "STATUS_LOG_CANT_DELETE", EBUSY },
        { 0xC01A0012, "STATUS_LOG_CONTAINER_LIMIT_EXCEEDED", EMLINK },
        { 0xC01A0013, "STATUS_LOG_START_OF_LOG", ERANGE },
        { 0xC01A0014, "STATUS_LOG_POLICY_ALREADY_INSTALLED", EEXIST },
        { 0xC01A0015, "STATUS_LOG_POLICY_NOT_INSTALLED", ENOENT },
        { 0xC01A0016, "STATUS_LOG_POLICY_INVALID", EINVAL },
        { 0xC01A0017, "STATUS_LOG_POLICY_CONFLICT", EPERM },
        { 0xC01A0018, "STATUS_LOG_PINNED_ARCHIVE_TAIL", ENOSPC },
        { 0xC01A0019, "STATUS_LOG_RECORD_NONEXISTENT", ENOENT },
        { 0xC01A001A, "STATUS_LOG_RECORDS_RESERVED_INVALID", EINVAL },
        { 0xC01A001B, "STATUS_LOG_SPACE_RESERVED_INVALID", EINVAL },
        { 0xC01A001C, "STATUS_LOG_TAIL_INVALID", EINVAL },
        { 0xC01A001D, "STATUS_LOG_FULL", ENOSPC },
        { 0xC01A001E, "STATUS_LOG_MULTIPLEXED", EPERM },
        { 0xC01A001F, "STATUS_LOG_DEDICATED", EPERM },
        { 0xC01A0020, "STATUS_LOG_ARCHIVE_NOT_IN_PROGRESS", EINVAL },
        { 0xC01A0021, "STATUS_LOG_ARCHIVE_IN_PROGRESS", EBUSY },
        { 0xC01A0022, "STATUS_LOG_EPHEMERAL", EOPNOTSUPP },
        { 0xC01A0023, "STATUS_LOG_NOT_ENOUGH_CONTAINERS", ENXIO },
        { 0xC01A0024, "STATUS_LOG_CLIENT_ALREADY_REGISTERED", EALREADY },
        { 0xC01A0025, "STATUS_LOG_CLIENT_NOT_REGISTERED", ESRCH },
        { 0xC01A0026, "STATUS_LOG_FULL_HANDLER_IN_PROGRESS", EINPROGRESS },
        { 0xC01A0027, "STATUS_LOG_CONTAINER_READ_FAILED", EIO },
        { 0xC01A0028, "STATUS_LOG_CONTAINER_WRITE_FAILED", EIO },
        { 0xC01A0029, "STATUS_LOG_CONTAINER_OPEN_FAILED", EIO },
        { 0xC01A002A, "STATUS_LOG_CONTAINER_STATE_INVALID", EBUSY },
        { 0xC01A002B, "STATUS_LOG_STATE_INVALID", EBUSY },
        { 0xC01A002C, "STATUS_LOG_PINNED", ENOSPC },
        { 0xC01A002D, "STATUS_LOG_METADATA_FLUSH_FAILED", EIO },
        { 0xC01A002E, "STATUS_LOG_INCONSISTENT_SECURITY", EACCES },
        { 0xC01A002F, "STATUS_LOG_APPENDED_FLUSH_FAILED", EIO },
        { 0xC01A0030, "STATUS_LOG_PINNED_RESERVATION", ENOSPC },
    };

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        CU_ASSERT_STRING_EQUAL (clfs_status_name ((NTSTATUS) wanted[i].number), wanted[i].name);
        CU_ASSERT_EQUAL (clfs_status_errno ((NTSTATUS) wanted[i].number), wanted[i].error);
    }
}

static void
general_statuses_have_the_errno_that_a_program_expects (void)
{
    static const struct {
        uint32_t number;
        int error;
    } wanted[] = {
        { 0x00000000, 0 },          { 0x00000103, EINPROGRESS }, { 0x80000005, ERANGE },     { 0x8000001A, 0 },
        { 0xC0000001, EIO },        { 0xC0000008, EBADF },       { 0xC000000D, EINVAL },     { 0xC0000011, 0 },
        { 0xC0000017, ENOMEM },     { 0xC0000022, EACCES },      { 0xC0000023, EMSGSIZE },   { 0xC0000033, EINVAL },
        { 0xC0000034, ENOENT },     { 0xC0000035, EEXIST },      { 0xC000003A, ENOENT },     { 0xC0000043, EBUSY },
        { 0xC0000056, ENOENT },     { 0xC000007F, ENOSPC },      { 0xC000009A, ENOMEM },     { 0xC00000A2, EROFS },
        { 0xC00000BB, EOPNOTSUPP }, { 0xC00000EF, EINVAL },      { 0xC00000F0, EINVAL },     { 0xC00000F1, EINVAL },
        { 0xC0000101, ENOTEMPTY },  { 0xC000011F, EMFILE },      { 0xC0000120, EINTR },      { 0xC0000185, EIO },
        { 0xC0000225, ENOENT },     { 0xC0000802, EDQUOT },
    };

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        CU_ASSERT_EQUAL (clfs_status_errno ((NTSTATUS) wanted[i].number), wanted[i].error);
}

static void
an_unknown_status_has_a_name_and_is_eio_if_it_is_a_failure (void)
{
    CU_ASSERT_STRING_EQUAL (clfs_status_name ((NTSTATUS) 0xC0DEC0DE), "unknown status");
    CU_ASSERT_EQUAL (clfs_status_errno ((NTSTATUS) 0xC0DEC0DE), EIO);
    CU_ASSERT_EQUAL (clfs_status_errno ((NTSTATUS) 0x00DEC0DE), 0);
}

static const clfs_test tests[] = {
    CLFS_TEST (each_log_status_has_its_own_name_and_errno),
    CLFS_TEST (general_statuses_have_the_errno_that_a_program_expects),
    CLFS_TEST (an_unknown_status_has_a_name_and_is_eio_if_it_is_a_failure),
};
CLFS_TEST_MAIN (tests)
