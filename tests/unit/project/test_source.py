"""Looking into source files."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.project.source import find_attribute, find_classes, find_source, literal_text


def test_classes_and_their_attributes_are_found(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(
        'x = 1\nclass A:\n    help = "first"\n    other: str = "second"\n    third = f"{x}"\n'
    )
    classes = find_classes(str(path))
    assert classes is not None and [node.name for node in classes] == ["A"]
    assert literal_text(find_attribute(classes[0], "help")) == "first"
    assert literal_text(find_attribute(classes[0], "other")) == "second"
    assert literal_text(find_attribute(classes[0], "third")) is None
    assert find_attribute(classes[0], "nope") is None


@pytest.mark.parametrize("content", [b"class A(:\n", b"\x00", b"# coding: nope\n"])
def test_a_file_that_cannot_be_parsed_has_no_answer(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sample.py").write_bytes(content)
    assert find_classes(str(tmp_path / "sample.py")) is None


def test_a_module_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package_x" / "sub").mkdir(parents=True)
    (tmp_path / "package_x" / "sub" / "__init__.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_source("package_x.sub") == str(tmp_path / "package_x" / "sub" / "__init__.py")
    assert find_source("package_x.nope") is None
