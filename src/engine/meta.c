/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * meta.c - the metadata: two copies with a counter, written one after the other.
 *
 * A change goes to the older copy and is synced, then with the next counter to the other one; only after both may it be acted
 * on. Odd counts stay in the main copy, even ones in the shadow. docs/design.md, "Metadata", says what each rule is for.
 */
#include "engine/engine.h"

#include <string.h>

char *
clfs_meta_file_name (const char *log_name)
{
    return g_strconcat (log_name, ".blf", NULL);
}

void
clfs_meta_id_hex (const uint8_t guid[16], char out[17])
{
    uint64_t low, high;
    memcpy (&low, guid, 8);
    memcpy (&high, guid + 8, 8);
    g_snprintf (out, 17, "%016" G_GINT64_MODIFIER "x", low ^ high);
}

char *
clfs_meta_side_name (const uint8_t guid[16], const char *suffix)
{
    char id[17];
    clfs_meta_id_hex (guid, id);
    return g_strdup_printf (".%s.%s", id, suffix);
}

NTSTATUS
clfs_meta_read_file (clfs_file *file, uint8_t **bytes, size_t *count)
{
    const clfs_storage_ops *ops = file->storage->ops;
    clfs_file_stat stat;
    NTSTATUS status = ops->stat (file, &stat);
    if (status != STATUS_SUCCESS)
        return status;
    if (stat.bytes > CLFS_BLF_BYTES_MAX)
        return STATUS_LOG_METADATA_CORRUPT;
    g_autofree uint8_t *buffer = g_malloc (stat.bytes + 1);
    size_t got;
    status = ops->read (file, 0, buffer, stat.bytes, &got);
    if (status != STATUS_SUCCESS)
        return status;
    *bytes = g_steal_pointer (&buffer);
    *count = got;
    return STATUS_SUCCESS;
}

clfs_blf *
clfs_meta_begin (clfs_engine *engine)
{
    clfs_blf *next = clfs_blf_copy (engine->blf);
    g_mutex_lock (&engine->lock);
    /* No LSN in the metadata is above the durable LSN when it is written. */
    bool base_durable = engine->base <= engine->durable;
    next->base = base_durable ? engine->base : engine->durable;
    next->base_offset = base_durable ? engine->base_offset : engine->durable_offset;
    if (!next->archive_tail || !(next->attributes & 0x20))
        next->archive_tail = next->base;
    next->last = engine->durable;
    next->restart = engine->durable_restart;
    next->last_record = engine->durable_last;
    next->durable = engine->durable;
    next->scan_start = engine->durable;
    next->scan_start_offset = engine->durable_offset;
    next->scan_start_checksum = engine->durable_chain_start ? 0 : engine->durable_checksum;
    next->appended_ns = engine->appended_ns;
    for (guint i = 0; i < next->containers->len; i++) {
        clfs_blf_container *container = g_ptr_array_index (next->containers, i);
        const clfs_container *known = g_ptr_array_index (engine->containers, i);
        if (known->first_offset_known)
            container->first_offset = known->first_offset;
    }
    g_mutex_unlock (&engine->lock);
    return next;
}

/* Writes one general copy and syncs it. Counts say which place it has. */
static NTSTATUS
write_copy (clfs_engine *engine, const clfs_blf *blf, uint64_t count)
{
    clfs_storage *storage = engine->store->storage;
    size_t bytes = (size_t) engine->layout.general_sectors * CLFS_SECTOR_BYTES;
    g_autofree uint8_t *image = g_malloc (bytes);
    NTSTATUS status = clfs_blf_encode_general (blf, &engine->layout, count, image);
    if (status != STATUS_SUCCESS)
        return status;
    struct iovec vector = { image, bytes };
    status = storage->ops->write (engine->blf_file, engine->layout.general_offset[count % 2 == 1 ? 0 : 1], &vector, 1);
    if (status == STATUS_SUCCESS)
        status = storage->ops->barrier (engine->blf_file);
    return status;
}

/* Writes a control or scratch copy. */
static NTSTATUS
write_fixed (clfs_engine *engine, bool control, int copy)
{
    uint8_t image[2 * CLFS_SECTOR_BYTES];
    size_t bytes = control ? 2 * CLFS_SECTOR_BYTES : CLFS_SECTOR_BYTES;
    if (control)
        clfs_blf_encode_control (engine->blf, &engine->layout, copy, image);
    else
        clfs_blf_encode_scratch (engine->blf, copy, image);
    struct iovec vector = { image, bytes };
    uint32_t offset = control ? engine->layout.control_offset[copy] : engine->layout.scratch_offset[copy];
    return engine->store->storage->ops->write (engine->blf_file, offset, &vector, 1);
}

static NTSTATUS
metadata_failed (clfs_engine *engine, NTSTATUS status)
{
    g_mutex_lock (&engine->lock);
    status = clfs_engine_fail (engine, STATUS_LOG_METADATA_FLUSH_FAILED, "log %s: cannot write its metadata (%s.blf): %s", engine->name,
                               engine->name, clfs_message_status_words (status));
    g_mutex_unlock (&engine->lock);
    clfs_engine_notify (engine, CLFS_EVENT_STATE);
    return status;
}

