/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * area.h - the marshalling area: the memory that holds every block from the durable LSN on.
 *
 * For a log that is written through a mount (or by a library user who did not ask for
 * CLFS_STORE_NO_AREA) it is a shared file in the store, so it outlives the process exactly as a plain
 * file's page cache would. A process may be killed between any two instructions; what it leaves must be
 * readable. So data here changes by writing new bytes where nothing points yet, and then by one final
 * store (the fields marked "final"). There is no mutex in it.
 *
 *   page 0    struct clfs_area_header
 *   then      the ring: blocks, each a struct clfs_area_block followed by the block's image, one after
 *             another; a block is contiguous; the ring starts again at its beginning when the end has no
 *             room or is not allocated yet
 *
 * Unterminated lines live in a second map of the same kind, lines.h.
 */
#ifndef CLFS_ENGINE_AREA_H
#define CLFS_ENGINE_AREA_H

#include "format/block.h"
#include "storage/storage.h"

#include <clfs/clfs.h>

#define CLFS_AREA_MAGIC UINT64_C (0x4145524153464C43) /* "CLFSAREA" */
#define CLFS_AREA_VERSION 1u
#define CLFS_AREA_STEP_BYTES UINT64_C (262144)
#define CLFS_AREA_PAGE_BYTES 4096u
#define CLFS_AREA_NO_BLOCK UINT64_MAX

/* Where the durable part ends. Two slots; header.current says which holds: the other one is filled, then it flips. */
typedef struct clfs_area_mark {
    uint64_t durable;        /* LSN: every block below is on stable storage */
    uint64_t stream_offset;  /* stream offset there */
    uint64_t first;          /* ring offset of the block at `durable`; CLFS_AREA_NO_BLOCK: there is none yet */
    uint32_t checksum;       /* of the block that ends at `durable`; 0: none does */
    uint32_t chain_start;    /* 1: the next block begins a chain */
} clfs_area_mark;

/* Written by whoever creates the area, before `ready`; then only the fields that say so change. */
typedef struct clfs_area_header {
    uint64_t magic;
    uint32_t version, header_bytes;
    uint8_t boot_id[16];     /* of the kernel that ran; another one: nothing here counts */
    uint8_t guid[16];        /* the log's */
    uint64_t device, inode;  /* the file's own: a copy has others */
    uint64_t ring_bytes;
    uint64_t pid;            /* of the creator, for people */
    uint32_t checksum;       /* CRC-32 of all of the above */
    uint32_t ready;          /* final: 1 when all of the above is there */
    uint32_t epoch;          /* final: raised here before it is raised in the metadata */
    uint32_t current;        /* final: which mark holds */
    clfs_area_mark marks[2];
    /* The last barrier: begun (range), then its result. Written by the flusher, read by people and by a successor's report. */
    uint64_t barrier_from, barrier_to;
    uint32_t barrier_state;  /* final: enum clfs_area_barrier */
    uint32_t padding;
} clfs_area_header;
static_assert (sizeof (clfs_area_header) <= CLFS_AREA_PAGE_BYTES, "the header has one page");

enum clfs_area_barrier {
    CLFS_AREA_BARRIER_NONE,
    CLFS_AREA_BARRIER_STARTED,
    CLFS_AREA_BARRIER_DONE,
    CLFS_AREA_BARRIER_FAILED,
};

/* A block's life. Each step is a final store after its bytes are there. */
enum clfs_area_block_state {
    CLFS_AREA_OPEN = 1,   /* takes records: `committed` says how many are whole */
    CLFS_AREA_CLOSED = 2, /* no more records; `sectors` is final */
    CLFS_AREA_SAVED = 3,  /* header filled in, displaced bytes saved in the image; signing may have begun */
    CLFS_AREA_SEALED = 4, /* signed and with its checksum: never changes again */
};

#define CLFS_AREA_BLOCK_MAGIC 0x4B4C4241u /* "ABLK" */

/* Before each image in the ring. Written by the appender that begins the block, before anything points to it. */
typedef struct clfs_area_block {
    uint32_t magic;
    uint32_t image_offset;   /* from the start of this struct; room for what later versions keep beside records */
    uint64_t address;        /* the block's LSN */
    uint64_t stream_offset;  /* at its first record */
    uint32_t epoch;
    uint32_t capacity_sectors;
    uint64_t next;           /* final: ring offset of the next block; CLFS_AREA_NO_BLOCK */
    uint64_t committed;      /* final: record count << 32 | bytes used by header and records */
    uint32_t sectors;        /* valid from CLOSED on */
    uint32_t state;          /* final: enum clfs_area_block_state */
    uint32_t flags;          /* CLFS_BLOCK_* of the header-to-be; valid from CLOSED on */
    uint32_t padding;
} clfs_area_block;
static_assert (sizeof (clfs_area_block) == 64, "images stay aligned to 64");

