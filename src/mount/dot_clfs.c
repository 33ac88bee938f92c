/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dot_clfs.c - .clfs/: what there is to know of the mount itself. `metrics` is OpenMetrics text.
 */
#include "parked.h"
#include "text_file.h"

#include <unistd.h>

static int
version_text (struct clfs_handle *handle, GString *out)
{
    (void) handle;
    g_string_append_printf (out, "version %s\npid %ld\n", clfs_version (), (long) getpid ());
    return 0;
}

static void
metric (GString *out, const char *name, const char *type, const char *help)
{
    g_string_append_printf (out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
metric_value (GString *out, const char *name, const char *suffix, uint64_t value)
{
    g_string_append_printf (out, "%s%s %" G_GUINT64_FORMAT "\n", name, suffix, value);
}

static void
gauge (GString *out, const char *name, const char *help, uint64_t value)
{
    metric (out, name, "gauge", help);
    metric_value (out, name, "", value);
}

static void
counters (GString *out)
{
    static const struct {
        const char *name, *help;
    } names[CLFS_COUNTERS] = {
        [CLFS_COUNT_LOOKUPS] = { "clfs_lookups", "Names looked up." },
        [CLFS_COUNT_OPENS] = { "clfs_opens", "Files opened." },
        [CLFS_COUNT_READS] = { "clfs_reads", "Read requests." },
        [CLFS_COUNT_READ_BYTES] = { "clfs_read_bytes", "Bytes read." },
        [CLFS_COUNT_WRITES] = { "clfs_writes", "Write requests." },
        [CLFS_COUNT_WRITTEN_BYTES] = { "clfs_written_bytes", "Bytes appended through records." },
        [CLFS_COUNT_FSYNCS] = { "clfs_fsyncs", "Calls of fsync and fdatasync." },
        [CLFS_COUNT_COMMANDS] = { "clfs_commands", "Lines written to control." },
        [CLFS_COUNT_INTERRUPTED] = { "clfs_interrupted", "Waits ended by a signal." },
    };

    for (unsigned i = 0; i < CLFS_COUNTERS; i++) {
        metric (out, names[i].name, "counter", names[i].help);
        metric_value (out, names[i].name, "_total", clfs_mount_counter (i));
    }
}

static void
parked (GString *out)
{
    static const char *const reasons[CLFS_PARKED_REASONS] = {
        [CLFS_PARKED_FSYNC] = "fsync",
        [CLFS_PARKED_DSYNC] = "dsync",
        [CLFS_PARKED_ROOM] = "room",
        [CLFS_PARKED_COMMAND] = "command",
    };
    size_t now, peak;

    metric (out, "clfs_waiting", "gauge", "Requests that wait for a flush.");
    for (unsigned i = 0; i < CLFS_PARKED_REASONS; i++) {
        clfs_parked_count (i, &now, &peak);
        g_string_append_printf (out, "clfs_waiting{for=\"%s\"} %zu\n", reasons[i], now);
    }
    metric (out, "clfs_waiting_peak", "gauge", "The most requests that ever waited for a flush at once.");
    for (unsigned i = 0; i < CLFS_PARKED_REASONS; i++) {
        clfs_parked_count (i, &now, &peak);
        g_string_append_printf (out, "clfs_waiting_peak{for=\"%s\"} %zu\n", reasons[i], peak);
    }
}

/* One log's line in each family; families may not be interleaved, so each is a text of its own. */
enum { FAMILY_END, FAMILY_DURABLE, FAMILY_PENDING, FAMILY_SIZE, FAMILY_AVAILABLE, FAMILY_OK, FAMILIES };

static const struct {
    const char *name, *type, *suffix, *help;
} families[FAMILIES] = {
    [FAMILY_END] = { "clfs_log_stream_bytes", "counter", "_total", "Bytes of payload ever appended to an open log." },
    [FAMILY_DURABLE] = { "clfs_log_durable_bytes", "counter", "_total", "Of these, bytes on stable storage." },
    [FAMILY_PENDING] = { "clfs_log_pending_bytes", "gauge", "", "Unflushed bytes." },
    [FAMILY_SIZE] = { "clfs_log_size_bytes", "gauge", "", "Size of all containers." },
    [FAMILY_AVAILABLE] = { "clfs_log_available_bytes", "gauge", "", "Room for new records, growth included." },
    [FAMILY_OK] = { "clfs_log_ok", "gauge", "", "1 if the log's state is ok." },
};

static void
label (GString *out, const char *value)
{
    g_string_append (out, "{log=\"");
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            g_string_append_c (out, '\\');
        g_string_append_c (out, *value);
    }
    g_string_append (out, "\"} ");
}

static void
add_log (struct clfs_mlog *mlog, void *data)
{
    GString **texts = data;
    uint64_t values[FAMILIES];
    clfs_info info;
    bool opened;

    g_mutex_lock (&mlog->lock);
    opened = mlog->open_logs > 0;
    g_mutex_unlock (&mlog->lock);
    if (!opened || clfs_mlog_enter (mlog) != 0)
        return;
    if (NT_SUCCESS (clfs_mlog_info (mlog, false, &info, NULL))) {
        values[FAMILY_END] = info.end_offset;
        values[FAMILY_DURABLE] = info.durable_offset;
        values[FAMILY_PENDING] = info.pending_bytes;
        values[FAMILY_SIZE] = info.size_bytes;
        values[FAMILY_AVAILABLE] = info.available_bytes;
        values[FAMILY_OK] = info.state == CLFS_STATE_OK;
        for (unsigned i = 0; i < FAMILIES; i++) {
            g_string_append_printf (texts[i], "%s%s", families[i].name, families[i].suffix);
            label (texts[i], mlog->name);
            g_string_append_printf (texts[i], "%" G_GUINT64_FORMAT "\n", values[i]);
        }
    }
    clfs_mlog_leave (mlog);
}

static int
metrics_text (struct clfs_handle *handle, GString *out)
{
    GString *texts[FAMILIES];

    (void) handle;
    counters (out);
    parked (out);
    gauge (out, "clfs_nodes", "Files and directories that the kernel holds.", clfs_nodes_count ());
    gauge (out, "clfs_handles", "Open files and directories.", clfs_handles_count ());
    for (unsigned i = 0; i < FAMILIES; i++)
        texts[i] = g_string_new (NULL);
    clfs_mlog_foreach (add_log, texts);
    for (unsigned i = 0; i < FAMILIES; i++) {
        metric (out, families[i].name, families[i].type, families[i].help);
        g_string_append_len (out, texts[i]->str, (gssize) texts[i]->len);
        g_string_free (texts[i], TRUE);
    }
    g_string_append (out, "# EOF\n");
    return 0;
}

const struct clfs_kind clfs_kind_version = {
    .name = "version",
    .type = S_IFREG,
    .mode_mask = 0444,
    .text = version_text,
};

const struct clfs_kind clfs_kind_metrics = {
    .name = "metrics",
    .type = S_IFREG,
    .mode_mask = 0444,
    .text = metrics_text,
};
