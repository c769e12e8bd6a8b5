"""When to poll a feed next, and why: pure, from a result and what is remembered to a time and a reason."""

from tasks.cadence.budget import within
from tasks.cadence.plan import next_poll, phase
from tasks.cadence.rhythm import Rhythm
from tasks.cadence.state import CadencePolicy, FeedState, Incident, Memory, Move, NextPoll

__all__ = [
    "CadencePolicy",
    "FeedState",
    "Incident",
    "Memory",
    "Move",
    "NextPoll",
    "Rhythm",
    "next_poll",
    "phase",
    "within",
]
