"""Small trees and installed packages for the tests of vendoring."""

from __future__ import annotations

from pathlib import Path

from openviper.vendoring.building import Tree
from openviper.vendoring.manifest import MANIFEST, Manifest, PackageEntry, digest

SOURCE = b"ANSWER = 42\n\n\ndef ask():\n    return ANSWER\n"


def small_tree(version: str = "1.0", source: bytes = SOURCE, **more: bytes) -> Tree:
    """Return a tree of one package of one module, and of further packages of one module each."""
    files = {"parrot/__init__.py": source}
    files |= {f"{name}/__init__.py": content for name, content in more.items()}
    others = {"__main__.py": b"print('ran')\n"}
    manifest = Manifest(
        packages=[
            PackageEntry(
                name=name.partition("/")[0],
                version=version,
                licence="MIT",
                source="",
                requires=(),
                licence_files=(),
                left_out=(),
                files={name: digest(content)},
            )
            for name, content in files.items()
        ],
        files={name: digest(content) for name, content in others.items()},
    )
    tree = Tree({**files, **others, MANIFEST: manifest.dump()})
    tree.manifest = manifest
    tree.modules = tuple(name.partition("/")[0] for name in files)
    return tree


def install(
    place: Path,
    name: str,
    version: str = "1.0",
    *,
    requires: tuple[str, ...] = (),
    files: dict[str, str] | None = None,
    headers: tuple[str, ...] = (),
    with_record: bool = True,
) -> None:
    """Put a package into a folder as an installer does."""
    content = {f"{name}/__init__.py": "", **(files or {})}
    folder = f"{name}-{version}.dist-info"
    metadata = [f"Name: {name}", f"Version: {version}", *headers]
    metadata += [f"Requires-Dist: {text}" for text in requires]
    content[f"{folder}/METADATA"] = "Metadata-Version: 2.1\n" + "\n".join(metadata) + "\n"
    content[f"{folder}/INSTALLER"] = "somebody\n"
    content[f"{folder}/direct_url.json"] = '{"url": "file:///home/somebody/secret"}'
    content[f"{folder}/licenses/LICENSE"] = "Do as you like.\n"
    if with_record:
        listed = [*content, f"../../bin/{name}", f"{folder}/RECORD"]
        content[f"{folder}/RECORD"] = "".join(f'"{entry}",,\n' for entry in listed)
    for entry, text in content.items():
        path = place / entry
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
