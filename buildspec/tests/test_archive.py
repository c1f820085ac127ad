"""Zips that say one thing in one place and another in the next, made byte by byte; and those of ordinary programs, which
do not. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import dataclasses
import io
import struct
import unittest
import zipfile
import zlib

import archives
from test_preflight import Preflight, make

STREAMED, UTF_8 = 0x8, 0x800
GOOD, BAD = b"print('good')\n", b"print('bad')\n"
NO_SIGNATURE, SIGNATURE = b"", b"PK\7\x08"


def deflated(content):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def field(kind, content):
    return struct.pack("<HH", kind, len(content)) + content


def unicode_path(name, of=b"a.py"):
    return field(0x7075, struct.pack("<BL", 1, zlib.crc32(of)) + name)


@dataclasses.dataclass
class File:
    """A file in a zip. `header` and `listed` are what the header before it, and the list, say otherwise."""

    name: bytes = b"a.py"
    content: bytes = GOOD
    method: int = zipfile.ZIP_DEFLATED
    flags: int = 0
    data: bytes = None
    descriptor: bytes = b""
    header: dict = dataclasses.field(default_factory=dict)
    listed: dict = dataclasses.field(default_factory=dict)

    def said(self, changes):
        data = self.packed()
        return {"name": self.name, "flags": self.flags, "method": self.method, "crc": zlib.crc32(self.content),
                "packed": len(data), "size": len(self.content), "extra": b"", "comment": b"", "attributes": 0} | changes

    def packed(self):
        if self.data is not None:
            return self.data
        return deflated(self.content) if self.method == zipfile.ZIP_DEFLATED else self.content

    def before(self):
        say = self.said(self.header)
        return struct.pack("<4s5H3L2H", b"PK\3\4", 20, say["flags"], say["method"], 0, 33, say["crc"], say["packed"], say["size"],
                           len(say["name"]), len(say["extra"])) + say["name"] + say["extra"]

    def whole(self):
        return self.before() + self.packed() + self.descriptor

    def in_list(self, offset):
        say = self.said({"offset": offset} | self.listed)
        return struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, say["flags"], say["method"], 0, 33, say["crc"], say["packed"],
                           say["size"], len(say["name"]), len(say["extra"]), len(say["comment"]), 0, 0, say["attributes"],
                           say["offset"]) + say["name"] + say["extra"] + say["comment"]


def streamed(numbers, signature=SIGNATURE, **changes):
    """A file whose sizes were not known when its header was written; `numbers` is the form of those that follow it."""
    file = File(flags=STREAMED, header={"crc": 0, "packed": 0, "size": 0}, **changes)
    said = file.said(file.listed)
    file.descriptor = signature + struct.pack(numbers, said["crc"], said["packed"], said["size"])
    return file


def end(start, length, number, comment=b"", /, **changes):
    say = {"disk": 0, "here": number, "number": number, "length": length, "start": start} | changes
    return struct.pack("<4s4H2LH", b"PK\5\6", say["disk"], 0, say["here"], say["number"], say["length"], say["start"],
                       len(comment)) + comment


def archive(*files, unlisted=b"", comment=b"", **changes):
    """A zip of these files. `unlisted` stands between the last one and the list."""
    body, listed = b"", b""
    for file in files:
        listed += file.in_list(len(body))
        body += file.whole()
    body += unlisted
    return body + listed + end(len(body), len(listed), len(files), comment, **changes)


class OneReading(Preflight):
    def good(self, content, name="a.py", expect=GOOD):
        self.accepted(content)
        self.assertEqual((self.folder / "source" / name).read_bytes(), expect)

    def test_an_ordinary_zip(self):
        self.good(archive(File()))
        self.good(archive(File(method=zipfile.ZIP_STORED)))
        self.good(archive(File(), File(b"b.py", b""), File(b"c/", b"", zipfile.ZIP_STORED)))

    def test_zips_of_other_programs(self):
        for program, content in archives.written().items():
            self.accepted(content)
            for name, expected in archives.FILES.items():
                self.assertEqual((self.folder / "source" / name).read_bytes(), expected, program)

    def test_zips_that_python_writes_without_going_back(self):
        class Pipe(io.RawIOBase):
            def __init__(self):
                super().__init__()
                self.written = b""

            def writable(self):
                return True

            def write(self, data):
                self.written += bytes(data)
                return len(data)

        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            for large in (False, True):
                pipe = Pipe()
                with zipfile.ZipFile(pipe, "w", method) as written, written.open("a.py", "w", force_zip64=large) as file:
                    file.write(GOOD)
                self.good(pipe.written)

    def test_a_header_that_describes_another_file(self):
        for changes in ({"method": zipfile.ZIP_STORED}, {"crc": 1}, {"packed": 1}, {"size": 1}, {"flags": STREAMED},
                        {"flags": UTF_8}, {"name": b"b.py"}, {"name": b"a.pyc"}, {"crc": 0, "packed": 0, "size": 0},
                        {"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF},
                        {"extra": field(1, struct.pack("<2Q", 5, 5))}):
            self.refused(archive(File(header=changes)), "'a.py' is described in two ways")

    def test_a_header_with_the_same_in_other_words(self):
        size, packed = len(GOOD), len(deflated(GOOD))
        for changes in ({"flags": 0x2}, {"extra": field(0x5455, b"\1" + bytes(4))}, {"extra": bytes(3)},
                        {"extra": field(1, struct.pack("<2Q", size, packed)), "size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}):
            self.good(archive(File(header=changes)))

    def test_a_header_that_is_none(self):
        for at in range(4):
            whole = bytearray(archive(File()))
            whole[at] ^= 1
            self.refused(bytes(whole), "'a.py' is not where the zip says")

    def test_extra_fields_that_end_too_early(self):
        for extra in (b"\1", field(0x5455, bytes(5))[:-1], field(0x5455, b"") + b"PK"):
            for place in ("header", "listed"):
                self.refused(archive(File(**{place: {"extra": extra}})), "extra fields that end too early")

    def test_another_name_in_an_extra_field(self):
        for place in ("header", "listed"):
            for name in (b"b.py", b"../../a.py", b"", b"\xff"):
                self.refused(archive(File(**{place: {"extra": unicode_path(name)}})), "'a.py' has another name")
            self.refused(archive(File(**{place: {"extra": field(0x7075, b"")}})), "has another name")
            # A reader that trusts the field only with the right checksum, and one that does not check it.
            self.refused(archive(File(**{place: {"extra": unicode_path(b"b.py", of=b"x")}})), "has another name")

    def test_the_same_name_in_an_extra_field(self):
        extra = unicode_path(b"a.py")
        self.good(archive(File(header={"extra": extra}, listed={"extra": extra})))
        raw, name = "é.py".encode("cp437"), "é.py".encode()
        extra = unicode_path(name, of=raw)
        self.good(archive(File(raw, header={"extra": extra}, listed={"extra": extra})), "é.py")

    def test_extra_fields_that_make_another_file(self):
        link = struct.pack("<BHL", 5, 0x0314, 0o120777 << 16)
        for kind, content in ((0x6C78, link), (0x756E, struct.pack("<LHLHH", 0, 0o120777, 0, 0, 0) + b"b.py"),
                              (0x000D, bytes(12) + b"b.py"), (0x9901, b"\2\0AE\3\x08\0"), (0x0017, bytes(8)), (0x4321, b""),
                              (0x0000, b"\0x")):
            for place in ("header", "listed"):
                for before in (b"", field(0x5455, bytes(5))):
                    content_of_place = {place: {"extra": before + field(kind, content)}}
                    self.refused(archive(File(**content_of_place)), f"'a.py' has an extra field {kind:#06x}")

    def test_extra_fields_that_change_no_file(self):
        kinds = (0x000A, 0x5455, 0x5855, 0x7855, 0x7875, 0x6375, 0xCAFE, 0xA11E, 0xA220, 0xD935)
        extra = b"".join(field(kind, b"12345") for kind in kinds) + field(0, bytes(8)) + bytes(7)
        self.good(archive(File(header={"extra": extra}, listed={"extra": extra})))

    def test_a_name_that_is_not_what_it_says(self):
        self.refused(archive(File(b"\xff.py", flags=UTF_8)), "not a name in UTF-8")

    def test_a_larger_end_record_with_another_list(self):
        bad, good = File(content=BAD), File(content=GOOD)
        whole = bad.whole()
        first = len(whole), bad.in_list(0)
        whole += first[1]
        second = good.in_list(len(whole))
        whole += good.whole()
        at = len(whole) + len(second)
        record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(second), len(whole))
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
        whole += second + record + locator
        # The smaller one says where the bad program is listed, or nothing of its own.
        for small in (end(first[0], len(first[1]), 1), end(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFF)):
            self.assertEqual(zipfile.ZipFile(io.BytesIO(whole + small)).read("a.py"), GOOD, "Python sees the good one")
            self.refused(whole + small, "ends as ZIP64")

    def test_a_larger_end_record_in_a_comment_of_the_list(self):
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
        # The longest comments put it far from the end.
        for length in (0, 65515, 65516, 65535):
            self.refused(archive(File(listed={"comment": locator}), comment=b"x" * length), "ends as ZIP64")
        for changes in ({"here": 0xFFFF, "number": 0xFFFF}, {"length": 0xFFFFFFFF}, {"start": 0xFFFFFFFF}):
            self.refused(archive(File(), **changes), "ends as ZIP64")
        self.refused(archive(File(listed={"extra": field(1, bytes(8))})), "is packed as ZIP64")

    def test_another_zip_before_it(self):
        good = archive(File())
        for before in (archive(File(content=BAD)), File(content=BAD).whole(), b"#!/usr/bin/env python3\n"):
            self.assertEqual(zipfile.ZipFile(io.BytesIO(before + good)).read("a.py"), GOOD, "Python sees the good one")
            self.refused(before + good, "not where its end says")

    def test_a_file_that_is_not_listed(self):
        hidden = File(b"b.py", BAD).whole()
        self.refused(archive(File(), unlisted=hidden), "lies after 'a.py'")
        shifted = File(listed={"offset": len(hidden)}).in_list(0)
        body = hidden + File().whole()
        self.refused(body + shifted + end(len(body), len(shifted), 1), "lies before 'a.py'")
        body = File().whole() + hidden + File(b"c.py").whole()
        listed = File().in_list(0) + File(b"c.py").in_list(len(body) - len(File(b"c.py").whole()))
        self.refused(body + listed + end(len(body), len(listed), 2), "lies after 'a.py'")

    def test_two_files_in_one_place(self):
        self.refused(archive(File(), File(b"b.py", listed={"offset": 0})), "lies after 'a.py'")
        self.refused(archive(File(listed={"packed": 5}, header={"packed": 5})), "lies after 'a.py'")
        self.refused(archive(File(listed={"packed": 5000}, header={"packed": 5000})), "lies after 'a.py'")
        self.refused(archive(File(listed={"offset": 4})), "lies before 'a.py'")

    def test_a_file_behind_the_end_of_packed_data(self):
        hidden = File(b"b.py", BAD).whole()
        data = deflated(GOOD) + hidden
        self.assertEqual(zipfile.ZipFile(io.BytesIO(archive(File(data=data)))).read("a.py"), GOOD, "Python sees nothing")
        self.refused(archive(File(data=data)), "'a.py' has more in its place")
        self.refused(archive(File(data=deflated(GOOD) + bytes(200000))), "'a.py' has more in its place")
        # Also where nobody looks at the content.
        self.refused(archive(File(), File(b"d/", b"", data=deflated(b"") + hidden)), "'d/' has more in its place")
        self.refused(archive(File(), File(b".git/x", data=data)), "'.git/x' has more in its place")
        self.refused(archive(File(), File(b"d/", b"", data=deflated(BAD))), "'d/' is larger than the zip says")
        self.refused(archive(File(), File(b"d/", b"", zipfile.ZIP_STORED, data=hidden)), "'d/' is larger than the zip says")

    def test_packed_data_without_an_end(self):
        self.refused(archive(File(data=deflated(GOOD)[:-1])), "damaged")
        self.refused(archive(File(data=b"\xff" * 9)), "damaged")
        self.good(archive(File(content=bytes(9 << 20))), expect=bytes(9 << 20))

    def test_what_follows_a_file_that_was_streamed(self):
        unknown, unknown_large = field(1, bytes(16)), {"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF}
        for numbers, other, header in (("<3L", "<L2Q", {}), ("<L2Q", "<3L", {"extra": unknown}),
                                       ("<L2Q", "<3L", {"extra": unknown} | unknown_large)):
            for signature in (SIGNATURE, NO_SIGNATURE):
                for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    file = streamed(numbers, signature, method=method)
                    file.header |= header
                    self.good(archive(file, File(b"b.py")))
                    # Of the other width: who reads on from there finds no b.py.
                    file.descriptor = streamed(other, signature, method=method).descriptor
                    self.refused(archive(file, File(b"b.py")), "lies after 'a.py'")
                    empty = streamed(numbers, signature, method=method, content=b"")
                    empty.header |= header
                    if header:
                        self.refused(archive(empty, File(b"b.py")), "'a.py' is empty and packed as ZIP64")
                    else:
                        self.good(archive(empty, File(b"b.py")), expect=b"")
        for lie in ({"crc": 1}, {"packed": 1}, {"size": 1}):
            file = streamed("<3L")
            said = file.said({}) | lie
            file.descriptor = SIGNATURE + struct.pack("<3L", said["crc"], said["packed"], said["size"])
            self.refused(archive(file), "lies after 'a.py'")
            file = streamed("<3L")
            file.header |= lie
            self.refused(archive(file), "described in two ways")
        for wrong in (b"", SIGNATURE, streamed("<3L").descriptor + b"\0"):
            file = streamed("<3L")
            file.descriptor = wrong
            self.refused(archive(file), "lies after 'a.py'")
        self.refused(archive(File(descriptor=streamed("<3L").descriptor)), "lies after 'a.py'")

    def test_a_checksum_that_looks_like_a_signature(self):
        content = b"print('good')#\xa6\x68\x24\xb5\n"
        self.assertEqual(zlib.crc32(content), 0x08074B50)
        for header in ({}, {"extra": field(1, bytes(16))}):
            for signature in (SIGNATURE, NO_SIGNATURE):
                file = streamed("<L2Q" if header else "<3L", signature, content=content)
                file.header |= header
                if signature:
                    self.good(archive(file), expect=content)
                else:
                    self.refused(archive(file), "lies after 'a.py'")

    def test_a_field_of_zip64_that_not_every_program_reads(self):
        for length in (0, 8, 15, 17, 24):
            self.refused(archive(File(header={"extra": field(1, bytes(length))})), "a ZIP64 field of another form")

    def test_a_stored_file_whose_end_is_searched(self):
        inner = make(("b.py", BAD))
        for content in (inner, b"x" * 65535 + SIGNATURE, b"x" * 65533 + b"PK\1\2"):
            self.refused(archive(streamed("<3L", content=content, method=zipfile.ZIP_STORED)), "could end in the middle")
            self.good(archive(streamed("<3L", content=content)), expect=content)
            self.good(archive(File(content=content, method=zipfile.ZIP_STORED)), expect=content)

    def test_comments(self):
        self.good(archive(File(), comment=b"47d6e9a26b5f9c6a0f8c9f0f1bb8ea8d05b7dd1c"))
        self.good(archive(File(listed={"comment": b"of the file"}), comment=b"x" * 65535))
        self.refused(archive(File(), comment=b"x" + end(0, 0, 0)), "not where its end says")
        self.refused(archive(File(), comment=b"PK\5\6" + bytes(30)), "follows the end")
        self.refused(archive(File(listed={"comment": end(0, 0, 0)})), "another end inside its list")

    def test_a_name_that_is_two_names_only_by_its_flag(self):
        name = "é.py".encode()
        for files in ((File(name, flags=UTF_8), File(name)), (File(name), File(b"./" + name, flags=UTF_8)),
                      (File(name, flags=UTF_8), File("É.py".encode())), (File(name), File("É.py".encode()))):
            self.refused(archive(*files), "are in each other's place")
        self.good(archive(File(name, flags=UTF_8), File("ü.py".encode("cp437"))), "é.py")

    def test_something_after_the_end(self):
        for more in (b"\0", BAD):
            self.refused(archive(File()) + more, "follows the end")

    def test_a_list_of_another_length(self):
        two = File(), File(b"b.py")
        self.refused(archive(*two, here=1, number=1), "lists more files than it says")
        self.refused(archive(*two, here=3, number=3), "lists fewer files than it says")
        self.refused(archive(*two, here=1), "one part of a zip")
        self.refused(archive(*two, disk=1), "one part of a zip")
        self.refused(archive(File(listed={"comment": b"x" * 10}))[:-32] + end(len(File().whole()), 50, 1), "lists more files")

    def test_a_list_that_is_too_long_to_be_read(self):
        files = [File(b"%d" % number, listed={"comment": b"x" * 65535}) for number in range(513)]
        self.refused(archive(*files), "list of files has more than 32 MiB")

    def test_a_file_that_windows_takes_for_a_folder(self):
        self.refused(archive(File(listed={"attributes": 0x10})), "a folder in another")
        self.good(archive(File(listed={"attributes": 0x20}), File(b"d/", b"", listed={"attributes": 0x10})))

    def test_other_ways_to_pack(self):
        for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9):
            self.refused(archive(File(method=method)), "not supported")
        for flags in (0x20, 0x10, 0x1000):
            self.refused(archive(File(flags=flags)), "not supported")


if __name__ == "__main__":
    unittest.main()
