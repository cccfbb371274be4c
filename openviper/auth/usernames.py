"""What a username may be: one of a profile of identifiers (UAX 31, UTS 39), told apart from others as people see them.

The standard library knows no scripts of characters; the first word of a character's name in Unicode says as much.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from openviper.conf import settings

MAX_USERNAME_LENGTH = 150
MOST_LOOKED_AT = 1000
"""Characters of what may become a name by being normalised."""

SIGNS = "@.+-_"
"""What may stand between letters and digits."""
COMMON = ""
"""The script of digits and signs, which go with any other."""
SCRIPTS = frozenset(
    """
    LATIN GREEK CYRILLIC ARMENIAN GEORGIAN HEBREW ARABIC THAANA DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA TAMIL TELUGU
    KANNADA MALAYALAM SINHALA THAI LAO TIBETAN MYANMAR ETHIOPIC KHMER HANGUL HIRAGANA KATAKANA BOPOMOFO CJK
    """.split()
)
"""Scripts of languages that are written today (UAX 31, table 5)."""
WRITTEN_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
"""Scripts that stand side by side in one word (UTS 39, "highly restrictive")."""
_ASCII = re.compile(r"[A-Za-z0-9@.+_-]+\Z", re.ASCII)
_LOOKALIKES = str.maketrans(
    {
        # Latin letters that pass for others.
        "ı": "i", "ɩ": "i", "ɑ": "a", "ɡ": "g", "ſ": "s", "ꞵ": "ß",
        # Cyrillic, in small letters; those that only the capital resembles too.
        "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "ѕ": "s", "і": "i", "ј": "j", "к": "k", "м": "m", "н": "h",
        "һ": "h", "о": "o", "р": "p", "ԛ": "q", "т": "t", "у": "y", "ү": "y", "ѵ": "v", "ԝ": "w", "х": "x", "ь": "b",
        "ӏ": "l", "ё": "ë", "ї": "ï", "ӕ": "æ", "ә": "ə",
        # Greek.
        "α": "a", "β": "b", "γ": "y", "ε": "e", "ζ": "z", "η": "n", "ι": "i", "κ": "k", "μ": "m", "ν": "v", "ο": "o",
        "ρ": "p", "σ": "o", "τ": "t", "υ": "u", "χ": "x", "ω": "w",
        # Armenian.
        "օ": "o", "ո": "n", "ս": "u", "հ": "h", "ց": "g", "ք": "p", "զ": "q", "յ": "j", "լ": "l", "խ": "u",
    }
)  # fmt: skip
"""Letters and the Latin ones that they pass for: what a reader confuses, of the scripts that have such (UTS 39, section 4)."""


def normalize_username(username: str) -> str:
    """Return a username as it is stored: without blanks around it, each letter written in one way (NFKC).

    One that is much too long comes back as it is.
    """
    if len(username) > MOST_LOOKED_AT:
        return username
    return unicodedata.normalize("NFKC", username.strip())


def username_key(username: str) -> str:
    """Return what is equal for names that people take for one: capitals and letters of other scripts that look alike."""
    folded = unicodedata.normalize("NFKC", normalize_username(username).casefold())
    # A capital I with a dot folds into an i with one dot more.
    return folded.replace("i\u0307", "i").translate(_LOOKALIKES)


def username_problem(username: str) -> str | None:
    """Return what is wrong with a username, normalised as by `normalize_username`, or `None`.

    It has 1 to 150 letters and digits and ``@ . + - _``, begins with a letter or digit, and all of its letters are of one
    script; only ASCII with the setting `USERNAME_CHARACTERS` ``ascii``.
    """
    if not username:
        return "the username must not be blank"
    if len(username) > MAX_USERNAME_LENGTH:
        return f"the username has {len(username)} characters, at most {MAX_USERNAME_LENGTH} are allowed"
    if username != normalize_username(username):
        return f"username {username!r} is not in its normal form, {normalize_username(username)!r}"
    if not _is_of_allowed_characters(username):
        return f"username {username!r} may hold only letters, digits and the characters @ . + - _"
    if not username[0].isalnum():
        return f"username {username!r} must begin with a letter or digit"
    if len(username_key(username)) > MAX_USERNAME_LENGTH:
        return f"username {username!r} is too long"
    if not _is_of_one_script(username):
        return f"username {username!r} mixes letters or digits of several scripts"
    return None


def _is_of_allowed_characters(username: str) -> bool:
    if settings.USERNAME_CHARACTERS == "ascii":
        return _ASCII.match(username) is not None
    return all(char in SIGNS or _script(char) is not None for char in username)


@lru_cache(maxsize=4096)
def _script(char: str) -> str | None:
    """Return the script of a character; `None` for one that may not stand in a name."""
    if char.isascii():
        return _ascii_script(char)
    # `isidentifier` knows the letters and marks that Unicode has for names (XID_Continue).
    if not f"a{char}".isidentifier() or unicodedata.category(char) == "Pc":
        return None
    word = unicodedata.name(char, "").partition(" ")[0].partition("-")[0]
    return word if word in SCRIPTS else None


def _ascii_script(char: str) -> str | None:
    if char.isdigit() or char in SIGNS:
        return COMMON
    return "LATIN" if char.isalpha() else None


def _is_of_one_script(username: str) -> bool:
    scripts = {_script(char) for char in username} - {COMMON}
    zeros = {ord(char) - unicodedata.decimal(char) for char in username if char.isdecimal()}
    if len(zeros) > 1:
        return False
    return len(scripts) <= 1 or any(scripts <= together for together in WRITTEN_TOGETHER)
