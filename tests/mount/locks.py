# SPDX-License-Identifier: LGPL-2.1-or-later
"""locks.py FILE DIRECTORY: flock, POSIX and OFD locks on a log's file exclude each other across opens, which are different inodes
to the kernel, and end as they do on a plain file."""
import fcntl
import multiprocessing
import os
import select
import signal
import struct
import sys
import tempfile
import time

from checks import Checks

name = sys.argv[1]
checks = Checks()
F_OFD_SETLK, F_OFD_SETLKW = 37, 38
FLOCK = "hhqqi4x"


def opened():
    return os.open(name, os.O_RDWR | os.O_APPEND)


def ofd(fd, kind, wait=False, start=0, length=0):
    fcntl.fcntl(fd, F_OFD_SETLKW if wait else F_OFD_SETLK, struct.pack(FLOCK, kind, os.SEEK_SET, start, length, 0))


def in_process(function, *args):
    """Runs it in a forked process, and gives what it returns, or the errno."""
    receiver, sender = multiprocessing.Pipe(False)
    pid = os.fork()
    if pid == 0:
        try:
            sender.send(function(*args))
        except OSError as error:
            sender.send(error.errno)
        finally:
            os._exit(0)
    sender.close()
    value = receiver.recv() if receiver.poll(20) else "nothing"
    os.waitpid(pid, 0)
    return value


def try_posix(kind, start=0, length=0):
    fcntl.lockf(opened(), kind | fcntl.LOCK_NB, length, start)
    return "locked"


def try_flock(kind):
    fcntl.flock(opened(), kind | fcntl.LOCK_NB)
    return "locked"


def get_lock(start, length):
    answer = fcntl.fcntl(opened(), fcntl.F_GETLK, struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))
    return struct.unpack(FLOCK, answer)


# A counter in a plain file, added to by eight processes: nothing is lost only if no two are inside at once.
LOCKERS = {
    "flock": (lambda fd: fcntl.flock(fd, fcntl.LOCK_EX), lambda fd: fcntl.flock(fd, fcntl.LOCK_UN)),
    "lockf": (lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX), lambda fd: fcntl.lockf(fd, fcntl.LOCK_UN)),
    "OFD locks": (lambda fd: ofd(fd, fcntl.F_WRLCK, True), lambda fd: ofd(fd, fcntl.F_UNLCK)),
}


def count(path, lock, unlock):
    for i in range(50):
        fd = opened()
        lock(fd)
        with open(path) as counter:
            value = int(counter.read())
        if i % 10 == 0:
            time.sleep(0.001)
        with open(path, "w") as counter:
            counter.write(str(value + 1))
        if i % 2 == 0:
            unlock(fd)
        os.close(fd)  # that ends it too


for what, (lock, unlock) in LOCKERS.items():
    with tempfile.NamedTemporaryFile("w") as counter:
        counter.write("0")
        counter.flush()
        processes = [multiprocessing.Process(target=count, args=(counter.name, lock, unlock)) for _ in range(8)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        checks.equal("eight processes with %s do not disturb each other" % what, "400", open(counter.name).read())

EAGAIN = 11
fd = opened()
fcntl.flock(fd, fcntl.LOCK_SH)
checks.equal("two shared flocks", "locked", in_process(try_flock, fcntl.LOCK_SH))
checks.equal("an exclusive flock beside a shared one", EAGAIN, in_process(try_flock, fcntl.LOCK_EX))
copy = os.dup(fd)
os.close(fd)
checks.equal("a flock lives as long as a duplicate", EAGAIN, in_process(try_flock, fcntl.LOCK_EX))
os.close(copy)
checks.equal("and ends with the last one", "locked", in_process(try_flock, fcntl.LOCK_EX))

fd = opened()
fcntl.lockf(fd, fcntl.LOCK_EX, 10, 5)
checks.equal("a range that overlaps", EAGAIN, in_process(try_posix, fcntl.LOCK_EX, 14, 1))
checks.equal("a range before it", "locked", in_process(try_posix, fcntl.LOCK_EX, 0, 5))
checks.equal("a range behind it", "locked", in_process(try_posix, fcntl.LOCK_EX, 15, 0))
checks.equal("F_GETLK says what is in the way, and whose it is",
             (fcntl.F_WRLCK, os.SEEK_SET, 5, 10, os.getpid()), in_process(get_lock, 0, 100))
checks.equal("F_GETLK where nothing is", fcntl.F_UNLCK, in_process(get_lock, 20, 1)[0])
checks.equal("flock and fcntl locks do not see each other", "locked", in_process(try_flock, fcntl.LOCK_EX))
os.close(opened())
checks.equal("closing any descriptor of the file ends a process's POSIX locks, as POSIX says", "locked",
             in_process(try_posix, fcntl.LOCK_EX, 5, 10))
ofd(fd, fcntl.F_WRLCK)
os.close(opened())
checks.equal("but not OFD locks", EAGAIN, in_process(try_posix, fcntl.LOCK_EX))
other = opened()
checks.errno("OFD locks of one process exclude each other", "EAGAIN EACCES", lambda: ofd(other, fcntl.F_WRLCK))
os.close(fd)
checks.succeeds("closing ends them", lambda: ofd(other, fcntl.F_WRLCK))
os.close(other)

# Waiting: until the other one unlocks, dies or a signal comes.
for what, hold, wait in (("flock", lambda fd: fcntl.flock(fd, fcntl.LOCK_EX), lambda fd: fcntl.flock(fd, fcntl.LOCK_EX)),
                         ("lockf", lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX), lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX))):
    ready, told = os.pipe()
    holder = os.fork()
    if holder == 0:
        hold(opened())
        os.write(told, b"h")
        signal.pause()
    os.read(ready, 1)
    waiter = os.fork()
    if waiter == 0:
        os.write(told, b"w")
        wait(opened())
        os.write(told, b"l")
        os._exit(0)
    os.read(ready, 1)
    checks.equal("a second %s waits" % what, [], select.select([ready], [], [], 0.3)[0])
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    checks.result(bool(select.select([ready], [], [], 10)[0]) and os.read(ready, 1) == b"l",
                  "until the process that holds the %s is killed" % what)
    os.waitpid(waiter, 0)

    fd = opened()
    hold(fd)

    def interrupted():
        def handler(number, frame):
            raise InterruptedError(4, "interrupted")
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        wait(opened())
        return "locked"

    checks.equal("a signal ends the wait for a %s" % what, 4, in_process(interrupted))
    os.close(fd)
    checks.equal("and leaves nothing behind: %s" % what, "locked",
                 in_process(try_flock if what == "flock" else try_posix, fcntl.LOCK_EX))
checks.end()
