"""Builds all models from the raw events: everything, or only the persons whom new events touch."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from headwater.errors import BuildError, FailedTests, QueryError
from headwater.settings import Settings
from headwater.transform.days import DaysOfBuild
from headwater.transform.project import fingerprint, variables
from headwater.transform.publish import IN_PARTS, clear, define, publish, published
from headwater.transform.runner import PUBLISHED, STILL_THERE, DbtRunner, Node
from headwater.transform.tested import note
from headwater.transform.tick import Tick
from headwater.warehouse.protocol import RAW_TABLES, Warehouse


@dataclass(frozen=True)
class BuildReport:
    changed: bool
    full: bool
    reason: str  # why it was a full build, an incremental one, or none
    batches: int
    persons: int
    models: int
    tests: int
    seconds: float
    build_id: int  # the one whose tables are published now


@dataclass(frozen=True)
class LastBuild:
    build_id: int
    to_batch: int
    fingerprint: str


# the nodes, the schema that they are in, and the days that an incremental build looks at
Built = tuple[list[Node], str, DaysOfBuild | None]


class Builder:
    """Keeps dbt warm between the builds of one process."""

    def __init__(self, settings: Settings, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._schema = f"{warehouse.schema}_build"
        self._variables = variables(settings, warehouse.schema)
        self._home = Path(settings.home)
        self._workspace = self._home / "dbt"
        self._runner: DbtRunner | None = None
        self._tick: Tick | None = None

    def build(
        self,
        *,
        full_refresh: bool = False,
        test: bool = True,
        progress: Callable[[str], None] = lambda _: None,
    ) -> BuildReport:
        with self._warehouse.only_builder():
            try:
                return self._build(full_refresh, test, progress)
            except FailedTests as error:
                note(self._home, error.ran, error.failed)
                raise

    def _build(self, full_refresh: bool, test: bool, progress: Callable[[str], None]) -> BuildReport:
        started = time.monotonic()
        warehouse, last = self._warehouse, self._last_build()
        to_batch = self._number("select coalesce(max(batch_id), 0) from headwater_batches")
        wanted = fingerprint(self._variables, warehouse)
        reason = why_full(full_refresh, last, wanted)
        full, from_batch = bool(reason), last.to_batch if last else 0
        build_id = last.build_id + 1 if last else 1
        if last and not full and to_batch == last.to_batch:
            return BuildReport(
                False, False, "nothing new", 0, 0, 0, 0, time.monotonic() - started, last.build_id
            )

        progress("building everything" if full else "building the persons that new events touch")
        started_at = self._now()
        making = (
            self._by_dbt(full, test, from_batch, to_batch)
            if full or test
            else self._by_tick(from_batch, to_batch)
        )
        with making as (nodes, place, days):
            progress("publishing")
            persons = self._number(
                f"select count(distinct person_id) from {place}.{'int_devices' if full else 'scope_persons'}"
            )
            finished = {
                "build_id": [build_id],
                "from_batch": [from_batch],
                "to_batch": [to_batch],
                "is_full": [full],
                "fingerprint": [wanted],
                "persons": [persons],
                "started_at": started_at,
                "finished_at": self._now(),
            }
            try:
                with warehouse.redefining(lambda: define(warehouse, place, nodes, full=full)):
                    publish(warehouse, place, nodes, days)
                    warehouse.insert("headwater_builds", pa.table(finished))
            except QueryError as error:
                raise BuildError(
                    f"The new tables could not be put in place, and {STILL_THERE} ({error}): "
                    "`headwater build --full-refresh` makes them anew."
                ) from error
        if full:
            self._analyze(node.name for node in published(nodes, *IN_PARTS, "whole"))
        tests = [node.name for node in nodes if node.kind == "test"]
        if tests:
            note(self._home, tests, {}, of_everything=full)
        return BuildReport(
            changed=True,
            full=full,
            reason=reason or "only persons with new events",
            batches=to_batch - from_batch,
            persons=persons,
            models=sum(node.kind == "model" for node in nodes),
            tests=len(tests),
            seconds=time.monotonic() - started,
            build_id=build_id,
        )

    def test_what_is_published(self) -> int:
        """Runs the data tests on the published tables, and says how many; FailedTests names those that fail."""
        live = self._warehouse.schema
        output = self._warehouse.dbt_output(live, beside_ticks=True)
        runner = DbtRunner(self._workspace / "tests", output, self._variables)
        command = ["test", "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious"]
        selected = [
            "--select",
            "config.meta.publish:person",
            "config.meta.publish:device",
            "config.meta.publish:view",
        ]
        try:
            ran = [node.name for node in runner.run([*command, *selected], PUBLISHED)]
        except FailedTests as error:
            note(self._home, error.ran, error.failed, of_published=True)
            raise
        note(self._home, ran, {}, of_published=True)
        return len(ran)

    def _dbt(self) -> DbtRunner:
        if self._runner is None:
            self._runner = DbtRunner(
                self._workspace, self._warehouse.dbt_output(self._schema), self._variables
            )
        return self._runner

    def warm_tick(self) -> Tick:
        """The statements of a tick, compiled: dbt takes a second or two for it, once."""
        if self._tick is None:
            compiled = self._dbt().run(["compile", "--no-write-json", "--select", "resource_type:model"])
            self._tick = Tick(compiled, self._schema, self._warehouse)
        return self._tick

    @contextmanager
    def _by_tick(self, from_batch: int, to_batch: int) -> Iterator[Built]:
        tick = self.warm_tick()
        try:
            days = tick.run(from_batch, to_batch)
            yield tick.nodes, tick.bench, days
        finally:
            tick.clear()

    @contextmanager
    def _by_dbt(self, full: bool, test: bool, from_batch: int, to_batch: int) -> Iterator[Built]:
        clear(self._warehouse, self._schema)
        self._open_window(from_batch, to_batch)
        if full:
            self._analyze(RAW_TABLES)
        exclude = ["unit_test", "exposure"] + ([] if test else ["test"])
        command = ["build", "--no-write-json", "--exclude-resource-type", *exclude]
        if full:  # cautious: a test that reads other models besides those of scope is not left out with them
            command += ["--full-refresh", "--exclude", "scope", "--indirect-selection", "cautious"]
        days = None if full else DaysOfBuild(self._warehouse, self._schema, from_batch, to_batch)
        yield self._dbt().run(command), self._schema, days
        clear(
            self._warehouse, self._schema
        )  # a build that failed leaves its tables for whoever looks for the reason

    def _analyze(self, tables: Iterable[str]) -> None:
        """What has been filled a moment ago is planned badly by an engine that has not looked at it."""
        for table in tables:
            self._warehouse.analyze(f"{self._warehouse.schema}.{table}")

    def _open_window(self, from_batch: int, to_batch: int) -> None:
        warehouse = self._warehouse
        window = "headwater_window"

        def define_window() -> None:
            warehouse.make_schema(self._schema)
            warehouse.execute(
                f"create table if not exists {self._schema}.{window} (from_batch bigint, to_batch bigint)"
            )
            # under the same name, what a reader of the published views may see: up to the last finished build
            warehouse.execute(
                f"""create or replace view {warehouse.schema}.{window} as
                select from_batch, to_batch from {warehouse.schema}.headwater_builds order by build_id desc limit 1"""
            )

        with warehouse.redefining(define_window):
            warehouse.execute(f"delete from {self._schema}.{window}")
            warehouse.execute(f"insert into {self._schema}.{window} values ({from_batch}, {to_batch})")

    def _last_build(self) -> LastBuild | None:
        rows = self._warehouse.query(
            "select build_id, to_batch, fingerprint from headwater_builds order by build_id desc limit 1"
        ).to_pylist()
        return LastBuild(**rows[0]) if rows else None

    def _number(self, sql: str) -> int:
        return int(self._warehouse.query(sql).column(0)[0].as_py())

    def _now(self) -> pa.ChunkedArray:
        return self._warehouse.query("select cast(now() at time zone 'UTC' as timestamp) as now")["now"]


def why_full(full_refresh: bool, last: LastBuild | None, wanted: str) -> str:
    """Empty where an incremental build will do."""
    if full_refresh:
        return "asked for with --full-refresh"
    if last is None:
        return "the first build"
    if last.fingerprint != wanted:
        return "settings, models or exchange rates have changed"
    return ""


def build(
    settings: Settings,
    warehouse: Warehouse,
    *,
    full_refresh: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> BuildReport:
    return Builder(settings, warehouse).build(full_refresh=full_refresh, progress=progress)
