"""The link that opens a Looker Studio report on the marts: Looker Studio's Linking API."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from headwater.errors import SettingsError

ADDRESS = "https://lookerstudio.google.com/reporting/create"
BIGQUERY = re.compile(r"bigquery://([^/]+)/(\w+)")


@dataclass(frozen=True)
class Source:
    """A data source of the report: the alias that a template knows it by, and the mart that it reads."""

    alias: str
    table: str
    name: str
    date: str  # the field by which the report's period is chosen


# The first is what a report without a template begins with.
SOURCES = (
    Source("performance", "mart_channel_performance", "Channels by day", "date"),
    Source("comparison", "mart_attribution_comparison", "First click against last click", "conversion_date"),
    Source("attribution", "mart_attribution", "Every model", "conversion_date"),
    Source("first_click", "mart_first_click_attribution", "First click", "conversion_date"),
    Source("last_click", "mart_last_click_attribution", "Last click", "conversion_date"),
)


def link(url: str, *, report_id: str = "", billing_project: str = "", name: str = "Attribution") -> str:
    """The URL, for a warehouse.url on BigQuery; with `report_id`, of that template's copy."""
    found = BIGQUERY.fullmatch(url)
    if found is None:
        raise SettingsError(
            f"Looker Studio reads the marts on BigQuery, and warehouse.url is {url.partition('://')[0]}://…: set it to "
            "bigquery://PROJECT/DATASET, or look at `headwater dashboard`."
        )
    project, dataset = found.groups()
    report = {"c.mode": "edit", **({"c.reportId": report_id} if report_id else {}), "r.reportName": name}
    parts = dict(report)
    for source in SOURCES:
        fields = {
            "connector": "bigQuery",
            "datasourceName": source.name,
            "type": "TABLE",
            "projectId": project,
            "datasetId": dataset,
            "tableId": source.table,
            "billingProjectId": billing_project or project,
            # a template's fields fit the marts by name and type; without one they are read from the table
            "refreshFields": "false" if report_id else "true",
        }
        parts |= {f"ds.{source.alias}.{field}": value for field, value in fields.items()}
    return f"{ADDRESS}?{urlencode(parts, quote_via=quote)}"
