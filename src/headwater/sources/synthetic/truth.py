"""What attribution should find, from the visit table alone: no event is read and no rule is run for it.

A visit that speaks is a touch where it begins; a second click is another where it led to a page; a visit in
which nothing speaks is a direct touch, save a person's very first one, which has the origin that GA4 holds to
have won the device.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from headwater.sources.synthetic.dice import Bools, Ints
from headwater.sources.synthetic.orders import WITH_ID, Orders
from headwater.sources.synthetic.origins import ACQUIRED, LABELS, SAID, SAYS_DIRECT, SPEAKS
from headwater.sources.synthetic.people import People
from headwater.sources.synthetic.rhythm import DAY
from headwater.sources.synthetic.visits import PAGE_VIEW_DELAY, Visits

LOOKBACK = 14 * DAY


@dataclass(frozen=True)
class Touches:
    """By person and time."""

    person: Ints
    at: Ints
    label: Ints


@dataclass(frozen=True)
class Truth:
    rows: int
    cents: int
    persons: int  # as the events let them be known: by account, else by device, else by session


def write_truth(path: Path, people: People, visits: Visits, orders: Orders) -> Truth:
    person = known_persons(people, visits)
    touches = _touches(visits, person)
    # Orders are numbered by the start of their visit; a conversion table reads better by its own time.
    order = np.argsort(orders.at, kind="stable")
    at, value = orders.at[order], (orders.cents - orders.refund_cents)[order]
    first, last = _credited(touches, person[orders.visit[order]], at)
    shown = np.where((orders.id_kind == WITH_ID)[order], orders.number[order], 0)
    columns = {
        "transaction_id": pc.if_else(pa.array(shown > 0), pa.array(shown).cast(pa.string()), ""),
        "conversion_at": _iso(at),
        "value": _dollars(value),
        **_touch_columns("first_click", touches, first, at),
        **_touch_columns("last_click", touches, last, at),
    }
    options = csv.WriteOptions(quoting_style="needed")
    csv.write_csv(pa.table(columns), path, options)
    return Truth(len(order), int(value.sum()), len(np.unique(person)))


def known_persons(people: People, visits: Visits) -> Ints:
    """A number for each visit's person: its account's, on all devices, else its device's or session's."""
    persons, devices = len(people.place), len(people.person)
    signed_in = np.zeros(devices, np.bool_)
    signed_in[visits.device[visits.remembered | (visits.login_page >= 0)]] = True
    named = np.where(signed_in[visits.device], visits.person, persons + visits.device)
    return np.where(visits.nameless, persons + devices + np.arange(len(visits)), named)


def _touches(visits: Visits, person: Ints) -> Touches:
    speaks = SPEAKS[visits.origin]
    began = visits.first_event()
    opens = np.where(_very_first(person, began) & ~visits.nameless, ACQUIRED[visits.acquired], SAYS_DIRECT)
    opening = np.where(speaks, SAID[visits.origin], opens)
    has_opening = speaks | ~visits.says_something()

    second = np.flatnonzero((visits.second_page >= 0) & SPEAKS[visits.second_origin])
    second_label = SAID[visits.second_origin[second]]
    differs = ~speaks[second] | (second_label != opening[second])
    second, second_label = second[differs], second_label[differs]
    second_at = visits.page_start(second, visits.second_page[second]) + PAGE_VIEW_DELAY

    person = np.concatenate([person[has_opening], person[second]])
    at = np.concatenate([began[has_opening], second_at])
    label = np.concatenate([opening[has_opening], second_label])
    order = np.lexsort((at, person))
    return Touches(person[order], at[order], label[order])


def _very_first(person: Ints, began: Ints) -> Bools:
    order = np.lexsort((began, person))
    first = np.zeros(len(person), np.bool_)
    first[order] = np.diff(person[order], prepend=-1) != 0
    return first


def _credited(touches: Touches, person: Ints, at: Ints) -> tuple[Ints, Ints]:
    """Of each conversion the touch of the first click and of the last: rows in touches, or -1."""
    begin = np.searchsorted(touches.person, person, side="left")
    count = np.searchsorted(touches.person, person, side="right") - begin
    conversion = np.repeat(np.arange(len(at)), count)
    touch = np.arange(len(conversion)) + np.repeat(begin - (np.cumsum(count) - count), count)
    age = at[conversion] - touches.at[touch]
    within = (age >= 0) & (age <= LOOKBACK)
    conversion, touch = conversion[within], touch[within]
    speaks = touches.label[touch] != SAYS_DIRECT

    first, last, last_speaking = (np.full(len(at), -1) for _ in range(3))
    # Rows run forward in time: writing them in turn leaves the last, writing them backwards leaves the first.
    first[conversion[::-1]] = touch[::-1]
    last[conversion] = touch
    last_speaking[conversion[speaks]] = touch[speaks]
    return first, np.where(last_speaking >= 0, last_speaking, last)


def _touch_columns(model: str, touches: Touches, row: Ints, conversion_at: Ints) -> dict[str, pa.Array]:
    """No touch at all is direct, at the conversion."""
    found = row >= 0
    label = np.where(found, touches.label[row], SAYS_DIRECT)
    parts = [pa.array([text[n] for text in LABELS]).take(pa.array(label)) for n in range(3)]
    at = np.where(found, touches.at[row], conversion_at)
    return {f"{model}_touch_at": _iso(at)} | {
        f"{model}_{name}": part for name, part in zip(("source", "medium", "campaign"), parts, strict=True)
    }


def _iso(micros: Ints) -> pa.Array:
    return pc.strftime(pa.array(micros).cast(pa.timestamp("us")), "%Y-%m-%dT%H:%M:%SZ")


def _dollars(cents: Ints) -> pa.Array:
    whole, rest = (pa.array(part).cast(pa.string()) for part in (cents // 100, cents % 100))
    return pc.binary_join_element_wise(whole, pc.utf8_lpad(rest, 2, "0"), ".")
