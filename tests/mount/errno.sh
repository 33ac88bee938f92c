#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# `records` answers what ext4 answers for a file with `chattr +a`, with the exceptions that the design names.
. "$(dirname "$0")/lib.sh"

mount_store -o max-size=64M || { fail "mount"; finish; }
mkdir "$mnt/log" "$mnt/empty"
printf 'one\n' >> "$mnt/log/records"

run_python "$here/errno.py" "$mnt/log"

ok "unmount returns success" unmount
mount_store -o ro || { fail "mount -o ro"; finish; }
run_python "$here/errno_read_only.py" "$mnt/log"
finish
