"""postgres をどの利用者で動かすか。PostgreSQL は root での起動を拒むため。"""

import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# 既にいる利用者だけを使う。勝手に OS の利用者を増やさない
_UNPRIVILEGED = ("tsubame", "postgres", "nobody")


@dataclass(frozen=True)
class RunAs:
    uid: int
    gid: int
    switch: bool
    """root で動いていて、子の利用者を切り替える必要がある。"""

    @property
    def popen(self) -> Mapping[str, Any]:
        """Subprocess に渡す、利用者切り替えの引数。"""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}


def choose_user(data: Path) -> RunAs | None:
    """Postgres を動かす利用者。root で、切り替える先が 1 人もいないときだけ None。

    データがもうあれば、その持ち主に合わせる。あとから postgres パッケージを入れた機械で
    候補の順が変わっても、同じデータを開けるように。
    """
    if os.geteuid() != 0:
        return RunAs(os.geteuid(), os.getegid(), switch=False)
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return RunAs(owner.st_uid, owner.st_gid, switch=True)
    for name in _UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunAs(found.pw_uid, found.pw_gid, switch=True)
    return None


def can_traverse(user: RunAs, directory: Path) -> bool:
    """`user` が `directory` とその親すべてに入れるか。"""
    return first_closed_parent(user, directory) is None


def first_closed_parent(user: RunAs, directory: Path) -> Path | None:
    """`user` が入れない最も上のディレクトリ。なければ None。"""
    if not user.switch:
        return None  # 自分のまま動くので、入れなければ作る時に分かる
    resolved = directory.resolve()
    for path in (*reversed(resolved.parents), resolved):
        found = path.stat()
        needed = stat.S_IXOTH
        if found.st_uid == user.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == user.gid:
            needed = stat.S_IXGRP
        if not found.st_mode & needed:
            return path
    return None
