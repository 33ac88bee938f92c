/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clfstypes.h - the constants and structures of Windows' CLFS, shared by wdm.h and clfsw32.h.
 *
 * Layouts are those of 64-bit Windows. Use <wdm.h> or <clfsw32.h>.
 */
#ifndef CLFS_CLFSTYPES_H
#define CLFS_CLFSTYPES_H

#include <clfs/wintypes.h>

/* ---- LSNs ------------------------------------------------------------------------------------- */

typedef ULONG CLS_CONTAINER_ID, *PCLS_CONTAINER_ID;
typedef CLS_CONTAINER_ID CLFS_CONTAINER_ID, *PCLFS_CONTAINER_ID;

/* Opaque; clfs/lsn.h says how it is made. */
typedef struct _CLS_LSN {
    ULONGLONG Internal;
} CLS_LSN, *PCLS_LSN, **PPCLS_LSN;
typedef CLS_LSN CLFS_LSN, *PCLFS_LSN, **PPCLFS_LSN;

#ifdef __cplusplus
extern "C" {
#endif
/* The lower bound: a valid LSN, the first record of a new log has it. In a flush it means "all". */
extern const CLFS_LSN CLFS_LSN_NULL;
/* The upper bound, never a record's: "no link", "no such record". 0xFFFFFFFF00000000. */
extern const CLFS_LSN CLFS_LSN_INVALID;
#ifdef __cplusplus
}
#endif

/* ---- flags ------------------------------------------------------------------------------------- */

#define CLFS_FLAG_NO_FLAGS                  0x00000000
#define CLFS_FLAG_FORCE_APPEND              0x00000001
#define CLFS_FLAG_FORCE_FLUSH               0x00000002
#define CLFS_FLAG_USE_RESERVATION           0x00000004
#define CLFS_USE_RESERVATION                CLFS_FLAG_USE_RESERVATION
#define CLFS_FLAG_REENTRANT_FILE_SYSTEM     0x00000008
#define CLFS_FLAG_NON_REENTRANT_FILTER      0x00000010
#define CLFS_FLAG_REENTRANT_FILTER          0x00000020
#define CLFS_FLAG_IGNORE_SHARE_ACCESS       0x00000040
#define CLFS_FLAG_READ_IN_PROGRESS          0x00000080
#define CLFS_FLAG_MINIFILTER_LEVEL          0x00000100
#define CLFS_FLAG_HIDDEN_SYSTEM_LOG         0x00000200
#define CLFS_FLAG_FILTER_INTERMEDIATE_LEVEL CLFS_FLAG_NON_REENTRANT_FILTER
#define CLFS_FLAG_FILTER_TOP_LEVEL          CLFS_FLAG_REENTRANT_FILTER

#define CLFS_MARSHALLING_FLAG_NONE              0x00000000
#define CLFS_MARSHALLING_FLAG_DISABLE_BUFF_INIT 0x00000001

#define CLFS_BASELOG_EXTENSION         CLFS_WIDE (".blf")
#define CLFS_CONTAINER_STREAM_PREFIX   CLFS_WIDE ("%BLF%:")
#define CLFS_CONTAINER_RELATIVE_PREFIX CLFS_WIDE ("%BLF%\\")
#define CLFS_MAX_CONTAINER_INFO        256 /* WCHARs */
#define EA_CONTAINER_NAME              "ContainerName"
#define EA_CONTAINER_SIZE              "ContainerSize"
#define FILE_ATTRIBUTE_DEDICATED       FILE_ATTRIBUTE_TEMPORARY

/* ---- records ----------------------------------------------------------------------------------- */

typedef UCHAR CLS_RECORD_TYPE, *PCLS_RECORD_TYPE;
typedef CLS_RECORD_TYPE CLFS_RECORD_TYPE, *PCLFS_RECORD_TYPE;
#define ClfsNullRecord    ((CLFS_RECORD_TYPE) 0x00)
#define ClfsDataRecord    ((CLFS_RECORD_TYPE) 0x01)
#define ClfsRestartRecord ((CLFS_RECORD_TYPE) 0x02)
#define ClfsClientRecord  ((CLFS_RECORD_TYPE) 0x03)
#define ClsNullRecord     ClfsNullRecord
#define ClsDataRecord     ClfsDataRecord
#define ClsRestartRecord  ClfsRestartRecord
#define ClsClientRecord   ClfsClientRecord

typedef enum _CLS_CONTEXT_MODE {
    ClsContextNone = 0,
    ClsContextUndoNext = 1,
    ClsContextPrevious = 2,
    ClsContextForward = 3
} CLS_CONTEXT_MODE, *PCLS_CONTEXT_MODE;

typedef enum _CLFS_CONTEXT_MODE {
    ClfsContextNone = 0,
    ClfsContextUndoNext = 1,
    ClfsContextPrevious = 2,
    ClfsContextForward = 3
} CLFS_CONTEXT_MODE, *PCLFS_CONTEXT_MODE, **PPCLFS_CONTEXT_MODE;

