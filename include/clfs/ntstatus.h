/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ntstatus.h - the status codes that libclfs returns, with Windows' names and numbers.
 *
 * A status is a 32-bit signed number; negative is failure. Beware: STATUS_LOG_NO_RESTART is an
 * informational status, so NT_SUCCESS() is true for it: test it by value.
 */
#ifndef CLFS_NTSTATUS_H
#define CLFS_NTSTATUS_H

#include <stdint.h>

typedef int32_t NTSTATUS;

#ifndef NT_SUCCESS
#define NT_SUCCESS(status) ((NTSTATUS) (status) >= 0)
#endif

/* General statuses. */
#define STATUS_SUCCESS                                 ((NTSTATUS) 0x00000000)
#define STATUS_PENDING                                 ((NTSTATUS) 0x00000103)
#define STATUS_BUFFER_OVERFLOW                         ((NTSTATUS) 0x80000005)
#define STATUS_NO_MORE_ENTRIES                         ((NTSTATUS) 0x8000001A)
#define STATUS_UNSUCCESSFUL                            ((NTSTATUS) 0xC0000001)
#define STATUS_INVALID_HANDLE                          ((NTSTATUS) 0xC0000008)
#define STATUS_INVALID_PARAMETER                       ((NTSTATUS) 0xC000000D)
#define STATUS_END_OF_FILE                             ((NTSTATUS) 0xC0000011)
#define STATUS_NO_MEMORY                               ((NTSTATUS) 0xC0000017)
#define STATUS_ACCESS_DENIED                           ((NTSTATUS) 0xC0000022)
#define STATUS_BUFFER_TOO_SMALL                        ((NTSTATUS) 0xC0000023)
#define STATUS_OBJECT_NAME_INVALID                     ((NTSTATUS) 0xC0000033)
#define STATUS_OBJECT_NAME_NOT_FOUND                   ((NTSTATUS) 0xC0000034)
#define STATUS_OBJECT_NAME_COLLISION                   ((NTSTATUS) 0xC0000035)
#define STATUS_OBJECT_PATH_NOT_FOUND                   ((NTSTATUS) 0xC000003A)
#define STATUS_SHARING_VIOLATION                       ((NTSTATUS) 0xC0000043)
#define STATUS_DELETE_PENDING                          ((NTSTATUS) 0xC0000056)
#define STATUS_DISK_FULL                               ((NTSTATUS) 0xC000007F)
#define STATUS_INSUFFICIENT_RESOURCES                  ((NTSTATUS) 0xC000009A)
#define STATUS_MEDIA_WRITE_PROTECTED                   ((NTSTATUS) 0xC00000A2)
#define STATUS_NOT_SUPPORTED                           ((NTSTATUS) 0xC00000BB)
#define STATUS_INVALID_PARAMETER_1                     ((NTSTATUS) 0xC00000EF)
#define STATUS_INVALID_PARAMETER_2                     ((NTSTATUS) 0xC00000F0)
#define STATUS_INVALID_PARAMETER_3                     ((NTSTATUS) 0xC00000F1)
#define STATUS_DIRECTORY_NOT_EMPTY                     ((NTSTATUS) 0xC0000101)
#define STATUS_TOO_MANY_OPENED_FILES                   ((NTSTATUS) 0xC000011F)
#define STATUS_CANCELLED                               ((NTSTATUS) 0xC0000120)
#define STATUS_IO_DEVICE_ERROR                         ((NTSTATUS) 0xC0000185)
#define STATUS_NOT_FOUND                               ((NTSTATUS) 0xC0000225)
#define STATUS_DISK_QUOTA_EXCEEDED                     ((NTSTATUS) 0xC0000802)

