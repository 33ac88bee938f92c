/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The example of docs/format.md is what the code writes, byte for byte. Where it is not, the test prints what the
 * document should have. */
#include "format/blf.h"
#include "format/block.h"
#include "tests/format/samples.h"
#include "tests/testing.h"

#define CREATED_NS INT64_C (1767225600000000000) /* 2026-01-01 00:00:00 UTC */
#define SECOND_NS INT64_C (1000000000)

/* The log of the example: two data records that are linked, flushed; then a restart area, flushed. */
typedef struct example {
    uint8_t container[1024];
    uint8_t *file;
    clfs_blf_layout layout;
} example;

static void
begin_block (uint8_t *block, const clfs_blf *blf, uint64_t address, uint32_t number)
{
    clfs_block_header *header = (clfs_block_header *) block;

    sample_block_begin (block, 1, address);
    header->log_id = clfs_blf_log_id (blf->guid);
    header->epoch = 1;
    header->sealed_ns = (uint64_t) (CREATED_NS + number * SECOND_NS);
    header->durable_lsn = address;
    header->stream_offset = 0;
    header->previous_checksum = 0;
}

static void
make_example (example *example)
{
    static const uint8_t guid[16] = { 0x3F, 0xC1, 0x07, 0x5A, 0x92, 0x4E, 0x4D, 0xB8,
                                      0xA6, 0x10, 0xE2, 0x77, 0x0B, 0x95, 0x31, 0xCD };
    g_autoptr (clfs_blf) blf = clfs_blf_new ();
    uint8_t *first = example->container, *second = example->container + 512;
    sample_cursor cursor = { 0 };
    uint32_t checksum;
    g_autofree char *name = NULL;

    memcpy (blf->guid, guid, sizeof guid);
    name = g_strdup_printf ("%016" G_GINT64_MODIFIER "x.0000", clfs_blf_log_id (guid));

    begin_block (first, blf, 0, 1);
    ((clfs_block_header *) first)->block_flags = CLFS_BLOCK_CHAIN_START;
    sample_record (first, &cursor, CLFS_TYPE_DATA, CLFS_INVALID_LSN, "order 1 paid\n", 13);
    sample_record (first, &cursor, CLFS_TYPE_DATA, 0x0, "order 2 paid\n", 13);
    checksum = sample_block_seal (first, 1, &cursor);

    cursor = (sample_cursor) { 0 };
    begin_block (second, blf, 0x200, 2);
    ((clfs_block_header *) second)->stream_offset = 26;
    ((clfs_block_header *) second)->previous_checksum = checksum;
    sample_record (second, &cursor, CLFS_TYPE_RESTART, CLFS_INVALID_LSN, "checkpoint", 10);
    checksum = sample_block_seal (second, 1, &cursor);

    blf->ours = true;
    blf->attributes = 0x100;
    blf->flush_threshold_bytes = 1 << 20;
    blf->created_ns = blf->accessed_ns = CREATED_NS;
    blf->appended_ns = CREATED_NS + 2 * SECOND_NS;
    blf->last = 0x400;
    blf->restart = 0x200;
    blf->log_state = 3;
    blf->epoch = 1;
    blf->ext_flags = CLFS_EXT_CLEAN;
    blf->clean_checksum = checksum;
    blf->clean_end = 0x400;
    blf->clean_offset = 26;
    blf->durable = 0x400;
    blf->container_bytes = 524288;
    blf->max_bytes = 1 << 30;
    blf->flush_ms = 1000;
    blf->align_bytes = 512;
    for (int i = CLFS_ATTR_DIRECTORY; i <= CLFS_ATTR_CONTAINERS; i++)
        blf->attrs[i] = (clfs_attr) { i == CLFS_ATTR_DIRECTORY ? 0700 : 0600, 1000, 1000 };
    blf->pending_bytes_max = 16 << 20;
    blf->last_record = 0x200;
    clfs_blf_add_container (blf, name, 524288);
    clfs_blf_layout_for (2, &example->layout);
    example->file = g_malloc (example->layout.file_bytes);
    CU_ASSERT_EQUAL_FATAL (clfs_blf_encode_file (blf, &example->layout, 5, example->file), STATUS_SUCCESS);
}

