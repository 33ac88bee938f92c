# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the scripts in tests/mount share. A script sources this, mounts with mount_store, checks with ok/not_ok/is, and ends
# with `finish`. Whatever it left mounted, running or lying about is taken away when it exits, however it exits.
#
#   CLFS          the program (default: the one on PATH)
#   $work         the script's own directory
#   $store, $mnt  a store (not made yet: clfs makes it) and an empty mountpoint
set -u

CLFS=${CLFS:-clfs}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
passed=0 failed=0

if ! (exec 3<> /dev/fuse) 2> /dev/null; then
    echo "SKIP $(basename "$0"): /dev/fuse cannot be opened by $(id -un)"
    echo "0 passed, 0 failed"
    exit 0
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/clfs-test.XXXXXX")
store=$work/store
mnt=$work/mnt
mkdir "$mnt"

# Every clfs mount below $work, the newest first.
mounts ()
{
    awk -v work="$work/" 'index($5, work) == 1 && / - fuse\.clfs / { print $5 }' /proc/self/mountinfo | tac
}

# daemon_pid [MNT]: the pid of the process that serves it.
daemon_pid ()
{
    awk '$1 == "pid" { print $2 }' "${1:-$mnt}/.clfs/version"
}

cleanup ()
{
    local status=$? path job
    trap - EXIT
    cd /
    for job in $(jobs -p); do kill "$job" 2> /dev/null; done
    for path in $(mounts); do
        # A test that failed may have left files open: the daemon is told to go, and takes the mount with it.
        "$CLFS" -u "$path" 2> /dev/null || kill "$(daemon_pid "$path" 2> /dev/null)" 2> /dev/null ||
            fusermount3 -u -z "$path" 2> /dev/null || umount -l "$path" 2> /dev/null
    done
    for _ in $(seq 100); do
        [ -n "$(mounts)" ] || break
        sleep 0.1
    done
    [ -n "$(mounts)" ] || rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# mount_store [OPTION...]: mounts $store on $mnt.
mount_store ()
{
    "$CLFS" "$@" "$store" "$mnt"
}

unmount ()
{
    "$CLFS" -u "${1:-$mnt}"
}

# gone PID: the process has ended (who should have noticed may not have yet).
gone ()
{
    case $(awk '$1 == "State:" { print $2 }' "/proc/$1/status" 2> /dev/null) in '' | Z | X) ;; *) return 1 ;; esac
}

# kill_mount: SIGKILL to the daemon, as a crash would; then the dead mount is taken away.
kill_mount ()
{
    local pid
    pid=$(daemon_pid)
    kill -KILL "$pid"
    wait_until 10 gone "$pid"
    "$CLFS" -u "$mnt"
}

pass ()
{
    passed=$((passed + 1))
    printf 'ok %s\n' "$1"
}

fail ()
{
    failed=$((failed + 1))
    printf 'FAIL %s\n' "$1"
    shift
    [ $# = 0 ] || printf '    %s\n' "$@"
}

# ok NAME COMMAND...: the command succeeds.
ok ()
{
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then pass "$name"; else fail "$name" "$*: status $?" "$out"; fi
}

# not_ok NAME COMMAND...: it fails.
not_ok ()
{
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then fail "$name" "$*: succeeded" "$out"; else pass "$name"; fi
}

# is NAME WANTED GOT: two texts are the same.
is ()
{
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "wanted: $2" "got:    $3"; fi
}

# like NAME PATTERN GOT: the text matches the extended regular expression.
like ()
{
    if printf '%s\n' "$3" | grep -qE -- "$2"; then pass "$1"; else fail "$1" "wanted: $2" "got:    $3"; fi
}

# say_command FILE LINE...: writes the lines to a control file in one go and prints the answers; fails if the write failed.
say_command ()
{
    local file=$1 status=0
    shift
    python3 - "$file" "$@" << 'PYTHON' || status=$?
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
status = 0
try:
    os.write(fd, ''.join(line + '\n' for line in sys.argv[2:]).encode())
except OSError as error:
    status = 1
while True:
    answer = os.read(fd, 65536)
    if not answer:
        break
    sys.stdout.write(answer.decode())
sys.exit(status)
PYTHON
    return "$status"
}

# state FILE KEY: a value of the state.
state ()
{
    awk -v key="$2" '$1 == key { sub(/^[^ ]+ /, ""); print; exit }' "$1"
}

# wait_until SECONDS COMMAND...: until the command succeeds; fails after so many seconds.
wait_until ()
{
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# run_python SCRIPT ARGUMENT...: runs a Python helper that prints `ok ...` and `FAIL ...` lines and `done`, and counts them.
count_lines ()
{
    local line
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in
        'ok '*) passed=$((passed + 1)) ;;
        'FAIL '*) failed=$((failed + 1)) ;;
        esac
    done
}

run_python ()
{
    local out status=0
    out=$(python3 "$@" 2>&1) || status=$?
    count_lines <<< "$out"
    [ "$status" = 0 ] || [ "$status" = 1 ] || fail "$1: ended with status $status"
    # A helper that died in the middle has said less than it should.
    case $out in *"done"*) ;; *) fail "$(basename "$1"): did not come to its end" ;; esac
}

finish ()
{
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
    exit
}
