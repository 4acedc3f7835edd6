"""Brings the tables up to date whenever something new is in the warehouse, and tests them now and then."""

import logging
import time
from threading import Event, Lock

from headwater.engine.vitals import LastTick, Vitals
from headwater.errors import BuildError, HeadwaterError, TransientError
from headwater.settings import Settings
from headwater.transform.build import Builder, BuildReport
from headwater.warehouse.protocol import Warehouse

TICK, TESTS = "tick", "tests"  # alerts
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds after a tick that failed

_log = logging.getLogger(__name__)


class Ticks:
    def __init__(self, settings: Settings, warehouse: Warehouse, vitals: Vitals) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._vitals = vitals
        self._builder = Builder(settings, warehouse)
        self._turn = Lock()  # a build that a user asks for and a tick take turns
        self._asked = True  # at the start: the last process may have left something to do
        self._pause = 0.0
        self._not_before = 0.0

    def ask(self) -> None:
        self._asked = True

    def is_due(self) -> bool:
        return self._asked and time.monotonic() >= self._not_before

    def tick(self) -> None:
        """A model that fails stops publication and nothing else: what is new is loaded all the same, and the tick is
        tried again ever less often. While another build runs there is no tick."""
        self._asked = True
        if time.monotonic() < self._not_before or not self._turn.acquire(blocking=False):
            return
        try:
            self._build(full_refresh=False, test=False)
        except HeadwaterError as error:
            if not self._pause:
                _log.error("%s The tick is tried again.", error)
            self._vitals.raise_alert(TICK, str(error))
            self._pause = min(max(self._pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
            self._not_before = time.monotonic() + self._pause
        else:
            self._asked = False
            self._pause = 0.0
            self._vitals.clear_alert(TICK)
        finally:
            self._turn.release()

    def build(self, *, full_refresh: bool) -> BuildReport:
        """With all its tests, when a user asks for it."""
        with self._turn:
            return self._build(full_refresh=full_refresh, test=True)

    def _build(self, *, full_refresh: bool, test: bool) -> BuildReport:
        started_at = time.time_ns() // 1000
        try:
            report = self._builder.build(full_refresh=full_refresh, test=test)
            self._builder.warm_tick()
        except TransientError:
            self._warehouse = self._warehouse.another()
            self._builder = Builder(self._settings, self._warehouse)
            raise
        done = LastTick(time.time(), report.seconds, report.persons, report.full)
        self._vitals.ticked(started_at, time.time_ns() // 1000, done)
        return report

    def run_tests(self, stop: Event) -> None:
        """Runs the models' tests over what is published, beside the ticks."""
        seconds = self._settings.stream.test_minutes * 60
        while seconds and not stop.wait(seconds):
            try:
                Builder(self._settings, self._warehouse).test_what_is_published()
                self._vitals.clear_alert(TESTS)
            except BuildError as error:
                self._vitals.raise_alert(TESTS, str(error))
            except HeadwaterError as error:
                self._vitals.raise_alert(TESTS, f"The tests could not be run: {error}")
            self._vitals.tested()
