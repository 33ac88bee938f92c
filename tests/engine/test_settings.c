/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a log is made with and what can be changed later: ranges, the rule of the first append, and that it is stored. */
#include "harness.h"

typedef struct fixture {
    harness h;
    clfs_log *log;
} fixture;

static void
begin (fixture *f)
{
    *f = (fixture) { 0 };
    harness_start (&f->h, CLFS_STORE_INLINE);
    f->log = harness_log (&f->h, "a");
}

static void
end (fixture *f)
{
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    harness_end (&f->h);
}

static void
reopen (fixture *f)
{
    CU_ASSERT_EQUAL (clfs_log_close (f->log), STATUS_SUCCESS);
    f->log = harness_log (&f->h, "a");
}

static uint64_t
value_of (clfs_log *log, enum clfs_setting setting)
{
    clfs_info info = harness_info (log);
    switch (setting) {
    case CLFS_SET_MAX_BYTES:
        return info.max_bytes;
    case CLFS_SET_RETAIN_BYTES:
        return info.retain_bytes;
    case CLFS_SET_RETAIN_SECONDS:
        return info.retain_seconds;
    case CLFS_SET_FLUSH_MS:
        return info.flush_ms;
    case CLFS_SET_FLUSH_THRESHOLD_BYTES:
        return info.flush_threshold_bytes;
    case CLFS_SET_PENDING_BYTES_MAX:
        return info.pending_bytes_max;
    case CLFS_SET_FRAMING:
        return info.framing;
    case CLFS_SET_CONTAINER_BYTES:
        return info.container_bytes;
    case CLFS_SET_ALIGN_BYTES:
        return info.align_bytes;
    }
    return 0;
}

/* Good and bad values; each ends with END. */
#define END UINT64_C (0xDEADBEEF)
typedef struct range {
    enum clfs_setting setting;
    uint64_t good[6], bad[6];
} range;

static const range ranges[] = {
    { CLFS_SET_MAX_BYTES, { CLFS_CONTAINER_BYTES_UNIT, 0, 1 << 30, CLFS_CONTAINERS_MAX * CLFS_CONTAINER_BYTES_MAX, END },
      { 1, CLFS_CONTAINER_BYTES_UNIT - 1, CLFS_CONTAINERS_MAX * CLFS_CONTAINER_BYTES_MAX + 1, UINT64_MAX, END } },
    { CLFS_SET_RETAIN_BYTES, { 2 * CLFS_CONTAINER_BYTES_UNIT, 1 << 30, CLFS_UNSET, END },
      { 0, 1, 2 * CLFS_CONTAINER_BYTES_UNIT - 1, END } },
    { CLFS_SET_RETAIN_SECONDS, { 1, 86400 * 14, CLFS_UNSET, END }, { 0, END } },
    { CLFS_SET_FLUSH_MS, { 0, 1, 86400000, END }, { 86400001, UINT64_C (1) << 32, UINT64_MAX, END } },
    { CLFS_SET_FLUSH_THRESHOLD_BYTES, { 512, 1 << 20, CLFS_PENDING_BYTES_MAX, END },
      { 0, 511, CLFS_PENDING_BYTES_MAX + 1, UINT64_C (1) << 33, END } },
    { CLFS_SET_PENDING_BYTES_MAX, { CLFS_PENDING_BYTES_MIN, CLFS_PENDING_BYTES_MAX, END },
      { 0, CLFS_PENDING_BYTES_MIN - 1, CLFS_PENDING_BYTES_MAX + 1, END } },
    { CLFS_SET_FRAMING, { CLFS_FRAMING_LINE, CLFS_FRAMING_WRITE, END }, { 2, 256, UINT64_MAX, END } },
    { CLFS_SET_CONTAINER_BYTES, { CLFS_CONTAINER_BYTES_UNIT, 4 * CLFS_CONTAINER_BYTES_UNIT, END },
      { 0, CLFS_CONTAINER_BYTES_MAX + 1, UINT64_MAX, END } },
    { CLFS_SET_ALIGN_BYTES, { 4096, 512, END }, { 0, 1, 1024, 8192, 65536 + 512, END } },
};

