#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Starting and ending a mount: each refusal is one clear line and a status, each end flushes.
. "$(dirname "$0")/lib.sh"

# refused NAME PATTERN ARGUMENT...: clfs fails, with status $status_wanted, and exactly one line that matches; nothing
# is mounted.
status_wanted=2
refused ()
{
    local name=$1 pattern=$2 out status=0
    shift 2
    out=$("$CLFS" "$@" 2>&1) || status=$?
    if [ "$status" = 0 ]; then
        fail "$name" "succeeded"
    elif [ "$status" != "$status_wanted" ]; then
        fail "$name" "status $status" "$out"
    elif [ "$(printf '%s\n' "$out" | wc -l)" != 1 ]; then
        fail "$name" "more than one line" "$out"
    else
        like "$name" "$pattern" "$out"
    fi
    if [ -n "$(mounts)" ] && [ "$expect_mounted" = no ]; then fail "$name: something is mounted"; fi
}
expect_mounted=no

# ---- arguments
refused "no arguments" "^clfs: STORE and MOUNTPOINT are missing"
refused "no mountpoint" "^clfs: MOUNTPOINT is missing" "$store"
refused "too many arguments" "^clfs: \"c\" is one argument too many" "$store" "$mnt" c
refused "an unknown option" "^clfs: unknown option.*nonsense" -o nonsense "$store" "$mnt"
refused "an unknown flag" "^clfs: unknown option.*-x" -x "$store" "$mnt"
refused "an unknown flag alone" "^clfs: unknown option.*-x" -x
refused "an unknown option alone" "^clfs: unknown option.*bogus" -o bogus
refused "an unknown flag beside -u" "^clfs: unknown option.*-x" -u -x "$mnt"
for option in wait=x wait=-1 wait=99999999 framing=words container-size=x container-size=5G align=100 align=4097 max-size=-1 \
    max-size=1Q max-size=4092G retain=1y retain=0 flush-ms=0 flush-ms=x flush-ms=86400001 flush-threshold=0 flush-threshold=511 \
    flush-threshold=1025M pending-max=1K pending-max=2G; do
    refused "-o $option" "^clfs: -o ${option%%=*}: \"${option#*=}\" is not " -o "$option" "$store" "$mnt"
done
for options in max-size=1 max-size=8388607 container-size=16M,max-size=16777215; do
    refused "-o $options" "^clfs: -o max-size: [0-9]+ is less than one container" -o "$options" "$store" "$mnt"
done
for options in retain=1M retain=16777215 container-size=1025K,retain=3145727; do
    refused "-o $options" "^clfs: -o retain: [0-9]+ is less than two containers" -o "$options" "$store" "$mnt"
done
refused "all without ro" "^clfs: -o all goes with ro" -o all "$store" "$mnt"
refused "-u without a mountpoint" "^clfs: -u wants one mountpoint" -u
for option in max-size=8388608 max-size=4091G max-size=0 container-size=1,max-size=512K,retain=1M retain=16M retain=1s \
    container-size=1025K,retain=3M flush-ms=86400000 flush-threshold=512 flush-threshold=1G pending-max=256K pending-max=1G; do
    ok "a log can be made with $option" bash -c '"$1" -o "$2" "$3" "$4" && { mkdir "$4/log"; made=$?; "$1" -u "$4"; exit $made; }' \
        - "$CLFS" "$option" "$store" "$mnt"
    rm -rf "$store"
done
like "--version" "^clfs [0-9]+\.[0-9]+\.[0-9]+, libfuse 3\." "$("$CLFS" --version)"
help=$("$CLFS" --help)
like "--help" "^usage: clfs " "$help"
page=${CLFS_SRC:-$here/../..}/docs/clfs.1
if [ -f "$page" ]; then
    missing=
    for word in $(printf '%s\n' "$help" | grep -oE '^  (-[-a-zA-Z]+|[a-z-]+=?)' | tr -d ' ='); do
        sed 's/\\-/-/g' "$page" | grep -qE -- "^(\.[A-Z]+ )?.*$word" || missing="$missing $word"
    done
    is "the manual page has every option of --help" "" "$missing"
else
    echo "SKIP the manual page: the sources are not here"
fi

# ---- store and mountpoint
status_wanted=1
refused "a store whose parent is missing" "^clfs: .*nowhere" "$work/nowhere/store" "$mnt"
touch "$work/file"
refused "a store that is a file" "^clfs: store .*not a directory" "$work/file" "$mnt"
refused "a mountpoint that is not there" "^clfs: mountpoint .*nowhere: No such file" "$store" "$work/nowhere"
refused "a mountpoint that is a file" "^clfs: mountpoint .*not a directory" "$store" "$work/file"
touch "$mnt/file"
refused "a mountpoint that is not empty" "^clfs: mountpoint .*not empty" "$store" "$mnt"
rm "$mnt/file"
if [ "$(id -u)" != 0 ]; then
    mkdir "$work/closed"
    chmod 500 "$work/closed"
    refused "a store that cannot be made" "^clfs: .*closed/store.*ermission denied" "$work/closed/store" "$mnt"
    chmod 000 "$work/closed"
    refused "a store without permission" "^clfs: .*closed.*ermission denied" "$work/closed" "$mnt"
    mkdir -m 500 "$work/readable"
    refused "a store that cannot be written" "^clfs: .*readable" "$work/readable" "$mnt"
    chmod 700 "$work/closed"
    rmdir "$work/closed" "$work/readable"
