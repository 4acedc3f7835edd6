"""What BigQuery refuses dbt, which keeps only the words of an error: the same sentences as of our own statements."""

import re

from headwater.errors import BuildError, HeadwaterError, QueryError
from headwater.warehouse.bigquery_errors import Kind, in_words, is_over_limit, told, too_many_bytes

# dbt's own words, before and after
FRAME = re.compile(r"^(\w+ Error( in [\w ]+ \(.*?\))? )+")
BEHIND = re.compile(r" compiled code at \S+$")
KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"default credentials were not found|DefaultCredentialsError"), "no credentials"),
    (re.compile(r"Unable to generate access token|invalid_grant"), "credentials of old"),
    (re.compile(r"invalid authentication credentials|^401 "), "wrong credentials"),
    (
        re.compile(
            r"(^|last exception: )(429|5\d\d(?<!501)) |; reason: (job)?(backend|internal)Error|"
            r"^Timeout of [\d.]+s exceeded|Connection aborted|Connection refused|Connection reset|"
            r"ConnectionPool\(|Read timed out"
        ),
        "passing",
    ),
    (
        re.compile(
            r"^(403 .*)?Access Denied|does not have (\S+ )?permission|Permission \S+ denied|accessNotConfigured|"
            r"has not been used in project|illing has not been enabled|not allowed in the free tier"
        ),
        "refused",
    ),
)


def of_dbt(message: str, url: str) -> HeadwaterError | None:
    """None where the statement itself is at fault."""
    framed = BEHIND.sub("", FRAME.sub("", message))
    kind: Kind = next((kind for words, kind in KINDS if words.search(framed)), "")
    text = in_words(framed)
    if is_over_limit(text):
        return BuildError(too_many_bytes(text))
    found = told(kind, text, url)
    return None if isinstance(found, QueryError) else found
