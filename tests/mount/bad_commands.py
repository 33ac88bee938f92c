# SPDX-License-Identifier: LGPL-2.1-or-later
"""bad_commands.py MNT: lines and LSNs that `control` and `by-lsn` must refuse, each with its errno and one line that says why."""
import errno
import os
import random
import re
import sys
from checks import Checks

root = sys.argv[1]
log = root + "/log"
t = Checks()


def append(name, data):
    fd = os.open("%s/%s/records" % (root, name), os.O_WRONLY | os.O_APPEND)
    os.write(fd, data)
    os.close(fd)


def state(name):
    with open("%s/%s/control" % (root, name)) as file:
        return dict(line.rstrip("\n").split(" ", 1) for line in file)


def content():
    with open(log + "/records", "rb") as file:
        return file.read()


def say(data):
    """(bytes taken or errno name, answers)"""
    fd = os.open(log + "/control", os.O_RDWR)
    try:
        result = os.write(fd, data)
    except OSError as error:
        result = errno.errorcode[error.errno].replace("ENOTSUP", "EOPNOTSUPP")
    answers = []
    while True:
        answer = os.read(fd, 65536)
        if not answer:
            break
        answers.append(answer)
    os.close(fd)
    return result, answers


def refused(data, wanted):
    result, answers = say(data)
    good = result == wanted and len(answers) == 1 and re.fullmatch(rb"err %s [^\x00-\x1f\x7f]{3,400}\n" % wanted.encode(), answers[0])
    t.result(bool(good), "refused %s: %.60r" % (wanted, data), "%r, %r" % (result, answers))


for i in range(5):
    append("log", b"record %d\n" % i)
for i in range(3):
    append("other", b"x" * 100000)
with open(log + "/index") as file:
    lsns = [line.split()[0] for line in file]
t.equal("commands that are right before", (len("base %s\nflush\n" % lsns[2]), 2), (lambda r: (r[0], len(r[1])))(
    say(b"base %s\nflush\n" % lsns[2].encode())))
before, text_before, settled = state("log"), content(), None

# ---- no command
for line in (b"", b" ", b"\t", b"flu", b"flushh", b"FLUSH", b"flush\r", b"\xff\xfe", b"\x00", b"flush\x00", b"\x00flush", b"#", b"--help",
             b"echo flush > control", b"flush;flush", b"x" * 100000, b"%s%s%n", b"appendtext", b"recoverr", b"\xe2\x80\xaeflush"):
    refused(line + b"\n", "EINVAL")
refused(b"\n\n\n", "EINVAL")
for unterminated in (b"flush" + b" " * 4091, b"append " + b"x" * 100000):
    refused(unterminated, "E2BIG")

# ---- too many words, too few, wrong ones
for line in (b"append", b"append-flush", b"base", b"archive-tail", b"remove-container", b"max-size", b"retain", b"policy", b"policy a",
             b"policy a b c", b"flush-ms", b"flush-threshold", b"pending-max", b"framing", b"container-size", b"align", b"recover now",
             b"reset all", b"flush 0x0 0x0", b"base 0x0 0x0", b"add-container 1 2", b"add-container -1", b"add-container 1x",
             b"add-container 99999999999999999999", b"remove-container a force force", b"remove-container a b", b"flush-ms 4294967296",
             b"flush-ms 0", b"max-size 18446744073709551616", b"max-size 16777216T", b"max-size 1 K", b"max-size 0x100", b"retain 0",
             b"retain -5", b"retain 18446744073709551615w", b"flush-threshold 0", b"flush-threshold 4G", b"pending-max 1", b"align 0"):
    refused(line + b"\n", "EINVAL")
for name in (b"..", b"../log.blf", b"/etc/passwd", b"a/b", b"x" * 5000, b"\xff", b"%s"):
    refused(b"remove-container " + name + b"\n", "ENOENT")

# ---- LSNs
next_lsn, base = int(before["next"], 16), int(before["base"], 16)
far = state("other")["next"].encode()
for word in (b"0x", b"0xg", b"0x00000000000000001", b"0x-1", b"0x 1", b"18446744073709551616", b"1.5", b"1e3", b"1:", b"1:200", b":::", b"0:200:0:0",
             b"0:1:0", b"0:0:200", b"0:200:x", b"100000000:0:0", b"0x0,0x0"):
    refused(word + b"\n", "EINVAL")
    refused(b"flush " + word + b"\n", "EINVAL")
    refused(b"base " + word + b"\n", "EINVAL")
for beyond in (b"0x%x" % (next_lsn + 1), b"%d" % (next_lsn + 512), b"1:0:0", far, b"0xfffffffffffffffe", b"0xffffffffffffffff"):
    refused(beyond + b"\n", "EINVAL")
    refused(b"flush " + beyond + b"\n", "EINVAL")
    refused(b"base " + beyond + b"\n", "EINVAL")
refused(b"base " + lsns[0].encode() + b"\n", "ERANGE")
result, answers = say(lsns[0].encode() + b"\n")
t.result(result == len(lsns[0]) + 1 and answers[0].startswith(b"ok "), "a flush below the base has nothing to do", "%r %r" % (result, answers))

# ---- by-lsn
t.equal("by-lsn of a record", b"record 3\n", open("%s/by-lsn/%s" % (log, lsns[3]), "rb").read())
for name in (lsns[0], "0x%016x" % next_lsn, "0x%016x" % (next_lsn + 512), far.decode(), "0x%016x" % (int(lsns[4], 16) + 1), "0xffffffffffffffff",
             "0x", "x", "-1", "1:2", "0x%017x" % 5, "0x0000000000000001", lsns[3] + " ", " " + lsns[3], lsns[3] + "\n"):
    t.errno("by-lsn/%r" % name, "ENOENT", lambda: open("%s/by-lsn/%s" % (log, name), "rb").read())
t.errno("by-lsn with a name of 300 bytes", "ENAMETOOLONG ENOENT", lambda: open("%s/by-lsn/%s" % (log, "1" * 300), "rb"))

# ---- anything at all
seed = int.from_bytes(os.urandom(4), "little")
dice = random.Random(seed)
words = [b"flush", b"base", b"0x", b"0x0", b"retain", b"reset", b"1:", b":", b"add-container", b"policy", b"\xff", b"\x00", b"K", b"-"]
odd = []
for i in range(2000):
    # A word that is no command first: what follows cannot make it one.
    line = b"?" + b" ".join(dice.choice(words) if dice.random() < 0.5 else dice.randbytes(dice.randrange(12)).replace(b"\n", b"")
                            for _ in range(dice.randrange(6)))
    result, answers = say(line + b"\n")
    if result != "EINVAL" or len(answers) != 1 or not answers[0].startswith(b"err EINVAL ") or answers[0].count(b"\n") != 1:
        odd.append((line, result, answers))
t.equal("2,000 lines of anything are refused, seed %d" % seed, [], odd[:3])

# ---- nothing came of all that
after = state("log")
t.equal("the state is what it was", {k: v for k, v in before.items()}, {k: v for k, v in after.items()})
t.equal("the records are what they were", text_before, content())
result, answers = say(b"append still here\nbogus\nappend never\n")
t.equal("the lines before a wrong one count, those after it do not", (len("append still here\n"), 1), (result, len(answers)))
t.equal("and that is what the log has", text_before + b"still here\n", content())
t.end()
