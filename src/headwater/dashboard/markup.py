"""HTML and SVG in which all text is escaped unless it is markup already: nothing that an event says gets a tag in."""

from html import escape


class Markup(str):
    """Text that is markup. Only this module and whoever writes a literal makes one."""

    __slots__ = ()


Content = str | float | None


def text(content: Content) -> Markup:
    if isinstance(content, Markup):
        return content
    return Markup("" if content is None else escape(str(content), quote=True))


def join(*parts: Content) -> Markup:
    return Markup("".join(text(part) for part in parts))


def tag(name: str, *children: Content, **attributes: Content) -> Markup:
    """`class_` is class, `data_tip` is data-tip; an attribute that is None is left out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{said}>{join(*children)}</{name}>")


def div(class_: str, *children: Content, **attributes: Content) -> Markup:
    return tag("div", *children, class_=class_, **attributes)


def span(class_: str, *children: Content, **attributes: Content) -> Markup:
    return tag("span", *children, class_=class_, **attributes)


def dot(colour: str) -> Markup:
    return span("dot", style=f"--c:{colour}", aria_hidden="true")
