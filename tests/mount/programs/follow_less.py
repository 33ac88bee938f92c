# SPDX-License-Identifier: LGPL-2.1-or-later
"""follow_less.py FILE PLAIN: `less +F FILE` in a terminal shows what is appended, promptly and once. PLAIN gets the same."""
import os
import pty
import re
import select
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import Checks

checks = Checks()
name = sys.argv[1]
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm", LESS="", LESSHISTFILE="-", LINES="400", COLUMNS="80")
    os.execvp("less", ["less", "+F", name])
screen = b""


def shown(text, seconds=15):
    global screen
    end = time.monotonic() + seconds
    while text not in screen:
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            return False
        try:
            screen += os.read(terminal, 65536)
        except OSError:
            return False
    return True


checks.result(shown(b"before 10"), "less +F shows what is there")
with open(name, "a", buffering=1) as log, open(sys.argv[2], "a") as plain:
    for i in range(20):
        log.write("after %d.\n" % i)
        plain.write("after %d.\n" % i)
    checks.result(shown(b"after 19."), "less +F shows what is appended")
    for i in range(20, 40):
        log.write("after %d.\n" % i)
        plain.write("after %d.\n" % i)
    checks.result(shown(b"after 39."), "less +F goes on")
seen = screen  # what comes from here on is less drawing its screen anew
# It stops following, then quits. What is typed while it takes the interrupt is thrown away, so both are typed until it is gone.
end = time.monotonic() + 30
gone = False
while not gone and time.monotonic() < end:
    os.write(terminal, b"\x03")
    select.select([], [], [], 0.2)
    os.write(terminal, b"q")
    select.select([], [], [], 0.2)
    shown(b"no such text", 0.1)
    gone = os.waitpid(pid, os.WNOHANG)[0] == pid
if not gone:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
checks.result(gone, "less quits when it is told to")
numbers = [int(n) for n in re.findall(rb"after (\d+)\.", seen)]
checks.equal("each line came once", list(range(40)), numbers)
checks.end()
