"""Which passwords are common: not a list copied from anywhere, but the rule that a list would be made by.

People, and the programs that guess their passwords, put them together from few pieces. A password is common when nothing but
such pieces is in it:

- at most two of `WORDS`, which we have written down ourselves: what people type when they are asked for a word, in the
  languages of the layouts below. Capitals do not count, nor do digits and signs that look like a letter (``p4$$w0rd``);
- at most four runs: characters that follow each other in `ROWS`, forwards or backwards, or one character several times;
- years from 1900 to 2099, and one date;
- little else: `MOST_DECORATION` points, where a digit costs one, a sign or blank two, and a letter three.

Also common is one piece of up to four characters again and again. `is_common` decides that for any text in time that is linear
in its length. What the rule does not describe is not refused: a long password of unusual words is a good one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

WORDS = frozenset(
    """
    password passwort passwd passphrase pass pwd secret geheim hidden private access login logon signin enter letmein welcome
    willkommen bienvenue bienvenido hello world hallo hola bonjour ciao goodbye admin administrator root toor superuser sysadmin
    user username guest gast test testing tester demo sample example default change changeme temp temporary master mistress
    manager boss chief server system computer internet network windows linux android iphone apple google facebook twitter
    amazon microsoft samsung nokia router wifi oracle database website homepage company firma office business school schule
    student teacher university college library monday tuesday wednesday thursday friday saturday sunday montag freitag
    samstag sonntag january february march april may june july august september october november december januar februar
    spring summer autumn winter fall season sommer herbst love loved lover liebe amour amor iloveyou ichliebedich teamo
    jetaime tequiero baby babe honey sweetie sweetheart darling schatz angel engel princess prince queen king kaiser lady
    sunshine sunflower flower blume rose lily daisy butterfly rainbow starlight moon moonlight star stern planet galaxy
    heaven hell devil demon ghost spirit soul dragon drache phoenix unicorn tiger lion eagle falcon hawk wolf bear shark
    panther leopard cobra viper python snake monkey donkey horse pony mustang stallion rabbit bunny kitten kitty cat katze
    puppy dog doggy hund mouse maus turtle dolphin whale fish chicken duck goose spider scorpion hunter fisher ranger
    soldier warrior knight samurai ninja pirate wizard magic merlin gandalf frodo batman superman spiderman ironman joker
    robin starwars startrek matrix avatar pokemon pikachu mario zelda sonic minecraft fortnite warcraft starcraft diablo
    football soccer fussball futbol baseball basketball hockey tennis golf rugby cricket boxing racing runner player gamer
    winner champion legend hero super mega ultra power energy thunder lightning storm fire feuer water ice snow rain wind
    earth ocean river mountain forest garden island beach sun diamond crystal silver gold golden bronze iron steel metal
    black white red green blue yellow orange purple pink brown grey gray schwarz weiss cookie cookies chocolate candy sugar
    coffee pizza burger cheese butter pepper ginger banana cherry peach lemon melon berry strawberry apples whiskey vodka
    beer wine tequila money dollar euro cash bank rich lucky happy funny crazy sexy beautiful pretty cool smart silly angry
    lazy sleepy lonely freedom liberty peace forever always never nothing something everything whatever family mother father
    mama papa mommy daddy brother sister friend friends baby boy girl man woman child life live death dead jesus christ
    church allah buddha bible faith hope trust trustno guitar piano music rock metalhead jazz disco dance dancer singer
    melody harmony camera photo movie hollywood london paris berlin madrid moscow newyork chicago boston dallas texas
    florida california america england germany deutschland france espana italia india china japan brasil mexico canada
    australia europe michael daniel david james john robert william thomas andrew matthew joshua anthony joseph richard
    charles george peter paul mark steven kevin brian jason justin nicholas alexander alexandra benjamin jonathan patrick
    martin stefan andreas christian sebastian maria anna laura sarah jessica jennifer ashley amanda melissa michelle nicole
    elizabeth samantha stephanie rebecca rachel hannah emily olivia sophie charlotte victoria natalie patricia linda barbara
    susan nancy karen daniela claudia sandra monika sabine hunter2 chelsea arsenal liverpool barcelona realmadrid juventus
    bayern ferrari porsche mercedes audi bmw toyota honda yamaha harley suzuki ducati ford chevy corvette camaro jaguar
    airplane pilot rocket sniper killer assassin zombie vampire monster beast cowboy trooper bond agent police doctor nurse
    lawyer driver farmer taylor cooper carter mercury venus mars jupiter saturn pluto apollo zeus hercules atlas odin thor
    contrasena clave senha segredo parola haslo heslo jelszo salasana wachtwoord motdepasse azerty qwertz qwerty dvorak
    пароль любовь привет солнце котик наташа максим марина секрет админ 密码 密碼 爱 パスワード 비밀번호 사랑해
    """.split()
)
ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
    "yxcvbnm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "1q2w3e4r5t6z7u8i9o0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "789456123",
    "147258369",
    "!@#$%^&*()",
    '!"§$%&/()=',
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "абвгдежзийклмн",
    "あいうえお",
    "αβγδεζηθικλμ",
)
"""Keys beside each other on the keyboards that most people have, and the order of some alphabets."""
MOST_WORDS = 2
MOST_RUNS = 4
MOST_DECORATION = 4
SHORTEST_RUN = 3
LONGEST_PIECE = 4
"""Longest piece, in characters, that may not make a password by being repeated."""
LOOKALIKES = str.maketrans("01!|l3€4@5$7+89", "oiiiieeaassttbg")
"""Signs for the letters that they stand in for; ``i``, ``l`` and ``1`` count as one."""
YEAR = re.compile(r"(?:19|20)[0-9]{2}")
DATE = re.compile(
    r"(?:[0-3]?[0-9][./-]?[0-3]?[0-9][./-]?(?:19|20)?[0-9]{2}|(?:19|20)[0-9]{2}[./-]?[01][0-9][./-]?[0-3][0-9])"
)
"""A day, in the orders that people write one."""


class _Used(NamedTuple):
    """What a part of a password is made of: the fewer pieces, the more common."""

    words: int = 0
    runs: int = 0
    decoration: int = 0

    def plus(self, *, words: int = 0, runs: int = 0, decoration: int = 0) -> _Used:
        return _Used(self.words + words, self.runs + runs, self.decoration + decoration)

    @property
    def is_little(self) -> bool:
        return (
            self.words <= MOST_WORDS
            and self.runs <= MOST_RUNS
            and self.decoration <= MOST_DECORATION
        )


def is_common(password: str) -> bool:
    """Return whether a password is made of common pieces only; see the module.

    The time is linear in the length; who takes passwords from strangers bounds that before.
    """
    text = _folded(password)
    return _is_repeated(text) or _is_put_together(text)


def _folded(text: str) -> str:
    """Return a text without differences that make no password better: capitals, widths, accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", bare)


