"""A channel has one colour, which can be seen by day and by night, and told from the others."""

from itertools import combinations

from headwater.dashboard import palette

DAY, NIGHT = "#ffffff", "#1a2026"
LARGEST = (
    "Direct",
    "Organic Search",
    "Paid Search",
    "Email",
    "Organic Social",
    "Paid Social",
    "Display",
    "Referral",
)
# Machado et al. 2009, severity 1: what eyes without green or red cones make of linear RGB
BLINDNESS = {
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
}


def linear(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one: str, other: str) -> float:
    low, high = sorted(
        sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))
        for colour in (one, other)
    )
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, kind: str) -> list[float]:
    parts = linear(colour)
    mixed = [sum(weight * part for weight, part in zip(row, parts, strict=True)) for row in BLINDNESS[kind]]
    return [min(max(part, 0.0), 1.0) ** (1 / 2.2) for part in mixed]


def test_every_colour_can_be_seen_on_both_backgrounds() -> None:
    every = [*palette.CHANNELS.values(), *palette.OTHERS, *palette.MODELS.values()]
    for colour in every:
        assert contrast(colour, DAY) >= 2.2, colour
        assert contrast(palette.by_night(colour), NIGHT) >= 3.5, colour


def test_no_two_channels_of_ga4_share_one() -> None:
    assert len(set(palette.CHANNELS.values())) == len(palette.CHANNELS)


def test_the_largest_channels_differ_for_colour_blind_eyes() -> None:
    for kind in BLINDNESS:
        for one, other in combinations(LARGEST, 2):
            colours = palette.CHANNELS[one], palette.CHANNELS[other]
            for pair in (colours, tuple(map(palette.by_night, colours))):
                parts = zip(*(seen(colour, kind) for colour in pair), strict=True)
                apart = sum((a - b) ** 2 for a, b in parts) ** 0.5
                assert apart > 0.12, (kind, one, other, apart)


def test_a_channel_of_ones_own_keeps_its_colour() -> None:
    assert palette.colour_of("Partners") == "#4f8f5b"
    assert palette.colour_of(None) == palette.colour_of("") == palette.UNNAMED
    assert palette.colour_of("\ud800") in palette.OTHERS  # not even UTF-8
    assert palette.of_channel("Direct") == "light-dark(#59606c, " + palette.by_night("#59606c") + ")"