static void
each_setting_takes_its_range_and_keeps_it_over_a_reopening (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (ranges); i++) {
        fixture f;
        begin (&f);
        for (const uint64_t *good = ranges[i].good; *good != END; good++) {
            NTSTATUS status = clfs_log_set (f.log, ranges[i].setting, *good);
            if (status != STATUS_SUCCESS)
                printf ("  setting %d = %llu: %s\n", (int) ranges[i].setting, (unsigned long long) *good, clfs_error_message ());
            CU_ASSERT_EQUAL (status, STATUS_SUCCESS);
            CU_ASSERT_EQUAL (value_of (f.log, ranges[i].setting), *good);
            reopen (&f);
            CU_ASSERT_EQUAL (value_of (f.log, ranges[i].setting), *good);
        }
        end (&f);
    }
}

static void
each_setting_refuses_what_is_out_of_its_range_and_stays (void)
{
    fixture f;
    begin (&f);
    for (size_t i = 0; i < G_N_ELEMENTS (ranges); i++) {
        uint64_t before = value_of (f.log, ranges[i].setting);
        uint64_t ios = clfs_sim_io_count (f.h.disk);
        for (const uint64_t *bad = ranges[i].bad; *bad != END; bad++) {
            NTSTATUS status = clfs_log_set (f.log, ranges[i].setting, *bad);
            if (status != STATUS_INVALID_PARAMETER)
                printf ("  setting %d = %llu: 0x%08x\n", (int) ranges[i].setting, (unsigned long long) *bad, (unsigned) status);
            CU_ASSERT_EQUAL (status, STATUS_INVALID_PARAMETER);
            CU_ASSERT (strlen (clfs_error_message ()) > 0);
        }
        CU_ASSERT_EQUAL (value_of (f.log, ranges[i].setting), before);
        CU_ASSERT_EQUAL (clfs_sim_io_count (f.h.disk), ios);
    }
    CU_ASSERT_EQUAL (clfs_log_set (f.log, (enum clfs_setting) 99, 1), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (harness_info (f.log).state, CLFS_STATE_OK);
    end (&f);
}

static void
a_setting_is_durable_when_it_has_returned (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_FLUSH_MS, 4321), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_RETAIN_SECONDS, 99), STATUS_SUCCESS);
    harness_power_loss (&f.h, CLFS_SIM_NONE);
    f.log = harness_log (&f.h, "a");
    CU_ASSERT_EQUAL (harness_info (f.log).flush_ms, 4321);
    CU_ASSERT_EQUAL (harness_info (f.log).retain_seconds, 99);
    end (&f);
}

static void
a_setting_is_no_append (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    int64_t appended = harness_info (f.log).appended_ns;
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_FLUSH_MS, 4321), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 0), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set_base (f.log, harness_info (f.log).next), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).appended_ns, appended);
    end (&f);
}

static void
framing_container_size_and_alignment_are_set_until_the_first_append_only (void)
{
    static const struct {
        enum clfs_setting setting;
        uint64_t value;
    } fixed[] = {
        { CLFS_SET_FRAMING, CLFS_FRAMING_LINE },
        { CLFS_SET_CONTAINER_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT },
        { CLFS_SET_ALIGN_BYTES, 4096 },
    };
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < G_N_ELEMENTS (fixed); i++)
            CU_ASSERT_EQUAL (clfs_log_set (f.log, fixed[i].setting, fixed[i].value), STATUS_LOG_STATE_INVALID);
        if (round == 0)
            CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_SUCCESS);
        if (round == 1)
            reopen (&f);
        if (round == 2)
            CU_ASSERT_EQUAL (clfs_log_reset (f.log), STATUS_SUCCESS);
    }
    CU_ASSERT_EQUAL (harness_info (f.log).container_bytes, CLFS_CONTAINER_BYTES_UNIT);
    end (&f);
}

static void
a_container_size_is_rounded_up_and_used (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_CONTAINER_BYTES, CLFS_CONTAINER_BYTES_UNIT + 1), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (harness_info (f.log).container_bytes, 2 * CLFS_CONTAINER_BYTES_UNIT);
    harness_append (f.log, "one");
    clfs_container_info container;
    size_t count;
    CU_ASSERT_EQUAL (clfs_log_containers (f.log, &container, 1, &count), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (count, 1);
    CU_ASSERT_EQUAL (container.size_bytes, 2 * CLFS_CONTAINER_BYTES_UNIT);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, CLFS_CONTAINER_BYTES_UNIT), STATUS_INVALID_PARAMETER);
    end (&f);
}

static void
a_container_larger_than_max_size_is_refused (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_MAX_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_CONTAINER_BYTES, 3 * CLFS_CONTAINER_BYTES_UNIT), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_CONTAINER_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    end (&f);
}

