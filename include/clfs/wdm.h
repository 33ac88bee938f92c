/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wdm.h - the Common Log File System by its Windows names.
 *
 * Code written for Windows' kernel API compiles with `pkg-config --cflags clfs-windows` and links with libclfs. Names
 * are log:/absolute/directory/NAME: the directory is a store, NAME one of its logs. clfs.h may be included beside this.
 *
 * What Windows leaves open is decided so:
 *  - A log file object, marshalling area or read context that is NULL or gone is noticed: STATUS_INVALID_HANDLE,
 *    STATUS_INVALID_PARAMETER and STATUS_LOG_READ_CONTEXT_INVALID.
 *  - An area works as long as it lives, also when its log file object was closed first; the log is closed when the
 *    last object, area and read context is gone.
 *  - "Out" pointers are written only on success, unless said otherwise. Parameters that Windows calls optional may be
 *    NULL.
 *  - clfs_error_message() (clfs.h) says more about a failure of the store.
 * Not there yet: multiplexed logs (NAME::STREAM) and reservations: STATUS_NOT_SUPPORTED.
 */
#ifndef CLFS_WDM_H
#define CLFS_WDM_H

#include <clfs/clfstypes.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef PVOID (*PALLOCATE_FUNCTION) (POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
typedef VOID (*PFREE_FUNCTION) (PVOID Buffer);

/* ---- life cycle ------------------------------------------------------------------------------ */

/* The library needs neither. They count: each ClfsInitialize wants one ClfsFinalize. */
NTSTATUS NTAPI ClfsInitialize (void);
void NTAPI ClfsFinalize (void);

/*
 * Creates or opens a log. fDesiredAccess: 0 (information only) or GENERIC_READ | GENERIC_WRITE | DELETE. A log made
 * here has no containers and does not grow by itself. FILE_ATTRIBUTE_READONLY opens without write access,
 * FILE_ATTRIBUTE_ARCHIVE makes a new log non-ephemeral. One engine serves all opens of a log in this process.
 *   STATUS_INVALID_PARAMETER         a NULL pointer, or an undocumented access, share mode, disposition, option or flag
 *   STATUS_OBJECT_NAME_INVALID       no "log:" prefix, no absolute path, no name, or one that cannot name a log
 *   STATUS_OBJECT_PATH_NOT_FOUND     no such directory
 *   STATUS_OBJECT_NAME_NOT_FOUND     OPEN_EXISTING, and there is none
 *   STATUS_OBJECT_NAME_COLLISION     CREATE_NEW, and there is one
 *   STATUS_SHARING_VIOLATION         the share modes conflict, or another process writes the log
 *   STATUS_DELETE_PENDING            it is marked for deletion
 *   STATUS_LOG_DEDICATED             NAME:: or NAME::STREAM, and NAME is a dedicated log
 *   STATUS_NOT_SUPPORTED             NAME:: or NAME::STREAM, and there is no such log
 *   STATUS_MEDIA_WRITE_PROTECTED, STATUS_ACCESS_DENIED, STATUS_LOG_METADATA_CORRUPT, STATUS_IO_DEVICE_ERROR
 */
NTSTATUS NTAPI ClfsCreateLogFile (PPLOG_FILE_OBJECT pplfoLog, PUNICODE_STRING puszLogFileName,
                                  ACCESS_MASK fDesiredAccess, ULONG dwShareMode, PSECURITY_DESCRIPTOR psdLogFile,
                                  ULONG fCreateDisposition, ULONG fCreateOptions, ULONG fFlagsAndAttributes,
                                  ULONG fLogOptionFlag, PVOID pvContext, ULONG cbContext);

/* Gives up an open; the pointer is invalid afterwards whatever is returned. The last one flushes and closes the log, or
 * carries out its deletion or reset, and returns how that went. */
NTSTATUS NTAPI ClfsCloseLogFileObject (PLOG_FILE_OBJECT plfoLog);

/* The same, and the log is empty once everybody has closed it; LSNs go on. Needs GENERIC_WRITE: else
 * STATUS_ACCESS_DENIED, and nothing is closed. */
NTSTATUS NTAPI ClfsCloseAndResetLogFile (PLOG_FILE_OBJECT plfoLog);

/* Marks a log for deletion: it goes with its containers when everybody has closed it, at once if nobody has it open.
 * ClfsDeleteLogByPointer needs DELETE access; ClfsDeleteLogFile needs that all who have it open share DELETE:
 * else STATUS_ACCESS_DENIED, STATUS_SHARING_VIOLATION. Names and options as for ClfsCreateLogFile. */
