"""The tables and views of a dataset: which there are, headwater's own made ready, and the whole set aside."""

from google.api_core import exceptions
from google.cloud import bigquery

from headwater.warehouse import bigquery_schema
from headwater.warehouse.bigquery_connection import Connection
from headwater.warehouse.bigquery_place import move_tables
from headwater.warehouse.protocol import Kind


class Tables(Connection):
    def _make_ready(self) -> None:
        days = self._options.retention_days
        if self._names(self.schema).keys() < set(bigquery_schema.TABLES):
            self._jobs.run(";\n".join(bigquery_schema.statements()))
        for statement in bigquery_schema.additions(lambda table: self.columns(self.schema, table)):
            self._jobs.run(statement)
        if bigquery_schema.retention(self._client.get_table(f"{self.schema}.events_streaming")) != days:
            self._jobs.run(bigquery_schema.expiry(days))

    def set_aside(self, label: str) -> str | None:
        """What headwater has written goes to a dataset of its own; a full build makes anew what is published."""
        with self._translated():
            return move_tables(
                self._client, self.schema, f"{self.schema}_before_{label}", bigquery_schema.TABLES
            )

    def tables(self) -> list[str]:
        with self._translated():
            return sorted(name for name in self._names(self.schema) if not name.startswith("headwater_"))

    def relations(self, schema: str) -> dict[str, Kind]:
        with self._translated():
            return self._names(schema)

    def _names(self, schema: str) -> dict[str, Kind]:
        try:
            found = list(self._client.list_tables(f"{self._project}.{schema}"))
        except exceptions.NotFound:
            return {}
        return {one.table_id: "view" if one.table_type == "VIEW" else "table" for one in found}

    def columns(self, schema: str, table: str) -> list[str]:
        with self._translated():
            try:
                found = self._client.get_table(f"{self._project}.{schema}.{table}")
            except exceptions.NotFound:
                return []
            return [field.name for field in found.schema]

    def make_like(self, target: str, source: str) -> None:
        """With its partitions and clusters, which `create table as` would lose."""
        with self._translated():
            model = self._client.get_table(f"{self._project}.{source}")
            table = bigquery.Table(f"{self._project}.{target}", schema=model.schema)
            table.time_partitioning, table.range_partitioning = (
                model.time_partitioning,
                model.range_partitioning,
            )
            table.clustering_fields, table.description = model.clustering_fields, model.description
            self._client.create_table(table, exists_ok=True)