NTSTATUS
clfs_meta_repair (clfs_engine *engine, const clfs_blf_report *report)
{
    NTSTATUS status = STATUS_SUCCESS;
    for (int copy = 0; copy < 2 && status == STATUS_SUCCESS; copy++) {
        if (!report->control_valid[copy])
            status = write_fixed (engine, true, copy);
        if (status == STATUS_SUCCESS && !report->scratch_valid[copy])
            status = write_fixed (engine, false, copy);
    }
    if (status == STATUS_SUCCESS)
        status = write_copy (engine, engine->blf, engine->blf->dump_count);
    if (status == STATUS_SUCCESS)
        status = write_copy (engine, engine->blf, engine->blf->dump_count + 1);
    if (status != STATUS_SUCCESS)
        return metadata_failed (engine, status);
    engine->blf->dump_count++;
    engine->meta_checked = true;
    return STATUS_SUCCESS;
}

/* The containers no longer fit: a whole new base log file beside, then renamed over. */
static NTSTATUS
write_larger_file (clfs_engine *engine, clfs_blf *next)
{
    clfs_storage *storage = engine->store->storage;
    clfs_blf_layout layout;
    clfs_blf_layout_for (CLFS_CONTAINERS_MAX, &layout);
    uint64_t first = next->dump_count + 1 + next->dump_count % 2;
    g_autofree uint8_t *image = g_malloc (layout.file_bytes);
    NTSTATUS status = clfs_blf_encode_file (next, &layout, first, image);
    if (status != STATUS_SUCCESS)
        return status;

    g_autofree char *side = clfs_meta_side_name (next->guid, "blf-new");
    g_autofree char *name = clfs_meta_file_name (engine->name);
    storage->ops->remove (storage, side); /* a left-over of an earlier try */
    clfs_file *file;
    status = storage->ops->open (storage, side, CLFS_FILE_WRITE | CLFS_FILE_CREATE, &file);
    if (status != STATUS_SUCCESS)
        return status;
    struct iovec vector = { image, layout.file_bytes };
    status = storage->ops->write (file, 0, &vector, 1);
    if (status == STATUS_SUCCESS)
        status = storage->ops->barrier (file);
    if (status == STATUS_SUCCESS)
        status = storage->ops->rename (storage, side, name, true);
    if (status != STATUS_SUCCESS) {
        storage->ops->close_file (file);
        storage->ops->remove (storage, side);
        return status;
    }
    if (storage->ops->sync_names (storage) != STATUS_SUCCESS) {
        /* Which of the two files has the name is not known any more: no want of space that passes, but a failure. */
        storage->ops->close_file (file);
        return STATUS_IO_DEVICE_ERROR;
    }
    storage->ops->close_file (engine->blf_file);
    engine->blf_file = file;
    engine->layout = layout;
    next->dump_count = first + 1;
    return STATUS_SUCCESS;
}

/* The physical id of the container that comes next follows the table, which a removal renumbers. */
static void
settle_prepared (clfs_blf *next)
{
    for (guint i = 0; i < next->containers->len; i++) {
        const clfs_blf_container *container = g_ptr_array_index (next->containers, i);
        if (container->logical_id == next->prepared_logical)
            next->prepared_physical = container->physical_id;
    }
}

NTSTATUS
clfs_meta_write (clfs_engine *engine, clfs_blf *next)
{
    g_autoptr (clfs_blf) owned = next;
    settle_prepared (next);
    NTSTATUS status = STATUS_SUCCESS;
    g_mutex_lock (&engine->lock);
    if (engine->state == CLFS_STATE_FAILED)
        status = clfs_engine_check_writable (engine);
    g_mutex_unlock (&engine->lock);
    if (status != STATUS_SUCCESS)
        return status;

    if (next->containers->len > clfs_blf_containers_max (&engine->layout)) {
        status = write_larger_file (engine, next);
        if (status == STATUS_DISK_FULL || status == STATUS_DISK_QUOTA_EXCEEDED)
            return clfs_message_fail (STATUS_LOG_FULL, "log %s: no room for a larger base log file; free space in the store", engine->name);
    } else {
        /* What was read at the open may have been in the cache only: durable again before a copy is given up. */
        if (!engine->meta_checked)
            status = write_copy (engine, engine->blf, engine->blf->dump_count);
        if (status == STATUS_SUCCESS)
            status = write_copy (engine, next, next->dump_count + 1);
        if (status == STATUS_SUCCESS)
            status = write_copy (engine, next, next->dump_count + 2);
        next->dump_count += 2;
    }
    if (status != STATUS_SUCCESS)
        return metadata_failed (engine, status);

    engine->meta_checked = true;
    g_mutex_lock (&engine->lock);
    owned = engine->blf;
    engine->blf = next;
    /* Others read it without the lock once there are records, and from then on it stays. */
    if (engine->container_bytes != next->container_bytes)
        engine->container_bytes = next->container_bytes;
    clfs_container_load (engine);
    engine->counters[CLFS_COUNT_META_WRITES]++;
    g_cond_broadcast (&engine->changed);
    g_mutex_unlock (&engine->lock);
    return STATUS_SUCCESS;
}
