/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blf.h - the base log file: metadata as bytes (docs/format.md, "Base log file").
 *
 * The file holds three pairs of metadata blocks: control, general, scratch. Of the general pair the valid copy with the
 * higher dump count wins. clfs_blf is its content in memory. No I/O here: the engine reads the whole file,
 * parses it, and writes single copies.
 */
#ifndef CLFS_FORMAT_BLF_H
#define CLFS_FORMAT_BLF_H

#include <clfs/clfs.h>

#include <glib.h>

#define CLFS_BLF_CONTAINER_SLOTS 1024u
#define CLFS_BLF_FORMAT_VERSION 1u

/* A BLF larger than this is refused unread. */
#define CLFS_BLF_BYTES_MAX (4u * 1024 * 1024)

typedef struct clfs_blf_container {
    char *name;             /* file name in the store, UTF-8, without "%BLF%\" */
    uint64_t size_bytes;
    uint32_t physical_id;
    uint32_t logical_id;
    uint32_t state;         /* eState as stored */
    uint64_t first_offset;  /* stream offset of its first block; valid once it was entered */
} clfs_blf_container;

/* clean close, prepared container and so on: the ext's flags. */
enum {
    CLFS_EXT_CLEAN = 1,
    CLFS_EXT_NEXT_PREPARED = 2,
    CLFS_EXT_RETAIN_BYTES = 4,
    CLFS_EXT_RETAIN_AGE = 8,
    CLFS_EXT_DAMAGED = 16,
    CLFS_EXT_PENDING_DELETE = 32, /* a removal was begun: the next opener finishes it */
};

/* The content of one general metadata copy. Owned strings and array; free with clfs_blf_free. */
typedef struct clfs_blf {
    bool ours;              /* written by us: the ext is there */
    uint64_t dump_count;
    uint8_t usn;
    uint8_t guid[16];
    uint64_t log_id;        /* guid bytes 0-7 XOR 8-15 */
    uint32_t incompatible, readonly_compatible; /* feature bits as stored */

    /* client context */
    uint16_t attributes;    /* fAttributes */
    uint32_t flush_threshold_bytes;
    int64_t created_ns, accessed_ns, appended_ns; /* stored in units of 100 ns since 1601 */
    clfs_lsn_t archive_tail, base, last, restart; /* last: the next LSN, as Windows has it */
    uint8_t log_state;      /* eLogState */

    GPtrArray *containers;  /* clfs_blf_container, by physical id, dense from 0 in our logs */

    /* ext: all 0 if not ours */
    uint32_t epoch, ext_flags;
    clfs_lsn_t epoch_first;       /* first LSN of the epoch */
    clfs_lsn_t scan_start;        /* where a block ends; recovery starts here */
    uint64_t scan_start_offset;   /* stream offset there */
    uint32_t scan_start_checksum; /* of the block that ends there; 0 if none does */
    uint32_t clean_checksum;      /* of the last block at a clean close */
    clfs_lsn_t clean_end;
    uint64_t clean_offset;
    clfs_lsn_t durable;           /* durable LSN at this write */
    uint64_t base_offset;
    uint32_t prepared_physical, prepared_logical;
    clfs_lsn_t cut_lsn;
    uint64_t cut_bytes;
    uint64_t container_bytes, max_bytes, retain_bytes, retain_seconds;
    uint32_t flush_ms;
    uint16_t align_bytes;
    uint8_t framing;
    clfs_attr attrs[CLFS_ATTR_SLOTS];
    uint64_t pending_bytes_max;
    clfs_lsn_t damage;            /* the durable mark that found damage, with CLFS_EXT_DAMAGED */
    clfs_lsn_t last_record;       /* newest record at this write; CLFS_INVALID_LSN: none */
} clfs_blf;

clfs_blf *clfs_blf_new (void);                     /* all zero, LSNs that mean "none" invalid */
clfs_blf *clfs_blf_copy (const clfs_blf *blf);
void clfs_blf_free (clfs_blf *blf);
clfs_blf_container *clfs_blf_add_container (clfs_blf *blf, const char *name, uint64_t size_bytes); /* next physical id */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (clfs_blf, clfs_blf_free)

/* The log id that belongs to a GUID. Parsing fills blf->log_id; encoding takes it from the GUID. */
uint64_t clfs_blf_log_id (const uint8_t guid[16]);

/* Where the blocks of a file of ours are. */
typedef struct clfs_blf_layout {
    uint32_t general_sectors;              /* 61 or 320 */
    uint32_t control_offset[2], general_offset[2], scratch_offset[2]; /* main, shadow */
    uint32_t file_bytes;
} clfs_blf_layout;

/* The layout that holds `containers` containers; how many the small one holds. */
void clfs_blf_layout_for (uint32_t containers, clfs_blf_layout *out);
uint32_t clfs_blf_containers_max (const clfs_blf_layout *layout);

/* What a look at a whole file found. */
typedef struct clfs_blf_report {
    clfs_blf_layout layout;
    bool control_valid[2], general_valid[2], scratch_valid[2]; /* main, shadow */
    bool ours;
    int winner;            /* 0 main, 1 shadow */
    uint64_t counts[2];    /* dump counts of the general copies; 0 if not valid */
    char fault[160];       /* why the file or a copy is not valid: offset and reason; "" if all is well */
} clfs_blf_report;

/* Parses a whole file. STATUS_SUCCESS with *out the winner's content; STATUS_LOG_METADATA_CORRUPT: no valid copy;
 * STATUS_LOG_BLOCK_VERSION: valid, but with a version or features that we do not know (report->fault says which; with
 * read-only-compatible features unknown it is a success and the caller must not write). The report is filled in each case. */
NTSTATUS clfs_blf_parse (const uint8_t *file, size_t bytes, clfs_blf_report *report, clfs_blf **out) G_GNUC_WARN_UNUSED_RESULT;

/* Encodes one general copy with `dump_count` into `out` (layout->general_sectors * 512 bytes), signed and with its checksum.
 * STATUS_LOG_CONTAINER_LIMIT_EXCEEDED: does not fit the layout. */
NTSTATUS clfs_blf_encode_general (const clfs_blf *blf, const clfs_blf_layout *layout, uint64_t dump_count, uint8_t *out) G_GNUC_WARN_UNUSED_RESULT;

/* A whole new file (layout->file_bytes): both control and scratch copies, general copies with counts
 * first_count (odd) in main and first_count + 1 in shadow. */
NTSTATUS clfs_blf_encode_file (const clfs_blf *blf, const clfs_blf_layout *layout, uint64_t first_count, uint8_t *out) G_GNUC_WARN_UNUSED_RESULT;

/* One control or scratch copy as encode_file writes it, to repair the pair. */
void clfs_blf_encode_control (const clfs_blf *blf, const clfs_blf_layout *layout, int copy, uint8_t *out); /* 1,024 bytes */
void clfs_blf_encode_scratch (const clfs_blf *blf, int copy, uint8_t *out); /* 512 bytes */

#endif
