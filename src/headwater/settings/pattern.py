"""Which regular expressions mean the same on Python, DuckDB, PostgreSQL and BigQuery."""

import re
import warnings

_TOKEN = re.compile(
    r"""(?P<escape>\\.?)            # one escaped character
      | (?P<count>\{\d+(?:,\d*)?\})
      | (?P<quantifier>[*+?])
      | (?P<group>\(\?)
      | (?P<class>\[\^?\]?(?:\\.|[^\\\]])*\]?)
      | (?P<brace>\{)
      | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_INSTEAD = {
    "w": "[a-z0-9_]",
    "W": "[^a-z0-9_]",
    "D": "[^0-9]",
    "S": "[^ ]",
    "b": "(^|[^a-z0-9])",
    "A": "^",
    "Z": "$",
    "z": "$",
}
_MOST_REPEATS = 255  # PostgreSQL's limit, the lowest of the four


def check_pattern(pattern: str) -> None:
    """Raises a ValueError that says what some engine would read differently, or not at all."""
    if not pattern:
        raise ValueError("it is empty and would match everything; leave the key out instead")
    previous = ""
    for token in _TOKEN.finditer(pattern):
        kind, text = token.lastgroup or "", token[0]
        if kind == "escape":
            _check_escape(text)
        elif kind == "group":
            raise ValueError("it has a (?…) group, which not every warehouse knows; use plain (…)")
        elif kind == "class":
            _check_class(text)
        elif kind == "brace":
            raise ValueError("it has a { that is no count such as {2} or {2,5}; write \\{ for the character")
        elif kind == "quantifier" and previous in ("quantifier", "count"):
            raise ValueError(f"it has a lazy or possessive quantifier before {pattern[: token.end()]!r} ends")
        elif kind == "count" and max(int(n) for n in re.findall(r"\d+", text)) > _MOST_REPEATS:
            raise ValueError(f"it repeats more than {_MOST_REPEATS} times in {text}")
        previous = kind
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python warns of syntax whose meaning is going to change
            re.compile(pattern, re.IGNORECASE)
    except (re.error, Warning) as error:
        raise ValueError(f"it is not a regular expression: {error}") from None


def _check_escape(text: str) -> None:
    name = text[1:]
    if name.isdigit():
        raise ValueError(f"it has the backreference {text}, which not every warehouse knows")
    if name.isalnum() and name not in "ds":
        instead = f"; write {_INSTEAD[name]} instead" if name in _INSTEAD else ""
        raise ValueError(f"it has {text}, which warehouses read differently{instead}")


def _check_class(text: str) -> None:
    for escape in re.findall(r"\\.", text, re.DOTALL):
        _check_escape(escape)
    if "[" in re.sub(r"\\.", "", text[1:]):
        raise ValueError(f"it has a [ inside of {text}; write \\[ for the character")
