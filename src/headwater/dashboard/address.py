"""What the address of a page says, and what is remembered from page to page: the same thing.

A new view begins with its address. From then on the view knows best, since a browser tells its address a little
late; only an address that the view has not written itself is read again."""

from collections.abc import Callable

import streamlit as st

from headwater.dashboard.filters import Filters, read
from headwater.dashboard.meta import Meta

Address = dict[str, list[str]]

_FILTERS, _OWN, _WRITTEN = "filters", "own", "written"
_REMEMBERED = 8


def filters(meta: Meta) -> Filters:
    _take_in(meta)
    found: Filters = st.session_state[_FILTERS]
    return found


def narrow(change: Callable[[Filters], Filters]) -> None:
    st.session_state[_FILTERS] = change(st.session_state[_FILTERS])


def own(name: str) -> str | None:
    """What one page has in its address besides."""
    found: str | None = st.session_state.get(_OWN, {}).get(name)
    return found


def set_own(name: str, value: str | None) -> None:
    kept = {**st.session_state.get(_OWN, {}), name: value}
    st.session_state[_OWN] = {key: value for key, value in kept.items() if value}


OWN_NAMES = ("measure", "id")


def write(chosen: Filters | None, own_names: tuple[str, ...]) -> None:
    """The filters of pages that have some, and what is the page's own."""
    wanted: Address = chosen.in_url() if chosen else {}
    kept = st.session_state.get(_OWN, {})
    wanted |= {name: [kept[name]] for name in own_names if kept.get(name)}
    if wanted != _given():
        written = [*st.session_state[_WRITTEN], wanted]
        st.session_state[_WRITTEN] = written[-_REMEMBERED:]
        st.query_params.from_dict(wanted)


def _take_in(meta: Meta) -> None:
    given = _given()
    is_new = _FILTERS not in st.session_state
    if is_new or (given and given not in st.session_state[_WRITTEN]):
        st.session_state[_FILTERS] = read(given, meta.models)
        for name in OWN_NAMES:
            if given.get(name):
                set_own(name, given[name][-1])
        st.session_state[_WRITTEN] = [*st.session_state.get(_WRITTEN, []), given][-_REMEMBERED:]


def _given() -> Address:
    return {name: st.query_params.get_all(name) for name in st.query_params}
