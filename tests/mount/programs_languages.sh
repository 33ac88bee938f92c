#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The append modes of Python, Perl, Node and Java write the same to a log as to a plain file, byte for byte.
. "$(dirname "$0")/programs_lib.sh"

export PROGRAMS=$here/programs TMPDIR=$work PYTHONDONTWRITEBYTECODE=1

python ()
{
    # shellcheck disable=SC2016
    appends python "python: open in modes a, ab, a+b; os.write; os.fsync; print to a line-buffered file" \
        'python3 "$PROGRAMS/append.py" "$F"'
    # shellcheck disable=SC2016
    appends python-logging "python logging.FileHandler, from four threads, then from a second process" \
        'python3 "$PROGRAMS/logging_handler.py" "$F"'
}

perl_ ()
{
    # shellcheck disable=SC2016
    appends perl "perl: open >>, print, syswrite, sync, flock" 'perl "$PROGRAMS/append.pl" "$F"'
}

node_ ()
{
    # shellcheck disable=SC2016
    appends node "node: appendFile, appendFileSync, a write stream, fsync" 'node "$PROGRAMS/append.js" "$F"'
}

java_ ()
{
    # shellcheck disable=SC2016
    appends java "java: FileOutputStream, FileWriter, FileChannel, Files.write, java.util.logging" \
        'java -cp "$TMPDIR/classes" Append "$F"'
}

refusals ()
{
    new_log refused
    seq 100 | tee -a "$file" >> "$records"
    # shellcheck disable=SC2016
    {
        refused "python open w" 'python3 -c "import os; open(os.environ[\"F\"], \"w\")"'
        refused "python open r+" 'python3 -c "import os; open(os.environ[\"F\"], \"r+\")"'
        refused "python truncate" 'python3 -c "import os; open(os.environ[\"F\"], \"a\").truncate(3)"'
        refused "python RotatingFileHandler" 'python3 -c "
import logging, logging.handlers, os
logging.raiseExceptions = True
handler = logging.handlers.RotatingFileHandler(os.environ[\"F\"], maxBytes=100, backupCount=2)
handler.doRollover()"'
        refused "perl +<" 'perl -e "open(my \$f, q(+<), \$ENV{F}) or die \$!"'
        refused "perl >" 'perl -e "open(my \$f, q(>), \$ENV{F}) or die \$!"'
        refused "node writeFile" 'node -e "require(\"fs\").writeFileSync(process.env.F, \"x\")"'
        refused "node truncate" 'node -e "require(\"fs\").truncateSync(process.env.F, 1)"'
        refused "java FileOutputStream without append" 'java -cp "$TMPDIR/classes" Append "$F" overwrite'
        refused "java RandomAccessFile rw" 'java -cp "$TMPDIR/classes" Append "$F" random'
    }
}

mount_store || { fail "mount"; finish; }
ok "javac" javac -d "$work/classes" "$PROGRAMS/Append.java"
export JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Duser.home=$work"
for_each_framing python
for_each_framing perl_
for_each_framing node_
for_each_framing java_
for_each_framing refusals
finish_programs
