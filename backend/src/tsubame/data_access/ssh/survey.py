"""``list`` の答えを、残っている走りの一覧にする。"""

from collections.abc import Sequence
from typing import Final

from tsubame.business.executions.remote_run import RemoteRun, RemoteRunState, RunDirectory, Survey
from tsubame.business.servers.errors import ConnectionLostError
from tsubame.data_access.ssh.control_lines import ControlLine

_KIB: Final = 1024


def surveyed(lines: Sequence[ControlLine]) -> Survey:
    """置き場所の行に、そこにある走りの行が続く。

    Raises:
        ConnectionLostError: 最後の行が届いていない。数え漏れを「ない」と見せないため。
    """
    if lines[-1].verb != "listed":
        raise ConnectionLostError("The connection was lost before the whole list arrived.")
    # 設定した置き場所が候補の一つでもあると、同じ所が二度出る
    directories: dict[str, RunDirectory] = {}
    runs: dict[str, RemoteRun] = {}
    path = ""
    for line in lines:
        if line.verb == "directory":
            path = line.values["d"]
            free, total = (int(line.values[name]) * _KIB for name in ("free_kb", "total_kb"))
            directories[path] = RunDirectory(path, free, total)
        elif line.verb == "run":
            run = _run(line, path)
            runs[run.run_id] = run
    return Survey(tuple(directories.values()), tuple(runs.values()))


def _run(line: ControlLine, directory: str) -> RemoteRun:
    age = line.values.get("age", "")
    return RemoteRun(
        run_id=line.values["id"],
        directory=directory,
        state=RemoteRunState(line.values["state"]),
        size=int(line.values["size"]),
        age_s=max(0, int(age)) if age else None,
    )