typedef struct _CLS_WRITE_ENTRY {
    PVOID Buffer;
    ULONG ByteLength;
} CLS_WRITE_ENTRY, *PCLS_WRITE_ENTRY, **PPCLS_WRITE_ENTRY;
typedef CLS_WRITE_ENTRY CLFS_WRITE_ENTRY, *PCLFS_WRITE_ENTRY, **PPCLFS_WRITE_ENTRY;

/* ---- information ------------------------------------------------------------------------------- */

typedef GUID CLFS_LOG_ID, *PCLFS_LOG_ID;

typedef enum _CLS_LOG_INFORMATION_CLASS {
    ClfsLogBasicInformation = 0,
    ClfsLogBasicInformationPhysical = 1,
    ClfsLogPhysicalNameInformation = 2,
    ClfsLogStreamIdentifierInformation = 3,
    ClfsLogSystemMarkingInformation = 4,
    ClfsLogPhysicalLsnInformation = 5
} CLS_LOG_INFORMATION_CLASS, *PCLS_LOG_INFORMATION_CLASS, **PPCLS_LOG_INFORMATION_CLASS;
typedef CLS_LOG_INFORMATION_CLASS CLFS_LOG_INFORMATION_CLASS, *PCLFS_LOG_INFORMATION_CLASS;

typedef struct _CLS_INFORMATION {
    LONGLONG TotalAvailable;   /* all containers together */
    LONGLONG CurrentAvailable; /* room for new records and reservations, without growth */
    LONGLONG TotalReservation;
    ULONGLONG BaseFileSize;
    ULONGLONG ContainerSize;
    ULONG TotalContainers;
    ULONG FreeContainers;
    ULONG TotalClients;
    ULONG Attributes; /* FILE_ATTRIBUTE_DEDICATED, FILE_ATTRIBUTE_ARCHIVE */
    ULONG FlushThreshold;
    ULONG SectorSize;
    CLFS_LSN MinArchiveTailLsn; /* of an ephemeral log: BaseLsn */
    CLFS_LSN BaseLsn;
    CLFS_LSN LastFlushedLsn; /* the first LSN that is not durable: what ClfsFlushToLsn gives */
    CLFS_LSN LastLsn;        /* the LSN that the next record will get */
    CLFS_LSN RestartLsn;     /* CLFS_LSN_INVALID: there is none */
    GUID Identity;
} CLS_INFORMATION, *PCLS_INFORMATION, *PPCLS_INFORMATION;
typedef CLS_INFORMATION CLFS_INFORMATION, *PCLFS_INFORMATION, *PPCLFS_INFORMATION;

typedef struct _CLFS_LOG_NAME_INFORMATION {
    USHORT NameLengthInBytes;
    WCHAR Name[1];
} CLFS_LOG_NAME_INFORMATION, *PCLFS_LOG_NAME_INFORMATION, **PPCLFS_LOG_NAME_INFORMATION;

typedef struct _CLFS_STREAM_ID_INFORMATION {
    UCHAR StreamIdentifier;
} CLFS_STREAM_ID_INFORMATION, *PCLFS_STREAM_ID_INFORMATION, **PPCLFS_STREAM_ID_INFORMATION;

typedef struct _CLFS_PHYSICAL_LSN_INFORMATION {
    UCHAR StreamIdentifier;
    CLFS_LSN VirtualLsn;
    CLFS_LSN PhysicalLsn;
} CLFS_PHYSICAL_LSN_INFORMATION, *PCLFS_PHYSICAL_LSN_INFORMATION;

typedef enum _CLS_IOSTATS_CLASS {
    ClsIoStatsDefault = 0x0000,
    ClsIoStatsMax = 0xFFFF
} CLS_IOSTATS_CLASS, *PCLS_IOSTATS_CLASS;

typedef enum _CLFS_IOSTATS_CLASS {
    ClfsIoStatsDefault = 0x0000,
    ClfsIoStatsMax = 0xFFFF
} CLFS_IOSTATS_CLASS, *PCLFS_IOSTATS_CLASS;

typedef struct _CLS_IO_STATISTICS_HEADER {
    UCHAR ubMajorVersion;
    UCHAR ubMinorVersion;
    CLFS_IOSTATS_CLASS eStatsClass;
    USHORT cbLength;
    ULONG coffData;
} CLS_IO_STATISTICS_HEADER, *PCLS_IO_STATISTICS_HEADER;
typedef CLS_IO_STATISTICS_HEADER CLFS_IO_STATISTICS_HEADER, *PCLFS_IO_STATISTICS_HEADER;

typedef struct _CLS_IO_STATISTICS {
    CLS_IO_STATISTICS_HEADER hdrIoStats;
    ULONGLONG cFlush;
    ULONGLONG cbFlush;
    ULONGLONG cMetaFlush;
    ULONGLONG cbMetaFlush;
} CLS_IO_STATISTICS, *PCLS_IO_STATISTICS;
typedef CLS_IO_STATISTICS CLFS_IO_STATISTICS, *PCLFS_IO_STATISTICS;

