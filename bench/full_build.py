"""How much dearer is a full build of all models than the least that could be done?

Beside it, in turn and on the same warehouse, the floor: bench/floor.sql, one statement that computes first and last
click only.

    python bench/full_build.py [events …]      default: 1000000 10000000
"""

import statistics
import sys
from pathlib import Path

from common import headwater, loaded, machine, run

ROUNDS = 3
FLOOR = Path(__file__).with_name("floor.sql")
RUN_FLOOR = f"""
import sys, duckdb
warehouse = duckdb.connect(sys.argv[1], read_only=True)
warehouse.execute("set timezone = 'UTC'; set memory_limit = '4GB'; set enable_progress_bar = false")
print(len(warehouse.execute(open({str(FLOOR)!r}).read()).fetchall()))
"""
BOTH = "attribution_model in ('first_click', 'last_click')"
CHECK = f"""
import sys, duckdb
warehouse = duckdb.connect(sys.argv[1], read_only=True)
warehouse.execute("set timezone = 'UTC'; set memory_limit = '4GB'; set enable_progress_bar = false")
floor = warehouse.execute(open({str(FLOOR)!r}).read()).fetchall()
ours = warehouse.execute('''
    select attribution_model, conversion_date, source, medium, campaign, sum(conversion_count), sum(conversion_value)
    from mart_attribution where {BOTH} group by all
''').fetchall()
print({{tuple(map(str, row[:5])): (int(row[5]), float(row[6])) for row in floor}}
    == {{tuple(map(str, row[:5])): (int(row[5]), float(row[6])) for row in ours}})
"""


def main(sizes: list[int]) -> None:
    print(machine())
    for events in sizes:
        home = loaded(events)
        warehouse = str(home / "warehouse.duckdb")
        ours, floors = [], []
        for _ in range(ROUNDS):
            ours.append(headwater(home, "build", "--full-refresh"))
            floors.append(run(sys.executable, "-c", RUN_FLOOR, warehouse))
            print(
                f"  build {ours[-1].seconds:.1f} s, {ours[-1].peak_gb:.1f} GB; "
                f"floor {floors[-1].seconds:.1f} s, {floors[-1].peak_gb:.1f} GB",
                flush=True,
            )
        agrees = run(sys.executable, "-c", CHECK, warehouse).output.strip()
        build, floor = (statistics.median(one.seconds for one in runs) for runs in (ours, floors))
        print(
            f"{events:,} events: build {build:.1f} s, floor {floor:.1f} s, ratio {build / floor:.2f}; "
            f"peak {max(one.peak_gb for one in ours):.1f} GB; the two agree: {agrees}"
        )


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [1_000_000, 10_000_000])
