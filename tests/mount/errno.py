# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of append-only errnos, and each operation that could be answered ENOSYS."""
import ctypes
import fcntl
import mmap
import os
import struct
import sys
from checks import Checks

log = sys.argv[1]
records = log + "/records"
libc = ctypes.CDLL(None, use_errno=True)
off_t = ctypes.c_longlong
t = Checks()


def call(function, *args):
    """A libc function that returns -1 and sets errno."""
    if function(*args) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def fallocate(fd, mode, offset, length):
    call(libc.fallocate, fd, mode, off_t(offset), off_t(length))


def content():
    with open(records, "rb") as file:
        return file.read()


KEEP_SIZE, PUNCH_HOLE, COLLAPSE, ZERO = 1, 2, 8, 16
APPEND = os.O_WRONLY | os.O_APPEND

# ---- open
t.errno("open O_WRONLY without O_APPEND", "EPERM", lambda: os.open(records, os.O_WRONLY))
t.errno("open O_RDWR without O_APPEND", "EPERM", lambda: os.open(records, os.O_RDWR))
t.errno("open O_WRONLY|O_TRUNC", "EPERM", lambda: os.open(records, os.O_WRONLY | os.O_TRUNC))
t.errno("open O_WRONLY|O_APPEND|O_TRUNC", "EPERM", lambda: os.open(records, APPEND | os.O_TRUNC))
t.errno("open O_RDONLY|O_TRUNC", "EPERM", lambda: os.open(records, os.O_RDONLY | os.O_TRUNC))
t.errno("open O_CREAT|O_EXCL", "EEXIST", lambda: os.open(records, APPEND | os.O_CREAT | os.O_EXCL))
t.succeeds("open O_WRONLY|O_APPEND|O_CREAT", lambda: os.close(os.open(records, APPEND | os.O_CREAT)))
writer = t.succeeds("open O_WRONLY|O_APPEND", lambda: os.open(records, APPEND))
both = t.succeeds("open O_RDWR|O_APPEND", lambda: os.open(records, os.O_RDWR | os.O_APPEND))
reader = t.succeeds("open O_RDONLY", lambda: os.open(records, os.O_RDONLY))

# ---- truncate
t.errno("truncate shrinking", "EPERM", lambda: os.truncate(records, 0))
t.errno("truncate growing", "EPERM", lambda: os.truncate(records, 1 << 20))
t.errno("ftruncate shrinking", "EPERM", lambda: os.ftruncate(writer, 0))
t.errno("ftruncate growing", "EPERM", lambda: os.ftruncate(writer, 1 << 20))
t.errno("truncate to the same size", "EPERM", lambda: os.truncate(records, os.stat(records).st_size))

# ---- write
t.equal("the log before", b"one\n", content())
t.equal("write appends", 4, os.write(writer, b"two\n"))
t.equal("pwrite at 0 appends", 6, os.pwrite(writer, b"three\n", 0))
t.equal("pwrite far beyond the end appends", 5, os.pwrite(writer, b"four\n", 1 << 40))
t.equal("writev appends", 5, os.writev(writer, [b"fi", b"ve\n"]))
t.equal("what was appended is there in order", b"one\ntwo\nthree\nfour\nfive\n", content())
t.errno("write to a descriptor for reading", "EBADF", lambda: os.write(reader, b"x"))
t.errno("read from a descriptor for writing", "EBADF", lambda: os.read(writer, 1))
t.equal("write of nothing", 0, os.write(writer, b""))
t.equal("writing nothing appended nothing", b"one\ntwo\nthree\nfour\nfive\n", content())

# ---- F_SETFL: the descriptor stays append-only
flags = fcntl.fcntl(writer, fcntl.F_GETFL)
t.equal("F_GETFL shows O_APPEND", os.O_APPEND, flags & os.O_APPEND)
try:
    fcntl.fcntl(writer, fcntl.F_SETFL, flags & ~os.O_APPEND)
except OSError:
    pass
os.lseek(writer, 0, os.SEEK_SET)
os.write(writer, b"six\n")
t.equal("a write after F_SETFL without O_APPEND appends", b"one\ntwo\nthree\nfour\nfive\nsix\n", content())
fcntl.fcntl(writer, fcntl.F_SETFL, flags)

