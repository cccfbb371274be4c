"""Searching the manual: an index made when it is built, and the ranking of what it finds.

The ranking is Okapi BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) over sections, in which a
word of a page's title counts twelve times, one of a section's heading four times, and so do the words in which it is asked for
where those are not the page's own (`pages.ASKED`). ``theme/site.js`` has the same sum, so the box on a page and
``openviper docs --search`` agree.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from openviper.documentation.pages import FIRST_PAGE, Page, Section

# Saturation of repeated words, and how much long sections are held back: the values that the literature begins with.
K1 = 1.2
B = 0.75
TITLE_WEIGHT = 12
HEADING_WEIGHT = 4
# What a word that only begins like the one asked for counts, or is the greater part of its beginning.
PREFIX_WEIGHT = 0.5
# Guides answer questions; the reference answers those who know the name, and the first page only leads on.
REFERENCE_SHARE = 0.8
FIRST_PAGE_SHARE = 0.4
# A search looks at no more than this many words.
MAX_WORDS = 12

_WORD = re.compile(r"\w+")
# Endings that do not change what is meant; one is taken off, and the same way from the question.
_ENDINGS = ("ings", "ing", "ies", "ed", "es", "s")
_COMMON = frozenset(
    "a am an and another are as at be but by can did do does doesn don for from has have how i if in into is isn it its"
    " just me my need not of on or our please should so somebody someone something t that the them then there these they"
    " this to want was we what when where which who why will with would you your".split()
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One section that can be found.

    Attributes:
        address: Where it is, with its anchor.
        title: The title of its page.
        heading: Its own heading; empty for the first section.
        text: Its text, for the line that is shown.
        length: The number of its words, weights included.
        share: What its sum is multiplied with, by the kind of page.
    """

    address: str
    title: str
    heading: str
    text: str
    length: int
    share: float


@dataclass(frozen=True, slots=True)
class Index:
    """The sections, and for each word the numbers of the sections that have it, with its weight there."""

    entries: tuple[Entry, ...]
    words: dict[str, dict[int, int]]


def stop_words() -> frozenset[str]:
    """Return the words that a search does not look for."""
    return _COMMON


def words_of(text: str) -> list[str]:
    """Return the words of a text as the index has them: lower case, without common ones, without endings.

    A name such as ``SECRET_KEY`` or ``backup-db`` gives its parts and, with underscores, itself.
    """
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        found.append(word)
        if "_" in word:
            found.extend(part for part in word.split("_") if part)
    return [_stem(word) for word in found if word not in _COMMON]


def _stem(word: str) -> str:
    if len(word) < 5:
        return word.removesuffix("s") if len(word) > 3 else word
    for ending in _ENDINGS:
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            stem += "y" if ending == "ies" else ""
            return stem.removesuffix("e") if len(stem) > 3 else stem
    return word.removesuffix("e")


def build_index(pages: Iterable[Page]) -> Index:
    """Return the index of all sections of all pages."""
    entries: list[Entry] = []
    words: dict[str, dict[int, int]] = {}
    for page in pages:
        for number, section in enumerate(page.sections):
            weights = _weights(page, section, is_first=number == 0)
            for word, weight in weights.items():
                words.setdefault(word, {})[len(entries)] = weight
            entries.append(_entry(page, section, number, sum(weights.values())))
    return Index(tuple(entries), words)


def _entry(page: Page, section: Section, number: int, length: int) -> Entry:
    address = page.address if number == 0 else f"{page.address}#{section.heading.anchor}"
    heading = "" if number == 0 else section.heading.text
    return Entry(address, page.title, heading, section.text, length, _share(page))


def _share(page: Page) -> float:
    if page.path == FIRST_PAGE:
        return FIRST_PAGE_SHARE
    return REFERENCE_SHARE if page.path.startswith("reference/") else 1.0


def _weights(page: Page, section: Section, *, is_first: bool) -> Counter[str]:
    weights = Counter(words_of(section.text))
    title_weight = TITLE_WEIGHT if is_first else HEADING_WEIGHT
    for word in words_of(page.title):
        weights[word] += title_weight
    for word in words_of(" ".join(section.asked)):
        weights[word] += HEADING_WEIGHT
    if not is_first:
        for word in words_of(section.heading.text):
            weights[word] += HEADING_WEIGHT
    return weights


def search(index: Index, question: str, limit: int = 10) -> list[Entry]:
    """Return the sections that fit a question best, the best first, one for each page.

    Args:
        index: What to search.
        question: Words in any order; the last one may be unfinished.
        limit: The greatest number of answers.
    """
    scores = _scores(index, list(dict.fromkeys(words_of(question)))[:MAX_WORDS])
    ranked = sorted(scores, key=lambda number: (-scores[number], number))
    found: dict[str, Entry] = {}
    for number in ranked:
        entry = index.entries[number]
        found.setdefault(entry.address.partition("#")[0], entry)
        if len(found) == limit:
            break
    return list(found.values())


def _scores(index: Index, question: list[str]) -> dict[int, float]:
    average = _average_length(index)
    scores: dict[int, float] = {}
    matched: Counter[int] = Counter()
    for word in question:
        found = _scores_of_word(index, word, average)
        matched.update(found.keys())
        for number, score in found.items():
            scores[number] = scores.get(number, 0.0) + score
    # Two of the words asked for say more than one of them twice as often.
    return {
        number: score * index.entries[number].share * matched[number] / len(question)
        for number, score in scores.items()
    }


def _average_length(index: Index) -> float:
    if not index.entries:
        return 1.0
    return sum(entry.length for entry in index.entries) / len(index.entries)


def _scores_of_word(index: Index, word: str, average: float) -> dict[int, float]:
    # A section counts the best of the words that fit, so that ten forms of one word do not count ten times.
    best: dict[int, float] = {}
    for places, worth in _that_fit(index, word):
        for number, weight in places.items():
            length = index.entries[number].length / average
            score = worth * _saturated(weight, length)
            best[number] = max(score, best.get(number, 0.0))
    return best


def _that_fit(index: Index, word: str) -> Iterator[tuple[dict[int, int], float]]:
    """Yield the sections of every word that begins like one, and what it counts: more where it is rare."""
    count = len(index.entries)
    fitting = [known for known in index.words if known.startswith(word)]
    # Where there is none, it may be a longer form of one, or being typed: "settin" is on its way to "settings".
    for known in fitting or [known for known in index.words if _is_most_of(known, word)]:
        places = index.words[known]
        share = 1.0 if known == word else PREFIX_WEIGHT
        rarity = math.log(1 + (count - len(places) + 0.5) / (len(places) + 0.5))
        yield places, share * rarity


def _is_most_of(beginning: str, word: str) -> bool:
    return word.startswith(beginning) and 3 * len(beginning) >= 2 * len(word)


def _saturated(weight: int, length: float) -> float:
    """Return what so many words count in a section of so many average lengths."""
    return weight * (K1 + 1) / (weight + K1 * (1 - B + B * length))
