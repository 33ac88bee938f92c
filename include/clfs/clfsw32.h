/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clfsw32.h - user-mode names of Windows' CLFS: so far the LSN helpers. Each is the same as its Clfs... twin in
 * wdm.h.
 */
#ifndef CLFS_CLFSW32_H
#define CLFS_CLFSW32_H

#include <clfs/clfstypes.h>

#ifdef __cplusplus
extern "C" {
#endif

BOOLEAN NTAPI LsnEqual (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2);
BOOLEAN NTAPI LsnLess (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2);
BOOLEAN NTAPI LsnGreater (const CLFS_LSN *plsn1, const CLFS_LSN *plsn2);
BOOLEAN NTAPI LsnNull (const CLFS_LSN *plsn);
BOOLEAN NTAPI LsnInvalid (const CLFS_LSN *plsn);
CLFS_LSN NTAPI LsnCreate (CLFS_CONTAINER_ID cidContainer, ULONG offBlock, ULONG cRecord);
CLFS_CONTAINER_ID NTAPI LsnContainer (const CLFS_LSN *plsn);
ULONG NTAPI LsnBlockOffset (const CLFS_LSN *plsn);
ULONG NTAPI LsnRecordSequence (const CLFS_LSN *plsn);
CLFS_LSN NTAPI LsnIncrement (PCLFS_LSN plsn);

#ifdef __cplusplus
}
#endif

#endif
