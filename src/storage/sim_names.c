/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_names.c - the simulated disk's one directory: which name is which file, now and on the medium.
 *
 * Each change of a name since the last sync of the directory survives a power loss or not, on its own; the surviving
 * ones are applied in their order. A rename is one change: it never leaves neither name. A file that was synced but
 * whose name was not can so be lost, as POSIX allows.
 */
#include "storage/sim_internal.h"

#include <string.h>

/* ---- files and their references ------------------------------------------------------------- */

void
clfs_sim_inode_hold (sim_inode *inode)
{
    inode->handles++;
}

static void
free_if_unused (clfs_sim_disk *disk, sim_inode *inode)
{
    if (inode->names > 0 || inode->handles > 0)
        return;
    g_ptr_array_remove (disk->inodes, inode);
    clfs_sim_inode_free (inode);
}

void
clfs_sim_inode_release (clfs_sim_disk *disk, sim_inode *inode)
{
    g_assert (inode->handles > 0);
    inode->handles--;
    free_if_unused (disk, inode);
}

static void
name_unref (clfs_sim_disk *disk, sim_inode *inode)
{
    g_assert (inode->names > 0);
    inode->names--;
    free_if_unused (disk, inode);
}

static void
bind_name (clfs_sim_disk *disk, GHashTable *names, const char *name, sim_inode *inode)
{
    sim_inode *former = g_hash_table_lookup (names, name);

    inode->names++;
    g_hash_table_replace (names, g_strdup (name), inode);
    if (former != NULL)
        name_unref (disk, former);
}

/* only: leave the name alone if it is another file's; NULL: whichever it is. */
static void
unbind_name (clfs_sim_disk *disk, GHashTable *names, const char *name, const sim_inode *only)
{
    sim_inode *former = g_hash_table_lookup (names, name);

    if (former == NULL || (only != NULL && former != only))
        return;
    g_hash_table_remove (names, name);
    name_unref (disk, former);
}

sim_inode *
clfs_sim_find (clfs_sim_disk *disk, const char *name)
{
    return g_hash_table_lookup (disk->names, name);
}

/* ---- changes of names ----------------------------------------------------------------------- */

static void
name_change_free (clfs_sim_disk *disk, sim_name_change *change)
{
    name_unref (disk, change->inode);
    g_free (change->from);
    g_free (change->to);
    g_free (change);
}

static void
add_name_change (clfs_sim_disk *disk, enum sim_name_kind kind, const char *from, const char *to, sim_inode *inode)
{
    sim_name_change *change = g_new0 (sim_name_change, 1);

    change->kind = kind;
    change->from = g_strdup (from);
    change->to = g_strdup (to);
    change->inode = inode;
    inode->names++;
    g_ptr_array_add (disk->name_changes, change);
}

void
clfs_sim_name_change_apply (clfs_sim_disk *disk, GHashTable *names, const sim_name_change *change)
{
    if (change->to != NULL)
        bind_name (disk, names, change->to, change->inode);
    if (change->from != NULL)
        unbind_name (disk, names, change->from, change->inode);
}

void
clfs_sim_names_forget_changes (clfs_sim_disk *disk)
{
    for (guint i = 0; i < disk->name_changes->len; i++)
        name_change_free (disk, g_ptr_array_index (disk->name_changes, i));
    g_ptr_array_set_size (disk->name_changes, 0);
}

sim_inode *
clfs_sim_make (clfs_sim_disk *disk, const char *name, bool durable)
{
    sim_inode *inode = clfs_sim_inode_new (disk->next_inode++);

    inode->modified_ns = disk->clock_ns;
    g_ptr_array_add (disk->inodes, inode);
    bind_name (disk, disk->names, name, inode);
    if (durable)
        bind_name (disk, disk->medium_names, name, inode);
    else
        add_name_change (disk, SIM_NAME_CREATE, NULL, name, inode);
    return inode;
}

void
clfs_sim_name_removed (clfs_sim_disk *disk, const char *name)
{
    add_name_change (disk, SIM_NAME_REMOVE, name, NULL, clfs_sim_find (disk, name));
    unbind_name (disk, disk->names, name, NULL);
}

void
clfs_sim_name_renamed (clfs_sim_disk *disk, const char *from, const char *to)
{
    if (strcmp (from, to) == 0)
        return;
    add_name_change (disk, SIM_NAME_RENAME, from, to, clfs_sim_find (disk, from));
    clfs_sim_name_change_apply (disk, disk->names, g_ptr_array_index (disk->name_changes, disk->name_changes->len - 1));
}

