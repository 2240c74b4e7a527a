"""OpenAPI の文書。"""

import json
from typing import Final

from fastapi import FastAPI

TITLE: Final = "tsubame-ci"


def document(app: FastAPI) -> str:
    """いつも同じ並びの JSON。これを保存した物との差で、作り直し忘れを見つける。"""
    return json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
