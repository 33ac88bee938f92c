#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The parts of tests/run.sh, which calls `tests/parts.sh PART` with
#   WORK            the run's directory; the copy of the sources is WORK/src
#   JOBS            how many compilers at once
#   CLFS_TEST_USER  for the parts that run as root: the unprivileged user of this run; else empty
# A part fails by its exit status or by a line `N passed, N failed`; a line `SKIP what: why` says what it left out.
set -eu -o pipefail

src=$WORK/src

# configure_in DIRECTORY [ARGUMENT...]: configures there, with warnings as errors, and goes there.
configure_in ()
{
    mkdir -p "$WORK/$1"
    cd "$WORK/$1"
    shift
    "$src/configure" --quiet --enable-werror "$@"
}

# check [MAKE-ARGUMENT...]: `make check`, and each test's own output.
check ()
{
    local status=0
    make -s -k -j"$JOBS" check "$@" > check.out 2>&1 || status=$?
    find tests -name '*.log' | sort | while read -r log; do
        echo "== ${log%.log}"
        cat "$log"
    done
    [ "$status" = 0 ] || cat check.out
    return "$status"
}

# run_each SECONDS COMMAND...: runs each command line; one that fails without saying so counts as a failure.
run_each ()
{
    local seconds=$1 command status output all=0
    shift
    output=$(mktemp)
    for command; do
        echo "== $command"
        status=0
        timeout --kill-after=10 "$seconds" bash -c "$command" 2>&1 < /dev/null | tee "$output" || status=$?
        [ "$status" != 124 ] || echo "FAIL $command: stopped after $seconds s"
        if [ "$status" != 0 ]; then
            all=1
            grep -qE '^[0-9]+ passed, 0*[1-9][0-9]* failed$' "$output" || echo "0 passed, 1 failed"
        elif ! grep -qE '^([0-9]+ passed, [0-9]+ failed$|SKIP )' "$output"; then
            echo "1 passed, 0 failed"
        fi
    done
    rm -f "$output"
    return "$all"
}

# programs VARIABLE PATTERN: those of a Makefile variable's programs that match.
programs ()
{
    make -s "print-$1" | tr ' ' '\n' | grep -E "$2" || true
}

# There is nothing of this kind: no test, and nothing skipped either.
nothing ()
{
    echo "there are no $1"
    echo "0 passed, 0 failed"
}

# What scripts that use an installed clfs find in their environment.
export_installed ()
{
    export CLFS=$WORK/prefix/bin/clfs CLFS_PREFIX=$WORK/prefix CLFS_SRC=$src CLFS_BUILD=$WORK/build
    export PKG_CONFIG_PATH=$WORK/prefix/lib/pkgconfig
    export PATH=$WORK/prefix/bin:$PATH:/usr/sbin:/sbin
}

# mount_scripts: the scripts in tests/mount that run as root (argument: root) or do not (argument: user).
mount_scripts ()
{
    local script kind
    for script in "$src"/tests/mount/*; do
        [ -f "$script" ] && [ -x "$script" ] || continue
        kind=user
        if grep -q '^# run as root' "$script"; then kind=root; fi
        [ "$kind" != "$1" ] || echo "$script"
    done
}

# fuse_works: /dev/fuse can be opened; else says so.
fuse_works ()
{
    (exec 3<> /dev/fuse) 2> /dev/null && return
    echo "SKIP $1: /dev/fuse cannot be opened by $(id -un)"
    return 1
}

# ---- the parts ---------------------------------------------------------------------------------

part_build ()
{
    (cd "$src" && autoreconf -fi)
    configure_in build --prefix="$WORK/prefix"
    make -s -j"$JOBS"
    make -s install
}

# Each module that configure.ac asks pkg-config for comes from a package on the list.
part_packages ()
{
    local module file package passed=0 failed=0
    if ! command -v dpkg-query > /dev/null; then
        echo "SKIP packages: not a Debian system"
        return
    fi
    for module in $(sed -nE 's/.*PKG_CHECK_MODULES\(\[[A-Z0-9_]+\], \[([^] ]+).*/\1/p' "$src/configure.ac"); do
        file=$(pkg-config --variable=pcfiledir "$module")/$module.pc
        package=$(dpkg-query -S "$(realpath "$file")" | sed 's/:.*//')
        if grep -qE "^(build|test) $package\$" "$src/tests/packages"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "FAIL $module comes from $package, which tests/packages does not list"
        fi
    done
    echo "$passed passed, $failed failed"
    [ "$passed" -gt 0 ] && [ "$failed" = 0 ]
}

