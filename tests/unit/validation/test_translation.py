"""What is said of data that does not fit, in the language of who sent it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest

import openviper
from openviper import OpenViper, Request
from openviper.i18n import gettext, override_language
from openviper.i18n.catalogue import read_po
from openviper.testing import override_openviper_settings
from openviper.validation import (
    Between,
    Check,
    Form,
    MaxLength,
    MinLength,
    ParseError,
    Pattern,
    parse,
)

CATALOGUE = Path(openviper.__file__).parent / "i18n" / "locale"


@dataclass
class Guest:
    name: Annotated[str, MinLength(2), MaxLength(5)]
    age: Annotated[int, Between(0, 150)] = 0
    born: date | None = None


def told(of: Any, data: Any, **options: Any) -> list[str]:
    with pytest.raises(ParseError) as caught:
        parse(of, data, **options)
    return [fault.told(gettext) for fault in caught.value.faults]


def test_faults_are_translated_when_they_are_shown() -> None:
    with pytest.raises(ParseError) as caught:
        parse(Guest, {"age": 200, "other": 1})
    with override_language("de"):
        lines = [fault.line(gettext) for fault in caught.value.faults]
    assert lines == [
        "name: fehlt",
        "age: muss zwischen 0 und 150 liegen, nicht 200",
        "other: ist unbekannt",
    ]
    assert [fault.message for fault in caught.value.faults] == [
        "is missing",
        "must be between 0 and 150",
        "is unknown",
    ]
    assert caught.value.faults[0].as_dict(str.upper)["message"] == "IS MISSING"


def test_words_in_sentences_are_translated_too() -> None:
    with override_language("de"):
        (one,) = told(int | bool | list[int], {})
        assert one == "muss eines hiervon sein: wahr oder falsch, eine ganze Zahl, eine Liste"
        assert told(Annotated[str, Pattern("^a")], "b") == ["hat nicht die richtige Form"]
        assert told(Annotated[int, Check(lambda value: False)], 1) == ["ist nicht gültig"]
        assert told(Annotated[int, Check(lambda value: False, "is {odd}")], 1) == ["is {odd}"]


@pytest.mark.parametrize("wanted", ["de", "en"])
async def test_answers_and_pages_are_in_the_language_of_the_request(wanted: str) -> None:
    middleware = ["openviper.middleware.locale.LocaleMiddleware"]
    with override_openviper_settings(MIDDLEWARE=middleware, LANGUAGES=["en", "de"]):
        app = OpenViper(debug=False)

        @app.post("/guests")
        async def add(guest: Guest) -> Guest:
            return guest

        @app.post("/form")
        async def fill_in(request: Request) -> list[str]:
            form = Form(Guest)
            assert not await form.read(request)
            return form.errors["name"]

        client = app.test_client()
        headers = {"accept-language": wanted}
        answer = await client.post("/guests", json={"name": "abcdef"}, headers=headers)
        page = await client.post(
            "/guests", json={"name": "abcdef"}, headers={**headers, "accept": "text/html"}
        )
        shown = await client.post("/form", data={"name": "abcdef"}, headers=headers)
    wants_german = wanted == "de"
    message = answer.json()["errors"][0]["message"]
    assert message == (
        "darf höchstens 5 Zeichen oder Einträge haben"
        if wants_german
        else "must have at most 5 characters or items"
    )
    assert answer.json()["errors"][0]["code"] == "max_length"
    assert ("nicht &#x27;abcdef&#x27;" in page.text) == wants_german
    assert shown.json() == [
        "Darf höchstens 5 Zeichen haben." if wants_german else "Must have at most 5 characters."
    ]


def test_every_text_is_translated_with_its_values() -> None:
    paths = list(CATALOGUE.glob("*/LC_MESSAGES/messages.po"))
    assert paths
    for path in paths:
        for message in read_po(path.read_text("utf-8")):
            assert message.is_translated, f"{path}: {message.text!r}"
            for translation in message.translations if message.text else ():
                values = re.findall(r"{\w+}", message.text)
                assert sorted(re.findall(r"{\w+}", translation)) == sorted(values)
