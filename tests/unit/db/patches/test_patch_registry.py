"""The patches a process knows: found once, in an order that does not depend on who looks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.db.patches import db_patch, discover_patches, get_registry, reset_registry
from openviper.exceptions import MigrationError
from tests.projects import forget_modules, write

HEAD = "from openviper.db.patches import db_patch\n\n"


@pytest.fixture(autouse=True)
def fresh_registry(tmp_path: Path) -> Iterator[None]:
    """Begin and end without patches."""
    reset_registry()
    yield
    reset_registry()
    forget_modules(tmp_path)


def patch(name: str, options: str = "", doc: str = "") -> str:
    """Return the source of a patch."""
    return f'@db_patch{options}\nasync def {name}():\n    """{doc}"""\n\n\n'


def app(root: Path, name: str, **files: str) -> dict[str, str]:
    """Write the patch files of an app and return its directory by its name."""
    write(root, {f"{name}/patches/{stem}.py": HEAD + body for stem, body in files.items()})
    return {name: str(root / name)}


def labels(apps: dict[str, str]) -> list[str]:
    return [entry.label for entry in discover_patches(apps)]


def test_files_are_read_by_name_and_functions_as_they_stand(tmp_path: Path) -> None:
    apps = app(tmp_path, "shop", b=patch("z") + patch("a"), a=patch("x"), _c=patch("hidden"))
    assert labels(apps) == ["shop.a.x", "shop.b.z", "shop.b.a"]


def test_the_order_counts_across_apps_and_those_before_the_schema_come_first(
    tmp_path: Path,
) -> None:
    apps = {
        **app(tmp_path, "zoo", one=patch("late", "(order=5)") + patch("plain")),
        **app(
            tmp_path,
            "ant",
            one=patch("early", "(order=-1)") + patch("before", "(post_migrate=False)"),
        ),
    }
    assert labels(apps) == ["ant.one.before", "ant.one.early", "zoo.one.plain", "zoo.one.late"]
    registry = get_registry()
    assert [entry.label for entry in registry.entries(post_migrate=False)] == ["ant.one.before"]
    assert [entry.label for entry in registry.entries(apps=["zoo"])] == [
        "zoo.one.plain",
        "zoo.one.late",
    ]
    assert registry.entries(apps=[]) == []


def test_apps_that_are_equal_otherwise_run_in_the_order_of_the_apps(tmp_path: Path) -> None:
    apps = {**app(tmp_path, "zoo", one=patch("a")), **app(tmp_path, "ant", one=patch("a"))}
    assert labels(apps) == ["zoo.one.a", "ant.one.a"]
    assert labels(dict(reversed(apps.items()))) == ["ant.one.a", "zoo.one.a"]


def test_looking_again_reads_no_file_twice_and_finds_new_ones(tmp_path: Path) -> None:
    apps = app(tmp_path, "shop", a=patch("x"))
    first = discover_patches(apps)
    app(tmp_path, "shop", a="raise RuntimeError\n", b=patch("y"))
    again = discover_patches(apps)
    assert [entry.label for entry in again] == ["shop.a.x", "shop.b.y"]
    assert again[0] is first[0]


@pytest.mark.parametrize("kind", ["absent", "file", "empty"])
def test_an_app_without_patches_has_none(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "shop" / "patches"
    folder.parent.mkdir()
    if kind == "file":
        folder.write_text("")
    elif kind == "empty":
        folder.mkdir()
    assert labels({"shop": str(tmp_path / "shop")}) == []


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("def (", "SyntaxError"),
        ("import not_installed_here", "ModuleNotFoundError: No module named 'not_installed_here'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_cannot_be_imported_is_named_and_tried_again(
    tmp_path: Path, source: str, cause: str
) -> None:
    apps = app(tmp_path, "shop", a=source)
    for _ in range(2):
        with pytest.raises(
            MigrationError, match=r"cannot import patch file '.*/shop/patches/a\.py'"
        ) as e:
            discover_patches(apps)
        assert cause in str(e.value)
    app(tmp_path, "shop", a=patch("x"))
    assert labels(apps) == ["shop.a.x"]


# What a patch is


@pytest.mark.parametrize(
    "source",
    [
        "def x(): pass",
        "async def x(value): pass",
        "async def x(value=1): pass",
        "async def x(*, value): pass",
        "async def x():\n    yield",
        "class x: pass",
        "x = db_patch(5)",
    ],
)
def test_a_patch_is_a_coroutine_function_without_arguments(tmp_path: Path, source: str) -> None:
    body = source if "db_patch" in source else f"@db_patch\n{source}\n"
    with pytest.raises(MigrationError, match="must be an `async def` without arguments"):
        discover_patches(app(tmp_path, "shop", a=body))


def test_a_partial_and_a_plain_object_are_none_either() -> None:
    async def work(value: int) -> None: ...

    with pytest.raises(MigrationError, match="must be an `async def`"):
        db_patch(functools.partial(work, 1))


def test_a_decorated_function_stays_what_it_was() -> None:
    async def work() -> None: ...

    assert db_patch(work) is work
    assert db_patch(order=3)(work) is work


def test_two_patches_of_one_name_in_one_file_are_refused_with_their_lines(tmp_path: Path) -> None:
    apps = app(tmp_path, "shop", a=patch("x") + patch("x"))
    with pytest.raises(
        MigrationError, match=r"'shop\.a\.x' exists twice in '.*a\.py': in lines 3 and 8"
    ):
        discover_patches(apps)


def test_the_same_name_in_another_file_app_or_phase_is_another_patch(tmp_path: Path) -> None:
    apps = {
        **app(tmp_path, "shop", a=patch("x") + patch("x", "(post_migrate=False)"), b=patch("x")),
        **app(tmp_path, "bank", a=patch("x")),
    }
    keys = [entry.key for entry in discover_patches(apps)]
    assert len(set(keys)) == 4


def test_two_apps_whose_last_names_are_alike_may_not_have_the_same_patch(tmp_path: Path) -> None:
    apps = {**app(tmp_path, "shop", a=patch("x"))}
    write(tmp_path, {"bank/shop/patches/a.py": HEAD + patch("x")})
    apps["bank.shop"] = str(tmp_path / "bank" / "shop")
    with pytest.raises(MigrationError, match=r"'shop\.a\.x' exists twice: in '.*' and '.*'"):
        discover_patches(apps)


def test_an_entry_says_what_it_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"bank/shop/patches/fill.py": HEAD + patch("x", "(order=2)", "Fill it.\n\n    More.")},
    )
    (entry,) = discover_patches({"bank.shop": str(tmp_path / "bank" / "shop")})
    said: dict[str, Any] = {
        "app": "shop", "name": "fill.x", "label": "shop.fill.x", "phase": "post", "key": ("shop", "fill.x", "post"),
        "summary": "Fill it.", "order": 2, "root": "bank", "position": 3,
    }  # fmt: skip
    assert {name: getattr(entry, name) for name in said} == said
