"""Makes both stand-ins for BigQuery, unless they are made; it needs Python 3.13 and npm.

What cannot be had is said in one loud line, and its tests are skipped. Ends with 0 all the same: the rest is tested.
"""

import base64
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bigquery.standins import places

PACKAGE = "@fivetrandevelopers/zetasql@1.13.0"
INTEGRITY = "sha512-yX9Apa968np2Tc+Hrf4Bf6Gz77kQVLIDLaNwovM91VBwyDTDF1C6oglUqmlU6Fe5/TVCExsnIueWiPahrYEITQ=="
BINARIES = {
    ("Linux", "x86_64"): "remote_server.so",
    ("Linux", "aarch64"): "remote_server_arm.so",
    ("Darwin", "x86_64"): "remote_server",
    ("Darwin", "arm64"): "remote_server_arm",
}
IN_PACKAGE = "package/lib/zetasql/"
NEEDS_PYTHON = "3.13"
SOURCES = (Path(__file__), places.REQUIREMENTS)


class CannotBeHadError(Exception):
    """Why one of the stand-ins cannot be made on this machine."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise CannotBeHadError(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines() or ["nothing"]
        raise CannotBeHadError(f"{Path(command[0]).name} {command[1]} failed: {said[-1]}") from None
    return done.stdout


def pythons() -> Iterator[str | Path]:
    """Where a Python of that version may be; pyenv's own come without their shims, which want to be chosen first."""
    if found := shutil.which(f"python{NEEDS_PYTHON}"):
        yield found
    if shutil.which("pyenv"):
        versions = Path(run("pyenv", "root").strip()) / "versions"
        yield from sorted(versions.glob(f"{NEEDS_PYTHON}*/bin/python{NEEDS_PYTHON}"), reverse=True)


def find_python() -> str | Path:
    for python in pythons():
        try:
            if (
                run(python, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])").strip()
                == NEEDS_PYTHON
            ):
                return python
        except CannotBeHadError:
            continue
    raise CannotBeHadError(
        f"it needs Python {NEEDS_PYTHON}: put python{NEEDS_PYTHON} on the PATH, or pyenv install it"
    )


def make_emulator() -> None:
    run(find_python(), "-m", "venv", "--clear", places.EMULATOR_ENVIRONMENT)
    pip = (places.EMULATOR_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", places.REQUIREMENTS)
    run(places.EMULATOR_PYTHON, Path(__file__).with_name("install_extensions.py"))


def make_analyser() -> None:
    if not places.EMULATOR_PYTHON.exists():
        raise CannotBeHadError("the compiler of its protos comes with local-bigquery's environment")
    binary = BINARIES.get((platform.system(), platform.machine()))
    if binary is None:
        raise CannotBeHadError(f"it has no binary for {platform.system()} on {platform.machine()}")
    places.ANALYSER_BINARY.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        unpack(fetch(Path(folder)), Path(folder))
        package = Path(folder) / IN_PACKAGE
        run(
            *(
                places.EMULATOR_PYTHON,
                "-m",
                "grpc_tools.protoc",
                "-I",
                package / "protos",
                "--include_imports",
            ),
            *("--descriptor_set_out", places.ANALYSER_DESCRIPTORS, "local_service.proto"),
        )
        shutil.move(package / binary, places.ANALYSER_BINARY)


def fetch(folder: Path) -> Path:
    (packed,) = json.loads(run("npm", "pack", "--json", "--pack-destination", folder, PACKAGE, cwd=folder))
    archive = folder / packed["filename"].replace("@", "").replace("/", "-")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise CannotBeHadError(f"{PACKAGE} is not what it was: sha512-{digest}")
    return archive


def unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as content:
        for member in content:
            if member.name.startswith(IN_PACKAGE):
                content.extract(member, folder, filter="data")


def make(name: str, builder: Callable[[], None]) -> None:
    done = places.made(name)
    if done.exists() and done.stat().st_mtime > max(source.stat().st_mtime for source in SOURCES):
        return
    done.unlink(missing_ok=True)
    places.missing(name).unlink(missing_ok=True)
    try:
        builder()
    except CannotBeHadError as reason:
        said = f"NO {name.upper()}: {reason}; the tests that need it are skipped"
        places.missing(name).write_text(said, encoding="utf-8")
        print(said, file=sys.stderr)
    else:
        done.touch()


def main() -> None:
    places.BUILD.mkdir(parents=True, exist_ok=True)
    make(places.EMULATOR, make_emulator)
    make(places.ANALYSER, make_analyser)


if __name__ == "__main__":
    main()
