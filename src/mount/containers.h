/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLFS_MOUNT_CONTAINERS_H
#define CLFS_MOUNT_CONTAINERS_H

#include "handle.h"

/* The names of the log's containers, by physical id, to be freed with g_ptr_array_unref. Within the gate. */
int clfs_containers_names (struct clfs_mlog *mlog, GPtrArray **names);

#endif
