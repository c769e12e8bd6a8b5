"""What can be wrong with a request to the store.

StoreError
├── UnknownFeed       no feed by that id, URL or title
├── Ambiguous         several feeds, articles or stories answer to it
├── DuplicateFeed     the URL is subscribed already
├── UnknownArticle    no article by that id
├── UnknownStory      no story by that id
├── UnknownWebhook    no webhook by that number
├── BadEncoding       the database does not keep Unicode
├── NewerSchema       a later release has migrated the database
├── Taken             another process is at what was asked for
├── Raced             another process wrote what this one had read; read again and redo
└── LeaseLost         another process holds the lease by now; stop, and stand by
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of everything in this module; its text names the thing and the remedy."""


class UnknownFeed(StoreError):
    """No feed by that reference."""


class Ambiguous(StoreError):
    """Several feeds, articles or stories answer to the reference."""


class DuplicateFeed(StoreError):
    """The feed's URL is subscribed already."""


class UnknownArticle(StoreError):
    """No article by that id."""


class UnknownStory(StoreError):
    """No story by that id."""


class UnknownWebhook(StoreError):
    """No webhook by that number."""


class BadEncoding(StoreError):
    """The database is encoded otherwise than as UTF-8."""


class NewerSchema(StoreError):
    """The database stands at a migration that this version does not have."""


class Taken(StoreError):
    """Another process is at what was asked for."""


class Raced(StoreError):
    """What was read is no longer so; the unit of work must be read and decided anew."""


class LeaseLost(StoreError):
    """Another process has taken the lease over; whoever catches this must write nothing more under it."""
