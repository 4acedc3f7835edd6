"""The last days on one page: for a terminal, a program, or a mail."""

from headwater.report.facts import Facts, gather
from headwater.report.page import page

__all__ = ["Facts", "gather", "page"]
