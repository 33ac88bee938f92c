/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wintypes.h - the Windows types, annotations and small helpers that code which uses CLFS is written with.
 *
 * Compile such code with -fshort-wchar (pkg-config --cflags clfs-windows has it): WCHAR is then wchar_t, 16 bits
 * wide, and L"..." makes WCHAR strings. Without it WCHAR is uint16_t (C++: char16_t) and u"..." makes them; the
 * library, which never looks at wchar_t, sees no difference. The C library's wcs* functions are not to be used with
 * either.
 *
 * Annotations (SAL, IRQL) mean nothing here.
 */
#ifndef CLFS_WINTYPES_H
#define CLFS_WINTYPES_H

#include <clfs/ntstatus.h>

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- scalar types --------------------------------------------------------------------------- */

#if defined(__SIZEOF_WCHAR_T__) && __SIZEOF_WCHAR_T__ == 2
typedef wchar_t WCHAR;
#define CLFS_WIDE(text) L##text
#else
#ifdef __cplusplus
typedef char16_t WCHAR;
#else
typedef uint16_t WCHAR;
#endif
#define CLFS_WIDE(text) u##text
#endif
typedef WCHAR *PWCHAR, *PWCH, *PWSTR, *LPWSTR;
typedef const WCHAR *PCWCH, *PCWSTR, *LPCWSTR;

typedef char CHAR, *PCHAR, *PSTR;
typedef unsigned char UCHAR, *PUCHAR, BYTE;
typedef int16_t SHORT, *PSHORT;
typedef uint16_t USHORT, *PUSHORT;
typedef int32_t LONG, *PLONG;
typedef uint32_t ULONG, *PULONG, DWORD;
typedef long long LONGLONG, *PLONGLONG;
typedef unsigned long long ULONGLONG, *PULONGLONG;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef intptr_t LONG_PTR;
typedef uintptr_t ULONG_PTR, *PULONG_PTR;
typedef size_t SIZE_T, *PSIZE_T;
typedef UCHAR BOOLEAN, *PBOOLEAN;
typedef int32_t BOOL;
typedef void *PVOID, *HANDLE;
typedef const void *PCVOID;
typedef NTSTATUS *PNTSTATUS;
typedef ULONG ACCESS_MASK, *PACCESS_MASK;
typedef PVOID PSECURITY_DESCRIPTOR;
typedef UCHAR KIRQL, *PKIRQL;

#ifndef VOID
#define VOID void
#endif
#ifndef CONST
#define CONST const
#endif
#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif
#ifndef NTAPI
#define NTAPI
#endif
#ifndef NTSYSAPI
#define NTSYSAPI
#endif
#ifndef UNALIGNED
#define UNALIGNED
#endif
#ifndef FORCEINLINE
#define FORCEINLINE static inline
#endif

