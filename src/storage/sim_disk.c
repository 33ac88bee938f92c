/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim_disk.c - the simulated machine: power loss, death of processes, crash points, faults. */
#include "storage/sim_internal.h"

#include <string.h>

/* 2026-01-01T00:00:00Z: where every simulated clock starts. */
#define CLOCK_START_NS (INT64_C (1767225600) * 1000000000)
#define POWER_LOSS_NS (INT64_C (10) * 1000000000)
/* A file on a disk without a limit ends here: larger ones are a fault of the test. */
#define FILE_BYTES_MAX (UINT64_C (4) * 1024 * 1024 * 1024)

/* splitmix64 */
uint64_t
clfs_sim_random (uint64_t *state)
{
    uint64_t value = (*state += UINT64_C (0x9E3779B97F4A7C15));

    value = (value ^ (value >> 30)) * UINT64_C (0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C (0x94D049BB133111EB);
    return value ^ (value >> 31);
}

/* ---- room ----------------------------------------------------------------------------------- */

uint64_t
clfs_sim_used_bytes (clfs_sim_disk *disk)
{
    uint64_t used = 0;

    for (guint i = 0; i < disk->inodes->len; i++)
        used += clfs_sim_inode_allocated (clfs_sim_inode_bytes (g_ptr_array_index (disk->inodes, i)));
    return used;
}

bool
clfs_sim_has_room (clfs_sim_disk *disk, uint64_t now, uint64_t then)
{
    if (then <= now)
        return true;
    if (then > FILE_BYTES_MAX)
        return false;
    return disk->capacity_bytes == 0 || clfs_sim_used_bytes (disk) - clfs_sim_inode_allocated (now) +
                                                clfs_sim_inode_allocated (then) <= disk->capacity_bytes;
}

/* ---- operations, crash points and faults ---------------------------------------------------- */

static void
trace_text (clfs_sim_disk *disk, const char *text)
{
    if (disk->trace != NULL)
        g_string_append_printf (disk->trace, "%6" G_GUINT64_FORMAT " %s\n", disk->io_count, text);
}

void
clfs_sim_trace_line (clfs_sim_disk *disk, NTSTATUS status, const char *format, ...)
{
    va_list arguments;

    if (disk->trace == NULL)
        return;
    g_string_append_printf (disk->trace, "%6" G_GUINT64_FORMAT " ", disk->io_count);
    va_start (arguments, format);
    g_string_append_vprintf (disk->trace, format, arguments);
    va_end (arguments);
    if (NT_SUCCESS (status))
        g_string_append (disk->trace, ": ok\n");
    else
        g_string_append_printf (disk->trace, ": 0x%08X\n", (unsigned) status);
}

/* Every process is dead from now on. Their maps become copies, so that threads which do not know it yet cannot change
 * what their successors find. */
static void
kill_all (clfs_sim_disk *disk)
{
    for (guint i = 0; i < disk->storages->len; i++)
        clfs_sim_storage_died (g_ptr_array_index (disk->storages, i));
}

static bool
fault_matches (const sim_fault *fault, enum clfs_sim_op op, const char *name, const char *other_name)
{
    if (fault->op != op)
        return false;
    if (fault->name_part == NULL)
        return true;
    return (name != NULL && strstr (name, fault->name_part) != NULL) ||
           (other_name != NULL && strstr (other_name, fault->name_part) != NULL);
}

NTSTATUS
clfs_sim_begin (sim_storage *storage, enum clfs_sim_op op, const char *name, const char *other_name, bool changes,
                NTSTATUS *fault)
{
    clfs_sim_disk *disk = storage->disk;

    *fault = STATUS_SUCCESS;
    if (storage->dead || disk->stopped)
        return STATUS_IO_DEVICE_ERROR;
    if (changes) {
        if (disk->io_count == disk->stop_at) {
            trace_text (disk, "-- stopped");
            disk->stopped = true;
            kill_all (disk);
            return STATUS_IO_DEVICE_ERROR;
        }
        disk->io_count++;
    }
    for (guint i = 0; i < disk->faults->len; i++) {
        sim_fault *rule = g_ptr_array_index (disk->faults, i);

        if (!fault_matches (rule, op, name, other_name))
            continue;
        uint64_t seen = rule->seen++;
        if (seen >= rule->skip && (rule->count == 0 || seen - rule->skip < rule->count) && NT_SUCCESS (*fault))
            *fault = rule->status;
    }
    return STATUS_SUCCESS;
}

void
clfs_sim_fail (clfs_sim_disk *disk, enum clfs_sim_op op, const char *name_part, uint64_t nth, uint64_t count,
               NTSTATUS status)
{
    sim_fault *fault = g_new0 (sim_fault, 1);

    g_assert (op < CLFS_SIM_OPS && !NT_SUCCESS (status));
    fault->op = op;
    fault->name_part = g_strdup (name_part);
    fault->skip = nth;
    fault->count = count;
    fault->status = status;
    pthread_mutex_lock (&disk->mutex);
    g_ptr_array_add (disk->faults, fault);
    pthread_mutex_unlock (&disk->mutex);
}

void
clfs_sim_fail_clear (clfs_sim_disk *disk)
{
    pthread_mutex_lock (&disk->mutex);
    g_ptr_array_set_size (disk->faults, 0);
    pthread_mutex_unlock (&disk->mutex);
}

static void
fault_free (gpointer data)
{
    sim_fault *fault = data;

    g_free (fault->name_part);
    g_free (fault);
}

void
clfs_sim_stop_after (clfs_sim_disk *disk, uint64_t ios)
{
    pthread_mutex_lock (&disk->mutex);
    disk->stop_at = ios == CLFS_SIM_NEVER ? CLFS_SIM_NEVER : disk->io_count + ios;
    pthread_mutex_unlock (&disk->mutex);
}

uint64_t
clfs_sim_io_count (clfs_sim_disk *disk)
{
    pthread_mutex_lock (&disk->mutex);
    uint64_t count = disk->io_count;
    pthread_mutex_unlock (&disk->mutex);
    return count;
}

void
clfs_sim_trace (clfs_sim_disk *disk, GString *trace)
{
    pthread_mutex_lock (&disk->mutex);
    disk->trace = trace;
    pthread_mutex_unlock (&disk->mutex);
}

void
clfs_sim_set_capacity (clfs_sim_disk *disk, uint64_t bytes)
{
    pthread_mutex_lock (&disk->mutex);
    disk->capacity_bytes = bytes;
    pthread_mutex_unlock (&disk->mutex);
}

/* ---- power loss and death ------------------------------------------------------------------- */

typedef struct survival {
    enum clfs_sim_survivors survivors;
    const uint8_t *chosen;
    uint64_t *random;
    size_t asked, kept;
} survival;

static bool
survives (void *context)
{
    survival *survival = context;
    size_t item = survival->asked++;
    bool kept = false;

    switch (survival->survivors) {
    case CLFS_SIM_NONE:
        break;
    case CLFS_SIM_ALL:
        kept = true;
        break;
    case CLFS_SIM_RANDOM:
        kept = clfs_sim_random (survival->random) >> 63 != 0;
        break;
    case CLFS_SIM_CHOSEN:
        kept = (survival->chosen[item / 8] >> (item % 8) & 1) != 0;
        break;
    }
    survival->kept += kept;
    return kept;
}

/* Whether the change has a say in what a power loss leaves: shared memory is gone in any case. */
static bool
is_item (const sim_name_change *change)
{
    return change->inode->map_fd < 0;
}

static size_t
unsynced_count (clfs_sim_disk *disk)
{
    size_t count = 0;

    for (guint i = 0; i < disk->inodes->len; i++) {
        const sim_inode *inode = g_ptr_array_index (disk->inodes, i);

        if (inode->names > 0)
            count += clfs_sim_inode_pending_count (inode);
    }
    for (guint i = 0; i < disk->name_changes->len; i++)
        count += is_item (g_ptr_array_index (disk->name_changes, i));
    return count;
}

size_t
clfs_sim_unsynced_count (clfs_sim_disk *disk)
{
    pthread_mutex_lock (&disk->mutex);
    size_t count = unsynced_count (disk);
    pthread_mutex_unlock (&disk->mutex);
    return count;
}

void
clfs_sim_power_loss (clfs_sim_disk *disk, enum clfs_sim_survivors survivors, const uint8_t *chosen)
{
    survival survival = { .survivors = survivors, .chosen = chosen, .random = &disk->fault_random };

    pthread_mutex_lock (&disk->mutex);
    kill_all (disk);

    size_t items = unsynced_count (disk);
    for (guint i = 0; i < disk->inodes->len; i++) {
        sim_inode *inode = g_ptr_array_index (disk->inodes, i);

        if (inode->names > 0)
            clfs_sim_inode_settle (inode, survives, &survival);
    }
    for (guint i = 0; i < disk->name_changes->len; i++) {
        const sim_name_change *change = g_ptr_array_index (disk->name_changes, i);

        if (is_item (change) && survives (&survival))
            clfs_sim_name_change_apply (disk, disk->medium_names, change);
    }
    g_assert (survival.asked == items);
    clfs_sim_names_forget_changes (disk);
    clfs_sim_names_from_medium (disk);

    disk->boots++;
    disk->clock_ns += POWER_LOSS_NS;
    disk->stopped = false;
    disk->stop_at = CLFS_SIM_NEVER;
    clfs_sim_trace_line (disk, STATUS_SUCCESS, "-- power loss, %zu of %zu unsynced survived", survival.kept, items);
    pthread_mutex_unlock (&disk->mutex);
}

void
clfs_sim_kill (clfs_sim_disk *disk)
{
    pthread_mutex_lock (&disk->mutex);
    kill_all (disk);
    disk->stopped = false;
    disk->stop_at = CLFS_SIM_NEVER;
    trace_text (disk, "-- killed");
    pthread_mutex_unlock (&disk->mutex);
}

/* ---- making, copying, freeing --------------------------------------------------------------- */

clfs_sim_disk *
clfs_sim_disk_new (uint64_t seed)
{
    clfs_sim_disk *disk = g_new0 (clfs_sim_disk, 1);

    pthread_mutex_init (&disk->mutex, NULL);
    disk->seed = seed;
    disk->fault_random = seed;
    disk->environment_random = ~seed;
    disk->next_inode = 2;
    disk->clock_ns = CLOCK_START_NS;
    disk->stop_at = CLFS_SIM_NEVER;
    disk->inodes = g_ptr_array_new ();
    disk->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    disk->medium_names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    disk->name_changes = g_ptr_array_new ();
    disk->faults = g_ptr_array_new_with_free_func (fault_free);
    disk->storages = g_ptr_array_new ();
    disk->files = g_ptr_array_new ();
    disk->maps = g_ptr_array_new ();
    disk->locks = g_hash_table_new (g_str_hash, g_str_equal);
    disk->lock_objects = g_ptr_array_new ();
    return disk;
}

clfs_sim_disk *
clfs_sim_disk_copy (clfs_sim_disk *disk)
{
    clfs_sim_disk *copy = clfs_sim_disk_new (disk->seed);
    g_autoptr (GHashTable) copies = g_hash_table_new (NULL, NULL);

    pthread_mutex_lock (&disk->mutex);
    copy->fault_random = disk->fault_random;
    copy->environment_random = disk->environment_random;
    copy->boots = disk->boots;
    copy->next_inode = disk->next_inode;
    copy->clock_ns = disk->clock_ns;
    copy->capacity_bytes = disk->capacity_bytes;
    copy->io_count = disk->io_count;
    for (guint i = 0; i < disk->inodes->len; i++) {
        sim_inode *inode = g_ptr_array_index (disk->inodes, i);

        if (inode->names == 0)
            continue;
        sim_inode *other = clfs_sim_inode_copy (inode);
        g_ptr_array_add (copy->inodes, other);
        g_hash_table_insert (copies, inode, other);
    }
    clfs_sim_names_copy (copy, disk, copies);
    pthread_mutex_unlock (&disk->mutex);
    return copy;
}

void
clfs_sim_disk_free (clfs_sim_disk *disk)
{
    for (guint i = 0; i < disk->files->len; i++) {
        sim_file *file = g_ptr_array_index (disk->files, i);

        g_free (file->name);
        g_free (file);
    }
    for (guint i = 0; i < disk->maps->len; i++)
        clfs_sim_map_free (g_ptr_array_index (disk->maps, i));
    for (guint i = 0; i < disk->lock_objects->len; i++) {
        sim_lock *lock = g_ptr_array_index (disk->lock_objects, i);

        g_free (lock->name);
        g_free (lock);
    }
    g_ptr_array_foreach (disk->storages, (GFunc) (void (*) (void)) g_free, NULL);
    for (guint i = 0; i < disk->name_changes->len; i++) {
        sim_name_change *change = g_ptr_array_index (disk->name_changes, i);

        g_free (change->from);
        g_free (change->to);
        g_free (change);
    }
    for (guint i = 0; i < disk->inodes->len; i++)
        clfs_sim_inode_free (g_ptr_array_index (disk->inodes, i));
    g_ptr_array_unref (disk->inodes);
    g_ptr_array_unref (disk->name_changes);
    g_ptr_array_unref (disk->faults);
    g_ptr_array_unref (disk->storages);
    g_ptr_array_unref (disk->files);
    g_ptr_array_unref (disk->maps);
    g_ptr_array_unref (disk->lock_objects);
    g_hash_table_unref (disk->names);
    g_hash_table_unref (disk->medium_names);
    g_hash_table_unref (disk->locks);
    pthread_mutex_destroy (&disk->mutex);
    g_free (disk);
}
