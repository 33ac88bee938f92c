#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The mounted tree: what is where, what stat says, making, removing and renaming logs, the files beside `records`.
. "$(dirname "$0")/lib.sh"

mount_store || { fail "mount"; finish; }
like "the mount says what it is" "fuse\.clfs" "$(findmnt -n -o FSTYPE "$mnt")"
is "the mount names its store" "$(realpath "$store")" "$(findmnt -n -o SOURCE "$mnt")"
is "the store is its owner's alone" 700 "$(stat -c %a "$store")"
is "a new store has no logs" "" "$(ls -A "$mnt")"

# ---- a log is a directory
(umask 027 && mkdir "$mnt/log")
is "mkdir makes a log" log "$(ls -A "$mnt")"
is "a log has these files" "by-lsn containers control durable index records restart" "$(ls "$mnt/log" | xargs)"
is "mkdir's mode gives the files theirs" \
    "750 directory, 640 records, 640 control, 640 restart, 440 durable, 440 index, 550 by-lsn, 550 containers" \
    "$(cd "$mnt/log" && echo "$(stat -c %a .) directory, $(stat -c '%a %n' records control restart durable index by-lsn \
        containers | paste -sd, | sed 's/,/, /g')")"
mkdir -m 777 "$mnt/open"
is "a wider mode is cut to what a file can do" "666 644 644 444 444" \
    "$(cd "$mnt/open" && stat -c %a records control restart durable index | xargs)"
is "the owner is who made it" "$(id -u) $(id -g)" "$(stat -c '%u %g' "$mnt/log/records")"
is "by-lsn lists nothing" "" "$(ls -A "$mnt/log/by-lsn")"
is "there are no containers before the first append" "" "$(ls -A "$mnt/log/containers")"
is "links: one for a file, subdirectories counted" "1 4" "$(stat -c %h "$mnt/log/records" "$mnt/log" | xargs)"
not_ok "mkdir of a log that is there" mkdir "$mnt/log"
not_ok "rmdir of what is not there" rmdir "$mnt/nothing"
is ".clfs is there" "metrics version" "$(ls "$mnt/.clfs" | xargs)"
like "version says the version" "^version $("$CLFS" --version | sed 's/clfs \([^,]*\),.*/\1/')$" "$(cat "$mnt/.clfs/version")"
is "metrics end as OpenMetrics do" "# EOF" "$(tail -n 1 "$mnt/.clfs/metrics")"
not_ok ".clfs cannot be removed" rmdir "$mnt/.clfs"
not_ok ".clfs cannot be made" mkdir "$mnt/.clfs"
not_ok ".clfs cannot be renamed" mv "$mnt/.clfs" "$mnt/other"

run_python "$here/tree.py" "$mnt"

# ---- sizes and times
printf 'one\ntwo\n' >> "$mnt/log/records"
is "records has the size of what a read gives" 8 "$(stat -c %s "$mnt/log/records")"
is "control and index have size 0 and are read to the end" "0 0" "$(stat -c %s "$mnt/log/control" "$mnt/log/index" | xargs)"
ok "what is allocated is in st_blocks" test "$(stat -c %b "$mnt/log/records")" -gt 0
[ "$(stat -c %Y "$mnt/log/records")" -ge $(($(date +%s) - 5)) ] && pass "mtime is the last append" || fail "mtime is the last append"
is "durable shows what is durable" "" "$(printf 'x' >> "$mnt/log/records"; head -c 0 "$mnt/log/durable")"
echo flush > "$mnt/log/control"
is "durable shows what was flushed" "$(cat "$mnt/log/records")" "$(cat "$mnt/log/durable")"
is "durable has the size of what a read gives" 9 "$(stat -c %s "$mnt/log/durable")"
is "du counts a log once" "$(stat -c %b "$mnt/log/records")" "$(du -s --block-size=512 "$mnt/log" | cut -f 1)"

