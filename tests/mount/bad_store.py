# SPDX-License-Identifier: LGPL-2.1-or-later
"""bad_store.py CLFS DIRECTORY: stores with one damaged log. The others are served as ever, and that one says what it is."""
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from checks import Checks

CLFS, where = sys.argv[1:3]
t = Checks()
pristine, store, mnt = (where + "/" + name for name in ("pristine", "store", "mnt"))
UNIT = 524288
PART = b"".join(b"line %06d of the bad log\n" % i for i in range(12000))


class Mount:
    """A mount in the foreground, whose messages are kept."""

    def __enter__(self):
        self.messages = open(where + "/messages", "w+")
        self.daemon = subprocess.Popen([CLFS, "-f", "-o", "container-size=512K,flush-ms=off", store, mnt], stderr=self.messages)
        end = time.monotonic() + 30
        while not os.path.exists(mnt + "/.clfs/version") and self.daemon.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.alive = self.daemon.poll() is None
        self.daemon.send_signal(signal.SIGTERM)
        try:
            self.status = self.daemon.wait(30)
        except subprocess.TimeoutExpired:
            self.status = "none after 30 s"
            self.daemon.kill()
            self.daemon.wait()
        self.messages.seek(0)
        self.text = self.messages.read()
        self.messages.close()


