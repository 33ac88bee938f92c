/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * info.c - what a log says of itself, opened or not.
 */
#include "engine/engine.h"

#include <string.h>

/* What the metadata alone tells. */
static void
info_from_metadata (const clfs_blf *blf, clfs_info *out)
{
    out->archive_tail = blf->attributes & 0x20 ? blf->archive_tail : CLFS_INVALID_LSN;
    out->containers = blf->containers->len;
    out->container_bytes = blf->container_bytes;
    out->size_bytes = blf->container_bytes * blf->containers->len;
    out->max_bytes = blf->max_bytes;
    out->retain_bytes = blf->ext_flags & CLFS_EXT_RETAIN_BYTES ? blf->retain_bytes : CLFS_UNSET;
    out->retain_seconds = blf->ext_flags & CLFS_EXT_RETAIN_AGE ? blf->retain_seconds : CLFS_UNSET;
    out->pending_bytes_max = blf->pending_bytes_max;
    out->flush_threshold_bytes = blf->flush_threshold_bytes;
    out->flush_ms = blf->flush_ms;
    out->align_bytes = blf->align_bytes;
    out->framing = blf->framing;
    out->archive = (blf->attributes & 0x20) != 0;
    out->closed_cleanly = (blf->ext_flags & CLFS_EXT_CLEAN) && !(blf->ext_flags & CLFS_EXT_DAMAGED);
    out->foreign = !blf->ours;
    out->cut_lsn = blf->cut_bytes > 0 ? blf->cut_lsn : CLFS_INVALID_LSN;
    out->cut_bytes = blf->cut_bytes;
    out->created_ns = blf->created_ns;
    memcpy (out->id, blf->guid, 16);
}

/* Room for new records: the rest of the current container, what is free, and what the log may still grow. */
static uint64_t
available_bytes (const clfs_engine *engine, uint32_t *free_containers)
{
    const clfs_blf *blf = engine->blf;
    clfs_lsn_t end = engine->open ? engine->open->address + (engine->open->used & ~511u) : engine->end;
    uint32_t current = clfs_lsn_container (end);
    uint64_t bytes = 0;
    *free_containers = 0;
    for (guint i = 0; i < engine->containers->len; i++) {
        const clfs_container *container = g_ptr_array_index (engine->containers, i);
        if (container->doomed)
            continue;
        if (container->logical_id == current) {
            bytes += blf->container_bytes - MIN (clfs_lsn_block_bytes (end), blf->container_bytes);
        } else if (container->logical_id == current + 1 || !clfs_container_active (engine, container)) {
            bytes += blf->container_bytes;
            ++*free_containers;
        }
    }
    uint64_t size = blf->container_bytes * engine->containers->len;
    if (blf->max_bytes > size && blf->container_bytes > 0)
        bytes += (blf->max_bytes - size) / blf->container_bytes * blf->container_bytes;
    return bytes;
}

static uint32_t
base_file_bytes (const clfs_engine *engine)
{
    return engine->blf->ours ? engine->layout.file_bytes : 0;
}

/* (lock) */
static void
info_from_engine (const clfs_engine *engine, clfs_info *out)
{
    info_from_metadata (engine->blf, out);
    out->state = engine->state;
    if (engine->state == CLFS_STATE_OK && engine->full)
        out->state = CLFS_STATE_FULL;
    clfs_lsn_t next = clfs_engine_next (engine);
    bool none = engine->last == CLFS_INVALID_LSN || engine->last < engine->base;
    out->base = none ? next : engine->base;
    out->last = none ? CLFS_INVALID_LSN : engine->last;
    out->next = next;
    out->durable_below = engine->durable_mark;
    out->restart = engine->restart != CLFS_INVALID_LSN && engine->restart >= out->base ? engine->restart : CLFS_INVALID_LSN;
    out->base_offset = none ? engine->end_offset : engine->base_offset;
    out->end_offset = engine->end_offset;
    out->durable_offset = engine->durable_mark_offset;
    out->pending_bytes = engine->pending_bytes + (engine->lines ? clfs_lines_bytes (engine->lines) : 0);
    out->available_bytes = available_bytes (engine, &out->containers_free);
    out->base_file_bytes = base_file_bytes (engine);
    out->allocated_bytes = out->size_bytes + out->base_file_bytes;
    out->record_bytes_max = engine->blf->ours ? clfs_block_record_max (engine) : 0;
    out->appended_ns = engine->appended_ns;
    g_strlcpy (out->error, out->state == CLFS_STATE_FULL ? engine->full_why : engine->error, sizeof out->error);
}

