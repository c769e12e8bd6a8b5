"""Dead letters: events that a handler could not handle, with the reason; list them, try them again, drop them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from .events import Event, event_of
from .keys import Keys

PAGE = 200


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event that was given up; `number` names it here."""

    number: str
    group: str
    reason: str
    tries: int
    at: str
    event: Event


def fields_of(event: Event) -> dict[str, str]:
    """An event as the streams keep it."""
    return {
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "feed": "" if event.feed is None else str(event.feed),
        "ce": event.body,
    }


def letter_of(number: str, fields: Mapping[str, str]) -> DeadLetter:
    """The dead letter in an entry."""
    return DeadLetter(
        number=number,
        group=fields["group"],
        reason=fields["reason"],
        tries=int(fields["tries"]),
        at=fields["at"],
        event=event_of(int(fields["position"]), fields, tries=int(fields["tries"])),
    )


def dead_letters(client: Redis, stream: str, *, group: str | None = None) -> Iterator[DeadLetter]:
    """Every dead letter (of a group), oldest first."""
    after = "-"
    while page := _page(client, stream, after):
        for number, fields in page:
            letter = letter_of(number, fields)
            if group is None or letter.group == group:
                yield letter
        after = f"({page[-1][0]}"


def _page(client: Redis, stream: str, after: str) -> Any:
    return client.xrange(f"{stream}:dead", min=after, count=PAGE)


def retry(client: Redis, stream: str, letter: DeadLetter) -> None:
    """Have the letter's group handle it once more; if that fails it is a dead letter again."""
    keys = Keys(stream, letter.group)
    fields: Any = fields_of(letter.event) | {"position": str(letter.event.position), "tries": str(letter.tries)}
    with client.pipeline(transaction=True) as pipe:
        pipe.xadd(keys.again, fields)
        pipe.xdel(keys.dead, letter.number)
        pipe.execute()


def drop(client: Redis, stream: str, letter: DeadLetter) -> None:
    """Forget the letter; the event stays in the database and can be replayed."""
    client.xdel(f"{stream}:dead", letter.number)
