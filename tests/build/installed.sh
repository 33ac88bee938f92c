#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `make install` put under CLFS_PREFIX serves a stranger: pkg-config, headers in C and C++, both libraries, and the example in
# README.md as it stands there. Run by tests/run.sh.
set -u
: "${CLFS_PREFIX:?}" "${CLFS_SRC:?}"
CC=${CC:-cc} CXX=${CXX:-c++}
export PKG_CONFIG_PATH="$CLFS_PREFIX/lib/pkgconfig" LD_LIBRARY_PATH="$CLFS_PREFIX/lib"
warnings='-Wall -Wextra -Werror'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0

# try NAME COMMAND...: the test passes if the command does.
try ()
{
    name=$1
    shift
    if "$@" > out 2>&1; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name:"
        sed 's/^/  /' out
    fi
}

each_header ()
{
    for path in "$CLFS_PREFIX"/include/clfs/*.h; do
        header=$(basename "$path")
        echo "#include <clfs/$header>" > own.c
        echo "#include <$header>" > windows.c
        cp own.c own.cc
        cp windows.c windows.cc
        $CC $warnings -std=c11 -fsyntax-only own.c $(pkg-config --cflags clfs) || return
        $CXX $warnings -std=c++14 -fsyntax-only own.cc $(pkg-config --cflags clfs) || return
        $CC $warnings -std=c11 -fsyntax-only windows.c $(pkg-config --cflags clfs-windows) || return
        $CXX $warnings -std=c++14 -fsyntax-only windows.cc $(pkg-config --cflags clfs-windows) || return
    done
}

windows_program ()
{
    cat > wdm.c <<'END'
#include <wdm.h>
_Static_assert (sizeof (WCHAR) == 2 && sizeof (L"a") == 4, "wide characters have 16 bits");
int
main (void)
{
    CLFS_LSN lsn = CLFS_LSN_NULL;
    return ClfsLsnNull (&lsn) ? 0 : 1;
}
END
    $CC $warnings -o wdm wdm.c $(pkg-config --cflags --libs clfs-windows) && ./wdm
}

# The first block of C in README.md.
readme_example ()
{
    awk '/^```c$/ && !done {inside = 1; next} /^```$/ && inside {inside = 0; done = 1} inside' \
        "$CLFS_SRC/README.md" > example.c
    rm -f example
    grep -q main example.c || return
    case $1 in
        shared) $CC $warnings -o example example.c $(pkg-config --cflags --libs clfs) ;;
        static) $CC $warnings -o example example.c \
            $(pkg-config --cflags clfs) $(pkg-config --static --libs clfs | sed 's/-lclfs/-l:libclfs.a/') ;;
    esac || return
    rm -rf logs
    ./example > lsn || return
    cat lsn
    grep -qxE '0x[0-9a-f]{16}' lsn && [ -s logs/orders.blf ]
}

static_is_static ()
{
    [ -x example ] && ! ldd example | grep -q libclfs
}

try pkg_config_knows_the_version test "$(pkg-config --modversion clfs)" = "$(pkg-config --modversion clfs-windows)"
try each_header_compiles_alone_in_c_and_cxx each_header
try windows_names_compile_and_run windows_program
try readme_example_compiles_and_runs readme_example shared
try readme_example_runs_with_the_static_library readme_example static
try static_program_needs_no_shared_libclfs static_is_static
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
