#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# clfs in a minute: builds it in a temporary directory, mounts a store of logs as an unprivileged user, appends from two programs,
# flushes, follows, kills the daemon, recovers, and leaves nothing behind. Each command is shown before it runs;
# the script fails if one does not do what it says.
#
#     examples/quickstart.sh
#
# As root it first installs the Debian packages that are missing, and gives root up before it mounts.
set -eu -o pipefail

top=$(cd "$(dirname "$0")/.." && pwd)

fail ()
{
    echo "quickstart: $*" >&2
    exit 1
}

# ---- what the unprivileged user does ------------------------------------------------------------

# Shows a command and runs it.
run ()
{
    printf '\n$ %s\n' "$1"
    eval "$1" || fail "that failed"
}

note ()
{
    printf '\n# %s\n' "$*"
}

# same FILE FILE: both hold the same bytes.
same ()
{
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

leave ()
{
    [ -z "${tail_pid:-}" ] || kill "$tail_pid" 2> /dev/null || true
    if grep -q " $PWD/mnt " /proc/mounts; then clfs -u mnt || fusermount3 -uz mnt; fi
}

# Runs in an empty directory that belongs to the user, with clfs in PATH.
demonstrate ()
{
    local web till lsn i

    note "A store of logs, mounted by $(id -un)."
    run 'mkdir mnt'
    run 'clfs logs mnt'
    run 'mkdir mnt/orders'
    run 'echo framing line > mnt/orders/control      # text: each line is a record'
    run 'ls -l mnt/orders'

    note "Two programs append to one log."
    run "seq -f 'web order %g paid' 1000 | tee -a mnt/orders/records > web & web=\$!"
    run "seq -f 'till order %g paid' 1000 | dd oflag=append conv=notrunc status=none of=mnt/orders/records & till=\$!"
    run 'wait $web && wait $till'
    run 'wc -l < mnt/orders/records'
    grep '^web' mnt/orders/records > web.read
    same web web.read
    [ "$(wc -l < mnt/orders/records)" = 2000 ] || fail "there should be 2000 records"

    note "Flush: on return the records are on stable storage."
    run 'echo flush > mnt/orders/control'

    note "Each record has an LSN; a flush can name one, and answers how far the log is durable."
    run "echo 'order 2001 paid' >> mnt/orders/records"
    run 'tail -n 2 mnt/orders/index'
    run "lsn=\$(tail -n 1 mnt/orders/index | cut -d' ' -f1); echo \$lsn"
    run 'exec 3<> mnt/orders/control; echo $lsn >&3; read -r answer durable <&3; echo $answer $durable; exec 3>&-'
    run 'cat mnt/orders/by-lsn/$lsn'
    run 'cat mnt/orders/control'
    grep -q '^state ok$' mnt/orders/control || fail "the log's state should be ok"
    run 'cmp mnt/orders/records mnt/orders/durable && echo all of it is durable'

    note "Following the log, as with any file."
    tail -n 0 -f mnt/orders/records > followed &
    tail_pid=$!
    printf '\n$ %s\n' 'tail -n 0 -f mnt/orders/records > followed &'
    # It follows once it stands at the end.
    for i in $(seq 100); do
        if grep -qs '^pos:.*[1-9]' "/proc/$tail_pid/fdinfo/3"; then break; fi
        sleep 0.05
    done
    run "echo 'order 2002 paid' >> mnt/orders/records"
    for i in $(seq 100); do [ ! -s followed ] || break; sleep 0.1; done
    run 'cat followed'
    grep -qx 'order 2002 paid' followed || fail "tail -f did not show the record"
    kill "$tail_pid"
    wait "$tail_pid" 2> /dev/null || true
    tail_pid=

    note "Accepted and not flushed; then the daemon is killed."
    run "seq -f 'order %g paid' 2003 3000 >> mnt/orders/records"
    cp mnt/orders/records before
    run 'kill -KILL $(cat logs/.mount.lock)'
    for i in $(seq 100); do ls mnt > /dev/null 2>&1 || break; sleep 0.05; done
    run 'ls mnt || true'
    run 'fusermount3 -u mnt'
    run 'clfs logs mnt                               # recovers'
    run 'wc -l < mnt/orders/records'
    same before mnt/orders/records
    echo "nothing that was accepted is gone"

    note "Leaving: returns when everything is flushed and the store is free."
    run 'clfs -u mnt'
    run 'ls -A mnt logs'
}

# ---- what comes first ---------------------------------------------------------------------------

install_packages ()
{
    local missing
    command -v dpkg-query > /dev/null || return 0 # not Debian: configure says what is missing
    missing=$(sed -nE 's/^(build|run) //p' "$top/tests/packages" | while read -r package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || echo "$package"
    done)
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] ||
        fail "packages are missing. As root: apt-get install --no-install-recommends" $missing
    echo "installing" $missing
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } \
        > "$work/apt.log" 2>&1 < /dev/null || { cat "$work/apt.log"; fail "apt-get failed"; }
}

build ()
{
    echo "building in $work"
    {
        cd "$top"
        [ -x configure ] || autoreconf -fi
        mkdir "$work/build"
        cd "$work/build"
        "$top/configure" --prefix="$work/prefix" --disable-tests --disable-static
        make -j"$(nproc)"
        make install
    } > "$work/build.log" 2>&1 || { cat "$work/build.log"; fail "the build failed"; }
}

clean_up ()
{
    [ -z "$made_user" ] || userdel "$made_user"
    rm -rf "$work"
}

work=$(mktemp -d "${TMPDIR:-/tmp}/clfs-quickstart.XXXXXX")
made_user=
trap clean_up EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"
install_packages
build

mkdir "$work/home"
[ -e /dev/fuse ] || fail "there is no /dev/fuse: this kernel, or this container, cannot mount"
if [ "$(id -u)" = 0 ]; then
    if [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
        user=$SUDO_USER
    else
        user=clfsquick$$
        useradd --system --no-create-home --home-dir "$work/home" "$user"
        made_user=$user
    fi
    [ "$(stat -c %a /dev/fuse)" != 600 ] || chmod 666 /dev/fuse # a container without udev
    chown "$user" "$work/home"
    as_user=(runuser -u "$user" --)
else
    as_user=()
fi
# The sources may lie where that user cannot read, so the functions go along.
"${as_user[@]}" env HOME="$work/home" PATH="$work/prefix/bin:$PATH" bash -c "set -eu -o pipefail
    $(declare -f fail run note same leave demonstrate)
    cd '$work/home'
    trap leave EXIT
    demonstrate"
printf '\nquickstart: done in %d s\n' "$SECONDS"
