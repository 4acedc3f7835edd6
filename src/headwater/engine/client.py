"""Speaks to the engine of a home, for commands that would otherwise need the warehouse to themselves."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow as pa

from headwater import errors
from headwater.engine.address import Address
from headwater.engine.dead_letters import Chosen, Replayed
from headwater.errors import EngineUnavailable, HeadwaterError, SourceError, UnknownTable
from headwater.sources.files import expand
from headwater.sources.load import FileReport, LoadReport, Progress, all_of
from headwater.transform.build import BuildReport
from headwater.warehouse.protocol import Parameter

# a load or a full build may take as long as it needs; who answers at all answers the connection at once
PATIENT = httpx.Timeout(None, connect=5.0)
PROMPT = httpx.Timeout(10.0)
SHORT_SECONDS = 5.0  # for one load
MOST_FILES = 64  # in one


class Engine:
    def __init__(self, address: Address) -> None:
        self.url = address.url
        self._http = httpx.Client(
            base_url=address.url,
            headers={"Authorization": f"Bearer {address.token}"},
            trust_env=False,
        )

    def ask(
        self, method: str, path: str, content: Any = None, timeout: httpx.Timeout = PATIENT
    ) -> httpx.Response:
        try:
            answer = self._http.request(method, path, json=content, timeout=timeout)
        except httpx.HTTPError as error:
            raise EngineUnavailable(
                f"The engine at {self.url} does not answer ({error}): look at `headwater up`, and try again."
            ) from error
        if answer.is_error:
            raise told(answer)
        return answer

    def status(self) -> dict[str, Any]:
        return dict(self.ask("GET", "/v1/status", timeout=PROMPT).json())

    def load(
        self, paths: Sequence[Path], file_format: str, progress: Progress = lambda *_: None
    ) -> LoadReport:
        """A few files at a time, so that the tables show them as they come. Without paths the GA4 export."""
        if not paths:
            return self._load([], file_format)
        sizes = {path.absolute(): path.stat().st_size for path in expand(paths)}
        waiting, reports, together, done = list(sizes), [], 1, 0
        while waiting:
            files, waiting = waiting[:together], waiting[together:]
            progress(f"Loading {files[0].name}", done, sum(sizes.values()))
            started = time.monotonic()
            reports.append(self._load_all(files, file_format))
            done += sum(sizes[file] for file in files)
            if time.monotonic() - started < SHORT_SECONDS:  # each is followed by a tick, which has its price
                together = min(together * 2, MOST_FILES)
        return all_of(reports)

    def _load_all(self, files: Sequence[Path], file_format: str) -> LoadReport:
        """Also where one of them is gone by now."""
        try:
            return self._load(files, file_format)
        except SourceError as error:
            if len(files) == 1:
                return LoadReport.of([FileReport(files[0], error=str(error))], Counter(), [])
        return all_of([self._load_all([file], file_format) for file in files])

    def _load(self, paths: Sequence[Path], file_format: str) -> LoadReport:
        wanted = {"paths": [str(path) for path in paths], "format": file_format}
        return msgspec.json.decode(
            self.ask("POST", "/v1/load", wanted).content, type=LoadReport, dec_hook=made
        )

    def build(self, *, full_refresh: bool) -> BuildReport:
        answer = self.ask("POST", "/v1/build", {"full_refresh": full_refresh})
        return msgspec.json.decode(answer.content, type=BuildReport)

    def replay(self, chosen: Chosen) -> Replayed:
        answer = self.ask("POST", "/v1/dead-letters/replay", asdict(chosen))
        return msgspec.json.decode(answer.content, type=Replayed)

    def drop(self, chosen: Chosen) -> int:
        return int(self.ask("POST", "/v1/dead-letters/drop", asdict(chosen)).json()["dropped"])

    def close(self) -> None:
        self._http.close()


def told(answer: httpx.Response) -> HeadwaterError:
    """The engine's error as the one that it was there."""
    try:
        said = answer.json()["error"]
        kind, message = said["type"], said["message"]
    except (ValueError, KeyError, TypeError):
        return EngineUnavailable(
            f"The engine at {answer.url.host}:{answer.url.port} answers {answer.status_code}: is it headwater's?"
        )
    if kind == "UnknownTable":
        return UnknownTable(said.get("name", ""))
    found = getattr(errors, kind, HeadwaterError)
    return (
        found(message)
        if isinstance(found, type) and issubclass(found, HeadwaterError)
        else HeadwaterError(message)
    )


class RemoteWarehouse:
    """Reads the warehouse through its engine: what the reading commands need of one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.url = engine.url
        self.schema = str(engine.ask("GET", "/v1/tables").json()["schema"])

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Table:
        return self._asked({"sql": sql, "parameters": [told_kind(value) for value in parameters]})

    def query_as_written(self, sql: str) -> pa.Table:
        return self._asked({"sql": sql, "as_written": True})

    def _asked(self, query: dict[str, Any]) -> pa.Table:
        answer = self._engine.ask("POST", "/v1/query", query)
        return pa.ipc.open_stream(answer.content).read_all()

    def tables(self) -> list[str]:
        return list(self._engine.ask("GET", "/v1/tables").json()["tables"])

    def close(self) -> None:
        self._engine.close()


def told_kind(value: Parameter) -> tuple[str, str]:
    """JSON has no word for dates."""
    match value:
        case str():
            return "text", value
        case int():
            return "number", str(value)
        case datetime():
            return "instant", value.isoformat()
        case date():
            return "day", value.isoformat()


def made(kind: type, text: object) -> object:
    """What JSON has no word for: paths."""
    return kind(text)
