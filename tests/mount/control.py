# SPDX-License-Identifier: LGPL-2.1-or-later
"""control: every command with its success and its refusals, the rules for lines and answers, the state, poll."""
import errno
import os
import re
import select
import subprocess
import sys
import threading
import time
from checks import Checks

root = sys.argv[1]
t = Checks()

KEYS = """state base last next durable-below restart archive-tail base-offset end-offset pending-bytes containers
container-size align size max-size retain available-bytes reserved-bytes framing flush-ms flush-threshold recovered-cut
error pending-max""".split()


class Control:
    """One open descriptor of a log's control."""

    def __init__(self, log, flags=os.O_RDWR):
        self.path = root + "/" + log + "/control"
        self.fd = os.open(self.path, flags)

    def say(self, text):
        """Writes in one write(2); returns (bytes or errno name, answers)."""
        data = text if isinstance(text, bytes) else text.encode()
        try:
            result = os.write(self.fd, data)
        except OSError as error:
            result = errno.errorcode[error.errno].replace("ENOTSUP", "EOPNOTSUPP")
        answers = []
        while True:
            answer = os.read(self.fd, 4096)
            if not answer:
                return result, answers
            answers.append(answer.decode())

    def ok(self, name, command):
        """The command is carried out and answered with an LSN, which is returned."""
        result, answers = self.say(command + "\n")
        match = len(answers) == 1 and re.fullmatch(r"ok (0x[0-9a-f]{16})\n", answers[0])
        t.result(result == len(command) + 1 and bool(match), name, "%r, %r" % (result, answers))
        return int(match.group(1), 16) if match else -1

    def refused(self, name, wanted, command):
        """The write fails with `wanted`, and the answer says the same and more."""
        result, answers = self.say(command + "\n")
        good = result == wanted and len(answers) == 1 and re.fullmatch("err %s .+\n" % wanted, answers[0])
        t.result(bool(good), name, "%r, %r" % (result, answers))

    def close(self):
        os.close(self.fd)


def state(log):
    with open(root + "/" + log + "/control") as file:
        return dict(line.rstrip("\n").split(" ", 1) for line in file)


def lsn(log, key):
    return int(state(log)[key], 16)


def append(log, data):
    fd = os.open(root + "/" + log + "/records", os.O_WRONLY | os.O_APPEND)
    os.write(fd, data)
    os.close(fd)


# ---- the state
os.mkdir(root + "/state")
with open(root + "/state/control") as file:
    lines = file.read().splitlines()
t.equal("the state has its keys in this order", KEYS, [line.split(" ")[0] for line in lines])
t.result(all(re.fullmatch(r"[a-z-]+ .+", line) for line in lines), "every line of the state is `key value`")
new = state("state")
t.equal("a new log", ("ok", "0x0000000000000000", "none", "0x0000000000000000", "0x0000000000000000", "none", "0", "0", "0"),
        tuple(new[key] for key in ("state", "base", "last", "next", "durable-below", "restart", "base-offset", "end-offset",
                                   "containers")))
t.equal("a new log has the defaults", ("8388608", "512", "1073741824", "off", "write", "1000", "1048576", "16777216"),
        tuple(new[key] for key in ("container-size", "align", "max-size", "retain", "framing", "flush-ms", "flush-threshold",
                                   "pending-max")))

# ---- settings until the first append
c = Control("state")
c.ok("framing line", "framing line")
c.ok("container-size", "container-size 1M")
c.ok("align", "align 4096")
new = state("state")
t.equal("they are in the state", ("line", "1048576", "4096"), (new["framing"], new["container-size"], new["align"]))
c.ok("framing write", "framing write")
c.ok("align 512", "align 512")
c.refused("framing, unknown", "EINVAL", "framing words")
c.refused("align, wrong", "EINVAL", "align 1024")
c.refused("container-size 0", "EINVAL", "container-size 0")
append("state", b"first\n")
c.refused("framing after the first append", "EBUSY", "framing line")
c.refused("align after the first append", "EBUSY", "align 4096")
c.refused("container-size after the first append", "EBUSY", "container-size 2M")