# ---- index and by-lsn
is "every line of index has 90 bytes" 90 "$(awk '{ print length($0) + 1 }' "$mnt/log/index" | sort -u)"
lsn=$(awk 'END { print $1 }' "$mnt/log/index")
is "by-lsn shows one record" x "$(cat "$mnt/log/by-lsn/$lsn")"
is "by-lsn has the record's size" 1 "$(stat -c %s "$mnt/log/by-lsn/$lsn")"
is "by-lsn takes a decimal LSN" x "$(cat "$mnt/log/by-lsn/$((lsn))")"
not_ok "by-lsn of no record" cat "$mnt/log/by-lsn/0x1ff"
not_ok "by-lsn of no LSN" cat "$mnt/log/by-lsn/word"
is "index is the same through seeks" "$(tail -c 90 "$mnt/log/index")" "$(dd if="$mnt/log/index" bs=90 skip=2 status=none)"

# ---- access survives a remount, inode numbers stay
chmod 600 "$mnt/log/records"
chmod 640 "$mnt/log/control"
inodes=$(stat -c %i "$mnt/log" "$mnt/log/records" "$mnt/log/control" "$mnt/log/by-lsn" | xargs)
is "the same number at each look" "$inodes" "$(stat -c %i "$mnt/log" "$mnt/log/records" "$mnt/log/control" "$mnt/log/by-lsn" | xargs)"
is "all files have numbers of their own" "" "$(find "$mnt" -printf '%i\n' | sort | uniq -d)"
is "listing and stat agree on the numbers" "$(stat -c '%i %n' "$mnt"/* | sed "s|$mnt/||" | sort)" \
    "$(ls -1i "$mnt" | sed 's/^ *//' | sort)"
ok "unmount" unmount
is "after unmounting, the mountpoint is empty again" "" "$(ls -A "$mnt")"
ok "mount again" mount_store
is "inode numbers survive a remount" "$inodes" "$(stat -c %i "$mnt/log" "$mnt/log/records" "$mnt/log/control" "$mnt/log/by-lsn" | xargs)"
is "chmod survives a remount" "600 640" "$(stat -c %a "$mnt/log/records" "$mnt/log/control" | xargs)"
is "the records are there" "$(printf 'one\ntwo\nx')" "$(cat "$mnt/log/records")"

# ---- rename
ok "rename" mv "$mnt/log" "$mnt/renamed"
is "rename keeps the inode numbers" "$inodes" \
    "$(stat -c %i "$mnt/renamed" "$mnt/renamed/records" "$mnt/renamed/control" "$mnt/renamed/by-lsn" | xargs)"
not_ok "the old name is gone" stat "$mnt/log"
exec 4< "$mnt/renamed/records"
not_ok "rename while a file is open" mv "$mnt/renamed" "$mnt/log"
exec 4<&-
ok "rename after it was closed" mv "$mnt/renamed" "$mnt/log"
not_ok "rename onto a log" mv -T "$mnt/log" "$mnt/open"
not_ok "rename into a log" mv "$mnt/log" "$mnt/open/"

# ---- rmdir
not_ok "rmdir of a log with records" rmdir "$mnt/log"
exec 4>> "$mnt/open/records"
not_ok "rmdir while records is open for writing" rmdir "$mnt/open"
exec 4>&-
ok "rmdir of an empty log" rmdir "$mnt/open"
is "it is gone" log "$(ls "$mnt")"
is "and its files are gone from the store" 1 "$(find "$store" -name '*.blf' | wc -l)"
echo "base $(state "$mnt/log/control" next)" > "$mnt/log/control"
ok "rmdir once the base has passed all records" rmdir "$mnt/log"
is "the store has no containers left" "" "$(find "$store" -size +1M)"

# ---- options for new logs, space
ok "unmount once more" unmount
ok "mount with options for new logs" mount_store \
    -o framing=line,container-size=1M,align=4096,max-size=4M,retain=2M,flush-ms=off,flush-threshold=128K,pending-max=512K
mkdir "$mnt/log"
is "mkdir takes them" "line 1048576 4096 4194304 2097152 off 131072 524288" \
    "$(for key in framing container-size align max-size retain flush-ms flush-threshold pending-max; do
        state "$mnt/log/control" $key; done | xargs)"
is "statfs tells of the disk below" "$(stat -f -c %b "$store" | awk '{ print ($1 > 0) }')" "$(stat -f -c %b "$mnt" | awk '{ print ($1 > 0) }')"
is "statfs tells how long a name may be" 200 "$(stat -f -c %l "$mnt")"
finish
