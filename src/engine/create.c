/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * create.c - making, removing and renaming logs: what happens to whole files.
 */
#include "engine/engine.h"

#include <string.h>
#include <unistd.h>

/* 8 MiB containers: large enough that a new one is rare, small enough to be zero-filled in the background before it is needed. 1 GiB in
 * all bounds a log that nobody looks after. */
#define DEFAULT_CONTAINER_BYTES (UINT64_C (8) << 20)
#define DEFAULT_MAX_BYTES (UINT64_C (1) << 30)
#define DEFAULT_PENDING_BYTES (UINT64_C (16) << 20)
#define DEFAULT_THRESHOLD_BYTES (1u << 20)
#define DEFAULT_FLUSH_MS 1000u

void
clfs_log_options_init (clfs_log_options *options)
{
    *options = (clfs_log_options) {
        .container_bytes = DEFAULT_CONTAINER_BYTES,
        .max_bytes = DEFAULT_MAX_BYTES,
        .retain_bytes = CLFS_UNSET,
        .retain_seconds = CLFS_UNSET,
        .pending_bytes_max = DEFAULT_PENDING_BYTES,
        .flush_threshold_bytes = DEFAULT_THRESHOLD_BYTES,
        .flush_ms = DEFAULT_FLUSH_MS,
        .align_bytes = 512,
        .framing = CLFS_FRAMING_WRITE,
    };
}

NTSTATUS
clfs_setting_check (enum clfs_setting setting, uint64_t value)
{
    const char *wrong = NULL;
    switch (setting) {
    case CLFS_SET_MAX_BYTES:
        if (value > CLFS_CONTAINERS_MAX * CLFS_CONTAINER_BYTES_MAX)
            wrong = "max-size is at most 1,023 containers of 4 GiB";
        break;
    case CLFS_SET_RETAIN_BYTES:
        if (value != CLFS_UNSET && value < 2 * CLFS_CONTAINER_BYTES_UNIT)
            wrong = "retain is at least two of the log's containers (1 MiB with the smallest ones), or off";
        break;
    case CLFS_SET_RETAIN_SECONDS:
        if (value == 0)
            wrong = "retain is at least one second, or off";
        break;
    case CLFS_SET_FLUSH_MS:
        if (value > 86400000)
            wrong = "flush-ms is at most a day (86400000), or off";
        break;
    case CLFS_SET_FLUSH_THRESHOLD_BYTES:
        if (value < 512 || value > CLFS_PENDING_BYTES_MAX)
            wrong = "flush-threshold is from 512 bytes to 1 GiB";
        break;
    case CLFS_SET_PENDING_BYTES_MAX:
        if (value < CLFS_PENDING_BYTES_MIN || value > CLFS_PENDING_BYTES_MAX)
            wrong = "pending-max is from 256 KiB to 1 GiB";
        break;
    case CLFS_SET_FRAMING:
        if (value != CLFS_FRAMING_WRITE && value != CLFS_FRAMING_LINE)
            wrong = "framing is write or line";
        break;
    case CLFS_SET_CONTAINER_BYTES:
        if (value == 0 || value > CLFS_CONTAINER_BYTES_MAX)
            wrong = "container-size is from 512 KiB to less than 4 GiB";
        break;
    case CLFS_SET_ALIGN_BYTES:
        if (value != 512 && value != 4096)
            wrong = "align is 512 or 4096";
        break;
    default:
        wrong = "there is no such setting";
        break;
    }
    return wrong ? clfs_message_fail (STATUS_INVALID_PARAMETER, "%s", wrong) : STATUS_SUCCESS;
}

static NTSTATUS
check_options (const clfs_log_options *options)
{
    const struct {
        enum clfs_setting setting;
        uint64_t value;
    } all[] = {
        { CLFS_SET_MAX_BYTES, options->max_bytes },
        { CLFS_SET_RETAIN_BYTES, options->retain_bytes },
        { CLFS_SET_RETAIN_SECONDS, options->retain_seconds },
        { CLFS_SET_FLUSH_MS, options->flush_ms },
        { CLFS_SET_FLUSH_THRESHOLD_BYTES, options->flush_threshold_bytes },
        { CLFS_SET_PENDING_BYTES_MAX, options->pending_bytes_max },
        { CLFS_SET_FRAMING, options->framing },
        { CLFS_SET_CONTAINER_BYTES, options->container_bytes },
        { CLFS_SET_ALIGN_BYTES, options->align_bytes },
    };
    for (size_t i = 0; i < G_N_ELEMENTS (all); i++) {
        NTSTATUS status = clfs_setting_check (all[i].setting, all[i].value);
        if (status != STATUS_SUCCESS)
            return status;
    }
    return STATUS_SUCCESS;
}

