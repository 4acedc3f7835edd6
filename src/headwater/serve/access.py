"""Who may ask: on this machine everybody who names it, from elsewhere whoever has a key."""

import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]
HERE = ("127.0.0.1", "localhost", "::1")


def reading(is_local: bool, is_key: Callable[[str], bool]) -> Guard:
    """A page that is served under a name of its own, which it points to this machine, is not asked from here: the
    browser names it as the host."""

    def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if is_local:
            if _name_of(connection.headers.get("host", "")) not in HERE:
                raise PermissionDeniedException(
                    "Ask for this machine by its own name, 127.0.0.1 or localhost."
                )
        elif not is_key(bearer(connection)):
            raise NotAuthorizedException(
                "The API wants `Authorization: Bearer KEY` with a key of `headwater keys add --read`."
            )

    return check


def working(token: str) -> Guard:
    """Whoever can read the home has the token; a web page that this machine's browser shows has not."""

    def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        given = bearer(connection).encode()
        if not handler.opt.get("open") and not hmac.compare_digest(given, token.encode()):
            raise NotAuthorizedException("The engine wants the token that lies in engine.json of its home.")

    return check


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # such as a bracket that is not closed
        return None


def bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    kind, _, secret = connection.headers.get("authorization", "").partition(" ")
    return secret if kind.lower() == "bearer" else ""
