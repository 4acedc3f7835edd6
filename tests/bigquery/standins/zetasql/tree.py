"""Ways through the trees that the analyser gives."""

from collections.abc import Iterator
from typing import Any


def concrete(node: Any) -> Any:
    """What an Any… of the protos holds, however deep."""
    while node.DESCRIPTOR.name.startswith("Any"):
        node = getattr(node, node.WhichOneof(node.DESCRIPTOR.oneofs[0].name))
    return node


def ancestor(node: Any, name: str) -> Any | None:
    """The node seen as a more general one."""
    while node.DESCRIPTOR.name != name:
        if "parent" not in node.DESCRIPTOR.fields_by_name:
            return None
        node = node.parent
    return node


def place(node: Any) -> Any:
    """Where the node stands in the text: its first byte and the one after its last."""
    general = ancestor(concrete(node), "ASTNodeProto")
    assert general is not None
    return general.parse_location_range


def nodes(node: Any, name: str) -> Iterator[Any]:
    """All nodes of one name below this one."""
    if node.DESCRIPTOR.name == name:
        yield node
    for field, value in node.ListFields():
        if field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                yield from nodes(item, name)
