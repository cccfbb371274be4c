"""Which word of a command line is the target."""

from __future__ import annotations

import pytest

from openviper.viperctl import split_target


@pytest.mark.parametrize(
    ("words", "target", "rest"),
    [
        ("migrate", ".", ""),
        ("migrate .", ".", ""),
        ("migrate shop", "shop", ""),
        ("migrate . blog -v", ".", "blog -v"),
        ("migrate -v", ".", "-v"),
        ("migrate -v .", ".", "-v"),
        ("migrate -v shop blog", "shop", "-v blog"),
        ("migrate --database other", ".", "--database other"),
        ("migrate --database other .", ".", "--database other"),
        ("migrate --database=other shop", "shop", "--database=other"),
        ("migrate --data other shop", "shop", "--data other"),
        ("makemigrations --check .", ".", "--check"),
        ("makemigrations --check . blog", ".", "--check blog"),
        ("makemigrations --rename a.b=c .", ".", "--rename a.b=c"),
        ("makemigrations --check shop blog", "shop", "--check blog"),
        ("start-server --port 9000", ".", "--port 9000"),
        ("start-server --no-reload .", ".", "--no-reload"),
        ("backup-db --path . shop", "shop", "--path ."),
        ("test . -- -k x .", ".", "-- -k x ."),
        ("test -v -- .", ".", "-v -- ."),
        ("create-app -d . blog", ".", "-d . blog"),
        ("create-app blog .", ".", "blog"),
        ("create-app . blog", ".", "blog"),
        ("restore-db x.tar.gz --force .", ".", "x.tar.gz --force"),
        ("tasks list", ".", "list"),
        ("settings DEBUG", ".", "DEBUG"),
        ("settings --changed .", ".", "--changed"),
        ("roles grant editors ann .", ".", "grant editors ann"),
        ("api-keys create ann --name x", ".", "create ann --name x"),
        ("create_app . blog", ".", "blog"),
        ("of-the-project --loud .", ".", "--loud ."),
        ("of-the-project shop --loud", "shop", "--loud"),
    ],
)
def test_the_target_is_found_among_the_options(words: str, target: str, rest: str) -> None:
    command, *arguments = words.split()
    assert split_target(command, arguments) == (target, rest.split())
