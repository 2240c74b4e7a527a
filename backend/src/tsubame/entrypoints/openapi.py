"""OpenAPI の文書を出す。データベースも設定も要らない。"""

from tsubame.entrypoints.http_app import create_api_with_stream
from tsubame.presentation.http.openapi import document


def openapi_json() -> str:
    return document(create_api_with_stream())
