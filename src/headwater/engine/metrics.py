"""The engine's figures in the words of Prometheus."""

from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

BOOKS = ("accepted", "loaded", "duplicates", "dead_letters", "pending", "lost")


def exposition(status: dict[str, Any]) -> bytes:
    registry = CollectorRegistry()
    events = Gauge("headwater_events", "Events by what became of them", ["outcome"], registry=registry)
    for name in BOOKS:
        if status[name] is not None:  # what a broker does not tell
            events.labels(name).set(status[name])
    seconds = Gauge(
        "headwater_latency_seconds", "Of the last five minutes", ["stage", "quantile"], registry=registry
    )
    for stage, quantiles in status["latency"].items():
        for name, value in quantiles.items():
            if value is not None:
                seconds.labels(stage, f"0.{name[1:]}").set(value)
    Gauge("headwater_freshness_seconds", "How long the oldest unseen event waits", registry=registry).set(
        status["freshness_seconds"]
    )
    Gauge("headwater_ticks", "Finished since the start", registry=registry).set(status["ticks"])
    alerts = Gauge("headwater_alert", "1 while something is wrong", ["name"], registry=registry)
    for alert in status["alerts"]:
        alerts.labels(alert["name"]).set(1)
    if status["journal"]:
        Gauge("headwater_journal_bytes", "Of what the journal holds", registry=registry).set(
            status["journal"]["size_bytes"]
        )
    return generate_latest(registry)
