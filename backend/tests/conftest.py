"""どの試験も使う道具を読み込む。中身は harness/ にある。

``make test-backend`` は三つの列を並べて動かす。``faults`` と ``alone`` の付いたものは、そのあとに一つずつ。
"""

import pytest

pytest_plugins = [
    "harness.postgres",
    "harness.installation",
    "harness.fleet",
    "harness.s3",
    "harness.gcs",
    "harness.azure",
    "harness.oidc",
]


def pytest_itemcollected(item: pytest.Item) -> None:
    module = getattr(item, "module", None)
    if item.path.parent.name == "ssh" or hasattr(module, "ensure_user"):
        # この機械の利用者とその家を分け合うので、一つの列で順に動かす
        item.add_marker(pytest.mark.xdist_group("accounts"))
