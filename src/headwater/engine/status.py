"""What `headwater status` says: books, freshness, latencies, and what is wrong."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from headwater.engine.books import Entry, books
from headwater.engine.vitals import JOURNALED, SLOT_SECONDS, SLOTS, Vitals
from headwater.fan_in import Intake
from headwater.journal.delays import Delays
from headwater.journal.journal import Journal
from headwater.settings import Settings

FRESH, BEHIND, ALERT, STOPPED = "fresh", "behind", "alert", "stopped"
FRESH_SECONDS = 5.0  # an event that waits longer to be seen makes the engine late
STAGES = (
    "generated_to_received",
    JOURNALED,
    "journaled_to_loaded",
    "loaded_to_visible",
    "received_to_visible",
)


def status(settings: Settings, entry: Entry, journal: Intake | None, vitals: Vitals | None) -> dict[str, Any]:
    """Without vitals: of a home whose engine is not running."""
    waiting = _longest_wait(entry, journal, vitals)
    alerts = vitals.alerts() if vitals else {}
    said: dict[str, Any] = {"state": _state(vitals, waiting)}
    said |= asdict(books(entry, journal))
    said["freshness_seconds"] = round(waiting, 3) if waiting is not None else 0.0
    said["latency"] = latencies(journal, vitals)
    said["alerts"] = [
        {"name": name, "message": alert.message, "since": _iso(alert.since), "attempts": alert.attempts}
        for name, alert in alerts.items()
    ]
    if vitals:
        last = vitals.last_tick
        said["ticks"] = vitals.ticks
        said["events_per_second"] = vitals.events_per_second()
        said["last_tick"] = last and {"at": _iso(last.finished_at), **asdict(last)}
        tested = vitals.tested
        said["tested_at"] = _iso(tested.at) if tested else None
        said["tests"] = {
            "count": tested.tests if tested else None,
            "failures": [{"name": one.name, "message": one.message} for one in tested.failed]
            if tested
            else [],
        }
    said["journal"] = _journal(settings, journal)
    said["broker"] = journal.broker() if journal else None
    return said


def _longest_wait(entry: Entry, journal: Intake | None, vitals: Vitals | None) -> float | None:
    """For how many seconds an event has been waiting to be seen, in the warehouse or still in the journal."""
    moments = [
        vitals.oldest_unseen() if vitals else None,
        journal.received_behind(entry.position) if journal else None,
    ]
    waits = [max(time.time() - moment / 1e6, 0.0) for moment in moments if moment is not None]
    return max(waits, default=None)


def latencies(journal: Intake | None, vitals: Vitals | None) -> dict[str, dict[str, float | None]]:
    delays: dict[str, Delays] = dict(vitals.delays()) if vitals else {}
    if journal and (kept := journal.delays(SLOTS * SLOT_SECONDS)):
        delays[JOURNALED] = kept
    return {
        stage: {
            f"p{round(share * 100)}": delays[stage].quantile(share) if stage in delays else None
            for share in (0.5, 0.95, 0.99)
        }
        for stage in STAGES
    }


def _state(vitals: Vitals | None, waiting: float | None) -> str:
    if vitals is None:
        return STOPPED
    if vitals.alerts():
        return ALERT
    return BEHIND if waiting is not None and waiting > FRESH_SECONDS else FRESH


def _journal(settings: Settings, journal: Intake | None) -> dict[str, Any] | None:
    if not isinstance(journal, Journal):
        return None
    kept_since, (dropped, until) = journal.kept_since(), journal.dropped_early()
    return {
        "size_bytes": journal.size_bytes(),
        "max_bytes": settings.collect.journal_max_mb * 2**20,
        "kept_since": _iso(kept_since / 1e6) if kept_since else None,
        "dropped_early": dropped,
        "dropped_early_until": _iso(until / 1e6) if until else None,
        "salvaged": journal.salvaged(),
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
