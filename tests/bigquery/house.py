"""The dbt project on BigQuery as a test drives it: a product on DuckDB fills the raw tables, dbt-bigquery builds."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bigquery import raw_tables
from bigquery.standing import columns_of
from bigquery.standins.emulator import BigQueryServer
from product import Product, Row

from headwater.transform.days import ALWAYS
from headwater.transform.project import variables
from headwater.transform.publish import IN_PARTS, replaced
from headwater.transform.runner import DbtRunner, Node


class House:
    def __init__(self, server: BigQueryServer, home: Path, dataset: str, dotted: Row | None = None) -> None:
        self.dataset = dataset = server.dataset(dataset)
        self.project = server.project
        self.client = server.client()
        self._product = Product(home, "duckdb:///warehouse.duckdb", dotted)
        self._to_batch = 0
        self.output = {
            "type": "bigquery",
            **server.dbt_method,
            "project": server.project,
            "schema": f"{dataset}_build",
            "threads": 2,
        }
        self.variables = variables(self._product.settings, dataset)
        self.runner = DbtRunner(home / "dbt", self.output, self.variables)
        raw_tables.make(self.client, dataset)

    def load(self, events: Sequence[Row]) -> None:
        self._product.load(events)

    def build(self, *, full: bool, test: bool = True) -> list[Node]:
        """What has been loaded since the last build is new to this one."""
        self._to_batch = raw_tables.bring(self.client, self.dataset, self._product, from_batch=self._to_batch)
        exclude = ["unit_test", "exposure"] + ([] if test else ["test"])
        command = ["build", "--no-write-json", "--exclude-resource-type", *exclude]
        if full:
            command += ["--full-refresh", "--exclude", "scope", "--indirect-selection", "cautious"]
        return self.runner.run(command)

    def publish(self, nodes: Sequence[Node], *, full: bool) -> None:
        """As the warehouse does it, save for the transaction."""
        build, live = f"{self.dataset}_build", self.dataset
        for node in nodes:
            if node.publish not in IN_PARTS:
                continue
            table = f"{live}.{node.name}"
            if full:
                self.rows(f"create or replace table {table} as select * from {build}.{node.name}")
            else:
                self.rows(f"delete from {table} where {replaced(build, node, EVER)}")
                self.rows(f"insert into {table} select * from {build}.{node.name}")

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return [dict(row) for row in self.client.query(sql).result()]

    def schemas(self) -> dict[str, dict[str, str]]:
        """Every table that stands, with the types of its columns."""
        return {
            f"{self.project}.{dataset}.{table.table_id}": columns_of(self.client.get_table(table.reference))
            for dataset in (self.dataset, f"{self.dataset}_build")
            for table in self.client.list_tables(dataset)
        }

    def close(self) -> None:
        self._product.close()


EVER: Any = SimpleNamespace(published=ALWAYS, touched=ALWAYS)
