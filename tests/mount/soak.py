# SPDX-License-Identifier: LGPL-2.1-or-later
"""soak.py CLFS STORE MNT ROUNDS SEED SECONDS: kill every process of a mount, mount again, and look.

Two logs, one for each framing, have four appenders each. A line says whose it is, its number, the round, and how many lines of
each of the other three had been accepted when it was begun; then text that follows from all that, and a checksum. So for each
record that the log has after a round, this knows whether it was ever written, and what must stand before it.

In every third round the files of the shared areas are removed before the mount, as a reboot does.

Before the appenders of a round are let go:
- each record of earlier rounds is where it was and what it was, as far as the base has not passed it;
- each line whose write(2) returned (after a "reboot": each that an fsync or an O_DSYNC write, whoever's, covered when it
  returned) is there once, whole, in its writer's order;
- besides these there is at most what each writer had in flight, and nothing comes before something it was written after;
- an unterminated line is there as far as write(2) had accepted it, as a record of its own;
- logs that two more processes made, renamed, emptied and removed are as far as these were told, or one step further;
- `durable` has what `records` has; the log is `ok` and takes appends.
"""
import errno
import mmap
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
import zlib
from checks import Checks

CLFS, STORE, MNT = sys.argv[1:4]
ROUNDS, SEED, SECONDS = (int(word) for word in sys.argv[4:7])
LOGS = ("write", "line")
WRITERS_EACH = 4
WRITERS = WRITERS_EACH * len(LOGS)
# What each of a log's four does besides writing.
HABITS = ("plain", "reopen", "fsync", "dsync")
FLIGHT_BYTES = 1 << 20
# What a call may say once the daemon is dead. EIO is the kernel's for a request that the daemon died fetching.
DEAD = (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO)
# The base moves at the latest when a log has so much.
KEPT_BYTES = 16 << 20
# A round that takes longer hangs: then its daemon is killed, so that calls come back.
ROUND_SECONDS = 90

t = Checks()


class Wrong(Exception):
    pass


# ---- lines ---------------------------------------------------------------------------------------

