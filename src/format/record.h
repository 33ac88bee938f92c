/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record.h - parsing of one record without its checksum. Internal to src/format. */
#ifndef CLFS_FORMAT_RECORD_H
#define CLFS_FORMAT_RECORD_H

#include "format/block.h"

/* As clfs_record_at, but the running checksum is not computed: for blocks whose own checksum was. */
bool clfs_record_parse (const uint8_t *block, uint32_t limit, uint32_t offset, uint64_t expected_lsn, bool ours,
                        clfs_record_view *out);

#endif
