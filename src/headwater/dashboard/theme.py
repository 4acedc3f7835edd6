"""How Streamlit itself looks here: its widgets beside our drawings, by day and by night."""

_LIGHT = {
    "primaryColor": "#1d7f8c",
    "backgroundColor": "#f8f8f6",
    "secondaryBackgroundColor": "#ffffff",
    "textColor": "#1b2127",
    "borderColor": "#e4e3de",
    "linkColor": "#17697a",
}
_DARK = {
    "primaryColor": "#3fb2bf",
    "backgroundColor": "#12161a",
    "secondaryBackgroundColor": "#1a2026",
    "textColor": "#e6e9ec",
    "borderColor": "#2b333b",
    "linkColor": "#5cc3cf",
}
_BOTH = {
    "font": "sans-serif",
    "baseFontSize": 15,
    "baseRadius": "8px",
    "buttonRadius": "8px",
    "showWidgetBorder": True,
}


def options() -> dict[str, object]:
    return {
        **{f"theme.{name}": value for name, value in _BOTH.items()},
        **{f"theme.light.{name}": value for name, value in _LIGHT.items()},
        **{f"theme.dark.{name}": value for name, value in _DARK.items()},
    }
