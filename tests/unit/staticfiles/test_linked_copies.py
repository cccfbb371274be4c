"""Hashed copies name the hashed copies of what they refer to."""

from __future__ import annotations

import gzip
import json
import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from openviper.staticfiles import collect_static
from openviper.staticfiles.collect import Extras, carry_out
from openviper.staticfiles.collection_plan import make_plan
from openviper.staticfiles.collection_record import Record
from openviper.staticfiles.hashed_names import circles, hashed_name
from openviper.template.assets import RECORD_NAME, hashed_names
from tests.projects import write
from tests.unit.staticfiles.test_collect import tree

FILES = {
    "css/site.css": "@import 'base.css'; a{b:url(../img/a.svg)} c{d:url(none.png)}",
    "css/base.css": "e{f:url(../img/a.svg#x)}",
    "img/a.svg": "<svg/>",
    "js/a.js": "import './b.js'\n//# sourceMappingURL=a.js.map",
    "js/b.js": "import './a.js'; import './c.js'",
    "js/c.js": "export {}",
    "js/a.js.map": "{}",
    "js/self.js": "import './self.js'",
}


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """Return a source whose files refer to each other."""
    return write(tmp_path / "linked", FILES)


def collect(source: Path, dest: Path, *, compress: bool = False) -> list[str]:
    """Collect with hashed names and return the warnings."""
    plan = make_plan([source], dest)
    return carry_out(plan, Extras(hashed=True, compress=compress)).warnings


def copy_of(dest: Path, name: str) -> str:
    """Return the content of the hashed copy of a file."""
    return (dest / hashed_names(dest)[name]).read_text()


def all_lead_somewhere(dest: Path) -> None:
    """Check that every reference of a hashed copy names a file, and one with a hash where there is one."""
    for name, copy in hashed_names(dest).items():
        if name.endswith((".css", ".js")):
            for target in re.findall(r"(?:url\(|import '|URL=)([^)#'\s]+)", copy_of(dest, name)):
                path = os.path.normpath(os.path.join(os.path.dirname(copy), target))
                assert target == "none.png" or path in hashed_names(dest).values(), (name, target)


def test_copies_name_copies_and_plain_names_stay_plain(linked: Path, dest: Path) -> None:
    warnings = collect(linked, dest)
    all_lead_somewhere(dest)
    assert all((dest / name).read_text() == text for name, text in FILES.items())
    assert warnings == ["'css/site.css' refers to 'css/none.png', which no source has"]
    assert re.search(r"a\.[0-9a-f]{12}\.svg#x", copy_of(dest, "css/base.css"))


def test_a_change_deep_down_gives_new_names_to_all_above(linked: Path, dest: Path) -> None:
    collect(linked, dest)
    before = dict(hashed_names(dest))
    (linked / "img/a.svg").write_text("<svg>new</svg>")
    collect(linked, dest)
    after = hashed_names(dest)
    assert {name for name in after if after[name] != before[name]} == {
        "img/a.svg", "css/base.css", "css/site.css"
    }  # fmt: skip
    all_lead_somewhere(dest)


def test_a_change_in_a_circle_gives_new_names_to_the_circle(linked: Path, dest: Path) -> None:
    collect(linked, dest)
    before = dict(hashed_names(dest))
    (linked / "js/c.js").write_text("export {x}")
    collect(linked, dest)
    after = hashed_names(dest)
    assert {name for name in after if after[name] != before[name]} == {
        "js/a.js",
        "js/b.js",
        "js/c.js",
    }
    all_lead_somewhere(dest)


