#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Builds and tests everything: tests/run.sh [PART...]
#
# As root on Debian it installs what tests/packages lists, makes /dev/fuse usable and does the rest as an unprivileged
# user made for this run; else it says what is missing. It works on a copy of the source tree in a temporary directory and leaves
# nothing behind (KEEP=1: the directory stays, its name is printed). The parts are functions in tests/parts.sh. Logs of parts
# that fail are printed. The last line is `N passed, N failed`; the exit status is 0 if something passed and nothing failed.
# What cannot run here is a SKIP with its reason; with CI=true that is a failure.
set -u -o pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
work= user= lanes=()
# Parts that need root, where there is one, do not give it up: they test with several users.
root_parts=" mount_root quickstart "

say ()
{
    printf '%s\n' "$*"
}

give_up ()
{
    say "run.sh: $*" >&2
    say "0 passed, 1 failed"
    exit 1
}

# ---- what the machine needs ------------------------------------------------------------------

install_packages ()
{
    local missing
    command -v dpkg-query > /dev/null || return 0 # not Debian: configure says what is missing
    missing=$(sed '/^#/d' "$top/tests/packages" | while read -r _ package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || echo "$package"
    done)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        give_up "Debian packages are missing. As root: apt-get install --no-install-recommends" $missing
    fi
    say "installing" $missing
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } \
        > "$work/apt.log" 2>&1 < /dev/null || { cat "$work/apt.log"; give_up "apt-get failed"; }
}

