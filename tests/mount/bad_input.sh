#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What nobody should write, and stores that nobody should have: each gets a clear error, the daemon goes on, nothing is lost.
. "$(dirname "$0")/lib.sh"

mount_store -o max-size=256M || { fail "mount"; finish; }
mkdir "$mnt/log" "$mnt/other" "$mnt/lines"
echo "framing line" > "$mnt/lines/control"
pid=$(daemon_pid)
run_python "$here/bad_commands.py" "$mnt"
run_python "$here/bad_writes.py" "$mnt"
run_python "$here/two_engines.py" "$mnt" "$store" "${CLFS_PREFIX:-}" "${CLFS_BUILD:-}"
is "it is the same daemon as before all that" "$pid" "$(daemon_pid)"
ok "unmount" unmount

run_python "$here/bad_store.py" "$CLFS" "$work/stores"

# ---- in a user namespace of one's own, where the kernel lets us
if unshare -Urm true 2> /dev/null; then
    # shellcheck disable=SC2016
    is "mount, append, flush, read and unmount in a user namespace" "one two ok" "$(timeout -s KILL 60 unshare -Urm bash -c '
        "$1" "$2" "$3" && mkdir "$3/log" && echo one >> "$3/log/records" && echo two | dd oflag=append conv=notrunc,fsync \
            of="$3/log/records" status=none && exec 4<> "$3/log/control" && echo flush >&4 && read -r word _ <&4 && exec 4>&- &&
            echo $(cat "$3/log/records") "$word" && "$1" -u "$3"' - "$CLFS" "$work/namespace" "$mnt" 2>&1)"
else
    echo "no user namespaces here: one test left out"
fi
finish
