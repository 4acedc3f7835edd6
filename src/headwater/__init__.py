"""headwater: where customers come from."""

__version__ = "0.1.0"
