"""Brings the tables up to date whenever something new is in the warehouse, and tests them now and then."""

import logging
import random
import time
from threading import Event, Lock

from headwater.collect.privacy import without_emails
from headwater.engine.patience import in_words, unforeseen
from headwater.engine.vitals import LastTick, Vitals
from headwater.errors import FailedTests, TransientError
from headwater.operate.cadence import pause_between_tests
from headwater.serve.notices import Publications
from headwater.settings import Settings
from headwater.transform.build import Builder, BuildReport
from headwater.transform.tested import recall
from headwater.warehouse.protocol import Warehouse

TICK, TESTS = "tick", "tests"  # alerts
# Seconds after a tick that failed: drawn from all between the shortest and the limit that has been reached by then.
SHORTEST_PAUSE, FIRST_LIMIT, LAST_LIMIT = 0.2, 0.5, 5.0
SETTLED_SECONDS = 60.0  # after the first publication: the first tests do not disturb the start

_log = logging.getLogger(__name__)


class Ticks:
    def __init__(
        self, settings: Settings, warehouse: Warehouse, vitals: Vitals, publications: Publications
    ) -> None:
        self._settings = settings
        self._opened_from = warehouse
        self._warehouse = warehouse.another()
        self._vitals = vitals
        self._publications = publications
        self._builder = Builder(settings, self._warehouse)
        self._turn = Lock()  # a build that a user asks for and a tick take turns
        self._asked = True  # at the start: the last process may have left something to do
        self._limit = 0.0
        self._not_before = 0.0
        self._hear_of_tests()  # what they said before a restart

    def ask(self) -> None:
        self._asked = True

    def ask_at_once(self) -> None:
        """What a tick has failed at is over."""
        self._asked, self._not_before = True, 0.0

    def is_due(self) -> bool:
        return self._asked and time.monotonic() >= self._not_before

    def tick(self) -> None:
        """A model that fails stops publication and nothing else: what is new is loaded all the same, and the tick is
        tried again ever less often. While another build runs there is no tick."""
        self._asked = True
        if time.monotonic() < self._not_before or not self._turn.acquire(blocking=False):
            return
        self._asked = False  # before it begins: whoever asks from now on is not in it
        try:
            self._build(full_refresh=False, test=False)
        except Exception as error:
            if not self._limit:
                _log.error("%s The tick is tried again.", in_words(error), exc_info=unforeseen(error))
            self._vitals.raise_alert(TICK, in_words(error))
            self._asked = True
            self._limit = min(max(self._limit * 2, FIRST_LIMIT), LAST_LIMIT)
            self._not_before = time.monotonic() + random.uniform(SHORTEST_PAUSE, self._limit)
        else:
            self._limit = 0.0
            self._vitals.clear_alert(TICK)
        finally:
            self._turn.release()

    def build(self, *, full_refresh: bool) -> BuildReport:
        """With all its tests, when a user asks for it."""
        with self._turn:
            try:
                return self._build(full_refresh=full_refresh, test=True)
            finally:
                self._hear_of_tests()

    def _build(self, *, full_refresh: bool, test: bool) -> BuildReport:
        in_it = self._vitals.appends()
        try:
            report = self._builder.build(full_refresh=full_refresh, test=test)
            self._builder.warm_tick()
        except TransientError:
            self._connect_anew()
            raise
        if report.changed or not self._publications.number:
            self._publications.publish(report.build_id)
        done = LastTick(time.time(), report.seconds, report.persons, report.full)
        self._vitals.ticked(in_it, time.time_ns() // 1000, done)
        return report

    def _connect_anew(self) -> None:
        old, self._warehouse = self._warehouse, self._opened_from.another()
        old.close()
        self._builder = Builder(self._settings, self._warehouse)

    def run_tests(self, stop: Event) -> None:
        """Runs the models' tests over what is published, beside the ticks: soon after the start, then now and then."""
        seconds = pause_between_tests(self._settings)
        until = time.monotonic() + seconds
        while seconds and not self._publications.number and time.monotonic() < until:
            if stop.wait(min(1.0, seconds)):
                return
        pause = min(SETTLED_SECONDS, seconds)
        while seconds and not stop.wait(pause):
            pause = seconds
            try:
                Builder(self._settings, self._warehouse).test_what_is_published()
            except FailedTests:
                pass  # which are noted
            except Exception as error:
                self._vitals.raise_alert(TESTS, f"The tests could not be run: {in_words(error)}")
                continue
            self._hear_of_tests()

    def _hear_of_tests(self) -> None:
        """What they said last, whoever ran them."""
        known, tested = self._vitals.tested, recall(self._settings.home)
        if tested is None or tested == known:
            return
        self._vitals.told_of_tests(tested)
        if tested.failed:
            self._vitals.raise_alert(TESTS, without_emails(tested.failed[0].message))
        else:
            self._vitals.clear_alert(TESTS)
