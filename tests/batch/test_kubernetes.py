"""The manifest of the night is one that Kubernetes takes, and says what the commands need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from runtime import cli
from runtime.settings import settings

MANIFEST = Path(__file__).parents[2] / "deploy" / "kubernetes" / "nightly.yaml"


@pytest.fixture
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    return found


@pytest.fixture
def job(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["jobTemplate"]["spec"]
    return found


def test_it_is_of_the_schema_and_a_field_that_is_not_is_found(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    manifest["spec"]["concurrency"] = "Forbid"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_the_night_is_done_then_verified_by_commands_that_exist(job: dict[str, Any]) -> None:
    pod = job["template"]["spec"]
    containers = [*pod["initContainers"], *pod["containers"]]
    assert [each["args"] for each in containers] == [["nightly"], ["verify", "--json"]]
    for each in containers:
        assert each["command"] == ["tidelake"]
        shown = CliRunner().invoke(cli.app(), [*each["args"], "--help"])
        assert shown.exit_code == 0, shown.output


def test_only_what_fails_each_time_is_not_tried_again(job: dict[str, Any]) -> None:
    given_up = {
        code: rule["onExitCodes"]["containerName"]
        for rule in job["podFailurePolicy"]["rules"]
        if rule["action"] == "FailJob"
        for code in rule["onExitCodes"]["values"]
    }
    assert cli.FAILED in given_up
    assert not {cli.TRY_AGAIN, cli.INTERRUPTED, 0} & given_up.keys()
    assert job["backoffLimit"] > 0


def test_what_a_run_writes_lies_where_the_pod_may_write(job: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pod = job["template"]["spec"]
    volumes = {each["name"] for each in pod["volumes"] if "emptyDir" in each}
    for each in [*pod["initContainers"], *pod["containers"]]:
        monkeypatch.setenv("TIDELAKE_HOME", {pair["name"]: pair["value"] for pair in each["env"]}["TIDELAKE_HOME"])
        settings.cache_clear()
        places = {mount["mountPath"] for mount in each["volumeMounts"] if mount["name"] in volumes}
        assert str(settings().home) in places
    settings.cache_clear()