typedef union _LARGE_INTEGER {
    struct {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef struct _GUID {
    ULONG Data1;
    USHORT Data2;
    USHORT Data3;
    UCHAR Data4[8];
} GUID, *PGUID;

/* Length and MaximumLength are bytes; the text need not end with a NUL. */
typedef struct _UNICODE_STRING {
    USHORT Length;
    USHORT MaximumLength;
    PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

/* Opaque: only pointers to them are handed around. */
typedef struct _FILE_OBJECT FILE_OBJECT, *PFILE_OBJECT;
typedef struct _DEVICE_OBJECT DEVICE_OBJECT, *PDEVICE_OBJECT;
typedef struct _DRIVER_OBJECT DRIVER_OBJECT, *PDRIVER_OBJECT;
typedef struct _IRP IRP, *PIRP;

/* ---- status --------------------------------------------------------------------------------- */

/* Beware: STATUS_LOG_NO_RESTART is informational, a success by sign. */
#define NT_INFORMATION(status) (((ULONG) (status)) >> 30 == 1)
#define NT_WARNING(status)     (((ULONG) (status)) >> 30 == 2)
#define NT_ERROR(status)       (((ULONG) (status)) >> 30 == 3)

/* ---- numbers that ClfsCreateLogFile takes ---------------------------------------------------- */

#define GENERIC_READ  ((ACCESS_MASK) 0x80000000)
#define GENERIC_WRITE ((ACCESS_MASK) 0x40000000)
#define DELETE        ((ACCESS_MASK) 0x00010000)
#define READ_CONTROL  ((ACCESS_MASK) 0x00020000)
#define SYNCHRONIZE   ((ACCESS_MASK) 0x00100000)

#define FILE_SHARE_READ   0x00000001
#define FILE_SHARE_WRITE  0x00000002
#define FILE_SHARE_DELETE 0x00000004

#define CREATE_NEW        1
#define CREATE_ALWAYS     2
#define OPEN_EXISTING     3
#define OPEN_ALWAYS       4
#define TRUNCATE_EXISTING 5

#define FILE_NO_INTERMEDIATE_BUFFERING 0x00000008
#define FILE_SYNCHRONOUS_IO_ALERT      0x00000010
#define FILE_SYNCHRONOUS_IO_NONALERT   0x00000020

#define FILE_ATTRIBUTE_READONLY  0x00000001
#define FILE_ATTRIBUTE_HIDDEN    0x00000002
#define FILE_ATTRIBUTE_SYSTEM    0x00000004
#define FILE_ATTRIBUTE_ARCHIVE   0x00000020
#define FILE_ATTRIBUTE_NORMAL    0x00000080
#define FILE_ATTRIBUTE_TEMPORARY 0x00000100
#define FILE_FLAG_OVERLAPPED     0x40000000

#define INFINITE 0xFFFFFFFF

/* ---- annotations ------------------------------------------------------------------------------ */

#ifndef IN
#define IN
#endif
#ifndef OUT
#define OUT
#endif
#ifndef OPTIONAL
#define OPTIONAL
#endif

#define _In_
#define _In_opt_
#define _In_z_
#define _In_opt_z_
#define _In_reads_(count)
#define _In_reads_opt_(count)
#define _In_reads_bytes_(bytes)
#define _In_reads_bytes_opt_(bytes)
#define _In_range_(low, high)
#define _Inout_
#define _Inout_opt_
#define _Inout_updates_(count)
#define _Inout_updates_opt_(count)
#define _Inout_updates_bytes_(bytes)
#define _Out_
#define _Out_opt_
#define _Out_writes_(count)
#define _Out_writes_opt_(count)
#define _Out_writes_to_(size, count)
#define _Out_writes_bytes_(bytes)
#define _Out_writes_bytes_opt_(bytes)
#define _Out_writes_bytes_to_(size, bytes)
#define _Out_writes_bytes_to_opt_(size, bytes)
#define _Outptr_
#define _Outptr_opt_
#define _Outptr_result_maybenull_
#define _Outptr_result_buffer_(count)
#define _Outptr_result_bytebuffer_(bytes)
#define _Deref_out_
#define _Ret_maybenull_
#define _Ret_notnull_
#define _Reserved_
#define _Null_terminated_
#define _Field_size_(count)
#define _Field_size_bytes_(bytes)
#define _Must_inspect_result_
#define _Check_return_
#define _Success_(condition)
#define _When_(condition, annotations)
#define _At_(target, annotations)
#define _On_failure_(annotations)
#define _Pre_
#define _Post_
#define _Pre_satisfies_(condition)
#define _Post_satisfies_(condition)
#define _Use_decl_annotations_
#define _Function_class_(name)
#define _Analysis_assume_(condition)
#define _Acquires_lock_(lock)
#define _Releases_lock_(lock)
#define _Requires_lock_held_(lock)
#define _IRQL_requires_(irql)
#define _IRQL_requires_max_(irql)
#define _IRQL_requires_min_(irql)
#define _IRQL_requires_same_
#define _IRQL_raises_(irql)
#define _IRQL_saves_
#define _IRQL_restores_
#define _IRQL_uses_cancel_
#define __drv_allocatesMem(kind)
#define __drv_freesMem(kind)
#define __drv_aliasesMem
#define __drv_maxIRQL(irql)
#define __drv_requiresIRQL(irql)
#define __drv_sameIRQL
#ifndef __cplusplus
/* The C++ library names its own parameters so. */
#define __in
#define __in_opt
#define __in_bcount(bytes)
#define __in_ecount(count)
#define __inout
#define __inout_opt
#define __out
#define __out_opt
#define __deref_out
#endif

#define PASSIVE_LEVEL  0
#define APC_LEVEL      1
#define DISPATCH_LEVEL 2

#define PAGED_CODE()                      ((void) 0)
#define UNREFERENCED_PARAMETER(parameter) ((void) (parameter))
#ifndef ASSERT
#define ASSERT(condition) assert (condition)
#endif
#ifndef NT_ASSERT
#define NT_ASSERT(condition) assert (condition)
#endif
#ifndef RTL_NUMBER_OF
#define RTL_NUMBER_OF(array) (sizeof (array) / sizeof ((array)[0]))
#endif
#ifndef ARRAYSIZE
#define ARRAYSIZE(array) RTL_NUMBER_OF (array)
#endif
#ifndef FIELD_OFFSET
#define FIELD_OFFSET(type, field) ((LONG) offsetof (type, field))
#endif
#ifndef CONTAINING_RECORD
#define CONTAINING_RECORD(address, type, field) ((type *) ((char *) (address) -offsetof (type, field)))
#endif

/* ---- memory and strings ------------------------------------------------------------------------ */

#define RtlZeroMemory(to, bytes)          ((void) memset ((to), 0, (bytes)))
#define RtlFillMemory(to, bytes, value)   ((void) memset ((to), (value), (bytes)))
#define RtlCopyMemory(to, from, bytes)    ((void) memcpy ((to), (from), (bytes)))
#define RtlMoveMemory(to, from, bytes)    ((void) memmove ((to), (from), (bytes)))
#define RtlEqualMemory(one, other, bytes) (memcmp ((one), (other), (bytes)) == 0)

typedef enum _POOL_TYPE {
    NonPagedPool = 0,
    NonPagedPoolExecute = 0,
    PagedPool = 1,
    NonPagedPoolCacheAligned = 4,
    PagedPoolCacheAligned = 5,
    NonPagedPoolNx = 512,
    NonPagedPoolNxCacheAligned = 516
} POOL_TYPE;

/* All pools are the C library's heap; NULL when there is no memory. */
static inline PVOID
ExAllocatePoolWithTag (POOL_TYPE pool, SIZE_T bytes, ULONG tag)
{
    (void) pool;
    (void) tag;
    return malloc (bytes > 0 ? bytes : 1);
}

static inline VOID
ExFreePoolWithTag (PVOID memory, ULONG tag)
{
    (void) tag;
    free (memory);
}

static inline PVOID
ExAllocatePool (POOL_TYPE pool, SIZE_T bytes)
{
    return ExAllocatePoolWithTag (pool, bytes, 0);
}

static inline VOID
ExFreePool (PVOID memory)
{
    free (memory);
}

/* Points `string` at `text`, which may be NULL (an empty string) and is cut at what 16 bits can say. */
static inline VOID
RtlInitUnicodeString (PUNICODE_STRING string, PCWSTR text)
{
    size_t units = 0;

    if (text != NULL)
        while (units < (0xFFFEu / sizeof (WCHAR)) - 1 && text[units] != 0)
            units++;
    string->Length = (USHORT) (units * sizeof (WCHAR));
    string->MaximumLength = text != NULL ? (USHORT) ((units + 1) * sizeof (WCHAR)) : 0;
    string->Buffer = (PWSTR) text;
}

/* For a literal: UNICODE_STRING name = RTL_CONSTANT_STRING (L"log:/var/log/store/orders"); */
#define RTL_CONSTANT_STRING(text) { sizeof (text) - sizeof ((text)[0]), sizeof (text), (PWSTR) (text) }
#define DECLARE_CONST_UNICODE_STRING(name, text) const UNICODE_STRING name = RTL_CONSTANT_STRING (text)

#endif