# ---- allocate
size = os.stat(records).st_size
t.succeeds("posix_fallocate", lambda: os.posix_fallocate(writer, 0, 1 << 20))
t.succeeds("fallocate KEEP_SIZE", lambda: fallocate(writer, KEEP_SIZE, size, 1 << 20))
t.equal("allocating leaves the size", size, os.stat(records).st_size)
t.errno("fallocate beyond max-size", "ENOSPC", lambda: fallocate(writer, KEEP_SIZE, size, 1 << 30))
t.errno("fallocate punch", "EPERM", lambda: fallocate(writer, KEEP_SIZE | PUNCH_HOLE, 0, 4096))
t.errno("fallocate zero", "EPERM", lambda: fallocate(writer, ZERO, 0, 4096))
# The kernel refuses this one for every FUSE file and does not ask.
t.errno("fallocate collapse", "EPERM EOPNOTSUPP", lambda: fallocate(writer, COLLAPSE, 0, 4096))
t.equal("the content is untouched", b"one\ntwo\nthree\nfour\nfive\nsix\n", content())

# ---- mmap
t.errno("mmap shared, writable", "EACCES ENODEV", lambda: mmap.mmap(both, 4, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE))
t.errno("mmap shared, read-only", "ENODEV", lambda: mmap.mmap(reader, 4, mmap.MAP_SHARED, mmap.PROT_READ))
private = t.succeeds("mmap private", lambda: mmap.mmap(reader, 4, mmap.MAP_PRIVATE, mmap.PROT_READ))
t.equal("mmap private shows the bytes", b"one\n", private[:4] if private else None)

# ---- names
t.errno("rename of records", "EPERM", lambda: os.rename(records, log + "/other"))
t.errno("rename onto records", "EPERM", lambda: os.rename(log + "/control", records))
t.errno("unlink", "EPERM", lambda: os.unlink(records))
t.errno("link", "EPERM", lambda: os.link(records, log + "/other"))
t.errno("symlink", "EPERM", lambda: os.symlink("records", log + "/other"))
t.errno("mkfifo", "EPERM", lambda: os.mkfifo(log + "/other"))
t.errno("create of another file", "EPERM", lambda: os.open(log + "/other", os.O_CREAT | os.O_WRONLY, 0o600))
t.errno("create of a file in the root", "EPERM", lambda: os.open(os.path.dirname(log) + "/file", os.O_CREAT | os.O_WRONLY, 0o600))
t.errno("mkdir inside a log", "EPERM", lambda: os.mkdir(log + "/other"))
t.errno("rmdir of by-lsn", "EPERM", lambda: os.rmdir(log + "/by-lsn"))
t.errno("O_TMPFILE", "EPERM EOPNOTSUPP", lambda: os.open(log, os.O_TMPFILE | os.O_WRONLY))
t.errno("readlink", "EINVAL", lambda: os.readlink(records))

# ---- attributes
t.succeeds("chmod by the owner", lambda: os.chmod(records, 0o640))
t.equal("chmod is seen", 0o640, os.stat(records).st_mode & 0o7777)
t.succeeds("chown to oneself", lambda: os.chown(records, os.getuid(), os.getgid()))
t.errno("utimensat, explicit times", "EPERM", lambda: os.utime(records, (1, 1)))
t.succeeds("utimensat, now", lambda: os.utime(records))
t.errno("setxattr", "EOPNOTSUPP", lambda: os.setxattr(records, "user.a", b"b"))
t.errno("getxattr", "EOPNOTSUPP", lambda: os.getxattr(records, "user.a"))
t.errno("listxattr", "EOPNOTSUPP", lambda: os.listxattr(records))
t.errno("removexattr", "EOPNOTSUPP", lambda: os.removexattr(records, "user.a"))
t.equal("access", True, os.access(records, os.R_OK | os.W_OK))

# ---- lseek
size = os.stat(records).st_size
t.equal("lseek SET", 3, os.lseek(reader, 3, os.SEEK_SET))
t.equal("lseek END", size, os.lseek(reader, 0, os.SEEK_END))
t.equal("lseek DATA", 2, os.lseek(reader, 2, os.SEEK_DATA))
t.equal("lseek HOLE", size, os.lseek(reader, 2, os.SEEK_HOLE))
t.errno("lseek DATA at the end", "ENXIO", lambda: os.lseek(reader, size, os.SEEK_DATA))
t.errno("lseek HOLE beyond the end", "ENXIO", lambda: os.lseek(reader, size + 1, os.SEEK_HOLE))

