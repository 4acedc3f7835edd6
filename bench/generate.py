"""How fast are synthetic events made, Parquet files and truth included? `python bench/generate.py`"""

import os
import platform
import resource
import tempfile
import time
from pathlib import Path

from headwater.sources.synthetic import generate

if __name__ == "__main__":
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for persons in (20_000, 200_000):
        with tempfile.TemporaryDirectory() as folder:
            cpu = time.process_time()
            made = generate(Path(folder), persons=persons)
            cpu = time.process_time() - cpu
            size = sum(file.stat().st_size for file in made.files) / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{made.events:>10,} events in {made.seconds:.2f} s: {made.events / made.seconds:,.0f} events/s, "
            f"{made.events / cpu:,.0f} per CPU second, {size:,.0f} MB, peak memory {peak:,.0f} MB"
        )
