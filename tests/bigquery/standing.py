"""The tables that stand in BigQuery, with their columns as SQL writes their types."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from headwater.warehouse.protocol import RAW_TABLES

Columns = dict[str, str]

KINDS = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
LIST_OF_TABLES = {"table_id": "STRING", "last_modified_time": "INT64", "type": "INT64"}  # __TABLES__
DEFINED = re.compile(
    r"\b(?:create(?:\s+or\s+replace)?|alter|drop)\s+(?:table|view)\s+(?:if\s+(?:not\s+)?exists\s+)?([\w.`-]+)",
    re.IGNORECASE,
)
MOVED = re.compile(r"\b(?:create|drop)\s+schema\b|\brename\s+to\b", re.IGNORECASE)
CHANGES = (
    "copy_table",
    "create_dataset",
    "create_table",
    "delete_dataset",
    "delete_table",
    "load_table_from_file",
    "update_table",
)


def type_of(field: bigquery.SchemaField) -> str:
    inner = ", ".join(f"{one.name} {type_of(one)}" for one in field.fields)
    kind = f"STRUCT<{inner}>" if inner else KINDS.get(field.field_type, field.field_type)
    return f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind


def columns_of(table: bigquery.Table) -> Columns:
    return {field.name: type_of(field) for field in table.schema}


def filtered(tables: Iterable[str]) -> dict[str, str]:
    """Those that are made with require_partition_filter, and the column by which they are kept."""
    return {name: "event_timestamp" for name in tables if name.rpartition(".")[2] in RAW_TABLES}


class Standing:
    """As they were when last looked at: what any client of this process defines is looked at again."""

    def __init__(self, client: bigquery.Client) -> None:
        self._client = client
        self.forget()

    def forget(self) -> None:
        self._datasets: list[str] | None = None
        self._tables: dict[str, set[str]] = {}
        self._columns: dict[str, Columns] = {}

    def hear(self, sql: str, dataset: str = "") -> None:
        """Once the statement has run, and in the dataset to which its names belong."""
        if MOVED.search(sql):
            self.forget()
        for name in DEFINED.findall(sql):
            *places, table = name.replace("`", "").split(".")
            place = places[-1] if places else dataset
            if not place:
                self.forget()
            elif place.lower() != "_session":
                self._tables.get(place, set()).add(table)
                self._columns.pop(self._name(place, table), None)

    def named(self, words: set[str], dataset: str) -> dict[str, Columns]:
        """Those of all datasets that a statement can mean which has these words."""
        if self._datasets is None:
            self._datasets = [one.dataset_id for one in self._client.list_datasets()]
        found: dict[str, Columns] = {}
        for place in self._datasets:
            if place != dataset and place not in words:
                continue
            if "__TABLES__" in words:
                found[self._name(place, "__TABLES__")] = LIST_OF_TABLES
            for table in self._in(place) & words:
                if columns := self._of(place, table):
                    found[self._name(place, table)] = columns
        return found

    def _name(self, dataset: str, table: str) -> str:
        return f"{self._client.project}.{dataset}.{table}"

    def _in(self, dataset: str) -> set[str]:
        if dataset not in self._tables:
            try:
                found = {one.table_id for one in self._client.list_tables(dataset)}
            except exceptions.NotFound:  # it has gone meanwhile
                return set()
            self._tables[dataset] = found
        return self._tables[dataset]

    def _of(self, dataset: str, table: str) -> Columns:
        """Without any where it has gone."""
        name = self._name(dataset, table)
        if name not in self._columns:
            try:
                self._columns[name] = columns_of(self._client.get_table(name))
            except exceptions.NotFound:
                self._columns[name] = {}
        return self._columns[name]

    @contextmanager
    def listening(self) -> Iterator[None]:
        send = bigquery.Client.query

        def queried(client: bigquery.Client, query: str, *rest: Any, **named: Any) -> Any:
            try:
                return send(client, query, *rest, **named)
            finally:
                self.hear(query)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(bigquery.Client, "query", queried)
            for name in CHANGES:
                patched.setattr(bigquery.Client, name, self._changing(getattr(bigquery.Client, name)))
            yield

    def _changing(self, change: Any) -> Any:
        def changed(*rest: Any, **named: Any) -> Any:
            try:
                return change(*rest, **named)
            finally:
                self.forget()

        return changed
