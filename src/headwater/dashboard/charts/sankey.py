"""How journeys flow from one step to the next. Whatever converts leaves at the bottom of the next column, so that no
stream crosses the whole picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.dashboard.markup import Markup, div, span, tag
from headwater.dashboard.palette import UNNAMED, day_and_night, of_channel

GOAL, LATER, REST = "(conversion)", "(later steps)", "(other channels)"
COLUMNS = 4  # of steps; what goes on after them is one node
MOST = 7  # channels of a column
_WIDTH, _HEIGHT = 1000.0, 400.0
_THICK, _GAP = 12.0, 9.0


@dataclass
class Node:
    column: int
    name: str
    flow: float
    top: float = 0.0
    height: float = 0.0


@dataclass
class Ribbon:
    origin: Node
    target: Node
    flow: float
    origin_top: float = 0.0
    target_top: float = 0.0
    height: float = 0.0


def layout(links: Sequence[Mapping[str, Any]]) -> tuple[list[Node], list[Ribbon]]:
    """Places in a box of 1000 x 400. All heights are on one scale: what flows in flows out, or has converted."""
    flows = _flows(links)
    names = _largest_first(flows)
    nodes: dict[tuple[int, str], Node] = {}
    for (column, origin, target), flow in flows.items():
        if column == 0:
            nodes.setdefault((0, origin), Node(0, origin, 0)).flow += flow
        nodes.setdefault((column + 1, target), Node(column + 1, target, 0)).flow += flow
    columns = sorted({node.column for node in nodes.values()})
    members = {
        column: sorted(
            (node for node in nodes.values() if node.column == column), key=lambda one: names.index(one.name)
        )
        for column in columns
    }
    total = max((sum(node.flow for node in members[column]) for column in columns), default=0)
    room = _HEIGHT - _GAP * max((len(found) - 1 for found in members.values()), default=0)
    scale = room / total if total else 0
    for found in members.values():
        top = 0.0
        for node in found:
            node.top, node.height = top, node.flow * scale
            top += node.height + _GAP
    ribbons = [
        Ribbon(nodes[column, origin], nodes[column + 1, target], flow, height=flow * scale)
        for (column, origin, target), flow in flows.items()
    ]
    _stack(ribbons)
    return list(nodes.values()), ribbons


def _flows(links: Sequence[Mapping[str, Any]]) -> dict[tuple[int, str, str], float]:
    """By column, origin and target; what is beyond the last column has become one."""
    sizes: dict[str, float] = {}
    for link in links:
        if link["position"] <= COLUMNS:
            sizes[link["origin"]] = sizes.get(link["origin"], 0) + link["conversions"]
    kept = set(sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST])
    flows: dict[tuple[int, str, str], float] = {}
    for link in links:
        column = link["position"] - 1
        if column >= COLUMNS:
            continue
        origin = link["origin"] if link["origin"] in kept else REST
        target = link["target"]
        if target != GOAL:
            target = LATER if column == COLUMNS - 1 else target if target in kept else REST
        flows[column, origin, target] = flows.get((column, origin, target), 0) + link["conversions"]
    return flows


def _largest_first(flows: Mapping[tuple[int, str, str], float]) -> list[str]:
    """One order for all columns, so that a channel's stream goes straight on; goals at the bottom."""
    sizes: dict[str, float] = {}
    for (_, origin, target), flow in flows.items():
        for name in (origin, target):
            sizes[name] = sizes.get(name, 0) + flow
    ends = [name for name in (REST, LATER, GOAL) if name in sizes]
    return [
        *sorted((name for name in sizes if name not in ends), key=lambda name: (-sizes[name], name)),
        *ends,
    ]


def _stack(ribbons: list[Ribbon]) -> None:
    """Ribbons leave and arrive in the order of where they go and come from: they cross no more than they must."""
    left: dict[tuple[int, str], float] = {}
    for ribbon in sorted(ribbons, key=lambda one: one.target.top):
        key = (ribbon.origin.column, ribbon.origin.name)
        ribbon.origin_top = ribbon.origin.top + left.get(key, 0)
        left[key] = left.get(key, 0) + ribbon.height
    right: dict[tuple[int, str], float] = {}
    for ribbon in sorted(ribbons, key=lambda one: one.origin.top):
        key = (ribbon.target.column, ribbon.target.name)
        ribbon.target_top = ribbon.target.top + right.get(key, 0)
        right[key] = right.get(key, 0) + ribbon.height


def sankey(links: Sequence[Mapping[str, Any]], shown: Callable[[float], str]) -> Markup:
    nodes, ribbons = layout(links)
    last = max((node.column for node in nodes), default=1) or 1

    def left(node: Node) -> float:
        return node.column / last * (_WIDTH - _THICK)

    paths = [
        tag(
            "path",
            d=_curve(left(one.origin) + _THICK, one.origin_top, left(one.target), one.target_top, one.height),
            fill=_colour(one.origin.name),
            data_tip=f"{one.origin.name} → {_named(one.target.name)}\n{shown(one.flow)} conversions",
        )
        for one in sorted(ribbons, key=lambda one: -one.height)
    ]
    boxes = [
        tag(
            "rect",
            x=f"{left(node):.1f}",
            y=f"{node.top:.1f}",
            width=f"{_THICK:g}",
            height=f"{max(node.height, 0.8):.1f}",
            rx="2",
            fill=_colour(node.name),
            data_tip=f"{_named(node.name)}\n{shown(node.flow)} conversions",
        )
        for node in nodes
    ]
    names = [_label(node, last, shown) for node in nodes if node.height >= 11]
    drawing = tag(
        "svg", *paths, *boxes, viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", preserveAspectRatio="none", role="img"
    )
    return div(
        "wide",
        div("flow", div("cols", *_headings(last)), drawing, div("names", *names)),
        tabindex="0",
        role="group",
    )


def _curve(x: float, y: float, to_x: float, to_y: float, height: float) -> str:
    middle = (x + to_x) / 2
    return (
        f"M{x:.1f},{y:.1f}C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}"
        f"v{height:.1f}C{middle:.1f},{to_y + height:.1f} {middle:.1f},{y + height:.1f} {x:.1f},{y + height:.1f}z"
    )


def _label(node: Node, last: int, shown: Callable[[float], str]) -> Markup:
    at = node.column / last * 100
    is_last = node.column == last
    side = f"right:{100 - at + 1.2:.2f}%" if is_last else f"left:{at + 1.2 * (1 - at / 100):.2f}%"
    middle = (node.top + node.height / 2) / _HEIGHT * 100
    return span("", _named(node.name), " ", _quiet(shown(node.flow)), style=f"{side};top:{middle:.2f}%")


def _quiet(number: str) -> Markup:
    return tag("em", number, style="font-style:normal;color:var(--soft)")


def _headings(last: int) -> list[Markup]:
    names = ["1st step", "2nd step", "3rd step", "4th step"][:last]
    found = [span("", name, style=f"left:{number / last * 100:.2f}%") for number, name in enumerate(names)]
    return [*found, span("", "then", style="right:0")]


def _named(name: str) -> str:
    return {GOAL: "Converted", LATER: "More steps", REST: "Other channels"}.get(name, name)


def _colour(name: str) -> str:
    if name == GOAL:
        return "var(--ink)"
    return day_and_night(UNNAMED) if name in (LATER, REST) else of_channel(name)
