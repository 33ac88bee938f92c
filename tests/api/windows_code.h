/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * windows_code.h - a transactional service's use of CLFS as it is written for Windows: compiled as C and as C++, with
 * -fshort-wchar, nothing about it knows of Linux but the name it is given.
 */
#include <wdm.h>

#define TAG ((ULONG) 0x676F4C53)

typedef struct _SERVICE_LOG {
    PLOG_FILE_OBJECT LogFile;
    PVOID MarshallingContext;
    CLFS_LSN LastLsn;
} SERVICE_LOG, *PSERVICE_LOG;

_IRQL_requires_max_ (APC_LEVEL) _Must_inspect_result_ static NTSTATUS
ServiceOpenLog (_In_ PCWSTR Name, _In_ BOOLEAN Create, _Out_ PSERVICE_LOG Log)
{
    NTSTATUS Status;
    UNICODE_STRING LogName, Containers[2];
    ULONGLONG ContainerSize = 512 * 1024;

    PAGED_CODE ();
    RtlZeroMemory (Log, sizeof (*Log));
    Log->LastLsn = CLFS_LSN_INVALID;
    RtlInitUnicodeString (&LogName, Name);
    Status = ClfsCreateLogFile (&Log->LogFile, &LogName, GENERIC_READ | GENERIC_WRITE | DELETE, FILE_SHARE_READ, NULL,
                                Create ? CREATE_NEW : OPEN_EXISTING, 0, FILE_ATTRIBUTE_NORMAL, CLFS_FLAG_NO_FLAGS, NULL,
                                0);
    if (!NT_SUCCESS (Status))
        return Status;
    if (Create) {
        RtlInitUnicodeString (&Containers[0], L"%BLF%\\Service.000");
        RtlInitUnicodeString (&Containers[1], L"%BLF%\\Service.001");
        Status = ClfsAddLogContainerSet (Log->LogFile, RTL_NUMBER_OF (Containers), &ContainerSize, Containers);
    }
    if (NT_SUCCESS (Status))
        Status = ClfsCreateMarshallingArea (Log->LogFile, PagedPool, NULL, NULL, 64 * 1024, INFINITE, INFINITE,
                                            &Log->MarshallingContext);
    if (!NT_SUCCESS (Status))
        (VOID) ClfsCloseLogFileObject (Log->LogFile);
    return Status;
}

static NTSTATUS
ServiceLogUpdate (_Inout_ PSERVICE_LOG Log, _In_reads_bytes_ (Length) PVOID Update, _In_ ULONG Length)
{
    CLFS_WRITE_ENTRY Entries[2];
    ULONG Header = TAG;
    CLFS_LSN Lsn;
    NTSTATUS Status;

    Entries[0].Buffer = &Header;
    Entries[0].ByteLength = sizeof (Header);
    Entries[1].Buffer = Update;
    Entries[1].ByteLength = Length;
    Status = ClfsReserveAndAppendLog (Log->MarshallingContext, Entries, RTL_NUMBER_OF (Entries), &Log->LastLsn,
                                      &Log->LastLsn, 0, NULL, 0, &Lsn);
    if (NT_SUCCESS (Status))
        Log->LastLsn = Lsn;
    return Status;
}

static NTSTATUS
ServiceCommit (_Inout_ PSERVICE_LOG Log)
{
    CLFS_LSN Flushed;
    NTSTATUS Status = ClfsFlushToLsn (Log->MarshallingContext, &Log->LastLsn, &Flushed);

    if (NT_SUCCESS (Status) && !ClfsLsnGreater (&Flushed, &Log->LastLsn))
        Status = STATUS_UNSUCCESSFUL;
    return Status;
}

/* Walks the updates back to the first one. */
static NTSTATUS
ServiceCountUpdates (_In_ PSERVICE_LOG Log, _In_ CLFS_LSN Last, _Out_ PULONG Count)
{
    PVOID Buffer, Context = NULL;
    ULONG Length;
    CLFS_RECORD_TYPE Type;
    CLFS_LSN UndoNext, Previous, Record;
    NTSTATUS Status;

    *Count = 0;
    Status = ClfsReadLogRecord (Log->MarshallingContext, &Last, ClfsContextPrevious, &Buffer, &Length, &Type, &UndoNext,
                                &Previous, &Context);
    while (NT_SUCCESS (Status)) {
        if (Length < sizeof (ULONG) || *(ULONG UNALIGNED *) Buffer != TAG)
            Status = STATUS_LOG_BLOCK_INVALID;
        else
            (*Count)++;
        Type = ClfsDataRecord;
        if (NT_SUCCESS (Status))
            Status = ClfsReadNextLogRecord (Context, &Buffer, &Length, &Type, NULL, &UndoNext, &Previous, &Record);
    }
    if (Context != NULL)
        (VOID) ClfsTerminateReadLog (Context);
    return Status == STATUS_END_OF_FILE ? STATUS_SUCCESS : Status;
}

static NTSTATUS
ServiceCheckpoint (_Inout_ PSERVICE_LOG Log)
{
    PVOID State = ExAllocatePoolWithTag (PagedPool, sizeof (CLFS_LSN), TAG);
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;

    if (State != NULL) {
        RtlCopyMemory (State, &Log->LastLsn, sizeof (CLFS_LSN));
        Status = ClfsWriteRestartArea (Log->MarshallingContext, State, sizeof (CLFS_LSN), NULL, 0, NULL, NULL);
        ExFreePoolWithTag (State, TAG);
    }
    return Status;
}

/* After a restart: finds the last update again. */
static NTSTATUS
ServiceRecover (_Inout_ PSERVICE_LOG Log)
{
    PVOID State, Context;
    ULONG Length;
    CLFS_LSN Lsn;
    NTSTATUS Status = ClfsReadRestartArea (Log->MarshallingContext, &State, &Length, &Lsn, &Context);

    if (Status == STATUS_LOG_NO_RESTART)
        return STATUS_NOT_FOUND;
    if (NT_SUCCESS (Status)) {
        RtlCopyMemory (&Log->LastLsn, State, sizeof (CLFS_LSN));
        Status = ClfsTerminateReadLog (Context);
    }
    return Status;
}

static VOID
ServiceCloseLog (_Inout_ PSERVICE_LOG Log, _In_ BOOLEAN Delete)
{
    (VOID) ClfsDeleteMarshallingArea (Log->MarshallingContext);
    if (Delete)
        (VOID) ClfsDeleteLogByPointer (Log->LogFile);
    (VOID) ClfsCloseLogFileObject (Log->LogFile);
}
