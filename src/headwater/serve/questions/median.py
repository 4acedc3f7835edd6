"""The median in SQL that every warehouse knows: BigQuery's percentile_cont is no aggregate."""


def ranked(value: str, within: str = "") -> str:
    """The columns that `median` needs of the rows below it; `within` names a column to tell groups apart."""
    group = f"partition by {within} " if within else ""
    return f"row_number() over ({group}order by {value} nulls last) as place, count({value}) over ({group}) as of_them"


def median(value: str) -> str:
    """The row in the middle, or the mean of the two; rows without a value come last, and do not count."""
    return f"avg(case when 2 * place between of_them and of_them + 2 then {value} end)"
