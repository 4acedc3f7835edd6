"""Where the stand-ins lie once they are made, and what is said of one that could not be."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build" / "bigquery"

EMULATOR = "local-bigquery"
EMULATOR_ENVIRONMENT = ROOT / ".venv-bigquery"
EMULATOR_PYTHON = EMULATOR_ENVIRONMENT / "bin" / "python"
REQUIREMENTS = ROOT / "requirements" / "bigquery-standin.txt"

ANALYSER = "zetasql"
ANALYSER_BINARY = BUILD / "zetasql" / "remote_server"
ANALYSER_DESCRIPTORS = BUILD / "zetasql" / "descriptors.binpb"


def missing(name: str) -> Path:
    """The file that says why this one is not there."""
    return BUILD / f"{name}.missing"


def made(name: str) -> Path:
    return BUILD / f"{name}.made"


def why_not(name: str) -> str | None:
    """Why tests that need it have to be skipped."""
    if made(name).exists():
        return None
    if missing(name).exists():
        return missing(name).read_text(encoding="utf-8")
    return f"{name.upper()} IS NOT MADE: make test-bigquery makes it"
