/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_inode.c - one file of the simulated disk.
 *
 * A write goes to the cache (`data`) and marks its sectors pending and dirty. A sector's contents between two barriers
 * are all remembered, as the medium may have any of them; so are the sizes. A write that changes nothing on a sector
 * that is the same on the medium is no event. A shrink counts as zeros written to what it takes away.
 */
#include "storage/sim_internal.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

sim_inode *
clfs_sim_inode_new (uint64_t number)
{
    sim_inode *inode = g_new0 (sim_inode, 1);

    inode->number = number;
    inode->sizes = g_array_new (FALSE, FALSE, sizeof (sim_size));
    inode->older =
        g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, (GDestroyNotify) g_ptr_array_unref);
    inode->map_fd = -1;
    return inode;
}

static GPtrArray *
older_of (sim_inode *inode, size_t sector)
{
    GPtrArray *versions = g_hash_table_lookup (inode->older, GSIZE_TO_POINTER (sector));

    if (versions == NULL) {
        versions = g_ptr_array_new_with_free_func (g_free);
        g_hash_table_insert (inode->older, GSIZE_TO_POINTER (sector), versions);
    }
    return versions;
}

/* Both buffers are at least `bytes` long after this. */
static void
reserve (sim_inode *inode, uint64_t bytes)
{
    if (bytes <= inode->capacity_bytes)
        return;

    size_t capacity = MAX ((size_t) bytes, inode->capacity_bytes + inode->capacity_bytes / 2);

    capacity = (capacity + 4095) / 4096 * 4096;
    inode->data = g_realloc (inode->data, capacity);
    inode->medium = g_realloc (inode->medium, capacity);
    inode->states = g_realloc (inode->states, capacity / SIM_SECTOR_BYTES);
    memset (inode->data + inode->capacity_bytes, 0, capacity - inode->capacity_bytes);
    memset (inode->medium + inode->capacity_bytes, 0, capacity - inode->capacity_bytes);
    memset (inode->states + inode->capacity_bytes / SIM_SECTOR_BYTES, 0,
            (capacity - inode->capacity_bytes) / SIM_SECTOR_BYTES);
    inode->capacity_bytes = capacity;
}

sim_inode *
clfs_sim_inode_copy (const sim_inode *from)
{
    sim_inode *inode = clfs_sim_inode_new (from->number);
    GHashTableIter iterator;
    gpointer sector, versions;

    inode->modified_ns = from->modified_ns;
    reserve (inode, from->capacity_bytes);
    if (from->capacity_bytes > 0) {
        memcpy (inode->data, from->data, from->capacity_bytes);
        memcpy (inode->medium, from->medium, from->capacity_bytes);
        memcpy (inode->states, from->states, from->capacity_bytes / SIM_SECTOR_BYTES);
    }
    inode->bytes = from->bytes;
    inode->medium_bytes = from->medium_bytes;
    inode->dirty_from = from->dirty_from;
    inode->dirty_to = from->dirty_to;
    g_array_append_vals (inode->sizes, from->sizes->data, from->sizes->len);
    g_hash_table_iter_init (&iterator, from->older);
    while (g_hash_table_iter_next (&iterator, &sector, &versions)) {
        GPtrArray *to = older_of (inode, GPOINTER_TO_SIZE (sector));

        for (guint i = 0; i < ((GPtrArray *) versions)->len; i++)
            g_ptr_array_add (to, g_memdup2 (g_ptr_array_index ((GPtrArray *) versions, i), SIM_SECTOR_BYTES));
    }
    if (from->map_fd >= 0) {
        uint64_t bytes = clfs_sim_inode_bytes (from);
        g_autofree uint8_t *copy = g_malloc (bytes + 1);

        if (!clfs_sim_inode_make_map (inode))
            g_error ("no memory for a copy of a simulated disk");
        clfs_sim_inode_read (from, 0, copy, bytes);
        clfs_sim_inode_set (inode, copy, bytes);
    }
    return inode;
}

void
clfs_sim_inode_free (sim_inode *inode)
{
    g_free (inode->data);
    g_free (inode->medium);
    g_free (inode->states);
    g_hash_table_unref (inode->older);
    g_array_unref (inode->sizes);
    if (inode->map_fd >= 0)
        close (inode->map_fd);
    g_free (inode);
}

uint64_t
clfs_sim_inode_allocated (uint64_t bytes)
{
    return (bytes + SIM_SECTOR_BYTES - 1) / SIM_SECTOR_BYTES * SIM_SECTOR_BYTES;
}

uint64_t
clfs_sim_inode_bytes (const sim_inode *inode)
{
    struct stat status;

    if (inode->map_fd < 0)
        return inode->bytes;
    return fstat (inode->map_fd, &status) == 0 ? (uint64_t) status.st_size : 0;
}

