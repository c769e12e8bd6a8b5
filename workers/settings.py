"""Every setting once: name, unit, default, meaning. Read once per process, from `WIREROOM_*` or from secret files."""

from __future__ import annotations

import tempfile
from functools import cache
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import Field, HttpUrl, SecretStr, ValidationError
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# Docker and Kubernetes mount secrets here, one file per setting, named like the variable in lower case.
SECRETS = Path("/run/secrets")
# A unix socket's path may have 107 bytes (unix(7)).
LONGEST_SOCKET = 100
# What `storage.db.make_engine` has a driver for.
DATABASES = ("postgresql", "postgres", "postgresql+psycopg", "sqlite")


class BadSettings(Exception):
    """A setting has a value that cannot be used; the text names the variable, the value's fault and the remedy."""


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _networks(blocks: tuple[str, ...]) -> tuple[str, ...]:
    for block in blocks:
        ip_network(block, strict=False)
    return blocks


def _spoken(*schemes: str) -> AfterValidator:
    """A URL that begins with one of these schemes; the fault does not repeat it, since it may hold a password."""

    def check(url: SecretStr) -> SecretStr:
        if url.get_secret_value().partition("://")[0] not in schemes:
            raise ValueError(f"a URL that begins with {', '.join(f'{scheme}://' for scheme in schemes)} is needed")
        return url

    return AfterValidator(check)


