"""Who brings events by file: every format becomes `event.RAW_SCHEMA` here, by the column."""
