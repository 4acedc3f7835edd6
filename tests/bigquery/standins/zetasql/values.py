"""Values of Python, as google-cloud-bigquery gives them, and ZetaSQL's."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

from bigquery.standins.zetasql.server import Server

SCALES = {"TYPE_NUMERIC": 9, "TYPE_BIGNUMERIC": 38}
EXACT = Context(prec=100)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Values:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._kinds = {number: name for name, number in server.enum("TypeKind").items()}

    def proto(self, value: Any, kind: Any) -> Any:
        proto = self._server.message("ValueProto")
        if value is None:
            return proto
        match self._kinds[kind.type_kind]:
            case "TYPE_ARRAY":
                proto.array_value.SetInParent()
                proto.array_value.element.extend(
                    self.proto(item, kind.array_type.element_type) for item in value
                )
            case "TYPE_STRUCT":
                proto.struct_value.SetInParent()
                fields = kind.struct_type.field
                items = [value[f.field_name] for f in fields] if isinstance(value, Mapping) else list(value)
                proto.struct_value.field.extend(
                    self.proto(item, field.field_type) for item, field in zip(items, fields, strict=True)
                )
            case "TYPE_INT64":
                proto.int64_value = value
            case "TYPE_BOOL":
                proto.bool_value = value
            case "TYPE_DOUBLE":
                proto.double_value = value
            case "TYPE_STRING":
                proto.string_value = value
            case "TYPE_BYTES":
                proto.bytes_value = value
            case "TYPE_DATE":
                proto.date_value = (value - EPOCH.date()).days
            case "TYPE_TIMESTAMP":
                proto.timestamp_value.FromMicroseconds((value - EPOCH) // MICROSECOND)
            case "TYPE_DATETIME":
                proto.datetime_value.bit_field_datetime_seconds = (
                    value.year << 26 | value.month << 22 | value.day << 17 | _time_bits(value)
                )
                proto.datetime_value.nanos = value.microsecond * 1000
            case "TYPE_TIME":
                proto.time_value = _time_bits(value) << 30 | value.microsecond * 1000
            case "TYPE_NUMERIC" | "TYPE_BIGNUMERIC" as name:
                scaled = int(Decimal(value).scaleb(SCALES[name], EXACT))
                content = scaled.to_bytes(scaled.bit_length() // 8 + 1, "little", signed=True)
                setattr(proto, "numeric_value" if name == "TYPE_NUMERIC" else "bignumeric_value", content)
            case "TYPE_JSON":
                proto.json_value = json.dumps(value)
            case name:
                raise ValueError(f"no value of {name} can be given")
        return proto

    def python(self, proto: Any, kind: Any) -> Any:
        which = proto.WhichOneof("value")
        if which is None:
            return None
        value = getattr(proto, which)
        match self._kinds[kind.type_kind]:
            case "TYPE_ARRAY":
                return [self.python(item, kind.array_type.element_type) for item in value.element]
            case "TYPE_STRUCT":
                pairs = zip(kind.struct_type.field, value.field, strict=True)
                return {field.field_name: self.python(item, field.field_type) for field, item in pairs}
            case "TYPE_DATE":
                return EPOCH.date() + timedelta(days=value)
            case "TYPE_TIMESTAMP":
                return EPOCH + value.ToMicroseconds() * MICROSECOND
            case "TYPE_DATETIME":
                bits = value.bit_field_datetime_seconds
                day = date(bits >> 26, bits >> 22 & 15, bits >> 17 & 31)
                return datetime.combine(day, _time(bits & (1 << 17) - 1, value.nanos))
            case "TYPE_TIME":
                return _time(value >> 30, value & (1 << 30) - 1)
            case "TYPE_NUMERIC" | "TYPE_BIGNUMERIC" as name:
                return Decimal(int.from_bytes(value, "little", signed=True)).scaleb(-SCALES[name], EXACT)
            case "TYPE_JSON":
                return json.loads(value)
            case _:
                return value


def _time_bits(value: datetime | time) -> int:
    return value.hour << 12 | value.minute << 6 | value.second


def _time(bits: int, nanos: int) -> time:
    return time(bits >> 12, bits >> 6 & 63, bits & 63, nanos // 1000)