def test_a_second_run_writes_nothing_and_reads_nothing(
    linked: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(linked, dest, compress=True)
    before = {path: path.stat().st_ino for path in dest.rglob("*") if path.is_file()}
    from openviper.staticfiles import linked_copies

    monkeypatch.setattr(linked_copies, "find_references", lambda *rest: pytest.fail("was read"))
    collect(linked, dest, compress=True)
    assert {path: path.stat().st_ino for path in dest.rglob("*") if path.is_file()} == before


def test_names_do_not_depend_on_the_history(linked: Path, dest: Path, tmp_path: Path) -> None:
    collect(linked, dest)
    (linked / "js/c.js").write_text("changed")
    (linked / "img/a.svg").write_text("changed")
    collect(linked, dest)
    collect(linked, tmp_path / "fresh")
    assert hashed_names(tmp_path / "fresh") == hashed_names(dest)


def test_a_target_that_comes_or_goes_changes_what_refers_to_it(linked: Path, dest: Path) -> None:
    collect(linked, dest)
    write(linked, {"css/none.png": "png"})
    assert collect(linked, dest) == []
    assert re.search(r"none\.[0-9a-f]{12}\.png", copy_of(dest, "css/site.css"))
    (linked / "css/none.png").unlink()
    assert collect(linked, dest) != []
    assert "url(none.png)" in copy_of(dest, "css/site.css")


def test_a_lost_copy_is_made_again(linked: Path, dest: Path) -> None:
    collect(linked, dest)
    path = dest / hashed_names(dest)["css/site.css"]
    content = path.read_bytes()
    path.unlink()
    collect(linked, dest)
    assert path.read_bytes() == content


def test_compressed_copies_hold_the_rewritten_text(linked: Path, dest: Path) -> None:
    write(linked, {"css/site.css": FILES["css/site.css"] * 100})
    collect(linked, dest, compress=True)
    copy = dest / hashed_names(dest)["css/site.css"]
    assert gzip.decompress(copy.with_name(f"{copy.name}.gz").read_bytes()) == copy.read_bytes()
    plain = gzip.decompress((dest / "css/site.css.gz").read_bytes())
    assert plain == (dest / "css/site.css").read_bytes() != copy.read_bytes()


def test_bytes_that_are_no_text_come_out_as_they_went_in(linked: Path, dest: Path) -> None:
    (linked / "css/site.css").write_bytes(b"\xff\xfe a{b:url(../img/a.svg)} \x80")
    collect(linked, dest)
    content = (dest / hashed_names(dest)["css/site.css"]).read_bytes()
    assert content.startswith(b"\xff\xfe a{b:url(../img/a.") and content.endswith(b"svg)} \x80")


def test_a_record_of_an_earlier_version_is_understood_and_its_hashes_are_made_anew(
    linked: Path, dest: Path
) -> None:
    collect(linked, dest)
    record = json.loads((dest / RECORD_NAME).read_bytes())
    right = record["hashed"]["css/site.css"]
    old = {"version": 1, "files": {name: values[:5] for name, values in record["files"].items()},
           "extra": record["extra"], "hashed": {name: "old" for name in record["hashed"]}}  # fmt: skip
    (dest / RECORD_NAME).write_text(json.dumps(old))
    collect(linked, dest)
    assert hashed_names(dest)["css/site.css"] == right
    assert collect_static([linked], dest, clear=True) == len(FILES)


def test_clearing_removes_copies_of_the_past(linked: Path, dest: Path) -> None:
    collect(linked, dest)
    old = hashed_names(dest)["css/site.css"]
    (linked / "img/a.svg").write_text("new")
    collect_static([linked], dest, hashed=True)
    assert (dest / old).exists()
    collect_static([linked], dest, hashed=True, clear=True)
    assert not (dest / old).exists()
    assert set(tree(dest)) == {*FILES, *hashed_names(dest).values()}


def test_circles_come_after_what_they_refer_to() -> None:
    graph = {"a": ["b"], "b": ["c", "d"], "c": ["b", "out"], "d": [], "e": ["e"], "f": ["a", "e"]}
    order = list(circles(graph))
    assert sorted(map(tuple, order)) == [("a",), ("b", "c"), ("d",), ("e",), ("f",)]
    place = {name: number for number, circle in enumerate(order) for name in circle}
    assert place["d"] < place["b"] < place["a"] < place["f"] and place["e"] < place["f"]


def test_a_long_chain_needs_no_deep_stack() -> None:
    graph = {str(number): [str(number + 1)] for number in range(20_000)}
    assert len(list(circles(graph))) == 20_000


@pytest.mark.parametrize(("name", "hashed"), [("a/b.css", "a/b.0.css"), ("LICENSE", "LICENSE.0"), (".x", ".x.0"), ("a.tar.gz", "a.tar.0.gz")])  # fmt: skip
def test_the_hash_stands_before_the_suffix(name: str, hashed: str) -> None:
    assert hashed_name(name, "0") == hashed


class Counting(dict[str, str]):
    """Names that say how often somebody has gone through all of them."""

    walks = 0

    def items(self) -> Any:
        type(self).walks += 1
        return super().items()


def test_the_work_does_not_grow_with_the_square_of_the_files(
    tmp_path: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{n}.css": f"a {{ background: url({n}.png) }}" for n in range(30)}
    source = write(tmp_path / "many", {**files, **{f"{n}.png": str(n) for n in range(30)}})
    monkeypatch.setattr(Counting, "walks", 0)
    record = partial(Record, hashed=Counting())
    monkeypatch.setattr("openviper.staticfiles.collection_run.Record", record)
    collect_static([source], dest, hashed=True)
    assert Counting.walks < 10
