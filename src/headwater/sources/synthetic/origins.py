"""Where visits come from: what each origin says, and how it shows in the events of the page one lands on.

`source`, `medium` and `campaign` are what a reader of the events should find; the other fields are the traces
they leave. The two are written down side by side, by hand: the truth comes out of no code that reads traces.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Origin:
    source: str | None = None  # None: this origin says nothing
    medium: str | None = None
    campaign: str | None = None
    channel: str = "Direct"
    referrer: str | None = None
    query: str | None = None  # of the landing page; {click} becomes a click id of its own
    collected: dict[str, str] = field(default_factory=dict)  # the columns of collected_traffic_source
    acquired: tuple[str, str, str] = (
        "(direct)",
        "(none)",
        "(direct)",
    )  # traffic_source: source, medium, name
    newcomers: float = 0.0  # weight among first visits
    returners: float = 0.0  # weight among later visits
    pull: float = 1.0  # how readily such a visit buys


def _tagged(
    source: str,
    medium: str,
    campaign: str,
    channel: str,
    weights: tuple[float, float, float],
    *,
    shown_as: str | None = None,
    content: str | None = None,
    referrer: str | None = None,
    also: str = "",
) -> Origin:
    """A click with utm_* in the page's address, which GA4 copies to collected_traffic_source."""
    shown = shown_as or source
    query = f"utm_source={shown}&utm_medium={medium}&utm_campaign={campaign.replace(' ', '%20')}"
    collected = {"manual_source": shown, "manual_medium": medium, "manual_campaign_name": campaign}
    if content:
        query += f"&utm_content={content}"
        collected["manual_content"] = content
    newcomers, returners, pull = weights
    return Origin(
        source, medium, campaign, channel, referrer, query + also, collected,
        (source, medium, campaign), newcomers, returners, pull,
    )  # fmt: skip


def _seen(
    source: str, medium: str, channel: str, referrer: str, weights: tuple[float, float, float]
) -> Origin:
    """A click without any tag: the referrer alone says where it came from."""
    newcomers, returners, pull = weights
    name = "(organic)" if medium == "organic" else "(referral)"
    return Origin(
        source, medium, None, channel, referrer,
        acquired=(source, medium, name), newcomers=newcomers, returners=returners, pull=pull,
    )  # fmt: skip


_GOOGLE, _BING, _FACEBOOK = "https://www.google.com/", "https://www.bing.com/", "https://l.facebook.com/"

