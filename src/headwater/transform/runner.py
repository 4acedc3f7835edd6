"""Runs dbt in this process and keeps the parsed project, so that a second build starts at once."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from headwater.errors import BuildError, DiskFull, FailedTests, HeadwaterError, WarehouseUnavailable
from headwater.transform.project import PROJECT

PASSWORD = "DBT_ENV_SECRET_HEADWATER_PASSWORD"  # dbt masks variables of this prefix in its logs

STILL_THERE = "the tables of the last good build are still in place"
PUBLISHED = "this is so in the tables that are published"

# What parsing yields depends on the names of the schemas and on no other setting: builds of one process share it.
_parsed: dict[tuple[str, ...], Any] = {}
_turn = Lock()  # dbt keeps much of its state in one place for the whole process


@dataclass(frozen=True)
class Node:
    """A model, seed or test that dbt has run."""

    name: str
    kind: str
    publish: str
    ordered_by: str  # the column in whose order a full build writes it, where there is one
    partition: Mapping[
        str, str
    ]  # the column by whose days the engine keeps it, and what that is: date or timestamp
    is_view: bool
    sql: str
    relation: str  # its name as the statements of other nodes write it
    reads: frozenset[str]  # names of the nodes it is made from


class DbtRunner:
    def __init__(self, workspace: Path, output: dict[str, Any], variables: dict[str, Any]) -> None:
        self._workspace = workspace
        self._names = (
            output["type"],
            output.get("dbname") or output.get("project") or Path(output["path"]).stem,
            output["schema"],
            variables["live_schema"],
        )
        self._url = (
            f"bigquery://{output['project']}/{variables['live_schema']}"
            if output["type"] == "bigquery"
            else ""
        )
        self._variables = json.dumps(variables)
        # dbt keeps what it has parsed, with the paths of the files: another installation must not find it
        installation = hashlib.sha256(str(PROJECT).encode()).hexdigest()[:8]
        self.target = workspace / f"target-{installation}"
        workspace.mkdir(parents=True, exist_ok=True)
        (workspace / "profiles.yml").write_text(json.dumps(self._profile(output), indent=2))

    @staticmethod
    def _profile(output: dict[str, Any]) -> dict[str, Any]:
        """JSON is YAML. A password stays in this process's environment and is not written down."""
        if "password" in output:
            os.environ[PASSWORD] = output["password"]
            output = {**output, "password": f"{{{{ env_var('{PASSWORD}') }}}}"}
        return {"headwater": {"target": "build", "outputs": {"build": output}}}

    def _arguments(self) -> list[str]:
        return [
            "--project-dir", str(PROJECT), "--profiles-dir", str(self._workspace),
            "--target-path", str(self.target), "--log-path", str(self._workspace / "logs"),
            "--vars", self._variables,
        ]  # fmt: skip

    def parse_anew(self) -> None:
        """The next run parses, which also writes the manifest into the workspace."""
        _parsed.pop(self._names, None)

    def run(self, command: Sequence[str], consequence: str = STILL_THERE) -> list[Node]:
        """Runs one dbt command; returns what it built, or raises what went wrong first, and what that means."""
        with _turn:
            return self._run(command, consequence)

    def _run(self, command: Sequence[str], consequence: str) -> list[Node]:
        from dbt.cli.main import dbtRunner

        quiet = [
            "--quiet",
            "--log-level",
            "none",
            "--no-version-check",
            "--no-use-colors",
            "--no-send-anonymous-usage-stats",
        ]
        if self._names not in _parsed:
            parsed = dbtRunner().invoke([*quiet, "parse", *self._arguments()])
            if not parsed.success:
                message = one_line(parsed.exception)
                raise self._outside(message) or BuildError(f"The models could not be read: {message}")
            _parsed[self._names] = parsed.result
        outcome = dbtRunner(manifest=_parsed[self._names]).invoke([*quiet, *command, *self._arguments()])
        results = list(getattr(outcome.result, "results", None) or [])
        for result in results:
            if result.status in ("error", "runtime error"):
                raise self._not_built(result)
        tests = [result for result in results if str(result.node.resource_type) == "test"]
        failed = {
            result.node.name: sentence(result, consequence) for result in tests if result.status == "fail"
        }
        if failed:
            ran = [result.node.name for result in tests if result.status != "skipped"]
            raise FailedTests(next(iter(failed.values())), ran, failed)
        if not outcome.success:
            message = one_line(outcome.exception)
            raise self._outside(message) or BuildError(
                f"The models could not be built, and {STILL_THERE}: {message}"
            )
        return [
            Node(
                name=result.node.name,
                kind=str(result.node.resource_type),
                publish=(result.node.config.meta or {}).get("publish", "none"),
                ordered_by=(result.node.config.meta or {}).get("ordered_by", ""),
                partition=partition(result.node.config),
                is_view=result.node.config.materialized == "view",
                sql=getattr(result.node, "compiled_code", None) or "",
                relation=getattr(result.node, "relation_name", None) or "",
                reads=frozenset(key.rpartition(".")[2] for key in result.node.depends_on_nodes),
            )
            for result in results
        ]

    def _not_built(self, result: Any) -> HeadwaterError:
        node, message = result.node, one_line(result.message)
        what = f"The {node.resource_type} {node.name} could not be built, and {STILL_THERE}"
        return self._outside(message, f" {what}.") or BuildError(f"{what}: {message}")

    def _outside(self, message: str, consequence: str = "") -> HeadwaterError | None:
        """What is neither the models' fault nor the data's."""
        if not self._url:
            return outside(message)
        from headwater.warehouse.bigquery_dbt import of_dbt

        found = of_dbt(message, self._url)
        return found and type(found)(f"{found}{consequence}")


def partition(config: Any) -> dict[str, str]:
    said = config.get("partition_by") if hasattr(config, "get") else None
    return {said["field"]: said["data_type"]} if said else {}


def sentence(result: Any, consequence: str) -> str:
    """On a test that failed."""
    node = result.node
    advice = (node.config.meta or {}).get("advice") if node.config else None
    what = advice or f"The test {node.name} failed ({one_line(result.message)})."
    return f"{what} {consequence.capitalize()}."


def outside(message: str) -> HeadwaterError | None:
    """What is neither the models' fault nor the data's, and may be over soon."""
    if (
        "No space left" in message
        or "could not extend file" in message
        or "max_temp_directory_size" in message
    ):
        return DiskFull(f"The disk is full, and {STILL_THERE}: free some space and build again. ({message})")
    if "connection to server" in message or "terminating connection" in message or "server closed" in message:
        return WarehouseUnavailable(
            f"The warehouse went away, and {STILL_THERE}: build again when it is back. ({message})"
        )
    return None


def one_line(message: object) -> str:
    return re.sub(r"\s+", " ", str(message)).strip()
