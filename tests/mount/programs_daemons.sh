#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# rsyslogd and nginx log into a mounted log, byte for byte, also when they reopen their files.
. "$(dirname "$0")/programs_lib.sh"

export TMPDIR=$work
messages=2000

# What a background daemon is waited for.
has_lines ()
{
    [ "$(wc -l < "$1")" -ge "$2" ]
}

# rsyslog NAME OMFILE-PARAMETERS: as an unprivileged user, with a socket of its own.
rsyslog ()
{
    local pid socket=$work/syslog.socket half=$((messages / 2))
    new_log "$1"
    rm -f "$socket"
    cat > "$work/rsyslog.conf" << CONFIG
global(workDirectory="$work" maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$socket" RateLimit.Interval="0")
template(name="text" type="string" string="%syslogtag%%msg%\n")
action(type="omfile" file="$records" template="text" $2)
action(type="omfile" file="$file" template="text" $2)
CONFIG
    rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslog.pid" > "$work/rsyslog.out" 2>&1 &
    pid=$!
    wait_until 10 test -S "$socket" || fail "rsyslogd did not start ($framing)" "$(cat "$work/rsyslog.out")"
    seq -f 'message number %g, with some text behind it' "$half" > "$work/messages"
    logger --socket-errors=on -u "$socket" -t "test" -f "$work/messages"
    wait_until 20 has_lines "$file" "$half" || fail "rsyslogd: not all messages came ($framing)" "$(tail -c 300 "$file")"
    kill -HUP "$pid" # it closes its files and opens them again
    { seq -f 'after reopening %g' "$half"; head -c 30000 /dev/zero | tr '\0' x; echo; } > "$work/messages"
    logger --socket-errors=on --size 40000 -u "$socket" -t "test" -f "$work/messages"
    wait_until 20 grep -q 'xxx$' "$file" || fail "rsyslogd: not all messages came ($framing)" "$(tail -c 300 "$file")"
    kill "$pid"
    wait "$pid"
    is "rsyslogd ends well: $1 ($framing)" 0 $?
    is "rsyslogd: every message is in the plain file: $1 ($framing)" $((messages + 1)) "$(wc -l < "$file")"
    holds_the_same "rsyslogd, omfile $1"
}

rsyslogs ()
{
    rsyslog rsyslog-plain ''
    rsyslog rsyslog-sync 'sync="on"'
    rsyslog rsyslog-async 'asyncWriting="on" flushOnTXEnd="off" ioBufferSize="8k" flushInterval="1"'
}

# nginx NAME WORKERS LOG-PARAMETERS
nginx_ ()
{
    local pid
    new_log "$1"
    mkdir -p "$work/nginx/html"
    echo hello > "$work/nginx/html/index.html"
    rm -f "$work/nginx/socket" "$work/nginx/pid"
    cat > "$work/nginx/conf" << CONFIG
daemon off;
worker_processes $2;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
events { worker_connections 64; }
http {
    client_body_temp_path $work/nginx/t1; proxy_temp_path $work/nginx/t2; fastcgi_temp_path $work/nginx/t3;
    uwsgi_temp_path $work/nginx/t4; scgi_temp_path $work/nginx/t5;
    log_format test '\$request_method \$request_uri \$status "\$http_user_agent"';
    access_log $records test $3;
    access_log $file test $3;
    server { listen unix:$work/nginx/socket; root $work/nginx/html; keepalive_requests 100000; }
}
CONFIG
    nginx -p "$work/nginx" -c "$work/nginx/conf" -e "$work/nginx/error.log" > "$work/nginx.out" 2>&1 &
    pid=$!
    wait_until 10 test -s "$work/nginx/pid" || fail "nginx did not start ($framing)" "$(cat "$work/nginx.out" "$work/nginx/error.log")"
    run_python "$here/programs/requests.py" "$work/nginx/socket" "$2" $((messages / 2)) first
    # It opens its files again, as after a rotation.
    kill -USR1 "$pid"
    run_python "$here/programs/requests.py" "$work/nginx/socket" "$2" $((messages / 2)) second
    kill -QUIT "$pid"
    wait "$pid"
    is "nginx ends well: $1 ($framing)" 0 $?
    is "nginx: every request is in the plain file: $1 ($framing)" "$messages" "$(wc -l < "$file")"
    if [ "$2" != 1 ]; then
        # Several workers: each line is whole, in any order.
        wait_until 10 has_bytes "$records" "$(stat -c %s "$file")"
        is "nginx, $2 workers: the same lines ($framing)" "$(sort "$file" | cksum)" "$(sort "$records" | cksum)"
        cp "$records" "$file"
    fi
    holds_the_same "nginx, access_log $1"
}

nginxes ()
{
    nginx_ nginx-plain 1 ''
    nginx_ nginx-buffer 1 'buffer=16k flush=1s'
    nginx_ nginx-workers 2 ''
}

mount_store || { fail "mount"; finish; }
for_each_framing rsyslogs
for_each_framing nginxes
finish_programs
