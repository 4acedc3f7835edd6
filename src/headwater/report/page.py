"""The report as one HTML file that needs no other and no network: to mail, or to keep."""

from collections.abc import Iterator
from datetime import date
from html import escape
from typing import Any

from headwater.report import words
from headwater.report.chart import bars, lines
from headwater.report.facts import NOT_SET, Facts

_STYLE = """
:root { color-scheme: light dark; --ink: #1b2733; --soft: #5d6b78; --line: #dde3e8; --paper: #ffffff; --card: #f6f8f9;
  --first: #0072b2; --last: #d55e00; --up: #00795a; --down: #b3372d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebef; --soft: #9aa7b2; --line: #33404b; --paper: #12181d;
  --card: #1a2229; --first: #56b4e9; --last: #f0894a; --up: #3fc79a; --down: #f08a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 2.25rem 0 .75rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.moved { margin: 1.25rem 0 0; font-size: 1.05rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin-top: 1.5rem; }
.card { background: var(--card); border-radius: .5rem; padding: .85rem 1rem; }
.card b { display: block; font-size: 1.4rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
.day { white-space: nowrap; } .up { color: var(--up); } .down { color: var(--down); }
svg { width: 100%; height: auto; display: block; } svg.narrow { display: none; max-width: 32rem; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .name { fill: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: .85rem; white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
footer { margin-top: 2rem; font-size: .85rem; }
@media (max-width: 40rem) {
  main { padding: 1.5rem 1.25rem 2rem; } h1 { font-size: 1.35rem; }
  .cards { grid-template-columns: 1fr 1fr; } .card { padding: .7rem .8rem; } .card b { font-size: 1.15rem; }
  svg.broad { display: none; } svg.narrow { display: block; }
  thead { display: none; } table, tbody { display: block; }
  tr { display: block; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  td { display: flex; justify-content: space-between; gap: 1rem; padding: .1rem 0; border: 0; }
  td::before { content: attr(data-name); color: var(--soft); }
  td:first-child { display: block; font-weight: 600; } td:first-child::before { content: none; }
}
"""


def page(facts: Facts) -> str:
    said = facts.overview
    title = f"Where customers came from, {said['from']} to {said['to']}"
    days = (said["to"] - said["from"]).days + 1
    parts = [
        f"<h1>Where customers came from, {_days(said['from'], said['to'])}</h1>",
        f'<p class="soft">{days} days in {escape(facts.meta["timezone"])}, against '
        f"{_days(said['previous_from'], said['previous_to'])}. {escape(_currency(facts))}</p>",
        f'<p class="moved">{escape(said["moved"]["sentence"])}</p>' if said["moved"] else "",
        f'<div class="cards">{"".join(_cards(facts))}</div>',
        f"<h2>Value by day{_of_unit(facts)}</h2>",
        lines(facts.series, facts.models[0], facts.unit),
        f"<h2>Value by {facts.by}{_of_unit(facts)}</h2>",
        bars(facts.rows.to_pylist(), facts.by, facts.models[:2]),
        f"<h2>Every {facts.by}</h2>",
        f'<div class="wide">{_table(facts)}</div>',
        '<footer class="soft">Made by headwater. Each model credits a conversion to the touches before it by a rule of '
        "its own; over all channels their sums are the same.</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def _days(first: date, last: date) -> str:
    return f'<span class="day">{first}</span> to <span class="day">{last}</span>'


def _of_unit(facts: Facts) -> str:
    return f", {escape(facts.unit)}" if facts.unit else ""


def _currency(facts: Facts) -> str:
    if facts.meta["reporting_currency"]:
        return f"Values in {facts.meta['reporting_currency']}."
    return f"Values in {facts.unit}." if facts.unit else facts.warning


def _cards(facts: Facts) -> Iterator[str]:
    """Of all conversions together, where the models agree."""
    said = facts.overview
    yield _card("Conversions", words.count(said["conversions"]["now"]), said["conversions"])
    yield _card("Value", words.money(said["value"]["now"], facts.unit), said["value"])
    yield _card("Conversion rate", words.share(said["conversion_rate"]["now"]), said["conversion_rate"])
    yield _card("Sessions", f"{said['sessions']['now']:,}", said["sessions"])


def _card(name: str, shown: str, measure: dict[str, Any]) -> str:
    change = measure["change"]
    tone = "" if not change else "up" if change > 0 else "down"
    beside = "nothing before" if change is None else f"{words.change(change)} against before"
    return (
        f'<div class="card"><span class="soft">{escape(name)}</span><b>{escape(shown)}</b>'
        f'<span class="{tone or "soft"}">{beside}</span></div>'
    )


def _names(facts: Facts) -> list[str]:
    models = [words.model(model) for model in facts.models]
    names = [f"{name} {what}" for name in models for what in ("conversions", "value")]
    return [facts.by, "sessions", *names, *(["conversion shift", "value shift"] if facts.has_shift else [])]


def _table(facts: Facts) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in _names(facts))
    body = "".join(_row(row, facts) for row in facts.rows.to_pylist())
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(row: dict[str, Any], facts: Facts) -> str:
    cells = [escape(row[facts.by] or NOT_SET), f"{row['sessions']:,}"]
    for model in facts.models:
        cells += [words.count(row[f"{model}_conversions"]), words.money(row[f"{model}_value"])]
    if facts.has_shift:
        cells += [words.signed(row["conversion_shift"]), words.signed_money(row["value_shift"])]
    named = zip(_names(facts), cells, strict=True)
    return "<tr>" + "".join(f'<td data-name="{escape(name)}">{cell}</td>' for name, cell in named) + "</tr>"
