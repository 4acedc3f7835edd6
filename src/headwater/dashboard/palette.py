"""One colour per channel, the same on every page, by day and by night.

Hues and lightness are spread so that the channels which are usually largest stay apart for colour-blind eyes too.
Each has enough contrast on the cards, at night with some white in it. No chart leaves it at a colour: names stand
beside them."""

from functools import cache
from hashlib import blake2b

CHANNELS = {
    "Direct": "#59606c",
    "Organic Search": "#1eb865",
    "Paid Search": "#2f5cb4",
    "Email": "#cca500",
    "Organic Social": "#b66ee2",
    "Paid Social": "#dd8abb",
    "Display": "#a43a12",
    "Referral": "#1c7d9c",
    "Affiliates": "#ae7829",
    "AI Assistant": "#5d62ea",
    "Organic Shopping": "#78a02c",
    "Paid Shopping": "#1a8a86",
    "Organic Video": "#e0706a",
    "Paid Video": "#b8434f",
    "Cross-network": "#9680d6",
    "SMS": "#b39a12",
    "Mobile Push Notifications": "#54a3dc",
    "Audio": "#9a5794",
    "Paid Other": "#a67c5b",
    "Unassigned": "#9299a3",
}
OTHERS = ("#4f8f5b", "#6d86c9", "#b5732a", "#bb5fa8", "#3f98a0", "#8a8f2f", "#cc6b7f", "#7d6bb0")
UNNAMED = "#9299a3"

MODELS = {
    "first_click": "#1d7f8c",
    "last_click": "#dd7a1c",
    "linear": "#6f7fb8",
    "position_based": "#9a6fb0",
    "time_decay": "#7d8f45",
}


def of_channel(name: str | None) -> str:
    return day_and_night(colour_of(name))


def of_model(name: str) -> str:
    return day_and_night(MODELS.get(name) or colour_of(name))


def colour_of(name: str | None) -> str:
    """A channel of one's own has the colour that its name gives it, wherever and whenever."""
    if not name:
        return UNNAMED
    fixed = CHANNELS.get(name)
    if fixed:
        return fixed
    return OTHERS[blake2b(name.encode("utf-8", "replace"), digest_size=2).digest()[0] % len(OTHERS)]


@cache
def day_and_night(colour: str) -> str:
    return f"light-dark({colour}, {by_night(colour)})"


@cache
def by_night(colour: str) -> str:
    """The same one with as much white as it takes to be seen on the dark cards."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    while (_luminance(parts) + 0.05) / (_luminance(_NIGHT) + 0.05) < _ENOUGH:
        parts = [part + max((255 - part) // 12, 1) for part in parts]
    return "#" + "".join(f"{part:02x}" for part in parts)


_NIGHT = [0x1A, 0x20, 0x26]
_ENOUGH = 3.6


def _luminance(parts: list[int]) -> float:
    shares = [part / 255 for part in parts]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
