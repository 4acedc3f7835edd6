"""What the benchmarks share: data made once, and commands measured as whole processes."""

import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(os.environ.get("BENCH_FOLDER", Path.home() / ".cache" / "headwater-bench"))
PERSONS = {1_000_000: 66_500, 10_000_000: 665_000}  # at 15 events a person in 90 days


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_gb: float
    output: str


def run(*command: str, home: Path | None = None) -> Run:
    """Runs a command to its end; its memory is the operating system's figure for its largest process."""
    environment = os.environ | ({"HEADWATER_HOME": str(home)} if home else {})
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return Run(seconds, usage.ru_maxrss / 1024**2, output)


def headwater(home: Path, *arguments: str) -> Run:
    return run(sys.executable, "-m", "headwater", *arguments, home=home)


def loaded(events: int) -> Path:
    """A home whose warehouse holds that many synthetic events; made at the first call."""
    home = FOLDER / f"{events // 1_000_000}m"
    if (home / "loaded").exists():
        return home
    shutil.rmtree(home, ignore_errors=True)
    folder = home / "events"
    made = headwater(
        home, "generate", "--persons", str(PERSONS[events]), "--days", "90", "--out", str(folder)
    )
    print(made.output.splitlines()[0], flush=True)
    load = headwater(home, "load", str(folder))
    print(f"loaded in {load.seconds:.0f} s, {load.peak_gb:.1f} GB at most", flush=True)
    shutil.rmtree(folder)
    (home / "loaded").touch()
    return home


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    name = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return f"{os.cpu_count()} cores of {name}, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}"
