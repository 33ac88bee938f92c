/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blf.c - the content of a base log file in memory, and the small conversions that encode and parse share. */
#include "format/blf.h"
#include "format/blf_disk.h"

#include <string.h>

/* 1970-01-01 in units of 100 ns since 1601-01-01. */
#define UNIX_EPOCH_TIME INT64_C (116444736000000000)

static void
container_free (gpointer data)
{
    clfs_blf_container *container = data;

    g_free (container->name);
    g_free (container);
}

clfs_blf *
clfs_blf_new (void)
{
    clfs_blf *blf = g_new0 (clfs_blf, 1);

    blf->containers = g_ptr_array_new_with_free_func (container_free);
    blf->restart = CLFS_INVALID_LSN;
    blf->clean_end = CLFS_INVALID_LSN;
    blf->cut_lsn = CLFS_INVALID_LSN;
    blf->damage = CLFS_INVALID_LSN;
    blf->last_record = CLFS_INVALID_LSN;
    return blf;
}

clfs_blf *
clfs_blf_copy (const clfs_blf *blf)
{
    clfs_blf *copy = g_new (clfs_blf, 1);

    *copy = *blf;
    copy->containers = g_ptr_array_new_full (blf->containers->len, container_free);
    for (guint i = 0; i < blf->containers->len; i++) {
        const clfs_blf_container *from = g_ptr_array_index (blf->containers, i);
        clfs_blf_container *to = g_new (clfs_blf_container, 1);

        *to = *from;
        to->name = g_strdup (from->name);
        g_ptr_array_add (copy->containers, to);
    }
    return copy;
}

void
clfs_blf_free (clfs_blf *blf)
{
    if (blf == NULL)
        return;
    g_ptr_array_unref (blf->containers);
    g_free (blf);
}

clfs_blf_container *
clfs_blf_add_container (clfs_blf *blf, const char *name, uint64_t size_bytes)
{
    clfs_blf_container *container = g_new0 (clfs_blf_container, 1);

    container->name = g_strdup (name);
    container->size_bytes = size_bytes;
    container->physical_id = blf->containers->len;
    container->logical_id = container->physical_id;
    container->state = 2; /* inactive: what Windows stores, even while the container is in use */
    g_ptr_array_add (blf->containers, container);
    return container;
}

void
clfs_blf_layout_for (uint32_t containers, clfs_blf_layout *out)
{
    const bool large = containers > 160;

    *out = (clfs_blf_layout) {
        .general_sectors = large ? 320 : 61,
        .control_offset = { 0x0, 0x1000 },
        .general_offset = { 0x2000, large ? 0x2A000 : 0xA000 },
        .scratch_offset = { large ? 0x52000 : 0x12000, large ? 0x53000 : 0x13000 },
        .file_bytes = large ? 0x54000 : 0x14000,
    };
}

uint32_t
clfs_blf_containers_max (const clfs_blf_layout *layout)
{
    if (layout->general_sectors >= 320)
        return CLFS_CONTAINERS_MAX;
    return layout->general_sectors >= 61 ? 160 : 0;
}

uint64_t
clfs_blf_log_id (const uint8_t guid[16])
{
    uint64_t halves[2];

    memcpy (halves, guid, sizeof halves);
    return halves[0] ^ halves[1];
}

uint32_t
clfs_symbol_hash (const uint16_t *name, size_t units)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < units; i++) {
        const bool surrogate = (name[i] & 0xF800u) == 0xD800u;
        const gunichar upper = surrogate ? name[i] : g_unichar_toupper (name[i]);
        uint32_t top;

        hash = (hash << 4) + (upper <= 0xFFFF ? upper : name[i]);
        top = hash & 0xF0000000u;
        hash ^= top >> 24;
        hash ^= top;
    }
    return hash;
}

uint64_t
clfs_blf_time_encode (int64_t ns)
{
    return ns == 0 ? 0 : (uint64_t) (ns / 100 + UNIX_EPOCH_TIME);
}

int64_t
clfs_blf_time_decode (uint64_t time)
{
    int64_t since_1970;

    if (time == 0 || time > INT64_MAX)
        return 0;
    since_1970 = (int64_t) time - UNIX_EPOCH_TIME;
    return since_1970 > INT64_MAX / 100 || since_1970 < INT64_MIN / 100 ? 0 : since_1970 * 100;
}
