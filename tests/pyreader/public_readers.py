#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What two public readers of the format make of a log: their checks and their ways through it, expressed anew.

    public_readers.py NAME.blf

libyal/libfsclfs (C): libfsclfs/libfsclfs_block.c (blocks), libfsclfs_store.c (metadata, containers, records of a
block), libfsclfs_stream.c (a record by its LSN), libfsclfs_record_value.c, fsclfs_base_log_record.h; at
commit 0577c6b3.
fox-it/dissect.clfs (Python): dissect/clfs/blf.py, container.py, c_clfs.py; at commits 190060fd and 04748537.
No code of theirs is in here; the classes below say in our words what theirs accept, and what they then see.

Every record that clfs_read.py finds is looked for in both ways. A record that does not come out the same must have one
of the reasons that docs/format.md, "Where public readers go astray", gives; and a reason that is given must show.
Prints

    libfsclfs same=N REASON=N ... unexpected=N
    dissect same=N REASON=N ... unexpected=N
    dissect-bytes SECTORS=N at ...   bytes of a block, before the array, that come out wrong, and where
    dissect-walk areas=N right=N     restart areas that its walk through a container finds, and those that are true

and a line for each unexpected one. Exit status: 0; 1 something unexpected; 2 the log cannot be read.
"""
import os
import struct
import sys

import clfs_read
from clfs_read import SECTOR, container_of, offset_of

REGION, OWNER = 524288, 524288 - 4096


class Refused(Exception):
    """The reader ends with an error here."""


def accept(condition, what):
    if not condition:
        raise Refused(what)


class Libfsclfs:
    """The way of libfsclfs: signature bytes, sector counts, offsets, sector types are checked; checksums, LSNs not."""

    def __init__(self, path):
        self.directory = os.path.dirname(path) or "."
        with open(path, "rb") as file:
            self.file = file.read()
        self.containers, self.streams, self.dump = [], [], 0
        control, data, end = self.block(self.file, 0)
        accept(len(control) == 2 * SECTOR, "control block of another size")
        accept(struct.unpack_from("<II", data, 8) == (0x5F1C, 0xC1F5C1F5), "control magic")
        count = struct.unpack_from("<I", data, 0x48)[0]
        # Their header has 76 bytes and their descriptors begin with 12 unknown ones: the same places as ours.
        accept(6 <= count < 32 and 0x4C + 24 * count <= end, "number of blocks")
        table = {}
        for i in range(count):
            size, place, number = struct.unpack_from("<III", data, 0x4C + 24 * i + 12)
            accept(number < count, "block number")
            table[number] = (size, place)
        for number in sorted(table):
            size, place = table[number]
            if size == 0x3D * SECTOR:
                self.general(size, place)

    @staticmethod
    def block(file, offset):
        """The block at this offset, its record data and how many bytes of that there are."""
        header = file[offset:offset + 0x70]
        accept(len(header) == 0x70, "no header")
        accept(header[:2] == b"\x15\x00", "block signature")
        usn, sectors, valid = header[2], *struct.unpack_from("<HH", header, 4)
        record, mapping, ranges = struct.unpack_from("<III", header, 0x28)
        array = struct.unpack_from("<I", header, 0x68)[0]
        size = sectors * SECTOR
        accept(sectors == valid and size >= 0x70, "number of sectors")
        accept(0x70 <= array < size, "array offset")
        accept(record == 0 or 0x70 <= record < array, "record offset")
        accept(ranges == 0 or 0x70 <= ranges < array, "ranges offset")
        accept(mapping == 0 or 0x70 <= mapping < ranges, "mapping offset")
        # The last page of a region is taken for an owner page: what does not fit before it is read from the region
        # behind.
        page = offset // REGION * REGION + OWNER
        rest = size - 0x70
        now = rest if offset + rest <= page else page - offset
        accept(now >= 0, "begins behind the owner page")
        start = offset + 0x70
        data = bytearray(header + file[start:start + now])
        if now < rest:
            following = offset // REGION * REGION + REGION
            data += file[following:following + rest - now]
        accept(len(data) == size, "cut off")
        accept(array < size - 2 * sectors, "array size")
        for i in range(sectors):
            slot = (i + 1) * SECTOR - 2
            kind = data[slot]
            accept(kind < 0x80, "sector type")
            if i == 0:
                accept(kind & 0x40, "no first sector")
                kind &= ~0x40
            if i == sectors - 1:
                accept(kind & 0x20, "no last sector")
                kind &= ~0x20
            accept(kind in (0x00, 0x04, 0x08, 0x10) and data[slot + 1] == usn, f"sector {i}")
            data[slot:slot + 2] = data[array + 2 * i:array + 2 * i + 2]
        accept(record != 0, "no record")
        return data, bytes(data[record:array]), array - record

    def general(self, wanted, place):
        block, data, room = self.block(self.file, place)
        accept(len(block) == wanted and room >= 0x1338, "general block of another size")
        dump, left = struct.unpack_from("<I", data, 0)[0], struct.unpack_from("<I", data, 0x1328)[0]
        accept(0x1338 + left <= room, "symbols")
        newer = dump > self.dump
        if newer:
            self.containers, self.streams = [], []
        at, name_at, entry = 0x1338, 0, None
        while left > 0:
            kind, size = struct.unpack_from("<II", data, at)
            accept({0xC1FDF006: 0x30, 0xC1FDF007: 0x88, 0xC1FDF008: 0x30}.get(kind) == size and at + size <= room,
                   f"symbol {kind:#x} of {size} bytes")
            if kind == 0xC1FDF006:
                name_at = struct.unpack_from("<I", data, at + 0x20)[0]
            elif kind == 0xC1FDF007:
                entry = {"base": struct.unpack_from("<Q", data, at + 0x48)[0]}
            else:
                length, _, physical, logical, used = struct.unpack_from("<IIIII", data, at + 8)
                entry = {"size": length, "physical": physical, "logical": logical, "used": used}
            at, left = at + size, left - size
            if name_at == at:
                accept(kind != 0xC1FDF006, "a name behind a symbol")
                end = at
                while data[end:end + 2] != b"\0\0" and end - at + 1 < left:
                    end += 2
                entry["name"] = data[at:end].decode("utf-16-le")
                length = clfs_read.roundup(end + 2 - at, 8)  # the record's data begin at a multiple of 8
                accept(length <= left, "the symbols' length is none of whole symbols")
                at, left, name_at = at + length, left - length, 0
            if newer and kind != 0xC1FDF006:
                (self.streams if kind == 0xC1FDF007 else self.containers).append(entry)
        self.dump = dump

    def find(self, logical):
        """The container with this logical number. The first is found always, others only with a number in `used`."""
        accept(self.containers, "no containers")
        first = self.containers[0]
        if first["logical"] == logical:
            return first
        others = self.containers[1:] if first["logical"] > logical else reversed(self.containers[1:])
        for entry in others:
            if entry["used"] != 0 and entry["logical"] == logical:
                return entry
        raise Refused("no such container")

    def record(self, lsn):
        """(LSN, undo-next, previous, type, payload) of a record of stream 0, in a container that the caller opened."""
        accept(lsn not in (0, 0xFFFFFFFF), "taken for no LSN")
        entry = self.find(container_of(lsn))
        with open(os.path.join(self.directory, clfs_read.filename(entry["name"])), "rb") as file:
            data = file.read()
        _, records, room = self.block(data, offset_of(lsn))
        at, number = 0, 0
        while True:
            accept(room - at >= 40, "no room for a record")
            own, undo, previous, size, _, _, payload, kind = clfs_read.RECORD.unpack_from(records, at)
            accept(40 <= size <= room - at and 40 <= payload <= room - at, "record size")
            if number == lsn & 0x1FF:
                return own, undo, previous, kind, records[at + payload:at + size]
            accept(kind & 0x20 == 0, "no such record")
            at, number = clfs_read.roundup(at + size, 8), number + 1


class Dissect:
    """The way of dissect.clfs: of the blocks nothing is checked; of the base log file the magic and the node types."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.file = file.read()
        data = self.block(self.file, 0)
        accept(struct.unpack_from("<Q", data, 0x78)[0] == 0xC1F5C1F500005F1C, "control magic")
        self.copies = []
        for i in range(struct.unpack_from("<I", data, 0x70 + 0x48)[0]):
            _, _, place, kind, _ = struct.unpack_from("<QIIII", data, 0x70 + 0x50 + 24 * i)
            if kind in (2, 3):
                self.copies.append(self.base_record(place))

    @staticmethod
    def block(file, offset):
        """The block's bytes, with those that the signatures displaced brought back in ascending order."""
        accept(0 <= offset and offset + 0x6C <= len(file), "end of the file")
        sectors = struct.unpack_from("<H", file, offset + 4)[0]
        array = struct.unpack_from("<I", file, offset + 0x68)[0]
        data = bytearray(file[offset:offset + sectors * SECTOR])
        accept(array + 2 * sectors <= len(data), "array outside the block")
        for i in range(sectors):
            data[i * SECTOR + 510:i * SECTOR + 512] = data[array + 2 * i:array + 2 * i + 2]
        return bytes(data)

    def base_record(self, place):
        data = self.block(self.file, place)[0x70:]
        found = {"streams": [], "containers": []}
        # Only the root of each bucket's tree is looked at.
        for what, table, node in (("streams", 0x18, 0xC1FDF007), ("containers", 0x70, 0xC1FDF008)):
            for symbol in struct.unpack_from("<11Q", data, table):
                if symbol == 0:
                    continue
                accept(struct.unpack_from("<I", data, symbol)[0] == 0xC1FDF006, "no symbol")
                name_at, context = struct.unpack_from("<IH", data, symbol + 0x20)
                accept(struct.unpack_from("<I", data, context)[0] == node, "no context")
                end = name_at
                while data[end:end + 2] != b"\0\0":
                    end += 2
                entry = {"name": data[name_at:end].decode("utf-16-le")}
                if what == "streams":
                    entry["base"], entry["last"] = struct.unpack_from("<QQ", data, context + 0x40)
                    entry["start"] = struct.unpack_from("<I", data, context + 0x58)[0] - 1
                else:
                    entry["size"], entry["id"] = struct.unpack_from("<QI", data, context + 8)
                found[what].append(entry)
        return found

    @classmethod
    def header(cls, data, at):
        accept(at + 40 <= len(data), "end of the block")
        return clfs_read.RECORD.unpack_from(data, at)

    @classmethod
    def records(cls, data):
        """The records of a decoded block, one directly behind the other: nothing is aligned."""
        at = 0x70
        while True:
            own, undo, previous, size, _, _, payload, kind = cls.header(data, at)
            end = at + 40 + max(size - payload, 0)
            yield own, undo, previous, kind, data[at + 40:end]
            if kind & 0x20 or size < 40:
                return
            at = end

    @classmethod
    def walk(cls, container, offset):
        """Container.records(): back from a block of a data and a restart record, by the previous LSN of the latter."""
        while True:
            data = cls.block(container, offset)
            at = 0x70
            _, _, _, size, _, _, payload, kind = cls.header(data, at)
            accept(kind & 0x04 and kind & 0x01, "the block does not begin with a data record")
            first = data[at + 40:at + 40 + size - payload]
            at += 40 + size - payload
            _, _, previous, size, _, _, payload, kind = cls.header(data, at)
            yield first, data[at + 40:at + 40 + max(size - payload, 0)]
            if previous == 0:
                return
            accept(kind & 0x24 == 0x20, "the second record is not the last one")
            offset = previous - 1


