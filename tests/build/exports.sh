#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What libclfs.so exports is what its headers declare, and nothing else. Run by `make check`, from the build directory.
set -eu
top_srcdir=${top_srcdir:-.}
library=.libs/libclfs.so
[ -e "$library" ] || { echo 'SKIP exports: built without a shared library'; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

result ()
{
    if [ -s "$work/$2" ]; then
        failed=$((failed + 1))
        echo "FAIL $1:"
        sed 's/^/  /' "$work/$2"
    else
        passed=$((passed + 1))
        echo "ok $1"
    fi
}

# The declarations that have external linkage, as the compiler sees them.
for header in "$top_srcdir"/include/clfs/*.h; do
    ${CC:-cc} -E -P -I"$top_srcdir/include" -fshort-wchar "$header"
done | tr '\n' ' ' | sed 's/[;{}]/&\n/g' |
    sed -n -e '/^ *typedef/d' -e '/static/d' -e '/^ *\(struct\|union\|enum\)[^(]*{/d' \
        -e 's/^[^(]*[ *]\(\(clfs_\|Clfs\|Lsn\)[A-Za-z0-9_]*\) *(.*;$/\1/p' \
        -e 's/^.*extern.*[ *]\(CLFS_LSN_[A-Z]*\) *;$/\1/p' | sort -u > "$work/declared"
nm -D --defined-only "$library" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort -u > "$work/exported"
sed -n 's/^ *\(clfs_[a-z0-9_]*\);$/\1/p' "$top_srcdir/src/libclfs.map" | sort -u > "$work/listed"
grep '^clfs_' "$work/declared" > "$work/declared_own"

grep -vE '^(clfs_|Clfs|Lsn|CLFS_LSN_)' "$work/exported" > "$work/foreign" || true
result only_names_of_the_api_are_exported foreign
comm -13 "$work/declared" "$work/exported" > "$work/undeclared"
result every_export_is_declared_in_a_header undeclared
comm -3 "$work/declared_own" "$work/listed" > "$work/unlisted"
result version_script_lists_what_clfs_h_declares unlisted
comm -23 "$work/declared" "$work/exported" > "$work/missing"
result every_declared_function_is_exported missing
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
