"""走り手に送る中身。

走り手の後半の符号一行、前置き一行(場所・環境変数・解釈系)、利用者のスクリプト、秘密のファイル、の順。

前置きもシェルの文で、どちらの行も走り手が ``eval`` する。値は何でもよい(改行、引用符、多バイト)。
引数に載せないのは ``/proc/*/cmdline`` でほかの利用者に見えるため、ファイルにしないのは残さないため。
後半の符号は、命令の長さを抑えるために、ここで送る(``scripts/runner.sh``)。
"""

import re
from typing import Final

from tsubame.business.executions.remote_run import RunOrder
from tsubame.data_access.ssh import shell_code

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def upload(order: RunOrder) -> bytes:
    """標準入力で送る全部。見張りのない走りには、見張りの符号も送らない。

    Raises:
        ValueError: 変数名の形が違う、または NUL を含む(入力の検査をすり抜けた誤り)。
    """
    lines = f"{_second_half(order)}\n{_prelude(order)}\n"
    return lines.encode("utf-8", "surrogateescape") + body(order)


def body(order: RunOrder) -> bytes:
    """数を言ってから送る部分。スクリプトのうしろに、秘密のファイルを並べる。"""
    return b"".join((order.script, *(content for _, content in order.files)))


def _second_half(order: RunOrder) -> str:
    operation = "second_half" if order.guard is None else "guarded_second_half"
    if not order.files:
        return shell_code.code(operation)
    sizes = " ".join(f"{_checked(name)}:{len(content)}" for name, content in order.files)
    return f'own_size={len(order.script)} files="{sizes}"; {shell_code.code(f"{operation}_with_files")}'


def _prelude(order: RunOrder) -> str:
    """``$2`` は改行、``$3`` はスクリプトのファイル。"""
    steps = [f"enter {_quote(order.working_directory or '')}"]
    for name, value in order.environment:
        # command を付けると、bash の読み取り専用の名前(UID など)でも、シェルごと終わらない。
        steps.append(f"command export {_checked(name)}={_quote(value)}")
    steps += [f'command export {_checked(name)}="$3.f.{name}"' for name, _ in order.files]
    # 利用者が同じ名前を当てても、中止のための印は消えない。
    steps.append(f"command export TSUBAME_RUN_ID={_quote(order.run_id)}")
    interpreter = " ".join(_quote(word) for word in order.interpreter)
    steps.append(f'set -- {interpreter} "$3"')
    return "; ".join(steps)


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"not a name of an environment variable: {name!r}")
    return name


def _quote(value: str) -> str:
    if "\0" in value:
        raise ValueError("a NUL character cannot be passed to a process")
    # 前置きは read で一行として読まれるので、改行は引用の外に出して $2 で書く。
    return "'" + value.replace("'", "'\\''").replace("\n", "'\"$2\"'") + "'"
