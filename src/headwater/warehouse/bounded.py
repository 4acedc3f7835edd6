"""An answer that must not take more memory than a process can spare."""

import pyarrow as pa

from headwater.errors import QueryError

BATCH_ROWS = 20_000


def bounded(batches: pa.RecordBatchReader, most_bytes: int) -> pa.Table:
    """Stops reading where it becomes too much."""
    kept, size = [], 0
    for batch in batches:
        kept.append(batch)
        size += batch.nbytes
        if size > most_bytes:
            raise QueryError(
                f"The answer is larger than {most_bytes // 2**20:,} MB: ask for fewer rows or columns, or for sums; a "
                "whole table is exported while the engine is stopped."
            )
    return pa.Table.from_batches(kept, batches.schema)
