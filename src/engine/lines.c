/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/lines.h"

#include "engine/area.h"

#include <libdeflate.h>
#include <string.h>
#include <sys/mman.h>

#define LINES_MAGIC UINT64_C (0x454E494C53464C43) /* "CLFSLINE" */
#define LINES_VERSION 1u
#define PAGE_BYTES 4096u
#define PAGES_MAX 256u
#define HEAD_MAGIC 0x44414548u /* "HEAD" */

/* Page 0. Written by the creator before `ready`. */
typedef struct lines_header {
    uint64_t magic;
    uint32_t version, page_bytes;
    uint8_t boot_id[16], guid[16];
    uint64_t device, inode, bytes_max;
    uint32_t checksum;
    uint32_t ready; /* final */
} lines_header;

/* A line's first page; data follows the struct. */
typedef struct line_head {
    uint32_t magic;        /* final: HEAD_MAGIC while the page is a head */
    uint32_t page_count;   /* entries of `pages` that are set */
    uint64_t sequence;     /* order of the lines */
    uint64_t length;       /* final: bytes */
    uint64_t consumed_by;  /* LSN of the record that it became; CLFS_INVALID_LSN */
    uint32_t pages[PAGES_MAX];
} line_head;

#define HEAD_DATA_BYTES (PAGE_BYTES - sizeof (line_head))
/* A data page begins with 8 bytes of zero where a head has its magic, so that no line's content can look like a head. */
#define DATA_PAGE_HEADER_BYTES 8u
#define DATA_PAGE_BYTES (PAGE_BYTES - DATA_PAGE_HEADER_BYTES)
static_assert (HEAD_DATA_BYTES + (uint64_t) PAGES_MAX * DATA_PAGE_BYTES >= CLFS_RECORD_BYTES_MAX, "the longest line fits");

struct clfs_lines {
    clfs_storage *storage;
    clfs_map *map;
    uint8_t *base;
    uint64_t virtual_bytes;
    uint32_t page_total;      /* address space */
    uint32_t page_allocated;  /* may be touched */
    uint32_t page_used_below; /* pages from here on were never used */
    GArray *free_pages;       /* uint32_t below that */
    uint64_t last_sequence;
    uint64_t bytes;
};

struct clfs_line {
    clfs_lines *lines;
    uint32_t page;
    line_head *head;
};

static uint8_t *
page_at (const clfs_lines *lines, uint32_t page)
{
    return lines->base + (uint64_t) page * PAGE_BYTES;
}

static uint32_t
header_checksum (const lines_header *header)
{
    return libdeflate_crc32 (0, header, offsetof (lines_header, checksum));
}

static clfs_lines *
lines_new (clfs_storage *storage, uint64_t virtual_bytes)
{
    clfs_lines *lines = g_new0 (clfs_lines, 1);
    lines->storage = storage;
    lines->virtual_bytes = virtual_bytes;
    lines->page_total = (uint32_t) (virtual_bytes / PAGE_BYTES);
    lines->page_used_below = 1;
    lines->free_pages = g_array_new (FALSE, FALSE, sizeof (uint32_t));
    return lines;
}

static uint64_t
virtual_for (uint64_t bytes_max)
{
    /* Small lines take a page each, however short; heads of long ones take a quarter page more. */
    return (bytes_max + bytes_max / 4 + 64 * PAGE_BYTES) / PAGE_BYTES * PAGE_BYTES;
}