def append(log, data):
    fd = os.open("%s/%s/records" % (mnt, log), os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def read(log):
    with open("%s/%s/records" % (mnt, log), "rb", buffering=0) as file:
        parts = []
        try:
            for part in iter(lambda: file.read(65536), b""):
                parts.append(part)
        except OSError as error:
            return b"".join(parts), errno.errorcode[error.errno]
    return b"".join(parts), None


def state(log):
    with open("%s/%s/control" % (mnt, log)) as file:
        return dict(line.rstrip("\n").split(" ", 1) for line in file)


def attempt(call, *args):
    """(result, None) or (None, errno name)"""
    try:
        return call(*args), None
    except OSError as error:
        return None, errno.errorcode[error.errno]


def files(log):
    """The log's containers, in the order of their use."""
    return sorted(name for name in os.listdir(store) if name.startswith(ids[log] + "."))


os.makedirs(mnt)
os.mkdir(store)
with Mount():
    for log in ("bad", "good"):
        os.mkdir(mnt + "/" + log)
        append(log, b"first of %s\n" % log.encode())
    ids = {"bad": None, "good": None}
    for _ in range(6):
        append("bad", PART)
content = b"first of bad\n" + PART * 6
names = [name for name in os.listdir(store) if re.fullmatch("[0-9a-f]{16}\\.[0-9a-f]{4}", name)]
ids["bad"] = max((name[:16] for name in names), key=lambda one: sum(name.startswith(one) for name in names))
ids["good"] = next(name[:16] for name in names if not name.startswith(ids["bad"]))
used = 6  # containers: no two parts fit into one
shutil.copytree(store, pristine)


def damage(name, change, wanted_error, intact, said):
    """One kind of damage: `records` of the log gives a whole beginning of at least `intact` bytes and then wanted_error (None: all of
    it), what is said of it matches `said`, appending works or is refused, and the other log does not notice."""
    shutil.rmtree(store)
    shutil.copytree(pristine, store)
    change()
    with Mount() as mount:
        (got, error), opened = attempt(read, "bad")[0] or (b"", None), attempt(read, "bad")[1]
        now, _ = attempt(state, "bad")
        _, refused = attempt(append, "bad", b"later\n")
        good = attempt(read, "good")[0], attempt(append, "good", b"second of good\n")[1], attempt(read, "good")[0]
    t.equal(name + ": the rest of the store does not notice",
            ((b"first of good\n", None), None, (b"first of good\nsecond of good\n", None)), good)
    t.equal(name + ": the daemon lives, and ends when told to", (True, 0), (mount.alive, mount.status if refused is None else 0))
    t.result((error or opened) == wanted_error and content.startswith(got) and len(got) >= intact, name + ": what is intact is read",
             "%d bytes right %s, then %s" % (len(got), content.startswith(got), error or opened))
    if said is None:
        return
    told = (now or {}).get("error", "none") + "\n" + mount.text
    t.result(re.search(said, told) is not None, name + ": it is said", told)
    t.result(all(len(line) < 400 for line in mount.text.splitlines()) and mount.text.count("\n") <= 4, name + ": in few lines", mount.text)


def path(index):
    return store + "/" + files("bad")[index]


def size_to(name, size):
    return lambda: os.truncate(name(), size)


def overwrite(name, data, at=0):
    with open(name, "r+b") as file:
        file.seek(at)
        file.write(data)


def swap():
    one, two = path(0), path(1)
    os.rename(one, one + "x")
    os.rename(two, one)
    os.rename(one + "x", two)


def replace_by_directory(name):
    os.unlink(name)
    os.mkdir(name)


def replace_by_link(name):
    os.unlink(name)
    os.symlink("/etc/passwd", name)


blf = store + "/bad.blf"
half = os.path.getsize(blf) // 2
first = len(content) - 5 * len(PART)  # what the first container holds

damage("nothing", lambda: None, None, len(content), None)

# ---- containers
damage("the first container is missing", lambda: os.unlink(path(0)), "EIO", 0, "cannot open its container .*0001: no such file")
damage("one in the middle is missing", lambda: os.unlink(path(1)), "EIO", first, "cannot open its container .*0002: no such file")
damage("the last one in use is missing", lambda: os.unlink(path(used - 1)), "EIO", len(content) - len(PART),
       "cannot open its container .*: no such file")
damage("the first is empty", lambda: os.truncate(path(0), 0), "EBADMSG", 0, r"damaged at 0x0{16} \(.*0001, offset 0\): the container ends")
damage("the first is cut within a block", lambda: os.truncate(path(0), 1000), "EBADMSG", 0, r"damaged at 0x0{13}[0-9a-f]{3} \(.*0001, offset [0-9]+\): the container ends")
damage("the second is cut in the middle", lambda: os.truncate(path(1), 300000), "EBADMSG", first,
       r"damaged at 0x00000001[0-9a-f]{8} \(.*0002, offset [0-9]+\)")
damage("the last one is cut", lambda: os.truncate(path(used - 1), 4096), "EBADMSG", first, "damaged at 0x0000000[0-9]")
damage("one is longer than it should be", lambda: os.truncate(path(1), UNIT + 100000), None, len(content), None)
damage("one is of another log", lambda: shutil.copy(store + "/" + files("good")[0], path(0)), "EBADMSG", 0, r"damaged at 0x0{16} .*another log")
damage("two have each other's names", swap, "EBADMSG", 0, r"damaged at 0x0{16} .*another address")
damage("one is all zeros", lambda: overwrite(path(1), bytes(UNIT)), "EBADMSG", first, r"damaged at 0x0000000100000000 \(.*0002, offset 0\)")
damage("one is random bytes", lambda: overwrite(path(1), os.urandom(UNIT)), "EBADMSG", first, r"damaged at 0x0000000100000000 \(.*0002, offset 0\)")
damage("a bit is wrong", lambda: overwrite(path(1), b"\xff", 5000), "EBADMSG", first, r"damaged at 0x00000001[0-9a-f]{8} \(.*checksum")
damage("one is a directory", lambda: replace_by_directory(path(1)), "EIO", first, "cannot open its container .*0002: ")
damage("one is a symbolic link", lambda: replace_by_link(path(1)), "EIO", first, "cannot open its container .*0002: ")

# ---- the base log file
BLF = r"bad\.blf"
damage("a base log file of zeros", lambda: overwrite(blf, bytes(half * 2)), "EUCLEAN", 0, BLF)
damage("a base log file of random bytes", lambda: overwrite(blf, os.urandom(half * 2)), "EUCLEAN", 0, BLF)
damage("an empty base log file", lambda: os.truncate(blf, 0), "EUCLEAN", 0, BLF)
damage("one byte of a base log file", lambda: os.truncate(blf, 1), "EUCLEAN", 0, BLF)
damage("one sector of a base log file", lambda: os.truncate(blf, 512), "EUCLEAN", 0, BLF)
damage("a base log file of random bytes, a mebibyte of them", lambda: (os.truncate(blf, 0), overwrite(blf, os.urandom(1 << 20))), "EUCLEAN", 0, BLF)
damage("half a base log file has one good copy", lambda: os.truncate(blf, half), None, len(content), "repaired")
damage("its first page is zeros", lambda: overwrite(blf, bytes(4096)), None, len(content), "repaired")
damage("its first half is zeros", lambda: overwrite(blf, bytes(half)), "EUCLEAN", 0, BLF)
damage("a directory instead of a base log file", lambda: replace_by_directory(blf), "EACCES", 0, BLF)

# ---- files that are nobody's
def litter():
    for name, data in ((".blf", b"x"), (".hidden.blf", b"x"), ("x" * 240 + ".blf", b""), ("no log", b"x"), ("bad.blf.bak", b"x")):
        with open(store + "/" + name, "wb") as file:
            file.write(data)
    os.mkdir(store + "/lost+found")
    os.mkfifo(store + "/fifo")
    with open(os.fsencode(store) + b"/\xff\xfe.blf", "wb") as file:
        file.write(b"x")


damage("files that are nobody's", litter, None, len(content), None)
t.end()
