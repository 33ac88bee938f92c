/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * node.h - the table of nodes: what the kernel calls a file.
 *
 * A directory has one node. A file of a log gets a new node at each LOOKUP, with a number that is never used again:
 * the kernel serialises appends and fsyncs by node, and keeps one size for each. A node dies with its last FORGET;
 * a file's node has one lookup, a directory's has many.
 *
 * The kernel sends no request for a node that it has forgotten, so a node found during a request lives until its
 * answer.
 */
#ifndef CLFS_MOUNT_NODE_H
#define CLFS_MOUNT_NODE_H

#include "kind.h"
#include "mlog.h"

struct clfs_node {
    fuse_ino_t id;
    uint64_t lookups;  /* the table's lock */
    const struct clfs_kind *kind;
    struct clfs_mlog *mlog; /* NULL outside logs; a reference */
    uint64_t ino;      /* st_ino */
    clfs_lsn_t lsn;    /* by-lsn/<LSN> */
    char *container;   /* containers/<name> */
    uint64_t origin;   /* atomic: stream offset of file offset 0; CLFS_UNSET until the first GETATTR or OPEN */
};

void clfs_nodes_init (void);
void clfs_nodes_free (void);

/* NULL if the kernel made it up. */
struct clfs_node *clfs_node_get (fuse_ino_t id);

/* A new node with one lookup. Takes a reference of mlog. */
struct clfs_node *clfs_node_new (const struct clfs_kind *kind, struct clfs_mlog *mlog, uint64_t ino);

/* The node of a directory (one for each kind and mlog), with one more lookup. */
struct clfs_node *clfs_node_directory (const struct clfs_kind *kind, struct clfs_mlog *mlog, uint64_t ino);

/* Takes `lookups` lookups back. */
void clfs_node_forget (fuse_ino_t id, uint64_t lookups);

/* The node's origin; `base_offset` if it had none so far. */
uint64_t clfs_node_origin (struct clfs_node *node, uint64_t base_offset);

size_t clfs_nodes_count (void);

#endif
