#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second reader of logs, written from docs/format.md alone: it shares no code with the library.

    clfs_read.py [--json] [--all] [--marks] NAME.blf

prints what the metadata says, each record from the base on (with --all from the oldest intact one), and where and why
reading stopped. Text, one line each:

    copy BLOCK OFFSET state          a metadata block: "valid, dump count N", or why it is bad
    mark NAME VALUE                  LSNs: base (with --all the oldest record), next, last, durable, restart;
                                     offset: the stream offset at the end
    record LSN TYPE PREVIOUS UNDO-NEXT STREAM-OFFSET LENGTH PAYLOAD(hex, or -)
    stop LSN KIND: REASON            KIND: end (of the log, or a torn tail), damage

Exit status: 0 read to the end; 1 damage, or what two places of the log say differs; 2 the log cannot be read.
"""
import json
import os
import struct
import sys
import zlib

SECTOR = 512
INVALID = 0xFFFFFFFF00000000
HEADER = struct.Struct("<BBBBHHIIIIQQIII")  # 0x00 .. 0x33
DATA_ADDITIONS = struct.Struct("<IQQQqIIHHHH")  # 0x34 .. 0x67
META_ADDITIONS = struct.Struct("<IQIIIIII16s")  # 0x34 .. 0x67
RECORD = struct.Struct("<QQQIIHHI")
EXT = struct.Struct("<IHHIIQQQIIQQQQIIQQQQQQIHBB192sQQQ")
DATA_MAGIC, META_MAGIC, EXT_MAGIC = 0x44584C43, 0x4D584C43, 0x45584C43
CONTROL_MAGIC = 0xC1F5C1F500005F1C
CHAIN_START, PADDED = 1, 2
RECORDS_MAX = 512
CLEAN, PREPARED, DAMAGED = 1, 2, 16
BLOCK_NAMES = ("control", "control-shadow", "general", "general-shadow", "scratch", "scratch-shadow")


class Bad(Exception):
    """What was read is not as docs/format.md says."""


def need(condition, reason):
    if not condition:
        raise Bad(reason)


def roundup(number, unit):
    return -(-number // unit) * unit


def container_of(lsn):
    return lsn >> 32


def offset_of(lsn):
    return lsn & 0xFFFFFE00


def zero(data):
    return not any(data)


class Block:
    """A block whose header, signatures and checksum are good; .data is decoded."""

    def __init__(self, raw, where, metadata, log_id=None):
        need(len(raw) >= SECTOR, "no room for a block")
        (major, minor, self.usn, client, self.sectors, valid, zero08, self.checksum, flags, zero14, current,
         self.next_lsn, first, second, third) = HEADER.unpack_from(raw)
        array, zero6c = struct.unpack_from("<II", raw, 0x68)
        self.address = where
        need((major, minor) == (0x15, 0), "not written" if zero(raw[:SECTOR]) else f"version {major:#x}.{minor:#x}")
        need(1 <= self.sectors <= len(raw) // SECTOR, f"{self.sectors} sectors")
        need(valid == self.sectors, f"valid sectors {valid}, not {self.sectors}")
        need(flags == 1, f"flags {flags:#x}")
        need(first == 0x70, f"record offset {first:#x}")
        self.magic = struct.unpack_from("<I", raw, 0x34)[0]
        self.ours = self.magic == (META_MAGIC if metadata else DATA_MAGIC)
        if log_id is not None:
            need(self.ours, f"magic {self.magic:#x}")
        self.size = self.sectors * SECTOR
        if self.ours:
            need(array == self.size - roundup(2 * self.sectors + 2, 8), f"signatures offset {array:#x}")
            need(self.next_lsn == INVALID, f"next LSN {self.next_lsn:#x}")
            need(not (client or zero08 or zero14 or second or third or zero6c), "a header field that is not zero")
        need(0x70 <= array <= self.size - 2 * self.sectors, f"signatures offset {array:#x}")
        self.array = array
        need(current == (INVALID if metadata else where), f"current LSN {current:#x}")
        data = bytearray(raw[:self.size])
        self._check_signatures(data, metadata)
        if self.ours or metadata or self.checksum != 0:
            found = zlib.crc32(bytes(4), zlib.crc32(data[:0x0C]))
            found = zlib.crc32(data[0x10:], found)
            need(found == self.checksum, f"checksum {self.checksum:#010x}, computed {found:#010x}")
        for i in range(self.sectors - 1, -1, -1):
            data[i * SECTOR + 510:i * SECTOR + 512] = data[array + 2 * i:array + 2 * i + 2]
        self.data = bytes(data)

    def _check_signatures(self, data, metadata):
        for i in range(self.sectors):
            kind = (0x10 if metadata else 0x04) | (0x40 if i == 0 else 0) | (0x20 if i == self.sectors - 1 else 0)
            found = bytes(data[i * SECTOR + 510:i * SECTOR + 512])
            need(found == bytes((kind, self.usn)), f"signature of sector {i}: {found.hex()}")


class Record:
    def __init__(self, lsn, kind, previous, undo_next, payload, stream_offset):
        self.lsn, self.kind, self.previous, self.undo_next = lsn, kind, previous, undo_next
        self.payload, self.stream_offset = payload, stream_offset


class DataBlock(Block):
    """A data block with all its records. stream_offset is used only if the block itself does not say."""

    def __init__(self, raw, where, log_id=None, stream_offset=0):
        super().__init__(raw, where, False, log_id)
        count = None
        self.durable = None
        self.epoch, self.block_flags, self.previous_checksum = 0, 0, 0
        self.stream_offset = stream_offset
        if self.ours:
            (_, own_id, self.durable, self.stream_offset, self.sealed, self.epoch, self.previous_checksum, version,
             self.block_flags, count, zero66) = DATA_ADDITIONS.unpack_from(self.data, 0x34)
            need(log_id is None or own_id == log_id, f"log id {own_id:016x}: another log's")
            need(version == 1, f"version {version} of the additions")
            need(self.block_flags & ~(CHAIN_START | PADDED) == 0, f"block flags {self.block_flags:#x}")
            need(zero66 == 0, "a field of the additions that is not zero")
            need(count <= RECORDS_MAX, f"{count} records")
            need(count > 0 or self.block_flags & PADDED, "no records, and not padded")
            need(self.sectors <= 255 or count <= 1, f"{count} records in {self.sectors} sectors")
            need(not self.block_flags & CHAIN_START or self.previous_checksum == 0,
                 "previous checksum in a block that starts a chain")
        self.records = []
        self._read_records(count)
        self.payload_bytes = sum(len(r.payload) for r in self.records if r.kind == "data")

    def _read_records(self, count):
        at, running, stream = 0x70, 0, self.stream_offset
        last = count == 0
        while not last:
            number = len(self.records)
            need(number < RECORDS_MAX, "no last record")
            need(at + RECORD.size <= self.array, f"record {number}: outside the block")
            lsn, undo, previous, length, stored, flags, payload_at, kind = RECORD.unpack_from(self.data, at)
            need(lsn == self.address + number, f"record {number}: LSN {lsn:#x}")
            need(RECORD.size <= length and at + roundup(length, 8) <= self.array, f"record {number}: length {length}")
            need(flags == 0 and payload_at == RECORD.size, f"record {number}: flags {flags:#x}, data at {payload_at}")
            last = bool(kind & 0x20) if count is None else number == count - 1
            need(kind & ~0x23 == (0x04 if number == 0 else 0), f"record {number}: type {kind:#x}")
            need(kind & 0x03 in (1, 2) and bool(kind & 0x20) == last, f"record {number}: type {kind:#x}")
            payload = self.data[at + RECORD.size:at + length]
            if self.ours:
                header = RECORD.pack(lsn, undo, previous, length, 0, flags, payload_at, kind & ~0x20)
                running = zlib.crc32(payload, zlib.crc32(header, running))
                need(running == stored, f"record {number}: running checksum {stored:#010x}, computed {running:#010x}")
                need(zero(self.data[at + length:at + roundup(length, 8)]), f"record {number}: padding is not zero")
            data = kind & 1
            self.records.append(Record(lsn, "data" if data else "restart", previous, undo, payload, stream))
            stream += length - RECORD.size if data else 0
            at += roundup(length, 8)
        need(not self.ours or zero(self.data[at:self.array]), "the space behind the records is not zero")


def filename(name):
    return name.replace("\\", "/").rsplit("/", 1)[-1]


class Metadata:
    """The base log file: the copies, and what the winning general block says."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.raw = file.read()
        self.copies = []
        self.table = None
        for place in (0x0, 0x1000, 0x400):
            try:
                self.table = self._control(place)
                break
            except Bad as bad:
                self.problem = f"control block at {place:#x}: {bad}"
        need(self.table is not None, "no valid control block: " + getattr(self, "problem", "empty"))
        valid = {}
        for kind, (size, place) in enumerate(self.table):
            try:
                block = self._block(place, size)
                dump = struct.unpack_from("<Q", block.data, 0x70)[0]
                need(dump % 2 != kind % 2, f"dump count {dump}")
                need(not block.ours or block.usn == (dump + 1) // 2 & 0xFF, f"usn {block.usn} with dump count {dump}")
                if kind in (2, 3):
                    General(block)
                self.copies.append((BLOCK_NAMES[kind], place, dump, None))
                valid[kind] = (dump, block)
            except Bad as bad:
                self.copies.append((BLOCK_NAMES[kind], place, None, str(bad)))
        general = [valid[kind] for kind in (2, 3) if kind in valid]
        need(general, "no valid copy of the general block")
        self.general = General(max(general, key=lambda pair: pair[0])[1])

    def _block(self, place, size=None):
        need(place + SECTOR <= len(self.raw), f"block at {place:#x} is outside the file")
        block = Block(self.raw[place:place + size if size else len(self.raw)], place, True)
        need(size is None or block.size == size, f"{block.size} bytes, {size} in the block table")
        if block.ours:
            magic, _, version, incompatible, _, _, _, _, rest = META_ADDITIONS.unpack_from(block.data, 0x34)
            need(version == 1, f"format version {version}")
            need(incompatible == 0, f"unknown incompatible features {incompatible:#x}")
            need(zero(rest), "a field of the additions that is not zero")
        return block

    def _control(self, place):
        block = self._block(place)
        record = block.data[0x70:block.array]
        need(len(record) >= 0xE0, "control block too small")
        magic, version = struct.unpack_from("<QB", record, 0x08)
        need(magic == CONTROL_MAGIC and version == 1, f"control magic {magic:#x}, version {version}")
        need(struct.unpack_from("<H", record, 0x48)[0] == 6, "not six blocks")
        table = []
        for i in range(6):
            _, size, offset, kind = struct.unpack_from("<QIII", record, 0x50 + 24 * i)
            need(kind == i and size > 0 and (size | offset) % SECTOR == 0, f"entry {i} of the block table")
            need(offset + size <= len(self.raw),
                 f"entry {i} of the block table: type {kind}, {size} bytes at {offset:#x}")
            table.append((size, offset))
        places = sorted((offset, size) for size, offset in table)
        for (offset, size), (following, _) in zip(places, places[1:]):
            need(offset + size <= following, f"blocks at {offset:#x} and {following:#x} overlap")
        return table


class General:
    """The base record of a general block, with the ext of ours."""

    def __init__(self, block):
        self.block = block
        self.record = block.data[0x70:block.array]
        need(len(self.record) >= 0x1338, "general block too small")
        self.dump = self._get("<Q", 0)
        self.guid = self.record[8:24]
        low, high = struct.unpack("<QQ", self.guid)
        self.log_id = low ^ high if block.ours else None
        self.state = self.record[0x1332]
        need(self.state & 0x40 == 0 and self.record[0x1334] == 1, "a multiplexed log")
        zone = self._get("<I", 0x1328)
        need(0x1338 + zone <= len(self.record), "symbols outside the block")
        self.zone_end = 0x1338 + zone
        clients = struct.unpack_from("<124I", self.record, 0x138)
        need(clients[0] != 0 and zero(clients[1:]), "not one client")
        context, self.client_name = self._symbol(clients[0], 0xC1FDF007, 0x88)
        self.attributes = self._get("<H", context + 0x0A)
        self.archive_tail, self.base, self.last, self.restart = struct.unpack_from("<QQQQ", self.record, context + 0x40)
        self.containers = {}
        for physical, place in enumerate(struct.unpack_from("<1024I", self.record, 0x328)):
            if place == 0:
                continue
            at, name = self._symbol(place, 0xC1FDF008, 0x30)
            size, own, logical = struct.unpack_from("<QII", self.record, at + 0x08)
            need(own == physical, f"container {physical}: physical id {own}")
            need(size > 0 and size % 524288 == 0 and size < 1 << 32, f"container {physical}: {size} bytes")
            need(not block.ours or physical == len(self.containers), f"no container {physical - 1}, but {physical}")
            self.containers[physical] = {
                "name": filename(name), "full_name": name, "logical": logical, "size": size,
                "state": self._get("<I", at + 0x24), "first_offset": self._get("<Q", at + 0x28),
                "bucket": self.hash(name) % 11, "pointer": self._get("<Q", at + 0x18)}
        sizes = {c["size"] for c in self.containers.values()}
        need(len(sizes) <= 1, "containers of several sizes")
        need(not block.ours or self._get("<I", 0x12C) == len(self.containers), "another number of containers")
        self.container_size = sizes.pop() if sizes else None
        self._trees()
        self.ext = self._ext() if block.ours else None

    def _get(self, what, at):
        need(0 <= at <= len(self.record) - struct.calcsize(what), f"offset {at:#x} outside the block")
        return struct.unpack_from(what, self.record, at)[0]

    @staticmethod
    def hash(name):
        value = 0
        for (unit,) in struct.iter_unpack("<H", name.upper().encode("utf-16-le")):
            value = ((value << 4) + unit) & 0xFFFFFFFF
            high = value & 0xF0000000
            if high:
                value ^= (high >> 24) ^ high
        return value

    def _symbol(self, context, node, size):
        symbol = context - 0x30
        need(0x1338 <= symbol and context + size <= self.zone_end and symbol % 8 == 0, f"context at {context:#x}")
        need((self._get("<I", symbol), self._get("<I", symbol + 4)) == (0xC1FDF006, 0x30), f"no symbol at {symbol:#x}")
        need((self._get("<I", context), self._get("<I", context + 4)) == (node, size), f"no context at {context:#x}")
        at = self._get("<I", symbol + 0x20)
        need(self._get("<I", symbol + 0x24) == context, f"symbol at {symbol:#x} has another context")
        need(self._get("<I", symbol + 0x0C) == at - symbol == 0x30 + size, f"symbol at {symbol:#x}: name at {at:#x}")
        end = at
        while self._get("<H", end) != 0:
            end += 2
        need(end + 2 <= self.zone_end, f"name at {at:#x} without end")
        name = self.record[at:end].decode("utf-16-le", "surrogatepass")
        found, stored = self.hash(name), self._get("<I", symbol + 0x08)
        need(found == stored, f"hash of {name} {stored:#x}, computed {found:#x}")
        return context, name

    def _trees(self):
        """Every symbol is once in the tree of its bucket, in order."""
        seen = set()
        for table in (0x18, 0x70):
            for bucket in range(11):
                todo = [(self._get("<Q", table + 8 * bucket), 0, 1 << 32)]
                while todo:
                    at, low, high = todo.pop()
                    if at == 0:
                        continue
                    need(at not in seen, f"symbol {at:#x} twice in the trees")
                    seen.add(at)
                    value = self._get("<I", at + 8)
                    need(value % 11 == bucket and low <= value < high, f"symbol {at:#x} stands wrong in its tree")
                    todo += [(self._get("<Q", at + 0x10), low, value), (self._get("<Q", at + 0x18), value, high)]
        need(len(seen) == len(self.containers) + 1, f"{len(seen)} symbols in the trees")

    def _ext(self):
        epoch, at, size = struct.unpack_from("<III", self.block.data, 0x4C)
        need(at == self.block.array - 512 and size == 512, f"ext of {size} bytes at {at:#x}")
        need(self.zone_end + 0x70 <= at, "symbols reach into the ext")
        values = EXT.unpack_from(self.block.data, at)
        names = ("magic version size epoch flags first scan_start scan_offset scan_checksum clean_checksum clean_end "
                 "clean_offset durable base_offset prepared_physical prepared_logical cut_lsn cut_bytes container_size "
                 "max_size retain_bytes retain_seconds flush_ms align framing zero8f attributes pending_max damage "
                 "newest").split()
        ext = dict(zip(names, values))
        need((ext["magic"], ext["version"], ext["size"]) == (EXT_MAGIC, 1, 512), "no ext")
        need(ext["epoch"] == epoch, "epoch of header and ext differ")
        need(ext["flags"] < 64 and ext["zero8f"] == 0, f"ext flags {ext['flags']:#x}")
        need(ext["align"] in (512, 4096) and ext["framing"] <= 1, "align or framing of the ext")
        need(zero(self.block.data[at + 0x168:at + 512]), "end of the ext is not zero")
        need(struct.unpack_from("<Q", self.block.data, 0x38)[0] == self.log_id, "log id is not that of the GUID")
        return ext


class Log:
    def __init__(self, path):
        self.metadata = Metadata(path)
        self.directory = os.path.dirname(path) or "."
        self.general = self.metadata.general
        self.ours = self.general.block.ours
        self.ext = self.general.ext
        self.logical = {c["logical"]: physical for physical, c in self.general.containers.items()}
        if self.ours and self.ext["flags"] & PREPARED:
            self.logical = {c["logical"]: physical for physical, c in self.general.containers.items()
                            if physical != self.ext["prepared_physical"]}
            self.logical[self.ext["prepared_logical"]] = self.ext["prepared_physical"]
        self.size = self.general.container_size
        self.base = self.place(self.general.base)
        self.cache = (None, b"")
        self.differences = []

    def place(self, lsn):
        """A bound at the end of a container is the start of the next one."""
        if self.size and lsn != INVALID and lsn & 0xFFFFFFFF == self.size:
            return (container_of(lsn) + 1) << 32
        return lsn

    def container(self, logical):
        if self.cache[0] != logical:
            need(logical in self.logical, f"no container has the logical id {logical}")
            entry = self.general.containers[self.logical[logical]]
            try:
                with open(os.path.join(self.directory, entry["name"]), "rb") as file:
                    data = file.read()
            except OSError as error:
                raise Bad(f"container {entry['name']}: {error.strerror}") from error
            need(len(data) == entry["size"], f"container {entry['name']} has {len(data)} bytes, not {entry['size']}")
            self.cache = (logical, data)
        return self.cache[1]

    def block(self, address, stream_offset=0):
        data = self.container(container_of(address))
        room = memoryview(data)[offset_of(address):]
        sectors = struct.unpack_from("<H", room, 4)[0] if len(room) >= SECTOR else 0
        return DataBlock(bytes(room[:max(sectors * SECTOR, SECTOR)]), address, self.general.log_id, stream_offset)

    def following(self, block):
        return self.place(block.address + block.size)

    def chain(self, address):
        """The blocks from address on. Afterwards .stop, .why, .stream_offset and .checksum say where it ended."""
        before, self.stream_offset, self.checksum, self.stop, self.why = None, None, 0, address, "the end"
        while True:
            try:
                block = self.block(address, 0 if before is None else self.stream_offset)
                if self.ours:
                    need(block.epoch <= self.ext["epoch"], f"epoch {block.epoch}, above the metadata's")
                    if before is not None:
                        need(block.epoch >= before.epoch, f"epoch {block.epoch} after {before.epoch}")
                        need(block.stream_offset == self.stream_offset,
                             f"stream offset {block.stream_offset}, not {self.stream_offset}")
                        need(block.block_flags & CHAIN_START or block.previous_checksum == before.checksum,
                             f"previous checksum {block.previous_checksum:#010x}, not {before.checksum:#010x}")
            except Bad as bad:
                self.stop, self.why = address, str(bad)
                return
            self.stream_offset, self.checksum = block.stream_offset + block.payload_bytes, block.checksum
            address = self.following(block)
            yield block
            before = block

    def oldest(self):
        """The address of the first block that is still connected with the base."""
        start = self.base & ~0x1FF
        known, logical = start, container_of(start)
        while logical in self.logical:
            if known != logical << 32:
                for block in self.chain(logical << 32):
                    if self.following(block) == known:
                        break
                else:
                    return start
            start = known = logical << 32
            logical -= 1
        return start

    def durable_mark(self, chain_durable, bad):
        mark = [self.place(lsn) for lsn in [self.ext["scan_start"], self.ext["first"]] + chain_durable]
        if self.ext["flags"] & CLEAN:
            mark.append(self.place(self.ext["clean_end"]))
        if self.ext["flags"] & DAMAGED:
            mark.append(self.place(self.ext["damage"]))
        address = bad
        while True:
            try:
                data = self.container(container_of(address))
            except Bad:
                return max(mark)
            for at in range(offset_of(address), len(data), SECTOR):
                if data[at + 510] in (0x44, 0x64):
                    try:
                        block = self.block(container_of(address) << 32 | at)
                        if block.epoch == self.ext["epoch"]:
                            mark.append(self.place(block.durable))
                    except Bad:
                        pass
            address = (container_of(address) + 1) << 32

    def read(self, every=False):
        """Sets .records, .blocks, .next, .last, .durable, .offset, .kind, .why."""
        self.records, self.blocks = [], []
        start = self.oldest() if every or not self.ours else self.base & ~0x1FF
        active = self.base
        durable, foreign_end = [], self.place(self.general.last)
        for block in self.chain(start):
            self.blocks.append(block)
            if self.ours:
                if block.epoch == self.ext["epoch"]:
                    durable.append(block.durable)
                self._compare(block)
            self.records += [r for r in block.records if every or r.lsn >= active]
        self.next = self.stop
        self.offset = self.stream_offset
        if self.offset is None and self.ours:
            self.offset = self.ext["base_offset"]
        if self.ours:
            self.durable = self.durable_mark(durable, self.next)
            self._compare_end()
            below = self.next < self.durable
        else:
            self.durable, below = self.next, self.next < foreign_end
        self.last = self.records[-1].lsn if self.records else INVALID
        self.start = self.records[0].lsn if every and self.records else self.base
        restarts = [r.lsn for r in self.records if r.kind == "restart"]
        self.restart = restarts[-1] if restarts else INVALID
        self.kind = "damage" if below else "end"
        if not below and self.ours and self.ext["flags"] & CLEAN and self.next == self.place(self.ext["clean_end"]):
            self.why = "closed cleanly here"

    def _differ(self, what, one, other):
        if one != other:
            self.differences.append(f"{what}: {one:#x} in the metadata, {other:#x} in the chain")

    def _compare(self, block):
        """What the metadata says of this place."""
        ext = self.ext
        if self.following(block) == self.place(ext["scan_start"]):
            self._differ("stream offset of the scan start", ext["scan_offset"], self.stream_offset)
            if ext["scan_checksum"]:
                self._differ("checksum of the scan start", ext["scan_checksum"], block.checksum)
        for record in block.records:
            if record.lsn == self.base:
                self._differ("stream offset of the base", ext["base_offset"], record.stream_offset)
        if offset_of(block.address) == 0:
            entry = self.general.containers[self.logical[container_of(block.address)]]
            prepared = ext["flags"] & PREPARED and self.logical[container_of(block.address)] == ext["prepared_physical"]
            if entry["logical"] == container_of(block.address) and not prepared:
                self._differ(f"stream offset of container {entry['name']}", entry["first_offset"], block.stream_offset)

    def _compare_end(self):
        ext = self.ext
        if ext["flags"] & CLEAN and self.next == self.place(ext["clean_end"]):
            self._differ("stream offset of the clean end", ext["clean_offset"], self.offset)
            if self.blocks:
                self._differ("checksum of the clean end", ext["clean_checksum"], self.checksum)

    def marks(self):
        marks = [("base", self.start), ("next", self.next), ("last", self.last), ("durable", self.durable),
                 ("restart", self.restart)]
        return marks + [("offset", self.offset or 0)]


def text(log, out, only_marks):
    for name, place, dump, reason in log.metadata.copies:
        print(f"copy {name} {place:#x} " + (f"valid, dump count {dump}" if reason is None else reason), file=out)
    for physical, entry in log.general.containers.items():
        print(f"container {physical} {entry['logical']} {entry['name']}", file=out)
    for name, value in log.marks():
        print(f"mark {name} {value:#x}", file=out)
    if not only_marks:
        for r in log.records:
            print(f"record {r.lsn:#x} {r.kind} {r.previous:#x} {r.undo_next:#x} {r.stream_offset} {len(r.payload)} "
                  f"{r.payload.hex() or '-'}", file=out)
    for difference in log.differences:
        print("differ " + difference, file=out)
    print(f"stop {log.next:#x} {log.kind}: {log.why}", file=out)


def as_json(log, out):
    json.dump({
        "ours": log.ours, "guid": log.general.guid.hex(), "dump_count": log.general.dump,
        "copies": [dict(zip(("block", "offset", "dump_count", "bad"), copy)) for copy in log.metadata.copies],
        "containers": [dict(physical=physical, **entry) for physical, entry in log.general.containers.items()],
        "ext": {k: v.hex() if isinstance(v, bytes) else v for k, v in log.ext.items()} if log.ours else None,
        "marks": dict(log.marks()),
        "records": [{"lsn": r.lsn, "type": r.kind, "previous": r.previous, "undo_next": r.undo_next,
                     "stream_offset": r.stream_offset, "payload": r.payload.hex()} for r in log.records],
        "differences": log.differences,
        "stop": {"lsn": log.next, "kind": log.kind, "reason": log.why}}, out, indent=1)
    print(file=out)


def main(arguments):
    flags = {a for a in arguments if a.startswith("--")}
    paths = [a for a in arguments if a not in flags]
    if len(paths) != 1 or flags - {"--json", "--all", "--marks"}:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        log = Log(paths[0])
        log.read("--all" in flags)
    except (Bad, OSError) as error:
        print(f"cannot read {paths[0]}: {error}", file=sys.stderr)
        return 2
    if "--json" in flags:
        as_json(log, sys.stdout)
    else:
        text(log, sys.stdout, "--marks" in flags)
    return 1 if log.kind == "damage" or log.differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
