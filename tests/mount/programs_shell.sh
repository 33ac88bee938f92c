#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Shells and command line tools append to a log as to a plain file, byte for byte.
. "$(dirname "$0")/programs_lib.sh"

seq -f 'line %g of a text, long enough to cross pages at odd places' 3000 > "$work/text"
python3 -c "
import random, sys
sys.stdout.buffer.write(random.Random(1).randbytes(1500000))" > "$work/binary"
export TEXT=$work/text BINARY=$work/binary SOCKET=$work/socket TMPDIR=$work

shells ()
{
    local shell
    for shell in bash dash "busybox sh"; do
        # shellcheck disable=SC2016
        appends "${shell// /-}" "$shell >>" "$shell"' -c '\''
            echo one >> "$F"
            printf "%s\n" "two words" "" "   " >> "$F"
            { echo a; echo b; printf "without its newline"; } >> "$F"
            i=0; while [ $i -lt 200 ]; do echo "round $i"; i=$((i+1)); done >> "$F"
            exec 5>> "$F"; echo five >&5; (echo child >&5); echo six >&5; exec 5>&-
            printf "a\0b\377\n" >> "$F"; cat "$BINARY" >> "$F"'\'
    done
}

tools ()
{
    appends tee-a "tee -a" 'tee -a "$F" < "$TEXT" | cmp - "$TEXT" && tee -a "$F" < "$BINARY" > /dev/null'
    appends dd "dd oflag=append conv=notrunc,fsync" '
        dd if="$TEXT" of="$F" oflag=append conv=notrunc,fsync bs=1000 status=none
        dd if="$BINARY" of="$F" oflag=append conv=notrunc,fdatasync bs=64k status=none
        dd if="$TEXT" of="$F" oflag=append,dsync conv=notrunc bs=50000 status=none
        dd if="$BINARY" of="$F" oflag=append conv=notrunc bs=4M status=none'
    appends busybox-tee "busybox tee -a, busybox dd" '
        busybox tee -a "$F" < "$TEXT" > /dev/null
        busybox dd if="$BINARY" of="$F" oflag=append conv=notrunc,fsync bs=100000 2> /dev/null'
    appends ts "ts" 'ts "%%" < "$TEXT" >> "$F"; ts -s "x" < "$TEXT" | tee -a "$F" > /dev/null'
    appends cat "cat, sed, awk, sort, xargs, split into one pipe" '
        cat "$TEXT" "$BINARY" >> "$F"
        sed -n "1~7p" "$TEXT" >> "$F"
        awk "{ print \$2 >> ENVIRON[\"F\"] }" "$TEXT"
        sort -r "$TEXT" >> "$F"; seq 500 | xargs -n 7 echo >> "$F"'
    appends socat "socat to a file opened for appending" '
        socat -u OPEN:"$TEXT" OPEN:"$F",append
        socat -b 100000 -u OPEN:"$BINARY" OPEN:"$F",append'
    appends cp-append "a stream of single bytes" 'head -c 3000 "$TEXT" | dd of="$F" oflag=append conv=notrunc bs=1 status=none'
    appends sparse "several processes, one descriptor" '
        { for i in 1 2 3 4 5; do seq -f "$i %g" 200; done; } >> "$F"
        ( exec >> "$F"; seq 100; sh -c "seq 100 200"; (seq 7) )'
}

