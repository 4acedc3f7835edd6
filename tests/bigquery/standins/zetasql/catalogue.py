"""The tables, functions and variables that a statement can name."""

from collections.abc import Mapping
from typing import Any

from bigquery.standins.zetasql.language import PROCEDURES
from bigquery.standins.zetasql.server import Server
from bigquery.standins.zetasql.types import Types

Tables = Mapping[str, Mapping[str, str]]
SESSION = "_SESSION."


class Catalogue:
    """Tables by `project.dataset.table`, a wildcard by its own name (`project.dataset.events_*`), and their columns.

    A statement may name a table from its dataset on, and in the default dataset by its name alone. In backticks,
    several parts can be one identifier: `project.dataset`.table.
    """

    def __init__(
        self, server: Server, types: Types, builtin: Any, tables: Tables, default_dataset: str | None = None
    ) -> None:
        self._server = server
        self._types = types
        self._builtin = builtin
        self._default_dataset = default_dataset
        self._tables: dict[str, dict[str, Any]] = {}
        self.temporary: dict[str, dict[str, Any]] = {}  # a session's own
        self.filtered: Mapping[str, str] = {}  # tables with require_partition_filter, and the column to name
        self._functions: list[Any] = []
        self.variables: dict[str, Any] = {}
        for name, columns in tables.items():
            self.add_table(name, {column: types.of(kind) for column, kind in columns.items()})

    def add_table(self, name: str, columns: dict[str, Any], temporary: bool = False) -> None:
        if temporary:
            self.temporary[own_name(name)] = columns
        else:
            self._tables[self._full_name(name)] = columns

    def is_temporary(self, name: str) -> bool:
        return own_name(name) in self.temporary

    def drop_table(self, name: str) -> None:
        if self.temporary.pop(own_name(name), None) is None:
            self._tables.pop(self._full_name(name), None)

    def add_function(self, name: str, signature: Any, *, aggregate: bool) -> None:
        mode = self._server.enum("FunctionEnums.Mode")["AGGREGATE" if aggregate else "SCALAR"]
        function = self._server.message("FunctionProto", name_path=name.split("."), group="user", mode=mode)
        function.signature.append(signature)
        self._functions.append(function)

    def _full_name(self, name: str) -> str:
        """The name from the project on: as it was first given, where a statement leaves parts out."""
        if "." not in name and self._default_dataset:
            return f"{self._default_dataset}.{name}"
        if name.count(".") == 1 and self._default_dataset and self._default_dataset.count("."):
            return f"{self._default_dataset.split('.')[0]}.{name}"
        return next((known for known in self._tables if known.endswith(f".{name}")), name)

    def written_names(self) -> dict[str, str]:
        """Every way to write the name of a table, and its whole name."""
        return {".".join(path): name for path, (name, _) in self._names().items()}

    def kept_by(self) -> dict[str, str]:
        """The column that a statement has to filter, by every way to write the name of its table."""
        if not self.filtered:
            return {}
        return {
            written: self.filtered[name]
            for written, name in self.written_names().items()
            if name in self.filtered
        }

    def _names(self) -> dict[tuple[str, ...], tuple[str, dict[str, Any]]]:
        """Every path by which a table can be named."""
        names: dict[tuple[str, ...], tuple[str, dict[str, Any]]] = {}
        for name, columns in self._tables.items():
            parts = name.split(".")
            for start in range(max(1, len(parts) - 1)):
                for path in _groupings(parts[start:]):
                    names[path] = (name, columns)
            if self._default_dataset and name == f"{self._default_dataset}.{parts[-1]}":
                names[(parts[-1],)] = (name, columns)
        for name, columns in self.temporary.items():
            for path in ((name,), *_groupings(["_SESSION", name])):
                names[path] = (name, columns)
        return names

    def proto(self) -> Any:
        root = self._server.message("SimpleCatalogProto", name="root", builtin_function_options=self._builtin)
        catalogs = {(): root}
        numbers: dict[str, int] = {}
        for path, (name, columns) in self._names().items():
            for depth in range(1, len(path)):
                if path[:depth] not in catalogs:
                    catalogs[path[:depth]] = catalogs[path[: depth - 1]].catalog.add(name=path[depth - 1])
            table = catalogs[path[:-1]].table.add(
                name=path[-1],
                full_name=".".join(path),
                serialization_id=len(numbers) + 1,
            )
            numbers[".".join(path)] = table.serialization_id
            for column, kind in columns.items():
                table.column.add(name=column, type=kind)
            if name.endswith("*"):
                table.column.add(name="_TABLE_SUFFIX", type=self._types.of("STRING"), is_pseudo_column=True)
        for name, kind in self.variables.items():
            root.constant.add(name_path=[name], type=kind).value.SetInParent()
        root.custom_function.extend(self._functions)
        for name in PROCEDURES:
            dataset, _, procedure = name.partition(".")
            made = root.catalog.add(name=dataset).procedure.add(name_path=[procedure])
            made.signature.return_type.type.CopyFrom(self._types.of("INT64"))  # which nobody sees
        return root


def own_name(name: str) -> str:
    """A temporary table's, without the dataset that stands for its session."""
    return name[len(SESSION) :] if name.upper().startswith(SESSION) else name


def _groupings(parts: list[str]) -> list[tuple[str, ...]]:
    """a.b.c: (a, b, c), (a.b, c), (a, b.c), (a.b.c)."""
    if len(parts) == 1:
        return [(parts[0],)]
    return [
        grouping
        for rest in _groupings(parts[1:])
        for grouping in ((parts[0], *rest), (f"{parts[0]}.{rest[0]}", *rest[1:]))
    ]
