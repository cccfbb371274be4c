"""The software bill of materials of a tree: CycloneDX 1.6 as JSON."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from openviper.vendoring import own
from openviper.vendoring.distributions import Package
from openviper.vendoring.manifest import digest, sources_of
from openviper.version import VERSION

SBOM = "sbom.cdx.json"
SPEC_VERSION = "1.6"
FILES_SUM = "openviper:files:sha256"
"""Name of the property that holds the SHA-256 over the files of a package: over ``<sum>  <name>`` lines, which are those of
the full form in a compact tree too, so that both have one bill of materials."""
_NAMESPACE = uuid.UUID("6f1c0f5e-5a0b-5f5e-9c57-0a2e64a0d3b1")
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*\Z")


def build_sbom(packages: Sequence[Package], epoch: int | None = None) -> bytes:
    """Return the bill of materials of some packages; equal packages give equal bytes.

    Args:
        packages: OpenViper and what is carried with it.
        epoch: The time to put down, in seconds since 1970; none is put down when not given.
    """
    components = [_component(package) for package in packages]
    main = next(part for part in components if part["name"] == own.NAME)
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {
            "tools": {
                "components": [
                    {"type": "application", "name": "openviper vendor", "version": VERSION}
                ]
            },
            "component": {**main, "type": "framework"},
        },
        "components": [part for part in components if part is not main],
        "dependencies": [
            {
                "ref": _purl(package),
                "dependsOn": sorted(
                    _purl(other) for other in packages if other.name in package.requires
                ),
            }
            for package in packages
        ],
    }
    if epoch is not None:
        document["metadata"]["timestamp"] = datetime.fromtimestamp(epoch, UTC).isoformat()
    # A number that tells one bill from another, and yet is the same for the same content.
    content = json.dumps(document, sort_keys=True)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}"
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def source_date_epoch() -> int | None:
    """Return the time that `SOURCE_DATE_EPOCH` tells builds to put down, in seconds since 1970, or `None`.

    Raises:
        ValueError: If it is not a whole number that is a date.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        raise ValueError(f"SOURCE_DATE_EPOCH is {text!r}, which is not a number of seconds")
    return int(text)


def files_sum(package: Package) -> str:
    """Return one SHA-256 for all files of a package."""
    sums = {name: digest(content) for name, content in package.files.items()}
    sources = sources_of(sums, package.origins)
    lines = [f"{value}  {name}\n" for name, value in sorted(sources.items())]
    return digest("".join(lines).encode())


def _component(package: Package) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(package),
        "name": package.name,
        "version": package.version,
        "purl": _purl(package),
        "properties": [{"name": FILES_SUM, "value": files_sum(package)}],
    }
    if package.licence:
        component["licenses"] = [_licence(package.licence)]
    if package.source.startswith("https://"):
        component["externalReferences"] = [{"type": "website", "url": package.source}]
    return component


def _licence(named: str) -> dict[str, Any]:
    """Return a licence as an SPDX expression where it is written as one, else by its name."""
    if _EXPRESSION.match(named):
        return {"expression": named}
    return {"license": {"name": named}}


def _purl(package: Package) -> str:
    return f"pkg:pypi/{package.name}@{package.version}"