static void
retain_and_container_size_are_refused_together_where_they_do_not_fit (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_RETAIN_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_CONTAINER_BYTES, 2 * CLFS_CONTAINER_BYTES_UNIT), STATUS_INVALID_PARAMETER);
    CU_ASSERT_EQUAL (harness_info (f.log).container_bytes, CLFS_CONTAINER_BYTES_UNIT);
    clfs_log_options options;
    clfs_log_options_init (&options);
    options.retain_bytes = 2 * CLFS_CONTAINER_BYTES_UNIT;
    CU_ASSERT_EQUAL (clfs_log_create (f.h.store, "b", &options, NULL), STATUS_INVALID_PARAMETER);
    end (&f);
}

static void
with_alignment_4096_every_flush_begins_on_a_page (void)
{
    fixture f;
    begin (&f);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_ALIGN_BYTES, 4096), STATUS_SUCCESS);
    for (int i = 0; i < 200; i++) {
        CU_ASSERT_EQUAL (harness_append_number (f.log, 1, (size_t) i * 97 % 6000, NULL), STATUS_SUCCESS);
        if (i % 3 == 0) {
            clfs_lsn_t out;
            CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, &out), STATUS_SUCCESS);
            CU_ASSERT_EQUAL (clfs_lsn_block_bytes (out) % 4096, 0);
        }
    }
    harness_kill (&f.h);
    f.log = harness_log (&f.h, "a");
    clfs_cursor *cursor;
    clfs_record record;
    CU_ASSERT_EQUAL_FATAL (clfs_cursor_open (f.log, CLFS_CURSOR_FORWARD, &cursor), STATUS_SUCCESS);
    for (int i = 0; i < 200; i++) {
        CU_ASSERT_EQUAL_FATAL (clfs_cursor_next (cursor, CLFS_RECORD_DATA, &record), STATUS_SUCCESS);
        CU_ASSERT (harness_is_number (&record, 1, (size_t) i * 97 % 6000));
    }
    clfs_cursor_close (cursor);
    end (&f);
}

