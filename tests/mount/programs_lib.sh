# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the scripts programs_*.sh share. Each program does the same to a plain file and to the `records` of a log of its own, in
# both framings; then the two hold the same bytes, also in `durable` after a flush and after the next mount.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

plain=$work/plain # plain/LOG is what mnt/LOG/records must hold
mkdir "$plain"

# for_each_framing FUNCTION: calls it with `framing` set to write, and to line.
for_each_framing ()
{
    for framing in write line; do "$@"; done
}

# new_log NAME: a log for the framing in use, and its plain file; sets `log`, `records` and `file`.
new_log ()
{
    log=$1-$framing
    records=$mnt/$log/records
    file=$plain/$log
    mkdir "$mnt/$log" && echo "framing $framing" > "$mnt/$log/control" && : > "$file" || fail "$log: mkdir"
}

# has_bytes FILE COUNT: at least so many.
has_bytes ()
{
    [ "$(stat -c %s "$1")" -ge "$2" ]
}

# holds_the_same WHAT: the log in use holds what its plain file holds, once the last close has come through.
holds_the_same ()
{
    if ! [ -s "$file" ]; then
        fail "$1 ($framing): nothing was written to the plain file"
    elif wait_until 10 cmp -s "$file" "$records"; then
        pass "$1 ($framing)"
    else
        fail "$1 ($framing)" "$(stat -c '%n: %s bytes' "$file" "$records")" "$(cmp "$file" "$records" 2>&1)"
    fi
}

# appends NAME WHAT COMMANDS: the shell commands, which append to "$F", put the same into a plain file and into a new log.
appends ()
{
    local one two=0 said
    new_log "$1"
    said=$(F=$file bash -c "$3" 2>&1) && one=0 || one=$?
    said=$said$'\n'$(F=$records bash -c "$3" 2>&1) && two=0 || two=$?
    if [ "$one" != 0 ] || [ "$two" != 0 ]; then
        fail "$2 ($framing)" "status $one with a plain file, $two with a log" "$said"
    else
        holds_the_same "$2"
    fi
}

# refused WHAT COMMANDS: they fail on a log's "$F", with EPERM's message; the log stays as it is.
refused ()
{
    local before said
    before=$(cksum < "$records")
    if said=$(F=$records bash -c "$2" 2>&1); then
        fail "$1 is refused ($framing)" "it succeeded" "$said"
    else
        like "$1 is refused with EPERM ($framing)" 'Operation not permitted|EPERM' "$said"
    fi
    is "$1 changes nothing ($framing)" "$before" "$(cksum < "$records")"
}

# all_there WHEN: every log holds its plain file's bytes.
all_there ()
{
    local one wrong=
    for one in "$plain"/*; do
        one=$(basename "$one")
        cmp -s "$plain/$one" "$mnt/$one/records" || wrong="$wrong $one"
        [ -z "${2:-}" ] || cmp -s "$plain/$one" "$mnt/$one/$2" || wrong="$wrong $one/$2"
    done
    is "every byte of $(find "$plain" -type f | wc -l) logs is there $1" "" "$wrong"
}

# The end of such a script.
finish_programs ()
{
    local one
    for one in "$mnt"/*; do echo flush > "$one/control" || fail "flush of $one"; done
    all_there "after a flush" durable
    ok "unmount" unmount
    ok "mount again" mount_store
    all_there "after the next mount"
    finish
}