uint64_t
clfs_container_round (uint64_t bytes)
{
    return (bytes + CLFS_CONTAINER_BYTES_UNIT - 1) / CLFS_CONTAINER_BYTES_UNIT * CLFS_CONTAINER_BYTES_UNIT;
}

/* The metadata of a new log: closed cleanly, empty. */
static clfs_blf *
new_metadata (clfs_store *store, const clfs_log_options *options, const clfs_attr *attrs)
{
    clfs_storage *storage = store->storage;
    clfs_blf *blf = clfs_blf_new ();
    blf->ours = true;
    storage->ops->random (storage, blf->guid, 16);
    uint64_t low, high;
    memcpy (&low, blf->guid, 8);
    memcpy (&high, blf->guid + 8, 8);
    blf->log_id = low ^ high;
    blf->attributes = 0x0100 | (options->archive ? 0x20 : 0);
    blf->flush_threshold_bytes = options->flush_threshold_bytes;
    blf->created_ns = blf->accessed_ns = blf->appended_ns = storage->ops->now_ns (storage);
    blf->epoch = 1;
    blf->ext_flags = CLFS_EXT_CLEAN | (options->retain_bytes != CLFS_UNSET ? CLFS_EXT_RETAIN_BYTES : 0u) |
                     (options->retain_seconds != CLFS_UNSET ? CLFS_EXT_RETAIN_AGE : 0u);
    blf->archive_tail = blf->base = blf->last = blf->epoch_first = blf->scan_start = blf->clean_end = blf->durable = 0;
    blf->restart = blf->cut_lsn = blf->damage = blf->last_record = CLFS_INVALID_LSN;
    blf->container_bytes = clfs_container_round (options->container_bytes);
    blf->max_bytes = options->max_bytes;
    blf->retain_bytes = options->retain_bytes != CLFS_UNSET ? options->retain_bytes : 0;
    blf->retain_seconds = options->retain_seconds != CLFS_UNSET ? options->retain_seconds : 0;
    blf->flush_ms = options->flush_ms;
    blf->align_bytes = options->align_bytes;
    blf->framing = options->framing;
    blf->pending_bytes_max = options->pending_bytes_max;
    for (int slot = 0; slot < CLFS_ATTR_SLOTS; slot++) {
        bool directory = slot == CLFS_ATTR_DIRECTORY || slot == CLFS_ATTR_BY_LSN || slot == CLFS_ATTR_CONTAINERS;
        blf->attrs[slot] = attrs ? attrs[slot] : (clfs_attr) { directory ? 0700 : 0600, getuid (), getgid () };
    }
    return blf;
}

