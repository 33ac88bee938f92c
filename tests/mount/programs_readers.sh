#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Programs that copy, search and follow a log find in it what is there, as in a plain file.
. "$(dirname "$0")/programs_lib.sh"

export TMPDIR=$work

# same WHAT COMMANDS: the commands print the same for a plain "$F" and for a log's.
same ()
{
    local one two
    one=$(F=$file bash -c "$2" 2>&1 | tr '\0' '@'; echo "status ${PIPESTATUS[0]}")
    two=$(F=$records bash -c "$2" 2>&1 | tr '\0' '@'; echo "status ${PIPESTATUS[0]}")
    # Some print the name.
    is "$1 ($framing)" "${one//"$file"/FILE}" "${two//"$records"/FILE}"
}

# shellcheck disable=SC2016
read_out ()
{
    local copy=$work/copy-$framing
    new_log read
    seq 20000 | sed 's/.*/line & with some text, error &/' | tee -a "$file" >> "$records"
    python3 -c "import random, sys; sys.stdout.buffer.write(random.Random(4).randbytes(2500000))" | tee -a "$file" >> "$records"
    seq 1000 | tee -a "$file" >> "$records"
    mkdir "$copy"
    holds_the_same "what is read here"

    ok "cp ($framing)" cp "$records" "$copy/cp"
    ok "cp -p ($framing)" cp -p "$records" "$copy/cp-p"
    ok "cp --sparse --reflink ($framing)" cp --sparse=always --reflink=auto "$records" "$copy/cp-sparse"
    ok "install ($framing)" install -m 600 "$records" "$copy/install"
    ok "dd iflag=direct ($framing)" dd if="$records" of="$copy/dd" bs=65536 iflag=direct status=none
    ok "rsync ($framing)" rsync -t "$records" "$copy/rsync"
    ok "rsync, nothing new ($framing)" rsync -ct "$records" "$copy/rsync"
    ok "tar ($framing)" tar -C "$mnt/$log" -cf "$copy.tar" records
    ok "tar, unpacked ($framing)" tar -C "$copy" -xf "$copy.tar"
    ok "busybox cp ($framing)" busybox cp "$records" "$copy/busybox-cp"
    ok "socat ($framing)" socat -u OPEN:"$records",rdonly CREATE:"$copy/socat"
    ok "python shutil.copyfile ($framing)" python3 -c "import shutil; shutil.copyfile('$records', '$copy/shutil')"
    ok "cp of durable, flushed ($framing)" bash -c "echo flush > '$mnt/$log/control' && cp '$mnt/$log/durable' '$copy/durable'"
    for one in "$copy"/*; do ok "every byte of the copy by $(basename "$one") ($framing)" cmp "$file" "$one"; done
    is "cp -p keeps the time of the last append ($framing)" "$(stat -c %Y "$records")" "$(stat -c %Y "$copy/cp-p")"

    ok "tar of the whole tree ($framing)" tar -C "$mnt" -cf "$work/tree.tar" "$log"
    is "has records and durable whole ($framing)" "$(cksum < "$file") $(cksum < "$file")" \
        "$(tar -xOf "$work/tree.tar" "$log/records" | cksum) $(tar -xOf "$work/tree.tar" "$log/durable" | cksum)"
    ok "rsync of the whole tree ($framing)" rsync -a "$mnt/$log/" "$work/tree-$framing/"
    chmod -R u+w "$work/tree-$framing" # so that it can be removed
    ok "has records whole ($framing)" cmp "$file" "$work/tree-$framing/records"

    same "grep -c" 'grep -c "error 1" "$F"; grep -ac "error 7.*" "$F"'
    same "grep -n, -b, -m, -o" 'grep -an "error 19999" "$F"; grep -abo "error 500$" "$F"; grep -am 3 line "$F" | cat'
    same "wc" 'wc "$F"; wc -l "$F"; wc -c < "$F"; wc -L "$F"'
    same "head, tail" 'head -n 5 "$F"; tail -n 7 "$F"; head -c -100 "$F" | cksum; tail -c +1000001 "$F" | cksum; tail -c 77 "$F"'
    same "busybox head, tail, grep" 'busybox head -n 5 "$F"; busybox tail -n 7 "$F"; busybox grep -c "error 1" "$F"'
    same "tac, sort, cut, uniq" 'tac "$F" | cksum; LC_ALL=C sort "$F" | cksum; LC_ALL=C cut -c 3-9 "$F" | uniq -c | cksum'
    same "sums" 'cksum < "$F"; sha256sum < "$F"; b2sum < "$F"'
    same "cmp, diff" 'cmp "$F" '"'$file'"' && diff -q "$F" '"'$file'"' && cat "$F" | cmp - '"'$file'"
    same "od, dd skip" 'od -A d -t x1 -j 1000000 -N 64 "$F"; dd if="$F" bs=7 skip=100000 count=11 status=none | od -c'
    same "less, to a pipe" 'less -f "$F" | cksum'
    same "awk, sed, perl" 'LC_ALL=C awk "/error 3/ { n++ } END { print n, NR }" "$F"; sed -n "100,102p;103q" "$F"; perl -ne "END { print $. }" "$F"'
    same "python mmap and readlines" 'python3 -c "
import mmap, os, zlib
with open(os.environ[\"F\"], \"rb\") as f:
    m = mmap.mmap(f.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    print(len(m), zlib.crc32(m), len(f.readlines()), os.path.getsize(f.name))"'
    same "gzip" 'gzip -nc "$F" | cksum'
    is "find -size finds it ($framing)" "$records" "$(find "$mnt/$log" -name records -size +2500000c)"
    is "du sees what is allocated ($framing)" yes "$([ "$(du -k "$records" | cut -f1)" -ge 2400 ] && echo yes)"
}

# follow WHAT COMMAND...: a program that follows "$records" and prints what comes.
follow ()
{
    local what=$1 pid out=$work/followed i
    shift
    new_log "follow-$((++followers))"
    seq -f 'before %g' 10 | tee -a "$file" >> "$records"
    "$@" "$records" > "$out" 2> "$work/follow.err" &
    pid=$!
    wait_until 10 grep -q 'before 10$' "$out" || fail "$what shows what was there ($framing)" "$(cat "$out" "$work/follow.err")"
    for i in $(seq 30); do
        echo "after $i" | tee -a "$file" >> "$records"
        if [ "$i" = 15 ]; then wait_until 10 grep -q 'after 15$' "$out"; fi
    done
    seq -f 'burst %g' 5000 | tee -a "$file" >> "$records"
    wait_until 15 grep -q 'burst 5000$' "$out"
    kill "$pid"
    wait "$pid" 2> /dev/null
    ok "$what shows each line once ($framing)" cmp "$file" "$out"
}

followers=0
tails ()
{
    follow "tail -f" tail -n +1 -s 0.1 -f
    follow "tail -F" tail -n +1 -s 0.1 -F
    follow "tail -f of coreutils with its default wait" tail -n 100 -f
    follow "busybox tail -f" busybox tail -n 100 -f -s 1
    new_log less
    seq -f 'before %g' 10 | tee -a "$file" >> "$records"
    run_python "$here/programs/follow_less.py" "$records" "$file"
}

# inotify: the log's directory is watched, since each lookup of a file is a node of its own.
inotify ()
{
    local pid
    new_log inotify
    inotifywait -m -e modify,close_write --format '%e %f' "$mnt/$log" > "$work/inotify" 2> "$work/inotify.err" &
    pid=$!
    wait_until 10 grep -q 'Watches established' "$work/inotify.err"
    echo one | tee -a "$file" >> "$records"
    ok "inotifywait on the directory hears of an append ($framing)" wait_until 10 grep -q '^MODIFY records$' "$work/inotify"
    ok "and of the close ($framing)" wait_until 10 grep -q '^CLOSE_WRITE.* records$' "$work/inotify"
    kill "$pid"
    wait "$pid" 2> /dev/null
}

mount_store || { fail "mount"; finish; }
for_each_framing read_out
for_each_framing tails
for_each_framing inotify
finish_programs
