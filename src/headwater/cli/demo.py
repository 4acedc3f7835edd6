"""The demo of `headwater stream`, in words: what is sent, what came of it, and how long each stage took."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import typer

from headwater.cli.frame import Frame, counted, say
from headwater.errors import HeadwaterError, QueryError, TerminalError, TransientError
from headwater.stream.answers import REFUSED, Tally, Verdict
from headwater.stream.client import Sender
from headwater.stream.doors import PATHS, Target
from headwater.stream.play import play
from headwater.stream.run import named_run, new_run
from headwater.stream.script import Step, demo
from headwater.stream.watch import Followed, Watch, delays

Row = dict[str, Any]


def show(
    frame: Frame,
    target: Target,
    run: str | None,
    seed: int,
    length: int,
    options: Sequence[str],
    *,
    timeout: float,
    is_test: bool,
) -> None:
    """`options` are those that the same run needs again."""
    engine = frame.engine()
    attribution = frame.settings.attribution
    watch = Watch(engine, str(target.stream), attribution.conversion_events) if engine else None
    sent = _Sent(Sender(target.url, typer.echo, timeout))
    # all that takes a moment is done: a new run begins now
    chosen = named_run(run) if run else new_run()
    steps = demo(chosen, seed, length)
    before = _credits(watch, steps) if run else []
    say(f"Run {chosen.name}: {counted(len(steps), 'event')} to {target.url}{PATHS[target.door]}")
    followed = sent.play(steps, target)
    try:
        sent.check_taken()
        _wait(watch, followed, timeout)
        if is_test:
            _print_delays(followed)
        _print_credits(_credits(watch, steps), before, attribution.models)
    except HeadwaterError as error:
        if is_test:
            raise
        typer.echo(f"warning: {error}", err=True)
    finally:
        if engine:
            engine.close()
        again = frame.command("stream", "--run", chosen.name, *options)
        say(f"The same run again, which changes nothing: {again}")


class _Sent:
    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._tally = Tally()
        self._refused: list[Verdict] = []

    def play(self, steps: Sequence[Step], target: Target) -> list[Followed]:
        """Says the counts also when it is interrupted."""
        try:
            return play(steps, self._sender, target, self._tally, self._tell)
        finally:
            self._sender.close()
            if self._tally.count:
                typer.echo(f"{counted(self._tally.count, 'event')} sent: {self._tally}.")

    def check_taken(self) -> None:
        if self._refused:
            first = self._refused[0]
            raise TerminalError(
                f"The door refused {len(self._refused)} of {self._tally.count} events "
                f"({first.reason}: {first.detail}): leave out --run for a new run."
            )

    def _tell(self, step: Step, verdict: Verdict) -> None:
        if verdict.status == REFUSED:
            self._refused.append(verdict)
        why = f": {verdict.reason}" if verdict.reason else ""
        words = f"person {step.person} {step.words}"
        typer.echo(
            f"{self._tally.count:>4}  {step.event['event_name']:<12} {words:<36} {verdict.status}{why}"
        )


def _wait(watch: Watch | None, followed: Sequence[Followed], timeout: float) -> None:
    if watch is None:
        raise TransientError(
            "The events are in the journal, and no engine is running that loads them: start it with `headwater up`."
        )
    watch.until_shown(followed, timeout)


def _credits(watch: Watch | None, steps: Sequence[Step]) -> list[Row]:
    try:
        return watch.credits([step.event for step in steps]) if watch else []
    except QueryError:
        return []  # nothing has been built yet


def _print_delays(followed: Sequence[Followed]) -> None:
    from headwater.cli.render import print_rows

    rows = [
        [stage, *("-" if delay is None else f"{delay:.3f}" for delay in told)]
        for stage, *told in delays(followed)
    ]
    print_rows(
        [f"seconds, {counted(len(followed), 'event')}", "median", "slowest"], rows, [False, True, True]
    )


def _print_credits(after: Sequence[Row], before: Sequence[Row], models: Sequence[str]) -> None:
    from headwater.cli.render import print_rows

    if before:
        say("Nothing in the marts has changed:" if after == before else "The marts have changed:")
    if not after:
        say("None of it is a conversion, so nothing is credited.")
        return
    cells = {(row["channel"], row["attribution_model"]): _amount(row["value"]) for row in after}
    rows = [
        [channel, *(cells.get((channel, model), "-") for model in models)]
        for channel in dict.fromkeys(row["channel"] for row in after)
    ]
    print_rows(["value credited to", *models], rows, [False, *(True for _ in models)])


def _amount(value: Decimal | None) -> str:
    return "?" if value is None else f"{value:,.2f}"  # no rate is known for its currency
