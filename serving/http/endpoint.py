"""What every endpoint of the reference says: its typed parameters, its documents, its problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, get_type_hints

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.http import models, problem
from serving.http.parameters import checked
from serving.http.representation import ARROW, CSV, JSON

PREFIX = "/v1"
REFERENCE = "#/components/schemas/{model}"

PROBLEMS = {
    400: "A parameter is not valid; `errors` lists each with `received` and `valid`.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The key lacks a scope.",
    404: "There is no such thing; what is valid is named.",
    406: "None of the forms that the caller accepts can be given.",
    409: "The operation could not be done.",
    410: "What the figures of that version are made of is not kept any more.",
    412: "The live job has not reached `min_position`.",
    429: "The key has made too many requests; `Retry-After` says when to go on.",
    503: "No store that is there can answer, or too many ask; `Retry-After` says when to ask again.",
}

ALWAYS = (401, 403, 429, 503)
"""Problems that every guarded endpoint can end in."""

ANSWERS = Tag(name="Answers", description="Rankings, and what they rest on.")
OPERATION = Tag(name="Operation", description="What operators look at, and what they do.")
HEALTH = Tag(name="Health", description="For whoever watches the process; no key.")

documented: set[type[BaseModel]] = {models.ProblemDocument}
"""The documents that the reference has to know."""

View = Callable[..., Response]


def endpoint(  # noqa: PLR0917
    blueprint: APIBlueprint,
    method: str,
    address: str,
    gives: type[BaseModel],
    tag: Tag = ANSWERS,
    problems: Iterable[int] = (),
    *,
    table: bool = False,
    form: str = JSON,
    keyless: bool = False,
    status: int = 200,
) -> Callable[[View], View]:
    """Registers a view. Its parameter `query` is filled from the query string, others from the path.

    Args:
        blueprint: where to.
        method: of HTTP.
        address: with `<name>` for parts of the path.
        gives: its document.
        tag: where the reference has it.
        problems: the statuses of problems that it can end in, beside those that all can.
        table: whether it comes as CSV and Arrow too.
        form: the media type, where it is another than JSON.
        keyless: whether it needs no key.
        status: of success.
    """
    documented.add(gives)
    ends = sorted({*problems, *(() if keyless else ALWAYS), *((406,) if table else ())})
    told = _success(gives, (JSON, CSV, ARROW) if table else (form,))
    responses = {str(status): told, **{str(each): _problem(each) for each in ends}}
    security: list[dict[str, list[str]]] = [] if keyless else [{"key": []}]

    def register(view: View) -> View:
        add = getattr(blueprint, method.lower())
        about = {"tags": [tag], "responses": responses, "security": security, "operation_id": view.__name__}
        made: View = add(address, **about)(_validated(view))
        return made

    return register


def _validated(view: View) -> View:
    """Validates by ourselves: our problems say more, and the library would write the schema anew for each request."""
    hints = get_type_hints(view)
    model, path = hints.get("query"), hints.get("path")

    @wraps(view)
    def wrapper(**parts: Any) -> Response:
        given: dict[str, Any] = {} if model is None else {"query": checked(model)}
        if path is not None:
            given["path"] = path.model_construct(**parts)
        return view(**given)

    wrapper.__delay_validate_request__ = True  # type: ignore[attr-defined]
    return wrapper


def _success(gives: type[BaseModel], forms: Iterable[str]) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    content = {form: {"schema": {"$ref": _ref(gives)}} if form == JSON else text for form in forms}
    return {"description": (gives.__doc__ or "").partition("\n")[0], "content": content}


def _problem(status: int) -> dict[str, Any]:
    content = {problem.MEDIA_TYPE: {"schema": {"$ref": _ref(models.ProblemDocument)}}}
    return {"description": PROBLEMS[status], "content": content}


def _ref(model: type[BaseModel]) -> str:
    return REFERENCE.format(model=model.__name__)


def schemas() -> dict[str, Any]:
    """The schemas of all documents, by name."""
    inputs = [(model, "serialization") for model in sorted(documented, key=lambda model: model.__name__)]
    _, whole = models_json_schema(inputs, by_alias=True, ref_template=REFERENCE)  # type: ignore[arg-type]
    found: dict[str, Any] = whole["$defs"]
    return found