fi
refused "-u of what is not mounted" "^clfs: no store is mounted on" -u "$mnt"
refused "-u of what is not there" "^clfs: no store is mounted on" -u "$work/nowhere"

# ---- two mounts
ok "the store is made by the first mount" mount_store
ok "the mount answers when clfs returns" mkdir "$mnt/log"
pid=$(daemon_pid)
expect_mounted=yes
mkdir "$work/second"
refused "a second mount of the store" "^clfs: .*store.* in use by pid $pid" -o wait=0 "$store" "$work/second"
refused "another store on the same mountpoint" "^clfs: mountpoint .*a store is mounted there" -o wait=0 "$work/other" "$mnt"
printf 'kept\n' >> "$mnt/log/records"
(sleep 1; "$CLFS" -u "$mnt") &
ok "a second mount waits for the first to end" "$CLFS" -o wait=10 "$store" "$work/second"
wait $!
is "and has its records" kept "$(cat "$work/second/log/records")"
ok "a read-only mount beside it" "$CLFS" -o ro "$store" "$mnt"
is "reads what is there" kept "$(cat "$mnt/log/records")"
ok "unmount the read-only one" unmount
ok "unmount the other" unmount "$work/second"
is "nothing is mounted" "" "$(mounts)"
expect_mounted=no

# ---- ends
mount_store
exec 5< "$mnt/log/records"
expect_mounted=yes
refused "-u while a file is open" "^clfs: cannot unmount .*open" -u "$mnt"
is "leaves the mount as it was" kept "$(cat "$mnt/log/records")"
exec 5<&-
pid=$(daemon_pid)
printf 'unterminated' >> "$mnt/log/records"
ok "-u" unmount
ok "returns when the daemon is gone" gone "$pid"
for signal in TERM INT HUP; do
    mount_store
    pid=$(daemon_pid)
    echo "before SIG$signal" >> "$mnt/log/records"
    kill "-$signal" "$pid"
    ok "SIG$signal ends the daemon" wait_until 10 gone "$pid"
    is "and unmounts, SIG$signal" "" "$(mounts)"
done
mount_store
is "what was appended before each is there" "before SIGTERM before SIGINT before SIGHUP" "$(grep -o 'before.*' "$mnt/log/records" | xargs)"
is "each end was a clean one" none "$(state "$mnt/log/control" recovered-cut)"

# ---- a daemon that dies
echo "before SIGKILL" >> "$mnt/log/records"
pid=$(daemon_pid)
kill -KILL "$pid"
wait_until 10 gone "$pid"
ok "after SIGKILL the store mounts on the same mountpoint" mount_store
like "and nothing is missing" "before SIGKILL" "$(tail -n 1 "$mnt/log/records")"
kill_mount && pass "-u takes a dead mount away" || fail "-u takes a dead mount away"
is "nothing is mounted after that" "" "$(mounts)"
again=0
for _ in 1 2 3 4 5 6 7 8; do
    mount_store || break
    kill -KILL "$(daemon_pid)"
    mount_store || break
    again=$((again + 1))
    unmount || break
done
is "a mount at once after SIGKILL takes the place of the one that dies" 8 "$again"
mount_store
pid=$(daemon_pid)
kill -KILL "$pid"
wait_until 10 gone "$pid"
"$CLFS" "$store" "$work/second"
pid=$(daemon_pid "$work/second")
ok "-u of a dead mount does not wait for another mount of the store" timeout 20 "$CLFS" -u "$mnt"
like "which goes on" "before SIGKILL" "$(tail -n 1 "$work/second/log/records")"
ok "and is the same one" test "$(daemon_pid "$work/second")" = "$pid"
unmount "$work/second"
mount_store
ok "a mount waits for the mountpoint" bash -c '(sleep 1; "$1" -u "$2") & "$1" "$3" "$2"' - "$CLFS" "$mnt" "$work/other"
is "and is the new one" "" "$(ls "$mnt")"
unmount
mount_store
(cd "$mnt" && sleep 0.3) &
sleep 0.1
ok "who is in a mount for a moment only does not keep it" "$CLFS" -u "$mnt"
wait $!

