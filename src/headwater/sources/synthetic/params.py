"""event_params: a list of keys and values per event, built key by key into flat columns."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from headwater.sources.synthetic.columns import lists, nested, nulls, number, referring, referring_to_some
from headwater.sources.synthetic.dice import Bools, Floats, Ints

TEXT, WHOLE, REAL = 0, 1, 2


@dataclass
class Params:
    """Collects the params of all events of a day; a key comes in the list where it was said."""

    texts: pa.Array
    _keys: list[str] = field(default_factory=list)
    _columns: list[tuple[int, Ints | Floats, Bools]] = field(default_factory=list)

    def say(self, key: str, kind: int, values: Ints | Floats, known: Bools) -> None:
        """TEXT values are indexes into the texts."""
        self._keys.append(key)
        self._columns.append((kind, values, known))

    def column(self) -> pa.Array:
        counts = np.zeros(len(self._columns[0][2]), np.int64)
        for _, _, known in self._columns:
            counts += known
        total = int(counts.sum())
        key = np.empty(total, np.int32)
        text = np.full(total, -1)
        whole, real = np.zeros(total, np.int64), np.zeros(total, np.float64)
        kinds = np.empty(total, np.int8)
        flat: dict[int, Ints | Floats] = {TEXT: text, WHOLE: whole, REAL: real}
        place = np.cumsum(counts) - counts
        for number_of_key, (kind, values, known) in enumerate(self._columns):
            at = place[known]
            key[at] = number_of_key
            kinds[at] = kind
            flat[kind][at] = values[known]
            place += known
        value = nested(
            {
                "string_value": referring_to_some(text, self.texts),
                "int_value": number(whole, kinds == WHOLE),
                "float_value": nulls(total, pa.float64()),
                "double_value": number(real, kinds == REAL),
            }
        )
        return lists(
            counts, nested({"key": referring(key, pa.array(self._keys, pa.string())), "value": value})
        )