size_t
clfs_sim_inode_read (const sim_inode *inode, uint64_t offset, void *buffer, size_t bytes)
{
    if (inode->map_fd >= 0) {
        ssize_t got = pread (inode->map_fd, buffer, bytes, (off_t) offset);

        return got > 0 ? (size_t) got : 0;
    }
    if (offset >= inode->bytes)
        return 0;
    bytes = (size_t) MIN (bytes, inode->bytes - offset);
    if (bytes > 0)
        memcpy (buffer, inode->data + offset, bytes);
    return bytes;
}

static void
add_size (sim_inode *inode, uint64_t bytes, bool grows)
{
    sim_size size = { .bytes = bytes, .grows = grows, .dirty = true };

    g_array_append_val (inode->sizes, size);
}

/* The write's end needs a size that the next barrier makes durable: a new one, or, after a failed barrier, again. */
static void
extend (sim_inode *inode, uint64_t end)
{
    bool covered = end <= inode->medium_bytes;

    if (end > inode->bytes) {
        reserve (inode, end);
        inode->bytes = end;
        add_size (inode, end, true);
        return;
    }
    for (guint i = 0; i < inode->sizes->len && !covered; i++) {
        const sim_size *size = &g_array_index (inode->sizes, sim_size, i);

        covered = size->dirty && size->grows && size->bytes >= end;
    }
    if (!covered)
        add_size (inode, end, true);
}

static void
write_sector (sim_inode *inode, size_t sector, const uint8_t content[SIM_SECTOR_BYTES])
{
    uint8_t *now = inode->data + sector * SIM_SECTOR_BYTES;
    uint8_t *state = &inode->states[sector];

    if (memcmp (now, content, SIM_SECTOR_BYTES) == 0) {
        if (*state == 0)
            return;
    } else {
        if ((*state & SIM_PENDING) != 0)
            g_ptr_array_add (older_of (inode, sector), g_memdup2 (now, SIM_SECTOR_BYTES));
        memcpy (now, content, SIM_SECTOR_BYTES);
    }
    *state = SIM_PENDING | SIM_DIRTY;
    if (inode->dirty_from == inode->dirty_to) {
        inode->dirty_from = sector;
        inode->dirty_to = sector + 1;
    } else {
        inode->dirty_from = MIN (inode->dirty_from, sector);
        inode->dirty_to = MAX (inode->dirty_to, sector + 1);
    }
}

/* bytes NULL: zeros. */
static void
write_cache (sim_inode *inode, uint64_t offset, const uint8_t *bytes, size_t count)
{
    uint8_t content[SIM_SECTOR_BYTES];

    while (count > 0) {
        size_t sector = (size_t) (offset / SIM_SECTOR_BYTES), skip = (size_t) (offset % SIM_SECTOR_BYTES);
        size_t piece = MIN (count, SIM_SECTOR_BYTES - skip);

        memcpy (content, inode->data + sector * SIM_SECTOR_BYTES, SIM_SECTOR_BYTES);
        if (bytes != NULL) {
            memcpy (content + skip, bytes, piece);
            bytes += piece;
        } else {
            memset (content + skip, 0, piece);
        }
        write_sector (inode, sector, content);
        offset += piece;
        count -= piece;
    }
}

void
clfs_sim_inode_write (sim_inode *inode, uint64_t offset, const uint8_t *bytes, size_t count)
{
    if (count == 0)
        return;
    if (inode->map_fd >= 0) {
        if (pwrite (inode->map_fd, bytes, count, (off_t) offset) != (ssize_t) count)
            g_error ("write to the memory of a simulated map failed");
        return;
    }
    extend (inode, offset + count);
    write_cache (inode, offset, bytes, count);
}

void
clfs_sim_inode_fill_zero (sim_inode *inode, uint64_t bytes)
{
    uint64_t before = inode->bytes;

    if (bytes > 0)
        extend (inode, bytes);
    write_cache (inode, 0, NULL, (size_t) MAX (before, bytes));
    if (bytes < before) {
        inode->bytes = bytes;
        add_size (inode, bytes, false);
    }
}

static void
apply_size (sim_inode *inode, const sim_size *size)
{
    if (!size->grows)
        inode->medium_bytes = size->bytes;
    else if (size->bytes > inode->medium_bytes)
        inode->medium_bytes = size->bytes;
}

void
clfs_sim_inode_barrier (sim_inode *inode)
{
    guint kept = 0;

    for (size_t sector = inode->dirty_from; sector < inode->dirty_to; sector++) {
        if ((inode->states[sector] & SIM_DIRTY) == 0)
            continue;
        memcpy (inode->medium + sector * SIM_SECTOR_BYTES, inode->data + sector * SIM_SECTOR_BYTES, SIM_SECTOR_BYTES);
        inode->states[sector] = 0;
        g_hash_table_remove (inode->older, GSIZE_TO_POINTER (sector));
    }
    inode->dirty_from = inode->dirty_to = 0;

    for (guint i = 0; i < inode->sizes->len; i++) {
        const sim_size *size = &g_array_index (inode->sizes, sim_size, i);

        if (size->dirty)
            apply_size (inode, size);
    }
    /* What an earlier, failed barrier left undecided stays so, unless it no longer makes a difference. */
    for (guint i = 0; i < inode->sizes->len; i++) {
        sim_size size = g_array_index (inode->sizes, sim_size, i);

        if (!size.dirty && (!size.grows || size.bytes > inode->medium_bytes))
            g_array_index (inode->sizes, sim_size, kept++) = size;
    }
    g_array_set_size (inode->sizes, kept);
}