def filler(writer, number, size):
    """Text without newline that nobody would make by chance."""
    unit = b"%d.%d-%08x " % (writer, number, zlib.crc32(b"%d %d %d" % (SEED, writer, number)))
    return (unit * (size // len(unit) + 1))[:size]


def make_line(writer, number, round_number, seen, size):
    head = b"w%d %d r%d %s %d " % (writer, number, round_number, b",".join(b"%d" % one for one in seen), size)
    body = head + filler(writer, number, size)
    return body + b" %08x\n" % zlib.crc32(body)


def parse_line(line):
    """(writer, number, round, seen), or None if these bytes are no whole line."""
    try:
        writer, number, round_number, seen, size, _ = line.split(b" ", 5)
        writer, number, round_number, size = int(writer[1:]), int(number), int(round_number[1:]), int(size)
        seen = tuple(int(one) for one in seen.split(b","))
    except ValueError:
        return None
    if line != make_line(writer, number, round_number, seen, size):
        return None
    return writer, number, round_number, seen


# ---- what appenders and the checker share --------------------------------------------------------

class Shared:
    """Counters in memory that fork shares. Each has one writer; a store of 8 aligned bytes is seen whole."""

    FIELDS = ("accepted",    # number of the last line whose write(2) returned
              "covered",     # of the last line that a sync by this writer or another in its log covered, kept by the parent
              "begun",       # of the last line that a write(2) was begun for
              "part",        # bytes of line `begun` whose write(2) returned; 0: none, or all of it
              "part_more",   # bytes that the write(2) after those handed over
              "flight_bytes",
              "early",       # errno of a call that failed before the kill
              "odd",         # errno of one that failed otherwise than a dead mount's
              "stopped",     # 1: a call failed after the kill
              "syncs")

    def __init__(self):
        self.count = len(self.FIELDS)
        self.map = mmap.mmap(-1, 8 * self.count * WRITERS + 8)
        self.numbers = memoryview(self.map).cast("q")
        self.cover = mmap.mmap(-1, 8 * WRITERS * WRITERS)
        self.covers = memoryview(self.cover).cast("q")
        self.flights = [mmap.mmap(-1, FLIGHT_BYTES) for _ in range(WRITERS)]

    def get(self, writer, field):
        return self.numbers[writer * self.count + self.FIELDS.index(field)]

    def set(self, writer, field, value):
        self.numbers[writer * self.count + self.FIELDS.index(field)] = value

    @property
    def killing(self):
        return self.numbers[self.count * WRITERS]

    @killing.setter
    def killing(self, value):
        self.numbers[self.count * WRITERS] = value

    def covered(self, writer):
        """Of the writer's lines, the last that some sync covered."""
        return max(self.covers[by * WRITERS + writer] for by in range(WRITERS))

    def set_covered(self, by, writer, number):
        self.covers[by * WRITERS + writer] = number


shared = Shared()

# Two more processes make, rename and remove logs.
MAKERS = 2
made_map = mmap.mmap(-1, 8 * MAKERS)
made = memoryview(made_map).cast("q")  # how many steps of each returned


def group(writer):
    """The writers of the same log."""
    first = writer // WRITERS_EACH * WRITERS_EACH
    return range(first, first + WRITERS_EACH)


# ---- an appender ---------------------------------------------------------------------------------

class Appender:
    def __init__(self, writer, number, round_number):
        self.writer = writer
        self.number = number
        self.round = round_number
        self.log = LOGS[writer // WRITERS_EACH]
        self.habit = HABITS[writer % WRITERS_EACH]
        self.random = random.Random("%d %d %d" % (SEED, round_number, writer))
        self.fd = -1

    def open(self):
        flags = os.O_WRONLY | os.O_APPEND | (os.O_DSYNC if self.habit == "dsync" else 0)
        self.fd = os.open("%s/%s/records" % (MNT, self.log), flags)

    def line(self, seen):
        kind = self.random.random()
        if kind < 0.9:
            size = self.random.randrange(1, 300)
        elif kind < 0.99:
            size = self.random.randrange(300, 9000)
        else:
            size = self.random.randrange(9000, 150000)
        return make_line(self.writer, self.number, self.round, seen, size)

    def write(self, data):
        if os.write(self.fd, data) != len(data):
            raise Wrong("a short write")

    def put(self, line):
        w = self.writer
        shared.flights[w][:len(line)] = line
        shared.set(w, "flight_bytes", len(line))
        shared.set(w, "part", 0)
        shared.set(w, "part_more", 0)
        shared.set(w, "begun", self.number)
        # A line in pieces, without a sync in between, which would cut it.
        if self.log == "line" and self.habit in ("plain", "fsync") and self.random.random() < 0.5:
            cuts = sorted({self.random.randrange(1, len(line)) for _ in range(2)}) + [len(line)]
        else:
            cuts = [len(line)]
        done = 0
        for cut in cuts:
            shared.set(w, "part_more", cut - done)
            self.write(line[done:cut])
            done = cut
            if done < len(line):
                shared.set(w, "part", done)
        shared.set(w, "accepted", self.number)
        shared.set(w, "part", 0)

    def covered_now(self):
        return [(one, shared.get(one, "accepted")) for one in group(self.writer)]

    def sync(self, cover):
        for one, number in cover:
            shared.set_covered(self.writer, one, number)
        shared.set(self.writer, "syncs", shared.get(self.writer, "syncs") + 1)

    def step(self):
        if self.habit == "reopen" and self.random.random() < 0.3:
            os.close(self.fd)
            self.fd = -1
        if self.fd < 0:
            self.open()
        cover = self.covered_now()
        self.put(self.line([number for _, number in cover]))
        if self.habit == "dsync":
            # What others had been told before this write is before it in the log, so durable when it is.
            self.sync(cover + [(self.writer, self.number)])
        elif self.habit == "fsync" and self.random.random() < 0.3:
            cover = self.covered_now()
            os.fsync(self.fd)
            self.sync(cover)
        self.number += 1

    def run(self):
        try:
            self.open()
            while True:
                self.step()
        except OSError as error:
            if not shared.killing:
                shared.set(self.writer, "early", error.errno)
            elif error.errno not in DEAD:
                shared.set(self.writer, "odd", error.errno)
            else:
                shared.set(self.writer, "stopped", 1)


def child(run):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            run()
            status = 0
        except BaseException:
            traceback.print_exc(file=sys.stdout)
        finally:
            sys.stdout.flush()
            os._exit(status)
    return pid


def move_base(log, lsn):
    """Moves the base while others append, the same way again and again, until the mount is gone."""
    try:
        fd = os.open("%s/%s/control" % (MNT, log), os.O_RDWR)
        while True:
            os.write(fd, b"base %s\n" % lsn)
            time.sleep(0.01)
    except OSError as error:
        if error.errno not in DEAD or not shared.killing:
            raise


class Maker:
    """Makes logs, appends to them, renames, empties and removes them: five steps each."""

    STEPS = 5

    def __init__(self, number, first):
        self.number = number
        self.first = first

    def name(self, cycle, renamed):
        return "%s%d.%d" % ("new" if renamed else "old", self.number, cycle)

    def text(self, cycle):
        return b"maker %d, log %d\n" % (self.number, cycle)

    def patient(self, call):
        """Closing is answered before the daemon has heard of it: EBUSY is not for long."""
        end = time.monotonic() + 20
        while True:
            try:
                return call()
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > end:
                    raise
            time.sleep(0.001)

    def step(self, cycle, step):
        old, new = ("%s/%s" % (MNT, self.name(cycle, renamed)) for renamed in (False, True))
        if step == 0:
            os.mkdir(old)
        elif step == 1:
            with open(old + "/records", "ab", buffering=0) as file:
                file.write(self.text(cycle))
        elif step == 2:
            self.patient(lambda: os.rename(old, new))
        elif step == 3:
            empty(os.path.basename(new))
        else:
            self.patient(lambda: os.rmdir(new))

    def run(self):
        count = self.first * self.STEPS
        try:
            while True:
                self.step(count // self.STEPS, count % self.STEPS)
                count += 1
                made[self.number] = count
        except OSError as error:
            if error.errno not in DEAD or not shared.killing:
                raise

    def wanted(self, count):
        """The logs of this maker after so many steps."""
        cycle, step = divmod(count, self.STEPS)
        return set() if step == 0 else {self.name(cycle, step > 2)}

    def check(self, rebooted):
        """Looks for what the steps left, takes it away, and says with which log to go on."""
        count = made[self.number]
        have = {name for name in os.listdir(MNT) if name.startswith((self.name(0, False)[:5], self.name(0, True)[:5]))}
        if have != self.wanted(count) and have != self.wanted(count + 1):
            raise Wrong("maker %d: after %d steps there are the logs %s" % (self.number, count, sorted(have)))
        cycle, step = divmod(count, self.STEPS)
        for name in have:
            try:
                with open("%s/%s/records" % (MNT, name), "rb") as file:
                    data = file.read()
            except FileNotFoundError:
                # A removal that had begun: who opens the log first ends it.
                if step != 4 or name in os.listdir(MNT):
                    raise
                continue
            # The text is there from step 1 to step 3, either of which may be in flight.
            allowed = [self.text(cycle)] if step == 2 else [self.text(cycle), b""]
            if data not in allowed and not (rebooted and data == b""):
                raise Wrong("maker %d: after %d steps log %s has %r" % (self.number, count, name, data))
            self.patient(lambda name=name: empty(name))
            self.patient(lambda name=name: os.rmdir("%s/%s" % (MNT, name)))
        made[self.number] = (cycle + 1) * self.STEPS
        return cycle + 1


def empty(log):
    """Moves the base of a log to its end."""
    fd = os.open("%s/%s/control" % (MNT, log), os.O_WRONLY)
    try:
        os.write(fd, b"base %s\n" % state(log)["next"].encode())
    finally:
        os.close(fd)


def first_reader(log):
    try:
        with open("%s/%s/records" % (MNT, log), "rb") as file:
            file.read(1)
    except OSError as error:
        if error.errno not in DEAD:
            raise


# ---- the mount -----------------------------------------------------------------------------------

def mount():
    """Returns the processes that serve it."""
    done = subprocess.run([CLFS, "-o", "container-size=1M,max-size=1000M", STORE, MNT], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Wrong("mount failed: %s" % done.stdout)
    with open(MNT + "/.clfs/version") as file:
        pid = int(dict(line.split(" ", 1) for line in file)["pid"])
    session = os.getsid(pid)
    if session == os.getsid(0):
        raise Wrong("the daemon is in the session of its starter")
    pids = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.getsid(int(name)) == session:
                pids.append(int(name))
        except ProcessLookupError:
            pass
    if pid not in pids:
        raise Wrong("the daemon is gone")
    return pids


def kill_all(pids):
    fds = [os.pidfd_open(pid) for pid in pids]
    for fd in fds:
        try:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        except ProcessLookupError:
            pass  # told to end before, it has
    for pid, fd in zip(pids, fds):
        # Readable once all its threads are gone, reaped or not.
        if not select.select([fd], [], [], 30)[0]:
            raise Wrong("process %d of the mount outlives SIGKILL" % pid)
        os.close(fd)


def reboot():
    """What the kernel's end takes with it. The disk keeps everything that was written, flushed or not."""
    removed = 0
    for name in os.listdir(STORE):
        if name.startswith(".") and name.endswith((".area", ".lines")):
            os.unlink("%s/%s" % (STORE, name))
            removed += 1
    return removed


def state(log):
    with open("%s/%s/control" % (MNT, log)) as file:
        return dict(line.rstrip("\n").split(" ", 1) for line in file)


# ---- what must be there --------------------------------------------------------------------------

class Log:
    """What one log is known to have, and the comparison with what it has."""

    def __init__(self, name):
        self.name = name
        self.writers = group(LOGS.index(name) * WRITERS_EACH)
        self.end = 0
        self.known = []   # (offset, lsn, bytes, crc) of each record since the base
        self.last_lsn = None
        self.next_number = {writer: 1 for writer in self.writers}
        self.lines = 0
        self.in_flight = 0
        self.fragments = 0
        self.lost = 0
        self.compared = 0

    def bytes(self):
        return sum(size for _, _, size, _ in self.known)

    def read(self):
        """Returns the base's offset and (offset, lsn, bytes) of each record from there on."""
        where = "%s/%s/" % (MNT, self.name)
        with open(where + "records", "rb") as file:
            data = file.read()
        with open(where + "durable", "rb") as file:
            durable = file.read()
        with open(where + "index") as file:
            index = [line.split() for line in file]
        now = state(self.name)
        base = int(now["base-offset"])
        if now["state"] != "ok" or now["error"] != "none":
            raise Wrong("state %s, error %s" % (now["state"], now["error"]))
        if durable != data:
            raise Wrong("`durable` has %d bytes after recovery, `records` %d" % (len(durable), len(data)))
        if int(now["end-offset"]) != base + len(data):
            raise Wrong("end-offset %s, but base %d and %d bytes" % (now["end-offset"], base, len(data)))
        at, before, records = base, "", []
        for lsn, offset, size, kind, _ in index:
            if int(offset) != at or lsn <= before or kind != "data":
                raise Wrong("index line %s %s %s %s does not follow %s at %d" % (lsn, offset, size, kind, before, at))
            records.append((at, lsn, data[at - base:at - base + int(size)]))
            at, before = at + int(size), lsn
        if at != base + len(data):
            raise Wrong("the index ends at %d, the log at %d" % (at, base + len(data)))
        return base, records

    def check_known(self, base, records):
        """The records of earlier rounds, all that the base left."""
        self.known = [record for record in self.known if record[0] >= base]
        old = [(offset, lsn, len(data), zlib.crc32(data)) for offset, lsn, data in records if offset < self.end]
        if base > self.end:
            raise Wrong("the base is at %d, beyond what was there: %d" % (base, self.end))
        if old != self.known:
            raise Wrong("records of earlier rounds: %d known, %d there; first difference %s" % (
                len(self.known), len(old), next(((a, b) for a, b in zip(self.known, old) if a != b), None)))
        self.compared += len(old)

    def check_fragment(self, data, possible, fragments):
        """An unterminated line of a writer that died with the mount. possible: it had a way to become a record."""
        for writer in self.writers:
            flight = shared.flights[writer][:shared.get(writer, "flight_bytes")]
            part = shared.get(writer, "part")
            if part == 0 or writer in fragments or not flight.startswith(data):
                continue
            if not possible or len(data) not in (part, part + shared.get(writer, "part_more")):
                raise Wrong("writer %d: %d bytes of an unterminated line, %d accepted, %d more in flight" % (
                    writer, len(data), part, shared.get(writer, "part_more")))
            fragments.add(writer)
            return
        raise Wrong("a record of %d bytes that nobody wrote: %r" % (len(data), data[:120]))

    def check_new(self, records, round_number, rebooted, ended):
        have = {writer: self.next_number[writer] - 1 for writer in self.writers}
        fragments = set()
        for offset, _, data in records:
            if offset < self.end:
                continue
            line = parse_line(data)
            if line is None:
                if self.name != "line":
                    raise Wrong("a record at %d that nobody wrote whole: %d bytes, %r" % (offset, len(data), data[:120]))
                self.check_fragment(data, ended or not rebooted, fragments)
                continue
            writer, number, its_round, seen = line
            if writer not in have or number != have[writer] + 1 or its_round != round_number:
                raise Wrong("line %d of writer %d from round %d at %d, after line %s, in round %d" % (
                    number, writer, its_round, offset, have.get(writer), round_number))
            # `seen` counts lines that stood in a buffer once, and no fragment is followed in its round.
            for other, count in zip(self.writers, seen):
                if other != writer and have[other] < count:
                    raise Wrong("line %d of writer %d was written after line %d of writer %d, but stands before it" % (
                        number, writer, count, other))
            have[writer] = number
            self.lines += 1
        for writer in self.writers:
            self.check_writer(writer, have[writer], rebooted, writer in fragments)
        return have, fragments

    def check_writer(self, writer, have, rebooted, fragment):
        accepted, begun = shared.get(writer, "accepted"), shared.get(writer, "begun")
        must = shared.covered(writer) if rebooted else accepted
        if have < must:
            raise Wrong("writer %d: lines up to %d were %s, but only %d are there" % (
                writer, must, "flushed" if rebooted else "accepted", have))
        if have > begun:
            raise Wrong("writer %d: line %d is there, %d was the last begun" % (writer, have, begun))
        if not rebooted and shared.get(writer, "part") > 0 and have < begun and not fragment:
            raise Wrong("writer %d: %d accepted bytes of line %d are gone" % (writer, shared.get(writer, "part"), begun))
        if fragment and have == begun:
            raise Wrong("writer %d: line %d is there whole and as a fragment" % (writer, begun))
        self.in_flight += have > accepted
        self.lost += max(0, accepted - have)
        self.fragments += fragment

    def check(self, round_number, rebooted, ended):
        """ended: the mount had been told to end, so it may have made records of unterminated lines itself."""
        base, records = self.read()
        self.check_known(base, records)
        have, fragments = self.check_new(records, round_number, rebooted, ended)
        self.known = [(offset, lsn, len(data), zlib.crc32(data)) for offset, lsn, data in records]
        if records:
            self.end = records[-1][0] + len(records[-1][2])
            self.last_lsn = records[-1][1].encode()
        for writer in self.writers:
            # The number of a fragment is used up.
            self.next_number[writer] = have[writer] + 1 + (writer in fragments)


class Soak:
    def __init__(self):
        self.random = random.Random(SEED)
        self.logs = [Log(name) for name in LOGS]
        self.made = [0] * MAKERS
        self.maker_steps = 0
        self.kills = self.reboots = self.areas = self.recovery_kills = self.ending_kills = self.base_moves = 0
        self.interrupted = self.syncs = self.accepted = 0
        self.children = []
        self.mounted = []
        self.hung = False

    def mount(self):
        self.mounted = mount()
        return self.mounted

    def hangs(self):
        self.hung = True
        for pid in self.mounted + self.children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def writers_stopped(self):
        """All appenders have met the dead mount, none for another reason."""
        for pid in self.children:
            _, status = os.waitpid(pid, 0)
            if status != 0:
                raise Wrong("an appender, base mover or maker ended with status %d" % status)
        self.children = []
        for writer in range(WRITERS):
            early, odd = shared.get(writer, "early"), shared.get(writer, "odd")
            if early or odd:
                raise Wrong("writer %d: %s %s the kill" % (writer, errno.errorcode.get(early or odd),
                                                          "before" if early else "after"))
            self.interrupted += shared.get(writer, "stopped")

    def describe(self):
        """After a failure: what the next mount says of the logs."""
        for pid in self.children:
            os.waitpid(pid, 0)
        self.children = []
        try:
            mount()
            for log in self.logs:
                print("log %s, of which %d bytes are known:" % (log.name, log.bytes()),
                      ", ".join("%s %s" % item for item in state(log.name).items()))
        except (Wrong, OSError) as wrong:
            print("no state:", wrong)

    def start(self, round_number):
        shared.killing = 0
        for log in self.logs:
            for writer in log.writers:
                number = log.next_number[writer]
                for field in ("accepted", "begun"):
                    shared.set(writer, field, number - 1)
                for field in ("part", "part_more", "flight_bytes", "stopped", "syncs"):
                    shared.set(writer, field, 0)
                for by in range(WRITERS):
                    shared.set_covered(by, writer, number - 1)
        for log in self.logs:
            for writer in log.writers:
                self.children.append(child(Appender(writer, log.next_number[writer], round_number).run))
            if log.last_lsn and (self.random.random() < 0.25 or log.bytes() > KEPT_BYTES):
                self.base_moves += 1
                self.children.append(child(lambda log=log: move_base(log.name, log.last_lsn)))

        for number in range(MAKERS):
            self.children.append(child(Maker(number, self.made[number]).run))

    def kill_in_recovery(self):
        """The next mount is killed too, while its first reader waits for recovery or a little later."""
        pids = self.mount()
        readers = [child(lambda name=name: first_reader(name)) for name in LOGS]
        time.sleep(self.random.random() * 0.03)
        kill_all(pids)
        for pid in readers:
            if os.waitpid(pid, 0)[1] != 0:
                raise Wrong("the first reader after a kill got another error than that of a dead mount")
        self.recovery_kills += 1
        self.kills += 1

    def round(self, number, pids):
        rebooted = number % 3 == 0
        self.start(number)
        time.sleep(self.random.choice((0.03, 0.1, 0.3, 1.5)) * self.random.random())
        shared.killing = 1
        ended = self.random.random() < 0.2
        if ended:
            # While it flushes and unmounts.
            os.kill(pids[0], signal.SIGTERM)
            time.sleep(self.random.random() * 0.004)
            self.ending_kills += 1
        kill_all(pids)
        self.kills += 1
        self.writers_stopped()
        for writer in range(WRITERS):
            self.syncs += shared.get(writer, "syncs")
            self.accepted += shared.get(writer, "accepted") - self.logs[writer // WRITERS_EACH].next_number[writer] + 1
        if rebooted:
            self.areas += reboot()
            self.reboots += 1
        if self.random.random() < 0.25:
            self.kill_in_recovery()
        pids = self.mount()
        for maker in range(MAKERS):
            self.maker_steps += made[maker] - self.made[maker] * Maker.STEPS
            self.made[maker] = Maker(maker, 0).check(rebooted)
        for log in self.logs:
            try:
                log.check(number, rebooted, ended)
            except Wrong as wrong:
                raise Wrong("log %s: %s" % (log.name, wrong)) from None
        return pids

    def run(self):
        end = time.monotonic() + SECONDS if SECONDS else None
        pids = self.mount()
        for name in LOGS:
            os.mkdir("%s/%s" % (MNT, name))
        with open(MNT + "/line/control", "w") as file:
            file.write("framing line\n")
        for number in range(1, ROUNDS + 1):
            if end is not None and time.monotonic() > end:
                break
            watchdog = threading.Timer(ROUND_SECONDS, self.hangs)
            watchdog.start()
            try:
                pids = self.round(number, pids)
            except (Wrong, OSError) as wrong:
                if self.hung:
                    wrong = "took longer than %d s, then: %s" % (ROUND_SECONDS, wrong)
                t.result(False, "round %d, SEED=%d" % (number, SEED), str(wrong))
                self.hangs()
                self.describe()
                return number
            finally:
                watchdog.cancel()
        return number if end is None or time.monotonic() <= end else number - 1


def main():
    print("SEED=%d" % SEED, flush=True)
    soak = Soak()
    rounds = soak.run()
    total = {field: sum(getattr(log, field) for log in soak.logs)
             for field in ("lines", "in_flight", "fragments", "lost", "compared")}
    print("%d rounds, %d kills (%d of them within recovery, %d at an end by SIGTERM), %d appender calls cut short, %d moving bases" % (
        rounds, soak.kills, soak.recovery_kills, soak.ending_kills, soak.interrupted, soak.base_moves))
    print("%d lines accepted, %d syncs; %d lines found, of these %d of calls in flight; %d unterminated lines" % (
        soak.accepted, soak.syncs, total["lines"], total["in_flight"], total["fragments"]))
    print("%d steps of making, renaming and removing logs" % soak.maker_steps)
    print("%d reboots took %d area files and %d unflushed lines; %d records of earlier rounds compared again" % (
        soak.reboots, soak.areas, total["lost"], total["compared"]))
    if not t.failed:
        t.result(True, "each line that write(2) accepted is there once, whole, in order, after %d kills" % soak.kills)
    # A run that killed nothing, or found nothing, says nothing.
    t.result(soak.kills >= rounds > 0 and soak.interrupted >= 2 * rounds, "the kills met appenders at work",
             "%d kills, %d calls cut short" % (soak.kills, soak.interrupted))
    t.result(total["lines"] >= 20 * rounds and soak.syncs >= rounds, "there was something to check",
             "%d lines, %d syncs" % (total["lines"], soak.syncs))
    if rounds >= 6:
        t.result(soak.areas > 0 and soak.reboots == rounds // 3, "the shared areas were taken away in every third round",
                 "%d files in %d rounds" % (soak.areas, soak.reboots))
    t.end()


main()
