#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Many opens of one log: their fsyncs wait together, their locks exclude one another, and nothing of them piles up.
# OPENS=100000 opens and closes that often.
. "$(dirname "$0")/lib.sh"

# The barrier of the store is held while $GATE is there; each one adds a byte to $GATE.count.
export GATE=$work/gate
cat > "$work/gate.c" << 'SOURCE'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
fdatasync (int fd)
{
    int (*really) (int) = (int (*) (int)) dlsym (RTLD_NEXT, "fdatasync");
    const char *gate = getenv ("GATE");
    char name[4096];
    int count;

    snprintf (name, sizeof name, "%s.count", gate);
    count = open (name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (count < 0 || write (count, "x", 1) != 1)
        abort ();
    close (count);
    while (access (gate, F_OK) == 0)
        usleep (2000);
    return really (fd);
}
SOURCE
cc -shared -fPIC -o "$work/gate.so" "$work/gate.c" -ldl || { fail "cc"; finish; }

LD_PRELOAD=$work/gate.so mount_store -o flush-ms=off || { fail "mount"; finish; }
mkdir "$mnt/log"
echo first >> "$mnt/log/records"
echo flush > "$mnt/log/control"
run_python "$here/waiting.py" "$mnt" "$GATE"
run_python "$here/locks.py" "$mnt/log/records" "$mnt"
ok "unmount" unmount

# Without the gate's file, which would be counted as memory of the daemon.
mount_store || { fail "mount again"; finish; }
run_python "$here/opens.py" "$mnt" "${OPENS:-20000}"
finish