/* Lines of 16 bytes as `hexdump -C` prints them. Left out are lines of zeros, also where they end with the signature
 * of a sector that is not its block's first or last. */
static void
dump (GString *out, const uint8_t *file, uint32_t offset, uint32_t bytes)
{
    for (uint32_t at = offset; at < offset + bytes; at += 16) {
        const uint8_t *line = file + at;
        bool empty = true;

        for (int i = 0; i < 14; i++)
            empty = empty && line[i] == 0;
        if (empty && ((line[14] == 0 && line[15] == 0) || (at % 512 == 496 && line[14] == 0x10)))
            continue;
        g_string_append_printf (out, "%08x", at);
        for (int i = 0; i < 16; i++)
            g_string_append_printf (out, "%s%02x", i % 8 == 0 ? "  " : " ", line[i]);
        g_string_append (out, "  |");
        for (int i = 0; i < 16; i++)
            g_string_append_c (out, line[i] >= 0x20 && line[i] < 0x7F ? (char) line[i] : '.');
        g_string_append (out, "|\n");
    }
}

/* The document's listing below "### TITLE": what is between the next two lines of three backquotes. g_free; NULL:
 * none. */
static char *
listing (const char *title)
{
    size_t bytes;
    g_autofree uint8_t *document = sample_file ("docs/format.md", &bytes);
    g_autofree char *heading = g_strdup_printf ("\n### %s\n", title);
    const char *start, *end;

    CU_ASSERT_PTR_NOT_NULL_FATAL (document);
    start = strstr ((const char *) document, heading);
    start = start != NULL ? strstr (start, "\n```\n") : NULL;
    if (start == NULL)
        return NULL;
    start += strlen ("\n```\n");
    end = strstr (start, "```\n");
    return end != NULL ? g_strndup (start, (gsize) (end - start)) : NULL;
}

static void
compare (const char *title, const uint8_t *file, uint32_t offset, uint32_t bytes)
{
    g_autoptr (GString) wanted = g_string_new (NULL);
    g_autofree char *found = listing (title);

    dump (wanted, file, offset, bytes);
    CU_ASSERT_STRING_EQUAL (found != NULL ? found : "", wanted->str);
    if (g_strcmp0 (found, wanted->str) != 0)
        printf ("### %s\n\n```\n%s```\n", title, wanted->str);
}

static void
example_of_the_document_is_what_the_code_writes (void)
{
    example example;
    const clfs_blf_layout *layout = &example.layout;

    make_example (&example);
    compare ("The container", example.container, 0, sizeof example.container);
    compare ("The control block", example.file, layout->control_offset[0], 1024);
    compare ("The general block", example.file, layout->general_offset[0], 61 * 512);
    compare ("The scratch block", example.file, layout->scratch_offset[0], 512);
    g_free (example.file);
}

static void
example_is_a_good_log (void)
{
    example example;
    clfs_block_info first, second;
    clfs_blf_report report;
    g_autoptr (clfs_blf) blf = NULL;

    make_example (&example);
    CU_ASSERT_EQUAL_FATAL (clfs_blf_parse (example.file, example.layout.file_bytes, &report, &blf), STATUS_SUCCESS);
    CU_ASSERT_EQUAL (clfs_block_open (example.container, 1024, 0x0, &blf->log_id, &first), CLFS_BLOCK_GOOD);
    CU_ASSERT_EQUAL (clfs_block_open (example.container + 512, 512, 0x200, &blf->log_id, &second), CLFS_BLOCK_GOOD);
    CU_ASSERT_EQUAL (first.stream_offset + first.stream_bytes, second.stream_offset);
    CU_ASSERT_EQUAL (second.previous_checksum, first.checksum);
    CU_ASSERT_EQUAL (blf->clean_checksum, second.checksum);
    CU_ASSERT_EQUAL (blf->clean_offset, second.stream_offset + second.stream_bytes);
    g_free (example.file);
}

static const clfs_test tests[] = {
    CLFS_TEST (example_of_the_document_is_what_the_code_writes),
    CLFS_TEST (example_is_a_good_log),
};

CLFS_TEST_MAIN (tests)