NTSTATUS NTAPI ClfsDeleteLogByPointer (PLOG_FILE_OBJECT plfoLog);
NTSTATUS NTAPI ClfsDeleteLogFile (PUNICODE_STRING puszLogFileName, PVOID pvReserved, ULONG fLogOptionFlag,
                                  PVOID pvContext, ULONG cbContext);

/* ---- containers -------------------------------------------------------------------------------- */

/*
 * Adds containers, all or none. Paths: %BLF%\NAME, %BLF%/NAME, or absolute in the log's own directory; NAME has at most
 * 63 bytes. pcbContainer: for the first ones their size, rounded up to 512 KiB and written back; later optional, at
 * least the log's own size, which is written back. Needs GENERIC_WRITE: else STATUS_ACCESS_DENIED.
 *   STATUS_INVALID_PARAMETER (no size for the first ones, too small or too large a size, no path),
 *   STATUS_OBJECT_NAME_INVALID, STATUS_OBJECT_PATH_NOT_FOUND, STATUS_OBJECT_NAME_COLLISION,
 *   STATUS_LOG_CONTAINER_LIMIT_EXCEEDED, STATUS_DISK_FULL, STATUS_NOT_SUPPORTED (%BLF%: or a folder below)
 */
NTSTATUS NTAPI ClfsAddLogContainer (PLOG_FILE_OBJECT plfoLog, PULONGLONG pcbContainer,
                                    PUNICODE_STRING puszContainerPath);
NTSTATUS NTAPI ClfsAddLogContainerSet (PLOG_FILE_OBJECT plfoLog, USHORT cContainers, PULONGLONG pcbContainer,
                                       PUNICODE_STRING rguszContainerPath);

/* Removes containers, all or none. fForce: STATUS_LOG_CANT_DELETE if one is active; else an active one goes when the
 * base has passed it. STATUS_NOT_FOUND: no such container. */
NTSTATUS NTAPI ClfsRemoveLogContainer (PLOG_FILE_OBJECT plfoLog, PUNICODE_STRING puszContainerPath, BOOLEAN fForce);
NTSTATUS NTAPI ClfsRemoveLogContainerSet (PLOG_FILE_OBJECT plfoLog, USHORT cContainers,
                                          PUNICODE_STRING rgwszContainerPath, BOOLEAN fForce);

/* The full path of the container with a logical id. MaximumLength is in bytes, *pcActualLenContainerName (optional) in
 * characters. STATUS_BUFFER_OVERFLOW: the path is cut, *pcActualLenContainerName is its whole length.
 * STATUS_NOT_FOUND: no such container. */
NTSTATUS NTAPI ClfsGetContainerName (PLOG_FILE_OBJECT plfoLog, CLFS_CONTAINER_ID cidLogicalContainer,
                                     PUNICODE_STRING puszContainerName, PULONG pcActualLenContainerName);

/* ---- information ------------------------------------------------------------------------------- */

/*
 * Classes: basic and basic physical (CLFS_INFORMATION), physical name (the path of the base log file), stream
 * identifier (0), system marking (a ULONG, 0), physical LSN (input and output CLFS_PHYSICAL_LSN_INFORMATION; equal in a
 * dedicated log). *pcbInfoBuffer: in the room, out what was written; when there is too little room, what is needed:
 *   STATUS_BUFFER_TOO_SMALL, for the name STATUS_BUFFER_OVERFLOW with as much of it as fits
 *   STATUS_INVALID_PARAMETER_2 (unknown class), STATUS_INVALID_PARAMETER
 */
NTSTATUS NTAPI ClfsQueryLogFileInformation (PLOG_FILE_OBJECT plfoLog, CLFS_LOG_INFORMATION_CLASS eInformationClass,
                                            PVOID pinfoInputBuffer, ULONG cbinfoInputBuffer, PVOID pinfoBuffer,
                                            PULONG pcbInfoBuffer);
NTSTATUS NTAPI ClfsGetLogFileInformation (PLOG_FILE_OBJECT plfoLog, PCLFS_INFORMATION pinfoBuffer,
                                          PULONG pcbInfoBuffer);

/* The LSN that the next record will get. */
NTSTATUS NTAPI ClfsGetLastLsn (PLOG_FILE_OBJECT plfoLog, PCLFS_LSN plsnLast);

/* ---- marshalling areas ------------------------------------------------------------------------- */

