"""That one engine works on a database: an advisory lock, taken anew when its connection was cut."""

from typing import TYPE_CHECKING

from headwater.errors import HeadwaterError, WarehouseLocked
from headwater.warehouse.postgres_errors import without_password

if TYPE_CHECKING:
    from headwater.warehouse.postgres import PostgresWarehouse


class Lease:
    """A lock on a connection of its own, with which it ends: with the process, or when the network cuts it."""

    def __init__(self, warehouse: "PostgresWarehouse") -> None:
        self._warehouse = warehouse
        self._holder: PostgresWarehouse | None = None

    def hold(self) -> None:
        """Sees that it is still held; the call after one that failed takes it anew, unless another has it by then."""
        try:
            if self._holder:
                self._holder.execute("select 1")
            else:
                self._holder = self._warehouse.another()
                self._take(self._holder)
        except HeadwaterError:
            self.let_go()
            raise

    def let_go(self) -> None:
        if self._holder:
            self._holder.close()
        self._holder = None

    def _take(self, holder: "PostgresWarehouse") -> None:
        key = f"hashtext('headwater engine ' || '{holder.schema}')"
        if not holder.query(f"select pg_try_advisory_lock({key}) as taken")["taken"][0].as_py():
            raise WarehouseLocked(
                f"Another headwater engine works on {without_password(holder.url)}: stop it first; one warehouse has "
                "one engine."
            )
