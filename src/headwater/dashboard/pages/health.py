"""Whether all is well, and what makes the numbers less good than they could be."""

from statistics import median
from typing import Any

from headwater.dashboard import figures, view
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.cards import card
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
    view.page("Health", body, every=5.0, needs_data=False)


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
    known = found["pending"] is not None  # Pub/Sub does not tell how many it still holds
    rest = [*(["pending"] if known else []), *(["lost"] if found["lost"] else [])]
    names = ("loaded", "duplicates", "dead_letters", *rest)
    accepted = found["accepted"]
    parts = [_term("", "accepted", accepted)]
    for number, name in enumerate(names):
        parts.append(_term("+" if number else "=", name.replace("_", " "), found[name]))
    balanced = accepted == sum(found[name] for name in names)
    said = "They balance." if balanced else "They do not balance right now; a moment later they should."
    return card("The books of the live door", f"Every event taken is somewhere. {said}", div("sum", *parts))


def _term(sign: str, name: str, number: int) -> Markup:
    return div("term", span("op", sign), tag("b", f"{number:,}"), span("soft", name))


def stages(told: Told) -> Markup:
    columns = [Column("Stage"), Column("Usually", True), Column("95 of 100", True), Column("99 of 100", True)]
    rows = [
        Row([name, *(figures.seconds(told["stages"][stage][part]) for part in ("p50", "p95", "p99"))])
        for stage, name in STAGES.items()
        if stage in told["stages"]
    ]
    return card("How long events take", "Over the last five minutes.", table(columns, rows))


def checks(look: Look, told: Told) -> Markup:
    tests = told["tests"]
    run = figures.moment(tests["tested_at"], look.meta.zone)
    if tests["failed"]:
        said = div("banner", tag("b", "A test fails."), " ", tests["failed"])
    elif tests["tested_at"]:
        passed = f"All {tests['count']:,} pass" if tests.get("count") else "All pass"
        said = div("", tag("b", passed), f", last run {run}.")
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
    """Under traffic the tables change every second or so: those changes are one line, above what was built whole."""
    title = "Last times the tables changed"
    if told["builds"] is None:
        return card(title, None, _not_known())
    if not told["builds"]:
        return card(
            title, None, div("soft", join("None yet: ", tag("code", "headwater build"), " is the first."))
        )
    full = told.get("full_builds")
    if full is None:
        full = [row for row in told["builds"] if row["is_full"]]
    columns = [Column("Everything built anew"), Column("Persons", True), Column("Took", True)]
    drawn = [
        Row(
            [
                figures.moment(row["finished_at"], look.meta.zone, to_the_second=True),
                f"{row['persons'] or 0:,}",
                figures.seconds(row["seconds"]),
            ],
            key=str(row["build_id"]),
        )
        for row in full[:_MOST_BUILDS]
    ]
    before = div("soft", "Everything was last built anew before these.")
    whole = table(columns, drawn) if drawn else before
    return card(title, None, _with_what_was_new(look, told), whole)


def _with_what_was_new(look: Look, told: Told) -> Markup | str:
    """Of the API's own summary, or of those it lists."""
    listed = [row for row in told["builds"] if not row["is_full"]]
    if not listed:
        return ""
    ticks = told.get("ticks") or {
        "count": len(listed),
        "since": min(row["started_at"] for row in listed),
        "median_seconds": median(row["seconds"] for row in listed),
    }
    newest = figures.moment(listed[0]["finished_at"], look.meta.zone, to_the_second=True)
    since = figures.moment(ticks["since"], look.meta.zone, to_the_second=True)
    said = (
        f"{figures.plural(ticks['count'], 'time')} with what was new since {since}, "
        f"usually in {figures.seconds(ticks['median_seconds'])}."
    )
    return div("line", tag("b", f"Last at {newest}"), span("soft", said))


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
    if not rows:
        return card(title, None, div("soft", "Known once something is built."))
    return card(title, "Over the last 14 days. Less is better.", div("", *rows))
