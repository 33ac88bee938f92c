# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of logs, handles that outlive their log, locks and nodes."""
import errno
import fcntl
import multiprocessing
import os
import select
import signal
import struct
import sys
import time
from checks import Checks

root = sys.argv[1]
t = Checks()


def metric(name):
    with open(root + "/.clfs/metrics") as file:
        for line in file:
            if line.startswith(name + " "):
                return int(line.split()[1])
    return None


def state(log):
    with open(root + "/" + log + "/control") as file:
        return dict(line.rstrip("\n").split(" ", 1) for line in file)


def remove(log):
    """Empties the log and removes it."""
    with open(root + "/" + log + "/control", "w") as file:
        file.write("base %s\n" % state(log)["next"])
    os.rmdir(root + "/" + log)


# ---- names
for name in ("a", "with blank", "dots.in.it", "umlaut-\u00e4\u00f6\u00fc", "-dash", "x" * 200, "{brace}", "quote'\"", "*"):
    path = root + "/" + name
    if t.succeeds("mkdir %.30r" % name, lambda: os.mkdir(path)) is None and name in os.listdir(root):
        with open(path + "/records", "ab") as file:
            file.write(b"text")
        t.equal("it works, %.30r" % name, b"text", open(path + "/records", "rb").read())
        remove(name)
for name, wanted in ((b"x" * 201, "ENAMETOOLONG"), (b"x" * 300, "ENAMETOOLONG"), (b".hidden", "EINVAL"), (b"a\nb", "EINVAL"),
                     (b"a\x01", "EINVAL"), (b"invalid \xff UTF-8", "EINVAL EILSEQ"), (b"..x", "EINVAL"), (b".", "EEXIST")):
    t.errno("mkdir %.30r" % name, wanted, lambda: os.mkdir(os.fsencode(root) + b"/" + name))
t.errno("stat of a long name", "ENAMETOOLONG", lambda: os.stat(root + "/" + "x" * 300))
t.errno("mkdir below a log", "EPERM", lambda: os.mkdir(root + "/log/sub"))
t.equal("nothing of it was made", ["log", "open"], sorted(os.listdir(root)))

# ---- handles that outlive their log
os.mkdir(root + "/gone")
reader = os.open(root + "/gone/records", os.O_RDONLY)
control = os.open(root + "/gone/control", os.O_RDWR)
index = os.open(root + "/gone/index", os.O_RDONLY)
os.rmdir(root + "/gone")
for name, call in (("read of records", lambda: os.read(reader, 1)), ("fstat", lambda: os.fstat(reader)),
                   ("a command", lambda: os.write(control, b"flush\n")), ("read of index", lambda: os.read(index, 1)),
                   ("fsync", lambda: os.fsync(reader))):
    t.errno(name + " of a removed log", "ESTALE", call)
os.mkdir(root + "/gone")
with open(root + "/gone/records", "ab") as file:
    file.write(b"another log")
t.errno("also when there is another log of that name", "ESTALE", lambda: os.read(reader, 1))
t.equal("which is not disturbed", b"another log", open(root + "/gone/records", "rb").read())
for fd in (reader, control, index):
    os.close(fd)
reader = os.open(root + "/gone/records", os.O_RDONLY)
t.errno("an rmdir that is refused", "ENOTEMPTY", lambda: os.rmdir(root + "/gone"))
t.equal("leaves the readers alone", b"another log", os.read(reader, 100))
os.close(reader)
remove("gone")

# ---- an open has its origin
os.mkdir(root + "/origin")
records = root + "/origin/records"
for i in range(4):
    with open(records, "ab") as file:
        file.write(b"record %d\n" % i)
early = os.open(records, os.O_RDONLY)
lines = open(root + "/origin/index").read().split("\n")
with open(root + "/origin/control", "w") as file:
    file.write("base %s\n" % lines[2].split()[0])
late = os.open(records, os.O_RDONLY)
t.equal("an open reads from the base of its time", (b"record 0\nrecord 1\nrecord 2\nrecord 3\n", b"record 2\nrecord 3\n"),
        (os.read(early, 100), os.read(late, 100)))
t.equal("its size is its own", (36, 18), (os.fstat(early).st_size, os.fstat(late).st_size))
t.equal("its offsets stay", (b"record 1\n", b"record 3\n"), (os.pread(early, 9, 9), os.pread(late, 9, 9)))
with open(records, "ab") as file:
    file.write(b"record 4\n")
t.equal("both see what is appended", (b"record 4\n", b"record 4\n"), (os.read(early, 100), os.read(late, 100)))
os.close(early)
os.close(late)
remove("origin")

# ---- locks: by log, dropped with the open file or the process
os.mkdir(root + "/locks")
os.mkdir(root + "/locks2")
records = root + "/locks/records"
OFD_SETLKW = 38


def lock_flock(fd, kind):
    fcntl.flock(fd, kind)


def lock_posix(fd, kind):
    fcntl.lockf(fd, kind)


def lock_ofd(fd, kind):
    fcntl.fcntl(fd, OFD_SETLKW, struct.pack("hhqqi4x", fcntl.F_WRLCK if kind == fcntl.LOCK_EX else fcntl.F_UNLCK, 0, 0, 0, 0))


