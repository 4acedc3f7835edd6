"""What stands above each page, and what stands in its place when there is nothing to show."""

from collections.abc import Mapping
from typing import Any

from headwater.dashboard import figures
from headwater.dashboard.markup import Content, Markup, div, join, span, tag
from headwater.dashboard.meta import Meta

# state of the engine → colour of the lamp and what it means
LAMPS = {
    "fresh": ("green", "Up to date"),
    "behind": ("yellow", "Behind"),
    "alert": ("yellow", "Needs a look"),
    "stopped": ("red", "Not running"),
}
DOWN = ("red", "Not running")


def lamp(freshness: Mapping[str, Any] | None) -> Markup:
    colour, name = LAMPS.get(freshness["state"], DOWN) if freshness else DOWN
    return span(f"lamp {colour}", name)


def heading(
    title: str, freshness: Mapping[str, Any] | None, meta: Meta | None, *, is_answered: bool = True
) -> Markup:
    """While nobody answers, the last change that was known stays."""
    words = []
    if freshness and freshness["published_at"] and meta:
        words.append(f"last change {figures.moment(freshness['published_at'], meta.zone)}")
    if meta:
        words += [meta.unit, f"times in {meta.zone}"]
    told = (tag("span", word) for word in words)
    return div("head", tag("h1", title), div("now", lamp(freshness if is_answered else None), *told))


def banner(what: str, then: str = "") -> Markup:
    return div("banner", tag("b", what), " ", then, " This page tries again by itself.")


def only_down(what: str) -> Markup:
    return div(
        "empty",
        tag("h2", "headwater is not running"),
        tag("p", what),
        tag("p", join("Start it with ", tag("code", "headwater up"), ". This page then fills by itself.")),
    )


def away(what: str) -> Markup:
    return div(
        "empty",
        tag("h2", "The tables cannot be read right now"),
        tag("p", what),
        tag("p", "What comes in is kept meanwhile. This page then fills by itself."),
    )


def unseen(*, is_answered: bool) -> Markup:
    """A view that nobody had asked for while there were answers."""
    since = "the tables went away" if is_answered else "headwater stopped answering"
    return div(
        "empty",
        tag("h2", f"This view was not looked at before {since}"),
        tag(
            "p",
            "So there is nothing to show of it meanwhile. It fills by itself as soon as there is an answer;",
        ),
        tag("p", "views that were open before still show what was last known."),
    )


def no_data(refused: int) -> Markup:
    """`refused`: how many events came and were not taken, which is another thing than none."""
    parts: list[Content] = [tag("h2", "No data yet")]
    if refused:
        events = "One event was" if refused == 1 else f"{refused:,} events were"
        where = tag("a", "Health", href="health", target="_self")
        parts.append(tag("p", join(tag("b", f"{events} refused"), ": the page ", where, " says why.")))
    return div(
        "empty",
        *parts,
        tag("p", join("Load files with ", tag("code", "headwater load PATH"))),
        tag("p", join("or send a few visits with ", tag("code", "headwater stream"))),
        tag("p", "This page then fills by itself."),
    )


def nothing_here(what: str, then: str = "") -> Markup:
    return div("empty", tag("h2", what) if then else "", tag("p", then or what))
