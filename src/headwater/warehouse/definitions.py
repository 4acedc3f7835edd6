"""How tables and views are made where an engine takes a definition back with its transaction."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from headwater.warehouse.protocol import Kind, Parameter


class Definitions(ABC):
    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Parameter] = ()) -> None: ...

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]: ...

    @contextmanager
    def redefining(self, define: Callable[[], None]) -> Iterator[None]:
        with self.transaction():
            define()
            yield

    def make(self, kind: Kind, place: str, sql: str, *, anew: bool = False) -> None:
        self.execute(f"create {'or replace ' if anew else ''}{kind} {place} as {sql}")

    def make_schema(self, schema: str) -> None:
        self.execute(f"create schema if not exists {schema}")

    def make_like(self, target: str, source: str) -> None:
        self.execute(f"create table if not exists {target} as select * from {source} where false")

    def unmake(self, made: Sequence[tuple[Kind, str]]) -> None:
        for kind, place in made:
            self.execute(f"drop {kind} if exists {place} cascade")

    def quoted(self, name: str) -> str:
        return f'"{name}"'