typedef enum _CLFS_LOG_ARCHIVE_MODE {
    ClfsLogArchiveEnabled = 0x01,
    ClfsLogArchiveDisabled = 0x02
} CLFS_LOG_ARCHIVE_MODE, *PCLFS_LOG_ARCHIVE_MODE;

/* ---- containers -------------------------------------------------------------------------------- */

typedef UINT32 CLS_CONTAINER_STATE, *PCLS_CONTAINER_STATE;
typedef CLS_CONTAINER_STATE CLFS_CONTAINER_STATE, *PCLFS_CONTAINER_STATE;
#define ClsContainerInitializing             0x01
#define ClsContainerInactive                 0x02
#define ClsContainerActive                   0x04
#define ClsContainerActivePendingDelete      0x08
#define ClsContainerPendingArchive           0x10
#define ClsContainerPendingArchiveAndDelete  0x20
#define ClfsContainerInitializing            ClsContainerInitializing
#define ClfsContainerInactive                ClsContainerInactive
#define ClfsContainerActive                  ClsContainerActive
#define ClfsContainerActivePendingDelete     ClsContainerActivePendingDelete
#define ClfsContainerPendingArchive          ClsContainerPendingArchive
#define ClfsContainerPendingArchiveAndDelete ClsContainerPendingArchiveAndDelete

typedef struct _CLS_CONTAINER_INFORMATION {
    ULONG FileAttributes;
    ULONGLONG CreationTime, LastAccessTime, LastWriteTime; /* 100 ns since 1601, UTC */
    LONGLONG ContainerSize;
    ULONG FileNameActualLength; /* characters */
    ULONG FileNameLength;       /* of these, in FileName */
    WCHAR FileName[CLFS_MAX_CONTAINER_INFO];
    CLFS_CONTAINER_STATE State;
    CLFS_CONTAINER_ID PhysicalContainerId;
    CLFS_CONTAINER_ID LogicalContainerId;
} CLS_CONTAINER_INFORMATION, *PCLS_CONTAINER_INFORMATION, **PPCLS_CONTAINER_INFORMATION;
typedef CLS_CONTAINER_INFORMATION CLFS_CONTAINER_INFORMATION, *PCLFS_CONTAINER_INFORMATION,
    **PPCLFS_CONTAINER_INFORMATION;

typedef UCHAR CLFS_SCAN_MODE, *PCLFS_SCAN_MODE;
#define CLFS_SCAN_INIT        0x01
#define CLFS_SCAN_FORWARD     0x02
#define CLFS_SCAN_BACKWARD    0x04
#define CLFS_SCAN_CLOSE       0x08
#define CLFS_SCAN_INITIALIZED 0x10
#define CLFS_SCAN_BUFFERED    0x20

typedef struct _CLFS_NODE_ID {
    ULONG cType;
    ULONG cbNode;
} CLFS_NODE_ID, *PCLFS_NODE_ID;

/* A log file object is one open of a log. Its pointer names it and points to nothing. */
typedef FILE_OBJECT LOG_FILE_OBJECT, *PLOG_FILE_OBJECT, **PPLOG_FILE_OBJECT;

#define CLFS_ALIGN8 __attribute__ ((aligned (8)))
typedef struct _CLS_SCAN_CONTEXT {
    CLFS_NODE_ID cidNode;
    union {
        PLOG_FILE_OBJECT plfoLog; /* wdm.h */
        HANDLE hLog;              /* clfsw32.h */
    };
    ULONG cIndex CLFS_ALIGN8;
    ULONG cContainers CLFS_ALIGN8;
    ULONG cContainersReturned CLFS_ALIGN8;
    CLFS_SCAN_MODE eScanMode CLFS_ALIGN8;
    PCLFS_CONTAINER_INFORMATION pinfoContainer CLFS_ALIGN8;
} CLS_SCAN_CONTEXT, *PCLS_SCAN_CONTEXT, **PPCLS_SCAN_CONTEXT;
#undef CLFS_ALIGN8
typedef CLS_SCAN_CONTEXT CLFS_SCAN_CONTEXT, *PCLFS_SCAN_CONTEXT, **PPCLFS_SCAN_CONTEXT;

typedef struct _CLS_ARCHIVE_DESCRIPTOR {
    ULONGLONG coffLow, coffHigh; /* one extent to archive, as offsets in the container */
    CLFS_CONTAINER_INFORMATION infoContainer;
} CLS_ARCHIVE_DESCRIPTOR, *PCLS_ARCHIVE_DESCRIPTOR, **PPCLS_ARCHIVE_DESCRIPTOR;
typedef CLS_ARCHIVE_DESCRIPTOR CLFS_ARCHIVE_DESCRIPTOR, *PCLFS_ARCHIVE_DESCRIPTOR, **PPCLFS_ARCHIVE_DESCRIPTOR;

#endif
