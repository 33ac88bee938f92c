# SPDX-License-Identifier: LGPL-2.1-or-later
"""waiting.py MNT GATE: requests that wait for a barrier. While the file GATE is there, the daemon's barriers do not end."""
import os
import re
import signal
import subprocess
import sys
import threading
import time

from checks import Checks

mnt, gate = sys.argv[1:]
log = os.path.join(mnt, "log")
checks = Checks()


def waiting(reason):
    with open(os.path.join(mnt, ".clfs/metrics")) as metrics:
        return int(re.search(r'^clfs_waiting\{for="%s"\} (\d+)$' % reason, metrics.read(), re.M).group(1))


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def barriers():
    return os.stat(gate + ".count").st_size


def state(key):
    with open(os.path.join(log, "control")) as control:
        return dict(line.rstrip("\n").split(" ", 1) for line in control)[key]


def threads_of_daemon():
    with open(os.path.join(mnt, ".clfs/version")) as version:
        pid = re.search(r"^pid (\d+)$", version.read(), re.M).group(1)
    with open("/proc/%s/status" % pid) as status:
        return int(re.search(r"^Threads:\s+(\d+)$", status.read(), re.M).group(1))


SCRIPTS = {
    "fsync": "fd = os.open('records', os.O_WRONLY | os.O_APPEND); os.write(fd, b'x\\n'); os.fsync(fd)",
    "dsync": "fd = os.open('records', os.O_WRONLY | os.O_APPEND | os.O_DSYNC); os.write(fd, b'x\\n')",
    "command": "fd = os.open('records', os.O_WRONLY | os.O_APPEND); os.write(fd, b'x\\n');"
               "fd = os.open('control', os.O_RDWR); os.write(fd, b'flush\\n'); assert os.read(fd, 100)[:3] == b'ok '",
}
for reason, script in SCRIPTS.items():
    open(gate, "w").close()
    before = barriers()
    processes = [subprocess.Popen([sys.executable, "-c", "import os\n" + script], cwd=log) for _ in range(16)]
    checks.result(until(lambda: waiting(reason) == 16), "16 processes wait in the daemon at once: " + reason,
                  "%d do" % waiting(reason))
    durable = state("durable-below")
    with open(os.path.join(log, "records"), "ab", buffering=0) as more:
        more.write(b"appended meanwhile\n")
    with open(os.path.join(log, "records"), "rb") as records:
        checks.result(records.read().endswith(b"appended meanwhile\n"), "appends and reads go on meanwhile: " + reason)
    checks.equal("nobody has returned: " + reason, [None] * 16, [process.poll() for process in processes])
    checks.equal("and durable-below has not moved: " + reason, durable, state("durable-below"))
    os.unlink(gate)
    checks.equal("all return: " + reason, [0] * 16, [process.wait(20) for process in processes])
    used = barriers() - before
    # The one that was held; the one for all who came while it ran.
    checks.result(1 <= used <= 2, "with two barriers at most: " + reason, "%d were used" % used)

# An answer costs no thread while it waits.
open(gate, "w").close()
failed = []


def sync():
    try:
        fd = os.open(os.path.join(log, "records"), os.O_WRONLY | os.O_APPEND)
        os.write(fd, b"one of many\n")
        os.fsync(fd)
        os.close(fd)
    except OSError as error:
        failed.append(error)


many = [threading.Thread(target=sync) for _ in range(300)]
for thread in many:
    thread.start()
checks.result(until(lambda: waiting("fsync") == 300), "300 fsyncs wait at once", "%d do" % waiting("fsync"))
checks.result(threads_of_daemon() < 60, "without a thread for each", "%d threads" % threads_of_daemon())

# A signal ends the wait, of this one only.
script = """
import os, signal
def interrupt(number, frame):
    raise InterruptedError()
signal.signal(signal.SIGUSR1, interrupt)
fd = os.open("records", os.O_WRONLY | os.O_APPEND)
os.write(fd, b"interrupted\\n")
try:
    os.fsync(fd)
except InterruptedError:
    raise SystemExit(7)
"""
process = subprocess.Popen([sys.executable, "-c", script], cwd=log)
checks.result(until(lambda: waiting("fsync") == 301), "one more waits")
process.send_signal(signal.SIGUSR1)
checks.equal("a signal ends its fsync with EINTR", 7, process.wait(20))
checks.equal("the others go on waiting", 300, waiting("fsync"))
os.unlink(gate)
for thread in many:
    thread.join()
checks.equal("all 300 return without an error", [], failed)
checks.equal("nothing waits any more", 0, waiting("fsync"))
checks.end()
