/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blf_disk.h - the base log file's structures as bytes (docs/format.md, "Base log file"). Internal to src/format. */
#ifndef CLFS_FORMAT_BLF_DISK_H
#define CLFS_FORMAT_BLF_DISK_H

#include "format/blf.h"
#include "format/block.h"

#include <assert.h>

#define CLFS_BLF_MAGIC 0x4D584C43u /* "CLXM" */
#define CLFS_EXT_MAGIC 0x45584C43u /* "CLXE" */
#define CLFS_CONTROL_MAGIC UINT64_C (0xC1F5C1F500005F1C)
#define CLFS_CONTROL_SECTORS 2u
#define CLFS_CONTROL_BYTES (CLFS_CONTROL_SECTORS * CLFS_SECTOR_BYTES)
#define CLFS_EXT_VERSION 1u
#define CLFS_NODE_SYMBOL 0xC1FDF006u
#define CLFS_NODE_CLIENT 0xC1FDF007u
#define CLFS_NODE_CONTAINER 0xC1FDF008u
#define CLFS_LOG_STATE_MULTIPLEXED 0x40u
#define CLFS_HASH_BUCKETS 11u
#define CLFS_CLIENT_SLOTS 124u
#define CLFS_CONTAINER_PREFIX "%BLF%\\"

/* Index of a block in the control record's table. */
enum {
    CLFS_META_CONTROL,
    CLFS_META_CONTROL_SHADOW,
    CLFS_META_GENERAL,
    CLFS_META_GENERAL_SHADOW,
    CLFS_META_SCRATCH,
    CLFS_META_SCRATCH_SHADOW,
    CLFS_META_BLOCKS
};

/* Header of a metadata block: that of data blocks, with additions of its own. */
typedef struct __attribute__ ((packed)) clfs_meta_header {
    uint8_t common[0x34]; /* as clfs_block_header */
    uint32_t magic;
    uint64_t log_id;
    uint32_t format_version, incompatible, readonly_compatible, epoch;
    uint32_t ext_offset, ext_bytes;
    uint8_t unused[16];
    uint32_t signatures_offset;
    uint32_t padding;
} clfs_meta_header;
static_assert (sizeof (clfs_meta_header) == CLFS_BLOCK_HEADER_BYTES, "metadata header");
static_assert (offsetof (clfs_meta_header, magic) == 0x34, "metadata additions");
static_assert (offsetof (clfs_meta_header, ext_offset) == 0x50, "ext offset");
static_assert (offsetof (clfs_meta_header, signatures_offset) == 0x68, "signatures offset");

typedef struct __attribute__ ((packed)) clfs_control_entry {
    uint64_t pointer;
    uint32_t bytes, offset, type, padding;
} clfs_control_entry;
static_assert (sizeof (clfs_control_entry) == 24, "block table entry");

typedef struct __attribute__ ((packed)) clfs_control_record {
    uint64_t dump_count;
    uint64_t magic;
    uint8_t version, padding[3];
    uint32_t extend_state;
    uint16_t extend_block, flush_block;
    uint32_t new_block_sectors, extend_start_sectors, extend_sectors;
    uint8_t truncate_context[32];
    uint16_t block_count, padding2;
    uint32_t reserved;
    clfs_control_entry blocks[CLFS_META_BLOCKS];
} clfs_control_record;
static_assert (sizeof (clfs_control_record) == 0xE0, "control record");
static_assert (offsetof (clfs_control_record, truncate_context) == 0x28, "truncate context");
static_assert (offsetof (clfs_control_record, block_count) == 0x48, "block count");
static_assert (offsetof (clfs_control_record, blocks) == 0x50, "block table");

typedef struct __attribute__ ((packed)) clfs_base_record {
    uint64_t dump_count;
    uint8_t guid[16];
    uint64_t client_symbols[CLFS_HASH_BUCKETS];
    uint64_t container_symbols[CLFS_HASH_BUCKETS];
    uint64_t security_symbols[CLFS_HASH_BUCKETS];
    uint32_t next_container, next_client, free_containers, active_containers;
    uint32_t unused[2];
    uint32_t clients[CLFS_CLIENT_SLOTS];
    uint32_t containers[CLFS_BLF_CONTAINER_SLOTS];
    uint32_t zone_bytes;
    uint32_t sector_bytes;
    uint16_t unused2;
    uint8_t log_state, usn, client_count, padding[3];
} clfs_base_record;
static_assert (sizeof (clfs_base_record) == 0x1338, "base record");
static_assert (offsetof (clfs_base_record, client_symbols) == 0x18, "client symbols");
static_assert (offsetof (clfs_base_record, container_symbols) == 0x70, "container symbols");
static_assert (offsetof (clfs_base_record, next_container) == 0x120, "next container");
static_assert (offsetof (clfs_base_record, clients) == 0x138, "clients");
static_assert (offsetof (clfs_base_record, containers) == 0x328, "containers");
static_assert (offsetof (clfs_base_record, zone_bytes) == 0x1328, "zone");
static_assert (offsetof (clfs_base_record, log_state) == 0x1332, "log state");

