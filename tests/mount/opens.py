# SPDX-License-Identifier: LGPL-2.1-or-later
"""opens.py MNT COUNT: so many opens and closes; the daemon's memory, nodes, handles and descriptors stay as they are."""
import os
import re
import sys
import time

from checks import Checks

mnt, count = sys.argv[1], int(sys.argv[2])
log = os.path.join(mnt, "log")
checks = Checks()
with open(os.path.join(mnt, ".clfs/version")) as version:
    pid = re.search(r"^pid (\d+)$", version.read(), re.M).group(1)


def resident_kib():
    with open("/proc/%s/status" % pid) as status:
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status.read(), re.M).group(1))


def metric(name):
    with open(os.path.join(mnt, ".clfs/metrics")) as metrics:
        return int(re.search(r"^%s (\d+)$" % name, metrics.read(), re.M).group(1))


def descriptors():
    return len(os.listdir("/proc/%s/fd" % pid))


KINDS = [("records", os.O_RDONLY), ("records", os.O_WRONLY | os.O_APPEND), ("control", os.O_RDWR), ("index", os.O_RDONLY),
         ("durable", os.O_RDONLY), ("restart", os.O_RDONLY)]


def opens(times):
    for i in range(times):
        name, flags = KINDS[i % len(KINDS)]
        fd = os.open(os.path.join(log, name), flags)
        if flags & os.O_APPEND and i % 60 < 6:
            os.write(fd, b"a line\n")
        elif flags == os.O_RDONLY:
            os.pread(fd, 100, 0)
        os.close(fd)


def settled(name, most):
    end = time.monotonic() + 20
    while metric(name) > most and time.monotonic() < end:
        time.sleep(0.05)
    return metric(name)


opens(4000)
before = resident_kib(), descriptors()
opens(count)
grown = resident_kib() - before[0]
print("# %d opens: resident memory %d KiB before, %+d KiB" % (count, before[0], grown))
# A leak of 50 bytes an open would be more than this.
checks.result(grown <= max(512, count * 128 // 1024), "%d opens and closes leave no memory behind" % count, "%d KiB" % grown)
# RELEASE and FORGET come after close(2) has returned.
checks.result(settled("clfs_nodes", 60) <= 60, "the kernel's nodes do not pile up", str(metric("clfs_nodes")))
checks.result(settled("clfs_handles", 1) <= 1, "nor do handles", str(metric("clfs_handles")))
checks.result(descriptors() <= before[1] + 3, "nor do the daemon's descriptors", "%d, %d" % (before[1], descriptors()))
checks.end()
