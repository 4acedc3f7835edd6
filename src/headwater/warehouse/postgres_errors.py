"""What PostgreSQL and its driver refuse, as one of our errors."""

import re

from headwater.errors import (
    DiskFull,
    HeadwaterError,
    QueryError,
    UnknownTable,
    WarehouseError,
    WarehouseLocked,
    WarehouseUnavailable,
)


def without_password(url: str) -> str:
    """Hides too much rather than too little: a URL that is written wrongly holds its password at odd places."""
    hidden = re.sub(r"(?<=://)([^:@/?#]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"(?i)(?<=[?&])(password|sslpassword)=[^&]*", r"\1=***", hidden)


def translate(error: Exception, url: str) -> HeadwaterError:
    """ADBC's error as one of ours: by SQLSTATE where there is one, else it happened on the way in."""
    shown, state = without_password(url), getattr(error, "sqlstate", None) or ""
    text = str(error).split("Query was:")[0].split(". SQLSTATE")[0].split("ERROR:")[-1].split("\nLINE ")[0]
    text = " ".join(text.split())
    if not state and "failed to connect" in text.lower():
        return not_connected(text.split("Failed to connect:")[-1].strip(), shown)
    if state.startswith("53") and state != "53300":
        return DiskFull(
            f"The PostgreSQL at {shown} has no room left: free some space and run the same command again. ({text})"
        )
    is_cut_off = not state and re.search("connection|could not (receive|send) data", text, re.IGNORECASE)
    if state.startswith(("08", "57P")) or state == "53300" or is_cut_off:
        return unavailable(text, shown)
    if state in ("55P03", "40P01", "40001"):
        return WarehouseLocked(
            f"The PostgreSQL at {shown} is busy with another headwater: try again when it is done."
        )
    if state == "25006":
        return QueryError(f"A query only reads, and PostgreSQL says: {text}. Ask with a select.")
    if state.startswith("28") or state in ("3D000", "42501"):
        return refused(text, shown)
    missing = re.search(r'relation "([^"]+)" does not exist', text)
    if state == "42P01" and missing:
        return UnknownTable(missing[1])
    return QueryError(f"PostgreSQL cannot run this SQL: {text}. Correct it and try again.")


def not_connected(text: str, shown: str) -> HeadwaterError:
    """libpq has no SQLSTATE for this: three kinds of mistakes, told apart by its words."""
    if "FATAL:" in text:  # the server has answered
        said = text.split("FATAL:")[-1].strip()
        is_passing = (
            "starting up" in said
            or "shutting down" in said
            or "too many" in said
            or "remaining connection" in said
        )
        return unavailable(said, shown) if is_passing else refused(said, shown)
    if "no password supplied" in text:
        return refused(text, shown)
    if text.startswith(("invalid", "missing", "unexpected", "forbidden", "extra key", "end of string")):
        # its words are left out: they can hold a piece of the password
        return WarehouseError(
            f"warehouse.url ({shown}) cannot be read: write special characters of user, password and database "
            "percent-encoded (@ is %40, / is %2F, % is %25), and use only parameters that PostgreSQL knows."
        )
    return unavailable(text, shown)


def unavailable(text: str, shown: str) -> WarehouseUnavailable:
    return WarehouseUnavailable(
        f"The PostgreSQL at {shown} does not answer: check that it runs and that warehouse.url is right. ({text})"
    )


def refused(text: str, shown: str) -> WarehouseError:
    return WarehouseError(
        f"The PostgreSQL at {shown} refuses: {text}. Check user, password, database and rights."
    )