/*
 * Makes a marshalling area. cbMarshallingBuffer, rounded up to 512: the largest record that can be appended or read
 * fits into one block of it. cMaxReadBuffers (INFINITE: any) bounds the read contexts. cMaxWriteBuffers is ignored:
 * unflushed records are bounded by the log's own limit. With pfnAllocBuffer and pfnFreeBuffer (both or none) each read
 * context has one block from them. With write access the log must have two containers, or may grow by itself: then they
 * are made here. Reading does not need them, nor does a log that can only be read (damaged, or made by Windows).
 *   STATUS_LOG_NOT_ENOUGH_CONTAINERS
 *   STATUS_ACCESS_DENIED      the log file object has neither read nor write access
 *   STATUS_INVALID_PARAMETER  a size of 0, above 65,535 sectors or above the container size; one function without the
 *                             other; a NULL pointer
 */
NTSTATUS NTAPI ClfsCreateMarshallingArea (PLOG_FILE_OBJECT plfoLog, POOL_TYPE ePoolType,
                                          PALLOCATE_FUNCTION pfnAllocBuffer, PFREE_FUNCTION pfnFreeBuffer,
                                          ULONG cbMarshallingBuffer, ULONG cMaxWriteBuffers, ULONG cMaxReadBuffers,
                                          PVOID *ppvMarshalContext);
/* cAlignmentSize: 0 or a power of two. fFlags: CLFS_MARSHALLING_FLAG_*. Neither changes anything. */
NTSTATUS NTAPI ClfsCreateMarshallingAreaEx (PLOG_FILE_OBJECT plfoLog, POOL_TYPE ePoolType,
                                            PALLOCATE_FUNCTION pfnAllocBuffer, PFREE_FUNCTION pfnFreeBuffer,
                                            ULONG cbMarshallingBuffer, ULONG cMaxWriteBuffers, ULONG cMaxReadBuffers,
                                            ULONG cAlignmentSize, ULONGLONG fFlags, PVOID *ppvMarshalContext);

/* Flushes, then gives the area up, also if that failed. Its read contexts stay usable until they are terminated. */
NTSTATUS NTAPI ClfsDeleteMarshallingArea (PVOID pvMarshalContext);

/* ---- append ------------------------------------------------------------------------------------ */

/*
 * Appends one record, gathered from the entries. *plsn (optional) is its final LSN. plsnUndoNext, plsnPrevious
 * (optional): its links. CLFS_FLAG_FORCE_APPEND closes its block, CLFS_FLAG_FORCE_FLUSH makes it and everything before
 * it durable. Without entries the flags act on what is there. Aligned: each entry begins at a multiple of
 * cbEntryAlignment in the record.
 *   STATUS_BUFFER_TOO_SMALL           it is longer than a block of the area or of the log holds
 *   STATUS_LOG_FULL
 *   STATUS_LOG_APPENDED_FLUSH_FAILED  it is appended and *plsn is set, but it is not durable
 *   STATUS_ACCESS_DENIED              the area has no write access
 *   STATUS_INVALID_PARAMETER          no entries or reservations, an unknown flag, an alignment of 0, a NULL buffer
 *   STATUS_NOT_SUPPORTED              cReserveRecords, CLFS_FLAG_USE_RESERVATION
 *   or what made the log fail
 */
NTSTATUS NTAPI ClfsReserveAndAppendLog (PVOID pvMarshalContext, PCLFS_WRITE_ENTRY rgWriteEntries, ULONG cWriteEntries,
                                        PCLFS_LSN plsnUndoNext, PCLFS_LSN plsnPrevious, ULONG cReserveRecords,
                                        PLONGLONG rgcbReservation, ULONG fFlags, PCLFS_LSN plsn);
NTSTATUS NTAPI ClfsReserveAndAppendLogAligned (PVOID pvMarshalContext, PCLFS_WRITE_ENTRY rgWriteEntries,
                                               ULONG cWriteEntries, ULONG cbEntryAlignment, PCLFS_LSN plsnUndoNext,
                                               PCLFS_LSN plsnPrevious, ULONG cReserveRecords, PLONGLONG rgcbReservation,
                                               ULONG fFlags, PCLFS_LSN plsn);

/* ---- flush ------------------------------------------------------------------------------------- */

/* ClfsFlushToLsn to CLFS_LSN_NULL. */
NTSTATUS NTAPI ClfsFlushBuffers (PVOID pvMarshalContext);