# ---- logs that cannot be read: the others mount, and each says what it is
mount_store
for log in zeros random short; do mkdir "$mnt/$log"; done
unmount
size=$(stat -c %s "$store/zeros.blf")
head -c "$size" /dev/zero > "$store/zeros.blf"
head -c "$size" /dev/urandom > "$store/random.blf"
head -c 100 "$store/short.blf" > "$work/short" && cp "$work/short" "$store/short.blf"
ok "a store with damaged logs mounts" mount_store
is "all are listed" "log random short zeros" "$(ls "$mnt" | xargs)"
like "the good one is read" "before SIGKILL" "$(tail -n 1 "$mnt/log/records")"
for log in zeros random short; do
    is "control of $log says that it failed" failed "$(state "$mnt/$log/control" state)"
    like "and why" "$log\.blf" "$(state "$mnt/$log/control" error)"
    not_ok "records of $log cannot be read" cat "$mnt/$log/records"
done
unmount

# ---- foreground, systemd
if command -v python3 > /dev/null; then
    cat > "$work/notify.py" << 'PYTHON'
import os, socket, subprocess, sys
path, clfs, store, mnt = sys.argv[1:]
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(path)
server.settimeout(20)
daemon = subprocess.Popen([clfs, "-f", store, mnt], env=dict(os.environ, NOTIFY_SOCKET=path), stderr=subprocess.PIPE)
ready = server.recv(1000).decode().split("\n")
print("READY=1" in ready, os.path.isdir(mnt + "/log"), any(line.startswith("MAINPID=") for line in ready))
daemon.terminate()
print(server.recv(1000).decode() == "STOPPING=1", daemon.wait(20))
PYTHON
    is "systemd is told when the mount answers and when it ends" "True True True
True 0" "$(python3 "$work/notify.py" "$work/notify.sock" "$CLFS" "$store" "$mnt" 2>&1)"
fi
"$CLFS" -f "$store" "$mnt" 2> "$work/foreground" &
job=$!
ok "-f stays in the foreground" wait_until 10 test -d "$mnt/log"
ok "-u ends it" unmount
wait "$job"
is "with status 0" 0 $?
# ---- what the daemon says
"$CLFS" -f -o framing=line,container-size=512K,max-size=1M,flush-ms=off "$work/small" "$mnt" 2> "$work/said" &
job=$!
wait_until 10 test -d "$mnt/.clfs"
for _ in 1 2 3 4 5; do mkdir "$mnt/.dot" 2> /dev/null; done
said=$(grep -c 'mkdir \.dot: .*dot' "$work/said")
ok "a mkdir that is refused is said, but not each time" test "$said" -ge 1 -a "$said" -le 2
mkdir "$mnt/new
line" 2> /dev/null
mkdir "$mnt/"$'\xff\xfe' 2> /dev/null
like "a name with a newline takes one line" "^clfs: mkdir new line: .*control character" "$(cat "$work/said")"
like "a name that is no UTF-8 is said in UTF-8" "^clfs: mkdir .*not valid UTF-8" "$(cat "$work/said")"
ok "the log is UTF-8" iconv -f UTF-8 -t UTF-8 "$work/said"
mkdir "$mnt/small"
head -c 1000 /dev/zero | tr '\0' x > "$work/line"
echo >> "$work/line"
mv "$mnt/small" "$mnt/.small" 2> /dev/null
like "so is a rename" "^clfs: rename to \.small: .*dot" "$(cat "$work/said")"
while cat "$work/line" >> "$mnt/small/records"; do :; done 2> /dev/null
for _ in 1 2 3; do sleep 0.4; cat "$work/line" >> "$mnt/small/records" 2> /dev/null; done
is "that a log is full is said once" 1 "$(grep -c '^clfs: log small is full: .*max-size' "$work/said")"
echo "base $(state "$mnt/small/control" next)" > "$mnt/small/control"
while cat "$work/line" >> "$mnt/small/records"; do :; done 2> /dev/null
is "and again when it is full again" 2 "$(grep -c '^clfs: log small is full: .*max-size' "$work/said")"
echo "base $(state "$mnt/small/control" next)" > "$mnt/small/control"
is "close(2) of an unterminated line fails once the log is full, and only that" "begun ENOSPC
ended ok" "$(python3 - "$mnt/small/records" << 'PYTHON'
import errno, os, sys
def opened(): return os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
def closed(name, fd):
    try:
        os.close(fd)
        print(name, "ok")
    except OSError as error:
        print(name, errno.errorcode[error.errno])
begun, ended = opened(), opened()
os.write(begun, b"begun")
try:
    while True:
        os.write(ended, b"x" * 2000 + b"\n")
except OSError as error:
    assert error.errno == errno.ENOSPC
closed("begun", begun)
closed("ended", ended)
PYTHON
)"
unmount
wait "$job"

"$CLFS" -s "$store" "$mnt"
is "-s serves with one thread" "before SIGKILL" "$(tail -n 1 "$mnt/log/records")"
ok "also an fsync" sync "$mnt/log/records"
finish
