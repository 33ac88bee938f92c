# SPDX-License-Identifier: LGPL-2.1-or-later
"""follow.py LOG DIRECTORY MOVES: tail -f, tail -F and a program that reads on follow `records` while the base moves up
behind them that often."""
import atexit
import errno
import os
import subprocess
import sys
import threading
import time

from checks import Checks

log, directory, moves = sys.argv[1], sys.argv[2], int(sys.argv[3])
framing = os.path.basename(log)
records = os.path.join(log, "records")
checks = Checks()
control = os.open(os.path.join(log, "control"), os.O_RDWR)


def state(key):
    with open(os.path.join(log, "control")) as text:
        return dict(line.rstrip("\n").split(" ", 1) for line in text)[key]


def command(text):
    os.write(control, text.encode() + b"\n")
    answer = os.read(control, 1000)
    if not answer.startswith(b"ok "):
        raise RuntimeError("%s: %s" % (text, answer))


class Follower:
    """A program that copies what it follows into a file."""

    def __init__(self, name, argv):
        self.name = name
        self.path = os.path.join(directory, name.replace(" ", "-") + "-" + framing)
        self.errors = self.path + ".err"
        with open(self.path, "wb") as out, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(argv, stdout=out, stderr=errors)
        atexit.register(self.process.kill)

    def size(self):
        return os.stat(self.path).st_size

    def end(self):
        self.process.kill()
        self.process.wait()
        return open(self.errors).read()


class Reader:
    """A program that keeps the file open and reads on from where it was."""

    def __init__(self):
        self.name, self.path = "a reader", os.path.join(directory, "reader-" + framing)
        self.stop, self.error = False, ""
        self.source = os.open(records, os.O_RDONLY)
        open(self.path, "wb").close()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with open(self.path, "wb", buffering=0) as out:
            while not self.stop:
                try:
                    data = os.read(self.source, 50000)
                except OSError as error:
                    self.error = str(error)
                    return
                out.write(data)
                if not data:
                    time.sleep(0.005)

    def size(self):
        return os.stat(self.path).st_size

    def end(self):
        self.stop = True
        self.thread.join()
        return self.error


expected = bytearray()
line = 0


def append():
    """About 70 KB in lines, by three opens."""
    global line
    for _ in range(3):
        with open(records, "ab") as out:
            for _ in range(8):
                text = b"".join(b"%s line %d %s\n" % (framing.encode(), line + i, b"." * ((line + i) % 90)) for i in range(50))
                line += 50
                out.write(text)
                out.flush()
                expected.extend(text)


def all_have(size):
    end = time.monotonic() + 30
    while any(follower.size() < size for follower in followers):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


append()
followers = [Follower("tail -f", ["tail", "-n", "+1", "-s", "0.01", "-f", records]),
             Follower("tail -F", ["tail", "-n", "+1", "-s", "0.01", "-F", records]),
             Reader()]
kept_up = all_have(len(expected))
for _ in range(moves):
    if not kept_up:
        break
    # Up to what each of them has seen; what comes now is unread, or half read, while the base moves.
    last = state("last")
    base_offset = len(expected) - os.stat(os.path.join(log, "by-lsn", last)).st_size
    append()
    command("base " + last)
    kept_up = all_have(len(expected))
checks.result(kept_up, "those who follow see everything promptly, over %d base moves (%s)" % (moves, framing),
              ", ".join("%s has %d of %d" % (f.name, f.size(), len(expected)) for f in followers))
time.sleep(0.1)  # for anything that comes twice
checks.equal("the base has moved (%s)" % framing, base_offset, int(state("base-offset")))
checks.result(int(state("size")) <= 4 << 20 < len(expected), "containers were used again (%s)" % framing, state("size"))
for follower in followers:
    said = follower.end()
    with open(follower.path, "rb") as copy:
        got = copy.read()
    checks.result(got == expected, "%s: nothing twice, nothing missed (%s)" % (follower.name, framing),
                  "%d bytes, wanted %d; %s" % (len(got), len(expected), said))
    checks.equal("%s says nothing (%s)" % (follower.name, framing), "", said)

# A handle's offsets stay. What it points at below the base is read as it was, or is ESTALE, and never anything else.
source = followers[-1].source
wrong, stale = [], 0
for offset in range(0, len(expected), 4096):
    try:
        if os.pread(source, 4096, offset) != expected[offset:offset + 4096]:
            wrong.append(offset)
    except OSError as error:
        if error.errno != errno.ESTALE:
            wrong.append((offset, error))
        stale += 1
checks.equal("an old handle reads what was there, or ESTALE (%s)" % framing, [], wrong)
checks.result(0 < stale < len(expected) // 4096, "ESTALE for what is gone, and only for that (%s)" % framing, str(stale))
checks.equal("its size goes on from its own start (%s)" % framing, len(expected), os.fstat(source).st_size)
with open(records, "rb") as anew:
    data = anew.read()
checks.equal("a new open starts at the base (%s)" % framing, bytes(expected[-len(data):]), data)
checks.result(0 < len(data) < 1 << 20, "and is short (%s)" % framing, str(len(data)))
checks.end()
