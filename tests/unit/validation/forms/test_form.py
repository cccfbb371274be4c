"""Forms: what is shown, what is read, what is said to be wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from html.parser import HTMLParser
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pytest

from openviper.http.forms import FormData
from openviper.http.uploads import UploadFile
from openviper.validation import (
    Between,
    Choices,
    Description,
    Email,
    Form,
    MaxLength,
    MinLength,
    OneOf,
    Secret,
    Title,
    Url,
    Widget,
)
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.forms.sent import MAX_ROWS


class Size(Enum):
    SMALL = "s"
    EXTRA_LARGE = "xl"


@dataclass
class Line:
    book: str
    count: Annotated[int, Between(1, 9)] = 1


@dataclass
class Address:
    street: str
    city: str


@dataclass
class Order:
    name: Annotated[str, MinLength(2), MaxLength(80), Title("Your name")]
    email: Annotated[str, Email(), Description("Never shown to others.")]
    lines: list[Line] = field(default_factory=list)
    address: Address | None = None
    size: Size = Size.SMALL
    note: Annotated[str, Widget("textarea", rows=3)] = ""
    born: date | None = None
    price: Decimal | None = None
    news: bool = False
    tags: list[Literal["a", "b"]] = field(default_factory=list)


class Controls(HTMLParser):
    """The controls of a form by name, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str | None]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("name"):
            self.found[str(given["name"])] = {"tag": tag, **given}


def controls(form: Any) -> dict[str, dict[str, str | None]]:
    return Controls(str(form)).found


def sent(*pairs: tuple[str, str], files: Sequence[tuple[str, UploadFile]] = ()) -> FormData:
    return FormData(pairs, files)


GOOD = (("name", " Ann "), ("email", "ann@x.example"))


def test_a_form_gives_a_value_of_its_type() -> None:
    form = Form(Order)
    assert form.fill(
        sent(
            *GOOD,
            ("size", "xl"),
            ("born", "2001-02-03"),
            ("price", "1.50"),
            ("news", "on"),
            ("tags", "a"),
            ("tags", "b"),
            ("note", "one\r\ntwo\r\n"),
            ("address.street", "S 1"),
            ("address.city", "C"),
            ("lines.0.book", "X"),
            ("lines.0.count", "2"),
            ("lines.7.book", "Y"),
        )  # fmt: skip
    )
    assert form.value == Order(
        name="Ann",
        email="ann@x.example",
        lines=[Line("X", 2), Line("Y")],
        address=Address("S 1", "C"),
        size=Size.EXTRA_LARGE,
        note="one\ntwo",
        born=date(2001, 2, 3),
        price=Decimal("1.50"),
        news=True,
        tags=["a", "b"],
    )


def test_what_is_left_empty_is_the_default_or_missing() -> None:
    form = Form(Order)
    empty = ("size", "born", "price", "note", "address.street", "address.city", "lines.0.book")
    assert form.fill(sent(*GOOD, *((name, "") for name in empty), ("lines.0.count", "1")))
    assert form.value == Order(name="Ann", email="ann@x.example")
    assert not form.fill(sent(("name", "   "), ("email", "")))
    assert form.errors == {"name": ["Must be filled in."], "email": ["Must be filled in."]}


def test_every_fault_is_beside_its_field() -> None:
    form = Form(Order)
    assert not form.fill(
        sent(
            ("name", "A"),
            ("email", "x"),
            ("size", "m"),
            ("price", "1,5"),
            ("born", "soon"),
            ("lines.0.book", ""),
            ("lines.4.book", "X"),
            ("lines.4.count", "12"),
            ("tags", "c"),
            ("address.street", "S"),
        )  # fmt: skip
    )
    assert form.errors == {
        "name": ["Must have at least 2 characters."],
        "email": ["Is not an e-mail address."],
        "size": ["Must be one of the choices."],
        "price": ["Must be a decimal number."],
        "born": ["Must be a date such as 2026-11-29."],
        "lines.4.count": ["Must be between 1 and 9."],
        "tags": ["Must be one of the choices."],
        "address.city": ["Must be filled in."],
    }
    shown = controls(form)
    assert shown["lines.4.count"]["value"] == "12"
    assert shown["lines.4.count"]["aria-invalid"] == "true"
    assert shown["lines.4.count"]["aria-describedby"] == "field-lines-4-count-errors"
    assert 'id="field-lines-4-count-errors"' in str(form)
    assert re.search(r'<a href="#field-name">Your name: Must', form.summary())
    with pytest.raises(ValueError, match="has no value"):
        _ = form.value


