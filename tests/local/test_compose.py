"""What every container of docker-compose.yml has in common."""

from pathlib import Path
from typing import Any

import pytest
import yaml

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "docker-compose.yml").read_text("utf-8")
)["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_writes_nowhere_can_do_nothing_special_and_has_bounds(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert (service["cap_drop"], service.get("cap_add", [])) == (["ALL"], [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= service.keys()
    assert service.get("user") not in ("root", "0", "0:0")


@pytest.mark.parametrize("name", [name for name in SERVICES if not SERVICES[name]["restart"].startswith("on-failure")])
def test_a_container_that_goes_on_running_says_whether_it_is_ready(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_registry_is_asked_for_an_image_that_is_built_here(name: str) -> None:
    service = SERVICES[name]
    if service["image"].startswith("polepool/"):
        assert service["pull_policy"] == ("build" if "build" in service else "never")


def test_every_port_is_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
