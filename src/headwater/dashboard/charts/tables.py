"""Rows and columns, as plain as they can be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater.dashboard.markup import Content, Markup, div, dot, span, tag


@dataclass(frozen=True)
class Column:
    name: str
    is_number: bool = False
    class_: str = ""
    width: str | None = None
    tip: str | None = None

    @property
    def said(self) -> str | None:
        return " ".join(part for part in ("num" if self.is_number else "", self.class_) if part) or None


@dataclass(frozen=True)
class Row:
    """`key` is what it is known by when the table is drawn again; what can be picked is known by that."""

    cells: Sequence[Content]
    pick: str | None = None
    key: str | None = None


def table(columns: Sequence[Column], rows: Iterable[Row], class_: str = "") -> Markup:
    head = tag(
        "tr",
        *(
            tag("th", one.name, class_=one.said, style=one.width and f"width:{one.width}", data_tip=one.tip)
            for one in columns
        ),
    )
    body = [
        tag(
            "tr",
            *(tag("td", cell, class_=one.said) for one, cell in zip(columns, row.cells, strict=True)),
            data_key=row.key or row.pick,
            data_pick=row.pick,
            tabindex="0" if row.pick else None,
            role="button" if row.pick else None,
        )
        for row in rows
    ]
    return div("wide", tag("table", tag("thead", head), tag("tbody", *body), class_=class_ or None))


def named(name: str, colour: str | None) -> Markup:
    return div("named", dot(colour) if colour else "", span("name cut", name), title=name)


def under(shown: str, share: float, colour: str) -> Markup:
    """A number over a line as long as its share of the largest."""
    return div("under", shown, style=f"--w:{min(max(share, 0), 1):.4f};--c:{colour}")


def heat(shown: Content, share: float) -> Markup:
    return div("heat", shown, style=f"--w:{share:.3f};padding:2px 8px;border-radius:5px")


def way(channels: Sequence[str], colours: Sequence[str | None]) -> Markup:
    steps = [
        span("step", dot(colour) if colour else "", name)
        for name, colour in zip(channels, colours, strict=True)
    ]
    return div("way", *[part for step in steps for part in (span("soft", "\N{RIGHTWARDS ARROW}"), step)][1:])
