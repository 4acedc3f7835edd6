"""From raw events to marts: one dbt project, built in process, published at once."""
