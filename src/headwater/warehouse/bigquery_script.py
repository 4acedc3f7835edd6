"""Statements that happen together or not at all, as one script."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_ROWS = 2_000  # of one parameter


def in_transaction(statements: Sequence[str]) -> list[str]:
    """Rolled back by the script itself: within a session a transaction would outlive a script that fails."""
    body = "".join(f"  {one};\n" for one in statements)
    return [
        f"""begin
  begin transaction;
{body}  commit transaction;
exception when error then
  rollback transaction;
  raise using message = @@error.message;
end"""
    ]


@dataclass
class Script:
    """What is to happen in one transaction, until it is sent."""

    statements: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def add(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self.statements.append(sql.strip().rstrip(";"))
        self.parameters += parameters

    @property
    def sql(self) -> str:
        return ";\n".join(in_transaction(self.statements))
