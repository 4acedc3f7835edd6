"""What an event says stays text, wherever it stands."""

from headwater.dashboard.charts.sankey import sankey
from headwater.dashboard.charts.tables import Column, Row, named, table, way
from headwater.dashboard.markup import div, join, tag

EVIL = "\"><img src=x onerror=alert(1)><script>alert('x')</script>"


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("b", "<i>") == "<b>&lt;i&gt;</b>"
    assert tag("b", tag("i", "&")) == "<b><i>&amp;</i></b>"
    assert join("a<", tag("i", 1), None) == "a&lt;<i>1</i>"


def test_attributes_are_escaped_and_named_as_html_names_them() -> None:
    assert div("a", data_tip='"x"', title=None) == '<div class="a" data-tip="&quot;x&quot;"></div>'


def test_nothing_of_an_event_becomes_a_tag() -> None:
    links = [{"position": 1, "origin": EVIL, "target": "(conversion)", "conversions": 3, "value": 1}]
    drawn = [
        named(EVIL, "#123456"),
        way([EVIL], [None]),
        table([Column(EVIL)], [Row([EVIL], pick=EVIL)]),
        sankey(links, str),
    ]
    for markup in drawn:
        assert "<img" not in markup
        assert "<script" not in markup
        assert "&lt;img" in markup
