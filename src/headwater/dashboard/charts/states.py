"""What stands above each page, and what stands in its place when there is nothing to show."""

from collections.abc import Mapping
from typing import Any

from headwater.dashboard import figures
from headwater.dashboard.markup import Markup, div, join, span, tag
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


def heading(title: str, freshness: Mapping[str, Any] | None, meta: Meta | None) -> Markup:
    words = []
    if freshness and meta:
        words.append(f"last change {figures.moment(freshness['published_at'], meta.zone)}")
    if meta:
        words += [meta.unit, f"times in {meta.zone}"]
    told = [part for word in words for part in (tag("span", "·"), tag("span", word))]
    return div("head", tag("h1", title), div("now", lamp(freshness), *told))


def banner(what: str, then: str) -> Markup:
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


def no_data() -> Markup:
    return div(
        "empty",
        tag("h2", "No data yet"),
        tag("p", join("Load files with ", tag("code", "headwater load PATH"))),
        tag("p", join("or send a few visits with ", tag("code", "headwater stream"))),
        tag("p", "This page then fills by itself."),
    )


def nothing_here(what: str) -> Markup:
    return div("empty", tag("p", what))
