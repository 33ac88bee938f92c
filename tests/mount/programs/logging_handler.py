# SPDX-License-Identifier: LGPL-2.1-or-later
"""logging.FileHandler: four threads one after another at a barrier, and a process that was forked."""
import logging
import os
import sys
import threading

handler = logging.FileHandler(sys.argv[1], encoding="utf-8")
handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
root = logging.getLogger()
root.addHandler(handler)
root.setLevel(logging.DEBUG)


def work(number):
    log = logging.getLogger("thread%d" % number)
    for i in range(200):
        with turn:
            # A plain file must come out the same, so the order is fixed.
            turn.wait_for(lambda: state["next"] == (i, number))
            log.info("message %d, äöü €", i)
            if i % 100 == 7:
                try:
                    raise ValueError("an error\nof two lines")
                except ValueError as error:
                    log.error("caught: %s", error)
            state["next"] = (i, number + 1) if number < 3 else (i + 1, 0)
            turn.notify_all()


turn = threading.Condition()
state = {"next": (0, 0)}
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
child = os.fork()
if child == 0:
    logging.warning("from a forked process")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
logging.shutdown()
