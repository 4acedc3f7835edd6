"""Makes the warehouse anew from what lies beside it: the files that were loaded, GA4's export, and the journal."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from headwater.engine.address import find
from headwater.engine.books import entry
from headwater.engine.sink import Sink
from headwater.errors import HeadwaterError, WarehouseError, WarehouseLocked
from headwater.exported import take_in
from headwater.fan_in import Intake, open_intake
from headwater.journal import FILE_NAME
from headwater.journal.journal import Journal
from headwater.loads import RATES, Load, remembered
from headwater.rates import load_rates, read_rates
from headwater.settings import Settings
from headwater.settings.brokers import PubSubTopic, broker_of
from headwater.sources.load import load
from headwater.transform.build import build
from headwater.warehouse import open_warehouse, set_aside
from headwater.warehouse.protocol import Warehouse

QUIET_SECONDS = 15.0  # after which a broker that should have more is not waited for

Say = Callable[[str], None]


@dataclass(frozen=True)
class Rebuilt:
    aside: str | None  # where the old warehouse is now
    files: int
    missing: list[str]  # files, and tables of an export, that could not be loaded again
    loaded: int  # events from them
    streamed: int  # events from the journal, or from the broker in its place
    lost: int  # streamed events that the journal no longer has
    persons: int


def rebuild(settings: Settings, say: Say) -> Rebuilt:
    if find(settings.home):
        raise WarehouseLocked("The engine of this home is running: stop `headwater up` first, then rebuild.")
    broker = broker_of(settings.collect.journal_url)
    if isinstance(broker, PubSubTopic):
        raise WarehouseError(
            "Pub/Sub keeps nothing that it has delivered, so a new warehouse would be without the streamed events: "
            "bring back a backup, or move the warehouse away by hand and load the files again. Nothing was touched."
        )
    loads, path = remembered(settings.home), settings.home / FILE_NAME
    if not loads and not broker and not path.exists() and not settings.warehouse.export:
        raise WarehouseError(
            f"{settings.home} holds neither a journal nor a list of loaded files: there is nothing to rebuild from."
        )
    _refuse_beside_an_engine(settings)
    aside = set_aside(settings, time.strftime("%Y%m%d_%H%M%S"))
    if aside:
        say(f"The old warehouse is kept as {aside}.")
    with open_warehouse(settings) as warehouse, warehouse.lease():
        events, missing = _files(settings, warehouse, loads, say)
        files = len(loads) - len(missing)
        if settings.warehouse.export:
            more_events, not_taken = _exported(settings, warehouse, say)
            events, missing = events + more_events, missing + not_taken
        streamed = lost = 0
        if path.exists():
            say("loading the journal")
            streamed, lost = _streamed(Journal(path), warehouse)
        if broker:
            say("loading what Kafka still has")
            more, gone = _streamed(open_intake(settings), warehouse)
            streamed, lost = streamed + more, lost + gone
        say("building all tables")
        report = build(settings, warehouse, full_refresh=True)
    return Rebuilt(aside, files, missing, events, streamed, lost, report.persons)


def _refuse_beside_an_engine(settings: Settings) -> None:
    """Of another home; a warehouse that is damaged or not there has none."""
    with suppress(WarehouseError), open_warehouse(settings, read_only=True) as warehouse, warehouse.lease():
        pass


def _files(
    settings: Settings, warehouse: Warehouse, loads: Sequence[Load], say: Say
) -> tuple[int, list[str]]:
    events, missing = 0, []
    for one in loads:
        say(f"loading {one.path}")
        try:
            if one.format == RATES:
                load_rates(read_rates(Path(one.path)), warehouse)
                continue
            report = load([Path(one.path)], one.format, warehouse, settings)
            events += report.accepted
            missing += [f"{file.path}: {file.error}" for file in report.files if file.error]
        except HeadwaterError as error:
            missing.append(f"{one.path}: {error}")
    return events, missing


def _exported(settings: Settings, warehouse: Warehouse, say: Say) -> tuple[int, list[str]]:
    say(f"taking in {', '.join(settings.warehouse.export)}")
    try:
        report = take_in(settings, warehouse)
    except HeadwaterError as error:
        return 0, [str(error)]
    return report.accepted, [table.error for table in report.files if table.error]


def _streamed(intake: Intake, warehouse: Warehouse) -> tuple[int, int]:
    """All that is there now; a broker is waited for while it brings some."""
    with closing(intake), closing(Sink(intake, warehouse)) as sink:
        intake.parts()  # a broker is asked for them
        last, streamed, taken = intake.last_seq() or 0, 0, 0
        heard = time.monotonic()
        while entry(warehouse, intake).position < last:
            loaded = sink.step()
            if loaded:
                streamed += loaded.appended.accepted
                taken += len(loaded.rows)
                heard = time.monotonic()
            elif not intake.broker() or time.monotonic() > heard + QUIET_SECONDS:
                break
            else:
                time.sleep(0.05)
        return streamed, max(last - taken, 0)
