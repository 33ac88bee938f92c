# SPDX-License-Identifier: LGPL-2.1-or-later
"""two_engines.py MNT STORE PREFIX BUILD: a process with the library and a mount want one log. Who comes second is told who has it."""
import ctypes
import os
import sys
import time
from checks import Checks

root, store_path, prefix, build = sys.argv[1:5]
t = Checks()
SHARING_VIOLATION = ctypes.c_int32(0xC0000043).value
WRITE = 1

for candidate in (prefix + "/lib/libclfs.so", build + "/.libs/libclfs.so", "libclfs.so.0"):
    try:
        lib = ctypes.CDLL(candidate)
        break
    except OSError:
        lib = None
if lib is None:
    print("FAIL libclfs.so is not there; set CLFS_PREFIX or CLFS_BUILD")
    t.failed = 1
    t.end()
lib.clfs_error_message.restype = ctypes.c_char_p
for name in ("clfs_store_open", "clfs_log_open", "clfs_log_close", "clfs_store_close", "clfs_log_append"):
    getattr(lib, name).restype = ctypes.c_int32


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("bytes", ctypes.c_size_t)]


def open_log(store, name, flags):
    log = ctypes.c_void_p()
    status = lib.clfs_log_open(store, name, flags, ctypes.byref(log))
    return status, log, lib.clfs_error_message().decode() if status else ""


def append_library(log, text):
    lsn = ctypes.c_uint64()
    vector = Vector(text, len(text))
    return lib.clfs_log_append(log, ctypes.byref(vector), 1, None, ctypes.byref(lsn))


def append_mount(text):
    fd = os.open(root + "/both/records", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)


def content():
    with open(root + "/both/records", "rb") as file:
        return file.read()


with open(root + "/.clfs/version") as file:
    daemon = [line.split()[1] for line in file if line.startswith("pid ")][0]
os.mkdir(root + "/both")
fd = os.open(root + "/both/records", os.O_WRONLY | os.O_APPEND)
os.write(fd, b"mount\n")

store = ctypes.c_void_p()
t.equal("a process opens the store that is mounted", 0, lib.clfs_store_open(os.fsencode(store_path), None, ctypes.byref(store)))
status, log, message = open_log(store, b"both", WRITE)
t.equal("but not a log that is open there", SHARING_VIOLATION, status)
t.result(daemon in message and "both" in message and "\n" not in message, "it is told which log and who has it", message)
os.write(fd, b"mount again\n")
t.equal("the mount did not notice", b"mount\nmount again\n", content())
os.close(fd)

# Two seconds after the last handle the daemon lets go.
end = time.monotonic() + 30
while status == SHARING_VIOLATION and time.monotonic() < end:
    time.sleep(0.1)
    status, log, message = open_log(store, b"both", WRITE)
t.equal("once the mount has let go, the process has the log", 0, status)
t.equal("and appends", 0, append_library(log, b"library\n"))
t.errno("now an append through the mount is refused", "EBUSY", lambda: append_mount(b"never\n"))
t.errno("a command too", "EBUSY", lambda: os.write(os.open(root + "/both/control", os.O_WRONLY), b"append never\n"))
fd = os.open(root + "/both/control", os.O_RDWR)
try:
    os.write(fd, b"append never\n")
except OSError:
    pass
answer = os.read(fd, 4096).decode()
os.close(fd)
t.result(answer.startswith("err EBUSY ") and str(os.getpid()) in answer, "its answer says who has the log", answer)
t.errno("and the log cannot be removed", "EBUSY ENOTEMPTY", lambda: os.rmdir(root + "/both"))
t.equal("reading goes on", True, content().startswith(b"mount\nmount again\n"))
t.equal("the process closes the log", 0, lib.clfs_log_close(log))
t.equal("and the store", 0, lib.clfs_store_close(store))
t.succeeds("and the mount has it again", lambda: append_mount(b"mount at last\n"))
t.equal("with everything in it", b"mount\nmount again\nlibrary\nmount at last\n", content())
t.end()
