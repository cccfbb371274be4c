"""Python files in the compact form: nothing that runs or is read is lost, and no line moves."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from openviper.vendoring.compacting import compact, shape_of


def compacted(source: str) -> str:
    """Return a source in its compact form, proven to do the same on the same lines and to stay as it is then."""
    text = dedent(source).lstrip("\n")
    made = compact(text.encode())
    assert compact(made) == made
    assert shape_of(ast.parse(made)) == shape_of(ast.parse(text))
    return made.decode()


def test_docstrings_and_comments_go_and_every_line_stays_where_it_is() -> None:
    assert compacted(
        '''
        """What it is."""

        # Why.
        LIMIT = 5  # of them
        """How many."""


        def ask(
            what: str,
        ) -> str:
            """Ask.

            Long.
            """
            if what:
                return f"""{what}
            as it was # no comment"""
            return ""
        '''
    ) == (
        "\n\n\nLIMIT=5\n\n\n\ndef ask(\nwhat: str,\n)->str:\n\n\n\n\n if what:\n"
        '  return f"""{what}\n    as it was # no comment"""\n return ""\n'
    )


def test_a_body_of_words_alone_does_nothing_instead() -> None:
    made = compacted('class A:\n    def f(self):\n        """Say."""\n\n    def g(self): ...\n')
    assert made == "class A:\n def f(self):\n  pass\n\n def g(self): ...\n"


def test_a_file_of_words_alone_is_empty() -> None:
    assert compacted('"""Nothing but words."""\n# More.\n') == ""


@pytest.mark.parametrize(
    "source",
    [
        'class A(B):\n "words"\n x=1\n',
        '@dataclass\nclass A:\n "words"\n x=1\n',
        'def handler(request):\n "words"\n return 1\n',
        'def handler(self, *, request=None):\n "words"\n return 1\n',
        '@task(retries=3)\ndef send():\n "words"\n return 1\n',
        '"words"\nprint(__doc__)\n',
        'def f():\n "words"\nprint(f.__doc__)\n',
        'class A:\n def f(self):\n  "words"\n g.__doc__=f.__doc__\n',
    ],
)
def test_a_docstring_that_may_be_read_stays(source: str) -> None:
    assert compacted(source) == source


@pytest.mark.parametrize(
    "source",
    [
        'class A:\n "words"\n x=1\n',
        'class A(Protocol[T]):\n "words"\n x=1\n',
        '@property\ndef a(self):\n "words"\n return 1\n',
        '@functools.lru_cache(maxsize=1)\ndef a(self):\n "words"\n return 1\n',
        '@a.setter\nasync def a(self):\n "words"\n return 1\n',
        'class A(B):\n x=1\n "words"\n',
        'if x:\n "words"\n y=1\n',
    ],
)
def test_a_docstring_that_nobody_reads_goes(source: str) -> None:
    assert "words" not in compacted(source)


@pytest.mark.parametrize(
    "source",
    [
        "# Copyright 1999 Somebody\n# All of it.\nx=1\n",
        '"""Copyright 1999 Somebody."""\nx=1\n',
        "# SPDX-License-Identifier: MIT\n",
        "x=[]  # type: list[int]\n",
        "#!/usr/bin/env python3\nx=1\n",
        "# coding: utf-8\nx='ä'\n",
    ],
)
def test_notices_and_comments_that_somebody_reads_stay(source: str) -> None:
    assert compacted(source) == source


@pytest.mark.parametrize(
    "source",
    [
        'def f(): "words"\n',
        'x=1; "words"\n',
        '"words"; x=1\n',
        'class A: \\\n "words"; x=1\n',
    ],
)
def test_words_that_share_their_line_stay(source: str) -> None:
    assert "words" in compacted(source)


def test_strings_and_continued_lines_are_as_they_were() -> None:
    source = "x = '''a  \n    b   # c\n\n  ''' # out\ny = 1 + \\\n    2\nz = (\n    1,  # one\n\n    # two\n    2,\n)\n"
    assert compacted(source) == ("x='''a  \n    b   # c\n\n  '''\ny=1+ \\\n2\nz=(\n1,\n\n\n2,\n)\n")


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("x: int | None = -1 if not -y else y ** -2\n", "x: int|None=-1 if not -y else y**-2\n"),
        ("def f(a, *, b: str = 'c = d', **e) -> None: ...\n", "def f(a, *, b: str='c = d', **e)->None: ...\n"),
        ("y = f'{x = } {x !r} { y  +  1 :>{ z  + 1 }}' + 'a'\n", "y=f'{x = } {x !r} { y  +  1 :>{ z  + 1 }}'+'a'\n"),
        ("x = 1 .real - - 1\n", "x=1 .real--1\n"),
        ("if (n := a @ b) <= c: d >>= e\n", "if (n:=a@b)<=c: d>>=e\n"),
    ],
)  # fmt: skip
def test_operators_stand_without_spaces_and_words_with_them(source: str, made: str) -> None:
    assert compacted(source) == made


def test_other_ends_of_lines_tabs_and_marks_of_the_order_of_bytes_are_understood() -> None:
    source = b'\xef\xbb\xbfif x:\r\n\ty = """a\r\n\t"""  # no\r\n\tif y:\r\n\t\tpass\r\n'
    assert compact(source) == b'if x:\n y="""a\n\t"""\n if y:\n  pass\n'


@pytest.mark.parametrize(
    "source",
    [
        b"print 'of another age'\n",
        b"\xff\xfe",
        b"# coding: of-nobody\n",
        b"x = '\x00'\n",
        b"x = " + b"-" * 20_000 + b"1\n",
    ],
)
def test_what_cannot_be_read_stays_as_it_is(source: bytes) -> None:
    assert compact(source) == source


def test_a_file_of_another_encoding_keeps_it() -> None:
    source = "# coding: latin-1\nx = 'ä'  # no\n".encode("latin-1")
    assert compact(source) == "# coding: latin-1\nx='ä'\n".encode("latin-1")