# ---- settings at any time
for command, key, value in (("max-size 64M", "max-size", "67108864"), ("max-size 2GiB", "max-size", "2147483648"),
                            ("retain 16M", "retain", "16777216"), ("retain off", "retain", "off"),
                            ("retain 14d", "retain", "1209600s"), ("retain off", "retain", "off"),
                            ("flush-ms 50", "flush-ms", "50"), ("flush-ms off", "flush-ms", "off"),
                            ("flush-ms 1000", "flush-ms", "1000"), ("flush-threshold 64K", "flush-threshold", "65536"),
                            ("pending-max 1M", "pending-max", "1048576"), ("pending-max 262144", "pending-max", "262144"),
                            ("pending-max 1G", "pending-max", "1073741824")):
    c.ok(command, command)
    t.equal(command + " is in the state", value, state("state")[key])
for command in ("max-size", "max-size 1 2", "max-size lots", "max-size -1", "max-size 1Q", "max-size 1m", "max-size 99999999999T",
                "retain", "retain 5x", "retain never", "flush-ms -1", "flush-ms 1.5", "flush-ms", "flush-threshold x",
                "pending-max 262143", "pending-max 1073741825", "pending-max 0"):
    c.refused(command, "EINVAL", command)

# ---- append and flush
before = lsn("state", "next")
first = c.ok("append", "append a text with  two blanks")
t.equal("append answers with the record's LSN", before, first)
with open(root + "/state/by-lsn/0x%016x" % first) as file:
    t.equal("append makes a record of the text and a newline", "a text with  two blanks\n", file.read())
second = c.ok("append-flush", "append-flush durable text")
t.result(second > first, "append-flush answers with the record's LSN")
t.result(lsn("state", "durable-below") > second, "append-flush returns when the record is durable")
c.refused("append without a text", "EINVAL", "append")
c.ok("append of an empty text", "append ")
c.refused("append of a text that no record can hold", "EMSGSIZE", "append " + "x" * 1044481)
append("state", b"unflushed")
flushed = c.ok("flush", "flush")
t.equal("flush answers with the first LSN that is not durable", lsn("state", "next"), flushed)
append("state", b"more")
last = lsn("state", "last")
for name, command in (("hex", "0x%x" % last), ("16 digits", "0x%016x" % last), ("upper case", "0X%X" % last), ("decimal", str(last)),
                      ("container:offset:record", "%x:%x:%x" % (last >> 32, last & 0xFFFFFE00, last & 0x1FF)),
                      ("after flush", "flush 0x%x" % last), ("blanks around", "  flush \t 0x%x  " % last)):
    t.result(c.ok("flush to an LSN, " + name, command) > last, "its answer is above the LSN, " + name)
t.equal("0x0 flushes everything", lsn("state", "next"), c.ok("0x0", "0x0"))
t.equal("flush to next flushes everything", lsn("state", "next"), c.ok("flush to next", "0x%x" % lsn("state", "next")))
for name, command in (("beyond next", "0x%x" % (lsn("state", "next") + 1)), ("CLFS_LSN_INVALID", "0xFFFFFFFF00000000"),
                      ("the largest", "0xFFFFFFFFFFFFFFFF"), ("17 digits", "0x00000000000000000"), ("no digit", "0x"),
                      ("not hex", "0xZZ"), ("decimal with a letter", "12a"), ("too large a decimal", "18446744073709551616"),
                      ("offset not a sector's", "0:1:0"), ("record too large", "0:0:200"), ("two colons short", "0:0"),
                      ("a part empty", "0::0"), ("negative", "-1"), ("two LSNs", "0x0 0x0"), ("flush two", "flush 0x0 0x0"),
                      ("flush a word", "flush all")):
    c.refused("flush to an LSN, " + name, "EINVAL", command)

# ---- lines
for name, command in (("an empty line", ""), ("blanks", "  \t "), ("an unknown word", "flsuh"), ("upper case", "FLUSH"),
                      ("a NUL", "flush\0"), ("invalid UTF-8", "fl\udcffush".encode("utf-8", "surrogateescape").decode("latin-1")),
                      ("a long word", "x" * 5000), ("recover with an argument", "recover now"), ("reset with an argument", "reset 1")):
    c.refused(name + " is EINVAL", "EINVAL", command)