/*
 * Returns when every record of the log with an LSN <= *plsnFlush, whichever area appended it, is on stable storage;
 * CLFS_LSN_NULL: every record. *plsnLastFlushed (optional): the first LSN that is not durable, greater than that of
 * every durable record; the next record's when all are. It never goes back. *plsnFlush need not be a record's LSN.
 *   STATUS_INVALID_PARAMETER  no or a deleted area, plsnFlush NULL, *plsnFlush above LastLsn (CLFS_LSN_INVALID is)
 *   STATUS_ACCESS_DENIED      the area has no write access, and there was something to flush
 *   STATUS_LOG_CONTAINER_WRITE_FAILED, STATUS_LOG_METADATA_FLUSH_FAILED  the log has failed; so will every later flush
 */
NTSTATUS NTAPI ClfsFlushToLsn (PVOID pvMarshalContext, PCLFS_LSN plsnFlush, PCLFS_LSN plsnLastFlushed);

/* ---- read -------------------------------------------------------------------------------------- */

/*
 * Reads the record at *plsnFirst and makes a read context, which one thread at a time may use. What *ppvReadBuffer
 * shows stays valid until the context's next use. peRecordType, plsnUndoNext, plsnPrevious: optional. On failure
 * *ppvReadContext is NULL.
 *   STATUS_END_OF_FILE             at or after the end
 *   STATUS_LOG_START_OF_LOG        below the base
 *   STATUS_LOG_RECORD_NONEXISTENT  no record has that LSN
 *   STATUS_LOG_READ_MODE_INVALID   no such mode
 *   STATUS_LOG_BLOCKS_EXHAUSTED    cMaxReadBuffers contexts are there already
 *   STATUS_LOG_BLOCK_INCOMPLETE    the record needs a larger block than the area's
 *   STATUS_LOG_BLOCK_INVALID       damage
 *   STATUS_ACCESS_DENIED           the area has no read access
 *   STATUS_INVALID_PARAMETER       a NULL pointer
 */
NTSTATUS NTAPI ClfsReadLogRecord (PVOID pvMarshalContext, PCLFS_LSN plsnFirst, CLFS_CONTEXT_MODE peContextMode,
                                  PVOID *ppvReadBuffer, PULONG pcbReadBuffer, PCLFS_RECORD_TYPE peRecordType,
                                  PCLFS_LSN plsnUndoNext, PCLFS_LSN plsnPrevious, PVOID *ppvReadContext);

/*
 * Reads the next record by the context's mode whose type is in *peRecordType (ClfsDataRecord, ClfsRestartRecord or
 * both), or, from *plsnUser (optional) on, the first of such a type, and sets *peRecordType to its type. After a
 * failure the context stands where it stood.
 *   STATUS_END_OF_FILE               forward: at the end, there may be more later; chains, *plsnUser: CLFS_LSN_INVALID
 *   STATUS_LOG_START_OF_LOG          the link points below the base
 *   STATUS_INVALID_PARAMETER         *plsnUser is the context's own record or, in a chain, not below it; no type; NULL
 *   STATUS_LOG_READ_CONTEXT_INVALID  no such context
 *   STATUS_LOG_BLOCK_INCOMPLETE, STATUS_LOG_RECORD_NONEXISTENT, STATUS_LOG_BLOCK_INVALID  as above
 */
NTSTATUS NTAPI ClfsReadNextLogRecord (PVOID pvReadContext, PVOID *ppvBuffer, PULONG pcbBuffer,
                                      PCLFS_RECORD_TYPE peRecordType, PCLFS_LSN plsnUser, PCLFS_LSN plsnUndoNext,
                                      PCLFS_LSN plsnPrevious, PCLFS_LSN plsnRecord);

/* Frees a context of ClfsReadLogRecord or ClfsReadRestartArea and what it showed. */
NTSTATUS NTAPI ClfsTerminateReadLog (PVOID pvCursorContext);

/* ---- restart areas and the base ---------------------------------------------------------------- */

/*
 * Appends a restart record, makes it and everything before it durable, and moves the base to *plsnBase (optional), at
 * most the new record's own LSN. *pcbWritten (optional): bytes of log that became durable in this call. *plsnNext
 * (optional): the restart record's LSN.
 *   STATUS_LOG_TAIL_INVALID (bad base), STATUS_LOG_FULL, STATUS_BUFFER_TOO_SMALL, STATUS_ACCESS_DENIED,
 *   STATUS_NOT_SUPPORTED (CLFS_FLAG_USE_RESERVATION), STATUS_INVALID_PARAMETER (other flags, no buffer)
 */
