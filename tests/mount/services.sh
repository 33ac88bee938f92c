#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run as root: docs/services.md, line by line, with several users.
#
# All of it happens in a mount namespace with its own /etc, /var/lib, /var/backups, /run and /srv, so the machine stays as it is. systemctl is a
# stand-in that starts what the unit files say (programs/systemctl).
if [ -z "${CLFS_TEST_NAMESPACE:-}" ]; then
    if ! unshare -m --propagation private true 2> /dev/null; then
        echo "SKIP services.sh: this root may not make a mount namespace"
        echo "0 passed, 0 failed"
        exit 0
    fi
    CLFS_TEST_NAMESPACE=1 exec unshare -m --propagation private "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

export SYSTEMCTL=$work/systemctl RSYSLOG_SOCKET=/run/test-syslog
guide=$here/../../docs/services.md
mnt=/srv/log

services_end ()
{
    local status=$?
    trap - EXIT
    cd /
    for unit in nginx rsyslog clfs; do systemctl stop "$unit" > /dev/null 2>&1; done
    "$CLFS" -u /srv/log 2> /dev/null
    (exit "$status")
    cleanup
}
trap services_end EXIT

# ---- a machine of its own ----------------------------------------------------------------------

mkdir "$work/bin" "$work/etc" "$SYSTEMCTL"
cp -a /etc/. "$work/etc"
chmod 755 "$work" "$work/etc"
mount --bind "$work/etc" /etc
for directory in /var/lib /var/backups /srv /run; do mount -t tmpfs -o mode=755 tmpfs "$directory"; done
mkdir -p /var/lib/nginx /var/spool/rsyslog
mkdir -p "$work/local/bin"
ln -s "$CLFS" "$work/local/bin/clfs"
mount --bind "$work/local" /usr/local
install -m 755 "$here/programs/systemctl" "$work/bin/systemctl"
PATH=$work/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
sed -i '/^user_allow_other/d' /etc/fuse.conf
rm -rf /etc/rsyslog.d /etc/nginx/conf.d /etc/nginx/sites-enabled
mkdir -p /etc/rsyslog.d /etc/nginx/conf.d
# Debian's, with a socket of our own instead of /dev/log and the kernel.
cat > /etc/rsyslog.conf << CONFIG
global(workDirectory="/var/spool/rsyslog")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$RSYSLOG_SOCKET" RateLimit.Interval="0")
\$IncludeConfig /etc/rsyslog.d/*.conf
CONFIG
mkdir -p /srv/www
echo hello > /srv/www/index.html
cat > /etc/nginx/nginx.conf << 'CONFIG'
user www-data;
worker_processes 2;
pid /run/nginx.pid;
error_log /run/nginx.error;
events { worker_connections 64; }
http {
    include /etc/nginx/conf.d/*.conf;
    server { listen unix:/run/nginx.socket; root /srv/www; keepalive_requests 1000; }
}
CONFIG

# ---- the guide's blocks -------------------------------------------------------------------------

mkdir "$work/guide"
# Numbered in their order: N.sh is to be run; N.file is to be written to the path in N.path, that of the line before the block.
awk -v out="$work/guide" '
    /^```/ && inside { inside = 0; next }
    /^```/ {
        n++; inside = 1; kind = substr($0, 4)
        base = sprintf("%s/%02d", out, n)
        file = kind == "sh" ? base ".sh" : kind == "console" ? "/dev/null" : base ".file"
        if (file ~ /file$/) { print path > (base ".path"); close(base ".path") }
        printf "" > file
        next
    }
    inside { print > file; next }
    /^`\/.*`$/ { path = substr($0, 2, length($0) - 2) }' "$guide"

# run_guide UNTIL: goes on in the guide, up to and with the block in which the text stands.
next=1
run_guide ()
{
    local base path
    while :; do
        base=$work/guide/$(printf %02d "$next")
        next=$((next + 1))
        [ "$next" -lt 100 ] || { fail "the guide has no block with \"$1\""; finish; }
        if [ -e "$base.sh" ]; then
            ok "commands: $(head -n 1 "$base.sh")" bash -eu -o pipefail "$base.sh"
            ! grep -qF -- "$1" "$base.sh" || return 0
        elif [ -e "$base.file" ]; then
            path=$(cat "$base.path")
            mkdir -p "$(dirname "$path")"
            if [ "$path" = /etc/fstab ]; then cat "$base.file" >> "$path"; else cat "$base.file" > "$path"; fi
            ! grep -qF -- "$1" "$base.file" || return 0
        fi
    done
}

as ()
{
    runuser -u "$1" -- "${@:2}"
}

# refused WHAT ERRNO-TEXT COMMAND...
refused ()
{
    local what=$1 text=$2 said
    shift 2
    if said=$("$@" 2>&1); then fail "$what is refused" "$said"; else like "$what is refused: $text" "$text" "$said"; fi
}

append_as ()
{
    # shellcheck disable=SC2016
    as "$1" bash -c 'echo "$1" >> "$2"' - "$2" "$3"
}

command_as ()
{
    # shellcheck disable=SC2016
    as "$1" bash -c 'exec 3<> "$2" || exit; echo "$1" >&3; status=$?; read -r answer <&3; echo "$answer"; exit $status' - "$2" "$3"
}

# ---- before allow_other -------------------------------------------------------------------------

run_guide "install -d -o clfs -g clfs -m 0755"
as clfs clfs /var/lib/clfs /srv/log
ok "its user is in" as clfs ls /srv/log
refused "root without allow_other" "Permission denied" ls /srv/log
as clfs clfs -u /srv/log
refused "allow_other without user_allow_other in fuse.conf" "user_allow_other" as clfs clfs -o allow_other /var/lib/clfs /srv/log

# ---- the unit and the fstab line ------------------------------------------------------------------

run_guide "systemctl enable --now clfs"
[ -e "$SYSTEMCTL/clfs.notified" ] || finish
ok "the unit was told READY" grep -q '^READY=1' "$SYSTEMCTL/clfs.notified"
ok "with the daemon's pid" grep -qx "MAINPID=$(cat "$SYSTEMCTL/clfs.pid")" "$SYSTEMCTL/clfs.notified"
is "it runs as clfs" clfs "$(ps -o user= -p "$(daemon_pid)")"
ok "root is in" ls /srv/log
if command -v systemd-analyze > /dev/null; then
    # It also complains of units of the machine, so only what it says of this one counts.
    is "systemd finds nothing wrong in the unit" "" \
        "$(systemd-analyze verify --man=no /etc/systemd/system/clfs.service 2>&1 | grep -F clfs)"
fi
kill -KILL "$(daemon_pid)"
ok "after SIGKILL Restart= starts it again" systemctl restart-failed clfs
ok "and it serves" ls /srv/log
systemctl stop clfs
is "systemctl stop: SIGTERM unmounts" "" "$(awk '$2 == "/srv/log"' /proc/mounts)"
ok "and says so before" grep -q '^STOPPING=1' "$SYSTEMCTL/clfs.notified"
is "with status 0" 0 "$(cat "$SYSTEMCTL/clfs.status")"

run_guide "fuse.clfs"
ok "mount by fstab" mount /srv/log
is "serves as the user that setuid= names" clfs "$(ps -o user= -p "$(daemon_pid)")"
is "as type fuse.clfs" fuse.clfs "$(findmnt -n -o FSTYPE /srv/log)"
ok "clfs -u by root" clfs -u /srv/log
ok "mount by fstab again" mount /srv/log
pid=$(daemon_pid)
ok "umount" umount /srv/log
ok "the daemon ends after umount" wait_until 10 test ! -e "/proc/$pid"
systemctl start clfs

# ---- permissions --------------------------------------------------------------------------------

for user in alice bob carol dave; do useradd --system --no-create-home --shell /bin/bash "$user"; done
run_guide "mkdir -m 0755 /srv/log/orders"
cd /srv/log/orders || finish
is "modes that mkdir gives" "clfs 644 644 444 444 644" "$(stat -c %U .) $(stat -c %a records control durable index restart | xargs)"
as clfs mkdir -m 0700 /srv/log/private
is "modes that a private log gets" "600 600 400 400 600" \
    "$(cd /srv/log/private && stat -c %a records control durable index restart | xargs)"
refused "somebody else's mkdir" "Permission denied" as alice mkdir /srv/log/mine
refused "somebody else's rmdir" "Permission denied" as alice rmdir /srv/log/private
refused "somebody else's rename" "Permission denied" as alice mv /srv/log/private /srv/log/public
refused "looking into a private log" "Permission denied" as alice cat /srv/log/private/control
cd /

run_guide "chgrp ordersync control"
usermod -aG orders alice
usermod -aG audit bob
usermod -aG ordersync carol
cd /srv/log/orders || finish
check_permissions ()
{
    ok "who may only append appends $1" append_as alice "order by alice" records
    ok "and syncs what it appended $1" as alice dd if=/dev/null of=records oflag=append conv=notrunc,fsync status=none
    refused "reading by who may only append $1" "Permission denied" as alice cat records
    refused "flush by who may only append $1" "Permission denied" command_as alice flush control
    refused "a restart area by who may only append $1" "Permission denied" as alice bash -c 'echo x > restart'
    ok "who may only read reads durable $1" as bob grep -q 'order by alice' durable
    ok "and index $1" as bob grep -q data index
    ok "and a record by its LSN $1" as bob cat "by-lsn/$(tail -n 1 index | cut -d' ' -f1)"
    refused "appending by who may only read $1" "Permission denied" append_as bob "x" records
    like "who may flush flushes $1" '^ok 0x' "$(command_as carol flush control)"
    like "and to an LSN $1" '^ok 0x' "$(command_as carol 0x0 control)"
    refused "appending through records by who may flush $1" "Permission denied" append_as carol x records
    for command in "base $(state control last)" "retain 1M" "max-size 2M" "add-container" "reset" "recover" "framing write" \
        "flush-ms 5"; do
        refused "$command by who may flush $1" "^err EPERM" command_as carol "$command" control
    done
    refused "chmod by who does not own $1" "Operation not permitted" as carol chmod 666 control
    refused "anything by somebody else: append $1" "Permission denied" append_as dave x records
    refused "anything by somebody else: read $1" "Permission denied" as dave cat records
    refused "anything by somebody else: flush $1" "Permission denied" command_as dave flush control
    like "the owner may discard $1" '^ok' "$(command_as clfs "base $(state control last)" control)"
}
check_permissions ""
cd /
systemctl stop clfs
systemctl start clfs
cd /srv/log/orders || finish
is "owners and modes are kept over a remount" "orders 620 ordersync 660 audit 440 audit 550" \
    "$(stat -c '%G %a' records control durable by-lsn | xargs)"
check_permissions "after a remount"
cd /
as clfs bash -c 'cd /srv/log && chmod 700 orders'
refused "appending once the directory is closed" "Permission denied" append_as alice x /srv/log/orders/records
as clfs chmod 755 /srv/log/orders

# ---- rsyslog and nginx --------------------------------------------------------------------------

run_guide "systemctl restart rsyslog"
seq -f 'message %g' 200 > "$work/messages"
ok "logger" logger --socket-errors=on -u "$RSYSLOG_SOCKET" -t test -f "$work/messages"
ok "every message is in the log" wait_until 10 grep -q 'message 200$' /srv/log/system/records
is "once" "$(cksum < "$work/messages")" "$(sed -n 's/.*test: \(message\)/\1/p' /srv/log/system/records | cksum)"
is "and durable: rsyslog synced" "$(cksum < /srv/log/system/records)" "$(cksum < /srv/log/system/durable)"
usermod -aG adm bob
ok "the group adm reads" as bob grep -q 'message 200$' /srv/log/system/records
refused "others" "Permission denied" as dave cat /srv/log/system/records

run_guide "systemctl restart nginx"
run_python "$here/programs/requests.py" /run/nginx.socket 2 200 one
ok "each request is in the log" wait_until 10 sh -c '[ "$(grep -c "\"GET /one/" /srv/log/web/records)" = 200 ]'
kill -USR1 "$(cat /run/nginx.pid)"
ok "nginx made its workers' user the owner of records" wait_until 10 sh -c '[ "$(stat -c %U /srv/log/web/records)" = www-data ]'
is "but not of the log" clfs "$(stat -c %U /srv/log/web)"
run_python "$here/programs/requests.py" /run/nginx.socket 2 200 two
wait_until 10 sh -c '[ "$(wc -l < /srv/log/web/records)" = 400 ]'
is "after reopening: still every request" 400 "$(wc -l < /srv/log/web/records)"
is "each line is a record" 400 "$(grep -c ' data ' /srv/log/web/index)"
refused "its user discarding" "Permission denied" command_as www-data reset /srv/log/web/control

# ---- instead of logrotate, back up, ship ----------------------------------------------------------

refused "rotation by renaming" "Operation not permitted" mv /srv/log/web/records /srv/log/web/records.1
refused "rotation by truncating" "Operation not permitted" truncate -s 0 /srv/log/web/records
run_guide "max-size 8G"
is "retain by size is kept" "$((2 << 30))" "$(state /srv/log/system/control retain)"
is "retain by age is kept, beside the mount's by size" "$((3 << 30)) $((14 * 86400))s" "$(state /srv/log/web/control retain)"
is "max-size is kept" "$((8 << 30))" "$(state /srv/log/web/control max-size)"

run_guide "/var/backups/system.log"
ok "the copy is the log" cmp /srv/log/system/records /var/backups/system.log
systemctl stop nginx
systemctl stop rsyslog
cksum < /srv/log/web/records > "$work/before"
run_guide "systemctl start clfs"
is "after the backup of the store the log is there" "$(cat "$work/before")" "$(cksum < /srv/log/web/records)"
mkdir "$work/restored" "$work/look"
tar -C "$work/restored" -xzf /var/backups/clfs.tar.gz
clfs -o ro "$work/restored/clfs" "$work/look"
is "and the copy of the store holds the same" "$(cat "$work/before")" "$(cksum < "$work/look/web/records")"
clfs -u "$work/look"
ok "a restored store is mounted to write" clfs "$work/restored/clfs" "$work/look"
echo "written after restoring" >> "$work/look/web/records"
is "and goes on where it was" 401 "$(wc -l < "$work/look/web/records")"
clfs -u "$work/look"

run_guide "tee -a /var/backups/web.log"
ok "what was shipped is the log" cmp /srv/log/web/records /var/backups/web.log
ship ()
{
    clfs-ship /srv/log/web /var/lib/web.shipped tee -a /var/backups/web.log > /dev/null
}
echo "one more" >> /srv/log/web/records
echo flush > /srv/log/web/control
cp /srv/log/web/records "$work/whole"
ok "the base moves" sh -c 'echo "base $(tail -n 1 /srv/log/web/index | cut -c 1-18)" > /srv/log/web/control'
ok "shipping goes on after a base move" ship
ok "with nothing twice and nothing missed" cmp "$work/whole" /var/backups/web.log
ok "shipping with nothing new" ship
ok "sends nothing" cmp "$work/whole" /var/backups/web.log

is "every block of the guide was used" "" "$(cd "$work/guide" && for block in *.sh *.file; do
    [ "$((10#${block%%.*}))" -lt "$next" ] || echo "$block"; done)"
finish