void
clfs_log_info (clfs_log *log, clfs_info *out)
{
    clfs_engine *engine = log->engine;
    memset (out, 0, sizeof *out);
    g_mutex_lock (&engine->lock);
    info_from_engine (engine, out);
    g_mutex_unlock (&engine->lock);
}

NTSTATUS
clfs_log_peek (clfs_store *store, const char *name, clfs_info *out, clfs_attr *attrs)
{
    if (!clfs_name_valid (name))
        return STATUS_OBJECT_NAME_INVALID;
    memset (out, 0, sizeof *out);
    /* One that is open knows more than its base log file. */
    g_mutex_lock (&store->lock);
    clfs_engine *engine = g_hash_table_lookup (store->engines, name);
    if (engine && !engine->opening && !engine->shutting_down) {
        g_mutex_lock (&engine->lock);
        info_from_engine (engine, out);
        out->closed_cleanly = true;
        if (attrs)
            memcpy (attrs, engine->blf->attrs, sizeof engine->blf->attrs);
        g_mutex_unlock (&engine->lock);
        g_mutex_unlock (&store->lock);
        return STATUS_SUCCESS;
    }
    g_mutex_unlock (&store->lock);

    clfs_engine *look = clfs_engine_new (store, name);
    clfs_blf_report report;
    NTSTATUS status = clfs_engine_load_metadata (look, false, &report);
    if (status == STATUS_SUCCESS) {
        const clfs_blf *blf = look->blf;
        if (blf->ours && (blf->ext_flags & CLFS_EXT_CLEAN))
            clfs_engine_take_clean_end (look);
        else {
            look->base = blf->base;
            look->base_offset = blf->base_offset;
            look->last = blf->last_record;
            look->restart = blf->restart;
            look->end = look->durable = look->durable_mark = blf->last;
            look->end_offset = look->durable_offset = look->durable_mark_offset = blf->scan_start_offset;
            look->appended_ns = blf->appended_ns;
        }
        if (blf->ext_flags & CLFS_EXT_DAMAGED || !blf->ours || (store->options.flags & CLFS_STORE_READ_ONLY))
            look->state = CLFS_STATE_READ_ONLY;
        info_from_engine (look, out);
        out->base = blf->base;
        if (attrs)
            memcpy (attrs, blf->attrs, sizeof blf->attrs);
    }
    clfs_engine_free (look);
    return status;
}

void
clfs_log_get_attrs (clfs_log *log, clfs_attr attrs[CLFS_ATTR_SLOTS])
{
    clfs_engine *engine = log->engine;
    g_mutex_lock (&engine->lock);
    memcpy (attrs, engine->blf->attrs, sizeof engine->blf->attrs);
    g_mutex_unlock (&engine->lock);
}

NTSTATUS
clfs_log_containers (clfs_log *log, clfs_container_info *out, size_t room, size_t *count)
{
    clfs_engine *engine = log->engine;
    g_mutex_lock (&engine->lock);
    for (guint i = 0; i < engine->containers->len && i < room; i++) {
        const clfs_container *container = g_ptr_array_index (engine->containers, i);
        bool active = clfs_container_active (engine, container);
        memset (&out[i], 0, sizeof out[i]);
        g_strlcpy (out[i].name, container->name, sizeof out[i].name);
        out[i].physical_id = container->physical_id;
        out[i].logical_id = container->logical_id;
        out[i].size_bytes = container->size_bytes;
        out[i].state = container->doomed ? 8 : active ? 4 : 2;
    }
    *count = engine->containers->len;
    g_mutex_unlock (&engine->lock);
    return STATUS_SUCCESS;
}
