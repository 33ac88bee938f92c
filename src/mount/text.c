/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text.h"

#include <string.h>
#include <time.h>

static bool
parse_hex (const char *text, size_t bytes, size_t digits_max, uint64_t *out)
{
    uint64_t value = 0;

    if (bytes == 0 || bytes > digits_max)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        int digit = g_ascii_xdigit_value (text[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t) digit;
    }
    *out = value;
    return true;
}

static bool
parse_lsn_parts (const char *text, size_t bytes, clfs_lsn_t *out)
{
    const char *first, *second;
    uint64_t container, block, record;

    first = memchr (text, ':', bytes);
    if (first == NULL)
        return false;
    second = memchr (first + 1, ':', bytes - (size_t) (first + 1 - text));
    if (second == NULL)
        return false;
    if (!parse_hex (text, (size_t) (first - text), 8, &container)
        || !parse_hex (first + 1, (size_t) (second - first - 1), 8, &block)
        || !parse_hex (second + 1, bytes - (size_t) (second + 1 - text), 8, &record))
        return false;
    if (block % CLFS_SECTOR_BYTES != 0 || record >= CLFS_BLOCK_RECORDS_MAX)
        return false;
    *out = clfs_lsn_make ((uint32_t) container, (uint32_t) block, (uint32_t) record);
    return true;
}

bool
clfs_text_parse_lsn (const char *text, size_t bytes, clfs_lsn_t *out)
{
    if (bytes > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return parse_hex (text + 2, bytes - 2, 16, out);
    if (bytes > 0 && memchr (text, ':', bytes) != NULL)
        return parse_lsn_parts (text, bytes, out);
    return clfs_text_parse_number (text, bytes, out);
}

bool
clfs_text_parse_number (const char *text, size_t bytes, uint64_t *out)
{
    uint64_t value = 0;

    if (bytes == 0)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if (!g_ascii_isdigit (text[i]) || !g_uint64_checked_mul (&value, value, 10)
            || !g_uint64_checked_add (&value, value, (uint64_t) (text[i] - '0')))
            return false;
    }
    *out = value;
    return true;
}

/* Splits "10GiB" into 10 and "GiB". */
static bool
parse_with_unit (const char *text, size_t bytes, uint64_t *number, const char **unit, size_t *unit_bytes)
{
    size_t digits = 0;

    while (digits < bytes && g_ascii_isdigit (text[digits]))
        digits++;
    *unit = text + digits;
    *unit_bytes = bytes - digits;
    return clfs_text_parse_number (text, digits, number);
}

bool
clfs_text_parse_size (const char *text, size_t bytes, uint64_t *out)
{
    static const char units[] = "KMGT";
    const char *unit, *found;
    size_t unit_bytes;
    uint64_t number;

    if (!parse_with_unit (text, bytes, &number, &unit, &unit_bytes))
        return false;
    if (unit_bytes > 0) {
        found = memchr (units, unit[0] == 'k' ? 'K' : unit[0], sizeof units - 1);
        if (found == NULL || !(unit_bytes == 1 || (unit_bytes == 3 && memcmp (unit + 1, "iB", 2) == 0)))
            return false;
        if (!g_uint64_checked_mul (&number, number, UINT64_C (1) << (10 * (found - units + 1))))
            return false;
    }
    *out = number;
    return true;
}

bool
clfs_text_parse_age (const char *text, size_t bytes, uint64_t *out)
{
    const char *unit;
    size_t unit_bytes;
    uint64_t number, seconds;

    if (!parse_with_unit (text, bytes, &number, &unit, &unit_bytes) || unit_bytes != 1)
        return false;
    switch (unit[0]) {
    case 's':
        seconds = 1;
        break;
    case 'm':
        seconds = 60;
        break;
    case 'h':
        seconds = 3600;
        break;
    case 'd':
        seconds = 86400;
        break;
    case 'w':
        seconds = 7 * 86400;
        break;
    default:
        return false;
    }
    return g_uint64_checked_mul (out, number, seconds);
}

void
clfs_text_append_lsn (GString *out, clfs_lsn_t lsn)
{
    if (lsn == CLFS_INVALID_LSN)
        g_string_append (out, "none");
    else
        g_string_append_printf (out, "0x%016" G_GINT64_MODIFIER "x", lsn);
}

void
clfs_text_append_line (GString *out, const char *text)
{
    for (; *text != '\0'; text++)
        g_string_append_c (out, (unsigned char) *text < 0x20 || *text == 0x7f ? ' ' : *text);
}

void
clfs_text_append_time (GString *out, int64_t time_ns)
{
    time_t seconds = (time_t) (time_ns / G_GINT64_CONSTANT (1000000000));
    int64_t rest = time_ns % G_GINT64_CONSTANT (1000000000);
    char text[32];
    struct tm parts;

    /* A foreign or damaged block may hold any number; the width stays. */
    if (time_ns < 0 || gmtime_r (&seconds, &parts) == NULL) {
        g_string_append (out, "1970-01-01T00:00:00.000000000Z");
        return;
    }
    strftime (text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    g_string_append_printf (out, "%s.%09" G_GINT64_MODIFIER "dZ", text, rest);
}
