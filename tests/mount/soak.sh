#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every process of a mount is killed with SIGKILL at random moments under eight appenders, and what write(2) accepted is there
# after the next mount. soak.py says what is checked.
#
#   SOAK=1000 tests/mount/soak.sh    so many rounds instead of ROUNDS (30)
#   SECONDS_MAX=600                  no new round after so many seconds
#   SEED=N                           the run with that seed: the same appenders and kills, as far as timing can be the same
. "$(dirname "$0")/lib.sh"

run_python "$here/soak.py" "$CLFS" "$store" "$mnt" "${SOAK:-${ROUNDS:-30}}" "${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}" \
    "${SECONDS_MAX:-0}"
finish
