"""どの試験も使う道具を読み込み、二つの列に分ける。道具の中身は harness/ にある。

本物のサーバに触れる試験は、この機械の利用者とそのホームを分け合うので、一つの列で順に動かす。
待つことが多いので、そのあいだに、もう一つの列がほかの試験を動かす(``make test-backend``)。
"""

from typing import Final

import pytest

pytest_plugins = ["harness.postgres", "harness.installation", "harness.fleet", "harness.s3", "harness.oidc"]

_SERVERS: Final = "servers"
_IN_ORDER: Final = ("e2e", "faults", "journey")
_TOUCHES_SERVERS: Final = {"Sshd", "start_sshd", "Product", "WorkerProcess"}
# 速さを測るので、ほかの列が終わったころに動かす
_LAST: Final = "test_log_viewer"


def pytest_itemcollected(item: pytest.Item) -> None:
    if isinstance(item, pytest.Function) and (
        item.path.parent.name in _IN_ORDER or _TOUCHES_SERVERS & vars(item.module).keys()
    ):
        item.add_marker(pytest.mark.xdist_group(_SERVERS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """長いほうの列を先に始める。"""
    if item.get_closest_marker("xdist_group") is None:
        return 1
    return 2 if item.path.stem == _LAST else 0
