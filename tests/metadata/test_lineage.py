"""Lineage follows from the definitions: every answer leads back to the operational table, column by column."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metadata.graph import Dataset, Graph
from metadata.lineage import lineage, route
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from rankings.ranking import Ranking, Sum
from rankings.topics import TOPICS
from streaming.sources.postgres.definition import PostgresSource

TOP_COUNTRIES = Ranking("top-countries", "Top countries", ("country",), (), Sum("amount"))


def names(graph: Graph) -> set[str]:
    return {dataset.name for dataset in graph.datasets}


def columns_of(graph: Graph, answer: Dataset, column: str) -> set[tuple[str, str]]:
    """Every (dataset, column) that a column of an answer is made of."""
    found: set[tuple[str, str]] = set()
    todo = [(answer, column)]
    while todo:
        dataset, wanted = todo.pop()
        for flow in graph.into(dataset):
            sources = {(flow.upstream, source) for source in flow.sources_of([wanted])}
            todo += sorted(sources - {each for each in sources if (each[0].name, each[1]) in found}, key=str)
            found |= {(upstream.name, source) for upstream, source in sources}
    return found


@pytest.mark.parametrize("ranking", RANKINGS, ids=lambda ranking: ranking.name)
def test_an_answer_comes_from_the_operational_table_by_both_ways(ranking: Ranking) -> None:
    way = names(lineage((ranking,)).way_to(route(ranking)))
    history = {"lake.bronze.log", "lake.silver.sales", f"lake.gold.{ranking.gold_table}", ranking.reconciled_table}
    assert {"shop.public.sales", "cdc.public.sales", ranking.live_table, *history} <= way
    assert set(TOPICS) <= way


def test_an_amount_is_made_of_amounts_keys_and_days_alone() -> None:
    found = columns_of(lineage((TOP_SALES_PER_CITY,)), route(TOP_SALES_PER_CITY), "amount")
    live = {column for table, column in found if table == "cdc.public.sales"}
    assert {"amount", "occurred_at"} <= live
    silver = {column for table, column in found if table == "lake.silver.sales"}
    assert silver == {"amount", "occurred_at"}


def test_the_salesman_s_name_goes_beside_the_sums() -> None:
    way = lineage((TOP_SALESMAN_IN_COUNTRY,))
    found = columns_of(way, route(TOP_SALESMAN_IN_COUNTRY), "salesman")
    assert ("labels", "name") in found
    assert ("shop.public.sales", "salesman") in found
    assert TOP_SALESMAN_IN_COUNTRY.live_table not in {table for table, _ in found}
    assert "labels" not in names(lineage((TOP_SALES_PER_CITY,)))


def test_every_flow_names_columns_that_exist() -> None:
    for flow in lineage().flows:
        for source, target in flow.columns:
            assert source in flow.upstream.columns, (flow.upstream.name, source)
            assert target in flow.downstream.columns, (flow.downstream.name, target)


def test_a_ranking_added_to_the_catalogue_is_in_the_lineage() -> None:
    graph = lineage((*RANKINGS, TOP_COUNTRIES))
    added = names(graph) - names(lineage())
    of_ranking = {"live_top_countries", "reconciled_top_countries", "lake.gold.top_countries"}
    assert added == {*of_ranking, "/v1/rankings/top-countries"}
    assert "shop.public.sales" in names(graph.way_to(route(TOP_COUNTRIES)))


def test_a_source_that_is_defined_is_in_the_lineage_with_its_own_columns() -> None:
    branch = PostgresSource(name="branch", kind="postgres", table="public.till", fields={"city": "town"})
    graph = lineage(sources=(branch,))
    assert "shop.public.sales" not in names(graph)
    origin = next(flow for flow in graph.flows if flow.upstream.name == "branch.public.till")
    assert origin.downstream.name == "cdc.branch.public.till"
    assert ("town", "city") in origin.columns
    assert "city" not in origin.upstream.columns


def test_the_way_to_one_answer_has_nothing_of_another() -> None:
    way = names(lineage((TOP_SALES_PER_CITY,)).way_to(route(TOP_SALES_PER_CITY)))
    assert not any("salesman" in name for name in way)


def test_no_dataset_comes_from_itself() -> None:
    graph = lineage()
    for dataset in graph.datasets:
        upstream = {flow.upstream for flow in graph.way_to(dataset).flows}
        assert dataset not in upstream


def test_datasets_are_told_apart_by_all_they_are() -> None:
    dataset = route(TOP_SALES_PER_CITY)
    assert replace(dataset) == dataset
    assert replace(dataset, columns=()) != dataset
