"""The doors as one application."""

import logging
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException, NotFoundException

from headwater.collect import about, canonical_events, gtag, mp
from headwater.collect.answers import Failure, Problem, Refused
from headwater.collect.door import Door

_log = logging.getLogger(__name__)
_DOORS = f"POST {canonical_events.PATH}, POST {mp.PATH}, GET or POST {gtag.PATH}"


def create_app(door: Door, journal: Path | None) -> Litestar:
    return Litestar(
        route_handlers=[
            *mp.routes(door),
            *gtag.routes(door),
            *canonical_events.routes(door),
            *about.routes(door, journal),
        ],
        exception_handlers={HTTPException: _not_here, Exception: _unforeseen},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # each door reads no more than collect.max_body_mb
    )


def _not_here(request: Request[Any, Any, Any], error: HTTPException) -> Response[Failure]:
    if isinstance(error, NotFoundException):
        return _told(Refused("not_found", f"There is no such door; there are {_DOORS}."))
    return _told(Refused("malformed", "The request cannot be read."))


def _unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[Failure]:
    """A mistake of ours. The log names the place alone: the error's own words may hold what was sent."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "nowhere"
    _log.error("%s failed unforeseen: %s at %s", request.scope["path"], type(error).__name__, place)
    return _told(Refused("unavailable", "Something unforeseen happened; send the request again."))


def _told(refused: Refused) -> Response[Failure]:
    return Response(Failure(Problem(refused.kind, str(refused))), status_code=refused.status)
