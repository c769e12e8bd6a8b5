"""The only room with a socket: feeds fetched politely, safely, and as values."""

from tasks.fetch.client import Fetcher, Unanswered
from tasks.fetch.guard import Blocked, check
from tasks.fetch.policy import FetchPolicy
from tasks.fetch.shard import close, fetch_batches, fetch_shard

__all__ = ["Blocked", "FetchPolicy", "Fetcher", "Unanswered", "check", "close", "fetch_batches", "fetch_shard"]