# ---- locks: two opens are two files to the kernel, so only the daemon can make them exclude each other
LOCK = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
UNLOCK = struct.pack("hhqqi4x", fcntl.F_UNLCK, os.SEEK_SET, 0, 0, 0)
F_OFD_SETLK = 37
t.succeeds("flock", lambda: fcntl.flock(writer, fcntl.LOCK_EX | fcntl.LOCK_NB))
t.errno("flock through another open", "EWOULDBLOCK EAGAIN", lambda: fcntl.flock(both, fcntl.LOCK_EX | fcntl.LOCK_NB))
t.succeeds("flock unlock", lambda: fcntl.flock(writer, fcntl.LOCK_UN))
t.succeeds("flock after unlock", lambda: fcntl.flock(both, fcntl.LOCK_EX | fcntl.LOCK_NB))
t.succeeds("fcntl lock, which is another family", lambda: fcntl.fcntl(writer, fcntl.F_SETLK, LOCK))
t.errno("an OFD lock meets the fcntl lock", "EAGAIN", lambda: fcntl.fcntl(both, F_OFD_SETLK, LOCK))
t.succeeds("fcntl unlock", lambda: fcntl.fcntl(writer, fcntl.F_SETLK, UNLOCK))
t.succeeds("OFD lock", lambda: fcntl.fcntl(both, F_OFD_SETLK, LOCK))
t.errno("an OFD lock through another open", "EAGAIN", lambda: fcntl.fcntl(writer, F_OFD_SETLK, LOCK))
other = os.open(records, APPEND)
os.close(other)
t.errno("close of a third open leaves OFD locks", "EAGAIN", lambda: fcntl.fcntl(writer, F_OFD_SETLK, LOCK))

# ---- the rest of what a program may ask
t.errno("an ioctl that is not known", "ENOTTY", lambda: fcntl.ioctl(writer, 0x5401, bytes(64)))
t.succeeds("fsync", lambda: os.fsync(writer))
t.succeeds("fdatasync", lambda: os.fdatasync(writer))
t.succeeds("fsync of a descriptor for reading", lambda: os.fsync(reader))
directory = os.open(log, os.O_RDONLY)
t.succeeds("fsync of the directory", lambda: os.fsync(directory))
t.succeeds("statvfs", lambda: os.statvfs(records))
t.errno("copy_file_range into records", "EBADF EINVAL", lambda: os.copy_file_range(reader, writer, 4, 0))
control = os.open(log + "/control", os.O_RDWR)
os.write(writer, b"flush\n")
os.fstat(reader)  # the kernel copies as far as the size that it knows
t.equal("copy_file_range out of records, into control", 6, os.copy_file_range(reader, control, 6, size))
t.result(os.read(control, 100).startswith(b"ok 0x"), "what was copied was a command")
target = os.memfd_create("copy")
t.errno("copy_file_range to another file system", "EXDEV", lambda: os.copy_file_range(reader, target, 4, 0))
t.equal("sendfile out of records", 4, os.sendfile(target, reader, 0, 4))
t.errno("open of a name that is not there", "ENOENT", lambda: os.open(log + "/nothing", os.O_RDONLY))
t.errno("open of an LSN that is not there", "ENOENT", lambda: os.open(log + "/by-lsn/0x7fffffff00000000", os.O_RDONLY))
t.errno("open of a container that is not there", "ENOENT", lambda: os.open(log + "/containers/nothing", os.O_RDONLY))
for name in "durable", "index":
    t.errno("open %s for writing" % name, "EACCES EPERM", lambda: os.open(log + "/" + name, os.O_WRONLY | os.O_APPEND))
    t.errno("truncate %s" % name, "EACCES EPERM", lambda: os.truncate(log + "/" + name, 0))
for name in "control", "restart":
    t.succeeds("O_TRUNC on %s means nothing" % name, lambda: os.close(os.open(log + "/" + name, os.O_WRONLY | os.O_TRUNC)))
    t.succeeds("truncate of %s means nothing" % name, lambda: os.truncate(log + "/" + name, 0))
t.end()
