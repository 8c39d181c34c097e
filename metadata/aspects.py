"""The graph of lineage as DataHub's aspects: one list of proposals, the same for every DataHub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from metadata.graph import Dataset, Flow, Graph, Job
from runtime.settings import settings

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal
    from datahub.metadata.schema_classes import FineGrainedLineageClass, SchemaFieldClass, _Aspect

NATIVE_TYPES = {
    "amount": "decimal",
    **dict.fromkeys(("sales", "rank", "partition", "offset"), "integer"),
    **dict.fromkeys(("occurred_at", "log_time", "seen_at"), "timestamp"),
    "business_day": "date",
}
"""Of the columns that are not text."""


def proposals(graph: Graph) -> list[Proposal]:
    """Everything that the graph says, datasets first; the same graph gives the same list."""
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

    found = [*_all_datasets(graph), *_all_programs(graph), *_all_jobs(graph)]
    return [Proposal(entityUrn=urn, aspect=aspect) for urn, aspect in found]


def dataset_urn(dataset: Dataset) -> str:
    """DataHub's name of a dataset; ClickHouse's tables are named with their database, as DataHub's own crawler does."""
    from datahub.emitter.mce_builder import make_dataset_urn

    database = urlsplit(settings().clickhouse.get_secret_value()).path.strip("/")
    name = f"{database}.{dataset.name}" if dataset.platform == "clickhouse" else dataset.name
    return str(make_dataset_urn(dataset.platform, name))


def job_urn(job: Job) -> str:
    """DataHub's name of a job."""
    from datahub.emitter.mce_builder import make_data_job_urn

    return str(make_data_job_urn(job.platform, f"tidelake.{job.program}", job.name))


def _flow_urn(job: Job) -> str:
    from datahub.emitter.mce_builder import make_data_flow_urn

    return str(make_data_flow_urn(job.platform, f"tidelake.{job.program}"))


def _column_urn(dataset: Dataset, column: str) -> str:
    from datahub.emitter.mce_builder import make_schema_field_urn

    return str(make_schema_field_urn(dataset_urn(dataset), column))


def _all_datasets(graph: Graph) -> Iterator[tuple[str, _Aspect]]:
    from datahub.metadata.schema_classes import DatasetPropertiesClass, StatusClass

    for dataset in graph.datasets:
        urn = dataset_urn(dataset)
        yield urn, DatasetPropertiesClass(name=dataset.name, description=dataset.description)
        yield urn, StatusClass(removed=False)
        yield urn, _schema(dataset)
        flows = graph.into(dataset)
        if flows:
            yield urn, _upstreams(dataset, flows)


def _schema(dataset: Dataset) -> _Aspect:
    from datahub.emitter.mce_builder import make_data_platform_urn
    from datahub.metadata.schema_classes import SchemalessClass, SchemaMetadataClass

    return SchemaMetadataClass(
        schemaName=dataset.name,
        platform=make_data_platform_urn(dataset.platform),
        version=0,
        hash="",
        platformSchema=SchemalessClass(),  # type: ignore[no-untyped-call]
        fields=[_field(column) for column in dataset.columns],
    )


def _field(column: str) -> SchemaFieldClass:
    from datahub.metadata import schema_classes as classes

    native = NATIVE_TYPES.get(column, "string")
    kind: Callable[[], Any] = {
        "string": classes.StringTypeClass,
        "decimal": classes.NumberTypeClass,
        "integer": classes.NumberTypeClass,
        "timestamp": classes.TimeTypeClass,
        "date": classes.DateTypeClass,
    }[native]
    data_type = classes.SchemaFieldDataTypeClass(type=kind())
    return classes.SchemaFieldClass(fieldPath=column, type=data_type, nativeDataType=native)


def _upstreams(dataset: Dataset, flows: tuple[Flow, ...]) -> _Aspect:
    from datahub.metadata.schema_classes import DatasetLineageTypeClass, UpstreamClass, UpstreamLineageClass

    kind = DatasetLineageTypeClass.TRANSFORMED
    tables = dict.fromkeys(dataset_urn(flow.upstream) for flow in flows)
    return UpstreamLineageClass(
        upstreams=[UpstreamClass(dataset=urn, type=kind) for urn in tables],
        fineGrainedLineages=_columns(dataset, flows),
    )


def _columns(dataset: Dataset, flows: tuple[Flow, ...]) -> list[FineGrainedLineageClass]:
    """For each column that comes from others: which, in all upstreams together."""
    from datahub.metadata import schema_classes as classes

    found = []
    for column in dataset.columns:
        sources = [_column_urn(flow.upstream, source) for flow in flows for source in flow.sources_of([column])]
        if sources:
            found.append(
                classes.FineGrainedLineageClass(
                    upstreamType=classes.FineGrainedLineageUpstreamTypeClass.FIELD_SET,
                    downstreamType=classes.FineGrainedLineageDownstreamTypeClass.FIELD,
                    upstreams=list(dict.fromkeys(sources)),
                    downstreams=[_column_urn(dataset, column)],
                )
            )
    return found


def _all_programs(graph: Graph) -> Iterator[tuple[str, _Aspect]]:
    from datahub.metadata.schema_classes import DataFlowInfoClass

    for urn, job in {_flow_urn(job): job for job in graph.jobs}.items():
        yield urn, DataFlowInfoClass(name=job.program, project="tidelake")


def _all_jobs(graph: Graph) -> Iterator[tuple[str, _Aspect]]:
    from datahub.metadata.schema_classes import DataJobInfoClass, DataJobInputOutputClass

    for job in graph.jobs:
        flows = [flow for flow in graph.flows if flow.job == job]
        yield job_urn(job), DataJobInfoClass(name=job.name, type="COMMAND", description=job.description)
        yield (
            job_urn(job),
            DataJobInputOutputClass(
                inputDatasets=list(dict.fromkeys(dataset_urn(flow.upstream) for flow in flows)),
                outputDatasets=list(dict.fromkeys(dataset_urn(flow.downstream) for flow in flows)),
            ),
        )
