# SPDX-License-Identifier: LGPL-2.1-or-later
"""bad_writes.py MNT: writes of every size, from nothing to 2 GiB, to a log of each framing with max-size=256M."""
import ctypes
import hashlib
import mmap
import os
import sys
from checks import Checks

root = sys.argv[1]
t = Checks()
libc = ctypes.CDLL(None, use_errno=True)
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
libc.write.restype = ctypes.c_ssize_t
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mmap.restype = ctypes.c_void_p
MAP_NORESERVE = 0x4000
MIB = 1 << 20
PIECE = 1044481  # the longest write that is one record


def write_at(fd, address, size):
    got = libc.write(fd, address, size)
    if got < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return got


def text_line(size):
    """One line of so many bytes."""
    return (os.urandom(64).replace(b"\n", b"n") * (size // 64 + 1))[:size - 1] + b"\n"


class Log:
    def __init__(self, name):
        self.where = "%s/%s/" % (root, name)

    def state(self):
        with open(self.where + "control") as file:
            return dict(line.rstrip("\n").split(" ", 1) for line in file)

    def lengths(self):
        with open(self.where + "index") as file:
            return [int(line.split()[2]) for line in file]

    def command(self, text):
        with open(self.where + "control", "w") as file:
            file.write(text + "\n")

    def open(self):
        return os.open(self.where + "records", os.O_WRONLY | os.O_APPEND)

    def digest(self, size):
        """Of the first `size` bytes; and how many bytes of zeros, and others, follow."""
        have, zeros, others = hashlib.sha256(), 0, 0
        with open(self.where + "records", "rb") as file:
            while size > 0:
                part = file.read(min(MIB, size))
                if not part:
                    return "too short by %d" % size, 0, 0
                have.update(part)
                size -= len(part)
            for part in iter(lambda: file.read(MIB), b""):
                zeros += part.count(0)
                others += len(part) - part.count(0)
        return have.hexdigest(), zeros, others


def check(name):
    log = Log(name)
    log.command("base " + log.state()["next"])
    fd = log.open()
    whole, total = hashlib.sha256(), 0

    # ---- small ones
    t.equal(name + ": a write of nothing", 0, os.write(fd, b""))
    t.equal(name + ": is no record", [], log.lengths())
    t.errno(name + ": a buffer that is not there", "EFAULT", lambda: write_at(fd, 8, 100))
    t.equal(name + ": nor is that", [], log.lengths())
    t.equal(name + ": one byte", 1, os.write(fd, b"\n"))
    t.equal(name + ": is one", [1], log.lengths())
    t.equal(name + ": writev with empty parts", 3, os.writev(fd, [b"", b"a", b"", b"b\n", b""]))
    whole.update(b"\nab\n")
    total += 4

    # ---- about a mebibyte
    count = len(log.lengths())
    for size in (PIECE - 1, PIECE, PIECE + 1, MIB):
        data = text_line(size)
        t.equal("%s: %d bytes" % (name, size), size, os.write(fd, data))
        whole.update(data)
        total += size
    lengths = log.lengths()
    t.equal(name + ": up to %d bytes from one buffer are one record" % PIECE, [PIECE - 1, PIECE], lengths[count:count + 2])
    t.result(total == sum(lengths), name + ": every byte is in a record", "%d of %d" % (sum(lengths), total))
    t.equal(name + ": all of it, in order", (whole.hexdigest(), 0, 0), log.digest(total))

    # ---- 64 MiB, each with its own bytes
    big = bytearray()
    for _ in range(64):
        big += text_line(MIB)
    t.equal(name + ": 64 MiB", len(big), os.write(fd, big))
    whole.update(big)
    total += len(big)
    t.equal(name + ": all of that too, in order", (whole.hexdigest(), 0, 0), log.digest(total))

    # ---- 2 GiB of zeros, for which there is no room
    zeros = libc.mmap(None, 2 << 30, mmap.PROT_READ, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    taken = write_at(fd, zeros, 2 << 30)
    t.result(MIB < taken < 256 * MIB, name + ": of 2 GiB as much as there is room for", str(taken))
    t.errno(name + ": and then no more", "ENOSPC", lambda: [write_at(fd, zeros, MIB) for _ in range(3)])
    now = log.state()
    t.equal(name + ": it says that it is full", "full", now["state"])
    digest, there, others = log.digest(total)
    t.equal(name + ": what was there before is still there", whole.hexdigest(), digest)
    # The end of a line log may be an unterminated line of this descriptor; retries may have added a little.
    t.result(others == 0 and taken - MIB <= there <= taken + 3 * MIB, name + ": and after it what was taken of the 2 GiB",
             "%d taken, %d there, %d others" % (taken, there, others))
    t.succeeds(name + ": a full log can be flushed", lambda: os.fsync(fd))
    os.close(fd)
    t.succeeds(name + ": and gets room when the base moves", lambda: log.command("base " + log.state()["next"]))
    fd = log.open()
    t.equal(name + ": then it takes appends again", 6, os.write(fd, b"again\n"))
    t.equal(name + ": and is ok", "ok", log.state()["state"])
    os.close(fd)


check("log")
check("lines")
t.end()