NTSTATUS NTAPI ClfsWriteRestartArea (PVOID pvMarshalContext, PVOID pvRestartBuffer, ULONG cbRestartBuffer,
                                     PCLFS_LSN plsnBase, ULONG fFlags, PULONG pcbWritten, PCLFS_LSN plsnNext);

/* Reads the newest restart record. The context goes to ClfsReadPreviousRestartArea, or forward with
 * ClfsReadNextLogRecord. There is none: STATUS_LOG_NO_RESTART, a success by NT_SUCCESS(): NULL, 0, CLFS_LSN_INVALID and
 * NULL are written. Else as ClfsReadLogRecord. */
NTSTATUS NTAPI ClfsReadRestartArea (PVOID pvMarshalContext, PVOID *ppvRestartBuffer, PULONG pcbRestartBuffer,
                                    PCLFS_LSN plsn, PVOID *ppvReadContext);

/* Reads the restart record before the last one that the context read as such; *plsnRestart is the LSN of what is read.
 * STATUS_LOG_START_OF_LOG: there is none. STATUS_LOG_READ_CONTEXT_INVALID: not a context of ClfsReadRestartArea. */
NTSTATUS NTAPI ClfsReadPreviousRestartArea (PVOID pvReadContext, PVOID *ppvRestartBuffer, PULONG pcbRestartBuffer,
                                            PCLFS_LSN plsnRestart);

/* Moves the base forward, at most to LastLsn, which empties the log; durable on return. fFlags: 0.
 * STATUS_LOG_START_OF_LOG (below the base), STATUS_LOG_TAIL_INVALID (beyond the end), STATUS_ACCESS_DENIED,
 * STATUS_INVALID_PARAMETER. */
NTSTATUS NTAPI ClfsAdvanceLogBase (PVOID pvMarshalContext, PCLFS_LSN plsnBase, ULONG fFlags);

/* ---- LSNs -------------------------------------------------------------------------------------- */

/* Numeric comparison; CLFS_LSN_NULL and CLFS_LSN_INVALID take part. */
BOOLEAN NTAPI ClfsLsnEqual (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2);
BOOLEAN NTAPI ClfsLsnLess (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2);
BOOLEAN NTAPI ClfsLsnGreater (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2);
BOOLEAN NTAPI ClfsLsnNull (const CLFS_LSN *plsn);
BOOLEAN NTAPI ClfsLsnInvalid (const CLFS_LSN *plsn);

/* CLFS_LSN_INVALID if offBlock is no multiple of 512, cRecord is above 511, or cidContainer is 0xFFFFFFFF. */
CLFS_LSN NTAPI ClfsLsnCreate (CLFS_CONTAINER_ID cidContainer, ULONG offBlock, ULONG cRecord);
CLFS_CONTAINER_ID NTAPI ClfsLsnContainer (const CLFS_LSN *plsn);
ULONG NTAPI ClfsLsnBlockOffset (const CLFS_LSN *plsn);
ULONG NTAPI ClfsLsnRecordSequence (const CLFS_LSN *plsn);

/* The number after and before; after record 511 comes the next sector. What is invalid stays invalid; before
 * CLFS_LSN_NULL there is CLFS_LSN_INVALID. ClfsLaterLsn is ClfsLsnIncrement. */
CLFS_LSN NTAPI ClfsLsnIncrement (PCLFS_LSN plsn);
CLFS_LSN NTAPI ClfsLaterLsn (PCLFS_LSN plsn);
CLFS_LSN NTAPI ClfsEarlierLsn (PCLFS_LSN plsn);

/* Bytes of log from start to finish: exact between blocks, cbMaxBlock between records of one block.
 * STATUS_INVALID_PARAMETER: NULL, an invalid LSN, finish before start. */
NTSTATUS NTAPI ClfsLsnDifference (PCLFS_LSN plsnStart, PCLFS_LSN plsnFinish, ULONG cbContainer, ULONG cbMaxBlock,
                                  PLONGLONG pcbDifference);

/* ---- ours -------------------------------------------------------------------------------------- */

/* The log behind a log file object, for the calls of clfs.h: valid until the object is closed, not to be closed by the
 * caller. NULL if there is no such object. */
struct clfs_log *clfs_log_of_file_object (PLOG_FILE_OBJECT plfoLog);

#ifdef __cplusplus
}
#endif

#endif
