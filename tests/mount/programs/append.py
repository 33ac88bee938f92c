# SPDX-License-Identifier: LGPL-2.1-or-later
"""Appends to the file in every way that Python's library has."""
import os
import random
import sys

name = sys.argv[1]
noise = random.Random(2)

with open(name, "a") as text:
    for i in range(2000):
        print("buffered line", i, file=text)
    text.write("an end without a newline")
with open(name, "a", buffering=1) as text:
    text.write("\n")
    for i in range(300):
        print("flushed line", i, file=text)
        if i % 50 == 0:
            os.fsync(text.fileno())
with open(name, "ab", buffering=0) as raw:
    for _ in range(50):
        data = noise.randbytes(noise.randrange(1, 20000))
        assert raw.write(data) == len(data)
    big = noise.randbytes(3 << 20)  # more than one record
    done = 0
    while done < len(big):
        done += raw.write(big[done:])
with open(name, "a+b") as both:
    both.write(b"one more\n")
    both.flush()
    os.fsync(both.fileno())
    assert both.tell() == os.fstat(both.fileno()).st_size == both.seek(0, 2)
    both.seek(0)
    assert both.read(15) == b"buffered line 0"
    both.write(b"appended, though the file was read at its start\n")
fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_DSYNC, 0o644)
os.write(fd, b"synchronous\n")
os.pwrite(fd, b"at no offset\n", 5)
assert os.writev(fd, [b"several ", b"", b"pieces\n"]) == 15
os.close(fd)
