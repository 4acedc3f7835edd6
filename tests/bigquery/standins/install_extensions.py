"""Installs the extensions that came as wheels where serve_bigquery.py lets DuckDB look; runs in its environment."""

import sys
from pathlib import Path

import duckdb
import duckdb_extension_ducklake
import duckdb_extension_icu

FOLDER = Path(sys.prefix) / "duckdb-extensions"

if __name__ == "__main__":
    with duckdb.connect(config={"extension_directory": str(FOLDER)}) as connection:
        for wheel in (duckdb_extension_ducklake, duckdb_extension_icu):
            for file in Path(wheel.__file__).parent.glob("extensions/*/*.duckdb_extension"):
                connection.execute(f"INSTALL '{file}'")
