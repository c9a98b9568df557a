"""What tests read in a page."""

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br", "wbr", "link", "input"}


class Element:
    """An element of a page: its name, attributes, and what is in it."""

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name, self.attributes = name, attributes
        self.content: list[Element | str] = []

    def text(self) -> str:
        """Return the text in it, with single spaces."""
        parts = (each if isinstance(each, str) else each.text() for each in self.content)
        return " ".join("".join(parts).split())

    def all(self, name: str = "", **attributes: str) -> "list[Element]":
        """Return the elements in it of a name, or of any, that have the attributes."""
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        return [
            each
            for each in self._inside()
            if name in ("", each.name)
            and all(each.attributes.get(key) == value for key, value in wanted.items())
        ]

    def one(self, name: str = "", **attributes: str) -> "Element":
        """Return the only such element."""
        (found,) = self.all(name, **attributes)
        return found

    def _inside(self) -> "Iterator[Element]":
        for each in self.content:
            if isinstance(each, Element):
                yield each
                yield from each._inside()


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].content.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].content.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag, f"{tag} is closed, and another element is open"

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def read_page(path: Path) -> Element:
    """Return what is in a page; each element must be closed."""
    parser = _Parser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    (root,) = parser.open
    return root
