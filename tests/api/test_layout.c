/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled with -fshort-wchar, as code for Windows is; layout.h holds most of what is tested. */
#include "tests/api/layout.h"
#include "tests/testing.h"

_Static_assert (sizeof (wchar_t) == 2, "this is compiled with -fshort-wchar");

static void
wide_literals_become_counted_strings (void)
{
    UNICODE_STRING string, constant = RTL_CONSTANT_STRING (L"log:/a/b");
    DECLARE_CONST_UNICODE_STRING (declared, L"log:/a/b");

    RtlInitUnicodeString (&string, L"log:/a/b");
    CU_ASSERT_EQUAL (string.Length, 16);
    CU_ASSERT_EQUAL (string.MaximumLength, 18);
    CU_ASSERT_EQUAL (string.Buffer[4], L'/');
    CU_ASSERT_EQUAL (constant.Length, 16);
    CU_ASSERT_EQUAL (constant.MaximumLength, 18);
    CU_ASSERT_EQUAL (declared.Length, 16);
    RtlInitUnicodeString (&string, CLFS_BASELOG_EXTENSION);
    CU_ASSERT_EQUAL (string.Length, 8);
    RtlInitUnicodeString (&string, NULL);
    CU_ASSERT_EQUAL (string.Length, 0);
    CU_ASSERT_EQUAL (string.MaximumLength, 0);
    CU_ASSERT_PTR_NULL (string.Buffer);
}

static void
a_string_longer_than_16_bits_can_say_is_cut (void)
{
    size_t units = 40000;
    WCHAR *text = (WCHAR *) ExAllocatePoolWithTag (PagedPool, (units + 1) * sizeof (WCHAR), 0x74736574);
    UNICODE_STRING string;

    for (size_t i = 0; i < units; i++)
        text[i] = L'x';
    text[units] = 0;
    RtlInitUnicodeString (&string, text);
    CU_ASSERT_EQUAL (string.Length % 2, 0);
    CU_ASSERT_EQUAL (string.Length, 65532);
    CU_ASSERT_EQUAL (string.MaximumLength, 65534);
    ExFreePoolWithTag (text, 0x74736574);
}

static void
status_tests_look_at_the_severity (void)
{
    CU_ASSERT_TRUE (NT_SUCCESS (STATUS_SUCCESS));
    CU_ASSERT_TRUE (NT_SUCCESS (STATUS_PENDING));
    CU_ASSERT_TRUE (NT_SUCCESS (STATUS_LOG_NO_RESTART));
    CU_ASSERT_TRUE (NT_INFORMATION (STATUS_LOG_NO_RESTART));
    CU_ASSERT_FALSE (NT_SUCCESS (STATUS_BUFFER_OVERFLOW));
    CU_ASSERT_TRUE (NT_WARNING (STATUS_BUFFER_OVERFLOW));
    CU_ASSERT_FALSE (NT_SUCCESS (STATUS_LOG_FULL));
    CU_ASSERT_TRUE (NT_ERROR (STATUS_LOG_FULL));
}

static const clfs_test tests[] = {
    CLFS_TEST (wide_literals_become_counted_strings),
    CLFS_TEST (a_string_longer_than_16_bits_can_say_is_cut),
    CLFS_TEST (status_tests_look_at_the_severity),
};
CLFS_TEST_MAIN (tests)
