"""stream: send a demo, steady traffic, or a file of events to the live door."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.frame import Frame, counted, say
from headwater.errors import TransientError, UsageError
from headwater.stream.doors import Door, Target

if TYPE_CHECKING:
    from headwater.stream.answers import Verdict
    from headwater.stream.lines import Line
    from headwater.stream.pace import Paced

_DEMO_STREAM = "demo"
_EVENTS, _SEED, _SECONDS, _DELAY, _TIMEOUT = 12, 1, 60.0, 1.5, 30.0


def stream(
    context: typer.Context,
    events: Annotated[
        int | None,
        typer.Option(min=1, max=500, metavar="N", help=f"Events of the demo. Default: {_EVENTS}."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help=f"Makes what happens in it. Default: {_SEED}.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="ID", help="Send the demo of an earlier run once more.")
    ] = None,
    test_mode: Annotated[
        bool,
        typer.Option(
            "--test-mode",
            help="Exit 0 when the marts show the demo, 1 when not; tell how long each stage took.",
        ),
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help=f"Wait so long for the marts. Default: {_TIMEOUT:g}."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=200_000, metavar="N", help="Steady traffic in place of the demo: N events a second."
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.5, metavar="N", help=f"For how long, with --rate. Default: {_SECONDS:g}."),
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Send a CSV or NDJSON file of canonical events.")
    ] = None,
    delay: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help=f"Pause after each line, with --replay; 0: none, in batches. Default: {_DELAY:g}.",
        ),
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="With --replay, move the events so that the last of them is now.")
    ] = False,
    door: Annotated[Door, typer.Option(help="Which door to send through.")] = Door.v1,
    stream_id: Annotated[
        str | None,
        typer.Option(
            "--stream",
            metavar="ID",
            help=f"Write to that stream. Default: {_DEMO_STREAM}; with --replay, the one that the file names.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="SECRET", help="The key to send with, as `headwater keys add` told it."),
    ] = None,
) -> None:
    """Play a short live demo to a running `headwater up`, or send it steady traffic or a file."""
    from headwater.stream.client import url_of

    frame: Frame = context.obj
    given = {
        "--events": events,
        "--run": run,
        "--timeout": timeout,
        "--test-mode": test_mode or None,
        "--seed": seed,
        "--rate": rate,
        "--seconds": seconds,
        "--replay": replay,
        "--delay": delay,
        "--now": now or None,
    }
    _check_together({name for name, value in given.items() if value is not None})
    if key and door is Door.gtag:
        raise UsageError("A tag sends no key: leave out --key, and name a stream that there is a key for.")
    target = Target(url_of(frame.settings), door, stream_id or (None if replay else _DEMO_STREAM), key)
    if replay:
        if door is not Door.v1:
            raise UsageError(f"--replay sends canonical events, which --door {door.value} does not take.")
        _replay(target, replay, _DELAY if delay is None else delay, moved=now)
    elif rate:
        _traffic(target, rate, seconds or _SECONDS, _SEED if seed is None else seed)
    else:
        from headwater.cli.demo import show

        told = {"--seed": seed, "--events": events, "--stream": stream_id}
        told["--door"] = None if door is Door.v1 else door.value
        show(
            frame,
            target,
            run,
            _SEED if seed is None else seed,
            events or _EVENTS,
            [word for name, value in told.items() if value is not None for word in (name, str(value))],
            timeout=timeout or _TIMEOUT,
            is_test=test_mode,
        )


_GO_TOGETHER = {
    "--rate": {"--rate", "--seconds", "--seed"},
    "--replay": {"--replay", "--delay", "--now"},
    "": {"--events", "--run", "--timeout", "--test-mode", "--seed"},
}


def _check_together(given: set[str]) -> None:
    kind = next((name for name in ("--rate", "--replay") if name in given), "")
    others = sorted(given - _GO_TOGETHER[kind])
    if others:
        raise UsageError(
            f"{others[0]} does not go with {kind}: leave one of them out."
            if kind
            else f"{others[0]} goes with {'--rate' if others[0] == '--seconds' else '--replay'}: add that."
        )


def _traffic(target: Target, rate: float, seconds: float, seed: int) -> None:
    from headwater.cli.progress import Progress
    from headwater.stream.pace import keep_pace
    from headwater.stream.run import new_run
    from headwater.stream.script import traffic

    with Progress("sending") as progress:
        paced = keep_pace(target, traffic(new_run(), seed), rate, seconds, progress.share)
    _print_paced(paced)
    if paced.interrupted:
        raise KeyboardInterrupt
    _check_paced(paced, rate)


def _print_paced(paced: "Paced") -> None:
    say(
        f"{counted(paced.sent, 'event')} in {paced.took:.1f} s, {paced.rate:,.1f}/s: {paced.tally}, "
        f"{paced.unanswered:,} not taken."
    )
    quantiles = [(share, paced.quantile(share)) for share in (0.5, 0.95, 0.99)]
    told = [f"p{share * 100:.0f} {seconds:.3f} s" for share, seconds in quantiles if seconds is not None]
    if told:
        say(f"Answers after {', '.join(told)}, counted from when each request was due.")


def _check_paced(paced: "Paced", rate: float) -> None:
    if paced.unanswered:
        why = ", ".join(f"{count:,} {reason}" for reason, count in paced.failures.most_common(3))
        raise TransientError(
            f"{counted(paced.unanswered, 'event')} were not taken ({why}): `headwater status` may say why."
        )
    if not paced.was_kept:
        raise TransientError(
            f"The rate of {rate:g}/s could not be kept: {paced.sent:,} of {paced.wanted:,} events left in "
            f"{paced.took:.1f} s; ask for less, or send from several processes."
        )


def _replay(target: Target, path: Path, delay: float, *, moved: bool) -> None:
    from headwater.stream.answers import Tally
    from headwater.stream.client import Sender
    from headwater.stream.lines import lines_of, until_now
    from headwater.stream.replay import replay

    def tell(line: "Line", verdict: "Verdict") -> None:
        why = ": ".join(part for part in (verdict.reason, verdict.detail) if part)
        if why:
            typer.echo(f"line {line.number:,}: refused: {why}")
        elif delay:
            typer.echo(f"line {line.number:,}: {verdict.status}")

    lines = lines_of(path)
    later = until_now(path) if moved else None
    tally = Tally()
    sender = Sender(target.url, typer.echo)
    try:
        replay(lines, sender, target, tally, tell, delay=delay, later=later)
    finally:
        sender.close()
        say(f"{counted(tally.count, 'line')} sent: {tally}.")


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(stream)
