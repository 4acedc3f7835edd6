"""What flows into a node flows out of it, or has converted; and all of it lies in the picture."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headwater.dashboard.charts.sankey import COLUMNS, GOAL, LATER, MOST, REST, layout

NAMES = [f"Channel {number}" for number in range(12)]
journeys = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=8), min_size=1, max_size=40)


def links(ways: list[list[str]]) -> list[dict[str, Any]]:
    counts: dict[tuple[int, str, str], int] = defaultdict(int)
    for way in ways:
        for position, (origin, target) in enumerate(zip(way, [*way[1:], GOAL], strict=True), 1):
            counts[position, origin, target] += 1
    return [
        {"position": position, "origin": origin, "target": target, "conversions": count, "value": 0}
        for (position, origin, target), count in counts.items()
    ]


@given(journeys)
def test_nothing_is_lost_on_the_way(ways: list[list[str]]) -> None:
    nodes, ribbons = layout(links(ways))
    assert sum(node.flow for node in nodes if node.column == 0) == len(ways)
    assert sum(node.flow for node in nodes if node.name in (GOAL, LATER)) == len(ways)
    assert max(node.column for node in nodes) <= COLUMNS
    for node in nodes:
        into = sum(ribbon.flow for ribbon in ribbons if ribbon.target is node)
        out = sum(ribbon.flow for ribbon in ribbons if ribbon.origin is node)
        assert node.column == 0 or into == node.flow
        assert out == (0 if node.name in (GOAL, LATER) else node.flow)


@given(journeys)
def test_nodes_stand_apart_and_ribbons_lie_within_them(ways: list[list[str]]) -> None:
    nodes, ribbons = layout(links(ways))
    for column in range(COLUMNS + 1):
        found = sorted((node for node in nodes if node.column == column), key=lambda node: node.top)
        assert len([node for node in found if node.name not in (GOAL, LATER, REST)]) <= MOST
        for above, below in pairwise(found):
            assert above.top + above.height < below.top
        assert not found or found[-1].top + found[-1].height <= 400.001
    for ribbon in ribbons:
        for node, top in ((ribbon.origin, ribbon.origin_top), (ribbon.target, ribbon.target_top)):
            assert node.top - 1e-6 <= top
            assert top + ribbon.height <= node.top + node.height + 1e-6


def test_no_journeys_are_no_picture() -> None:
    assert layout([]) == ([], [])
