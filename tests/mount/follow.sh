#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Following a log while its base moves a hundred times and its containers are used again: nothing comes twice, nothing is missed.
. "$(dirname "$0")/lib.sh"

mount_store -o container-size=512K,max-size=4M || { fail "mount"; finish; }
for framing in write line; do
    mkdir "$mnt/$framing"
    echo "framing $framing" > "$mnt/$framing/control"
    run_python "$here/follow.py" "$mnt/$framing" "$work" "${MOVES:-100}"
done
finish
