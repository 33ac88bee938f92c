/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text_file.h - files whose content is made when they are read.
 */
#ifndef CLFS_MOUNT_TEXT_FILE_H
#define CLFS_MOUNT_TEXT_FILE_H

#include "handle.h"
#include "text.h"

/* Answers a READ with the kind's text, made anew at each read from offset 0 (unless it is fixed), within the gate and
 * with handle->lock. */
void clfs_text_file_read (fuse_req_t req, struct clfs_handle *handle, size_t bytes, off_t offset);

#endif
