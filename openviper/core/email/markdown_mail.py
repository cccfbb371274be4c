"""Markdown as the HTML body of a mail.

Values of the context are text and nothing else. While Markdown is read, each is a mark of characters that mean nothing
to it; the value itself is put in afterwards, escaped. What comes out is cleaned by a list of allowed elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from html import unescape
from itertools import islice
from typing import TYPE_CHECKING, Any

from openviper.db.fields.html_cleaner import clean
from openviper.template.environment import MissingDependencyError

if TYPE_CHECKING:
    from jinja2 import Environment

EXTENSIONS = ("tables", "fenced_code", "footnotes", "def_list", "sane_lists")
"""Of the package's own; ``attr_list`` and ``md_in_html`` would let text become attributes, ``abbr`` takes the square of the length."""
MAX_MARKDOWN = 256 * 1024
"""Characters of a text."""
MAX_UNCLOSED = 64
"""Brackets of a kind that may be open at a time: Markdown takes the square of their number."""
_MOST = {
    "footnotes": (re.compile(r"\[\^"), 500),
    "headings": (re.compile(r"^[ >]*(?:#|[=-]+[ ]*$)", re.MULTILINE), 2_000),
    "rules": (re.compile(r"^[ >]*[*_-][ ]*[*_-][ ]*[*_-]", re.MULTILINE), 2_000),
    "blocks of code": (re.compile(r"^[ >]*(?:```|~~~)", re.MULTILINE), 4_000),
    "definitions of links": (re.compile(r"^[ >]*\[[^\]\n]*\]:", re.MULTILINE), 1_000),
    "backslashes": (re.compile(r"\\"), 20_000),
}
"""Most of what else takes the square of its number."""
TAGS = frozenset(
    "a abbr b blockquote br code dd del div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins li ol p pre s small span "
    "strong sub sup table tbody td tfoot th thead tr u ul".split()
)
ATTRIBUTES = {
    "*": frozenset(("id", "class", "title", "lang", "dir")),
    "a": frozenset(("href", "rel")),
    "img": frozenset(("src", "alt", "width", "height")),
    "ol": frozenset(("start", "type")),
    "td": frozenset(("align", "colspan", "rowspan", "style")),
    "th": frozenset(("align", "colspan", "rowspan", "style")),
}
SCHEMES = frozenset(("http", "https", "mailto", "tel", "cid"))
_ALIGNMENT = re.compile(r' style="(?!text-align: (?:left|right|center);")[^"]*"')
"""Every style but those that the extension for tables writes."""
_OPENING, _CLOSING = "\ue000", "\ue001"
"""Private characters around the number of a value; Markdown takes them for letters."""
_MARK = re.compile(f"{_OPENING}([0-9]+){_CLOSING}")
_ENCODED_MARK = re.compile(f"&#{ord(_OPENING)};(?:&#[0-9]{{2}};)+&#{ord(_CLOSING)};")
_PRIVATE = re.compile(f"[{_OPENING}{_CLOSING}]")
_TAG = re.compile(r"(<[^<>]*>)")

_values: ContextVar[list[str] | None] = ContextVar("openviper_markdown_values", default=None)


def render_markdown_source(environment: Environment, template: str, values: dict[str, Any]) -> str:
    """Return the HTML of a Markdown template whose values are text.

    Args:
        environment: One that `with_marks` made.
        template: The template's name.
        values: The context.

    Raises:
        jinja2.TemplateNotFound: If there is no such template.
        MissingDependencyError: If Markdown is not installed.
        ValueError: If the template's text is too long, or has too many open brackets.
    """
    with _collecting() as collected:
        source = environment.get_template(template).render(values)
    return _cleaned(_with_values(_html(source), collected))


def render_markdown(text: str) -> str:
    """Return Markdown as HTML with allowed elements, attributes and links only.

    The text is the author's own: everything in it that is Markdown has an effect. Give values of users to a template.

    Raises:
        MissingDependencyError: If Markdown is not installed.
        ValueError: If the text is too long, or has too many open brackets.
    """
    return _cleaned(_html(text))


@lru_cache(maxsize=16)
def with_marks(base: Environment) -> Environment:
    """Return an environment like another one, in which every value becomes a mark."""
    from jinja2 import pass_context

    @pass_context  # So that constants are not folded while the template is compiled.
    def finalize(_context: object, value: object) -> object:
        return _mark(value)

    overlay = base.overlay(autoescape=True, finalize=finalize)
    overlay.filters = {name: _marking(name, call) for name, call in base.filters.items()}
    return overlay


