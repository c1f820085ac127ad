"""Unpacks a build's source zip, which anybody who may upload has written.

Plays CodeBuild's phase DOWNLOAD_SOURCE. Touches no ministack name. Too big, unreadable or encrypted ends the
phase, as CodeBuild ends it for a zip that it cannot unpack. Entries that would leave the folder, and links,
are left out with a line in the log, and the build goes on: what to say to the uploader is the buildspec's.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

MEBIBYTE = 1024 * 1024
MAX_ZIP_BYTES = 512 * MEBIBYTE
MAX_UNPACKED_BYTES = 2048 * MEBIBYTE
MAX_ENTRIES = 200_000
_CHUNK = MEBIBYTE


class SourceError(Exception):
    """A source that cannot be unpacked; the message goes into the phase's context."""


def unpack(
    data: bytes, folder: Path, log: Callable[[str], None],
    max_zip: int = MAX_ZIP_BYTES, max_unpacked: int = MAX_UNPACKED_BYTES, max_entries: int = MAX_ENTRIES,
) -> None:
    """Unpack `data` into the existing `folder`; SourceError if it is no zip or goes over a limit.

    Sizes are counted while unpacking: what the zip's directory claims proves nothing.
    """
    if len(data) > max_zip:
        raise SourceError(f"source zip of {len(data)} bytes exceeds the local cloud's limit of {max_zip}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > max_entries:
                raise SourceError(f"source zip with {len(entries)} entries exceeds the limit of {max_entries}")
            left = max_unpacked
            for entry in entries:
                left -= _unpack_entry(archive, entry, folder, left, log)
    except SourceError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        # RuntimeError is zipfile's word for an encrypted entry, ValueError for a name that no file can have.
        raise SourceError(f"error while unpacking the source zip: {error}") from error


def _unpack_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, left: int, log: Callable[[str], None]
) -> int:
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    mode = entry.external_attr >> 16
    if name.is_absolute() or ".." in name.parts or not name.parts or ":" in name.parts[0]:
        log(f"Left out of the source: {entry.filename!r} leaves the folder")
        return 0
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        log(f"Left out of the source: {entry.filename!r} is a link or a device")
        return 0
    target = folder.joinpath(*name.parts)
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as packed, open(target, "wb") as file:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > left:
                raise SourceError("the source zip unpacks to more than the local cloud's limit")
            file.write(chunk)
    # Owner rights always, execute as packed; never set-uid.
    os.chmod(target, 0o644 | (mode & 0o111))
    return written