t.equal("a short line needs no newline", 5, c.say("flush")[0])
next_before = lsn("state", "next")
result, answers = c.say("append one\nappend two\nappend three\n")
t.equal("lines of one write run in order", (len("append one\nappend two\nappend three\n"), 3), (result, len(answers)))
result, answers = c.say("append four\nnonsense\nappend five\n")
t.equal("the line that fails ends the write after those that ran", (12, 1), (result, len(answers)))
result, answers = c.say("nonsense\nappend five\n")
t.equal("sent again, it is answered", ("EINVAL", 1), (result, len(answers)))
next_before = lsn("state", "next")
result, answers = c.say("append " + "y" * 4100)
t.equal("4,096 bytes without a newline are E2BIG", ("E2BIG", 1, next_before),
        (result, len(answers), lsn("state", "next")))
result, answers = c.say("append z\nappend " + "y" * 4100)
t.equal("and nothing of such a write runs", ("E2BIG", next_before), (result, lsn("state", "next")))
t.equal("4,095 bytes without a newline run", 4095, c.say("append " + "y" * 4088)[0])
t.equal("a long line with its newline runs", 100008, c.say("append " + "y" * 100000 + "\n")[0])

# ---- answers
a, b = Control("state"), Control("state")
os.write(a.fd, b"append from a\n")
try:
    os.write(b.fd, b"nonsense\n")
except OSError:
    pass
t.result(os.read(a.fd, 100).startswith(b"ok"), "one handle reads its own answer")
t.result(os.read(b.fd, 100).startswith(b"err EINVAL"), "and another its own")
t.equal("then both read the end", (b"", b""), (os.read(a.fd, 100), os.read(b.fd, 100)))
os.write(a.fd, b"flush\nflush\n")
t.equal("read gives one answer at a time", [22, 22, 0], [len(os.read(a.fd, 4096)) for _ in range(3)])
os.write(a.fd, b"flush\n")
t.equal("in pieces, if the buffer is small", b"ok 0x", b"".join(os.read(a.fd, 1) for _ in range(5)))
t.equal("and the rest", 17, len(os.read(a.fd, 100)))
for _ in range(1030):
    os.write(a.fd, b"flush\n")
count = 0
while os.read(a.fd, 100):
    count += 1
t.equal("the newest 1,024 unread answers are kept", 1024, count)
a.close()
b.close()
w = os.open(root + "/state/control", os.O_WRONLY)
t.equal("a write-only handle writes", 6, os.write(w, b"flush\n"))
t.errno("and reads nothing", "EBADF", lambda: os.read(w, 10))
os.close(w)
f = open(root + "/state/control", "r+")
t.result(f.readline() == "state ok\n", "a handle that has written nothing reads the state")
f.close()

# two scripts at once
script = """exec 3<> "$1"
for i in $(seq 200); do echo "append $2 $i" >&3; read -r ok lsn <&3
[ "$(cat "${1%control}by-lsn/$lsn")" = "$2 $i" ] || echo "$2 $i got $ok $lsn"; done"""
runs = [subprocess.Popen(["bash", "-c", script, "-", root + "/state/control", name], stdout=subprocess.PIPE) for name in "abc"]
t.equal("scripts at once never see each other's answers", [b""] * 3, [run.communicate()[0] for run in runs])

# ---- base, restart, containers
os.mkdir(root + "/base")
b = Control("base")
for i in range(10):
    append("base", b"record %d\n" % i)
