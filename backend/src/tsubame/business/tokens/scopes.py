"""権限の組み合わせの、よく使う三つ。"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tsubame.business.shared.permissions import Permission

_READ: Final = frozenset(permission for permission in Permission if permission.value.endswith(":read"))
_RUN: Final = frozenset(
    {
        Permission.EXECUTION_START,
        Permission.EXECUTION_CANCEL,
        Permission.EXECUTION_PAUSE,
        Permission.EXECUTION_PIN,
        Permission.QUEUE_WRITE,
    }
)
PRESETS: Final[Mapping[str, frozenset[Permission]]] = MappingProxyType(
    {"read_only": _READ, "run": _READ | _RUN, "all": frozenset(Permission)}
)
