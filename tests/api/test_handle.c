/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"
#include "tests/testing.h"

static gint destroyed;

static NTSTATUS
destroy (void *object)
{
    g_atomic_int_inc ((gint *) object);
    return STATUS_LOG_FULL;
}

static void
a_handle_finds_its_object_until_it_is_closed (void)
{
    gint object = 0;
    PVOID handle = clfs_handle_new (CLFS_HANDLE_AREA, &object, destroy);

    CU_ASSERT_PTR_NOT_NULL_FATAL (handle);
    CU_ASSERT_PTR_EQUAL (clfs_handle_acquire (handle, CLFS_HANDLE_AREA), &object);
    CU_ASSERT_TRUE (clfs_handle_close (handle));
    CU_ASSERT_PTR_NULL (clfs_handle_acquire (handle, CLFS_HANDLE_AREA));
    CU_ASSERT_EQUAL (object, 0);
    CU_ASSERT_EQUAL (clfs_handle_release (handle), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (object, 1);
    CU_ASSERT_PTR_NULL (clfs_handle_acquire (handle, CLFS_HANDLE_AREA));
}

static void
an_object_lives_while_a_call_uses_it (void)
{
    gint object = 0;
    PVOID handle = clfs_handle_new (CLFS_HANDLE_AREA, &object, destroy);

    CU_ASSERT_PTR_NOT_NULL (clfs_handle_acquire (handle, CLFS_HANDLE_AREA));
    CU_ASSERT_PTR_NOT_NULL (clfs_handle_acquire (handle, CLFS_HANDLE_AREA));
    CU_ASSERT_TRUE (clfs_handle_close (handle));
    CU_ASSERT_EQUAL (clfs_handle_release (handle), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (object, 0);
    CU_ASSERT_EQUAL (clfs_handle_release (handle), STATUS_LOG_FULL);
    CU_ASSERT_EQUAL (object, 1);
}

static void
a_handle_of_another_kind_is_none (void)
{
    gint object = 0;
    PVOID handle = clfs_handle_new (CLFS_HANDLE_AREA, &object, destroy);

    CU_ASSERT_PTR_NULL (clfs_handle_acquire (handle, CLFS_HANDLE_FILE));
    CU_ASSERT_PTR_NULL (clfs_handle_acquire (handle, CLFS_HANDLE_READER));
    CU_ASSERT_PTR_NOT_NULL_FATAL (clfs_handle_acquire (handle, CLFS_HANDLE_AREA));
    CU_ASSERT_TRUE (clfs_handle_close (handle));
    (void) clfs_handle_release (handle);
}

static void
what_was_never_a_handle_is_none (void)
{
    int here;
    PVOID strange[] = { NULL, (PVOID) 1, (PVOID) 0x10, &here, (PVOID) UINTPTR_MAX, (PVOID) (UINTPTR_MAX << 4),
                        (PVOID) (uintptr_t) 0x1000000 };

    for (size_t i = 0; i < G_N_ELEMENTS (strange); i++)
        CU_ASSERT_PTR_NULL (clfs_handle_acquire (strange[i], CLFS_HANDLE_AREA));
}

static void
a_stale_handle_never_finds_a_newer_object (void)
{
    gint object = 0;
    PVOID stale = clfs_handle_new (CLFS_HANDLE_AREA, &object, destroy);

    CU_ASSERT_PTR_NOT_NULL_FATAL (clfs_handle_acquire (stale, CLFS_HANDLE_AREA));
    CU_ASSERT_TRUE (clfs_handle_close (stale));
    (void) clfs_handle_release (stale);
    for (int i = 0; i < 5000; i++) {
        PVOID handle = clfs_handle_new (CLFS_HANDLE_AREA, &object, destroy);
        CU_ASSERT_PTR_NOT_EQUAL (handle, stale);
        CU_ASSERT_PTR_NULL (clfs_handle_acquire (stale, CLFS_HANDLE_AREA));
        CU_ASSERT_PTR_NOT_NULL_FATAL (clfs_handle_acquire (handle, CLFS_HANDLE_AREA));
        CU_ASSERT_TRUE (clfs_handle_close (handle));
        (void) clfs_handle_release (handle);
    }
}

static gpointer
close_shared (gpointer handle)
{
    gint closes = 0;

    if (clfs_handle_acquire (handle, CLFS_HANDLE_AREA) != NULL) {
        closes = clfs_handle_close (handle);
        (void) clfs_handle_release (handle);
    }
    return GINT_TO_POINTER (closes);
}

static void
of_many_threads_that_close_a_handle_one_does (void)
{
    for (int round = 0; round < 200; round++) {
        GThread *threads[4];
        gint closes = 0;
        destroyed = 0;
        PVOID handle = clfs_handle_new (CLFS_HANDLE_AREA, &destroyed, destroy);
        for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
            threads[i] = g_thread_new ("close", close_shared, handle);
        for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
            closes += GPOINTER_TO_INT (g_thread_join (threads[i]));
        CU_ASSERT_EQUAL (closes, 1);
        CU_ASSERT_EQUAL (g_atomic_int_get (&destroyed), 1);
    }
}

static const clfs_test tests[] = {
    CLFS_TEST (a_handle_finds_its_object_until_it_is_closed),
    CLFS_TEST (an_object_lives_while_a_call_uses_it),
    CLFS_TEST (a_handle_of_another_kind_is_none),
    CLFS_TEST (what_was_never_a_handle_is_none),
    CLFS_TEST (a_stale_handle_never_finds_a_newer_object),
    CLFS_TEST (of_many_threads_that_close_a_handle_one_does),
};
CLFS_TEST_MAIN (tests)