part_unit ()
{
    cd "$WORK/build"
    check
}

# The installed files serve a stranger's program, README.md's example first.
part_installed ()
{
    export_installed
    run_each 120 "$src/tests/build/installed.sh"
}

configure_asan ()
{
    [ -e "$WORK/asan/Makefile" ] || configure_in asan --enable-asan --enable-ubsan --disable-static
    cd "$WORK/asan"
    export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
}

part_asan ()
{
    configure_asan
    check
}

part_tsan ()
{
    local quiet= list
    configure_in tsan --enable-tsan --disable-static --disable-mount
    export TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1 CLFS_TEST_QUICK=1
    # gcc 12's ThreadSanitizer does not know the address layouts of kernels with more randomization.
    if setarch -R true 2> /dev/null; then quiet="setarch -R"; fi
    list=$(programs check_PROGRAMS '^tests/(engine|storage|api)/' | tr '\n' ' ')
    [ -n "$list" ] || { nothing "tests of engine, storage, api"; return; }
    check TESTS="$list" LOG_COMPILER="$quiet"
}

part_valgrind ()
{
    local commands=() program
    cd "$WORK/build"
    make -s -j"$JOBS" check TESTS= > /dev/null
    export CLFS_TEST_QUICK=1 top_srcdir=$src
    # Not those that fork, or fill a file system of their own: valgrind is in their way.
    for program in $(programs check_PROGRAMS '^tests/(build|format|api)/'); do
        commands+=("valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite $program")
    done
    run_each 300 "${commands[@]}"
}

part_clang ()
{
    configure_in clang CC=clang CXX=clang++ --disable-static
    make -s -j"$JOBS"
    make -s -j"$JOBS" check TESTS= > /dev/null
    make -s -j"$JOBS" extra
}

# The switches that leave things out.
part_minimal ()
{
    configure_in minimal --disable-mount --disable-tests --disable-shared
    make -s -j"$JOBS"
}

part_distcheck ()
{
    cd "$WORK/build"
    make -s -j"$JOBS" distcheck DISTCHECK_CONFIGURE_FLAGS="--enable-werror --quiet" && return
    find . -path './clfs-*' -name test-suite.log -exec cat {} +
    return 1
}

# Programs and scripts of tests/crash: simulated disk, a short run each.
part_crash ()
{
    cd "$WORK/build"
    make -s -j"$JOBS" extra
    mapfile -t list < <(programs EXTRA_PROGRAMS '^tests/crash/')
    [ ${#list[@]} -gt 0 ] || { nothing "programs in tests/crash"; return; }
    run_each 300 "${list[@]}"
}

# libFuzzer programs of tests/fuzz, the same inputs each time, or FUZZ_SECONDS each: a build of its own with clang.
part_fuzz ()
{
    if ! echo 'int LLVMFuzzerTestOneInput (const char *d, unsigned long n) { return d && n > 9; }' |
            clang -x c -fsanitize=fuzzer - -o "$WORK/fuzzer-works" 2> /dev/null; then
        echo "SKIP fuzz: no clang with libFuzzer (packages clang, libclang-rt-14-dev)"
        return
    fi
    configure_in fuzz CC=clang CXX=clang++ CFLAGS="-g -O1" --enable-fuzz --enable-asan --enable-ubsan --disable-shared
    mapfile -t list < <(programs EXTRA_PROGRAMS '^tests/fuzz/')
    make -s -j"$JOBS" "${list[@]}"
    run_each $((${FUZZ_SECONDS:-20} + 120)) "${list[@]}"
}

part_mount ()
{
    local scripts
    fuse_works mount || return 0
    export_installed
    mapfile -t scripts < <(mount_scripts user)
    [ ${#scripts[@]} -gt 0 ] || { nothing "scripts in tests/mount"; return; }
    run_each 300 "${scripts[@]}"
}

part_mount_root ()
{
    local scripts
    mapfile -t scripts < <(mount_scripts root)
    [ ${#scripts[@]} -gt 0 ] || { nothing "root scripts in tests/mount"; return; }
    if [ "$(id -u)" != 0 ]; then
        echo "SKIP mount_root: needs root, to have several users"
        return
    fi
    fuse_works mount_root || return 0
    export_installed
    run_each 300 "${scripts[@]}"
}

# From a tree without generated files, as after a clone.
part_quickstart ()
{
    fuse_works quickstart || return 0
    cp -a "$src" "$WORK/quickstart"
    cd "$WORK/quickstart"
    rm -rf configure build-aux m4 aclocal.m4 autom4te.cache Makefile.in
    examples/quickstart.sh
}

"part_$1"