NTSTATUS
clfs_lines_create (clfs_storage *storage, const char *name, const uint8_t guid[16], uint64_t bytes_max, clfs_lines **out)
{
    clfs_lines *lines = lines_new (storage, virtual_for (bytes_max));
    NTSTATUS status;
    clfs_map_stat stat = { 0 };
    if (name) {
        status = storage->ops->map (storage, name, CLFS_MAP_CREATE, lines->virtual_bytes, &lines->map);
        if (status != STATUS_SUCCESS)
            goto fail;
        status = storage->ops->map_grow (lines->map, CLFS_AREA_STEP_BYTES);
        if (status != STATUS_SUCCESS) {
            storage->ops->unmap (lines->map);
            storage->ops->remove (storage, name);
            goto fail;
        }
        storage->ops->map_stat (lines->map, &stat);
        lines->base = stat.base;
        lines->page_allocated = (uint32_t) (stat.allocated_bytes / PAGE_BYTES);
    } else {
        void *memory = mmap (NULL, lines->virtual_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            status = STATUS_INSUFFICIENT_RESOURCES;
            goto fail;
        }
        lines->base = memory;
        lines->page_allocated = lines->page_total;
    }
    lines_header *header = (lines_header *) lines->base;
    header->magic = LINES_MAGIC;
    header->version = LINES_VERSION;
    header->page_bytes = PAGE_BYTES;
    storage->ops->boot_id (storage, header->boot_id);
    memcpy (header->guid, guid, 16);
    header->device = stat.device;
    header->inode = stat.inode;
    header->bytes_max = bytes_max;
    header->checksum = header_checksum (header);
    CLFS_AREA_FINAL (header->ready, 1);
    *out = lines;
    return STATUS_SUCCESS;

fail:
    g_array_free (lines->free_pages, TRUE);
    g_free (lines);
    return status;
}

NTSTATUS
clfs_lines_open (clfs_storage *storage, const char *name, const uint8_t guid[16], clfs_lines **out, const char **why)
{
    *out = NULL;
    clfs_map *map;
    NTSTATUS status = storage->ops->map (storage, name, 0, PAGE_BYTES, &map);
    if (status != STATUS_SUCCESS)
        return status;
    clfs_map_stat stat;
    storage->ops->map_stat (map, &stat);
    lines_header seen = { 0 };
    if (stat.allocated_bytes >= PAGE_BYTES)
        seen = *(lines_header *) stat.base;
    storage->ops->unmap (map);

    uint8_t boot_id[16];
    storage->ops->boot_id (storage, boot_id);
    if (!seen.ready) {
        *why = "its creation did not end";
        return STATUS_SUCCESS;
    }
    if (seen.magic != LINES_MAGIC || seen.version != LINES_VERSION || seen.page_bytes != PAGE_BYTES ||
        seen.checksum != header_checksum (&seen) || memcmp (seen.guid, guid, 16) != 0 ||
        seen.bytes_max > CLFS_PENDING_BYTES_MAX) {
        *why = "it belongs to another log or version";
        return STATUS_SUCCESS;
    }
    if (memcmp (seen.boot_id, boot_id, 16) != 0) {
        *why = "it is of an earlier boot";
        return STATUS_SUCCESS;
    }
    if (seen.device != stat.device || seen.inode != stat.inode) {
        *why = "it is a copy";
        return STATUS_SUCCESS;
    }
    clfs_lines *lines = lines_new (storage, virtual_for (seen.bytes_max));
    status = storage->ops->map (storage, name, 0, lines->virtual_bytes, &lines->map);
    if (status != STATUS_SUCCESS) {
        g_array_free (lines->free_pages, TRUE);
        g_free (lines);
        return status;
    }
    storage->ops->map_stat (lines->map, &stat);
    lines->base = stat.base;
    lines->page_allocated = (uint32_t) (MIN (stat.allocated_bytes, lines->virtual_bytes) / PAGE_BYTES);
    /* Only looked at and then retired: nothing is allocated from it any more. */
    lines->page_used_below = lines->page_allocated;
    *out = lines;
    return STATUS_SUCCESS;
}

void
clfs_lines_free (clfs_lines *lines)
{
    if (!lines)
        return;
    if (lines->map)
        lines->storage->ops->unmap (lines->map);
    else
        munmap (lines->base, lines->virtual_bytes);
    g_array_free (lines->free_pages, TRUE);
    g_free (lines);
}

