/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/api/api_testing.h"

static NTSTATUS
try_area (PLOG_FILE_OBJECT log, PALLOCATE_FUNCTION allocate, PFREE_FUNCTION release, ULONG bytes)
{
    PVOID area = NULL;
    NTSTATUS status = ClfsCreateMarshallingArea (log, PagedPool, allocate, release, bytes, 10, INFINITE, &area);

    if (status == STATUS_SUCCESS)
        CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    else
        CU_ASSERT_PTR_NULL (area);
    return status;
}

static VOID
release_memory (PVOID memory)
{
    ExFreePool (memory);
}

static void
an_area_to_write_needs_two_containers (void)
{
    PLOG_FILE_OBJECT log = NULL, reading = NULL;

    fresh_directory ();
    CHECK_FATAL (open_log ("L", READ_WRITE, SHARE_ALL, CREATE_NEW, &log), STATUS_SUCCESS);
    CHECK (try_area (log, NULL, NULL, 4096), STATUS_LOG_NOT_ENOUGH_CONTAINERS);
    CHECK_FATAL (add_containers (log, 1), STATUS_SUCCESS);
    CHECK (try_area (log, NULL, NULL, 4096), STATUS_LOG_NOT_ENOUGH_CONTAINERS);
    CHECK_FATAL (open_log ("L", GENERIC_READ, SHARE_ALL, OPEN_EXISTING, &reading), STATUS_SUCCESS);
    CHECK (try_area (reading, NULL, NULL, 4096), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (reading), STATUS_SUCCESS);
    CHECK (ClfsAddLogContainer (log, NULL, wide ("%%BLF%%\\second")), STATUS_SUCCESS);
    CHECK (try_area (log, NULL, NULL, 4096), STATUS_SUCCESS);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    drop_directory ();
}

