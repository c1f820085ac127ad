"""A build's artifacts: which files the buildspec names, and under which keys they go to S3.

Plays CodeBuild's phase UPLOAD_ARTIFACTS for projects with artifacts of type S3. Touches no ministack name:
the caller stores what `collect` returns.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from .buildspec import Artifacts

MAX_FILES = 50_000


class ArtifactError(Exception):
    """Artifacts that cannot be uploaded; the message goes into the phase's context."""


def variables_used(artifacts: Artifacts | None) -> set[str]:
    """The names of variables in the artifact's strings, so that the shell can be asked for them."""
    if artifacts is None:
        return set()
    texts = [*artifacts.files, *artifacts.exclude_paths, artifacts.base_directory, artifacts.name or ""]
    return {name for text in texts for name in re.findall(r"\$\{?([A-Za-z_]\w*)\}?", text)}


def collect(artifacts: Artifacts, source: Path, values: Mapping[str, str]) -> dict[str, Path]:
    """The files of the artifact by their name in it, in order of names.

    `values` are the shell's variables at the end of the build. Links are never followed out of the base
    directory: the uploader of the source could have made them.
    """
    base = Path(os.path.join(source, _expand(artifacts.base_directory, values))).resolve()
    if not base.is_dir():
        raise ArtifactError(f"no matching base directory path found for {artifacts.base_directory}")
    patterns = [_expand(pattern, values) for pattern in artifacts.files]
    excluded = [_regex(_relative(_expand(pattern, values), base)) for pattern in artifacts.exclude_paths]
    found: dict[str, Path] = {}
    for pattern in patterns:
        matcher = _regex(_relative(pattern, base))
        for folder, _, names in os.walk(base):
            for name in names:
                path = Path(folder, name)
                relative = path.relative_to(base).as_posix()
                if path.is_symlink() or not path.is_file() or not matcher.fullmatch(relative):
                    continue
                if not any(exclude.fullmatch(relative) for exclude in excluded):
                    found[path.name if artifacts.discard_paths else relative] = path
                if len(found) > MAX_FILES:
                    raise ArtifactError(f"more than {MAX_FILES} artifact files")
    if not found:
        raise ArtifactError("no matching artifact paths found")
    return dict(sorted(found.items()))


def prefix(settings: Mapping[str, object], project: str, build_uuid: str, name: str | None) -> str:
    """The key, without a leading slash, under which the artifact goes: `path/build-id/name`."""
    parts = [str(settings.get("path") or "").strip("/")]
    if settings.get("namespaceType") == "BUILD_ID":
        parts.append(build_uuid)
    chosen = settings.get("name")
    if settings.get("overrideArtifactName") and name:
        chosen = name
    parts.append(str(chosen if chosen is not None else project).strip("/"))
    return "/".join(part for part in parts if part)


def zipped(files: Mapping[str, Path]) -> bytes:
    """The files as one zip, for packaging ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.write(path, name)
    return buffer.getvalue()


def _expand(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?([A-Za-z_]\w*)\}?", lambda match: values.get(match.group(1), ""), text)


def _relative(pattern: str, base: Path) -> str:
    """A pattern below the base directory; an absolute one must lie in it."""
    if not pattern.startswith("/"):
        return os.path.normpath(pattern)
    head = re.split(r"[*?]", pattern, maxsplit=1)[0].rsplit("/", 1)[0] or "/"
    resolved = Path(head).resolve()
    if not resolved.is_relative_to(base):
        raise ArtifactError(f"artifact path {pattern} is not in the base directory")
    return os.path.normpath(os.path.join(resolved.relative_to(base).as_posix(), pattern[len(head):].lstrip("/")))


def _regex(pattern: str) -> re.Pattern[str]:
    """CodeBuild's globs: `*` within a folder, `**/` any folders, `?` one character."""
    text = "".join(
        {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
        for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    )
    return re.compile(text)