static NTSTATUS
page_take (clfs_lines *lines, uint32_t *page)
{
    if (lines->free_pages->len > 0) {
        *page = g_array_index (lines->free_pages, uint32_t, lines->free_pages->len - 1);
        g_array_set_size (lines->free_pages, lines->free_pages->len - 1);
        return STATUS_SUCCESS;
    }
    if (lines->page_used_below >= lines->page_allocated)
        return STATUS_DISK_FULL;
    *page = lines->page_used_below++;
    return STATUS_SUCCESS;
}

/* Data pages of a line of so many bytes. */
static uint32_t
data_pages (size_t bytes)
{
    return bytes > HEAD_DATA_BYTES ? (uint32_t) ((bytes - HEAD_DATA_BYTES + DATA_PAGE_BYTES - 1) / DATA_PAGE_BYTES) : 0;
}

uint64_t
clfs_lines_wanted (const clfs_lines *lines, const clfs_line *line, size_t bytes)
{
    size_t pages = line ? data_pages (line->head->length + bytes) - line->head->page_count : 1 + data_pages (bytes);
    size_t free_pages = lines->free_pages->len + (lines->page_allocated - lines->page_used_below);
    if (pages <= free_pages)
        return 0;
    uint64_t wanted = ((uint64_t) lines->page_allocated + pages - free_pages) * PAGE_BYTES;
    if (wanted > lines->virtual_bytes)
        return UINT64_MAX;
    wanted = (wanted + CLFS_AREA_STEP_BYTES - 1) / CLFS_AREA_STEP_BYTES * CLFS_AREA_STEP_BYTES;
    return MIN (wanted, lines->virtual_bytes);
}

NTSTATUS
clfs_lines_grow (clfs_lines *lines, uint64_t map_bytes)
{
    return lines->storage->ops->map_grow (lines->map, map_bytes);
}

void
clfs_lines_grown (clfs_lines *lines, uint64_t map_bytes)
{
    lines->page_allocated = MAX (lines->page_allocated, (uint32_t) (map_bytes / PAGE_BYTES));
}

