"""Lints the SQL of the dbt project as dbt compiles it.

The project has no default for any variable (they come from headwater.toml), and sqlfluff can hand dbt only text:
so what is linted is a copy of the project that carries its variables, for settings that render much of the SQL."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from headwater.settings import load_settings
from headwater.transform.project import PROJECT, variables

ROOT = Path(__file__).parent.parent
SETTINGS = """
timezone = "Europe/Berlin"
reporting_currency = "EUR"
[attribution]
internal_domains = ["example.com"]
[streams]
"G-LINT" = "default"
"""
OUTPUT = {"type": "duckdb", "path": ":memory:", "schema": "main_build"}
PROFILE = {"headwater": {"target": "lint", "outputs": {"lint": OUTPUT}}}


def main() -> int:
    with TemporaryDirectory() as folder:
        home, project = Path(folder, "home"), Path(folder, "dbt")
        home.mkdir()
        (home / "headwater.toml").write_text(SETTINGS, encoding="utf-8")
        shutil.copytree(PROJECT, project)
        shutil.copy(ROOT / ".sqlfluff", project)
        (project / "profiles.yml").write_text(json.dumps(PROFILE), encoding="utf-8")
        with (project / "dbt_project.yml").open("a", encoding="utf-8") as file:
            file.write(f"\nvars: {json.dumps(variables(load_settings(home, {}), 'main'))}\n")
        sqlfluff = str(Path(sys.executable).with_name("sqlfluff"))
        command = [sqlfluff, "lint", "--processes", "2", "--disable-progress-bar", "models", "tests"]
        return subprocess.run(command, cwd=project, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
