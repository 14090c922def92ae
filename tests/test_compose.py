"""docker-compose.yml serves what the pipeline pushes; no container engine is needed to check what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

ROOT = Path(__file__).parents[1]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def mount(service: dict[str, Any], target: str) -> dict[str, Any]:
    (found,) = (volume for volume in service["volumes"] if volume["target"] == target)
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_finds_its_configuration_and_its_versions(name: str) -> None:
    service = SERVICES[name]
    flags = dict(flag.removeprefix("--").split("=") for flag in service["command"])
    assert int(flags["file_system_poll_wait_seconds"]) <= 60
    file = mount(service, flags["model_config_file"])["source"]
    config = text_format.Parse((ROOT / file).read_text(), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.model_platform) == (name, "tensorflow")
    versions = mount(service, model.base_path)
    assert versions["read_only"]
    assert not versions["bind"]["create_host_path"]
    assert re.fullmatch(rf"\$\{{{name.upper()}_VERSIONS:-\./runs/\w+/serving_model\}}", versions["source"])


def test_services_do_not_share_ports_and_are_reached_from_this_machine_alone() -> None:
    ports = [port.split(":") for service in SERVICES.values() for port in service["ports"]]
    hosts, outside, inside = zip(*ports, strict=True)
    assert set(hosts) == {"127.0.0.1"}
    assert outside == ("8500", "8501", "8510", "8511")
    # What TensorFlow Serving's image listens on: gRPC, REST.
    assert inside == ("8500", "8501") * 2


def test_the_server_is_of_the_release_of_its_clients() -> None:
    images = {service["image"] for service in SERVICES.values()}
    for lock in (ROOT / "requirements").glob("py*.txt"):
        (pinned,) = re.findall(r"^tensorflow-serving-api==(\S+)$", lock.read_text(), re.MULTILINE)
        assert images == {f"tensorflow/serving:{pinned}"}
