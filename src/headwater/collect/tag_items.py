"""The items of a tag's hit: `idSKU~nmName~pr10~k0colour~v0red`, a code of two characters before each value."""

import re
from typing import Any

_FIELDS = {
    "id": "item_id",
    "nm": "item_name",
    "br": "item_brand",
    "ca": "item_category",
    "c2": "item_category2",
    "c3": "item_category3",
    "c4": "item_category4",
    "c5": "item_category5",
    "va": "item_variant",
    "pr": "price",
    "qt": "quantity",
    "cp": "coupon",
    "ds": "discount",
    "af": "affiliation",
    "lp": "index",
    "li": "item_list_id",
    "ln": "item_list_name",
    "lo": "location_id",
    "pi": "promotion_id",
    "pn": "promotion_name",
    "cn": "creative_name",
    "cs": "creative_slot",
}
_NUMBERS = frozenset(("price", "quantity", "discount", "index"))
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_PART = re.compile(r"(?:[^~]|~~)++")  # a `~` of a value's own is written twice


def item_of(coded: str) -> dict[str, Any]:
    item: dict[str, Any] = {}
    keys: dict[str, str] = {}
    for part in _PART.findall(coded):
        code, value = part[:2], part[2:].replace("~~", "~")
        if code[:1] == "k" and code[1:].isalnum():
            keys[code[1:]] = value
        elif code[:1] == "v" and code[1:] in keys:
            item[keys[code[1:]]] = value
        else:
            name = _FIELDS.get(code, code)
            item[name] = number_of(value) if name in _NUMBERS else value
    return item


def number_of(value: str) -> Any:
    """The number that a text is; any other text as it is."""
    if not _NUMBER.fullmatch(value):
        return value
    return float(value) if "." in value else int(value)
