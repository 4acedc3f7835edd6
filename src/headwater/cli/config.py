"""init, config show: where the settings come from."""

import json
from typing import Annotated

import typer

from headwater.cli.frame import Frame, say
from headwater.errors import SettingsError


def init(context: typer.Context) -> None:
    """Write a headwater.toml with every setting and its default."""
    from headwater.settings import DEFAULT_TOML, FILE_NAME

    frame: Frame = context.obj
    path = frame.home / FILE_NAME
    try:
        frame.home.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(DEFAULT_TOML)
    except FileExistsError:
        if not frame.home.is_dir():
            raise SettingsError(f"{frame.home} is a file; name a folder with --home.") from None
        raise SettingsError(
            f"{path} is there already and stays as it is; edit it, or move it away and run init again."
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written ({error.strerror}); name another folder with --home."
        ) from None
    say(f"Wrote {path}. Set the timezone in it to the GA4 property's, then:")
    say(f"  {frame.command('load', 'PATH')}   bring in GA4 exports, NDJSON or CSV files")
    say(f"  {frame.command('build')}       compute the attribution")


def show(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array instead of a table.")] = False,
) -> None:
    """Show every setting, its value and where it comes from; passwords are masked."""
    from headwater.cli.render import print_rows
    from headwater.settings import flat

    settings = context.obj.settings
    rows = [
        {"key": key, "value": value, "from": settings.origins[key]} for key, value in flat(settings).items()
    ]
    if as_json:
        say(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        print_rows(["key", "value", "from"], [[row["key"], _toml(row["value"]), row["from"]] for row in rows])


def _toml(value: object) -> str:
    # JSON writes strings, numbers, booleans and lists as TOML does.
    return json.dumps(value, ensure_ascii=False)


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(init)
    config = typer.Typer(help="What is set, and where.", no_args_is_help=False)
    config.command(epilog=epilog)(show)
    # A second command keeps `show` a word of its own: Typer folds an application of one command into it.
    config.callback()(lambda: None)
    app.add_typer(config, name="config")