void
clfs_sim_inode_barrier_failed (sim_inode *inode)
{
    for (size_t sector = inode->dirty_from; sector < inode->dirty_to; sector++)
        inode->states[sector] &= (uint8_t) ~SIM_DIRTY;
    inode->dirty_from = inode->dirty_to = 0;
    for (guint i = 0; i < inode->sizes->len; i++)
        g_array_index (inode->sizes, sim_size, i).dirty = false;
}

static void
forget_pending (sim_inode *inode)
{
    if (inode->capacity_bytes > 0)
        memset (inode->states, 0, inode->capacity_bytes / SIM_SECTOR_BYTES);
    g_hash_table_remove_all (inode->older);
    g_array_set_size (inode->sizes, 0);
    inode->dirty_from = inode->dirty_to = 0;
}

void
clfs_sim_inode_set (sim_inode *inode, const uint8_t *bytes, size_t count)
{
    if (inode->map_fd >= 0) {
        if (ftruncate (inode->map_fd, (off_t) count) != 0)
            g_error ("no memory for a simulated map");
        clfs_sim_inode_write (inode, 0, bytes, count);
        return;
    }
    reserve (inode, count);
    forget_pending (inode);
    if (inode->capacity_bytes > 0) {
        memset (inode->data, 0, inode->capacity_bytes);
        if (count > 0)
            memcpy (inode->data, bytes, count);
        memcpy (inode->medium, inode->data, inode->capacity_bytes);
    }
    inode->bytes = inode->medium_bytes = count;
}

size_t
clfs_sim_inode_pending_count (const sim_inode *inode)
{
    GHashTableIter iterator;
    gpointer versions;
    size_t count = inode->sizes->len;

    if (inode->map_fd >= 0)
        return 0;
    for (size_t sector = 0; sector < inode->capacity_bytes / SIM_SECTOR_BYTES; sector++)
        count += (inode->states[sector] & SIM_PENDING) != 0;
    g_hash_table_iter_init (&iterator, inode->older);
    while (g_hash_table_iter_next (&iterator, NULL, &versions))
        count += ((GPtrArray *) versions)->len;
    return count;
}

/* Asks for each content that the sector had; the last one that survives is on the medium, and then in the cache. */
static void
settle_sector (sim_inode *inode, size_t sector, sim_decide decide, void *context)
{
    uint8_t *data = inode->data + sector * SIM_SECTOR_BYTES, *medium = inode->medium + sector * SIM_SECTOR_BYTES;
    GPtrArray *versions = g_hash_table_lookup (inode->older, GSIZE_TO_POINTER (sector));

    for (guint i = 0; versions != NULL && i < versions->len; i++) {
        if (decide (context))
            memcpy (medium, g_ptr_array_index (versions, i), SIM_SECTOR_BYTES);
    }
    if (decide (context))
        memcpy (medium, data, SIM_SECTOR_BYTES);
    else
        memcpy (data, medium, SIM_SECTOR_BYTES);
}

void
clfs_sim_inode_settle (sim_inode *inode, sim_decide decide, void *context)
{
    if (inode->map_fd >= 0)
        return;
    for (guint i = 0; i < inode->sizes->len; i++) {
        if (decide (context))
            apply_size (inode, &g_array_index (inode->sizes, sim_size, i));
    }
    for (size_t sector = 0; sector < inode->capacity_bytes / SIM_SECTOR_BYTES; sector++) {
        if ((inode->states[sector] & SIM_PENDING) != 0)
            settle_sector (inode, sector, decide, context);
    }
    forget_pending (inode);
    inode->bytes = inode->medium_bytes;
    if (inode->capacity_bytes > inode->bytes) {
        memset (inode->data + inode->bytes, 0, inode->capacity_bytes - inode->bytes);
        memset (inode->medium + inode->bytes, 0, inode->capacity_bytes - inode->bytes);
    }
}

bool
clfs_sim_inode_make_map (sim_inode *inode)
{
    int fd = memfd_create ("clfs-sim-map", MFD_CLOEXEC);

    if (fd < 0)
        return false;
    if (inode->bytes > 0 && pwrite (fd, inode->data, inode->bytes, 0) != (ssize_t) inode->bytes) {
        close (fd);
        return false;
    }
    forget_pending (inode);
    inode->map_fd = fd;
    return true;
}