def _is_repeated(text: str) -> bool:
    units = range(1, LONGEST_PIECE + 1)
    return any(len(text) > unit and text[unit:] == text[:-unit] for unit in units)


def _is_put_together(text: str) -> bool:
    letters = text.translate(LOOKALIKES)
    runs = _run_lengths(text)
    reached: list[set[_Used]] = [set() for _ in range(len(text) + 1)]
    reached[0].add(_Used())
    for place in range(len(text)):
        if not reached[place]:
            continue
        for length, piece in _pieces(text, letters, place, runs[place]):
            found = {used.plus(**piece) for used in reached[place]}
            reached[place + length] |= {used for used in found if used.is_little}
    return bool(reached[-1])


def _pieces(text: str, letters: str, place: int, run: int) -> list[tuple[int, dict[str, int]]]:
    """Return the lengths of the pieces that begin at a place, with what each counts as."""
    words, longest = _words()
    pieces = [
        (length, {"words": 1})
        for length in range(1, longest + 1)
        if letters[place : place + length] in words and place + length <= len(text)
    ]
    pieces += [(length, {"runs": 1}) for length in _run_choices(run)]
    if YEAR.match(text, place):
        pieces.append((4, {}))
    date = DATE.match(text, place)
    if date is not None:
        pieces.append((date.end() - place, {"runs": 1}))
    return [*pieces, (1, {"decoration": _cost(text[place])})]


def _run_choices(run: int) -> tuple[int, ...]:
    # Of a long run, all of it or all but the last: the last may begin a word.
    return () if run < 2 else (run,) if run == 2 else (run, run - 1)


def _cost(char: str) -> int:
    if char.isdigit():
        return 1
    return 3 if char.isalpha() else 2


def _run_lengths(text: str) -> list[int]:
    """Return how long the longest run is that begins at each place; linear in the length of the text."""
    lengths = [1] * len(text)
    best: dict[str, int] = {}
    for place in reversed(range(len(text) - 1)):
        following = _followed_in(text[place : place + 2])
        best = {row: best.get(row, 1) + 1 for row in following}
        same = 0 if text[place] != text[place + 1] else _same_from(lengths, text, place)
        longest = max([length for length in best.values() if length >= SHORTEST_RUN], default=1)
        lengths[place] = max(longest, same)
    return lengths


def _same_from(lengths: list[int], text: str, place: int) -> int:
    is_longer = place + 2 < len(text) and text[place + 2] == text[place]
    return lengths[place + 1] + 1 if is_longer else 2


@lru_cache(maxsize=1)
def _words() -> tuple[frozenset[str], int]:
    """Return the words as passwords are compared with them, and the length of the longest."""
    words = frozenset(_folded(word).translate(LOOKALIKES) for word in WORDS)
    return words, max(map(len, words))


@lru_cache(maxsize=1)
def _neighbours() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in map(_folded, ROWS):
        for direction in (row, row[::-1]):
            for place in range(len(direction) - 1):
                found.setdefault(direction[place : place + 2], set()).add(direction)
    return {pair: frozenset(rows) for pair, rows in found.items()}


def _followed_in(pair: str) -> frozenset[str]:
    return _neighbours().get(pair, frozenset())
