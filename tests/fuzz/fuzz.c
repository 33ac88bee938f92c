/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "format/signature.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void
fuzz_broken (const char *file, int line, const char *condition)
{
    fprintf (stderr, "%s:%d: broken: %s\n", file, line, condition);
    abort ();
}

uint64_t
fuzz_take (fuzz_input *input, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && input->bytes > 0; i++) {
        value |= (uint64_t) *input->data << (8 * i);
        input->data++;
        input->bytes--;
    }
    return value;
}

size_t
fuzz_take_patch (fuzz_input *input, uint8_t *to, size_t room)
{
    size_t offset = room == 0 ? 0 : fuzz_take (input, 3) % room;
    size_t bytes = fuzz_take (input, 1);

    bytes = MIN (MIN (bytes, room - offset), input->bytes);
    if (bytes > 0)
        memcpy (to + offset, input->data, bytes);
    input->data += bytes;
    input->bytes -= bytes;
    return offset;
}

uint8_t *
fuzz_copy (const void *from, size_t bytes)
{
    uint8_t *copy = g_malloc (MAX (bytes, 1));

    if (bytes > 0)
        memcpy (copy, from, bytes);
    return copy;
}

void
fuzz_touch (const void *data, size_t bytes)
{
    unsigned sum = 0;

    for (size_t i = 0; i < bytes; i += 16)
        sum += ((const uint8_t *) data)[i];
    if (bytes > 0)
        sum += ((const uint8_t *) data)[bytes - 1];
    __asm__ volatile ("" : : "r" (sum));
}

bool
fuzz_seal (uint8_t *block, size_t room, uint8_t kind)
{
    clfs_block_header *header = (clfs_block_header *) block;
    uint32_t sectors, array;

    if (room < CLFS_SECTOR_BYTES)
        return false;
    sectors = header->total_sectors;
    array = header->signatures_offset;
    if (sectors == 0 || sectors > room / CLFS_SECTOR_BYTES || array < CLFS_BLOCK_HEADER_BYTES || array % 2 != 0
        || (uint64_t) array + 2 * sectors > (uint64_t) sectors * CLFS_SECTOR_BYTES)
        return false;
    clfs_signature_save (block, sectors, array);
    clfs_signature_write (block, sectors, kind, header->usn);
    header->checksum = clfs_signature_checksum (block, sectors);
    return true;
}

void
fuzz_fix_records (uint8_t *block, size_t room)
{
    clfs_block_header *header = (clfs_block_header *) block;
    uint32_t offset = CLFS_BLOCK_HEADER_BYTES, limit = header->signatures_offset, seed = 0, count = 0;

    if (limit > room)
        return;
    for (; offset <= limit && limit - offset >= CLFS_RECORD_HEADER_BYTES && count < CLFS_BLOCK_RECORDS_MAX; count++) {
        clfs_record_header *record = (clfs_record_header *) (block + offset);

        if (record->bytes < CLFS_RECORD_HEADER_BYTES || record->bytes > limit - offset)
            break;
        seed = record->checksum = clfs_record_checksum (seed, record, block + offset + CLFS_RECORD_HEADER_BYTES,
                                                        record->bytes - CLFS_RECORD_HEADER_BYTES);
        offset += (record->bytes + 7) & ~7u;
    }
    header->record_count = (uint16_t) count;
}

void
fuzz_quiet (int level, const char *line, void *data)
{
    (void) level;
    (void) line;
    (void) data;
}

/* What was freed is kept from reuse so long; the sanitizer's 256 MiB cost more time here than they find. */
const char *__asan_default_options (void);

const char *
__asan_default_options (void)
{
    return "quarantine_size_mb=16";
}

/* ---- running --------------------------------------------------------------------------------- */

static char *
corpus_files (const char *name)
{
    g_autofree char *path = g_build_filename (FUZZ_SOURCE, "tests", "fuzz", "corpus", name, NULL);
    g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
    GString *all = g_string_new ("-seed_inputs=");
    const char *entry;

    while (dir != NULL && (entry = g_dir_read_name (dir)) != NULL)
        g_string_append_printf (all, "%s%s/%s", all->str[all->len - 1] == '=' ? "" : ",", path, entry);
    if (all->str[all->len - 1] == '=') {
        fprintf (stderr, "%s: no corpus in %s\n", name, path);
        exit (1);
    }
    return g_string_free (all, FALSE);
}

/* Says how to run a failing input again, and shows it: the directory may be gone by the time somebody looks. */
static void
tell_failure (const char *program, const char *file)
{
    g_autofree char *contents = NULL;
    size_t bytes;

    printf ("replay: %s %s\n", program, file);
    if (g_file_get_contents (file, &contents, &bytes, NULL)) {
        g_autofree char *text = g_base64_encode ((const guchar *) contents, bytes);
        printf ("the input in base64: %s\n", text);
    }
}

