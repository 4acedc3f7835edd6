"""What a column of texts or of page addresses says of a traffic source; each distinct value is asked once."""

from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc

from headwater.event import CLICK_IDS, TRAFFIC, tidy
from headwater.sources.entries import distinct

LOWERED = ("source", "medium")


def tidied(name: str, texts: pa.Array) -> pa.Array:
    """A column of TRAFFIC, or a click id, without blanks around it and without words for nothing."""
    lowered = name.removeprefix("first_user_") in LOWERED
    return distinct(texts, lambda text: tidy(text, lowered=lowered))


def in_query(page_locations: pa.Array) -> dict[str, pa.Array]:
    """By canonical name, what the pages' queries say; names that none of them holds are left out."""
    queries = pc.struct_field(pc.extract_regex(page_locations, r"^[^?#]*\?(?P<query>[^#]*)"), "query")
    places = pc.indices_nonzero(pc.is_valid(queries))
    if not len(places):
        return {}
    encoded = queries.take(places).dictionary_encode()
    asked = pc.binary_join_element_wise("&", encoded.dictionary, "")
    back = pa.nulls(len(page_locations), pa.int32())
    mask = pc.is_valid(queries)
    back = pc.replace_with_mask(back, mask, encoded.indices)
    found = {}
    for name in (*TRAFFIC, *CLICK_IDS):
        key = name if name in CLICK_IDS else f"utm_{name}"
        given = pc.struct_field(pc.extract_regex(asked, f"&{key}=(?P<given>[^&]*)"), "given")
        if given.null_count == len(given):
            continue
        values = tidied(name, distinct(given, decoded))
        if values.null_count < len(values):
            found[name] = values.take(back)
    return found


def decoded(given: str) -> str:
    """A value of a query in plain text; one that hides a NUL or is not UTF-8 stays as it stands."""
    try:
        plain = unquote_plus(given, errors="strict")
    except UnicodeDecodeError:
        return given
    return given if "\0" in plain else plain
