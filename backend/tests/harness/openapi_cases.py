"""OpenAPI の文書から、形に合う要求と合わない要求を作る(schemathesis)。"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

_DOCUMENT = Path(__file__).parents[2] / "openapi.json"
# いつもは同じ要求を送る。別の要求で探すときは、種を変える: FUZZ_SEED=3 FUZZ_EXAMPLES=50
_SEED = os.environ.get("FUZZ_SEED")
_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
_CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def every_case() -> Iterator[Case[Any]]:
    """どの道も、形に合う要求と合わない要求をいくつかずつ。"""
    document = schemathesis.openapi.from_dict(json.loads(_DOCUMENT.read_text()))
    for found in document.get_all_operations():
        for mode in GenerationMode:
            assert isinstance(found, Ok)
            yield from _cases(found.ok().as_strategy(generation_mode=mode))


def _cases(strategy: Any) -> list[Case[Any]]:
    made: list[Case[Any]] = []

    @settings(
        max_examples=_EXAMPLES,
        database=None,
        deadline=None,
        derandomize=_SEED is None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Case[Any]) -> None:
        made.append(case)

    try:
        collect()
    except Unsatisfiable:
        return []  # 引数のない道に、形に合わない要求はない
    return made


def request_of(case: Case[Any], base_url: str) -> httpx.Request:
    prepared = requests.Request(**case.as_transport_kwargs(base_url=base_url)).prepare()
    assert isinstance(prepared.body, bytes | str | None)
    return httpx.Request(
        str(prepared.method),
        str(prepared.url),
        headers=[(_bytes(name), _bytes(value)) for name, value in prepared.headers.items()],
        content=prepared.body,
    )


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


def complaint(case: Case[Any], answer: httpx.Response) -> str | None:
    """約束(OpenAPI)から外れた答えなら、そのわけ。"""
    try:
        case.validate_response(answer, checks=_CHECKED)
    except FailureGroup as failures:
        return "; ".join(str(failure) for failure in failures.exceptions)
    return None
