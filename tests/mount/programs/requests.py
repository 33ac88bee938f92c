# SPDX-License-Identifier: LGPL-2.1-or-later
"""requests.py SOCKET CONNECTIONS COUNT NAME: that many HTTP requests, over so many connections at once."""
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import Checks

path, connections, count, name = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
checks = Checks()
answers = []


def ask(number):
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        reader = server.makefile("rb")
        for i in range(count // connections):
            server.sendall(b"GET /%s/%d/%d HTTP/1.1\r\nHost: test\r\nUser-Agent: %s\r\n\r\n"
                           % (name.encode(), number, i, b"u" * (i % 200)))
            status, length = reader.readline().split()[1], 0
            while (header := reader.readline().strip()):
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split()[1])
            reader.read(length)
            answers.append(status)


threads = [threading.Thread(target=ask, args=(n,)) for n in range(connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
checks.equal("nginx answered %d requests" % count, count, answers.count(b"404"))
checks.end()
