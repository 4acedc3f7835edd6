"""Types as BigQuery writes them (`ARRAY<STRUCT<key STRING, value INT64>>`), and ZetaSQL's."""

import re
from typing import Any

from bigquery.standins.zetasql.server import Server

KINDS = {
    "BIGNUMERIC": "TYPE_BIGNUMERIC",
    "BOOL": "TYPE_BOOL",
    "BYTES": "TYPE_BYTES",
    "DATE": "TYPE_DATE",
    "DATETIME": "TYPE_DATETIME",
    "FLOAT64": "TYPE_DOUBLE",
    "INT64": "TYPE_INT64",
    "INTERVAL": "TYPE_INTERVAL",
    "JSON": "TYPE_JSON",
    "NUMERIC": "TYPE_NUMERIC",
    "STRING": "TYPE_STRING",
    "TIME": "TYPE_TIME",
    "TIMESTAMP": "TYPE_TIMESTAMP",
}
ALIASES = {
    "BOOLEAN": "BOOL",
    "FLOAT": "FLOAT64",
    "INTEGER": "INT64",
    "BIGDECIMAL": "BIGNUMERIC",
    "DECIMAL": "NUMERIC",
}
TOKEN = re.compile(r"\s*(`[^`]*`|\w+|[<>,()])")


class Types:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._kinds = server.enum("TypeKind")
        self._names = {self._kinds[kind]: name for name, kind in KINDS.items()}

    def of(self, text: str) -> Any:
        tokens = TOKEN.findall(text)
        found = self._read(tokens)
        if tokens:
            raise ValueError(f"not a type of BigQuery: {text}")
        return found

    def _read(self, tokens: list[str]) -> Any:
        name = tokens.pop(0).upper()
        proto = self._server.message("TypeProto")
        if name == "ARRAY":
            proto.type_kind = self._kinds["TYPE_ARRAY"]
            self._take(tokens, "<")
            proto.array_type.element_type.CopyFrom(self._read(tokens))
            self._take(tokens, ">")
        elif name == "STRUCT":
            proto.type_kind = self._kinds["TYPE_STRUCT"]
            proto.struct_type.SetInParent()
            self._take(tokens, "<")
            while True:
                named = len(tokens) > 1 and tokens[1] not in "<>,("
                field = tokens.pop(0).strip("`") if named else ""
                proto.struct_type.field.add(field_name=field, field_type=self._read(tokens))
                if tokens[0] != ",":
                    break
                tokens.pop(0)
            self._take(tokens, ">")
        else:
            proto.type_kind = self._kinds[KINDS[ALIASES.get(name, name)]]
            if tokens and tokens[0] == "(":  # a length or a precision: of the column, not of the type
                del tokens[: tokens.index(")") + 1]
        return proto

    def _take(self, tokens: list[str], expected: str) -> None:
        if tokens.pop(0) != expected:
            raise ValueError(f"expected {expected} in a type")

    def text(self, proto: Any) -> str:
        if proto.HasField("array_type"):
            return f"ARRAY<{self.text(proto.array_type.element_type)}>"
        if proto.HasField("struct_type"):
            fields = (
                f"{field.field_name} {self.text(field.field_type)}".strip()
                for field in proto.struct_type.field
            )
            return f"STRUCT<{', '.join(fields)}>"
        return self._names[proto.type_kind]
