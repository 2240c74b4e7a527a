"""OpenAPI の文書。画面の通信はここから作られる。"""

import json

from tsubame.entrypoints.openapi import openapi_json


def test_document_is_stable() -> None:
    """同じコードからは、いつも同じ文字列ができる。"""
    assert openapi_json() == openapi_json()
    assert openapi_json().endswith("}\n")


def test_models_do_not_split() -> None:
    """一つの型が、入る形と出る形の二つに割れない。割れると、画面の型の名前が変わってしまう。"""
    names = json.loads(openapi_json())["components"]["schemas"]
    assert [name for name in names if name.endswith(("-Input", "-Output"))] == []


def test_every_operation_declares_its_failures() -> None:
    """どの操作も名前を持ち、失敗の形を宣言している。"""
    paths = json.loads(openapi_json())["paths"]
    operations = [operation for methods in paths.values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        failure = operation["responses"]["401"]["content"]["application/json"]["schema"]
        assert failure == {"$ref": "#/components/schemas/Problem"}, operation["operationId"]


def test_stream_messages_are_described() -> None:
    """WebSocket の文が、種類で分かれる型として載っている。"""
    hooks = json.loads(openapi_json())["webhooks"]
    schema = hooks["streamServerMessage"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["discriminator"]["propertyName"] == "type"
