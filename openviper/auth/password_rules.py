"""What a new password must be like (NIST SP 800-63B, section 3.1.1.2): long enough, not common, not the user's own name.

There are no rules of composition: they make passwords harder to remember and not to guess. `PASSWORD_RULES` names the rules;
a project adds one of its own, such as a look into a list of stolen passwords.
"""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from openviper.auth.common_passwords import is_common
from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.importing import import_string

MAX_NEW_PASSWORD = 512
"""Longest password that can be set, in characters: as long as what the views for logging in take."""
NAMING_FIELDS = ("username", "name", "email", "first_name", "last_name")
"""Fields of a user that a password must not be made of."""
SHORTEST_NAME = 3
"""Shorter names stand in too many words."""
MAX_NAME = 254
"""Characters of a name that are looked at."""


class PasswordProblem(NamedTuple):
    """What is wrong with a new password.

    Attributes:
        code: Says it to programs: ``blank``, ``too_short``, ``too_long``, ``common``, ``personal``, ``blocked_word``, or what a
            rule of a project says.
        message: Says it to people; lower-case and without a full stop.
    """

    code: str
    message: str


PasswordRule: TypeAlias = (
    "Callable[[str, Mapping[str, str]], PasswordProblem | None | Awaitable[PasswordProblem | None]]"
)
"""Takes a password, and the names of its user by field, and returns what is wrong; plain or async."""


class WeakPasswordError(ValueError):
    """A password breaks rules.

    Attributes:
        problems: What is wrong, in the order of the rules.
    """

    def __init__(self, problems: list[PasswordProblem]) -> None:
        self.problems = problems
        super().__init__("; ".join(problem.message for problem in problems))


async def password_problems(
    password: str, user: object | Mapping[str, object] | None = None
) -> list[PasswordProblem]:
    """Return what is wrong with a new password; nothing if it can be used.

    The work is bounded: of a password of more than 512 characters only the length is looked at.

    Args:
        password: The raw password.
        user: The user, or the values of a user in the making by field; the password must not be made of its names.

    Raises:
        ImproperlyConfigured: If one of `PASSWORD_RULES` cannot be imported.
    """
    problem = _problem_of_length(password)
    if problem is not None:
        return [problem]
    facts = _naming_facts(user)
    problems: list[PasswordProblem] = []
    for rule in _rules(tuple(settings.PASSWORD_RULES)):
        result = rule(password, facts)
        found = await result if inspect.isawaitable(result) else result
        if found is not None:
            problems.append(found)
    return problems


async def check_new_password(
    password: str, user: object | Mapping[str, object] | None = None
) -> None:
    """Refuse a new password that breaks rules; see `password_problems`.

    Raises:
        WeakPasswordError: With all that is wrong.
    """
    problems = await password_problems(password, user)
    if problems:
        raise WeakPasswordError(problems)


def _problem_of_length(password: str) -> PasswordProblem | None:
    """Return what is wrong with the length; this rule cannot be taken out."""
    if len(password) > MAX_NEW_PASSWORD:
        return PasswordProblem(
            "too_long", f"the password must have at most {MAX_NEW_PASSWORD} characters"
        )
    if not password.strip():
        return PasswordProblem("blank", "the password must not be blank")
    # As it is hashed: what is written with several signs, and is one letter, counts as one.
    length = len(unicodedata.normalize("NFKC", password))
    if length < settings.PASSWORD_MIN_LENGTH:
        return PasswordProblem(
            "too_short",
            f"the password must have at least {settings.PASSWORD_MIN_LENGTH} characters",
        )
    return None


def not_common(password: str, _facts: Mapping[str, str]) -> PasswordProblem | None:
    """Refuse what is made of words, runs of keys and years that everybody uses; see `openviper.auth.common_passwords`."""
    if not is_common(password):
        return None
    return PasswordProblem("common", "the password is one of those that are tried first")


def not_personal(password: str, facts: Mapping[str, str]) -> PasswordProblem | None:
    """Refuse what is too short without the user's names in it, backwards too."""
    for field, name in facts.items():
        left = _length_without(password, _parts(name))
        if left is not None and left < settings.PASSWORD_MIN_LENGTH:
            words = field.replace("_", " ")
            return PasswordProblem("personal", f"the password is too similar to the {words}")
    return None


def no_blocked_words(password: str, _facts: Mapping[str, str]) -> PasswordProblem | None:
    """Refuse what is too short without the words of `PASSWORD_BLOCKED_WORDS`, such as the name of the service."""
    for word in settings.PASSWORD_BLOCKED_WORDS:
        left = _length_without(password, _parts(word))
        if left is not None and left < settings.PASSWORD_MIN_LENGTH:
            return PasswordProblem("blocked_word", f"the password is too similar to {word!r}")
    return None


def _naming_facts(user: object | Mapping[str, object] | None) -> dict[str, str]:
    if user is None:
        return {}
    found = {
        field: user.get(field) if isinstance(user, Mapping) else getattr(user, field, None)
        for field in NAMING_FIELDS
    }
    return {field: value[:MAX_NAME] for field, value in found.items() if isinstance(value, str)}


def _parts(name: str) -> list[str]:
    """Return the parts of a name that a password may be made of, the longest first; of an address the part before the @ too."""
    whole = _bare(name)
    before, at, _ = name.rpartition("@")
    pieces = {whole, _bare(before), *map(_bare, re.split(r"[\W_]+", name))}
    if at:  # ``com`` and ``org`` are nobody's names.
        pieces -= {_bare(name.rpartition(".")[2])}
    usable = {piece for piece in pieces if len(piece) >= SHORTEST_NAME}
    return sorted(
        usable | {piece[::-1] for piece in usable}, key=lambda piece: (-len(piece), piece)
    )


def _length_without(password: str, parts: list[str]) -> int | None:
    """Return how many characters are left of a password without parts of a name; `None` if there are none in it."""
    text = _bare(password)
    rest = text
    for part in parts:
        rest = rest.replace(part, "")
    if rest == text:
        return None
    signs = len(unicodedata.normalize("NFKC", password)) - len(text)
    return len(rest) + max(signs, 0)


def _bare(text: str) -> str:
    """Return the letters and digits of a text, without capitals."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


@lru_cache(maxsize=8)
def _rules(paths: tuple[str, ...]) -> list[PasswordRule]:
    rules: list[PasswordRule] = []
    for path in paths:
        try:
            rules.append(import_string(path))
        except ImportError as error:
            raise ImproperlyConfigured(
                f"PASSWORD_RULES: {path!r} cannot be imported: {error}"
            ) from error
    return rules