/* Facility 0x1A: the Common Log File System. */
#define STATUS_LOG_SECTOR_INVALID                      ((NTSTATUS) 0xC01A0001)
#define STATUS_LOG_SECTOR_PARITY_INVALID               ((NTSTATUS) 0xC01A0002)
#define STATUS_LOG_SECTOR_REMAPPED                     ((NTSTATUS) 0xC01A0003)
#define STATUS_LOG_BLOCK_INCOMPLETE                    ((NTSTATUS) 0xC01A0004)
#define STATUS_LOG_INVALID_RANGE                       ((NTSTATUS) 0xC01A0005)
#define STATUS_LOG_BLOCKS_EXHAUSTED                    ((NTSTATUS) 0xC01A0006)
#define STATUS_LOG_READ_CONTEXT_INVALID                ((NTSTATUS) 0xC01A0007)
#define STATUS_LOG_RESTART_INVALID                     ((NTSTATUS) 0xC01A0008)
#define STATUS_LOG_BLOCK_VERSION                       ((NTSTATUS) 0xC01A0009)
#define STATUS_LOG_BLOCK_INVALID                       ((NTSTATUS) 0xC01A000A)
#define STATUS_LOG_READ_MODE_INVALID                   ((NTSTATUS) 0xC01A000B)
#define STATUS_LOG_NO_RESTART                          ((NTSTATUS) 0x401A000C)
#define STATUS_LOG_METADATA_CORRUPT                    ((NTSTATUS) 0xC01A000D)
#define STATUS_LOG_METADATA_INVALID                    ((NTSTATUS) 0xC01A000E)
#define STATUS_LOG_METADATA_INCONSISTENT               ((NTSTATUS) 0xC01A000F)
#define STATUS_LOG_RESERVATION_INVALID                 ((NTSTATUS) 0xC01A0010)
#define STATUS_LOG_CANT_DELETE                         ((NTSTATUS) 0xC01A0011)
#define STATUS_LOG_CONTAINER_LIMIT_EXCEEDED            ((NTSTATUS) 0xC01A0012)
#define STATUS_LOG_START_OF_LOG                        ((NTSTATUS) 0xC01A0013)
#define STATUS_LOG_POLICY_ALREADY_INSTALLED            ((NTSTATUS) 0xC01A0014)
#define STATUS_LOG_POLICY_NOT_INSTALLED                ((NTSTATUS) 0xC01A0015)
#define STATUS_LOG_POLICY_INVALID                      ((NTSTATUS) 0xC01A0016)
#define STATUS_LOG_POLICY_CONFLICT                     ((NTSTATUS) 0xC01A0017)
#define STATUS_LOG_PINNED_ARCHIVE_TAIL                 ((NTSTATUS) 0xC01A0018)
#define STATUS_LOG_RECORD_NONEXISTENT                  ((NTSTATUS) 0xC01A0019)
#define STATUS_LOG_RECORDS_RESERVED_INVALID            ((NTSTATUS) 0xC01A001A)
#define STATUS_LOG_SPACE_RESERVED_INVALID              ((NTSTATUS) 0xC01A001B)
#define STATUS_LOG_TAIL_INVALID                        ((NTSTATUS) 0xC01A001C)
#define STATUS_LOG_FULL                                ((NTSTATUS) 0xC01A001D)
#define STATUS_LOG_MULTIPLEXED                         ((NTSTATUS) 0xC01A001E)
#define STATUS_LOG_DEDICATED                           ((NTSTATUS) 0xC01A001F)
#define STATUS_LOG_ARCHIVE_NOT_IN_PROGRESS             ((NTSTATUS) 0xC01A0020)
#define STATUS_LOG_ARCHIVE_IN_PROGRESS                 ((NTSTATUS) 0xC01A0021)
#define STATUS_LOG_EPHEMERAL                           ((NTSTATUS) 0xC01A0022)
#define STATUS_LOG_NOT_ENOUGH_CONTAINERS               ((NTSTATUS) 0xC01A0023)
#define STATUS_LOG_CLIENT_ALREADY_REGISTERED           ((NTSTATUS) 0xC01A0024)
#define STATUS_LOG_CLIENT_NOT_REGISTERED               ((NTSTATUS) 0xC01A0025)
#define STATUS_LOG_FULL_HANDLER_IN_PROGRESS            ((NTSTATUS) 0xC01A0026)
#define STATUS_LOG_CONTAINER_READ_FAILED               ((NTSTATUS) 0xC01A0027)
#define STATUS_LOG_CONTAINER_WRITE_FAILED              ((NTSTATUS) 0xC01A0028)
#define STATUS_LOG_CONTAINER_OPEN_FAILED               ((NTSTATUS) 0xC01A0029)
#define STATUS_LOG_CONTAINER_STATE_INVALID             ((NTSTATUS) 0xC01A002A)
#define STATUS_LOG_STATE_INVALID                       ((NTSTATUS) 0xC01A002B)
#define STATUS_LOG_PINNED                              ((NTSTATUS) 0xC01A002C)
#define STATUS_LOG_METADATA_FLUSH_FAILED               ((NTSTATUS) 0xC01A002D)
#define STATUS_LOG_INCONSISTENT_SECURITY               ((NTSTATUS) 0xC01A002E)
#define STATUS_LOG_APPENDED_FLUSH_FAILED               ((NTSTATUS) 0xC01A002F)
#define STATUS_LOG_PINNED_RESERVATION                  ((NTSTATUS) 0xC01A0030)

#endif
