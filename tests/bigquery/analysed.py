"""Whatever the warehouse sends to BigQuery, read by Google's analyser: what the stand-in takes, BigQuery has to take.

Statements are remembered as they are sent, with the tables that stood by then, and read when their test is over."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from bigquery.standing import KINDS, Columns, Standing, filtered
from bigquery.standins.zetasql import ZetaSql
from google.cloud import bigquery

from headwater.warehouse.bigquery_jobs import Jobs

WORD = re.compile(r"\w+")
LITERAL = re.compile(r"'[^'\n]*'")
NUMBER = re.compile(r"\b[0-9a-f]{32}\b|[0-9]")
ALONE = re.compile(r"\b[0-9]+\b")


@dataclass(frozen=True)
class Sent:
    sql: str
    parameters: dict[str, str]
    dataset: str
    session: str | None
    tables: dict[str, Columns]
    words: set[str]

    def key(self, temporary: Mapping[str, Any]) -> tuple[Any, ...]:
        """The same for statements that differ in the name of their dataset, or in numbers and what is in quotes."""
        live = re.compile(rf"\b{self.dataset.rpartition('.')[2]}(?=_build\b|\b)")

        def plainly(text: str) -> str:
            return live.sub("live", text)

        literals = LITERAL.sub(lambda found: NUMBER.sub("0", found[0]), plainly(self.sql))
        return (
            ALONE.sub("0", literals),
            *sorted(self.parameters.items()),
            *sorted((plainly(name), *columns.items()) for name, columns in self.tables.items()),
            *sorted((name, str(columns)) for name, columns in temporary.items()),
        )


class Analysed:
    def __init__(self, client: bigquery.Client, zetasql: ZetaSql) -> None:
        self._zetasql = zetasql
        self._standing = Standing(client)
        self._sent: list[Sent] = []
        self._answers: dict[tuple[Any, ...], tuple[str | None, dict[str, Any]]] = {}
        self._temporary: dict[str, dict[str, Any]] = {}  # what each session has made for itself

    @contextmanager
    def listening(self) -> Iterator["Analysed"]:
        with self._standing.listening(), pytest.MonkeyPatch.context() as patched:
            for name in ("run", "dry_run"):
                patched.setattr(Jobs, name, self._listened(getattr(Jobs, name)))
            yield self

    def _listened(self, send: Any) -> Any:
        def listened(jobs: Jobs, sql: str, parameters: Sequence[Any] = (), *rest: Any, **named: Any) -> Any:
            words, live = set(WORD.findall(sql)), jobs.dataset.rpartition(".")[2]
            tables = self._standing.named(words, live)
            types = {one.name: kind(one.to_api_repr()["parameterType"]) for one in parameters}
            job = send(jobs, sql, parameters, *rest, **named)
            self._standing.hear(sql, live)
            self._sent.append(Sent(sql, types, jobs.dataset, jobs.session, tables, words))
            return job

        return listened

    def refused(self) -> dict[str, str]:
        """The statements since this was last asked that the analyser does not take, and why."""
        sent, self._sent = self._sent, []
        return {one.sql: reason for one in sent if (reason := self._read(one))}

    def _read(self, sent: Sent) -> str | None:
        made = self._temporary.setdefault(sent.session, {}) if sent.session else {}
        named = {name: made[name] for name in made.keys() & sent.words}
        key = sent.key(named)
        if key not in self._answers:
            catalogue = self._zetasql.catalogue(sent.tables, sent.dataset)
            catalogue.temporary, catalogue.filtered = dict(named), filtered(sent.tables)
            reason = self._zetasql.pass_through(sent.sql, catalogue, sent.parameters)
            self._answers[key] = reason, catalogue.temporary
        reason, left = self._answers[key]
        for name in named:
            del made[name]
        made.update(left)
        return reason


def kind(told: Mapping[str, Any]) -> str:
    """A parameter's type as SQL writes it."""
    if told["type"] == "ARRAY":
        return f"ARRAY<{kind(told['arrayType'])}>"
    if told["type"] == "STRUCT":
        fields = ", ".join(f"{field['name']} {kind(field['type'])}" for field in told["structTypes"])
        return f"STRUCT<{fields}>"
    return KINDS.get(told["type"], told["type"])
