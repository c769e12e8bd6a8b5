"""The validator state machine: what an answer leaves to be sent with the next request (RFC 9110 §8.8, 9111 §3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from storage.records import Validators


def request_headers(held: Validators) -> dict[str, str]:
    """Return the conditional headers for `held`, byte for byte; both where both are held, none where none is."""
    headers: dict[str, str] = {}
    if held.etag is not None:
        headers["If-None-Match"] = held.etag
    if held.last_modified is not None:
        headers["If-Modified-Since"] = held.last_modified
    return headers


def after_document(headers: Mapping[str, str], url: str) -> Validators:
    """Return what a 200 leaves: exactly what it carried. Validators that it does not repeat are void."""
    etag, last_modified = headers.get("etag"), headers.get("last-modified")
    if etag is None and last_modified is None:
        return Validators()
    return Validators(etag=etag, last_modified=last_modified, url=url)


def after_not_modified(held: Validators, headers: Mapping[str, str]) -> Validators:
    """Return what a 304 leaves: the validators it carries replace ours, those it is silent on stay."""
    return Validators(
        etag=headers.get("etag", held.etag),
        last_modified=headers.get("last-modified", held.last_modified),
        url=held.url,
    )
