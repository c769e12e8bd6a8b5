"""Every expression in dashboard and alert rules speaks of metrics and labels that the processes really expose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from processes import Shown, declared, everything
from services import wait_until

from storage.records import FetchOutcome
from tasks.normalize.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
OBSERVE = ROOT / "containers" / "observe"
RULES_FILE = yaml.safe_load((OBSERVE / "rules.yml").read_text())
ALERTS = [rule for group in RULES_FILE["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((OBSERVE / "grafana" / "dashboards" / "wireroom.json").read_text())
SCRAPES = yaml.safe_load((OBSERVE / "prometheus.yml").read_text())
RUNBOOKS = (ROOT / "docs" / "observing.md").read_text()
# What Prometheus itself makes of a target.
OF_TARGETS = {"job", "instance", "service"}
UP = {"up": OF_TARGETS}
# What Grafana puts in before it asks; any duration parses the same.
VARIABLES = {"$__rate_interval": "5m"}
Exposed = dict[str, set[str]]


def expressions() -> list[tuple[str, str]]:
    """Every expression with where it stands."""
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    shown = [(f"panel {panel['title']}", target["expr"]) for panel in panels for target in panel["targets"]]
    return [(rule["alert"], rule["expr"]) for rule in ALERTS] + shown


def faults(expression: str, exposed: Exposed) -> list[str]:
    """What an expression names that is not there; raises ValueError for what is no PromQL."""
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return list(_faults(promql.parse(expression), exposed))


def _faults(node: Any, exposed: Exposed) -> Iterator[str]:
    for name, labels in _selected(node):
        if name not in exposed:
            yield f"no metric {name}"
        else:
            yield from (f"{name} has no label {label}" for label in sorted(labels - exposed[name] - OF_TARGETS))
    for grouped in _groupings(node):
        known = {label for name, _ in _selected(grouped.expr) for label in exposed.get(name, set())} | OF_TARGETS
        yield from (f"grouped by {label}, which nothing has" for label in sorted(set(grouped.modifier.labels) - known))


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        inner = getattr(node, part, None)
        if inner is not None:
            yield from _nodes(inner)
    for argument in getattr(node, "args", ()):
        yield from _nodes(argument)


def _selected(node: Any) -> Iterator[tuple[str, set[str]]]:
    for inner in _nodes(node):
        if isinstance(inner, promql.VectorSelector):
            yield inner.name or "", {matcher.name for matcher in inner.matchers.matchers}


def _groupings(node: Any) -> Iterator[Any]:
    return (inner for inner in _nodes(node) if isinstance(inner, promql.AggregateExpr) and inner.modifier is not None)


SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


@pytest.fixture
def exposed(house: Shown) -> Exposed:
    """Labels by sample name: what processes count as they declare it, and what a real relay answers.

    That each process exposes exactly what it declares is shown in test_probes.
    """
    house.redis.client().xgroup_create("wireroom:events", "search", "0", mkstream=True)
    relay = house.start("relay")
    wait_until(lambda: relay.value("wireroom_relay_active") == 1, what="the active relay")
    found: Exposed = dict(UP)
    kinds = {family.name: family.type for family in everything()}
    labels_of = declared()
    for name, kind in kinds.items():
        for suffix in SUFFIXES[kind]:
            found[name + suffix] = set(labels_of[name]) | ({"le"} if suffix == "_bucket" else set())
    for name, labels in relay.samples():
        found.setdefault(name, set()).update(label for label, _ in labels)
    return found


def test_every_expression_names_only_what_is_exposed(exposed: Exposed) -> None:
    wrong = {where: found for where, expression in expressions() if (found := faults(expression, exposed))}
    assert wrong == {}
    # The check finds what is planted.
    assert faults("sum(rate(wireroom_fetchs_total[5m]))", exposed) == ["no metric wireroom_fetchs_total"]
    assert faults('wireroom_feeds{state="active"}', exposed) == ["wireroom_feeds has no label state"]
    assert faults("sum by (rule) (wireroom_feeds)", exposed) == ["grouped by rule, which nothing has"]
    assert faults("rate(wireroom_event_delay_seconds[5m])", exposed) == ["no metric wireroom_event_delay_seconds"]
    with pytest.raises(ValueError, match="parenthesis"):
        faults("sum(wireroom_feeds", exposed)


def test_there_are_expressions_to_check() -> None:
    assert len(ALERTS) > 20
    assert len(expressions()) > 60


def test_every_metric_that_a_process_counts_is_on_the_dashboard_or_in_an_alert() -> None:
    said = " ".join(expression for _, expression in expressions())
    # What messages are sent is told by what the tasks do; a webhook's duration is its endpoint's affair.
    assert {name for name in declared() if name not in said} == {
        "wireroom_messages_sent",
        "wireroom_webhook_duration_seconds",
    }


def test_label_values_that_are_asked_for_can_occur() -> None:
    """A filter on an outcome that nobody has any more would match nothing, and its alert would never fire."""
    known = {
        "outcome": {outcome.value for outcome in FetchOutcome} | {"created"},
        "rule": set(RULES),
        "quantile": {"0.5", "0.9", "0.99", "1"},
        "what": {"documents", "outbox", "deliveries", "quarantine"},
        "status": {"active", "paused", "gone"},
        "verdict": {"delivered", "retry", "disable", "differed"},
        "job": {"wireroom"},
    }
    for where, expression in expressions():
        for label, value in re.findall(r'(\w+)[!=]~?"([^"]*)"', expression):
            assert set(value.split("|")) <= known[label], (where, label)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_says_what_is_wrong_and_has_a_runbook(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"]
    _, _, text = RUNBOOKS.partition(f"\n### {alert['alert']}\n")
    assert len(text.split("\n###")[0].split()) > 15


def test_no_runbook_is_left_over() -> None:
    assert set(re.findall(r"^### (Wireroom\w+)$", RUNBOOKS, re.MULTILINE)) == {rule["alert"] for rule in ALERTS}


def test_prometheus_asks_every_service_that_has_metrics() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (asked,) = (job for job in SCRAPES["scrape_configs"] if job["job_name"] == "wireroom")
    (by_name,) = asked["dns_sd_configs"]
    lasting = {name for name, service in services.items() if service["image"] == "wireroom:local"}
    assert set(by_name["names"]) == lasting - {"keys", "migrate", "cli"}
    assert str(by_name["port"]) == services["relay"]["environment"]["WIREROOM_METRICS_PORT"]


def test_the_dashboard_asks_the_datasource_that_is_provisioned() -> None:
    file = OBSERVE / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
    (source,) = yaml.safe_load(file.read_text())["datasources"]
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {source["uid"]}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
