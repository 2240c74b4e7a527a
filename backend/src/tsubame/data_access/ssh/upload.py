"""走り手に送る中身: 前置き(場所・解釈系・環境変数)と、利用者のスクリプト。

前置きはシェルの文で、走り手が ``eval`` する。値は何でもよい(改行、引用符、多バイト)。
引数(``/proc/*/cmdline``)に載せないのは、ほかの利用者に見えるため。
"""

import re
from typing import Final

from tsubame.business.executions.remote_run import RunOrder

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def prelude(order: RunOrder) -> bytes:
    """前置き。

    Raises:
        ValueError: 変数名の形が違う、または NUL を含む(入力の検査をすり抜けた誤り)。
    """
    interpreter = " ".join(_quote(word) for word in order.interpreter)
    lines = [
        f"enter {_quote(order.working_directory or '')}",
        f'set -- {interpreter} "$script"',
    ]
    for name, value in order.environment:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"not a name of an environment variable: {name!r}")
        # command を付けると、bash の読み取り専用の名前(UID など)でも、シェルごと終わらない。
        lines.append(f"command export {name}={_quote(value)}")
    # 利用者が同じ名前を当てても、中止のための印は消えない。
    lines.append(f"command export TSUBAME_RUN_ID={_quote(order.run_id)}")
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _quote(value: str) -> str:
    if "\0" in value:
        raise ValueError("a NUL character cannot be passed to a process")
    return "'" + value.replace("'", "'\\''") + "'"
