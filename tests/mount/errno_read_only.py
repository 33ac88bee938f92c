# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mount with -o ro: everything that would change something is EROFS, reading works."""
import os
import sys
from checks import Checks

log = sys.argv[1]
records = log + "/records"
t = Checks()
t.errno("append to a read-only mount", "EROFS", lambda: os.open(records, os.O_WRONLY | os.O_APPEND))
t.errno("write to control of a read-only mount", "EROFS", lambda: os.open(log + "/control", os.O_WRONLY))
t.errno("mkdir in a read-only mount", "EROFS", lambda: os.mkdir(os.path.dirname(log) + "/new"))
t.errno("rmdir in a read-only mount", "EROFS", lambda: os.rmdir(os.path.dirname(log) + "/empty"))
t.errno("rename in a read-only mount", "EROFS", lambda: os.rename(log, log + "2"))
t.errno("chmod in a read-only mount", "EROFS", lambda: os.chmod(records, 0o600))
t.equal("a read-only mount reads", True, open(records, "rb").read().startswith(b"one\n"))
fd = os.open(records, os.O_RDONLY)
t.succeeds("fsync of a file that is only read", lambda: os.fsync(fd))
os.close(fd)
t.end()