class Count:
    def __init__(self, reader):
        self.reader, self.counts, self.unexpected = reader, {"same": 0}, 0

    def see(self, what, same, reasons, sure):
        """same: it came out the same; sure: with a reason it never does."""
        if same and not (reasons and sure):
            self.counts["same"] += 1
        elif not same and reasons:
            self.counts[reasons[0]] = self.counts.get(reasons[0], 0) + 1
        else:
            self.unexpected += 1
            print(f"unexpected {self.reader} {what}: {'the same' if same else 'another'}, reasons {reasons}")

    def show(self):
        print(self.reader, *(f"{k}={v}" for k, v in self.counts.items()), f"unexpected={self.unexpected}")
        return self.unexpected


def wanted(record, block):
    number = record.lsn & 0x1FF
    kind = (1 if record.kind == "data" else 2) | (0x04 if number == 0 else 0)
    kind |= 0x20 if number == len(block.records) - 1 else 0
    return record.lsn, record.undo_next, record.previous, kind, record.payload


def outcome(read):
    try:
        return read()
    except (Refused, UnicodeDecodeError, struct.error) as refused:
        return refused


def with_libfsclfs(log, path):
    count, reader = Count("libfsclfs"), outcome(lambda: Libfsclfs(path))
    if isinstance(reader, Exception):
        print(f"unexpected libfsclfs {path}: {reader}")
        return 1
    general = log.metadata.table[2][0]
    count.see("list of containers",
              [(c["name"], c["physical"], c["logical"], c["size"]) for c in reader.containers] ==
              [(c["full_name"], i, c["logical"], c["size"]) for i, c in log.general.containers.items()],
              ["general"] if general != 0x3D * SECTOR else [], True)
    for block in log.blocks:
        for record in block.records:
            page = offset_of(block.address) // REGION * REGION + OWNER
            tests = (("general", general != 0x3D * SECTOR), ("first", record.lsn == 0),
                     ("container", log.logical[container_of(record.lsn)] != 0), ("wide", block.sectors > 255),
                     ("owner", offset_of(block.address) + block.size > page))
            found = outcome(lambda: reader.record(record.lsn))
            count.see(f"{record.lsn:#x} ({found if isinstance(found, Exception) else 'other bytes'})",
                      found == wanted(record, block), [name for name, holds in tests if holds], True)
    return count.show()