def _marking(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter whose markup, if it was made of a value (`urlize`, `tojson`), is no Markdown either."""
    from jinja2 import pass_context

    if name in _ESCAPING:
        return _unescaped

    first = _FIRST.get(getattr(getattr(call, "jinja_pass_arg", None), "name", ""))

    @pass_context  # As above.
    def marking(context: Any, value: Any, *args: Any, **options: Any) -> Any:
        if name == "join":
            value = _joinable(value)
        if name == "format" and hasattr(value, "__html__"):
            args = tuple(map(_mark_of_text, args))
            options = {key: _mark_of_text(option) for key, option in options.items()}
        given = () if first is None else (first(context),)
        result = call(*given, value, *args, **options)
        is_the_authors = name in _OF_THE_AUTHOR or hasattr(value, "__html__")
        return result if is_the_authors else _mark_of_markup(result)

    return marking


_ESCAPING = frozenset(("e", "escape", "forceescape"))
_OF_THE_AUTHOR = frozenset(("safe", "join"))


def _unescaped(value: Any) -> Any:
    """Return a value as text: it is escaped where it is put in."""
    return value if hasattr(value, "__html__") else str(value)


def _mark_of_markup(value: object) -> object:
    return _marked(value) if hasattr(value, "__html__") else value


_FIRST: dict[str, Callable[[Any], Any]] = {
    "context": lambda context: context,
    "eval_context": lambda context: context.eval_ctx,
    "environment": lambda context: context.environment,
}
"""What filters of each kind are given before the value."""


def _joinable(values: Any) -> list[Any]:
    """Return what is going to be joined; beside markup, values are marks, as joining escapes them and makes markup of them."""
    items = list(values)
    has_markup = any(hasattr(item, "__html__") for item in items)
    return [_mark_of_text(item) for item in items] if has_markup else items


def _mark_of_text(value: object) -> object:
    return _mark(value) if isinstance(value, str) else value


@contextmanager
def _collecting() -> Iterator[list[str]]:
    collected: list[str] = []
    token = _values.set(collected)
    try:
        yield collected
    finally:
        _values.reset(token)


def _mark(value: object) -> object:
    """Return what stands for a value; markup, which only the template's author can make of it, stays."""
    return value if hasattr(value, "__html__") else _marked(value)


def _marked(value: object) -> object:
    from markupsafe import Markup, escape

    collected = _values.get()
    if collected is None:
        return value
    collected.append(str(escape(value)))
    return Markup(f"{_OPENING}{len(collected) - 1}{_CLOSING}")  # noqa: S704 - digits only


def _html(text: str) -> str:
    try:
        import markdown
    except ImportError as error:
        raise MissingDependencyError(
            "Markdown mail needs the package 'markdown'; run: pip install markdown"
        ) from error
    _check_work(text)
    try:
        return markdown.markdown(text, extensions=list(EXTENSIONS))
    except RecursionError:
        raise ValueError("the Markdown has lists or quotes that are nested too deeply") from None


def _check_work(text: str) -> None:
    """Refuse what Markdown would take too long for.

    Raises:
        ValueError: If the text is too long, or has too many of what takes the square of its number.
    """
    if len(text) > MAX_MARKDOWN:
        raise ValueError(f"the Markdown has {len(text)} characters; {MAX_MARKDOWN} are allowed")
    for opening, closing in ("[]", "()", "<>"):
        if _most_open(text, opening, closing) > MAX_UNCLOSED:
            raise ValueError(
                f"the Markdown has more than {MAX_UNCLOSED} {opening!r} that are not closed"
            )
    for what, (pattern, most) in _MOST.items():
        if next(islice(pattern.finditer(text), most, None), None) is not None:
            raise ValueError(f"the Markdown has more than {most} {what}")


def _most_open(text: str, opening: str, closing: str) -> int:
    most = still_open = 0
    for character in re.findall(f"[{re.escape(opening + closing)}]", text):
        still_open = still_open + 1 if character == opening else max(0, still_open - 1)
        most = max(most, still_open)
    return most


def _with_values(html: str, values: list[str]) -> str:
    """Return HTML with its values in the place of their marks: in attributes on one line, in text with their line breaks."""
    # In `<{{ name }}@example.com>` Markdown writes each character as a reference.
    pieces = _TAG.split(_ENCODED_MARK.sub(lambda mark: unescape(mark[0]), html))
    for place, piece in enumerate(pieces):
        if _OPENING in piece:
            is_tag = place % 2 == 1
            pieces[place] = _MARK.sub(lambda match: _shown(match, values, is_tag), piece)  # noqa: B023 - used at once
    return "".join(pieces)


def _shown(match: re.Match[str], values: list[str], is_tag: bool) -> str:
    number = int(match[1]) if len(match[1]) < 10 else len(values)
    text = _PRIVATE.sub("", values[number]) if number < len(values) else ""
    if is_tag:
        return text.replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("\r\n", "\n").replace("\n", "<br />")


def _cleaned(html: str) -> str:
    cleaned = clean(html, TAGS, ATTRIBUTES, SCHEMES, strip_comments=True)
    return _TAG.sub(lambda tag: _ALIGNMENT.sub("", tag[0]), _PRIVATE.sub("", cleaned))