class Settings(BaseSettings):
    """What can be set from outside. Times are in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="WIREROOM_",
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
        frozen=True,
        extra="ignore",
    )

    data_dir: Path = Field(
        Path(".wireroom"), description="Folder of the embedded default: database, Redis files, logs."
    )
    database_url: Annotated[SecretStr, _spoken(*DATABASES)] | None = Field(
        None, description="SQLAlchemy URL; SQLite in the data folder when not set. `postgresql://…` for containers."
    )
    redis_url: Annotated[SecretStr, _spoken("redis", "rediss", "unix")] | None = Field(
        None, description="Broker and event stream; a Redis of our own as child process when not set."
    )
    redis_ca: Path | None = Field(
        None,
        description="File of the certificates that a `rediss://` server is trusted by; the system's when not set.",
    )
    stream: str = Field("wireroom:events", description="Key of the Redis stream that events are published to.")
    stream_megabytes: int | None = Field(
        None, ge=1, description="Memory that the stream may have; 16 in a Redis of our own, 256 elsewhere."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto` is console in a terminal and JSON elsewhere."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least level that is logged."
    )
    rules: Path | None = Field(None, description="YAML file with the operator's tagging rules.")
    contact: HttpUrl | None = Field(
        None, description="A page about you; named in the User-Agent so that publishers can reach you."
    )
    allow_networks: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_networks)] = Field(
        (), description="Private networks that may be polled all the same, as comma-separated CIDR blocks."
    )
    host_limit: int = Field(2, ge=1, description="Requests in flight to one host, of all workers together.")
    host_delay: float = Field(0.0, ge=0, description="Least seconds between two requests to one host.")
    polls_per_minute: float | None = Field(
        None, gt=0, description="Budget of requests a minute for all feeds; without it a feed's rhythm alone decides."
    )
    websub_url: HttpUrl | None = Field(
        None, description="Where hubs reach `wireroom websub`; feeds are pushed only when it is set and running."
    )
    websub_host: str = Field("127.0.0.1", description="Address that `wireroom websub` listens on.")
    websub_port: int = Field(8791, ge=1, le=65535, description="Port that `wireroom websub` listens on.")
    tick: float = Field(5.0, ge=0.2, description="Seconds between two looks for due feeds and waiting documents.")
    shard: int = Field(100, ge=1, le=1000, description="Feeds that one task polls side by side.")
    task_seconds: int = Field(
        120,
        ge=10,
        description="Seconds after which a task is killed; what a killed worker held is another's half a minute later.",
    )
    stop_seconds: int = Field(
        20, ge=1, description="Seconds that a stopping worker leaves its running tasks; 3 in `wireroom run`."
    )
    concurrency: int | None = Field(
        None, ge=1, description="Child processes of a worker; one per core when not set, one in `wireroom run`."
    )
    threshold: float = Field(0.5, ge=0, le=1, description="Confidence below which a line is marked, not removed.")
    event_payload: Literal["full", "ids"] = Field(
        "full", description="Whether events carry the article or only its ids."
    )
    events_host: str = Field("127.0.0.1", description="Address that `wireroom events serve` listens on.")
    events_port: int = Field(8787, ge=0, le=65535, description="Port that `wireroom events serve` listens on.")
    events_token: SecretStr | None = Field(
        None, description="Bearer token that `wireroom events serve` asks for; without one everybody may read."
    )
    metrics_host: str = Field("127.0.0.1", description="Address that metrics, `/healthz` and `/readyz` are served on.")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of metrics and probes, of each process; 0 serves none. `wireroom run` gives it to the relay "
        "and the next one to the worker.",
    )
    otlp_url: HttpUrl | None = Field(
        None,
        description="Where traces go, as OTLP over HTTP: `http://collector:4318/v1/traces`; needs the extra `otel`. "
        "None are made when not set.",
    )
    story_window_days: int = Field(7, ge=1, le=60, description="Days within which copies of a text make one story.")
    delta_audit: float = Field(
        0.01, ge=0, le=1, description="Share of documents that are read whole as well, to audit reading only new items."
    )
    page_wait_seconds: int = Field(
        120, ge=0, description="Seconds that a document of teasers waits for its articles' pages (`feeds set --pages`)."
    )
    keep_documents_days: int = Field(30, ge=1, description="Days that raw documents are kept (longer while in use).")
    keep_articles_days: int | None = Field(
        None,
        ge=1,
        description="Days that an article is kept after its last change, longer while its feed has it; else for ever.",
    )
    keep_events_days: int = Field(30, ge=1, description="Days that events can be replayed.")

    @property
    def database(self) -> str:
        """The database URL in force."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir.resolve() / 'wireroom.db'}"

    @property
    def redis(self) -> str:
        """The Redis URL in force; the embedded server listens on a socket in the data folder.

        For TLS it says all there is to check: Celery's transport speaks plainly where the URL is silent.
        """
        if self.redis_url is not None:
            return _checked(self.redis_url.get_secret_value(), self.redis_ca)
        return f"unix://{self.redis_socket}"

    @property
    def broker(self) -> str:
        """The same server as Celery spells it."""
        return self.redis.replace("unix://", "redis+socket://", 1)

    @property
    def redis_socket(self) -> Path:
        """Where the embedded Redis listens: in the data folder, or under a short name when that path is too long."""
        inside = self.data_dir.resolve() / "redis.sock"
        if len(str(inside).encode()) <= LONGEST_SOCKET:
            return inside
        return Path(tempfile.gettempdir()) / f"wireroom-{sha256(str(inside).encode()).hexdigest()[:16]}.sock"

    @property
    def lease_seconds(self) -> int:
        """How long a row stays a worker's that gives no more sign of life; extended while it works on it."""
        return min(30, self.task_seconds)

    @property
    def embedded_redis(self) -> bool:
        """Whether we start a Redis of our own."""
        return self.redis_url is None


def _checked(url: str, ca: Path | None) -> str:
    """A `rediss://` URL with what is to be checked of the server's certificate; what it says itself stays."""
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return url
    wanted = {"ssl_cert_reqs": "required", "ssl_check_hostname": "true"}
    if ca is not None:
        wanted["ssl_ca_certs"] = str(ca.resolve())
    return urlunsplit(parts._replace(query=urlencode(wanted | dict(parse_qsl(parts.query)))))


@cache
def settings() -> Settings:
    """The settings of this process; raises BadSettings naming every variable that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"WIREROOM_{'_'.join(str(part) for part in fault['loc']).upper()}: "
            f"{fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise BadSettings(f"{faults}. docs/settings.md lists every setting with its unit and default") from error
