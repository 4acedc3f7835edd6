"""Where the pages ask. One process serves one API, so it is told once, before the first page is shown."""

from headwater.dashboard.client import Api

_api: Api | None = None


def ask_at(url: str, token: str | None = None) -> None:
    global _api
    _api = Api(url, token)


def api() -> Api:
    if _api is None:
        raise RuntimeError("No page is shown before `ask_at`.")
    return _api