static void
a_log_that_grows_by_itself_gets_its_containers (void)
{
    clfs_store *store = NULL;
    PLOG_FILE_OBJECT log = NULL;
    clfs_log_options options;

    fresh_directory ();
    clfs_log_options_init (&options);
    options.container_bytes = HALF_MIB;
    options.max_bytes = 8 * HALF_MIB;
    CHECK_FATAL (clfs_store_open (test_directory, NULL, &store), STATUS_SUCCESS);
    CHECK_FATAL (clfs_log_create (store, "L", &options, NULL), STATUS_SUCCESS);
    CHECK_FATAL (clfs_store_close (store), STATUS_SUCCESS);
    CHECK_FATAL (open_log ("L", READ_WRITE, 0, OPEN_EXISTING, &log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (information_of (log).TotalContainers, 0);
    CHECK (try_area (log, NULL, NULL, 4096), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (information_of (log).TotalContainers, 2);
    CHECK (try_area (log, NULL, NULL, 4096), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (information_of (log).TotalContainers, 2);
    CHECK (ClfsCloseLogFileObject (log), STATUS_SUCCESS);
    drop_directory ();
}

static void
a_bad_area_is_refused (void)
{
    fixture f = open_fixture ();
    PLOG_FILE_OBJECT nothing = NULL;
    PVOID area = NULL;

    CHECK (try_area (NULL, NULL, NULL, 4096), STATUS_INVALID_HANDLE);
    CHECK (try_area (f.area, NULL, NULL, 4096), STATUS_INVALID_HANDLE);
    CHECK (try_area (f.log, ExAllocatePoolWithTag, NULL, 4096), STATUS_INVALID_PARAMETER);
    CHECK (try_area (f.log, NULL, release_memory, 4096), STATUS_INVALID_PARAMETER);
    CHECK (try_area (f.log, NULL, NULL, 0), STATUS_INVALID_PARAMETER);
    CHECK (try_area (f.log, NULL, NULL, HALF_MIB + 1), STATUS_INVALID_PARAMETER);
    CHECK (try_area (f.log, NULL, NULL, 65536 * 512), STATUS_INVALID_PARAMETER);
    CHECK (try_area (f.log, NULL, NULL, UINT32_MAX), STATUS_INVALID_PARAMETER);
    CHECK (ClfsCreateMarshallingArea (f.log, PagedPool, NULL, NULL, 4096, 10, 10, NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsCreateMarshallingAreaEx (f.log, PagedPool, NULL, NULL, 4096, 10, 10, 3, 0, &area),
           STATUS_INVALID_PARAMETER);
    CHECK (ClfsCreateMarshallingAreaEx (f.log, PagedPool, NULL, NULL, 4096, 10, 10, 0, 2, &area),
           STATUS_INVALID_PARAMETER);
    CHECK_FATAL (open_log ("L", 0, 0, OPEN_EXISTING, &nothing), STATUS_SUCCESS);
    CHECK (try_area (nothing, NULL, NULL, 4096), STATUS_ACCESS_DENIED);
    CHECK (ClfsCloseLogFileObject (nothing), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
any_size_up_to_the_container_is_taken (void)
{
    fixture f = open_fixture ();
    PVOID area = NULL;

    CHECK (try_area (f.log, NULL, NULL, 1), STATUS_SUCCESS);
    CHECK (try_area (f.log, NULL, NULL, 513), STATUS_SUCCESS);
    CHECK (try_area (f.log, NULL, NULL, HALF_MIB), STATUS_SUCCESS);
    CHECK (ClfsCreateMarshallingAreaEx (f.log, NonPagedPoolNx, ExAllocatePoolWithTag, release_memory, 4096, INFINITE,
                                        INFINITE, 4096, CLFS_MARSHALLING_FLAG_DISABLE_BUFF_INIT, &area),
           STATUS_SUCCESS);
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_SUCCESS);
    close_fixture (&f);
}

static void
deleting_an_area_flushes (void)
{
    fixture f = open_fixture ();
    CLFS_LSN lsn = appended (f.area, "to be flushed");

    CHECK (ClfsDeleteMarshallingArea (f.area), STATUS_SUCCESS);
    f.area = NULL;
    CLFS_LSN flushed = information_of (f.log).LastFlushedLsn;
    CU_ASSERT_TRUE (ClfsLsnGreater (&flushed, &lsn));
    close_fixture (&f);
}

static void
a_deleted_area_is_an_invalid_parameter (void)
{
    fixture f = open_fixture ();
    PVOID area = f.area;

    CHECK (ClfsDeleteMarshallingArea (f.area), STATUS_SUCCESS);
    f.area = NULL;
    CHECK (ClfsDeleteMarshallingArea (area), STATUS_INVALID_PARAMETER);
    CHECK (ClfsDeleteMarshallingArea (NULL), STATUS_INVALID_PARAMETER);
    CHECK (ClfsDeleteMarshallingArea (f.log), STATUS_INVALID_PARAMETER);
    CHECK (append_text (area, "x", NULL), STATUS_INVALID_PARAMETER);
    close_fixture (&f);
}

static void
lsns_of_several_areas_are_in_one_order (void)
{
    fixture f = open_fixture ();
    PVOID other = NULL;

    CHECK_FATAL (make_area (f.log, &other), STATUS_SUCCESS);
    CLFS_LSN last = appended (f.area, "0");
    for (int i = 0; i < 20; i++) {
        CLFS_LSN lsn = appended (i % 2 ? f.area : other, "x");
        CU_ASSERT_TRUE (ClfsLsnGreater (&lsn, &last));
        last = lsn;
    }
    CHECK (ClfsDeleteMarshallingArea (other), STATUS_SUCCESS);
    close_fixture (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (an_area_to_write_needs_two_containers),
    CLFS_TEST (a_log_that_grows_by_itself_gets_its_containers),
    CLFS_TEST (a_bad_area_is_refused),
    CLFS_TEST (any_size_up_to_the_container_is_taken),
    CLFS_TEST (deleting_an_area_flushes),
    CLFS_TEST (a_deleted_area_is_an_invalid_parameter),
    CLFS_TEST (lsns_of_several_areas_are_in_one_order),
};
CLFS_TEST_MAIN (tests)
