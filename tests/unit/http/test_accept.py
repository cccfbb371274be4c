"""The weights of ``Accept`` headers."""

from __future__ import annotations

import pytest

from openviper.http.accept import MAX_CHOICES, coding_weight, media_weight, parse_choices


@pytest.mark.parametrize(
    ("options", "weight"),
    [
        ("", 1.0),
        (";q=0", 0.0),
        (";q=0.", 0.0),
        (";q=0.001", 0.001),
        (";Q=0.5", 0.5),
        ("; q = 0.5 ", 0.5),
        (";q=1.000", 1.0),
        (";level=1;q=0.5", 0.5),
        (";q=0.5;level=1", 0.5),
        # What is no weight of the standard is as good as none.
        (";q=1.5", 1.0),
        (";q=2", 1.0),
        (";q=-1", 1.0),
        (";q=0.1234", 1.0),
        (";q=.5", 1.0),
        (";q=nan", 1.0),
        (";q=", 1.0),
        (";eq=0.5", 1.0),
    ],
)
def test_a_weight_lies_between_nothing_and_one(options: str, weight: float) -> None:
    assert parse_choices(f"text/html{options}") == {"text/html": weight}


@pytest.mark.parametrize("header", ["", ",", " , ,", ";q=1", ";;;", "," * 100_000])
def test_a_header_without_names_has_no_choices(header: str) -> None:
    assert parse_choices(header) == {}


def test_no_more_than_a_limit_is_looked_at() -> None:
    choices = parse_choices(",".join(f"a/{number}" for number in range(MAX_CHOICES * 2)))
    assert list(choices) == [f"a/{number}" for number in range(MAX_CHOICES)]


@pytest.mark.parametrize(
    ("header", "weight"),
    [
        ("text/html;q=0.3, text/*;q=0.5, */*;q=0.7", 0.3),
        ("*/*;q=0.7, text/*;q=0.5", 0.5),
        ("*/*;q=0.7", 0.7),
        ("text/html;q=0, */*", 0.0),
        ("text/plain", 0.0),
        ("TEXT/HTML;q=0.2", 0.2),
    ],
)
def test_the_most_precise_alternative_counts(header: str, weight: float) -> None:
    assert media_weight(parse_choices(header), "text/html") == weight


@pytest.mark.parametrize(
    ("header", "weight"),
    [("gzip;q=0.4, *", 0.4), ("*;q=0.2", 0.2), ("gzip;q=0, *", 0.0), ("br", 0.0), ("", 0.0)],
)
def test_a_coding_that_is_not_named_is_what_the_star_says(header: str, weight: float) -> None:
    assert coding_weight(parse_choices(header), "gzip") == weight


@pytest.mark.parametrize(
    ("header", "weight"),
    [
        ("text/html;q=0.7, text/html;level=1;q=0.3", 0.7),
        ("text/html;level=1;q=0.9, text/html;q=0.2", 0.2),
        ("text/html;level=1, text/html;level=2;q=0.2", 1.0),
        ("text/html;q=0.1, TEXT/HTML; Q=0.4", 0.4),
        ("text/html;q=0, text/html", 1.0),
        ("text/html;charset=utf-8;q=0.3", 0.3),
        ("text/html;q=0.5;x=y", 0.5),
        ("text/html ; q = 0.5 ;", 0.5),
    ],
)
def test_of_several_the_plain_one_counts_and_then_the_greatest(header: str, weight: float) -> None:
    assert parse_choices(header) == {"text/html": weight}
