"""From a page's Markdown to the HTML of its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape, unescape

from openviper.documentation.highlight import highlight, is_typed_by_hand, typed_part
from openviper.documentation.pages import CodeBlock, Page, address_of, is_elsewhere, resolve
from openviper.template.environment import MissingDependencyError

EXTENSIONS = ("tables", "sane_lists")
_CODE = re.compile(r"<!--code (\d+)-->")
_TAG = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
_EMPTY_HEAD = re.compile(r"<th([^>]*)></th>")
_DRAWING = re.compile(r'<p><img alt="[^"]*" src="([^"]*\.svg)" ?/?></p>')
_TARGET = re.compile(r'(href|src)="([^"]*)"')


def to_html(page: Page, drawings: Mapping[str, str] | None = None) -> str:
    """Return the HTML of a page's text: headings with anchors, code with its buttons, links that lead to the site's pages.

    Args:
        page: The page.
        drawings: SVG by path below the manual. One that stands in a paragraph of its own becomes part of the page, whose
            colours it takes; it brings its own text for those who do not see it.

    Raises:
        MissingDependencyError: If the package `markdown` is not installed.
    """
    try:
        import markdown
    except ImportError as error:
        raise MissingDependencyError(
            "the manual's pages need the package 'markdown'; run: pip install markdown"
        ) from error
    html = markdown.markdown(page.prose, extensions=list(EXTENSIONS))
    # A head without words is no head, for whom it is read aloud.
    html = _EMPTY_HEAD.sub(r"<td\1></td>", html)
    html = _DRAWING.sub(lambda match: _drawing(page, match, drawings or {}), html)
    html = _TAG.sub(_numbered(page), html)
    html = _TARGET.sub(lambda match: _link(page, match), html)
    html = html.replace("<table>", '<div class="wide" tabindex="0"><table>')
    html = html.replace("</table>", "</table></div>")
    return _CODE.sub(lambda match: _code(page.blocks[int(match[1])]), html)


def _numbered(page: Page) -> Callable[[re.Match[str]], str]:
    anchors = iter(page.headings)

    def with_anchor(match: re.Match[str]) -> str:
        heading = next(anchors)
        link = f'<a class="anchor" href="#{heading.anchor}" aria-label="Link to this part"></a>'
        shown = match[2] if heading.level == 1 else f"{match[2]}{link}"
        return f'<h{match[1]} id="{heading.anchor}">{shown}</h{match[1]}>'

    return with_anchor


def _drawing(page: Page, match: re.Match[str], drawings: Mapping[str, str]) -> str:
    drawing = drawings.get(resolve(page, unescape(match[1]))[0])
    return match[0] if drawing is None else f'<div class="drawing" tabindex="0">{drawing}</div>'


def _link(page: Page, match: re.Match[str]) -> str:
    target = unescape(match[2])
    if is_elsewhere(target) or target.startswith("#"):
        return match[0]
    path, anchor = resolve(page, target)
    address = address_of(path) if path.endswith(".md") else path
    fragment = f"#{anchor}" if anchor else ""
    return f'{match[1]}="{escape(relative(page.address, address) + fragment)}"'


def relative(origin: str, address: str) -> str:
    """Return how a page at `origin` names the address of another one, both below the site."""
    here = origin.split("/")[:-1]
    there = address.split("/")
    while here and len(there) > 1 and here[0] == there[0]:
        del here[0], there[0]
    return "/".join([".."] * len(here) + there)


def _code(block: CodeBlock) -> str:
    title = f"<figcaption>{escape(block.title)}</figcaption>" if block.title else ""
    typed = _typed(block)
    code = highlight(block.text, block.language)
    kind = escape(block.language or "text")
    return (
        f'<figure class="code">{title}<pre tabindex="0"><code class="language-{kind}"{typed}>'
        f"{code}</code></pre></figure>"
    )


def _typed(block: CodeBlock) -> str:
    """Return the attribute with what the button copies, where that is not what is shown: no prompts, no answers."""
    if not is_typed_by_hand(block.language):
        return ""
    return f' data-typed="{escape(typed_part(block.text, block.language))}"'