# logger sends datagrams to a socket, without newlines; socat appends each. In a log of lines all that is one unterminated line
# until socat closes the file.
logger_through_socat ()
{
    local bytes
    bytes=$(sed 's/^/<13>1 - - test - - - /' "$TEXT" | tr -d '\n' | wc -c)
    # shellcheck disable=SC2016
    appends logger "logger into a socket that socat appends" '
        rm -f "$SOCKET"
        socat -u UNIX-RECV:"$SOCKET" OPEN:"$F",append & socat=$!
        until [ -S "$SOCKET" ]; do sleep 0.02; done
        logger --socket-errors=on -u "$SOCKET" --rfc5424=notime,notq,nohost -t test -f "$TEXT"
        until [ "$(sed -n "s/^wchar: //p" /proc/$socat/io)" -ge '"$bytes"' ]; do sleep 0.05; done
        kill $socat; wait $socat; [ $? = 143 ]'
    is "that were all messages ($framing)" "$bytes" "$(stat -c %s "$records")"
}

many ()
{
    local writer pids=() status=0 block=1M
    # In a log of writes a block that ends within a line is a record of its own, and others' may follow it.
    [ "$framing" = write ] || block=7
    new_log many
    for writer in 1 2 3 4 5 6; do
        # shellcheck disable=SC2016
        case $writer in
        1) bash -c 'for i in $(seq 300); do echo "1 $i"; done >> "$1"' - "$records" & ;;
        2) dash -c 'for i in $(seq 300); do echo "2 $i" >> "$1"; done' - "$records" & ;;
        3) busybox sh -c 'for i in $(seq 300); do echo "3 $i"; done >> "$1"' - "$records" & ;;
        4) seq -f '4 %g' 300 | tee -a "$records" > /dev/null & ;;
        5) seq -f '5 %g' 300 | dd bs=$block iflag=fullblock oflag=append conv=notrunc of="$records" status=none & ;;
        6) seq -f '6 %g' 300 | ts 6 | sed -u 's/^6 //' >> "$records" & ;;
        esac
        pids+=($!)
    done
    for writer in "${pids[@]}"; do wait "$writer" || status=$?; done
    is "six programs append to one log at once ($framing)" 0 "$status"
    for writer in 1 2 3 4 5 6; do seq -f "$writer %g" 300; done > "$file"
    wait_until 10 has_bytes "$records" "$(stat -c %s "$file")"
    for writer in 1 2 3 4 5 6; do
        is "what program $writer wrote is there once, in its order ($framing)" \
            "$(seq -f "$writer %g" 300 | cksum)" "$(grep "^$writer " "$records" | cksum)"
    done
    is "and nothing else ($framing)" 1800 "$(wc -l < "$records")"
    cp "$records" "$file"
}

# What is not appending: an append-only file on ext4 (chattr +a) refuses it, with EPERM.
refusals ()
{
    new_log refused
    seq 100 >> "$file"
    seq 100 >> "$records"
    refused "bash >" 'echo x > "$F"'
    refused "dash >" 'dash -c "echo x > \"\$F\""'
    refused "busybox sh >" 'busybox sh -c "echo x > \"\$F\""'
    refused "bash <>" 'echo x 1<> "$F"'
    refused "tee" 'echo x | tee "$F" > /dev/null'
    refused "dd" 'dd if=/dev/zero of="$F" bs=1 count=1'
    refused "dd conv=notrunc" 'dd if=/dev/zero of="$F" bs=1 count=1 conv=notrunc'
    refused "truncate" 'truncate -s 0 "$F"'
    refused "cp onto it" 'cp "$TEXT" "$F"'
    refused "rm" 'rm -f "$F"'
    refused "mv" 'mv "$F" "$F.1"'
    refused "ln" 'ln "$F" "$F.1"'
    refused "sed -i" 'sed -i s/1/2/ "$F"'
    refused "touch -d" 'touch -d yesterday "$F"'
    refused "creating a file beside it" 'touch "$(dirname "$F")/other"'
    refused "socat without append" 'echo x | socat -u - OPEN:"$F"'
    refused "rsync --inplace onto it" 'rsync --inplace --no-times "$TEXT" "$F"'
    ok "touch is let through ($framing)" touch "$records"
    refused "fallocate, which opens without O_APPEND," 'fallocate -l 100000 "$F"'
}

# fio opens for reading and writing without O_APPEND, whatever --file_append says (that only moves its first offset): EPERM,
# as with chattr +a. It can read.
fio_cannot ()
{
    new_log fio
    head -c 65536 "$BINARY" | tee -a "$file" >> "$records"
    refused "fio --file_append=1" 'cd "$TMPDIR" && fio --name=append --filename="$F" --file_append=1 --rw=write --ioengine=sync \
        --bs=4k --size=1m 2>&1'
    ok "fio reads ($framing)" fio --name=read --filename="$records" --readonly --rw=randread --ioengine=sync --bs=4k --size=64k
}

mount_store || { fail "mount"; finish; }
for_each_framing shells
for_each_framing tools
for_each_framing logger_through_socat
for_each_framing many
for_each_framing refusals
for_each_framing fio_cannot
finish_programs
