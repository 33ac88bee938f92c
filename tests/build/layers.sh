#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Includes point one way: mount -> include; api -> engine -> storage, format; nobody upward. Run by `make check`.
set -u
cd "${top_srcdir:-.}" || exit 1
passed=0 failed=0

# allow MODULE PATTERN: the modules whose headers MODULE's files may include in quotes.
allow ()
{
    if [ ! -d "src/$1" ]; then return; fi
    wrong=$(grep -nE '^ *# *include *"' -r --include='*.[ch]' "src/$1" | grep -vE "include *\"($2)/" |
        grep -vE 'include *"[^/"]+"')
    if [ -z "$wrong" ]; then
        passed=$((passed + 1))
        echo "ok ${1}_includes_only_what_it_stands_on"
    else
        failed=$((failed + 1))
        echo "FAIL ${1}_includes_only_what_it_stands_on:"
        echo "$wrong" | sed 's/^/  /'
    fi
}

allow format format
allow storage storage
allow engine 'engine|storage|format'
allow api 'api|engine|storage|format'
allow mount mount
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