/* Passes on what libFuzzer says, but for its lines about new inputs and the dictionary that it found. */
static void
filter (FILE *from)
{
    char *line = NULL;
    size_t room = 0;

    while (getline (&line, &room, from) > 0)
        if ((line[0] != '#' && line[0] != '"') || strstr (line, "INITED") != NULL || strstr (line, "DONE") != NULL)
            fputs (line, stdout);
    free (line);
}

static void
supervise (const char *program, const char *name, const char *input_file, pid_t child, FILE *output)
{
    int status;
    pid_t ended;

    filter (output);
    while ((ended = waitpid (child, &status, 0)) < 0 && errno == EINTR)
        continue;
    if (ended == child && WIFEXITED (status) && WEXITSTATUS (status) == 0) {
        printf ("1 passed, 0 failed\n");
        fflush (stdout);
        _exit (0);
    }
    printf ("FAIL %s\n", name);
    if (access (input_file, F_OK) == 0)
        tell_failure (program, input_file);
    printf ("0 passed, 1 failed\n");
    fflush (stdout);
    _exit (1);
}

/* About ten seconds of each. */
static unsigned
default_runs (const char *name)
{
    static const struct {
        const char *name;
        unsigned runs;
    } all[] = { { "fuzz_blf", 8000 }, { "fuzz_block", 300000 }, { "fuzz_control", 2000 }, { "fuzz_log", 800 } };
    for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
        if (strstr (name, all[i].name) != NULL)
            return all[i].runs;
    return 1000;
}

static void
run_by_default (int *argc, char ***argv)
{
    const char *seconds = g_getenv ("FUZZ_SECONDS");
    const char *seed = g_getenv ("FUZZ_SEED");
    const char *program = (*argv)[0];
    g_autofree char *name = g_path_get_basename (program);
    g_autofree char *here = g_get_current_dir ();
    g_autofree char *input_file = g_strdup_printf ("%s/%s.failed", here, name);
    GPtrArray *arguments = g_ptr_array_new ();
    g_autofree char *words = g_strdup_printf ("%s/tests/fuzz/%s.dict", FUZZ_SOURCE, name);
    int ends[2];
    pid_t child;

    g_ptr_array_add (arguments, g_strdup (program));
    if (seconds != NULL) {
        g_ptr_array_add (arguments, g_strdup_printf ("-max_total_time=%s", seconds));
    } else {
        /* The same inputs at each run: a test that finds something new each day tells nothing of today's change. */
        g_ptr_array_add (arguments, g_strdup_printf ("-runs=%u", default_runs (name)));
        g_ptr_array_add (arguments, g_strdup ("-max_total_time=60"));
    }
    if (seed != NULL || seconds == NULL)
        g_ptr_array_add (arguments, g_strdup_printf ("-seed=%s", seed != NULL ? seed : "1"));
    else
        g_ptr_array_add (arguments, g_strdup_printf ("-seed=%u", (unsigned) time (NULL) ^ (unsigned) getpid ()));
    g_ptr_array_add (arguments, g_strdup ("-timeout=20"));
    g_ptr_array_add (arguments, g_strdup ("-rss_limit_mb=1536"));
    g_ptr_array_add (arguments, g_strdup ("-max_len=2048"));
    g_ptr_array_add (arguments, g_strdup ("-len_control=0"));
    g_ptr_array_add (arguments, g_strdup ("-print_final_stats=1"));
    g_ptr_array_add (arguments, g_strdup_printf ("-exact_artifact_path=%s", input_file));
    if (access (words, R_OK) == 0)
        g_ptr_array_add (arguments, g_strdup_printf ("-dict=%s", words));
    g_ptr_array_add (arguments, corpus_files (name));
    *argc = (int) arguments->len;
    g_ptr_array_add (arguments, NULL);
    *argv = (char **) g_ptr_array_free (arguments, FALSE);

    unlink (input_file);
    fflush (NULL);
    if (pipe (ends) != 0 || (child = fork ()) < 0) {
        perror (name);
        exit (1);
    }
    if (child != 0) {
        close (ends[1]);
        supervise (program, name, input_file, child, fdopen (ends[0], "r"));
    }
    close (ends[0]);
    dup2 (ends[1], STDERR_FILENO);
    dup2 (ends[1], STDOUT_FILENO);
    close (ends[1]);
}

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
    if (*argc == 1)
        run_by_default (argc, argv);
    fuzz_prepare ();
    return 0;
}