void
clfs_sim_names_synced (clfs_sim_disk *disk)
{
    for (guint i = 0; i < disk->name_changes->len; i++)
        clfs_sim_name_change_apply (disk, disk->medium_names, g_ptr_array_index (disk->name_changes, i));
    clfs_sim_names_forget_changes (disk);
}

/* ---- after a power loss, and in a copy ---------------------------------------------------------- */

void
clfs_sim_names_from_medium (clfs_sim_disk *disk)
{
    g_autoptr (GList) names = g_hash_table_get_keys (disk->names);
    g_autoptr (GList) medium_names = g_hash_table_get_keys (disk->medium_names);

    for (GList *at = names; at != NULL; at = at->next)
        unbind_name (disk, disk->names, at->data, NULL);
    for (GList *at = medium_names; at != NULL; at = at->next) {
        sim_inode *inode = g_hash_table_lookup (disk->medium_names, at->data);

        if (inode->map_fd >= 0)
            unbind_name (disk, disk->medium_names, at->data, NULL);
        else
            bind_name (disk, disk->names, at->data, inode);
    }
}

static void
copy_names (clfs_sim_disk *to, GHashTable *to_names, GHashTable *from_names, GHashTable *copies)
{
    GHashTableIter iterator;
    gpointer name, inode;

    g_hash_table_iter_init (&iterator, from_names);
    while (g_hash_table_iter_next (&iterator, &name, &inode))
        bind_name (to, to_names, name, g_hash_table_lookup (copies, inode));
}

void
clfs_sim_names_copy (clfs_sim_disk *to, clfs_sim_disk *from, GHashTable *copies)
{
    copy_names (to, to->names, from->names, copies);
    copy_names (to, to->medium_names, from->medium_names, copies);
    for (guint i = 0; i < from->name_changes->len; i++) {
        const sim_name_change *change = g_ptr_array_index (from->name_changes, i);

        add_name_change (to, change->kind, change->from, change->to, g_hash_table_lookup (copies, change->inode));
    }
}

/* ---- looking at files and damaging them ----------------------------------------------------- */

GByteArray *
clfs_sim_file_bytes (clfs_sim_disk *disk, const char *name)
{
    GByteArray *bytes = NULL;

    pthread_mutex_lock (&disk->mutex);
    const sim_inode *inode = clfs_sim_find (disk, name);
    if (inode != NULL) {
        bytes = g_byte_array_new ();
        g_byte_array_set_size (bytes, (guint) clfs_sim_inode_bytes (inode));
        clfs_sim_inode_read (inode, 0, bytes->data, bytes->len);
    }
    pthread_mutex_unlock (&disk->mutex);
    return bytes;
}

/* Nothing that is pending may bring `name` back or take it away. */
static void
forget_changes_of (clfs_sim_disk *disk, const char *name)
{
    for (guint i = 0; i < disk->name_changes->len;) {
        sim_name_change *change = g_ptr_array_index (disk->name_changes, i);

        if (g_strcmp0 (change->from, name) == 0)
            g_clear_pointer (&change->from, g_free);
        if (g_strcmp0 (change->to, name) == 0)
            g_clear_pointer (&change->to, g_free);
        if (change->from == NULL && change->to == NULL) {
            g_ptr_array_remove_index (disk->name_changes, i);
            name_change_free (disk, change);
        } else {
            i++;
        }
    }
}

void
clfs_sim_file_set (clfs_sim_disk *disk, const char *name, const uint8_t *bytes, size_t count)
{
    pthread_mutex_lock (&disk->mutex);
    sim_inode *inode = clfs_sim_find (disk, name);
    if (inode == NULL) {
        forget_changes_of (disk, name);
        inode = clfs_sim_make (disk, name, true);
    } else {
        /* Bound on the medium before the pending changes go, which may hold its last other reference. */
        bind_name (disk, disk->medium_names, name, inode);
        forget_changes_of (disk, name);
    }
    clfs_sim_inode_set (inode, bytes, count);
    inode->modified_ns = disk->clock_ns;
    pthread_mutex_unlock (&disk->mutex);
}

void
clfs_sim_file_remove (clfs_sim_disk *disk, const char *name)
{
    pthread_mutex_lock (&disk->mutex);
    unbind_name (disk, disk->names, name, NULL);
    unbind_name (disk, disk->medium_names, name, NULL);
    forget_changes_of (disk, name);
    pthread_mutex_unlock (&disk->mutex);
}