static void
options_out_of_range_make_no_log (void)
{
    fixture f;
    begin (&f);
    for (int which = 0; which < 10; which++) {
        clfs_log_options options;
        harness_options (&options);
        switch (which) {
        case 0: options.container_bytes = 0; break;
        case 1: options.container_bytes = CLFS_CONTAINER_BYTES_MAX + 1; break;
        case 2: options.max_bytes = 1; break;
        case 3: options.retain_bytes = 1; break;
        case 4: options.retain_seconds = 0; break;
        case 5: options.pending_bytes_max = 1; break;
        case 6: options.flush_threshold_bytes = 1; break;
        case 7: options.flush_ms = 86400001; break;
        case 8: options.align_bytes = 1024; break;
        case 9: options.framing = 2; break;
        }
        CU_ASSERT_EQUAL (clfs_log_create (f.h.store, "b", &options, NULL), STATUS_INVALID_PARAMETER);
    }
    char **names;
    size_t count;
    CU_ASSERT_EQUAL (clfs_store_names (f.h.store, &names, &count), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (count, 1);
    clfs_names_free (names, count);
    end (&f);
}

static void
options_given_at_the_creation_are_the_logs_own (void)
{
    fixture f;
    begin (&f);
    clfs_log_options options = {
        .container_bytes = 3 * CLFS_CONTAINER_BYTES_UNIT - 5,
        .max_bytes = UINT64_C (1) << 32,
        .retain_bytes = UINT64_C (1) << 31,
        .retain_seconds = 12345,
        .pending_bytes_max = 1 << 20,
        .flush_threshold_bytes = 65536,
        .flush_ms = 17,
        .align_bytes = 4096,
        .framing = CLFS_FRAMING_LINE,
        .archive = 1,
    };
    CU_ASSERT_EQUAL (clfs_log_create (f.h.store, "b", &options, NULL), STATUS_SUCCESS);
    clfs_info info;
    CU_ASSERT_EQUAL (clfs_log_peek (f.h.store, "b", &info, NULL), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (info.container_bytes, 3 * CLFS_CONTAINER_BYTES_UNIT);
    CU_ASSERT_EQUAL (info.max_bytes, options.max_bytes);
    CU_ASSERT_EQUAL (info.retain_bytes, options.retain_bytes);
    CU_ASSERT_EQUAL (info.retain_seconds, options.retain_seconds);
    CU_ASSERT_EQUAL (info.pending_bytes_max, options.pending_bytes_max);
    CU_ASSERT_EQUAL (info.flush_threshold_bytes, options.flush_threshold_bytes);
    CU_ASSERT_EQUAL (info.flush_ms, options.flush_ms);
    CU_ASSERT_EQUAL (info.align_bytes, options.align_bytes);
    CU_ASSERT_EQUAL (info.framing, options.framing);
    CU_ASSERT_EQUAL (info.archive, 1);
    CU_ASSERT_EQUAL (info.archive_tail, 0);
    CU_ASSERT_EQUAL (info.containers, 0);
    end (&f);
}

static void
attributes_are_set_by_mask_and_stored (void)
{
    fixture f;
    begin (&f);
    clfs_attr attrs[CLFS_ATTR_SLOTS], before[CLFS_ATTR_SLOTS];
    clfs_log_get_attrs (f.log, before);
    CU_ASSERT_EQUAL (before[CLFS_ATTR_RECORDS].mode, 0600);
    CU_ASSERT_EQUAL (before[CLFS_ATTR_DIRECTORY].mode, 0700);
    for (int i = 0; i < CLFS_ATTR_SLOTS; i++)
        attrs[i] = (clfs_attr) { 0640u + (unsigned) i, 1000u + (unsigned) i, UINT32_MAX - (unsigned) i };
    unsigned mask = 1u << CLFS_ATTR_RECORDS | 1u << CLFS_ATTR_CONTAINERS | 1u << 15;
    CU_ASSERT_EQUAL (clfs_log_set_attrs (f.log, attrs, mask), STATUS_SUCCESS);
    harness_power_loss (&f.h, CLFS_SIM_NONE);
    f.log = harness_log (&f.h, "a");
    clfs_attr after[CLFS_ATTR_SLOTS];
    clfs_log_get_attrs (f.log, after);
    for (int i = 0; i < CLFS_ATTR_SLOTS; i++) {
        const clfs_attr *wanted = mask & 1u << i ? &attrs[i] : &before[i];
        CU_ASSERT_EQUAL (after[i].mode, wanted->mode);
        CU_ASSERT_EQUAL (after[i].uid, wanted->uid);
        CU_ASSERT_EQUAL (after[i].gid, wanted->gid);
    }
    clfs_info info;
    CU_ASSERT_EQUAL (clfs_log_create (f.h.store, "b", NULL, attrs), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_peek (f.h.store, "b", &info, after), STATUS_SUCCESS);
    CU_ASSERT (memcmp (after, attrs, sizeof attrs) == 0);
    end (&f);
}

static void
a_failed_log_takes_no_settings (void)
{
    fixture f;
    begin (&f);
    harness_append (f.log, "one");
    clfs_sim_fail (f.h.disk, CLFS_SIM_BARRIER, NULL, 0, 1, STATUS_IO_DEVICE_ERROR);
    CU_ASSERT_EQUAL (clfs_log_flush (f.log, 0, NULL), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_FLUSH_MS, 5), STATUS_LOG_CONTAINER_WRITE_FAILED);
    clfs_attr attrs[CLFS_ATTR_SLOTS] = { 0 };
    CU_ASSERT_EQUAL (clfs_log_set_attrs (f.log, attrs, 1), STATUS_LOG_CONTAINER_WRITE_FAILED);
    CU_ASSERT_EQUAL (clfs_log_recover (f.log), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_log_set (f.log, CLFS_SET_FLUSH_MS, 5), STATUS_SUCCESS);
    end (&f);
}

static const clfs_test tests[] = {
    CLFS_TEST (each_setting_takes_its_range_and_keeps_it_over_a_reopening),
    CLFS_TEST (each_setting_refuses_what_is_out_of_its_range_and_stays),
    CLFS_TEST (a_setting_is_durable_when_it_has_returned),
    CLFS_TEST (a_setting_is_no_append),
    CLFS_TEST (framing_container_size_and_alignment_are_set_until_the_first_append_only),
    CLFS_TEST (a_container_size_is_rounded_up_and_used),
    CLFS_TEST (a_container_larger_than_max_size_is_refused),
    CLFS_TEST (retain_and_container_size_are_refused_together_where_they_do_not_fit),
    CLFS_TEST (with_alignment_4096_every_flush_begins_on_a_page),
    CLFS_TEST (options_out_of_range_make_no_log),
    CLFS_TEST (options_given_at_the_creation_are_the_logs_own),
    CLFS_TEST (attributes_are_set_by_mask_and_stored),
    CLFS_TEST (a_failed_log_takes_no_settings),
};
CLFS_TEST_MAIN (tests)
