"""What an enricher is given: the article, its language, and its words, split once for all of them."""

from __future__ import annotations

from typing import Final, NamedTuple

from storage.frozen import kept, record
from storage.records import Block, Category, CleanArticle
from tasks.enrich.tokens import tokens

LONGEST: Final = 60_000  # characters of body that are read: ten times a long feature; what is beyond changes no tag
WORDS: Final = 1500  # of body whose classes are looked up, in which names are looked for


class Tokens(NamedTuple):
    """Headline, teaser and body split at white space, punctuation still on, an empty token after each part and block.

    `teaser` and `body` are where theirs begin.
    """

    all: list[str]
    teaser: int
    body: int


@record(frozen=True, kw_only=True)
class EnrichInput:
    """One clean article as the enrichers see it.

    `language` is a BCP 47 primary language, detected before any enricher runs; `feed` is the feed's address and
    `feed_names` are its title and publisher, which rules may ask for. The cached properties are shared by all
    enrichers, so that the text is split only once.
    """

    headline: str
    teaser: str | None = None
    blocks: tuple[Block, ...] = ()
    categories: tuple[Category, ...] = ()
    language: str = "und"
    language_confidence: float = 0.0
    feed_language: str | None = None
    url: str | None = None
    feed: str | None = None
    feed_names: tuple[str, ...] = ()
    dateline: str | None = None

    @classmethod
    def of(
        cls,
        article: CleanArticle,
        *,
        categories: tuple[Category, ...] = (),
        feed_language: str | None = None,
        url: str | None = None,
        feed: str | None = None,
        feed_names: tuple[str, ...] = (),
    ) -> EnrichInput:
        """Make the input from a cleaned article and what its entry and feed say besides."""
        return cls(
            headline=article.headline,
            teaser=article.teaser,
            blocks=article.blocks,
            categories=categories,
            feed_language=feed_language,
            url=url,
            feed=feed,
            feed_names=feed_names,
            dateline=article.dateline,
        )

    def in_language(self, code: str, confidence: float) -> EnrichInput:
        """The same article with its language known; what was split already is kept."""
        # With all that was made of its texts; only the classes of words go by the language.
        known = object.__new__(type(self))
        known.__dict__.update(self.__dict__, language=code, language_confidence=confidence)
        known.__dict__.pop("classes", None)
        return known

    def _readable(self) -> list[str]:
        whole = [block.text for block in self.blocks]
        if sum(map(len, whole)) <= LONGEST:
            return whole
        left = LONGEST
        texts = []
        for text in whole:
            texts.append(text[:left])
            left -= len(text)
            if left <= 0:
                break
        return texts

    @kept
    def body(self) -> str:
        """The blocks, one a line, cut at `LONGEST` characters."""
        return "\n".join(self._readable())

    @kept
    def tokens(self) -> Tokens:
        """All words in one list, as our own enrichers take them."""
        words = self.headline[:LONGEST].split()
        words.append("")
        teaser = len(words)
        words += (self.teaser or "")[:LONGEST].split()
        words.append("")
        body = len(words)
        for text in self._readable():
            words += text.split()
            words.append("")
        return Tokens(words, teaser, body)

    @kept
    def body_tokens(self) -> list[str]:
        """The body split at white space, punctuation still on; after each block stands an empty token."""
        return self.tokens.all[self.tokens.body :]

    @kept
    def lead_tokens(self) -> tuple[list[str], list[str]]:
        """The headline's and the teaser's tokens, with an empty token after each."""
        words, teaser, body = self.tokens
        return words[:teaser], words[teaser:body]

    @kept
    def classes(self) -> bytes:
        """What each of `tokens` is by itself, of the body for the first `WORDS`: bytes of `tokens.py`."""
        words, _, body = self.tokens
        if len(words) > body + WORDS:
            words = words[: body + WORDS]
        return bytes(map(tokens(self.language).__getitem__, words))

    @kept
    def whole(self) -> str:
        """Dateline, teaser and body as one text."""
        return "\n".join([text for text in (self.dateline, self.teaser, self.body) if text])
