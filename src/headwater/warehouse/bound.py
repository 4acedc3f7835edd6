"""The way in which a text, a number or a time gets into a statement: as a parameter, never as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from headwater.warehouse.protocol import Parameter, Reader, Warehouse


@dataclass
class Bound:
    """The parameters of one statement, in the order of their numbers: call it where the value would stand."""

    values: list[Parameter] = field(default_factory=list)

    def __call__(self, value: Parameter) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def among(self, column: str, values: Sequence[Parameter]) -> str:
        return f"{column} in ({', '.join(map(self, values))})"

    def execute(self, warehouse: Warehouse, sql: str) -> None:
        warehouse.execute(sql, self.values)

    def run(self, reader: Reader, sql: str) -> pa.Table:
        return reader.query(sql, self.values)
