#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The grammar of `control`, its answers and its state, from shells, Python and C.
. "$(dirname "$0")/lib.sh"

mount_store || { fail "mount"; finish; }
mkdir "$mnt/log"
control=$mnt/log/control

# ---- shells: the answer is read with `read`, and nothing of the next one is lost
for shell in bash dash "busybox sh"; do
    if ! command -v "${shell%% *}" > /dev/null; then
        echo "SKIP answers in $shell: not installed"
        continue
    fi
    # shellcheck disable=SC2016
    answer=$($shell -c '
        exec 3<> "$1"
        echo "append from a shell" >&3; read -r ok first <&3
        echo flush >&3; read -r ok2 lsn <&3
        printf "flush\n0x0\n" >&3; read -r ok3 lsn3 <&3; read -r ok4 lsn4 <&3
        echo nonsense >&3 2> /dev/null; read -r err name text <&3
        read -r more <&3 && echo "more: $more"
        echo "$ok $ok2 $ok3 $ok4 $err $name"
        [ "$lsn" = "$lsn3" ] && [ "$lsn" = "$lsn4" ] && echo same
    ' shell "$control" 2> /dev/null)
    is "$shell reads each answer once, in order" "ok ok ok ok err EINVAL
same" "$answer"
    # shellcheck disable=SC2016
    is "$shell reads the state line by line" "state base last next durable-below" "$($shell -c '
        n=0; while read -r key value; do [ $n -lt 5 ] && printf "%s " "$key"; n=$((n + 1)); done < "$1"
    ' shell "$control" | sed 's/ $//')"
done

echo flush > "$control"
is "a redirection with > writes a command" 0 $?
not_ok "a bad command makes the redirection's write fail" bash -c 'echo nonsense > "$1"' - "$control"
like "a reader that has written nothing reads the state" "^state ok" "$(head -n 1 "$control")"

for command in nonsense "flush 0xffffff" "flush x" "base 0x1ffffff" "base x" "archive-tail 0x0" "policy a b" "max-size 1" "retain 1" "retain 1M" \
    "remove-container none" "remove-container x/y force" "add-container 0" "add-container 1024" "container-size 0" "container-size 5G" \
    "pending-max 1" "flush-ms 99999999999" "framing words" "align 1" "flush-threshold 1"; do
    answer=$(say_command "$control" "$command")
    like "$command is refused in words" "^err E[A-Z0-9]+ .*[a-z]{2}.* " "$answer"
    case $answer in *STATUS_*) fail "and without a status name" "$answer" ;; esac
done

# ---- C: the ioctl for the last LSN
cat > "$work/lsn.c" << 'C'
#include <clfs/fd.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
int
main (int argc, char **argv)
{
    int fd = open (argv[1], O_WRONLY | O_APPEND), control = open (argv[2], O_RDWR);
    clfs_lsn_t none, lsn;
    char line[64];
    ssize_t got;
    if (argc != 3 || fd < 0 || control < 0 || clfs_fd_last_lsn (fd, &none) != 0 || write (fd, "from C\n", 7) != 7
        || clfs_fd_last_lsn (fd, &lsn) != 0)
        return 1;
    snprintf (line, sizeof line, "0x%016" PRIx64 "\n", lsn);
    if (write (control, line, 19) != 19 || (got = read (control, line, sizeof line)) <= 0)
        return 1;
    printf ("%s 0x%016" PRIx64 " %s %d\n", none == CLFS_INVALID_LSN ? "none" : "some", lsn,
            got == 22 && line[0] == 'o' && line[21] == '\n' ? "ok" : "bad", (int) clfs_fd_last_lsn (control, &lsn) < 0);
    return 0;
}
C
if command -v "${CC:-cc}" > /dev/null && [ -n "${CLFS_PREFIX:-}" ]; then
    ok "a C program compiles against fd.h" "${CC:-cc}" -I"$CLFS_PREFIX/include" "$work/lsn.c" -o "$work/lsn" \
        -L"$CLFS_PREFIX/lib" -lclfs -Wl,-rpath,"$CLFS_PREFIX/lib"
    is "a C program learns its record's LSN and flushes up to it" "none $(state "$control" next) ok 1" \
        "$("$work/lsn" "$mnt/log/records" "$control")"
else
    echo "SKIP control in C: no compiler, or CLFS_PREFIX is not set"
fi

run_python "$here/control.py" "$mnt"

ok "unmount" unmount
finish