def with_dissect(log, path):
    count, reader = Count("dissect"), outcome(lambda: Dissect(path))
    if isinstance(reader, Exception):
        print(f"unexpected dissect {path}: {reader}")
        return 1
    own = {(c["full_name"], i, c["size"]) for i, c in log.general.containers.items()}
    for copy in reader.copies:
        listed = {(c["name"], c["id"], c["size"]) for c in copy["containers"]}
        buckets = {c["bucket"] for c in log.general.containers.values()}
        count.see("copy of the base record", copy["streams"][0]["name"] == log.general.client_name and
                  (listed <= own and len(listed) == len(buckets) or log.general.block.sectors > 255), [], False)
    for block in log.blocks:
        data = log.container(container_of(block.address))
        decoded = Dissect.block(data, offset_of(block.address))
        count.see(f"block {block.address:#x}", decoded == block.data, ["wide"] if block.sectors > 255 else [], True)
        if decoded != block.data:
            wrong = [at for at, (one, other) in enumerate(zip(decoded[:block.array], block.data)) if one != other]
            print(f"dissect-bytes {block.sectors}={len(wrong)} at", *(f"{at:#x}" for at in wrong))
        records, aligned = Dissect.records(decoded), True
        for record in block.records:
            found = outcome(lambda: next(records, None))
            reasons = [name for name, holds in (("unaligned", not aligned), ("wide", block.sectors > 255)) if holds]
            count.see(f"{record.lsn:#x}", found == wanted(record, block), reasons, True)
            aligned = aligned and len(record.payload) % 8 == 0
    status = count.show()
    start = reader.copies[-1]["streams"][0]["start"]
    restart = log.general.restart
    areas = []
    if restart != clfs_read.INVALID and container_of(restart) in log.logical:
        try:
            for first, second in Dissect.walk(log.container(container_of(restart)), start):
                areas.append((first, second))
        except Refused as refused:
            print(f"dissect-walk ends: {refused}")
    known = {r.lsn: r for r in log.records}
    right = sum((known[r.lsn & ~0x1FF].payload, r.payload) in areas for r in log.records
                if r.kind == "restart" and r.lsn & 0x1FF == 1)
    print(f"dissect-walk areas={len(areas)} right={right}")
    return status


def main(arguments):
    try:
        log = clfs_read.Log(arguments[0])
        log.read(True)
    except (clfs_read.Bad, OSError, IndexError) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    return 1 if with_libfsclfs(log, arguments[0]) + with_dissect(log, arguments[0]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