NTSTATUS
clfs_log_create (clfs_store *store, const char *name, const clfs_log_options *options, const clfs_attr *attrs)
{
    clfs_log_options defaults;
    if (!options) {
        clfs_log_options_init (&defaults);
        options = &defaults;
    }
    if (!clfs_name_valid (name))
        return STATUS_OBJECT_NAME_INVALID;
    NTSTATUS status = check_options (options);
    if (status != STATUS_SUCCESS)
        return status;
    if (options->max_bytes > 0 && options->max_bytes < clfs_container_round (options->container_bytes))
        return clfs_message_fail (STATUS_INVALID_PARAMETER, "max-size is smaller than one container; make it larger or 0");
    if (options->retain_bytes < 2 * clfs_container_round (options->container_bytes))
        return clfs_message_fail (STATUS_INVALID_PARAMETER, "retain is at least two containers, or off");

    g_autoptr (clfs_blf) blf = new_metadata (store, options, attrs);
    clfs_blf_layout layout;
    uint64_t containers = blf->max_bytes / blf->container_bytes;
    clfs_blf_layout_for ((uint32_t) MIN (containers, CLFS_CONTAINERS_MAX), &layout);
    g_autofree uint8_t *image = g_malloc (layout.file_bytes);
    status = clfs_blf_encode_file (blf, &layout, 1, image);
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "log %s: its metadata cannot be encoded: %s", name, clfs_message_status_words (status));

    /* Under a side name first: a BLF with the log's name is whole, or is not there. */
    clfs_storage *storage = store->storage;
    g_autofree char *side = clfs_meta_side_name (blf->guid, "blf-new");
    g_autofree char *file_name = clfs_meta_file_name (name);
    clfs_file *file;
    status = storage->ops->open (storage, side, CLFS_FILE_WRITE | CLFS_FILE_CREATE, &file);
    if (status == STATUS_SUCCESS) {
        struct iovec vector = { image, layout.file_bytes };
        status = storage->ops->write (file, 0, &vector, 1);
        if (status == STATUS_SUCCESS)
            status = storage->ops->barrier (file);
        storage->ops->close_file (file);
        bool renamed = false;
        if (status == STATUS_SUCCESS) {
            status = storage->ops->rename (storage, side, file_name, false);
            renamed = status == STATUS_SUCCESS;
        }
        if (renamed)
            status = storage->ops->sync_names (storage);
        if (status != STATUS_SUCCESS)
            storage->ops->remove (storage, renamed ? file_name : side);
    }
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "cannot make log %s: %s", name, clfs_message_status_words (status));
    return STATUS_SUCCESS;
}

NTSTATUS
clfs_engine_remove_files (clfs_engine *engine)
{
    clfs_storage *storage = engine->store->storage;
    const uint8_t *guid = engine->blf->guid;
    NTSTATUS status = STATUS_SUCCESS;
    for (guint i = 0; i < engine->blf->containers->len && status == STATUS_SUCCESS; i++) {
        const clfs_blf_container *container = g_ptr_array_index (engine->blf->containers, i);
        status = storage->ops->remove (storage, container->name);
        if (status == STATUS_OBJECT_NAME_NOT_FOUND)
            status = STATUS_SUCCESS;
    }
    static const char *const suffixes[] = { "area", "lines", "blf-new" };
    for (size_t i = 0; i < G_N_ELEMENTS (suffixes) && status == STATUS_SUCCESS; i++) {
        g_autofree char *side = clfs_meta_side_name (guid, suffixes[i]);
        storage->ops->remove (storage, side);
    }
    for (unsigned number = 1; number <= CLFS_LINES_KEPT_MAX && status == STATUS_SUCCESS; number++) {
        g_autofree char *kept = clfs_engine_kept_lines_name (engine, number);
        storage->ops->remove (storage, kept);
    }
    g_autofree char *file_name = clfs_meta_file_name (engine->name);
    if (status == STATUS_SUCCESS)
        status = storage->ops->remove (storage, file_name);
    if (status == STATUS_SUCCESS)
        status = storage->ops->sync_names (storage);
    if (status == STATUS_SUCCESS && engine->lock_file) {
        /* Nobody can find the log any more, so nobody else wants its lock; who waits for it looks whether it is still at its name. */
        g_autofree char *lock = clfs_meta_side_name (guid, "lock");
        storage->ops->remove (storage, lock);
    }
    if (status != STATUS_SUCCESS)
        return clfs_message_fail (status, "cannot remove log %s: %s", engine->name, clfs_message_status_words (status));
    return STATUS_SUCCESS;
}

/* Marks the removal, so that a crash in the middle is finished by the next opener, and does it. */
static NTSTATUS
delete_open (clfs_engine *engine, unsigned flags)
{
    g_mutex_lock (&engine->lock);
    bool active = engine->last != CLFS_INVALID_LSN && engine->last >= engine->base;
    bool read_only = engine->state == CLFS_STATE_READ_ONLY;
    g_mutex_unlock (&engine->lock);
    if ((flags & CLFS_DELETE_IF_EMPTY) && (active || read_only))
        return clfs_message_fail (STATUS_DIRECTORY_NOT_EMPTY, "log %s has active records; move its base to next, or reset it, first", engine->name);
    if (!engine->writer)
        return clfs_message_fail (STATUS_MEDIA_WRITE_PROTECTED, "log %s was not written by us: remove its files in the store", engine->name);
    NTSTATUS status = STATUS_SUCCESS;
    g_mutex_lock (&engine->meta);
    if (engine->blf->containers->len > 0) {
        g_autoptr (clfs_blf) next = clfs_meta_begin (engine);
        next->ext_flags |= CLFS_EXT_PENDING_DELETE;
        status = clfs_meta_write (engine, g_steal_pointer (&next));
    }
    if (status == STATUS_SUCCESS)
        status = clfs_engine_remove_files (engine);
    g_mutex_unlock (&engine->meta);
    return status;
}