/* A final store: everything written before it is visible to whoever reads the new value, also after a kill. */
#define CLFS_AREA_FINAL(field, value) __atomic_store_n (&(field), (value), __ATOMIC_RELEASE)
#define CLFS_AREA_READ(field) __atomic_load_n (&(field), __ATOMIC_ACQUIRE)

/* Memory of that shape, shared or private. */
typedef struct clfs_area {
    clfs_storage *storage;
    clfs_map *map;           /* NULL: private memory */
    char *name;              /* file name of a shared one */
    clfs_area_header *header;
    uint8_t *ring;
    uint64_t ring_bytes;     /* address space */
    uint64_t ring_allocated; /* may be touched */
    uint64_t virtual_bytes;
    uint64_t head;           /* ring offset where the next block goes */
    uint64_t tail;           /* ring offset of the oldest block; only if !empty */
    bool empty;
} clfs_area;

/* What a new area is made for. */
typedef struct clfs_area_params {
    const char *name;        /* file name; NULL: private memory */
    const uint8_t *guid;
    uint64_t ring_bytes;
    uint32_t epoch;
    clfs_area_mark mark;
} clfs_area_params;

/* Makes an area, its header and first step allocated, and ready. A left-over file of that name is an error: recovery comes first. */
NTSTATUS clfs_area_create (clfs_storage *storage, const clfs_area_params *params, clfs_area **out) G_GNUC_WARN_UNUSED_RESULT;

/* How an existing area file relates to this machine and log. */
enum clfs_area_fit {
    CLFS_AREA_FITS,
    CLFS_AREA_UNFINISHED, /* its creation did not end: nothing can be in it */
    CLFS_AREA_OTHER_BOOT, /* of an earlier boot: not trusted */
    CLFS_AREA_COPIED,     /* a copy, another log's, or another version's */
};

/* Maps the file. STATUS_OBJECT_NAME_NOT_FOUND: there is none. *out NULL unless it fits. */
NTSTATUS clfs_area_open (clfs_storage *storage, const char *name, const uint8_t guid[16], enum clfs_area_fit *fit,
                         clfs_area **out) G_GNUC_WARN_UNUSED_RESULT;

/* Unmaps; the file stays. NULL is allowed. */
void clfs_area_free (clfs_area *area);

/* The mark that holds. */
const clfs_area_mark *clfs_area_current_mark (const clfs_area *area);
/* Makes `mark` the one that holds. */
void clfs_area_set_mark (clfs_area *area, const clfs_area_mark *mark);

/* The block at a ring offset; NULL if that cannot be one (only recovery needs the check). */
clfs_area_block *clfs_area_block_at (const clfs_area *area, uint64_t offset);
static inline uint8_t *
clfs_area_image (clfs_area_block *block)
{
    return (uint8_t *) block + block->image_offset;
}
static inline uint64_t
clfs_area_block_span (uint32_t sectors)
{
    return sizeof (clfs_area_block) + (uint64_t) sectors * CLFS_SECTOR_BYTES;
}

enum clfs_area_room {
    CLFS_AREA_ROOM,  /* *offset is where the block goes */
    CLFS_AREA_GROW,  /* *offset is how large the ring must be: allocate that much with clfs_area_grow and look again */
    CLFS_AREA_FULL,  /* something must be flushed first */
};
/* Looks for room for a block of `sectors`. */
enum clfs_area_room clfs_area_reserve (const clfs_area *area, uint32_t sectors, uint64_t *offset) G_GNUC_WARN_UNUSED_RESULT;
/* Allocates the ring up to `ring_bytes`; ring_allocated is the caller's to set, under its lock. Blocks on the store. STATUS_DISK_FULL. */
NTSTATUS clfs_area_grow (clfs_area *area, uint64_t ring_bytes) G_GNUC_WARN_UNUSED_RESULT;
/* The block at `offset` takes only `sectors`: what is behind is free. It must be the newest. */
void clfs_area_take (clfs_area *area, uint64_t offset, uint32_t sectors);
/* The oldest block is now at `tail`; CLFS_AREA_NO_BLOCK: the ring is empty. */
void clfs_area_release (clfs_area *area, uint64_t tail);

#endif
