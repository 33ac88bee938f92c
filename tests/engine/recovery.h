/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recovery.h - what the tests of recovery share: leaving a log in some state, and looking at what came back. */
#ifndef CLFS_TESTS_ENGINE_RECOVERY_H
#define CLFS_TESTS_ENGINE_RECOVERY_H

#include "engine/engine.h"
#include "harness.h"
#include "storage/sim_internal.h"

#include <string.h>

static inline void
flush (clfs_log *log)
{
    CU_ASSERT_EQUAL (clfs_log_flush (log, CLFS_NULL_LSN, NULL), STATUS_SUCCESS);
}

/* A block of its own. */
static inline void
append_block (clfs_log *log, const char *text)
{
    struct iovec vector = { (void *) text, strlen (text) };
    clfs_append_options options = { CLFS_APPEND_FORCE_APPEND, CLFS_INVALID_LSN, CLFS_INVALID_LSN };
    CU_ASSERT_EQUAL_FATAL (clfs_log_append (log, &vector, 1, &options, NULL), STATUS_SUCCESS);
}

static inline void
expect (clfs_log *log, const char *records)
{
    g_autofree char *found = harness_records (log);
    CU_ASSERT_STRING_EQUAL (found, records);
    if (strcmp (found, records) != 0)
        printf ("  %s instead of %s\n", found, records);
}

/* Opens the log, expects the records, and leaves it open. */
static inline clfs_log *
reopen (harness *h, const char *records)
{
    clfs_log *log = harness_log (h, "a");
    CU_ASSERT_EQUAL (harness_info (log).state, CLFS_STATE_OK);
    expect (log, records);
    return log;
}

static inline void
close_log (clfs_log *log)
{
    CU_ASSERT_EQUAL (clfs_log_close (log), STATUS_SUCCESS);
}

/* The first file whose name contains `part`; free with g_free. */
static inline char *
file_with (harness *h, const char *part)
{
    g_autoptr (GPtrArray) names = NULL;
    CU_ASSERT_EQUAL_FATAL (h->store->storage->ops->list (h->store->storage, &names), STATUS_SUCCESS);
    for (guint i = 0; i < names->len; i++)
        if (strstr (names->pdata[i], part))
            return g_strdup (names->pdata[i]);
    return NULL;
}

/* Changes one byte of a file on the medium. */
static inline void
flip (clfs_sim_disk *disk, const char *name, size_t at)
{
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (disk, name);
    CU_ASSERT_FATAL (bytes != NULL && at < bytes->len);
    bytes->data[at] ^= 0x10;
    clfs_sim_file_set (disk, name, bytes->data, bytes->len);
}

/* Puts one file of another disk here. */
static inline void
restore_file (clfs_sim_disk *to, clfs_sim_disk *from, const char *name)
{
    g_autoptr (GByteArray) bytes = clfs_sim_file_bytes (from, name);
    CU_ASSERT_FATAL (bytes != NULL);
    clfs_sim_file_set (to, name, bytes->data, bytes->len);
}

/* Power fails; of what is not synced only the items that `keep` accepts survive. */
static inline void
power_loss_but (harness *h, bool (*keep) (size_t item, size_t count))
{
    size_t count = clfs_sim_unsynced_count (h->disk);
    g_autofree uint8_t *chosen = g_malloc0 (count / 8 + 1);
    for (size_t i = 0; i < count; i++)
        if (keep (i, count))
            chosen[i / 8] |= (uint8_t) (1u << i % 8);
    clfs_sim_power_loss (h->disk, CLFS_SIM_CHOSEN, chosen);
    harness_boot (h);
}

static inline bool
keep_last (size_t item, size_t count)
{
    return item + 1 == count;
}

#endif
