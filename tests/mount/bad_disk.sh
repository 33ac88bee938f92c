#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A store on a full disk, on a read-only one, and one that is somebody else's: clear errors, nothing lost, and it goes on when it can.
# run as root
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" != 0 ]; then
    echo "SKIP bad_disk.sh: needs root, to mount a small disk"
    finish
fi
disk=$work/disk
mkdir "$disk"
take_disk_away ()
{
    local status=$?
    trap - EXIT
    for path in $(mounts); do "$CLFS" -u "$path" || umount -l "$path"; done
    umount -l "$disk" 2> /dev/null
    (exit "$status")
    cleanup
}
trap take_disk_away EXIT
mount -t tmpfs -o size=6M,mode=777 clfs-test "$disk" || { echo "SKIP bad_disk.sh: no tmpfs can be mounted"; finish; }
store=$disk/store

# refused NAME ERRNO COMMAND...: fails, and says that errno's words.
refused ()
{
    local name=$1 words=$2 out
    shift 2
    if out=$(LC_ALL=C "$@" 2>&1); then fail "$name" "succeeded"; else like "$name" "$words" "$out"; fi
}

# put LOG TEXT [CONV]: one write of TEXT and a newline.
put ()
{
    printf '%s\n' "$2" | dd of="$mnt/$1/records" oflag=append conv=notrunc${3:+,$3} bs=64K iflag=fullblock status=none
}

# ---- full while appending
mount_store -o container-size=512K,max-size=64M || { fail "mount"; finish; }
mkdir "$mnt/log" "$mnt/second"
pid=$(daemon_pid)
put second "second 1" fsync
line=$(head -c 60000 /dev/zero | tr '\0' x)
count=0
while put log "$count $line" 2> "$work/error"; do count=$((count + 1)); done
like "appends to a full disk: ENOSPC" "No space left on device" "$(cat "$work/error")"
is "the log is full" full "$(state "$mnt/log/control" state)"
is "every line that was accepted is there" "$count" "$(grep -c '^[0-9]* x*$' "$mnt/log/records")"
is "in order" "$(seq -s ' ' 0 $((count - 1)) | sed 's/ $//')" "$(cut -d ' ' -f 1 "$mnt/log/records" | xargs)"
ok "what was accepted can be flushed" say_command "$mnt/log/control" flush
is "and is durable" "$count" "$(wc -l < "$mnt/log/durable")"
refused "the next append too: ENOSPC" "No space left" put log "never $line"
ok "a line that fits where the log is goes into the other log" put second "second 2" fsync
head -c 6M /dev/zero > "$disk/filler" 2> /dev/null
refused "mkdir without space: ENOSPC" "No space left" mkdir "$mnt/third"
is "and there is nothing of it" "log second" "$(ls "$mnt" | xargs)"
is "nor in the store" 2 "$(ls "$store" | grep -c '\.blf$')"
refused "add-container without space: ENOSPC" "No space left" bash -c "echo add-container > '$mnt/log/control'"
like "its answer says what to do" "^err ENOSPC .+" "$(say_command "$mnt/log/control" add-container)"
is "the daemon is the same" "$pid" "$(daemon_pid)"
ok "unmount" unmount

# ---- mounting and appending without any space
ok "a store on a full disk is mounted" mount_store
is "and read" "$count" "$(wc -l < "$mnt/log/records")"
# What the last mount gave back of its memory may be room for some more.
while put log "$count $line" 2> "$work/error"; do count=$((count + 1)); done
like "and filled up: ENOSPC" "No space left on device" "$(cat "$work/error")"
if put second "second 3" fsync 2> /dev/null; then third="second 3"; else third=; fi
pid=$(daemon_pid)
kill -KILL "$pid"
wait_until 10 gone "$pid"
ok "after SIGKILL the full disk's store is mounted" mount_store
is "with every line" "$count" "$(wc -l < "$mnt/log/records")"
is "the other log as well" "$(printf '%s\n' "second 1" "second 2" $third | xargs)" "$(xargs < "$mnt/second/records")"

# ---- space comes back
rm "$disk/filler"
mount -o remount,size=20M "$disk"
ok "with space again the log takes appends" put log "$count $line" fsync
is "and is ok" ok "$(state "$mnt/log/control" state)"
ok "mkdir" mkdir "$mnt/third"
ok "an append there" put third "third 1" fsync
is "nothing was lost, nothing came twice" "$(seq -s ' ' 0 "$count" | sed 's/ $//')" "$(cut -d ' ' -f 1 "$mnt/log/records" | xargs)"
ok "unmount" unmount

# ---- a disk that is read-only
mount -o remount,ro "$disk"
out=$("$CLFS" "$store" "$mnt" 2>&1)
is "a read-only disk: status 1" 1 $?
is "one line" 1 "$(printf '%s\n' "$out" | wc -l)"
like "which says it" "read-only|Read-only|-o ro" "$out"
is "nothing is mounted" "" "$(mounts)"
ok "-o ro mounts it" mount_store -o ro
is "and reads" "$((count + 1))" "$(wc -l < "$mnt/log/records")"
refused "an append is refused: EROFS" "Read-only file system" put log never
ok "unmount" unmount
mount -o remount,rw "$disk"

# ---- a disk that becomes read-only under a mount
mount_store
put log "before $line"
if mount -o remount,ro "$disk" 2> /dev/null; then
    refused "a flush then fails" "." put log "while read-only" fsync
    mount -o remount,rw "$disk"
else
    # The open files keep the disk writable: as it should be.
    pass "a disk with a mounted store on it cannot be made read-only"
fi
ok "unmount" unmount

# ---- without fusermount3, as somebody who needs it
user=${CLFS_TEST_USER:-nobody}
install -d -o "$user" "$work/theirs" "$work/theirs/mnt"
chmod 755 "$work"
as_user ()
{
    setpriv --reuid "$user" --regid nogroup --clear-groups "$@"
}
if as_user test -x "$CLFS" && as_user bash -c 'exec 3<> /dev/fuse' 2> /dev/null; then
    out=$(unshare -m bash -c 'mount --bind /dev/null "$(readlink -f "$(command -v fusermount3)")" || exit 99
        exec setpriv --reuid "$1" --regid nogroup --clear-groups "$2" "$3/store" "$3/mnt"' - "$user" "$CLFS" "$work/theirs" 2>&1)
    status=$?
    if [ "$status" = 99 ]; then
        echo "no mount namespace here: one test left out"
    else
        is "without fusermount3: status 1" 1 "$status"
        is "one line" 1 "$(printf '%s\n' "$out" | wc -l)"
        like "which says what is missing" "fusermount3" "$out"
    fi
    install -d -m 700 "$work/closed"
    out=$(as_user "$CLFS" "$work/closed/store" "$work/theirs/mnt" 2>&1)
    is "a store below a directory that is closed to the user: status 1" 1 $?
    like "says so" "^clfs: .*ermission denied" "$out"
    is "in one line" 1 "$(printf '%s\n' "$out" | wc -l)"
else
    echo "$user cannot run $CLFS or open /dev/fuse: some tests left out"
fi
finish
