"""Forms: their fields, their files, and what is too much or makes no sense."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest

from openviper.exceptions import FieldError, HTTPException
from openviper.http import UploadFile
from openviper.http.forms import LONG, FormData, MultipartReader, check_charset, parse_urlencoded
from openviper.http.hints import MAX_LOOKED_AT, hint_for
from openviper.http.limits import BodyLimits, effective_limits, general_limits
from openviper.http.multipart import MultipartError
from openviper.testing import override_openviper_settings as override

CONTENT_TYPE = "multipart/form-data; boundary=X"


def part(head: str, body: bytes) -> bytes:
    """Return one part of a form."""
    return b"--X\r\ncontent-disposition: form-data; " + head.encode() + b"\r\n\r\n" + body + b"\r\n"


async def read(*parts: bytes, limits: BodyLimits | None = None, step: int = 1 << 20) -> FormData:
    """Return the form that arrives in pieces of `step` bytes."""
    whole = b"".join((*parts, b"--X--\r\n"))

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(whole), step):
            yield whole[start : start + step]

    return await MultipartReader(CONTENT_TYPE, effective_limits(limits)).read(chunks())


PAIRS = [("a", "1"), ("a", "ä&=+% \r\n"), ("", "no name"), ("b[]", ""), ("ü", "\u2028"), ("a", "1")]


@pytest.mark.parametrize("times", [1, 200])
async def test_fields_read_back_as_they_were_written(times: int) -> None:
    pairs = PAIRS * times
    with override(MAX_FORM_FIELDS=len(pairs)):
        form = await parse_urlencoded(urlencode(pairs).encode(), general_limits())
    assert form.multi_items() == pairs
    assert form.getlist("a") == ["1", "ä&=+% \r\n", "1"] * times
    assert (form["a"], len(form), list(form)) == ("1", 4, ["a", "", "b[]", "ü"])


async def test_a_long_form_is_the_same_as_a_short_one() -> None:
    value = "ä" * LONG
    form = await parse_urlencoded(urlencode({"a": value, "b": "2"}).encode(), general_limits())
    assert dict(form) == {"a": value, "b": "2"}


@pytest.mark.parametrize(("count", "is_fine"), [(1, True), (3, True), (4, False), (1000, False)])
async def test_more_fields_than_are_taken_are_refused_before_they_are_decoded(
    count: int, is_fine: bool
) -> None:
    limits = effective_limits(BodyLimits(fields=3))
    body = b"&".join([b"a=1"] * count)
    if is_fine:
        assert len((await parse_urlencoded(body, limits)).getlist("a")) == count
        return
    with pytest.raises(HTTPException, match="more than 3 fields"):
        await parse_urlencoded(body, limits)


@pytest.mark.parametrize("body", [b"a=%ff", b"a=\xff", b"%c3=1", b"a=" + b"x" * LONG + b"%ff"])
async def test_a_form_that_is_not_utf_8_is_the_client_s_fault(body: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        await parse_urlencoded(body, general_limits())
    assert caught.value.status_code == 400


@pytest.mark.parametrize("step", [1, 2, 7, 1 << 20])
async def test_parts_are_the_same_however_they_are_cut(step: int) -> None:
    form = await read(
        part('name="a"', "ä\r\n-X--".encode()),
        part('name="a"', b""),
        part('name="f"; filename="x.txt"', b"\r\n\r\n--Y--\r\n"),
        part('name="f"; filename="y.txt"', b"2"),
        step=step,
    )
    assert form.multi_items() == [("a", "ä\r\n-X--"), ("a", "")]
    assert [file.filename for file in form.files.getlist("f")] == ["x.txt", "y.txt"]
    assert await form.files["f"].read() == b"\r\n\r\n--Y--\r\n"
    await form.close()


@pytest.mark.parametrize(
    ("head", "body", "count"),
    [
        ('name="f"; filename=""', b"", 0),
        ('name="f"; filename=""', b"x", 1),
        ('name="f"; filename="empty.txt"', b"", 1),
    ],
)
async def test_a_field_in_which_no_file_was_chosen_holds_none(
    head: str, body: bytes, count: int
) -> None:
    form = await read(part(head, body))
    assert (len(form.files), len(form)) == (count, 0)
    await form.close()


@pytest.mark.parametrize("memory", [0, 1 << 20])
async def test_a_file_lies_on_disk_once_it_is_larger_than_the_settings_allow(memory: int) -> None:
    with override(UPLOAD_MEMORY_SIZE=memory):
        form = await read(part('name="f"; filename="a"', b"abc"))
    file = form.files["f"]
    assert (file.is_in_memory, file.size, await file.read()) == (bool(memory), 3, b"abc")
    await form.close()
    assert file.file.closed


FIELD, FILE = part('name="a"', b"12345"), part('name="f"; filename="a"', b"12345")


@pytest.mark.parametrize(
    ("limits", "parts", "status"),
    [
        (BodyLimits(fields=2), [FIELD] * 2, None),
        (BodyLimits(fields=2), [FIELD] * 3, 400),
        (BodyLimits(files=1), [FILE, *[FIELD] * 5], None),
        (BodyLimits(files=1), [FILE] * 2, 400),
        (BodyLimits(form=6), [FIELD], None),
        (BodyLimits(form=5), [FIELD], 413),
        (BodyLimits(form=12), [FIELD, FIELD], None),
        (BodyLimits(form=11), [FIELD, FIELD], 413),
        (BodyLimits(form=1), [FILE], None),
        (BodyLimits(upload=len(FILE)), [FILE], 413),
        (BodyLimits(upload=len(FILE) + len(b"--X--\r\n")), [FILE], None),
    ],
)
@pytest.mark.parametrize("step", [3, 1 << 20])
async def test_a_form_is_bounded_in_every_direction(
    limits: BodyLimits, parts: list[bytes], status: int | None, step: int
) -> None:
    if status is None:
        await (await read(*parts, limits=limits, step=step)).close()
        return
    with pytest.raises(HTTPException) as caught:
        await read(*parts, limits=limits, step=step)
    assert caught.value.status_code == status


@pytest.mark.parametrize(
    ("content_type", "body", "read_as"),
    [
        ("text/plain", "ä".encode(), "ä"),
        ("text/plain; charset=UTF-8", "ä".encode(), "ä"),
        ("text/plain; charset=us-ascii", b"a", "a"),
        ("text/plain; charset=iso-8859-1", b"a", None),
        ("text/plain", b"\xe4", None),
    ],
)
async def test_fields_are_in_utf_8(content_type: str, body: bytes, read_as: str | None) -> None:
    sent = part(f'name="a"\r\ncontent-type: {content_type}', body)
    if read_as is not None:
        assert dict(await read(sent)) == {"a": read_as}
        return
    with pytest.raises(MultipartError, match="not in UTF-8"):
        await read(sent)


async def test_what_is_shown_of_a_form_holds_no_values() -> None:
    form = await read(part('name="password"', b"hunter2"), part('name="f"; filename="a"', b"1"))
    assert "hunter2" not in repr(form) and "password" in repr(form)
    assert "hunter2" not in repr(form.files)
    await form.close()


def test_an_absent_name_is_a_key_error_for_fields_and_files() -> None:
    form = FormData(
        [("a", "1")], [("f", UploadFile("x")), ("f", UploadFile("y")), ("g", UploadFile("z"))]
    )
    for mapping in (form, form.files):
        with pytest.raises(KeyError, match="nothing"):
            mapping["nothing"]
        assert mapping.get("nothing") is None and mapping.getlist("nothing") == []
    assert (list(form.files), len(form.files)) == (["f", "g"], 2)
    assert form.files["f"].filename == "x"
    assert [name for name, _ in form.files.multi_items()] == ["f", "f", "g"]


def test_the_limits_of_a_route_stand_before_those_of_the_settings() -> None:
    with override(MAX_FORM_FIELDS=7, MAX_FORM_SIZE=8):
        assert general_limits().fields == 7
        limits = effective_limits(BodyLimits(fields=1))
        assert (limits.fields, limits.form) == (1, 8)
        assert effective_limits(None) == effective_limits(BodyLimits()) == general_limits()
    assert general_limits().fields != 7


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("no such column: post.title", "column"),
        ("table post has no column named title", "column"),
        ('column "title" of relation "post" does not exist', "column"),
        ("(1054, \"Unknown column 'title' in 'SELECT'\")", "column"),
        ("no such table: post", "table"),
        ('relation "post" does not exist', "table"),
        ("(1146, \"Table 'db.post' doesn't exist\")", "table"),
        ("syntax error", ""),
        ("x" * MAX_LOOKED_AT + "no such table", ""),
        ("", ""),
    ],
)
def test_the_way_out_of_an_error_of_the_database(message: str, word: str) -> None:
    hint = hint_for(RuntimeError(message))
    assert (f"lacks a {word} " in hint) is bool(word)
    assert ("makemigrations" in hint) is bool(word)


def test_a_name_that_the_models_do_not_have_is_no_matter_of_migrations() -> None:
    assert hint_for(FieldError("no such column: title")) == ""


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_that_lets_nothing_through_or_everything_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="timeout must be more than 0"):
        BodyLimits(timeout=value)


async def test_empty_fields_for_files_are_counted_too() -> None:
    empty = part('name="f"; filename=""', b"")
    limits = BodyLimits(files=2, fields=3)
    assert (await read(*[empty] * 5, limits=limits)).files.multi_items() == []
    with pytest.raises(HTTPException, match="more than 2 files"):
        await read(*[empty] * 6, limits=limits)


@pytest.mark.parametrize("charset", ["iso-8859-1", '"UTF-16"', "windows-1252", "x", ""])
def test_a_form_in_another_character_set_is_refused_and_not_misread(charset: str) -> None:
    with pytest.raises(HTTPException) as caught:
        check_charset(f"application/x-www-form-urlencoded; charset={charset}")
    assert caught.value.status_code == 415


@pytest.mark.parametrize("options", ["", "; charset=utf-8", '; CHARSET="UTF-8"', "; a=b", ";"])
def test_a_form_in_utf_8_may_say_so(options: str) -> None:
    check_charset(f"application/x-www-form-urlencoded{options}")
