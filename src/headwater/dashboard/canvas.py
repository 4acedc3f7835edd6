"""Shows markup on a page, in place of Streamlit's own charts: those load for seconds and blink at each refresh."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st

from headwater.dashboard.markup import Markup


@cache
def _component() -> Callable[..., Any]:
    script = (files("headwater.dashboard") / "canvas.js").read_text(encoding="utf-8")
    made: Callable[..., Any] = st.components.v2.component("headwater_canvas", js=script, isolate_styles=False)
    return made


@cache
def style() -> str:
    return f"<style>{(files('headwater.dashboard') / 'style.css').read_text(encoding='utf-8')}</style>"


def show(key: str, markup: Markup, on_pick: Callable[[str], None] | None = None) -> None:
    """What has `data-pick` can be clicked; `on_pick` is told its value before the page is made anew."""

    def picked() -> None:
        value = getattr(st.session_state[key], "picked", None)
        if on_pick and isinstance(value, str):
            on_pick(value)

    _component()(key=key, data={"markup": str(markup)}, on_picked_change=picked)
