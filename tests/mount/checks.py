# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small checks for the mount tests in Python: `ok` and `FAIL` lines that lib.sh counts."""
import errno
import sys


class Checks:
    def __init__(self):
        self.failed = 0

    def result(self, good, name, detail=""):
        if good:
            print("ok", name, flush=True)
        else:
            self.failed += 1
            print("FAIL", name + (": " + detail if detail else ""), flush=True)

    def equal(self, name, wanted, got):
        self.result(wanted == got, name, "wanted %r, got %r" % (wanted, got))

    def errno(self, name, wanted, call):
        """`call` fails with an errno out of `wanted`: one name, or several with blanks."""
        try:
            got = call()
        except OSError as error:
            numbers = [getattr(errno, one) for one in wanted.split()]
            self.result(error.errno in numbers, name, "wanted %s, got %s" % (wanted, error))
        else:
            self.result(False, name, "wanted %s, but it succeeded with %r" % (wanted, got))

    def succeeds(self, name, call):
        try:
            value = call()
        except OSError as error:
            self.result(False, name, str(error))
            return None
        self.result(True, name)
        return value

    def end(self):
        print("done", flush=True)
        sys.exit(1 if self.failed else 0)