def test_controls_fit_the_types_and_tell_the_browser_what_is_checked() -> None:
    shown = controls(Form(Order))
    assert shown["name"] == {
        "tag": "input", "type": "text", "name": "name", "id": "field-name", "required": None,
        "minlength": "2", "maxlength": "80",
    }  # fmt: skip
    assert shown["email"]["type"] == "email"
    assert shown["email"]["aria-describedby"] == "field-email-help"
    assert (shown["size"]["tag"], shown["note"]["tag"], shown["note"]["rows"]) == (
        "select", "textarea", "3",
    )  # fmt: skip
    assert [shown[name]["type"] for name in ("born", "price", "news", "tags")] == [
        "date", "number", "checkbox", "checkbox",
    ]  # fmt: skip
    count = shown["lines.0.count"]
    assert (count["min"], count["max"], count["step"], count["value"]) == ("1", "9", "1", "1")


def test_a_browser_does_not_insist_on_what_may_be_left_out_as_a_whole() -> None:
    shown = controls(Form(Order))
    assert "required" not in shown["lines.0.book"]
    assert "required" not in shown["address.street"]
    with_rows = controls(Form(Order, initial={"lines": [Line("X")]}))
    assert "required" in with_rows["lines.0.book"]
    assert "required" not in with_rows["lines.1.book"]


def test_rows_begin_with_what_is_there_and_can_be_taken_out() -> None:
    order = Order("Ann", "a@b.example", lines=[Line("X", 2), Line("Y", 3)])
    form = Form(Order, initial=order, extra={"lines": 2})
    shown = controls(form)
    assert [shown[f"lines.{row}.book"].get("value") for row in range(4)] == ["X", "Y", None, None]
    assert form.fill(
        sent(
            *GOOD,
            ("lines.0.book", "X"),
            ("lines.0.count", "2"),
            ("lines.0._remove", "true"),
            ("lines.1.book", "Y"),
            ("lines.1.count", "3"),
        )  # fmt: skip
    )
    assert form.value.lines == [Line("Y", 3)]


@pytest.mark.parametrize(
    "name",
    ["lines.x.book", "lines.-1.book", "lines.².book", "lines.1", "lines..book", "other.0.x", "."],
)
def test_names_that_the_form_does_not_have_lead_nowhere(name: str) -> None:
    form = Form(Order)
    assert form.fill(sent(*GOOD, (name, "X")))
    assert form.value == Order("Ann", "ann@x.example")


def test_the_number_of_rows_is_bounded() -> None:
    form = Form(Order)
    rows = [(f"lines.{row}.book", "X") for row in range(MAX_ROWS + 1)]
    assert not form.fill(sent(*GOOD, *rows))
    assert form.errors == {"": ["A form may have at most 1000 rows."]}
    assert form.fill(sent(*GOOD, *rows[:MAX_ROWS]))


def test_two_forms_on_a_page_have_names_of_their_own() -> None:
    form = Form(Line, prefix="second", initial=Line("X", 3))
    assert controls(form)["second.count"]["value"] == "3"
    assert form.fill(sent(("book", "other"), ("second.book", "mine"), ("second.count", "4")))
    assert form.value == Line("mine", 4)
    assert not form.fill(sent(("book", "other")))
    assert form.errors == {"second.book": ["Must be filled in."]}


@dataclass
class Login:
    name: str
    password: Annotated[str, Secret()]


def test_a_password_is_taken_as_it_is_and_never_shown_again() -> None:
    form = Form(Login)
    assert form.fill(sent(("name", "ann"), ("password", "  secret  ")))
    assert form.value.password == "  secret  "
    assert not form.fill(sent(("name", ""), ("password", "hunter2")))
    for shown in (str(form), form.render(), repr(form), repr(form.faults)):
        assert "hunter2" not in shown


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "😀", "\u202e", "<script>'\"&", "é" * 80])
def test_odd_text_comes_back_as_it_was_and_harmless(text: str) -> None:
    form = Form(Line)
    form.fill(sent(("book", text), ("count", "0")))
    html = str(form)
    assert "<script" not in html
    assert (
        controls(form)["book"]["value"] == text.strip().replace("\x00", "\ufffd") or "\x00" in text
    )


def test_half_a_surrogate_is_refused() -> None:
    form = Form(Line)
    assert not form.fill(sent(("book", "\ud800")))
    assert "surrogate" in form.errors["book"][0]


class Kinds(TypedDict):
    address: Annotated[str, Url()]
    long: Annotated[str, MaxLength(1000)]
    answer: bool | None
    moment: datetime
    country: Annotated[str, OneOf("de", "at"), Choices({"de": "Germany", "at": "Austria"})]
    pick: Annotated[Literal[1, 2], Widget("radio")]
    words: list[str]
    hidden: Annotated[str, Widget("hidden", data_x="1", class_="wide", autofocus=True)]


