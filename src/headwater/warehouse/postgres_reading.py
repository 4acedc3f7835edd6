"""What a statement that others have written may be on PostgreSQL, beside the read-only transaction that it runs in.

That transaction keeps the tables as they are. Where the role may do so, it lets a statement start programs on the
server (COPY … TO PROGRAM) and read its files: so a statement is read here, far enough to see that it is a query and
names nothing of that kind."""

import re
from collections.abc import Iterator

from headwater.errors import QueryError

READING = ("select", "with", "values", "table")
# fmt: off
OF_EXPLAIN = (
    "explain", "analyze", "analyse", "verbose", "costs", "settings", "generic_plan", "buffers", "wal", "timing",
    "summary", "memory", "serialize", "format", "text", "xml", "json", "yaml", "on", "off", "true", "false",
    "none", "binary",
)
# fmt: on

# What reads or writes files of the server, speaks to other servers, or runs SQL that stands in a text, where it would
# not be seen here.
OUT_OF_BOUNDS = re.compile(
    r"pg_read_file\w*|pg_read_binary_file|pg_stat_file|pg_ls_\w*dir|pg_file_\w+|pg_logdir_ls|pg_(hba|ident)_file_\w+"
    r"|(be_)?lo_(import|export)\w*|dblink\w*|query_to_xml\w*|ts_stat|ts_rewrite|crosstab\w*|connectby\w*|set_config"
)

# As PostgreSQL cuts its words. Strings with escapes are taken for what they begin with: they are refused, since where
# they end is a matter of its settings and of the line that they stand on.
_TOKEN = re.compile(
    r"""
    (?P<nothing> [ \t\n\r\f\v]+ | --[^\r\n]* )
    | (?P<comment> /\* )
    | (?P<escaped> [eE]' | [uU]&["'] )
    | (?P<string> '[^']*' | \$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?)\$ .*? \$(?P=tag)\$ )
    | "(?P<name> (?:[^"]|"")* )"
    | (?P<word> [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


def check_reading(sql: str) -> None:
    words = list(_words(sql))
    first = next((word for word in words if words[0] != "explain" or word not in OF_EXPLAIN), "")
    if first not in READING:
        raise QueryError(
            "A query is one statement that only reads: ask with a select, values, table or explain."
        )
    for word in words:
        if OUT_OF_BOUNDS.fullmatch(word):
            raise QueryError(
                f"A query only reads tables, and {word} reaches further: leave it out, or ask the server with psql."
            )


def _words(sql: str) -> Iterator[str]:
    """Names and key words, as they count: small letters where they are not quoted."""
    place = 0
    while found := _TOKEN.match(sql, place):
        place = found.end()
        if found["comment"]:
            place = _behind_comment(sql, place)
        elif found["escaped"]:
            raise QueryError(
                f"A query has no strings with escapes ({found[0]}…): write the characters themselves."
            )
        elif found["name"] is not None:
            yield found["name"]
        elif found["word"]:
            yield found["word"].lower()


def _behind_comment(sql: str, place: int) -> int:
    """They stand inside each other."""
    depth = 1
    for found in re.finditer(r"/\*|\*/", sql[place:]):
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return place + found.end()
    return len(sql)
