/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "node.h"

static GMutex lock;
static GHashTable *nodes;       /* id -> node */
static GHashTable *directories; /* (kind, mlog) -> node */
static fuse_ino_t last_id;

static guint
directory_hash (gconstpointer key)
{
    const struct clfs_node *node = key;

    return g_direct_hash (node->kind) * 31 + g_direct_hash (node->mlog);
}

static gboolean
directory_equal (gconstpointer a, gconstpointer b)
{
    const struct clfs_node *left = a, *right = b;

    return left->kind == right->kind && left->mlog == right->mlog;
}

static struct clfs_node *
add_locked (const struct clfs_kind *kind, struct clfs_mlog *mlog, uint64_t ino)
{
    struct clfs_node *node = g_new0 (struct clfs_node, 1);

    node->id = ++last_id;
    node->lookups = 1;
    node->kind = kind;
    node->mlog = mlog != NULL ? clfs_mlog_ref (mlog) : NULL;
    node->ino = ino;
    node->lsn = CLFS_INVALID_LSN;
    node->origin = CLFS_UNSET;
    g_hash_table_insert (nodes, &node->id, node);
    return node;
}

static void
node_free (struct clfs_node *node)
{
    clfs_mlog_unref (node->mlog);
    g_free (node->container);
    g_free (node);
}

void
clfs_nodes_init (void)
{
    struct clfs_node *root;

    G_STATIC_ASSERT (sizeof (fuse_ino_t) == sizeof (gint64));
    nodes = g_hash_table_new (g_int64_hash, g_int64_equal);
    directories = g_hash_table_new (directory_hash, directory_equal);
    last_id = FUSE_ROOT_ID - 1;
    root = clfs_node_directory (&clfs_kind_root, NULL, FUSE_ROOT_ID);
    g_assert (root->id == FUSE_ROOT_ID);
}

void
clfs_nodes_free (void)
{
    GHashTableIter iter;
    gpointer node;

    /* The kernel forgets nothing at unmount. */
    g_hash_table_iter_init (&iter, nodes);
    while (g_hash_table_iter_next (&iter, NULL, &node))
        node_free (node);
    g_clear_pointer (&nodes, g_hash_table_destroy);
    g_clear_pointer (&directories, g_hash_table_destroy);
}

struct clfs_node *
clfs_node_get (fuse_ino_t id)
{
    struct clfs_node *node;

    g_mutex_lock (&lock);
    node = g_hash_table_lookup (nodes, &id);
    g_mutex_unlock (&lock);
    return node;
}

struct clfs_node *
clfs_node_new (const struct clfs_kind *kind, struct clfs_mlog *mlog, uint64_t ino)
{
    struct clfs_node *node;

    g_mutex_lock (&lock);
    node = add_locked (kind, mlog, ino);
    g_mutex_unlock (&lock);
    return node;
}

struct clfs_node *
clfs_node_directory (const struct clfs_kind *kind, struct clfs_mlog *mlog, uint64_t ino)
{
    struct clfs_node wanted = { .kind = kind, .mlog = mlog };
    struct clfs_node *node;

    g_mutex_lock (&lock);
    node = g_hash_table_lookup (directories, &wanted);
    if (node != NULL) {
        node->lookups++;
    } else {
        node = add_locked (kind, mlog, ino);
        g_hash_table_add (directories, node);
    }
    g_mutex_unlock (&lock);
    return node;
}

void
clfs_node_forget (fuse_ino_t id, uint64_t lookups)
{
    struct clfs_node *node;

    g_mutex_lock (&lock);
    node = g_hash_table_lookup (nodes, &id);
    if (node != NULL) {
        g_assert (node->lookups >= lookups);
        node->lookups -= lookups;
        if (node->lookups == 0 && id != FUSE_ROOT_ID) {
            if (g_hash_table_lookup (directories, node) == node)
                g_hash_table_remove (directories, node);
            g_hash_table_remove (nodes, &id);
        } else {
            node = NULL;
        }
    }
    g_mutex_unlock (&lock);
    if (node != NULL)
        node_free (node);
}

uint64_t
clfs_node_origin (struct clfs_node *node, uint64_t base_offset)
{
    uint64_t origin = CLFS_UNSET;

    /* Whoever answers first decides; a second GETATTR or OPEN in flight takes that. */
    if (__atomic_compare_exchange_n (&node->origin, &origin, base_offset, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return base_offset;
    return origin;
}

size_t
clfs_nodes_count (void)
{
    size_t count;

    g_mutex_lock (&lock);
    count = g_hash_table_size (nodes);
    g_mutex_unlock (&lock);
    return count;
}
