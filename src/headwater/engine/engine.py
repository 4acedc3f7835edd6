"""The long-lived process that holds the warehouse: it loads the journal, ticks, tests and prunes."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeVar

import pyarrow as pa
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_fixed

from headwater.engine.books import entry, unseen
from headwater.engine.dead_letters import Chosen, Replayed, drop, replay
from headwater.engine.fold import fold
from headwater.engine.patience import in_words, patiently
from headwater.engine.sink import Sink
from headwater.engine.status import status
from headwater.engine.ticks import Ticks
from headwater.engine.vitals import Vitals
from headwater.errors import TransientError, WarehouseUnavailable
from headwater.exported import take_in
from headwater.fan_in import Intake, open_intake
from headwater.journal import FILE_NAME
from headwater.journal.journal import Journal
from headwater.operate.cadence import pace
from headwater.serve.notices import Publications
from headwater.settings import Settings
from headwater.sources.load import LoadReport, load
from headwater.transform.build import BuildReport
from headwater.transform.project import PROJECT
from headwater.warehouse import connect
from headwater.warehouse.protocol import Parameter, Warehouse

SINK, WAREHOUSE, EXPORT, SETTLING = "sink", "warehouse", "export", "settling"  # alerts
IDLE_SECONDS = 0.02  # between two looks at a journal in which nothing waits
PRUNE_SECONDS = 5.0
SETTLE_SECONDS = 2.0  # between two looks at how much is to be put in its place
FOLD_SECONDS = 600.0
PRUNED_AT_ONCE = 5_000  # rows, so that no writer waits long for it
STOP_SECONDS = 6.0  # with the API's two, within the ten that a stop may take
CONNECT_SECONDS = 1.0
MOST_BYTES = 512 * 1024**2  # of one answer; the next one may come at the same time
HOLD_SECONDS = 1.0  # between two looks whether this is still the one engine

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass
class Engine:
    settings: Settings
    warehouse: Warehouse
    journal: Intake
    hold: Callable[[], None] = lambda: None  # raises when another engine has the warehouse
    vitals: Vitals = field(default_factory=Vitals)
    stop: Event = field(default_factory=Event)
    publications: Publications = field(default_factory=Publications)
    _loading: Lock = field(default_factory=Lock)
    _held_at: float = field(default_factory=time.monotonic)
    _threads: list[Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sink = Sink(self.journal, self.warehouse)
        self.ticks = Ticks(self.settings, self.warehouse, self.vitals, self.publications)
        self._entry = entry(self.warehouse, self.journal)
        waiting = unseen(self.warehouse)
        if waiting:
            self.vitals.found_unseen(*waiting)

    def start(self) -> None:
        """The first tick imports dbt. Two threads that import the same package at once may each find the other's half
        of it, so whoever starts this has imported what it needs itself."""
        works: dict[str, Callable[[], None]] = {
            "live": self.live,
            "tests": lambda: self.ticks.run_tests(self.stop),
            "prune": self.prune_forever,
            "settle": self.settle_forever,
        }
        if self.settings.warehouse.export:
            works["export"] = self.look_at_export
        for name, work in works.items():
            thread = Thread(target=work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def finish(self) -> None:
        self.stop.set()
        until = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))
            if thread.is_alive():
                _log.warning(
                    "The %s did not end in time; its work is done again at the next start.", thread.name
                )

    def query(self, sql: str, parameters: Sequence[Parameter] = (), *, as_written: bool = False) -> pa.Table:
        reader = self.warehouse.reader()
        try:
            return reader.query_within(MOST_BYTES, sql, parameters, as_written=as_written)
        finally:
            reader.close()

    def tables(self) -> list[str]:
        return self._with_own(lambda own: own.tables())

    def load(self, paths: Sequence[Path], file_format: str) -> LoadReport:
        """Beside the sink: it waits for a load only while a file's rows are settled. Without paths the GA4 export."""

        def do(own: Warehouse) -> LoadReport:
            if paths:
                return load(paths, file_format, own, self.settings)
            return take_in(self.settings, own, is_stopped=self.stop.is_set)

        with self._loading:
            try:
                return self._with_own(do)
            finally:
                self.ticks.ask()

    def replay(self, chosen: Chosen) -> Replayed:
        with self._loading:
            try:
                return self._with_own(lambda own: replay(self.settings, own, chosen))
            finally:
                self.ticks.ask()

    def drop(self, chosen: Chosen) -> int:
        return self._with_own(lambda own: drop(own, chosen))

    def build(self, *, full_refresh: bool) -> BuildReport:
        return self.ticks.build(full_refresh=full_refresh)

    def status(self) -> dict[str, Any]:
        """While the warehouse does not answer, with the books as they last stood there."""
        try:
            self._entry = self._with_own(lambda own: entry(own, self.journal))
            self.vitals.clear_alert(WAREHOUSE)
        except TransientError as error:
            self.vitals.raise_alert(WAREHOUSE, str(error))
        return status(self.settings, self._entry, self.journal, self.vitals)

    def live(self) -> None:
        """Load what waits, then a tick: one after the other, so that a tick starts with all that had come by then."""
        seconds = pace(self.settings, self._with_own)
        while not self.stop.is_set():
            started = time.monotonic()
            try:
                has_new = patiently(SINK, self._load_what_waits, self.vitals, self.stop)
            except Exception:
                continue  # told to stop
            if has_new or self.ticks.is_due():
                self.ticks.tick()
                self.stop.wait(max(seconds - (time.monotonic() - started), 0))
            else:
                self.stop.wait(IDLE_SECONDS)

    def _with_own(self, work: Callable[[Warehouse], T]) -> T:
        """Does it on a connection of its own, for this thread."""
        own = self.warehouse.another()
        try:
            return work(own)
        finally:
            own.close()

    def _load_what_waits(self) -> bool:
        if time.monotonic() - self._held_at > HOLD_SECONDS:
            self.hold()
            self._held_at = time.monotonic()
        has_new = False
        for loaded in self.sink.steps():
            self.vitals.loaded(loaded.rows, loaded.loaded_at)
            has_new = True
        if SINK in self.vitals.alerts():  # the warehouse is back
            self.ticks.ask_at_once()
        return has_new

    def look_at_export(self) -> None:
        """Now and then takes in what is new in it. What cannot be is told, and tried again at the next look."""
        pause = 0.0
        while not self.stop.wait(pause):
            pause = self.settings.warehouse.export_minutes * 60
            try:
                report = self.load([], "auto")
                error = next((table.error for table in report.files if table.error), None)
                for warning in report.warnings:
                    _log.warning("%s", warning)
            except Exception as failed:
                error = in_words(failed)
            if error is None:
                self.vitals.clear_alert(EXPORT)
                continue
            if EXPORT not in self.vitals.alerts():
                _log.warning("%s The export is looked at again in %g minutes.", error, pause / 60)
            self.vitals.raise_alert(EXPORT, error)

    def settle_forever(self) -> None:
        while not self.stop.wait(SETTLE_SECONDS):
            try:
                self.warehouse.settle()
                self.vitals.clear_alert(SETTLING)
            except TransientError:
                pass  # tried again at the next look; who writes tells what is wrong
            except Exception as error:
                self.vitals.raise_alert(SETTLING, in_words(error))

    def prune_forever(self) -> None:
        kept, folded = self.settings.collect.retention_days * 86_400, 0.0
        while not self.stop.wait(PRUNE_SECONDS):
            try:
                older_than = time.time_ns() // 1000 - int(kept * 1e6)
                while self.journal.prune(self.journal.loaded(), older_than, PRUNED_AT_ONCE) == PRUNED_AT_ONCE:
                    if self.stop.wait(0.05):
                        break
                if time.monotonic() - folded > FOLD_SECONDS:
                    self._with_own(fold)
                    folded = time.monotonic()
                self.vitals.clear_alert("journal")
            except Exception as error:
                self.vitals.raise_alert("journal", in_words(error))


