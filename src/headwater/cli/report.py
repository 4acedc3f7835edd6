"""report: the last days on one page."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from headwater.cli.frame import Frame, say, text_output

if TYPE_CHECKING:
    from headwater.report import Facts

SHOWN_MODELS = ("first_click", "last_click")  # of those computed, where a table has room for two


class By(StrEnum):
    channel = "channel"
    source = "source"
    medium = "medium"
    campaign = "campaign"


class ReportFormat(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"
    html = "html"


def report(
    context: typer.Context,
    days: Annotated[
        int, typer.Option(min=1, max=366, help="How many days, up to the last one with data.")
    ] = 14,
    by: Annotated[By, typer.Option(help="What a row is.")] = By.channel,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL", help="Only this model; repeat it for several. Default: first and last click."
        ),
    ] = None,
    format: Annotated[
        ReportFormat, typer.Option(help="How to tell it. html is one file that needs no other, to mail.")
    ] = ReportFormat.table,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to. Default: stdout.")] = None,
) -> None:
    """Say where customers came from in the last days, beside the days before."""
    from headwater.report import gather, page
    from headwater.rows import write_csv

    frame: Frame = context.obj
    settings = frame.settings
    configured = settings.attribution.models
    models = tuple(model or [one for one in SHOWN_MODELS if one in configured] or configured[:1])
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    with frame.reader() as warehouse:
        facts = gather(warehouse, settings, days, by.value, models, today)
    if (
        facts.warning and format is ReportFormat.csv
    ):  # which has no place for it; the other forms tell it themselves
        typer.echo(f"warning: {facts.warning}", err=True)
    if format is ReportFormat.table and out is None:
        _print(facts)
        return
    with text_output(out) as file:
        match format:
            case ReportFormat.csv:
                write_csv(facts.rows, file)
            case ReportFormat.json:
                file.write(_json(facts))
            case ReportFormat.html:
                file.write(page(facts))
            case ReportFormat.table:
                from contextlib import redirect_stdout

                with redirect_stdout(file):
                    _print(facts)
    if out is not None:
        typer.echo(f"Wrote the report to {out}.", err=True)


def _json(facts: "Facts") -> str:
    from headwater.values import indented_json

    return (
        indented_json(
            {
                "currencies": facts.meta["currencies"],
                "warning": facts.warning or None,
                "overview": facts.overview,
                "rows": facts.rows.to_pylist(),
                "series": facts.series,
            }
        )
        + "\n"
    )


def _print(facts: "Facts") -> None:
    from headwater.cli.render import print_rows, visible
    from headwater.report import words
    from headwater.report.facts import NOT_SET

    said = facts.overview
    unit = f", values in {facts.unit}" if facts.unit else ""
    say(
        f"{said['from']} to {said['to']} ({facts.meta['timezone']}{unit}), "
        f"against {said['previous_from']} to {said['previous_to']}"
    )
    if facts.warning:
        say(facts.warning)
    if said["moved"]:
        say(visible(said["moved"]["sentence"]))
    measures = [
        ["sessions", f"{said['sessions']['now']:,}", words.change(said["sessions"]["change"])],
        [
            "conversion rate",
            words.share(said["conversion_rate"]["now"]),
            words.change(said["conversion_rate"]["change"]),
        ],
    ]
    for name, shown in (("conversions", words.count), ("value", words.money)):
        measures.append([name, shown(said[name]["now"]), words.change(said[name]["change"])])
    print_rows(["", "now", "change"], measures, [False, True, True])
    names = [facts.by, "sessions"]
    for model in facts.models:
        names += [f"{words.model(model)}", "value"]
    if facts.has_shift:
        names += ["shift", "value"]
    rows = []
    for row in facts.rows.to_pylist():
        cells = [row[facts.by] or NOT_SET, f"{row['sessions']:,}"]
        for model in facts.models:
            cells += [words.count(row[f"{model}_conversions"]), words.money(row[f"{model}_value"])]
        if facts.has_shift:
            cells += [words.signed(row["conversion_shift"]), words.signed_money(row["value_shift"])]
        rows.append(cells)
    print_rows(names, rows, [False, *[True] * (len(names) - 1)])


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(report)
