"""Whether all is well, and what makes the numbers less good than they could be."""

from typing import Any

from headwater.dashboard import figures, view
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.cards import card
from headwater.dashboard.charts.states import lamp
from headwater.dashboard.charts.tables import Column, Row, table
from headwater.dashboard.markup import Markup, div, join, span, tag
from headwater.dashboard.view import Look

Told = dict[str, Any]

STAGES = {
    "generated_to_received": "From the visitor to the door",
    "received_to_journaled": "Safe on disk",
    "journaled_to_loaded": "In the warehouse",
    "loaded_to_visible": "Credited and visible",
    "received_to_visible": "All in all, from the door",
}
_MOST_BUILDS = 8


def page() -> None:
    view.page("Health", body, every=5.0)


def body(look: Look) -> None:
    told = look.api.get("/health")
    parts = [
        books(told),
        div("half", stages(told), div("stack start", checks(look, told), refused(look, told))),
        div("half", builds(look, told), quality(told)),
    ]
    show("health", div("stack", *parts))


def books(told: Told) -> Markup:
    found = told["books"]
    names = ("loaded", "duplicates", "dead_letters", "pending", *(["lost"] if found["lost"] else []))
    accepted = found["accepted"]
    parts = [_sum("accepted", accepted), span("op", "=")]
    for number, name in enumerate(names):
        parts += [span("op", "+")] if number else []
        parts.append(_sum(name.replace("_", " "), found[name]))
    balanced = accepted == sum(found[name] for name in names)
    said = "They balance." if balanced else "They do not balance right now; a moment later they should."
    return card("The books of the live door", f"Every event taken is somewhere. {said}", div("sum", *parts))


def _sum(name: str, number: int) -> Markup:
    return tag("div", tag("b", f"{number:,}"), span("soft", name))


def stages(told: Told) -> Markup:
    columns = [Column("Stage"), Column("Usually", True), Column("95 of 100", True), Column("99 of 100", True)]
    rows = [
        Row([name, *(figures.seconds(told["stages"][stage][part]) for part in ("p50", "p95", "p99"))])
        for stage, name in STAGES.items()
        if stage in told["stages"]
    ]
    return card("How long events take", join(lamp(told), " over the last five minutes"), table(columns, rows))


def checks(look: Look, told: Told) -> Markup:
    tests = told["tests"]
    if tests["failed"]:
        said = div("banner", tag("b", "A test fails."), " ", tests["failed"])
    elif tests["tested_at"]:
        said = div(
            "",
            span("lamp green", "All pass"),
            f", last run {figures.moment(tests['tested_at'], look.meta.zone)}",
        )
    else:
        said = div("soft", "Not run yet since headwater was started.")
    alerts = [
        div("", span("lamp yellow", alert["name"]), " ", alert["message"], style="margin-top:10px")
        for alert in told["alerts"]
        if alert["name"] != "tests"
    ]
    return card("Tests of the tables", "They run over all that is shown here.", said, *alerts)


def refused(look: Look, told: Told) -> Markup:
    rows = told["dead_letters"]
    title = "Refused events, by reason"
    if rows is None:
        return card(title, None, _not_known())
    if not rows:
        return card(title, None, div("soft", "None."))
    columns = [Column("Reason", class_="grow"), Column("Events", True), Column("Newest", True)]
    drawn = [
        Row(
            [
                row["reason"].replace("_", " "),
                f"{row['dead_letters']:,}",
                figures.moment(row["newest_at"], look.meta.zone),
            ]
        )
        for row in rows
    ]
    sub = join("See them with ", tag("code", "headwater dead-letters list"))
    return card(title, sub, table(columns, drawn))


def _not_known() -> Markup:
    return div("soft", "Not known while the tables cannot be read.")


def builds(look: Look, told: Told) -> Markup:
    title = "Last times the tables changed"
    if told["builds"] is None:
        return card(title, None, _not_known())
    columns = [Column("When"), Column("What"), Column("Persons", True), Column("Took", True)]
    drawn = [
        Row(
            [
                figures.moment(row["finished_at"], look.meta.zone),
                "everything" if row["is_full"] else "what was new",
                f"{row['persons'] or 0:,}",
                figures.seconds(row["seconds"]),
            ]
        )
        for row in told["builds"][:_MOST_BUILDS]
    ]
    return card(title, "The newest first.", table(columns, drawn))


def quality(told: Told) -> Markup:
    title = "What the data could tell better"
    if told["quality"] is None:
        return card(title, None, _not_known())
    rows = [
        div(
            "meter",
            tag("span", one["told"]),
            tag("i", style=f"--w:{one['found'] / one['of'] if one['of'] else 0:.4f}"),
            span(
                "num", f"{one['found']:,} · {figures.percent(one['found'] / one['of'] if one['of'] else 0)}"
            ),
        )
        for one in told["quality"]
    ]
    return card(title, "Over the last 14 days. Less is better.", div("", *rows))