def test_each_kind_of_type_has_a_control() -> None:
    form = Form(
        Kinds, initial={"moment": datetime(2026, 1, 2, 3, 4), "words": ["x", "y"], "pick": 2}
    )
    shown = controls(form)
    assert shown["address"]["type"] == "url"
    assert shown["long"]["tag"] == "textarea"
    assert (shown["moment"]["type"], shown["moment"]["value"]) == (
        "datetime-local",
        "2026-01-02T03:04",
    )
    assert '<option value="de">Germany</option>' in str(form)
    assert '<option value="false">No</option>' in str(form)
    assert 'value="2" checked required' in str(form["pick"])
    assert ">\nx\ny</textarea>" in str(form["words"])
    assert shown["hidden"]["data-x"] == "1" and "autofocus" in shown["hidden"]
    assert form.fill(
        sent(
            ("address", "https://x.example/"),
            ("long", "l"),
            ("answer", ""),
            ("moment", "2026-01-02T03:04"),
            ("country", "at"),
            ("pick", "2"),
            ("words", "x\r\n\r\n y \r\n"),
            ("hidden", "h"),
        )  # fmt: skip
    ), form.errors
    assert form.value["answer"] is None
    assert form.value["words"] == ["x", "y"]
    assert form.value["pick"] == 2


class Upload(NamedTuple):
    title: str
    file: UploadFile
    more: list[UploadFile] = []  # noqa: RUF012 - never changed


def test_files_are_files() -> None:
    form = Form(Upload)
    assert form.has_files
    assert 'enctype="multipart/form-data"' in form.render()
    first, second = UploadFile("a.txt"), UploadFile("b.txt")
    assert form.fill(sent(("title", "t"), files=[("file", first), ("more", second)]))
    assert form.value.file is first and form.value.more == [second]
    assert not form.fill(sent(("title", "t"), ("file", "a text is no file")))
    assert form.errors == {"file": ["Must be filled in."]}


def test_choices_of_a_request_are_shown_and_demanded() -> None:
    @dataclass
    class Choose:
        author: int
        tags: list[int]

    form = Form(Choose, choices={"author": [(1, "Ada <A>"), (2, "Bob")], "tags": [(7, "x")]})
    assert controls(form)["author"]["tag"] == "select"
    assert '<option value="1">Ada &lt;A&gt;</option>' in str(form)
    assert form.fill(sent(("author", "2"), ("tags", "7")))
    assert form.value == Choose(2, [7])
    assert not form.fill(sent(("author", "3"), ("tags", "7"), ("tags", "8")))
    assert form.errors == {
        "author": ["Must be one of the choices."],
        "tags": ["Must be one of the choices."],
    }


class LoginForm(Form[Login]):
    async def check(self, value: Login) -> None:
        if value.name == "nobody":
            self.add_error("name", "is unknown")
            self.add_error("", "try again!")


class Asked:
    def __init__(self, data: FormData) -> None:
        self.data = data

    async def form(self) -> FormData:
        return self.data


async def test_a_class_of_ones_own_may_check_more() -> None:
    form = LoginForm()
    assert await form.read(Asked(sent(("name", "ann"), ("password", "x"))))
    assert form.value == Login("ann", "x")
    assert not await form.read(Asked(sent(("name", "nobody"), ("password", "x"))))
    assert form.errors == {"name": ["Is unknown."], "": ["Try again!"]}
    assert not form.is_valid
    assert 'role="alert"' in form.render()


@dataclass
class Mapped:
    values: dict[str, int]


@dataclass
class Deep:
    inner: Deep | None = None


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (int, "made of a class with fields"),
        (Mapped, "no control for the field 'values'"),
        (Deep, "no control for the field 'inner.inner.inner.inner'"),
    ],
)
def test_a_type_that_cannot_be_shown_is_refused_at_once(of: type[Any], reason: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=reason):
        Form(of)


def test_a_widget_that_is_none_and_a_form_of_nothing_are_refused() -> None:
    with pytest.raises(UnsupportedTypeError, match="no widget 'slider'"):
        Widget("slider")  # type: ignore[arg-type]  # What the type checker would say too.
    with pytest.raises(TypeError, match="say of which type"):
        Form()
    with pytest.raises(KeyError):
        Form(Line)["nothing"]


def test_a_page_goes_through_the_fields_one_by_one() -> None:
    form = Form(Order)
    names = [getattr(part, "name", None) for part in form]
    assert names[:2] == ["name", "email"]
    name = form["name"]
    assert getattr(name, "label", None) == "Your name"
    assert str(name).startswith('<div class="field"><label for="field-name">Your name</label>')


def test_twice_the_rows_take_twice_the_steps() -> None:
    class Counted(FormData):
        asked = 0

        def multi_items(self) -> list[tuple[str, str]]:
            Counted.asked += 1
            return super().multi_items()

    rows = [(f"lines.{row}.book", "X") for row in range(500)]
    assert Form(Order).fill(Counted([*GOOD, *rows]))
    assert Counted.asked == 1
