"""Why a conversion was credited as it was: the facts from the tables, and the page that tells them."""

from headwater.explain.facts import Explanation
from headwater.explain.gather import explain
from headwater.explain.page import page

__all__ = ["Explanation", "explain", "page"]
