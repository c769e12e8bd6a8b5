"""Webhooks by the Standard Webhooks specification: how a message is signed, what an answer means, when to try again.

Pure. The few lines of signing are our own: the reference library brings an HTTP client and four more packages.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from hashlib import sha256

PREFIX = "whsec_"
# Seconds before attempt 1, 2, 3, …: the schedule of the specification, 75.6 hours in all.
SCHEDULE = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
# A tenth more or less, so that an endpoint that comes back is not met by everything at once.
JITTER = 0.1
LONGEST_RETRY_AFTER = timedelta(hours=24)
# While an endpoint fails, one probe after these seconds; the last one repeats.
PROBES = (1, 5, 15, 60, 300)
# An endpoint that failed for so long without one success is disabled.
PATIENCE = timedelta(days=5)


class Verdict(StrEnum):
    """What to do after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DISABLE = "disable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How an attempt ended: a status with the wish of the receiver, or an error when there was none."""

    at: datetime
    milliseconds: int
    status: int | None = None
    retry_after: str | None = None
    error: str | None = None


def new_secret() -> str:
    """A signing secret: 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(keys: Sequence[str], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message; one signature for each secret, so that a receiver may change over in his own time."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = [
        base64.b64encode(hmac.digest(base64.b64decode(key.removeprefix(PREFIX)), signed, sha256)).decode()
        for key in keys
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def valid_secrets(kept: Sequence[Mapping[str, str | None]], now: datetime) -> list[str]:
    """The secrets to sign with now, the newest first."""
    return [
        str(secret["secret"])
        for secret in kept
        if secret.get("until") is None or datetime.fromisoformat(str(secret["until"])) > now
    ]


def rotated(kept: Sequence[Mapping[str, str | None]], secret: str, *, until: datetime) -> list[dict[str, str | None]]:
    """The secrets after a change: the new one for good, the former ones until then at the longest."""
    former = [
        {"secret": old["secret"], "until": min(str(old.get("until") or until.isoformat()), until.isoformat())}
        for old in kept
    ]
    return [{"secret": secret, "until": None}, *former]


def judge(answer: Answer) -> Verdict:
    """2xx is delivered, 410 means never again, everything else (redirects too) is tried again."""
    if answer.status is not None and 200 <= answer.status < 300:
        return Verdict.DELIVERED
    return Verdict.DISABLE if answer.status == 410 else Verdict.RETRY


def next_attempt(attempts: int, answer: Answer, *, chance: float) -> datetime | None:
    """When to try again after so many attempts, None when it is enough; `chance` from 0 to 1 spreads the attempts."""
    if attempts >= len(SCHEDULE):
        return None
    wait = timedelta(seconds=SCHEDULE[attempts] * (1 - JITTER + 2 * JITTER * chance))
    wished = retry_after(answer)
    return answer.at + (wait if wished is None else max(wait, min(wished, LONGEST_RETRY_AFTER)))


def next_probe(failures: int, answer: Answer) -> datetime:
    """Until when a failing endpoint is left alone."""
    wait = timedelta(seconds=PROBES[min(failures, len(PROBES)) - 1])
    wished = retry_after(answer)
    return answer.at + (wait if wished is None else max(wait, min(wished, LONGEST_RETRY_AFTER)))


def retry_after(answer: Answer) -> timedelta | None:
    """The Retry-After of an answer (RFC 9110 §10.2.3), None when it has none that can be read."""
    text = (answer.retry_after or "").strip()
    if text.isdecimal() and len(text) < 9:
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(timedelta(0), moment - answer.at)
