"""Plain text from a mail's HTML: what its reader sees, line by line, quotations marked with ``>``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_MOST_CHARS = 1_000_000  # as much as triage ever searches
_PIECE_CHARS = 250_000  # parsed at once; Zendesk cuts a body at 64 kB
_DEEPEST_NESTING = 200  # the parser takes 45 times as long for 20,000 open elements as for 2,500
_DEEPEST_QUOTE = 5

_BEGINS = re.compile(
    r"\s*(?:<!--[^>]{0,200}-->\s*)?<(?:!doctype|html|head|body|meta|style|div|p|table|span|font|center|h[1-6]|ul|ol|br)[\s/>]",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"</(?:html|body|div|p|table|span|font|center|h[1-6]|ul|ol|blockquote)\s*>\s*\Z|<br\s*/?>\s*\Z",
    re.IGNORECASE,
)
_NESTING = re.compile(
    r"<(/?)(?!(?:br|hr|img|meta|link|input|col|p|li|tr|td|th|dt|dd|option)\b)([a-z][a-z0-9]*)", re.IGNORECASE
)
_UNSEEN = frozenset(
    {"head", "title", "meta", "link", "script", "style", "template", "noscript", "svg", "math", "iframe"}
    | {"object", "embed", "audio", "video", "canvas", "select", "textarea", "button", "input"}
)
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "blockquote", "pre", "table"}
)
_BLOCKS = frozenset(
    {"div", "section", "article", "main", "header", "footer", "aside", "nav", "address", "center", "form"}
    | {"fieldset", "figure", "figcaption", "tr", "li", "dt", "dd", "caption", "details", "summary", "body"}
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?![.\d])", re.IGNORECASE
)
_NO_BORDER = re.compile(r"border\s*:\s*(?:none|0)", re.IGNORECASE)
_ATTRIBUTION = re.compile(r"\b(?:gmail_attr|moz-cite-prefix)\b")
_SIGNATURE = re.compile(
    r"\b(?:gmail_signature|moz-signature|AppleMailSignature|ms-outlook-mobile-signature)\b"
)
_SPACES = re.compile(r"[ \t\n\r\f\u00a0]+")


def plain_text(text: str) -> str:
    """``text`` as it is; of a text that is an HTML mail as a whole, what `html_to_text` makes of it."""
    if not (_BEGINS.match(text) and _ENDS.search(text[-200:])):
        return text
    return html_to_text(text) or text


def html_to_text(html: str) -> str:
    """What a reader sees of ``html``; at most a million characters are looked at.

    Blocks become lines, list items begin with a dash or their number, of a link its text is kept.  Quotations
    are marked as in plain mails, so that `classify.replies` knows them.  Scripts, styles and what is hidden
    are left out.
    """
    writer = _Writer()
    for piece in _pieces(html[:_MOST_CHARS]):
        _write(piece, writer)
    return writer.finish()


def _pieces(html: str) -> Iterator[str]:
    """``html`` in pieces that begin with a tag; what is deeper than real mails loses its nesting there."""
    begun = depth = 0
    opened: Counter[str] = Counter()
    for tag in _NESTING.finditer(html):
        closes, name = tag.group(1), tag.group(2).lower()
        if closes and not opened[name]:
            continue  # it closes nothing
        opened[name] += -1 if closes else 1
        depth += -1 if closes else 1
        if depth > _DEEPEST_NESTING or tag.start() - begun > _PIECE_CHARS:
            yield html[begun : tag.start()]
            begun, depth = tag.start(), 0
            opened.clear()
    yield html[begun:]


def _write(html: str, writer: _Writer) -> None:
    """Walk the tree without recursion, however deep it is."""
    from selectolax.lexbor import LexborHTMLParser

    root = LexborHTMLParser(html).body
    if root is None:
        return
    node: LexborNode | None = root
    while node is not None:
        child = node.first_child if writer.enter(node) else None
        while child is None:
            writer.leave(node)
            if node.mem_id == root.mem_id:  # comparing nodes themselves would compare all their HTML
                return
            child = node.next
            if child is None:
                node = node.parent
                if node is None:
                    return
        node = child


@dataclass(slots=True)
class _Open:
    """An element that the writer is inside of and that changes how text is written."""

    mem_id: int
    quotes: bool = False
    verbatim: bool = False
    numbers: int | None = None  # of the next item, in an ordered list


@dataclass(slots=True)
class _Writer:
    """Turns what a walk over a tree meets into lines."""

    lines: list[str] = field(default_factory=list)
    line: str = ""
    depth: int = 0  # of quotations
    verbatim: int = 0
    opened: list[_Open] = field(default_factory=list)

    def finish(self) -> str:
        """The text, once everything was read."""
        self._end_line()
        while self.lines and not self.lines[-1].strip("> "):
            self.lines.pop()
        return "\n".join(self.lines).strip("\n")

    def enter(self, node: LexborNode) -> bool:
        """Write what comes before the children; whether the children are to be read."""
        tag = node.tag
        if tag == "-text":
            self._say(node.text_content or "")
            return False
        if tag is None or tag.startswith("-") or tag in _UNSEEN or _is_hidden(node):
            return False
        if tag == "br":
            self._end_line(even_empty=True)
            return False
        if tag == "hr":
            self._end_line()
            self.lines.append("_" * 32)
            return False
        self._open(tag, node)
        return True

    def leave(self, node: LexborNode) -> None:
        """Write what comes after the children."""
        tag = node.tag or ""
        if tag in {"td", "th"}:
            self._say(" ")
        if tag in _BLOCKS or tag in _PARAGRAPHS:
            self._end_line()
        if self.opened and self.opened[-1].mem_id == node.mem_id:
            closed = self.opened.pop()
            self._end_line()
            self.depth -= closed.quotes
            self.verbatim -= closed.verbatim
        if tag in _PARAGRAPHS:
            self._end_paragraph()

    def _open(self, tag: str, node: LexborNode) -> None:
        if tag in _BLOCKS or tag in _PARAGRAPHS:
            self._end_line()
        if tag in _PARAGRAPHS:
            self._end_paragraph()
        told = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"
        style = node.attributes.get("style") or ""
        if (tag == "blockquote" and not _is_indented(style)) or _ATTRIBUTION.search(told):
            self._end_line()
            self.opened.append(_Open(node.mem_id, quotes=True))
            self.depth += 1
        elif tag == "pre":
            self.opened.append(_Open(node.mem_id, verbatim=True))
            self.verbatim += 1
        elif tag in {"ul", "ol"}:
            self.opened.append(_Open(node.mem_id, numbers=1 if tag == "ol" else None))
        elif tag == "li":
            self.line = self._bullet()
        elif _SIGNATURE.search(told) and not (self.lines and self.lines[-1].strip() == "--"):
            self._end_line()
            self.lines.append("--")

    def _bullet(self) -> str:
        innermost = self.opened[-1] if self.opened else None
        if innermost is None or innermost.numbers is None:
            return "- "
        innermost.numbers += 1
        return f"{innermost.numbers - 1}. "

    def _say(self, text: str) -> None:
        if self.verbatim:
            *whole, rest = text.replace("\u00a0", " ").split("\n")
            for each in whole:
                self.line += each
                self._end_line(even_empty=True)
            self.line += rest
            return
        text = _SPACES.sub(" ", text)
        self.line += text.lstrip(" ") if self.line[-1:] in ("", " ") else text

    def _end_line(self, *, even_empty: bool = False) -> None:
        if self.line.strip() or even_empty:
            marks = "> " * min(self.depth, _DEEPEST_QUOTE)
            self.lines.append(f"{marks}{self.line.rstrip()}".rstrip())
        self.line = ""

    def _end_paragraph(self) -> None:
        if self.lines and self.lines[-1].strip("> "):
            self.lines.append(("> " * min(self.depth, _DEEPEST_QUOTE)).rstrip())


def _is_indented(style: str) -> bool:
    """Gmail's "indent more" is a blockquote too, one without the bar at its left."""
    return bool(_NO_BORDER.search(style)) and "border-left" not in style.lower()


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return bool(attributes) and (
        "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))
    )
