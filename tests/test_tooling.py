"""The files that build, start and check the product agree with each other and with what is written about them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.removals import REMOVALS, Removal

ROOT = Path(__file__).resolve().parent.parent
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PAGES = [page for page in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")) if page.exists()]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return dict(compose["services"])


def test_make_has_the_promised_targets() -> None:
    assert {"run", "test", "lint", "fmt", "dev", "browser", "admin", "lock", "clean", "setup", "up", "help"} <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_named_in_the_docs_exists(page: Path) -> None:
    named = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= TARGETS


def test_help_lists_every_target_that_has_a_description() -> None:
    described = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("  make ")] == described


@pytest.mark.parametrize("name", ["base", "dev"])
def test_requirements_are_pinned_with_hashes_and_name_no_address(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_both_locks_agree() -> None:
    pins = {name: re.findall(r"^(\S+==\S+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE)
            for name in ("base", "dev")}  # fmt: skip
    assert set(pins["base"]) <= set(pins["dev"])


def test_every_container_tells_its_health(services: dict[str, Any]) -> None:
    assert {"web", "worker", "gateway", "beat", "postgres", "redis"} <= services.keys()
    assert all("test" in service["healthcheck"] for service in services.values())


def test_web_waits_for_healthy_stores_and_may_finish_its_answers(services: dict[str, Any]) -> None:
    web = services["web"]
    assert all(web["depends_on"][store] == {"condition": "service_healthy"} for store in ("postgres", "redis"))
    assert web["stop_grace_period"] == "40s"
    assert ":?" in web["environment"]["SECRET_KEY"]


def test_the_gateway_listens_to_all_there_is_once_the_tables_are_there(services: dict[str, Any]) -> None:
    gateway = services["gateway"]
    assert gateway["command"][-1] == "run_gateway"  # every platform, and those to come
    assert gateway["healthcheck"]["test"][-2:] == ["run_gateway", "--healthy"]
    assert gateway["depends_on"] == {"web": {"condition": "service_healthy"}}
    assert gateway["stop_grace_period"] == "40s"


@pytest.mark.parametrize("platform", ["telegram", "discord"])
def test_make_listens_to_a_platform_by_its_name(platform: str) -> None:
    shown = subprocess.run(["make", "--dry-run", platform], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"manage.py run_gateway {platform}" in shown


def test_monitoring_is_asked_for_by_name_and_published_to_this_machine_alone(services: dict[str, Any]) -> None:
    assert {name for name, told in services.items() if told.get("profiles") == ["monitoring"]} == {
        "prometheus", "grafana",
    }  # fmt: skip
    ports = [port for name in ("prometheus", "grafana") for port in services[name].get("ports", [])]
    assert len(ports) == 1 and ports[0].startswith("127.0.0.1:")
    mounted = [volume for name in ("prometheus", "grafana") for volume in services[name]["volumes"]]
    files = [volume.split(":")[0] for volume in mounted if volume.startswith("./")]
    assert len(files) == 3 and all((ROOT / file).exists() for file in files)


def test_prometheus_asks_every_process_at_the_port_it_tells_metrics_at(services: dict[str, Any]) -> None:
    (job,) = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    (asked,) = job["dns_sd_configs"]
    assert set(asked["names"]) == {"web", "worker", "gateway"}
    for name in asked["names"]:
        environment = services[name]["environment"]
        assert (environment["METRICS_PORT"], environment["METRICS_HOST"]) == (str(asked["port"]), "0.0.0.0")  # noqa: S104
        assert not any(str(asked["port"]) in port for port in services[name].get("ports", []))


def test_redis_never_drops_what_it_was_given(services: dict[str, Any]) -> None:
    assert "--maxmemory-policy noeviction" in services["redis"]["command"]


def test_the_image_is_built_in_stages_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    stages = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    final = lines[stages[-1] :]
    assert len(stages) == 2
    assert "USER 10001" in final
    assert not any("pip install" in line for line in final)
    assert any(line.startswith("HEALTHCHECK") for line in final)


def test_secrets_and_data_stay_out_of_the_image() -> None:
    assert {".env", ".git", "var", ".venv"} <= set((ROOT / ".dockerignore").read_text().split())


def test_ci_runs_what_a_contributor_runs() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "make browser lint test" in script.read_text()


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.name)
def test_each_safeguard_that_is_taken_out_is_there(removal: Removal) -> None:
    """What `make chaos` would say only after an hour."""
    found = re.findall(removal.pattern, (ROOT / removal.file).read_text(), flags=re.DOTALL)
    assert len(found) == 1
    file, _part, name = removal.test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text()


def test_pre_commit_needs_no_other_repository() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repository["repo"] for repository in config["repos"]} == {"local"}
    entries = [hook["entry"].removeprefix("make ") for hook in config["repos"][0]["hooks"]]
    assert set(entries) == {target for target in TARGETS if target.startswith("lint-")}


def test_the_web_chats_own_code_stays_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "static/webchat").iterdir()}
    assert sum(size for name, size in sizes.items() if name.endswith(".js")) <= 60_000
    assert sum(size for name, size in sizes.items() if name.endswith(".css")) <= 30_000