typedef struct __attribute__ ((packed)) clfs_symbol {
    uint32_t node_type, node_bytes;
    uint32_t hash, name_distance;
    uint64_t below, above;
    uint32_t name, context;
    uint8_t deleted, padding[7];
} clfs_symbol;
static_assert (sizeof (clfs_symbol) == 0x30, "symbol");
static_assert (offsetof (clfs_symbol, name) == 0x20, "symbol's name");

typedef struct __attribute__ ((packed)) clfs_client_context {
    uint32_t node_type, node_bytes;
    uint8_t client_id, padding;
    uint16_t attributes;
    uint32_t flush_threshold_bytes;
    uint32_t shadow_sectors, padding2;
    uint64_t undo_commitment;
    uint64_t created, accessed, appended; /* 100 ns since 1601 */
    uint64_t owner_page, archive_tail, base, last, restart, physical_base;
    uint64_t unused[2];
    uint8_t state, padding3[7];
    uint64_t security;
} clfs_client_context;
static_assert (sizeof (clfs_client_context) == 0x88, "client context");
static_assert (offsetof (clfs_client_context, created) == 0x20, "times");
static_assert (offsetof (clfs_client_context, archive_tail) == 0x40, "archive tail");
static_assert (offsetof (clfs_client_context, physical_base) == 0x60, "physical base");

typedef struct __attribute__ ((packed)) clfs_container_context {
    uint32_t node_type, node_bytes;
    uint64_t size_bytes;
    uint32_t physical_id, logical_id;
    uint64_t pointer;
    uint8_t usn, padding[3];
    uint32_t state;
    uint64_t first_offset;
} clfs_container_context;
static_assert (sizeof (clfs_container_context) == 0x30, "container context");
static_assert (offsetof (clfs_container_context, state) == 0x24, "container state");

typedef struct __attribute__ ((packed)) clfs_ext {
    uint32_t magic;
    uint16_t version, bytes;
    uint32_t epoch, flags;
    uint64_t epoch_first;
    uint64_t scan_start, scan_start_offset;
    uint32_t scan_start_checksum, clean_checksum;
    uint64_t clean_end, clean_offset;
    uint64_t durable;
    uint64_t base_offset;
    uint32_t prepared_physical, prepared_logical;
    uint64_t cut_lsn, cut_bytes;
    uint64_t container_bytes, max_bytes, retain_bytes, retain_seconds;
    uint32_t flush_ms;
    uint16_t align_bytes;
    uint8_t framing, padding;
    struct __attribute__ ((packed)) {
        uint32_t mode, uid, gid;
    } attrs[CLFS_ATTR_SLOTS];
    uint64_t pending_bytes_max;
    uint64_t damage;
    uint64_t last_record;
    uint8_t unused[152];
} clfs_ext;
static_assert (sizeof (clfs_ext) == 512, "ext");
static_assert (offsetof (clfs_ext, scan_start) == 0x18, "scan start");
static_assert (offsetof (clfs_ext, clean_end) == 0x30, "clean end");
static_assert (offsetof (clfs_ext, prepared_physical) == 0x50, "prepared container");
static_assert (offsetof (clfs_ext, container_bytes) == 0x68, "container size");
static_assert (offsetof (clfs_ext, flush_ms) == 0x88, "flush-ms");
static_assert (offsetof (clfs_ext, attrs) == 0x90, "attributes");
static_assert (offsetof (clfs_ext, pending_bytes_max) == 0x150, "pending-max");
static_assert (offsetof (clfs_ext, last_record) == 0x160, "newest record");

/* Hash of a symbol's name: PJW over upper-cased UTF-16 units. */
uint32_t clfs_symbol_hash (const uint16_t *name, size_t units);

/* Times: nanoseconds since 1970 to units of 100 ns since 1601 and back. 0, "unknown", stays 0, as does what cannot
 * be told. */
uint64_t clfs_blf_time_encode (int64_t ns);
int64_t clfs_blf_time_decode (uint64_t time);

#endif
