"""The list of all crates in the functions, as CycloneDX 1.6: what a scanner of known vulnerabilities reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


def sbom(root: Path, functions: tuple[str, ...], target: str) -> str:
    """The document for these functions on this target. The same lock file gives the same text: no time, no serial number."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, cwd=root, check=True, capture_output=True).stdout)
    return json.dumps(document(metadata, functions), indent=2, sort_keys=True) + "\n"


def document(metadata: dict[str, Any], functions: tuple[str, ...]) -> dict[str, Any]:
    """The document from what `cargo metadata` says."""
    packages = {package["id"]: package for package in metadata["packages"]}
    edges = {node["id"]: linked(node) for node in metadata["resolve"]["nodes"]}
    roots = [package["id"] for package in metadata["packages"]
             if package["name"] in functions and package["source"] is None]
    reached: set[str] = set()
    ahead = list(roots)
    while ahead:
        one = ahead.pop()
        if one not in reached:
            reached.add(one)
            ahead.extend(edges[one])
    ordered = sorted(reached, key=lambda one: reference(packages[one]))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "security-chatops", "bom-ref": "security-chatops",
                                   "version": packages[roots[0]]["version"]}},
        "components": [component(packages[one], one in roots) for one in ordered],
        "dependencies": [
            {"ref": "security-chatops", "dependsOn": sorted(reference(packages[one]) for one in roots)},
            *({"ref": reference(packages[one]), "dependsOn": sorted(reference(packages[other]) for other in edges[one])}
              for one in ordered),
        ],
    }


def linked(node: dict[str, Any]) -> list[str]:
    """What a crate is built with: its dependencies, those of its build script too, but not those of its tests."""
    return [edge["pkg"] for edge in node["deps"] if any(kind["kind"] != "dev" for kind in edge["dep_kinds"])]


def component(package: dict[str, Any], is_function: bool) -> dict[str, Any]:
    """One crate."""
    found: dict[str, Any] = {
        "type": "application" if is_function else "library", "name": package["name"], "version": package["version"],
        "bom-ref": reference(package),
    }
    if package["source"] is not None:
        found["purl"] = reference(package)
    if package["license"]:
        # Crates of old write a slash where SPDX has OR.
        found["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    return found


def reference(package: dict[str, Any]) -> str:
    """A crate's name in the document: its package URL."""
    return f"pkg:cargo/{package['name']}@{package['version']}"