def count(lock, counter):
    fd = os.open(records, os.O_RDWR | os.O_APPEND)
    for _ in range(50):
        lock(fd, fcntl.LOCK_EX)
        value = counter.value
        time.sleep(0.0002)
        counter.value = value + 1
        lock(fd, fcntl.LOCK_UN)


for name, lockers in (("flock", [lock_flock] * 4), ("fcntl", [lock_posix] * 4), ("OFD", [lock_ofd] * 4),
                      ("fcntl and OFD", [lock_posix, lock_ofd] * 2)):
    counter = multiprocessing.RawValue("i", 0)
    runs = [multiprocessing.Process(target=count, args=(lock, counter)) for lock in lockers]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    t.equal("%s locks exclude each other across opens" % name, 200, counter.value)

first, second = os.open(records, os.O_RDWR | os.O_APPEND), os.open(records, os.O_RDWR | os.O_APPEND)
other = os.open(root + "/locks2/records", os.O_RDWR | os.O_APPEND)
fcntl.flock(first, fcntl.LOCK_SH)
t.succeeds("shared locks go together", lambda: fcntl.flock(second, fcntl.LOCK_SH | fcntl.LOCK_NB))
t.errno("an exclusive one does not", "EAGAIN", lambda: fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB))
t.succeeds("another log's lock is another lock", lambda: fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB))
fcntl.flock(second, fcntl.LOCK_EX)


def interrupted(*_):
    raise InterruptedError(errno.EINTR, "signal")


signal.signal(signal.SIGALRM, interrupted)
signal.setitimer(signal.ITIMER_REAL, 0.2)
t.errno("a signal ends the wait for a lock", "EINTR", lambda: fcntl.flock(first, fcntl.LOCK_EX))


def hold():
    fd = os.open(records, os.O_RDWR | os.O_APPEND)
    fcntl.flock(fd, fcntl.LOCK_EX)
    time.sleep(60)


def kill(process):
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    return process.exitcode


waiter = multiprocessing.Process(target=hold)
waiter.start()
t.equal("a process that waits for a lock can be killed", -signal.SIGKILL, kill(waiter))
fcntl.flock(second, fcntl.LOCK_UN)
t.succeeds("and does not get it later", lambda: fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB))
fcntl.flock(first, fcntl.LOCK_UN)
holder = multiprocessing.Process(target=hold)
holder.start()
kill(holder)
t.succeeds("a dead process holds no lock", lambda: fcntl.flock(first, fcntl.LOCK_EX))
fcntl.lockf(first, fcntl.LOCK_EX, 10, 5)


def probe():
    fd = os.open(records, os.O_RDWR | os.O_APPEND)
    result = fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
    kind, _, start, length, pid = struct.unpack("hhqqi4x", result)
    free = True
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 0)
    except OSError:
        free = False
    os._exit(0 if (kind, start, length, pid) == (fcntl.F_WRLCK, 5, 10, os.getppid()) and free else 1)


prober = multiprocessing.Process(target=probe)
prober.start()
prober.join()
t.equal("F_GETLK says who has what; bytes beside it are free", 0, prober.exitcode)
third = os.open(records, os.O_RDONLY)
os.close(third)
prober = multiprocessing.Process(target=probe)
prober.start()
prober.join()
t.result(prober.exitcode != 0, "close of any descriptor of the file drops the process' fcntl locks")
for fd in (first, second, other):
    os.close(fd)

# ---- many opens are in flight at once, and leave nothing behind
os.mkdir(root + "/many")
records = root + "/many/records"


def append_and_sync(number, gate):
    fd = os.open(records, os.O_WRONLY | os.O_APPEND)
    gate.wait()
    for i in range(20):
        os.write(fd, b"%d %d\n" % (number, i))
        os.fsync(fd)


gate = multiprocessing.Barrier(16)
runs = [multiprocessing.Process(target=append_and_sync, args=(i, gate)) for i in range(16)]
for run in runs:
    run.start()
for run in runs:
    run.join()
t.equal("16 opens sync their appends", [0] * 16, [run.exitcode for run in runs])
peak = metric('clfs_waiting_peak{for="fsync"}')
t.result(peak is not None and peak > 1, "fsyncs of different opens are in flight at once", "at most %s" % peak)
t.equal("and each line is there", 320, len(open(records).readlines()))

with open(root + "/.clfs/version") as file:
    pid = [line.split()[1] for line in file if line.startswith("pid")][0]


def resident():
    with open("/proc/%s/status" % pid) as file:
        return [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]


before = metric("clfs_nodes"), metric("clfs_handles"), resident()
for _ in range(int(os.environ.get("OPENS", "5000"))):
    os.close(os.open(records, os.O_WRONLY | os.O_APPEND))
time.sleep(0.2)
after = metric("clfs_nodes"), metric("clfs_handles"), resident()
t.result(after[0] - before[0] < 100 and after[1] - before[1] < 10, "opens and closes leave no nodes and no handles",
         "%r, then %r" % (before, after))
t.result(after[2] - before[2] < 16384, "and no memory", "%r kB, then %r kB" % (before[2], after[2]))
for name in ("locks", "locks2", "many"):
    remove(name)
t.end()
