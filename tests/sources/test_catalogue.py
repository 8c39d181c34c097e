"""A source is one file: what is wrong with it is told with the file, the field and what is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import Permanent
from runtime.settings import Settings
from streaming.sources.catalogue import Catalogue, definition, source, sources
from streaming.sources.definition import Secret

TILL = "name: till\nkind: files\nfolder: /drop\n"


def settings_of(folder: Path) -> Settings:
    return Settings(sources_dir=folder)


def test_the_platform_knows_its_shop(tmp_path: Path) -> None:
    shop = source(settings_of(tmp_path), "shop")
    assert (shop.into, shop.origin) == ("cdc.public.sales", ("postgres", "shop.public.sales"))


def test_a_file_in_the_users_folder_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "till.yaml").write_text(TILL)
    till = source(settings_of(tmp_path), "till")
    assert (till.into, till.origin) == ("events.files", ("file", "/drop"))


def test_the_users_definition_wins(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("name: shop\nkind: postgres\ntable: public.orders\n")
    assert source(settings_of(tmp_path), "shop").into == "cdc.shop.public.orders"


def test_a_name_stands_for_one_source(tmp_path: Path) -> None:
    for file in ("a.yaml", "b.yml"):
        (tmp_path / file).write_text(TILL)
    with pytest.raises(Permanent, match="two definitions"):
        sources(settings_of(tmp_path))


def test_a_file_that_is_not_valid_harms_no_source_but_its_own(tmp_path: Path) -> None:
    (tmp_path / "till.yaml").write_text(TILL)
    for name, text in (("typo", "name: other\nkind: fils\n"), ("broken", "{")):
        (tmp_path / f"{name}.yaml").write_text(text)
    assert source(settings_of(tmp_path), "till").name == "till"
    assert source(settings_of(tmp_path), "shop").name == "shop"
    with pytest.raises(Permanent, match=r"typo\.yaml is not valid"):
        source(settings_of(tmp_path), "other")
    with pytest.raises(Permanent, match=r"broken\.yaml cannot be read"):
        source(settings_of(tmp_path), "broken")
    with pytest.raises(Permanent, match=r"broken\.yaml"):
        sources(settings_of(tmp_path))


def names(catalogue: Catalogue) -> list[str]:
    return [each.name for each in catalogue.look()]


def test_a_source_stays_as_it_was_while_its_file_is_not_valid(tmp_path: Path) -> None:
    path, catalogue = tmp_path / "till.yaml", Catalogue(settings_of(tmp_path))
    path.write_text(TILL)
    assert names(catalogue) == ["shop", "till"]
    path.write_text(TILL + "every_seconds: soon\n")
    assert names(catalogue) == ["shop", "till"]
    assert [each.path for each in catalogue.wrong] == [path]
    assert catalogue.unknown == []
    path.write_text(TILL + "every_seconds: 7\n")
    assert catalogue.look()[1].every_seconds == 7
    assert catalogue.wrong == []
    path.unlink()
    assert names(catalogue) == ["shop"]


def test_a_second_definition_of_a_name_does_not_end_the_first(tmp_path: Path) -> None:
    catalogue = Catalogue(settings_of(tmp_path))
    (tmp_path / "till.yaml").write_text(TILL)
    assert names(catalogue) == ["shop", "till"]
    for file in ("a.yaml", "z.yaml"):
        (tmp_path / file).write_text(TILL + "every_seconds: 9\n")
        assert names(catalogue) == ["shop", "till"]
        assert catalogue.look()[1].every_seconds == 10
        (tmp_path / file).unlink()


def test_the_platforms_source_does_not_come_back_for_a_file_that_is_not_valid(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: shop\nkind: postgres\ntable: orders\n")
    catalogue = Catalogue(settings_of(tmp_path))
    assert names(catalogue) == []
    assert [each.name for each in catalogue.unknown] == ["shop"]


def test_an_unknown_name_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"no source has this name.*valid: shop"):
        source(settings_of(tmp_path), "nosuch")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: files\nfolder: /drop\n", "name: Field required"),
        (TILL + "colour: red\n", "colour: Extra inputs are not permitted"),
        (TILL.replace("till", "Till!"), "name: String should match pattern"),
        (TILL.replace("files", "carrier-pigeon"), "kind"),
        (TILL + "topic: elsewhere\n", "topic: String should match pattern"),
        (TILL + "fields: {amount: {field: a, sql: b}}\n", "exactly one of field, constant and sql"),
        (TILL + "fields: {amount: {field: a, cast: money}}\n", "cast: received 'money', valid: one of"),
        (TILL + "fields: {source: a}\n", "fields.source: Extra inputs are not permitted"),
        ("- 1\n", "is not valid"),
        ("{", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "till.yaml"
    path.write_text(text)
    with pytest.raises(Permanent) as raised:
        definition(path)
    assert str(path) in str(raised.value)
    assert told in str(raised.value)


def test_a_secret_is_referred_to_and_never_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILL_PASSWORD", "open sesame")
    (tmp_path / "secret").write_text("open barley\n")
    secret = Secret(env="TILL_PASSWORD")
    assert secret.value().get_secret_value() == "open sesame"
    assert "sesame" not in f"{secret!r}{secret.value()!r}"
    assert Secret(file=tmp_path / "secret").value().get_secret_value() == "open barley"
    with pytest.raises(Permanent, match="TILL_NOTHING is not set"):
        Secret(env="TILL_NOTHING").value()