# Where udev runs, /dev/fuse is there for everybody; in a container it may be root's, or not be there at all.
open_fuse ()
{
    [ "$(id -u)" = 0 ] || return 0
    [ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229 2> /dev/null || return 0
    [ "$(stat -c %a /dev/fuse)" != 600 ] || chmod 666 /dev/fuse
}

make_user ()
{
    [ "$(id -u)" = 0 ] || return 0
    user=clfstest$$
    useradd --system --no-create-home --home-dir "$work/home" --shell /bin/bash "$user" || give_up "useradd failed"
}

copy_sources ()
{
    mkdir -p "$work/src" "$work/home" "$work/logs" "$work/tmp"
    (
        cd "$top" || exit 1
        if git -c safe.directory='*' ls-files -co --exclude-standard -z > "$work/files" 2> /dev/null; then
            while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done < "$work/files" |
                tar --null -T - -cf -
        else
            tar --exclude=./.git --exclude='./build*' --exclude='*.o' --exclude='*.lo' --exclude='*.la' --exclude=.libs \
                --exclude=.deps --exclude=./configure --exclude=./Makefile --exclude=./config.status -cf - .
        fi
    ) | tar -xf - -C "$work/src" || give_up "copying the sources failed"
    chmod 755 "$work"
    [ -z "$user" ] || chown -R "$user" "$work/src" "$work/home" "$work/logs" "$work/tmp"
    [ -z "$user" ] || chown "$user" "$work"
}

# ---- cleaning up -----------------------------------------------------------------------------

# Ends a process of this run and all that came of it.
end_tree ()
{
    local child
    for child in $(ps -o pid= --ppid "$1"); do end_tree "$child"; done
    kill "$1" 2> /dev/null
}

clean_up ()
{
    local pid mountpoint
    trap '' INT TERM
    for pid in "${lanes[@]}"; do end_tree "$pid"; done
    awk -v work="$work/" 'index ($2, work) == 1 {print $2}' /proc/mounts | sort -r | while read -r mountpoint; do
        umount -l "$mountpoint" 2> /dev/null || fusermount3 -uz "$mountpoint" 2> /dev/null
    done
    if [ -n "$user" ]; then
        # Every process of this user was started by this run.
        for pid in $(ps -o pid= -u "$user"); do kill -KILL "$pid" 2> /dev/null; done
        sleep 0.2
        userdel "$user" 2> /dev/null
    fi
    if [ -n "${KEEP:-}" ]; then
        say "kept: $work" >&2
    else
        chmod -R u+w "$work" 2> /dev/null # an interrupted distcheck leaves a read-only tree
        rm -rf "$work"
    fi
}

# ---- running parts ---------------------------------------------------------------------------

as_user ()
{
    if [ -n "$user" ]; then
        runuser -u "$user" -- env HOME="$work/home" USER="$user" LOGNAME="$user" "$@"
    else
        "$@"
    fi
}

# Runs one part; writes "passed failed" to its .result and prints one line, after a failure the log too.
run_part ()
{
    local part=$1 log=$work/logs/$1.log start=$SECONDS status=0 passed failed skipped word=ok run=as_user
    case $root_parts in *" $part "*) run= ;; esac
    $run env WORK="$work" TMPDIR="$work/tmp" JOBS="$jobs" CLFS_TEST_USER="$user" \
        timeout --kill-after=10 "${PART_SECONDS:-720}" "$work/src/tests/parts.sh" "$part" > "$log" 2>&1 < /dev/null || status=$?
    [ "$status" != 124 ] || echo "$part: stopped after ${PART_SECONDS:-720} s" >> "$log"
    passed=$(sed -nE 's/^([0-9]+) passed, [0-9]+ failed$/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
    failed=$(sed -nE 's/^[0-9]+ passed, ([0-9]+) failed$/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
    skipped=$(grep -c '^SKIP ' "$log")
    if [ "${CI:-}" = true ]; then failed=$((failed + skipped)); fi
    if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
    # A part that counts nothing, such as a build, is one test.
    if [ "$status" = 0 ] && ! grep -qE '^([0-9]+ passed, [0-9]+ failed$|SKIP )' "$log"; then passed=1; fi
    [ "$failed" = 0 ] || word=FAIL
    echo "$passed $failed" > "$work/logs/$part.result"
    {
        printf '%-4s %-12s %4d passed, %d failed, %d skipped  (%d s)\n' "$word" "$part" "$passed" "$failed" "$skipped" \
            $((SECONDS - start))
        grep '^SKIP ' "$log"
        if [ "$failed" != 0 ]; then
            echo "---- $part: what failed, and the end of its log"
            grep -nE '^(FAIL|[^ ]*: error:|.*(ERROR|WARNING): [A-Za-z]*Sanitizer)' "$log" | head -n 60
            tail -n 150 "$log"
            echo "---- end of $part"
        fi
    } > "$work/logs/$part.said"
    cat "$work/logs/$part.said" # in one piece: another lane may be printing too
    [ "$failed" = 0 ]
}

run_lane ()
{
    local part
    for part; do
        case $wanted in *" $part "*) run_part "$part" ;; esac
    done
}

# ---- main ------------------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/clfs-tests.XXXXXX") || exit 1
trap clean_up EXIT
trap 'exit 130' INT TERM
jobs=$(nproc)
install_packages
open_fuse
make_user
copy_sources
exec < /dev/null

# Two lanes: one mostly waits for mounts and disks, the other one compiles.
first_lane=(packages unit installed mount mount_root crash quickstart)
second_lane=(asan fuzz tsan valgrind minimal clang distcheck)
if [ $# -gt 0 ]; then wanted=" build $* "; else wanted=" build ${first_lane[*]} ${second_lane[*]} "; fi
for part in $wanted; do
    case " build ${first_lane[*]} ${second_lane[*]} " in *" $part "*) ;; *) give_up "no part $part" ;; esac
done
if run_part build; then
    run_lane "${first_lane[@]}" &
    lanes+=($!)
    run_lane "${second_lane[@]}" &
    lanes+=($!)
    wait "${lanes[@]}"
    lanes=()
fi

cat "$work"/logs/*.result | awk -v seconds=$SECONDS '
    {passed += $1; failed += $2}
    END {
        printf "%d s\n%d passed, %d failed\n", seconds, passed, failed
        exit failed > 0 || passed == 0
    }'