NTSTATUS
clfs_lines_new (clfs_lines *lines, clfs_line **out)
{
    uint32_t page;
    NTSTATUS status = page_take (lines, &page);
    if (status != STATUS_SUCCESS)
        return status;
    clfs_line *line = g_new0 (clfs_line, 1);
    line->lines = lines;
    line->page = page;
    line->head = (line_head *) page_at (lines, page);
    CLFS_AREA_FINAL (line->head->magic, 0);
    line->head->page_count = 0;
    line->head->sequence = ++lines->last_sequence;
    line->head->length = 0;
    line->head->consumed_by = CLFS_INVALID_LSN;
    CLFS_AREA_FINAL (line->head->magic, HEAD_MAGIC);
    *out = line;
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_line_append (clfs_line *line, const void *data, size_t bytes)
{
    line_head *head = line->head;
    size_t length = head->length;
    size_t total = length + bytes;
    uint32_t pages_needed = data_pages (total);
    if (pages_needed > PAGES_MAX)
        return STATUS_DISK_FULL;
    while (head->page_count < pages_needed) {
        uint32_t page;
        NTSTATUS status = page_take (line->lines, &page);
        if (status != STATUS_SUCCESS)
            return status;
        memset (page_at (line->lines, page), 0, DATA_PAGE_HEADER_BYTES);
        head->pages[head->page_count++] = page;
    }
    const uint8_t *from = data;
    while (bytes > 0) {
        uint8_t *to;
        size_t room;
        if (length < HEAD_DATA_BYTES) {
            to = (uint8_t *) (head + 1) + length;
            room = HEAD_DATA_BYTES - length;
        } else {
            size_t behind = length - HEAD_DATA_BYTES;
            to = page_at (line->lines, head->pages[behind / DATA_PAGE_BYTES]) + DATA_PAGE_HEADER_BYTES +
                 behind % DATA_PAGE_BYTES;
            room = DATA_PAGE_BYTES - behind % DATA_PAGE_BYTES;
        }
        size_t part = MIN (room, bytes);
        memcpy (to, from, part);
        from += part;
        length += part;
        bytes -= part;
    }
    line->lines->bytes += length - head->length;
    CLFS_AREA_FINAL (head->length, length);
    return STATUS_SUCCESS;
}

size_t
clfs_line_bytes (const clfs_line *line)
{
    return line->head->length;
}

void
clfs_line_vector (const clfs_line *line, struct iovec *out, int *count)
{
    size_t left = line->head->length;
    int n = 0;
    if (left > 0) {
        out[n].iov_base = line->head + 1;
        out[n].iov_len = MIN (left, HEAD_DATA_BYTES);
        left -= out[n++].iov_len;
    }
    for (uint32_t i = 0; left > 0; i++) {
        out[n].iov_base = page_at (line->lines, line->head->pages[i]) + DATA_PAGE_HEADER_BYTES;
        out[n].iov_len = MIN (left, DATA_PAGE_BYTES);
        left -= out[n++].iov_len;
    }
    *count = n;
}

void
clfs_line_consume (clfs_line *line, clfs_lsn_t lsn)
{
    CLFS_AREA_FINAL (line->head->consumed_by, lsn);
}

static void
give_pages_back (clfs_line *line)
{
    line_head *head = line->head;
    for (uint32_t i = 0; i < head->page_count; i++)
        g_array_append_val (line->lines->free_pages, head->pages[i]);
    head->page_count = 0;
}

void
clfs_line_clear (clfs_line *line)
{
    line->lines->bytes -= line->head->length;
    /* Empty first: a successor that finds length 0 has nothing to do, whatever else stands here. */
    CLFS_AREA_FINAL (line->head->length, 0);
    line->head->consumed_by = CLFS_INVALID_LSN;
    line->head->sequence = ++line->lines->last_sequence;
    give_pages_back (line);
}

void
clfs_line_free (clfs_line *line)
{
    if (!line)
        return;
    clfs_line_clear (line);
    CLFS_AREA_FINAL (line->head->magic, 0);
    g_array_append_val (line->lines->free_pages, line->page);
    g_free (line);
}

void
clfs_line_leave (clfs_line *line)
{
    g_free (line);
}

uint64_t
clfs_lines_bytes (const clfs_lines *lines)
{
    return lines->bytes;
}

static gint
compare_sequence (gconstpointer a, gconstpointer b)
{
    const clfs_line *left = *(clfs_line *const *) a, *right = *(clfs_line *const *) b;
    return left->head->sequence < right->head->sequence ? -1 : left->head->sequence > right->head->sequence;
}

/* Whether every page that the line names is there, and none twice. */
static bool
line_sound (const clfs_lines *lines, const line_head *head)
{
    uint64_t length = head->length;
    if (length == 0 || head->page_count > PAGES_MAX ||
        length > HEAD_DATA_BYTES + (uint64_t) head->page_count * DATA_PAGE_BYTES)
        return false;
    for (uint32_t i = 0; i < head->page_count; i++)
        if (head->pages[i] == 0 || head->pages[i] >= lines->page_allocated)
            return false;
    return true;
}

GPtrArray *
clfs_lines_left (clfs_lines *lines, clfs_lsn_t next)
{
    GPtrArray *left = g_ptr_array_new_with_free_func (g_free);
    for (uint32_t page = 1; page < lines->page_allocated; page++) {
        line_head *head = (line_head *) page_at (lines, page);
        if (CLFS_AREA_READ (head->magic) != HEAD_MAGIC || !line_sound (lines, head))
            continue;
        if (head->consumed_by != CLFS_INVALID_LSN && head->consumed_by < next)
            continue;
        /* That record was never committed; its LSN will be another one's. */
        head->consumed_by = CLFS_INVALID_LSN;
        lines->bytes += head->length;
        clfs_line *line = g_new0 (clfs_line, 1);
        line->lines = lines;
        line->page = page;
        line->head = head;
        g_ptr_array_add (left, line);
    }
    g_ptr_array_sort (left, compare_sequence);
    return left;
}
