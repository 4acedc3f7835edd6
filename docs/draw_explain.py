"""Draws docs/explain.svg: a page of `headwater explain` as it looks in a terminal.

headwater explain ORDER | python docs/draw_explain.py >docs/explain.svg"""

import sys
from html import escape

WIDTH, LINE, SIZE, PAD = 8.43, 19, 14, 24
BACK, PLAIN, FAINT, STRONG, ACCENT = "#0f1720", "#c9d5e0", "#7d8fa1", "#ffffff", "#5cc8ff"
HEADINGS = ("The journey", "Credit", "Devices of", "Settings that", "The value")


def colour(line: str, first: bool) -> tuple[str, str]:
    text = line.strip(" │")
    if first or line.startswith(HEADINGS):
        return STRONG, "bold"
    if text.startswith(("step ", "◆", "+ ")):
        return ACCENT, "normal"
    if text.startswith(
        ("left out", "ignored", "collapsed", "nothing said", "tagged", "referrer", "gclid", "srsltid")
    ):
        return FAINT, "normal"
    return PLAIN, "normal"


def draw(lines: list[str]) -> str:
    width = int(max(map(len, lines)) * WIDTH) + 2 * PAD
    height = len(lines) * LINE + 2 * PAD
    texts = []
    for number, line in enumerate(lines):
        fill, weight = colour(line, number == 0)
        y = PAD + SIZE + number * LINE
        texts.append(
            f'<text x="{PAD}" y="{y}" fill="{fill}" font-weight="{weight}" xml:space="preserve">{escape(line)}</text>'
        )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
            f' font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="{SIZE}">',
            f'<rect width="100%" height="100%" rx="10" fill="{BACK}"/>',
            *texts,
            "</svg>",
        ]
    )


if __name__ == "__main__":
    print(draw(sys.stdin.read().rstrip().split("\n")))
