"""Every choice a user can make: headwater.toml and HEADWATER_* variables, as one typed object."""

from headwater.settings.checks import did_you_mean, masked, nearest
from headwater.settings.keys import (
    Attribution,
    ChannelRule,
    Collect,
    Dashboard,
    Prices,
    Serve,
    Settings,
    Stream,
    WarehouseSettings,
)
from headwater.settings.pattern import check_pattern
from headwater.settings.read import FILE_NAME, flat, load_settings, variable
from headwater.settings.template import DEFAULT_TOML

__all__ = [
    "DEFAULT_TOML",
    "FILE_NAME",
    "Attribution",
    "ChannelRule",
    "Collect",
    "Dashboard",
    "Prices",
    "Serve",
    "Settings",
    "Stream",
    "WarehouseSettings",
    "check_pattern",
    "did_you_mean",
    "flat",
    "load_settings",
    "masked",
    "nearest",
    "variable",
]
