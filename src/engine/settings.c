/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settings.c - what can be changed in a log: settings, access attributes, containers.
 */
#include "engine/engine.h"

#include <string.h>

/* May the log be changed now? (meta, not lock) */
static NTSTATUS
check_writable (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    NTSTATUS status = clfs_engine_check_writable (engine);
    g_mutex_unlock (&engine->lock);
    return status;
}

/* No record has ever been appended (meta). */
static bool
pristine (clfs_engine *engine)
{
    g_mutex_lock (&engine->lock);
    bool yes = engine->end == 0 && !engine->open && engine->containers->len == 0;
    g_mutex_unlock (&engine->lock);
    return yes;
}

static NTSTATUS
apply_setting (clfs_engine *engine, clfs_blf *next, enum clfs_setting setting, uint64_t value)
{
    switch (setting) {
    case CLFS_SET_MAX_BYTES:
        if (value > 0 && value < next->container_bytes)
            return clfs_message_fail (STATUS_INVALID_PARAMETER, "max-size is smaller than one container (%" G_GUINT64_FORMAT " bytes); make it larger or 0",
                                      next->container_bytes);
        next->max_bytes = value;
        break;
    case CLFS_SET_RETAIN_BYTES:
        next->ext_flags &= ~(uint32_t) CLFS_EXT_RETAIN_BYTES;
        next->retain_bytes = 0;
        if (value != CLFS_UNSET) {
            if (value < 2 * next->container_bytes)
                return clfs_message_fail (STATUS_INVALID_PARAMETER, "retain is at least two containers, here %" G_GUINT64_FORMAT " bytes",
                                          2 * next->container_bytes);
            next->ext_flags |= CLFS_EXT_RETAIN_BYTES;
            next->retain_bytes = value;
        }
        break;
    case CLFS_SET_RETAIN_SECONDS:
        next->ext_flags &= ~(uint32_t) CLFS_EXT_RETAIN_AGE;
        next->retain_seconds = 0;
        if (value != CLFS_UNSET) {
            next->ext_flags |= CLFS_EXT_RETAIN_AGE;
            next->retain_seconds = value;
        }
        break;
    case CLFS_SET_FLUSH_MS:
        next->flush_ms = (uint32_t) value;
        break;
    case CLFS_SET_FLUSH_THRESHOLD_BYTES:
        next->flush_threshold_bytes = (uint32_t) value;
        break;
    case CLFS_SET_PENDING_BYTES_MAX:
        next->pending_bytes_max = value;
        break;
    case CLFS_SET_FRAMING:
    case CLFS_SET_CONTAINER_BYTES:
    case CLFS_SET_ALIGN_BYTES:
        if (!pristine (engine))
            return clfs_message_fail (STATUS_LOG_STATE_INVALID, "log %s: that can be set only until the first append", engine->name);
        if (setting == CLFS_SET_FRAMING)
            next->framing = (uint8_t) value;
        else if (setting == CLFS_SET_ALIGN_BYTES)
            next->align_bytes = (uint16_t) value;
        else if (next->max_bytes > 0 && clfs_container_round (value) > next->max_bytes)
            return clfs_message_fail (STATUS_INVALID_PARAMETER, "container-size is larger than max-size; raise that first");
        else if ((next->ext_flags & CLFS_EXT_RETAIN_BYTES) && next->retain_bytes < 2 * clfs_container_round (value))
            return clfs_message_fail (STATUS_INVALID_PARAMETER, "retain would be less than two containers; raise that first");
        else
            next->container_bytes = clfs_container_round (value);
        break;
    }
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_log_set (clfs_log *log, enum clfs_setting setting, uint64_t value)
{
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    NTSTATUS status = clfs_setting_check (setting, value);
    if (status != STATUS_SUCCESS)
        return status;
    g_mutex_lock (&engine->meta);
    status = check_writable (engine);
    if (status == STATUS_SUCCESS) {
        g_autoptr (clfs_blf) next = clfs_meta_begin (engine);
        status = apply_setting (engine, next, setting, value);
        if (status == STATUS_SUCCESS)
            status = clfs_meta_write (engine, g_steal_pointer (&next));
    }
    if (status == STATUS_SUCCESS && setting == CLFS_SET_RETAIN_BYTES)
        status = clfs_rollover_retain_size (engine);
    g_mutex_unlock (&engine->meta);
    if (status == STATUS_SUCCESS) {
        if (setting == CLFS_SET_RETAIN_SECONDS)
            clfs_rollover_retain_age (engine);
        g_mutex_lock (&engine->lock);
        bool ends = engine->full &&
                    (setting == CLFS_SET_MAX_BYTES || setting == CLFS_SET_RETAIN_BYTES || setting == CLFS_SET_RETAIN_SECONDS);
        if (ends)
            engine->full = false;
        clfs_append_schedule (engine, engine->store->storage->ops->now_ns (engine->store->storage));
        g_mutex_unlock (&engine->lock);
        if (ends)
            clfs_engine_notify (engine, CLFS_EVENT_STATE);
    }
    return status;
}

NTSTATUS
clfs_log_set_attrs (clfs_log *log, const clfs_attr attrs[CLFS_ATTR_SLOTS], unsigned mask)
{
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    g_mutex_lock (&engine->meta);
    NTSTATUS status = check_writable (engine);
    if (status == STATUS_SUCCESS) {
        clfs_blf *next = clfs_meta_begin (engine);
        for (int slot = 0; slot < CLFS_ATTR_SLOTS; slot++)
            if (mask & 1u << slot)
                next->attrs[slot] = attrs[slot];
        status = clfs_meta_write (engine, next);
    }
    g_mutex_unlock (&engine->meta);
    return status;
}

/* ---- containers ---- */

/* Whether a container of that name is in the table. */
static bool
has_container (const clfs_blf *blf, const char *name)
{
    for (guint i = 0; i < blf->containers->len; i++)
        if (strcmp (((clfs_blf_container *) g_ptr_array_index (blf->containers, i))->name, name) == 0)
            return true;
    return false;
}

/* A name that a container file may have: it must not be taken for one of the store's own files. */
static bool
container_name_valid (const char *name)
{
    return clfs_name_valid (name) && !g_str_has_suffix (name, ".blf");
}

/* Makes the files and adds them to `next`; `made` gets their names, also on failure (meta). */
static NTSTATUS
make_containers (clfs_engine *engine, clfs_blf *next, unsigned count, const char *const *names, GPtrArray *made)
{
    NTSTATUS status = STATUS_SUCCESS;
    for (unsigned i = 0; i < count && status == STATUS_SUCCESS; i++) {
        g_autofree char *name = names && names[i] ? g_strdup (names[i]) : clfs_container_new_name (engine, next);
        if (!name)
            status = clfs_message_fail (STATUS_LOG_FULL, "log %s: every container name of it is taken in the store", engine->name);
        else if (!container_name_valid (name))
            status = clfs_message_fail (STATUS_OBJECT_NAME_INVALID, "log %s: %s is no name for a container", engine->name, name);
        else if (has_container (next, name))
            status = clfs_message_fail (STATUS_OBJECT_NAME_COLLISION, "log %s: it has a container %s already", engine->name, name);
        else
            status = clfs_container_create_file (engine, name, next->container_bytes);
        if (status == STATUS_SUCCESS) {
            clfs_blf_add_container (next, name, next->container_bytes)->logical_id = CLFS_NO_CONTAINER;
            g_ptr_array_add (made, g_steal_pointer (&name));
        }
    }
    return status;
}

NTSTATUS
clfs_log_add_containers (clfs_log *log, unsigned count, const char *const *names, uint64_t *container_bytes)
{
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    if (count == 0)
        return clfs_message_fail (STATUS_INVALID_PARAMETER, "log %s: no container to add", engine->name);
    if (container_bytes) {
        NTSTATUS status = clfs_setting_check (CLFS_SET_CONTAINER_BYTES, *container_bytes);
        if (status != STATUS_SUCCESS)
            return status;
    }
    g_mutex_lock (&engine->meta);
    NTSTATUS status = check_writable (engine);
    if (status == STATUS_SUCCESS) {
        g_autoptr (clfs_blf) next = clfs_meta_begin (engine);
        if (next->containers->len + count > CLFS_CONTAINERS_MAX) {
            status = clfs_message_fail (STATUS_LOG_CONTAINER_LIMIT_EXCEEDED, "log %s: %u containers and %u more are over the limit of %u",
                                        engine->name, next->containers->len, count, CLFS_CONTAINERS_MAX);
        } else if (container_bytes && pristine (engine)) {
            next->container_bytes = clfs_container_round (*container_bytes);
        } else if (container_bytes && clfs_container_round (*container_bytes) < next->container_bytes) {
            status = clfs_message_fail (STATUS_INVALID_PARAMETER, "log %s: its containers have %" G_GUINT64_FORMAT " bytes; a smaller one does not fit",
                                        engine->name, next->container_bytes);
        }
        uint64_t used = next->container_bytes;
        g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func (g_free);
        if (status == STATUS_SUCCESS)
            status = make_containers (engine, next, count, names, made);
        if (status == STATUS_SUCCESS)
            status = clfs_meta_write (engine, g_steal_pointer (&next));
        /* All or none. After a failed write of the metadata a copy may name them: then they stay. */
        if (status != STATUS_SUCCESS && status != STATUS_LOG_METADATA_FLUSH_FAILED)
            for (guint i = 0; i < made->len; i++)
                clfs_container_remove_file (engine, g_ptr_array_index (made, i));
        if (status == STATUS_SUCCESS && container_bytes)
            *container_bytes = used;
    }
    g_mutex_unlock (&engine->meta);
    if (status == STATUS_SUCCESS) {
        g_mutex_lock (&engine->lock);
        bool ends = engine->full;
        engine->full = false;
        g_cond_broadcast (&engine->changed);
        g_mutex_unlock (&engine->lock);
        if (ends)
            clfs_engine_notify (engine, CLFS_EVENT_STATE);
    }
    return status;
}

/* Marks them; the sweep takes away what is not active (meta). */
static NTSTATUS
doom (clfs_engine *engine, unsigned count, const char *const *names, bool force)
{
    g_autoptr (clfs_blf) next = clfs_meta_begin (engine);
    for (unsigned n = 0; n < count; n++) {
        bool found = false;
        for (guint i = 0; i < next->containers->len && !found; i++) {
            clfs_blf_container *container = g_ptr_array_index (next->containers, i);
            if (strcmp (container->name, names[n]) != 0)
                continue;
            found = true;
            container->state = 8;
            g_mutex_lock (&engine->lock);
            bool active = clfs_container_active (engine, g_ptr_array_index (engine->containers, i));
            g_mutex_unlock (&engine->lock);
            if (active && force)
                return clfs_message_fail (STATUS_LOG_CANT_DELETE, "log %s: container %s is active; move the base first", engine->name, names[n]);
        }
        if (!found)
            return clfs_message_fail (STATUS_NOT_FOUND, "log %s has no container %s", engine->name, names[n]);
    }
    NTSTATUS status = clfs_meta_write (engine, g_steal_pointer (&next));
    return status == STATUS_SUCCESS ? clfs_container_sweep (engine) : status;
}

NTSTATUS
clfs_log_remove_containers (clfs_log *log, unsigned count, const char *const *names, bool force)
{
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    if (count == 0 || !names)
        return clfs_message_fail (STATUS_INVALID_PARAMETER, "log %s: no container to remove", engine->name);
    g_mutex_lock (&engine->meta);
    NTSTATUS status = check_writable (engine);
    if (status == STATUS_SUCCESS)
        status = doom (engine, count, names, force);
    g_mutex_unlock (&engine->meta);
    return status;
}

NTSTATUS
clfs_log_ensure_space (clfs_log *log, uint64_t bytes)
{
    clfs_engine *engine = log->engine;
    NTSTATUS allowed = clfs_engine_check_handle (log);
    if (allowed != STATUS_SUCCESS)
        return allowed;
    clfs_info info;
    clfs_log_info (log, &info);
    if (bytes > info.available_bytes)
        return clfs_message_fail (STATUS_LOG_FULL, "log %s: %" G_GUINT64_FORMAT " bytes are wanted, %" G_GUINT64_FORMAT " are available; raise max-size",
                                  engine->name, bytes, info.available_bytes);
    uint64_t growth = info.max_bytes > info.size_bytes ? (info.max_bytes - info.size_bytes) / info.container_bytes * info.container_bytes : 0;
    uint64_t here = info.available_bytes - growth;
    if (bytes <= here)
        return STATUS_SUCCESS;
    uint64_t count = (bytes - here + info.container_bytes - 1) / info.container_bytes;
    NTSTATUS status = clfs_log_add_containers (log, (unsigned) MIN (count, CLFS_CONTAINERS_MAX + 1), NULL, NULL);
    return status == STATUS_DISK_FULL || status == STATUS_DISK_QUOTA_EXCEEDED || status == STATUS_LOG_CONTAINER_LIMIT_EXCEEDED
               ? STATUS_LOG_FULL
               : status;
}