@contextmanager
def running(settings: Settings, is_stopped: Callable[[], bool] = lambda: False) -> Iterator[Engine]:
    """An engine that can be asked and, once started, is at work; at the end its threads finish what they are at."""
    with ExitStack() as stack:
        warehouse = _reached(settings, is_stopped)
        stack.callback(_close, warehouse)
        hold = stack.enter_context(warehouse.lease())
        warehouse.confine([PROJECT / "seeds"])
        if excess := warehouse.excess():
            _log.warning("%s", excess)
        if settings.collect.journal_url:
            load_what_is_left(settings, warehouse)
        journal = open_intake(settings)
        stack.callback(journal.close)
        engine = Engine(settings, warehouse, journal, hold)
        stack.callback(engine.finish)
        yield engine


def load_what_is_left(settings: Settings, warehouse: Warehouse) -> int:
    """Of a local journal from before there was a broker: it was acknowledged as well."""
    path, rows = settings.home / FILE_NAME, 0
    if path.exists():
        with closing(Journal(path)) as journal, closing(Sink(journal, warehouse)) as sink:
            while loaded := sink.step():
                rows += len(loaded.rows)
    return rows


def _reached(settings: Settings, is_stopped: Callable[[], bool]) -> Warehouse:
    """A server that does not answer is waited for: it may be starting, too. The door takes events meanwhile."""

    def tell(attempt: RetryCallState) -> None:
        if attempt.attempt_number == 1 and attempt.outcome:
            _log.warning("%s It is tried again until it does.", attempt.outcome.exception())

    retrying = Retrying(
        retry=retry_if_exception_type(WarehouseUnavailable),
        wait=wait_fixed(CONNECT_SECONDS),
        stop=lambda _: is_stopped(),
        reraise=True,
        before_sleep=tell,
    )
    return retrying(connect, settings.warehouse.url, settings.home, settings=settings)


def _close(warehouse: Warehouse) -> None:
    try:
        warehouse.close()
    except Exception as error:  # what still reads ends with the process
        _log.warning("The warehouse was in use to the end: %s", in_words(error))