/* An engine of the log's own for one operation; nobody else may have it open. STATUS_SHARING_VIOLATION. */
static NTSTATUS
take_alone (clfs_store *store, const char *name, clfs_engine **out)
{
    g_mutex_lock (&store->lock);
    clfs_engine *engine = clfs_store_find_engine (store, name);
    NTSTATUS status = STATUS_SUCCESS;
    if (engine && engine->references > 0)
        status = clfs_message_fail (STATUS_SHARING_VIOLATION, "log %s is open; close it first", name);
    else if (engine)
        status = clfs_store_retire_engine (store, engine);
    if (status != STATUS_SUCCESS) {
        g_mutex_unlock (&store->lock);
        return status;
    }
    engine = clfs_engine_new (store, name);
    engine->opening = true;
    engine->shared = true;
    g_hash_table_insert (store->engines, engine->name, engine);
    g_mutex_unlock (&store->lock);
    *out = engine;
    return STATUS_SUCCESS;
}

static void
give_back (clfs_store *store, clfs_engine *engine)
{
    g_mutex_lock (&store->lock);
    g_hash_table_remove (store->engines, engine->name);
    g_cond_broadcast (&store->opened);
    g_mutex_unlock (&store->lock);
    clfs_background_drain (engine);
    clfs_engine_free (engine);
}

NTSTATUS
clfs_log_delete (clfs_store *store, const char *name, unsigned flags)
{
    if (!clfs_name_valid (name))
        return STATUS_OBJECT_NAME_INVALID;
    if (store->options.flags & CLFS_STORE_READ_ONLY)
        return clfs_message_fail (STATUS_MEDIA_WRITE_PROTECTED, "the store %s is read-only", store->path);
    clfs_engine *engine;
    NTSTATUS status = take_alone (store, name, &engine);
    if (status != STATUS_SUCCESS)
        return status;
    status = clfs_engine_open_writer (engine);
    if (status == STATUS_SUCCESS) {
        status = delete_open (engine, flags);
        if (status != STATUS_SUCCESS) {
            g_autofree char *message = g_strdup (clfs_error_message ());
            NTSTATUS ignored = clfs_engine_shutdown (engine);
            (void) ignored; /* the refusal is the answer */
            (void) clfs_message_fail (status, "%s", message);
        }
    }
    give_back (store, engine);
    return status;
}

NTSTATUS
clfs_log_rename (clfs_store *store, const char *from, const char *to)
{
    if (!clfs_name_valid (from) || !clfs_name_valid (to))
        return STATUS_OBJECT_NAME_INVALID;
    clfs_storage *storage = store->storage;
    clfs_engine *engine;
    NTSTATUS status = take_alone (store, from, &engine);
    if (status != STATUS_SUCCESS)
        return status;
    /* Only the lock is wanted: another process must not have it open under the old name. */
    clfs_blf_report report;
    status = clfs_engine_load_metadata (engine, false, &report);
    if (status == STATUS_SUCCESS) {
        g_autofree char *lock = clfs_meta_side_name (engine->blf->guid, "lock");
        g_autofree char *what = g_strdup_printf ("log %s", from);
        g_autofree char *old_file = clfs_meta_file_name (from);
        g_autofree char *new_file = clfs_meta_file_name (to);
        status = clfs_store_lock (store, lock, what, &engine->lock_file);
        if (status == STATUS_SUCCESS) {
            status = storage->ops->rename (storage, old_file, new_file, false);
            if (status == STATUS_SUCCESS)
                status = storage->ops->sync_names (storage);
            if (status != STATUS_SUCCESS)
                (void) clfs_message_fail (status, "cannot rename log %s to %s: %s", from, to, clfs_message_status_words (status));
        }
    }
    give_back (store, engine);
    return status;
}
