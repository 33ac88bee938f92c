/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lsn.c - the LSN helpers by their Windows names.
 */
#include <clfs/clfsw32.h>
#include <clfs/lsn.h>
#include <clfs/wdm.h>

const CLFS_LSN CLFS_LSN_NULL = { CLFS_NULL_LSN };
const CLFS_LSN CLFS_LSN_INVALID = { CLFS_INVALID_LSN };

BOOLEAN
ClfsLsnEqual (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2)
{
    return plsn1->Internal == plsn2->Internal;
}

BOOLEAN
ClfsLsnLess (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2)
{
    return plsn1->Internal < plsn2->Internal;
}

BOOLEAN
ClfsLsnGreater (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2)
{
    return plsn1->Internal > plsn2->Internal;
}

BOOLEAN
ClfsLsnNull (const CLFS_LSN *plsn)
{
    return plsn->Internal == CLFS_NULL_LSN;
}

BOOLEAN
ClfsLsnInvalid (const CLFS_LSN *plsn)
{
    return plsn->Internal == CLFS_INVALID_LSN;
}

CLFS_LSN
ClfsLsnCreate (CLFS_CONTAINER_ID cidContainer, ULONG offBlock, ULONG cRecord)
{
    /* The valid LSNs are [CLFS_LSN_NULL, CLFS_LSN_INVALID): the last container id has none. */
    if (cidContainer == UINT32_MAX || offBlock % CLFS_SECTOR_BYTES != 0 || cRecord >= CLFS_BLOCK_RECORDS_MAX)
        return CLFS_LSN_INVALID;
    return (CLFS_LSN) { clfs_lsn_make (cidContainer, offBlock, cRecord) };
}

CLFS_CONTAINER_ID
ClfsLsnContainer (const CLFS_LSN *plsn)
{
    return clfs_lsn_container (plsn->Internal);
}

ULONG
ClfsLsnBlockOffset (const CLFS_LSN *plsn)
{
    return clfs_lsn_block_bytes (plsn->Internal);
}

ULONG
ClfsLsnRecordSequence (const CLFS_LSN *plsn)
{
    return clfs_lsn_record (plsn->Internal);
}

CLFS_LSN
ClfsLsnIncrement (PCLFS_LSN plsn)
{
    return plsn->Internal < CLFS_INVALID_LSN ? (CLFS_LSN) { plsn->Internal + 1 } : CLFS_LSN_INVALID;
}

CLFS_LSN
ClfsLaterLsn (PCLFS_LSN plsn)
{
    return ClfsLsnIncrement (plsn);
}

CLFS_LSN
ClfsEarlierLsn (PCLFS_LSN plsn)
{
    if (plsn->Internal == CLFS_NULL_LSN || plsn->Internal >= CLFS_INVALID_LSN)
        return CLFS_LSN_INVALID;
    return (CLFS_LSN) { plsn->Internal - 1 };
}

NTSTATUS
ClfsLsnDifference (PCLFS_LSN plsnStart, PCLFS_LSN plsnFinish, ULONG cbContainer, ULONG cbMaxBlock,
                   PLONGLONG pcbDifference)
{
    if (plsnStart == NULL || plsnFinish == NULL || pcbDifference == NULL)
        return STATUS_INVALID_PARAMETER;
    uint64_t start = plsnStart->Internal, finish = plsnFinish->Internal;
    if (start >= CLFS_INVALID_LSN || finish >= CLFS_INVALID_LSN || finish < start)
        return STATUS_INVALID_PARAMETER;
    /* Both factors are below 2^32: keep their product far enough from 2^63 to add the rest. */
    uint64_t containers = clfs_lsn_container (finish) - clfs_lsn_container (start);
    if (cbContainer > 0 && containers > ((uint64_t) INT64_MAX >> 2) / cbContainer)
        return STATUS_INVALID_PARAMETER;
    int64_t bytes = (int64_t) (containers * cbContainer);
    bytes += (int64_t) clfs_lsn_block_bytes (finish) - (int64_t) clfs_lsn_block_bytes (start);
    /* An LSN does not say how long its block is: between records of one block its limit is all that is known. */
    if (clfs_lsn_block (start) == clfs_lsn_block (finish) && start != finish)
        bytes += cbMaxBlock;
    /* Offsets beyond the container size that was named. */
    if (bytes < 0)
        return STATUS_INVALID_PARAMETER;
    *pcbDifference = bytes;
    return STATUS_SUCCESS;
}

BOOLEAN
LsnEqual (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2)
{
    return ClfsLsnEqual (plsn1, plsn2);
}

BOOLEAN
LsnLess (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2)
{
    return ClfsLsnLess (plsn1, plsn2);
}

BOOLEAN
LsnGreater (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2)
{
    return ClfsLsnGreater (plsn1, plsn2);
}

BOOLEAN
LsnNull (const CLFS_LSN *plsn)
{
    return ClfsLsnNull (plsn);
}

BOOLEAN
LsnInvalid (const CLFS_LSN *plsn)
{
    return ClfsLsnInvalid (plsn);
}

CLFS_LSN
LsnCreate (CLFS_CONTAINER_ID cidContainer, ULONG offBlock, ULONG cRecord)
{
    return ClfsLsnCreate (cidContainer, offBlock, cRecord);
}

CLFS_CONTAINER_ID
LsnContainer (const CLFS_LSN *plsn)
{
    return ClfsLsnContainer (plsn);
}

ULONG
LsnBlockOffset (const CLFS_LSN *plsn)
{
    return ClfsLsnBlockOffset (plsn);
}

ULONG
LsnRecordSequence (const CLFS_LSN *plsn)
{
    return ClfsLsnRecordSequence (plsn);
}

CLFS_LSN
LsnIncrement (PCLFS_LSN plsn)
{
    return ClfsLsnIncrement (plsn);
}
