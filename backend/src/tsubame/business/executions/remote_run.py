"""サーバの上で走る一本のスクリプトと、そこへつながる口。

切れても、こちらが死んでも、走りは続く。つなぎ直すときは受け取り済みのバイト数を言う。
手順の全文は docs/architecture.md「遠隔の走り」。
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from tsubame.business.servers.entities import Endpoint


@dataclass(frozen=True, slots=True)
class Guard:
    """サーバの側の見張り。つながりがなくても、これを超えたら木ごと止める。

    Attributes:
        timeout_s: 始まってからの時間の上限。``None`` なら上限なし。
        contact_s: 連絡(``keep_contact``)がないまま続けてよい長さ。``None`` ならいつまでも続ける。
        grace_s: TERM を送ってから KILL までの長さ。
    """

    timeout_s: int | None
    contact_s: int | None
    grace_s: float


@dataclass(frozen=True, slots=True)
class RunOrder:
    """始めるのに要るもの。

    Attributes:
        run_id: 世界で一つの名前(``[0-9a-z-]`` のみ)。同じ名前の走りは二度始まらない。
        script: 送るバイト列そのもの。
        interpreter: 解釈系とその引数(例 ``("/bin/sh",)``)。
        environment: 環境変数。送信の中身に載せ、引数には決して載せない。
        files: 中身をファイルで渡す変数。走りのあいだだけ 0600 のファイルになり、変数はその道になる。
        working_directory: 絶対パス、または ``~`` で始まるパス。``None`` ならホーム。
        offset: 受け取り済みのバイト数(送り直しのとき 0 でないことがある)。
        guard: サーバの側の見張り。``None`` なら付けない。
    """

    run_id: str
    script: bytes
    interpreter: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = field(repr=False)
    working_directory: str | None
    offset: int = 0
    guard: Guard | None = None
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Exited:
    """スクリプトが終わり、ログも最後まで受け取った。

    Attributes:
        exit_code: シェルの流儀の終了コード(シグナルなら 128 + 番号)。
        size: ログの全バイト数。
        duration_s: サーバの時計(起動からの秒)で測った長さ。
        cancelled: 中止が求められていた。
        start_failure: 解釈系を始められなかった理由(``working_directory`` | ``interpreter`` | ``files``)。
        log_incomplete: ディスクが満杯になり、ログの一部が書かれなかったおそれがある。
        guarded_by: サーバの見張りが止めたわけ(``timed_out`` | ``contact_lost``)。
        survivors: 見張りが止めても消えなかったプロセスの番号。
    """

    exit_code: int
    size: int
    duration_s: float | None
    cancelled: bool = False
    start_failure: str | None = None
    log_incomplete: bool = False
    guarded_by: str | None = None
    survivors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """サーバはもうこの走りを知らない。``why`` = ``reboot`` | ``killed`` | ``neverstarted`` | ``nodir``。"""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """サーバの側で始められなかった。``why`` = ``nodir`` | ``short`` | ``write`` | …。"""

    why: str


@dataclass(frozen=True, slots=True)
class Cut:
    """途中で切れた、または別の追い手に譲った(``again``)。結果は分からない。つなぎ直すこと。"""

    detail: str


Outcome = Exited | Lost | Refused | Cut


@dataclass(frozen=True, slots=True)
class Hello:
    """つながった証し。これを記録したあとは ``start`` を送り直してはならない。"""

    directory: str
    follower: str


class Attachment(Protocol):
    """つながっている一本。"""

    async def hello(self) -> Hello | Outcome:
        """相手が応えるのを待つ。応える前に終わったなら、その結末を返す。

        Raises:
            ConnectionProblem: ログインはできたが、シェルが命令を動かさない(``ShellUnusableError`` など)。
        """
        ...

    async def read(self) -> bytes:
        """届いたバイトをまとめて返す。終わりなら空。溜まりすぎないよう、読まないあいだは相手を待たせる。"""
        ...

    async def outcome(self) -> Outcome:
        """``read`` が空を返したあとに読む、結末。"""
        ...

    async def close(self) -> None:
        """手を離す。サーバの走りは続く。"""
        ...


@dataclass(frozen=True, slots=True)
class CancelReport:
    """中止の結果。``survivors`` は消えなかったプロセスの番号。"""

    ended: bool
    survivors: tuple[int, ...]


class RemoteRunState(StrEnum):
    RUNNING = "running"
    ENDED = "ended"
    UNSTARTED = "unstarted"
    """場所だけが作られ、始まっていない(始まりかけか、始める前に止めたもの)。"""


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """サーバに残っている走りの記録。

    Attributes:
        size: 記録の全部のバイト数。
        age_s: 最後に書かれてからの秒。測る道具のないサーバでは ``None``。
    """

    run_id: str
    directory: str
    state: RemoteRunState
    size: int
    age_s: int | None


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """走りの置き場所と、それのあるファイルシステム。空きが分からなければ、どちらの大きさも 0。"""

    path: str
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Survey:
    """一つのサーバの、走りの置き場所と、残っている走りの全部。"""

    directories: tuple[RunDirectory, ...]
    runs: tuple[RemoteRun, ...]


class RemoteRuns(Protocol):
    """どの操作も ``ConnectionProblem`` を投げうる。時間の上限は実装が持つ。"""

    async def start(
        self, endpoint: Endpoint, order: RunOrder, on_sending: Callable[[], None] = lambda: None
    ) -> Attachment:
        """送り出してつながる。返る前に送信は終わっている(結末はまだ分からない)。

        ``on_sending`` は、つながってスクリプトを送り出す直前に呼ぶ。それまでは、何も走りえない。
        投げれば、送らずにやめる。
        """
        ...

    async def attach(self, endpoint: Endpoint, run_id: str, offset: int) -> Attachment: ...

    async def cancel(self, endpoint: Endpoint, run_id: str, grace_s: float) -> CancelReport:
        """プロセスの木を全部止める。待ち行列に並ばない専用の接続を使う。"""
        ...

    async def keep_contact(self, endpoint: Endpoint, run_id: str) -> None:
        """見張りに「まだ見ている」と伝える。"""
        ...

    async def remove(self, endpoint: Endpoint, run_id: str) -> None:
        """終わった走りの記録をサーバから消す。終わりを確定させたあとでだけ呼ぶ。

        まだ走っているものは消さない(消すと、二度目の始まりを止めるものがなくなる)。
        もうないものを消すのは、成功とする。

        Raises:
            RunStillRunningError: まだ走っている。
        """
        ...

    async def survey(self, endpoint: Endpoint) -> Survey:
        """残っている走りを全部数える。"""
        ...