ORIGINS = [
    Origin(newcomers=14, returners=42, pull=1.2),
    # The shop's own banner, tagged by mistake: a self-referral, which says nothing.
    Origin(
        query="utm_source=rivermill.example&utm_medium=banner&utm_campaign=house_promo",
        collected={
            "manual_source": "rivermill.example",
            "manual_medium": "banner",
            "manual_campaign_name": "house_promo",
        },
    ),
    Origin(
        "google", "cpc", None, "Paid Search", _GOOGLE, "gclid={click}", {"gclid": "{click}"},
        ("google", "cpc", "brand_search"), 12, 6, 1.4,
    ),
    Origin(
        "google", "cpc", None, "Paid Search", None, "gad_source=1&gclid={click}", {"gclid": "{click}"},
        ("google", "cpc", "generic_search"), 5, 2, 0.9,
    ),
    Origin(
        "bing", "cpc", None, "Paid Search", _BING, "msclkid={click}", {},
        ("bing", "cpc", "bing_search"), 4, 2, 1.3,
    ),
    Origin(
        "google", "organic", None, "Organic Search", _GOOGLE, "srsltid={click}", {"srsltid": "{click}"},
        ("google", "organic", "(organic)"), 3, 1, 1.1,
    ),
    Origin(
        "facebook", "referral", None, "Organic Social", _FACEBOOK, "fbclid={click}", {},
        ("facebook", "referral", "(referral)"), 3, 2, 0.5,
    ),
    _tagged("facebook", "paid_social", "autumn_look", "Paid Social", (5, 2, 0.7),
            referrer=_FACEBOOK, content="carousel", also="&fbclid={click}"),
    _tagged("facebook", "paid_social", "Spring Sale", "Paid Social", (3, 2, 0.8), shown_as="Facebook"),
    _tagged("instagram", "paid_social", "autumn_look", "Paid Social", (3, 1, 0.6),
            referrer="https://l.instagram.com/", content="story"),
    _tagged("newsletter", "email", "welcome", "Email", (1, 3, 1.8), content="button"),
    *(
        _tagged("newsletter", "email", f"letter_{number}", "Email", (0.3, 2.2, 1.7), content="lead")
        for number in range(1, 7)
    ),
    _tagged("awin", "affiliate", "partners", "Affiliates", (2, 1, 1.2), referrer="https://dealbasket.example/"),
    _tagged("teablog.example", "affiliate", "reviews", "Affiliates", (1, 0.5, 1.5),
            referrer="https://teablog.example/best-teapots"),
    _tagged("adnetwork", "cpm", "prospecting", "Display", (3, 0.5, 0.3)),
    _tagged("adnetwork", "cpm", "retargeting", "Display", (0.3, 3, 0.9), referrer="https://dailypost.example/"),
    _seen("google", "organic", "Organic Search", _GOOGLE, (17, 9, 1.0)),
    _seen("google", "organic", "Organic Search", "https://www.google.co.uk/", (3, 1.5, 1.0)),
    _seen("bing", "organic", "Organic Search", _BING, (3, 1.5, 1.0)),
    _seen("duckduckgo", "organic", "Organic Search", "https://duckduckgo.com/", (2, 1, 1.1)),
    _seen("yahoo", "organic", "Organic Search", "https://search.yahoo.com/", (1, 0.5, 0.9)),
    _seen("chatgpt", "ai-assistant", "AI Assistant", "https://chatgpt.com/", (2.5, 1, 1.3)),
    _seen("perplexity", "ai-assistant", "AI Assistant", "https://www.perplexity.ai/", (0.8, 0.4, 1.3)),
    _seen("gemini", "ai-assistant", "AI Assistant", "https://gemini.google.com/", (0.7, 0.3, 1.2)),
    _seen("claude", "ai-assistant", "AI Assistant", "https://claude.ai/", (0.5, 0.3, 1.3)),
    _seen("t.co", "referral", "Organic Social", "https://t.co/", (2, 1, 0.4)),
    _seen("instagram.com", "referral", "Organic Social", "https://l.instagram.com/", (3, 2, 0.5)),
    _seen("reddit.com", "referral", "Organic Social", "https://www.reddit.com/", (1.5, 0.7, 0.6)),
    _seen("dailypost.example", "referral", "Referral", "https://dailypost.example/gifts", (1.5, 0.4, 0.5)),
    _seen("homejournal.example", "referral", "Referral", "https://homejournal.example/rooms", (1, 0.4, 0.7)),
]  # fmt: skip

DIRECT = 0
HOUSE_PROMO = 1
LETTERS = np.array([n for n, origin in enumerate(ORIGINS) if (origin.campaign or "").startswith("letter_")])
SPEAKS = np.array([origin.source is not None for origin in ORIGINS])
PULL = np.array([origin.pull for origin in ORIGINS])
NEWCOMERS = np.array([origin.newcomers for origin in ORIGINS])
RETURNERS = np.array([origin.returners for origin in ORIGINS])
# A click in the middle of a visit: any origin that leaves a trace, and now and then the shop's own banner.
SECOND_CLICKS = np.where(SPEAKS, RETURNERS, 0.0)
SECOND_CLICKS[HOUSE_PROMO] = 8.0
HAS_CLICK_ID = np.array(["{click}" in (origin.query or "") for origin in ORIGINS])

# What a touch says, as one code for each different (source, medium, campaign): what the origins say, and what
# traffic_source says of them (its campaign differs: "(organic)", or an advertiser's own name for a click id).
Label = tuple[str, str, str]
_said: list[Label] = [
    (o.source, o.medium or "", o.campaign or "") if o.source else ("(direct)", "(none)", "") for o in ORIGINS
]
_acquired: list[Label] = [o.acquired if o.source else ("(direct)", "(none)", "") for o in ORIGINS]
LABELS: list[Label] = sorted({*_said, *_acquired})
SAID = np.array([LABELS.index(label) for label in _said])
ACQUIRED = np.array([LABELS.index(label) for label in _acquired])
SAYS_DIRECT = LABELS.index(("(direct)", "(none)", ""))
