"""Questions to the warehouse, with what users typed or events brought as parameters."""

from typing import Any

from headwater.warehouse.bound import Bound
from headwater.warehouse.protocol import Reader

Row = dict[str, Any]


class Ask(Bound):
    def rows(self, warehouse: Reader, sql: str) -> list[Row]:
        found: list[Row] = self.run(warehouse, sql).to_pylist()
        return found
