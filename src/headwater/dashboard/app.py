"""All pages, and what surrounds them."""

from collections.abc import Callable
from importlib.resources import files

import streamlit as st

from headwater.dashboard.canvas import style
from headwater.dashboard.pages import channels, explain, health, journeys, live, overview

PAGES: dict[str, Callable[[], None]] = {
    "Overview": overview.page,
    "Channels": channels.page,
    "Journeys": journeys.page,
    "Live": live.page,
    "Explain": explain.page,
    "Health": health.page,
}


def view() -> None:
    icon = str(files("headwater.dashboard") / "icon.svg")
    st.set_page_config(page_title="headwater", page_icon=icon, layout="wide")
    st.html(style())
    st.logo(str(files("headwater.dashboard") / "logo.svg"), size="large", link=None)
    pages = {
        name: st.Page(page, title=name, url_path=name.lower(), default=name == "Overview")
        for name, page in PAGES.items()
    }
    st.session_state["pages"] = pages
    st.navigation(list(pages.values()), position="top").run()