index = [line.split() for line in open(root + "/base/index")]
t.equal("index has a line for each record", 10, len(index))
fifth = int(index[5][0], 16)
b.ok("base", "base %s" % index[5][0])
t.equal("the base moved", (fifth, "45"), (lsn("base", "base"), state("base")["base-offset"]))
t.equal("records begins at the base", b"record 5\n", open(root + "/base/records", "rb").readline())
t.equal("what was flushed for it is durable", True, lsn("base", "durable-below") >= fifth)
b.refused("base below the base", "ERANGE", "base %s" % index[4][0])
b.refused("base beyond next", "EINVAL", "base 0x%x" % (lsn("base", "next") + 512))
b.refused("base without an LSN", "EINVAL", "base")
b.refused("base with a word", "EINVAL", "base here")
b.refused("archive-tail of an ephemeral log", "EOPNOTSUPP", "archive-tail 0x0")
b.refused("policy", "EOPNOTSUPP", "policy maximum-size 5")
before = int(state("base")["containers"])
b.ok("add-container", "add-container")
b.ok("add-container N", "add-container 2")
t.equal("they are there", before + 3, int(state("base")["containers"]))
names = os.listdir(root + "/base/containers")
t.equal("and are listed", before + 3, len(names))
texts = {name: dict(line.split() for line in open(root + "/base/containers/" + name)) for name in names}
t.equal("each has an id, a state and a size", True, all({"id", "state", "size"} <= set(text) for text in texts.values()))
free = [name for name in names if texts[name]["state"] == "inactive"]
active = [name for name in names if texts[name]["state"] == "active"]
b.refused("add-container 0", "EINVAL", "add-container 0")
b.refused("add-container x", "EINVAL", "add-container x")
b.refused("add-container, too many", "EINVAL", "add-container 1024")
b.ok("remove-container", "remove-container " + free[0])
t.equal("it is gone", False, free[0] in os.listdir(root + "/base/containers"))
b.refused("remove-container of one that is not there", "ENOENT", "remove-container nothing")
b.refused("remove-container force of an active one", "EBUSY", "remove-container %s force" % active[0])
b.refused("remove-container with a wrong word", "EINVAL", "remove-container %s now" % free[1])
next_before, end_before = lsn("base", "next"), state("base")["end-offset"]
after = b.ok("reset", "reset")
t.result(after > next_before, "after reset LSNs go on above those that were")
t.equal("after reset the log is empty and its stream offsets go on", (b"", end_before),
        (open(root + "/base/records", "rb").read(), state("base")["end-offset"]))
append("base", b"anew\n")
t.equal("it takes records again", b"anew\n", open(root + "/base/records", "rb").read())
b.ok("recover of a log that is well", "recover")
b.close()

# ---- restart areas
restart = root + "/state/restart"
t.equal("no restart area: an empty file", (b"", 0), (open(restart, "rb").read(), os.stat(restart).st_size))
fd = os.open(restart, os.O_RDWR)
os.write(fd, b"first area")
os.write(fd, b"second")
t.equal("restart is the newest area", (b"second", 6), (open(restart, "rb").read(), os.stat(restart).st_size))
t.result(lsn("state", "durable-below") > lsn("state", "restart"), "a restart area is durable when its write returns")
t.errno("an area is one write(2) or none", "EMSGSIZE", lambda: os.write(fd, b"x" * (2 << 20)))
t.equal("the refused one left the newest as it was", b"second", open(restart, "rb").read())
os.close(fd)
t.result(b"second" not in open(root + "/state/records", "rb").read(), "restart areas are not in records")
t.result(any(line.split()[3] == "restart" for line in open(root + "/state/index")), "but in index")

# ---- poll
p = Control("state", os.O_RDONLY)
poll = select.poll()
poll.register(p.fd, select.POLLIN)
urgent = select.poll()
urgent.register(p.fd, select.POLLPRI)
c.ok("flush before poll", "flush")
t.equal("a state that was not read yet is readable", True, bool(poll.poll(0)))
os.pread(p.fd, 4096, 0)
t.equal("poll on control is quiet once it was read", ([], []), (poll.poll(100), urgent.poll(0)))


def later():
    time.sleep(0.2)
    append("state", b"for poll\n")
    c.say("flush\n")


for name, waiter in (("poll", lambda: poll.poll(10000)), ("POLLPRI", lambda: urgent.poll(10000)),
                     ("select", lambda: select.select([p.fd], [], [], 10)[0])):
    thread = threading.Thread(target=later)
    thread.start()
    t.result(bool(waiter()), "%s on control wakes when durable-below has moved" % name)
    thread.join()
    t.result(bool(waiter()), "and stays awake until it is read, " + name)
    os.pread(p.fd, 4096, 0)
    t.equal("then it is quiet again, " + name, [], poll.poll(0))
with select.epoll() as epoll:
    epoll.register(p.fd, select.EPOLLIN)
    t.equal("epoll is quiet too", [], epoll.poll(0.1))
    thread = threading.Thread(target=later)
    thread.start()
    t.result(bool(epoll.poll(10)), "epoll wakes")
    thread.join()
p.close()
c.close()
t.end()
