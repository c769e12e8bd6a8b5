"""Feeds of our own words for the benchmarks of the line: RSS, German and English, with copies and repeated teasers."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache

from benchmarks import enrichers

ENTRIES = 30
WORDS = 450  # of body
COPIES = 0.2  # share of entries that another feed has, too
TEASER_AGAIN = 0.04  # share of entries whose body begins with the teaser
BEGIN = datetime(2026, 1, 5, 6, tzinfo=UTC)


def feed(number: int, *, fresh: int = 0) -> bytes:
    """The document of a feed; with `fresh` as many new entries stand before the others, which are cut to `ENTRIES`."""
    language = "de" if number % 2 else "en"
    places = [*range(-fresh, 0), *range(ENTRIES - fresh)]
    items = "".join(_item(number, place, language) for place in places)
    head = f"<title>Bench {number}</title><link>https://bench{number}.example/</link><language>{language}</language>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()


def _item(number: int, place: int, language: str) -> str:
    pick = random.Random(f"{number}/{place}")
    copied = pick.random() < COPIES
    story = f"shared {pick.randrange(100)}" if copied else f"own {number} {place}"
    headline, teaser, blocks = _story(story, language)
    body = "".join(_markup(random.Random(f"{story}/{at}"), text) for at, text in enumerate(blocks))
    if pick.random() < TEASER_AGAIN:
        body = f"<p>{teaser}</p>{body}"
    link = f"https://bench{number}.example/{place}/{'-'.join(headline.lower().split()[:4])}"
    published = format_datetime(BEGIN - timedelta(minutes=37 * place))
    return (
        f"<item><title>{headline}</title><link>{link}?utm_source=rss</link><guid>{link}</guid>"
        f"<pubDate>{published}</pubDate><category>Politik</category><description>{teaser}</description>"
        f'<content:encoded xmlns:content="http://purl.org/rss/1.0/modules/content/"><![CDATA[{body}]]></content:encoded>'
        "</item>\n"
    )


def _markup(pick: random.Random, text: str) -> str:
    """A paragraph as publishers dress it."""
    kind = pick.random()
    first, _, rest = text.partition(" ")
    if kind < 0.15:
        link = f'<a href="/thema/{pick.randrange(999)}?ref=rss&amp;x=1">mehr</a>'
        return f"<p><strong>{first}</strong> {rest} {link}</p>\n"
    if kind < 0.25:
        image = f'<img src="/img/{pick.randrange(999)}.jpg" alt="{first}" width="640" height="360" />'
        return f"<figure>{image}<figcaption>{' '.join(text.split()[:9])}</figcaption></figure>\n<p>{text}</p>\n"
    if kind < 0.35:
        return "<ul>" + "".join(f"<li>{line.strip()}.</li>" for line in text.split(".") if line.strip()) + "</ul>\n"
    return f'<blockquote class="q"><p>{text}</p></blockquote>\n' if kind < 0.42 else f"<p>{text}</p>\n"


@cache
def _words(language: str) -> list[str]:
    """The words of the benchmark's sentences: shuffled, they make texts that share no sentence."""
    sentences = enrichers.GERMAN if language == "de" else enrichers.ENGLISH
    return [word for sentence in sentences for word in sentence.split() if word[0] not in "{.,"]


def _story(name: str, language: str) -> tuple[str, str, list[str]]:
    """Headline, teaser and paragraphs of a piece of some `WORDS` words, the same for the same name."""
    pick = random.Random(f"{name}/{language}")
    people = [
        f"{pick.choice(enrichers.FIRST)} {''.join(pick.choices(enrichers.SYLLABLES, k=3)).capitalize()}"
        for _ in range(3)
    ]
    places = pick.sample(enrichers.PLACES[language], 3)

    def sentence() -> str:
        words = pick.choices(_words(language), k=pick.randint(9, 19))
        if pick.random() < 0.4:
            words.insert(pick.randrange(1, 7), pick.choice([*people, *places]))
        return f"{words[0].capitalize()} {' '.join(words[1:])}"

    def paragraph() -> str:
        return " ".join(f"{sentence()}." for _ in range(pick.randint(2, 4)))

    blocks: list[str] = []
    while sum(block.count(" ") for block in blocks) < WORDS:
        blocks.append(paragraph())
    return f"{people[0]} {sentence()}"[:70].rsplit(" ", 1)[0], f"{sentence()}. {sentence()}.", blocks
