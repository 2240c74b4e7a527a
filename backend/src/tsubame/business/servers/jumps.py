"""踏み台のつなぎ方の決まり: 輪にならず、長すぎない。"""

from typing import Final

from tsubame.business.servers.entities import JumpServer
from tsubame.business.servers.errors import JumpLoopError, JumpTooDeepError
from tsubame.business.servers.ports import ServerDraft, ServersTx
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import ProjectId, ServerId

MAX_JUMPS: Final = 8


async def check_jump(
    tx: ServersTx, project_id: ProjectId, server_id: ServerId | None, draft: ServerDraft
) -> None:
    """保存してよいつなぎ方か。``server_id`` は直すサーバで、新しいサーバなら ``None``。

    踏み台は同じプロジェクトのもの。

    二人が同時に直して輪になることのないよう、取引が終わるまで、ほかの人を待たせる。

    Raises: InvalidInputError, JumpLoopError, JumpTooDeepError。
    """
    if draft.jump_server_id is None:
        return
    await tx.servers.hold_jumps()
    if not await tx.servers.existing(project_id, [draft.jump_server_id]):
        raise InvalidInputError.one(
            "jump_server_id", "server_not_found", "This server does not exist any more."
        )
    path = await tx.servers.jump_path_through(draft.jump_server_id)
    if server_id is None:
        _check_depth(len(path))
    else:
        _check_loop(path, server_id)
        _check_depth(len(path) + await tx.servers.depth_behind(server_id))


def _check_loop(path: tuple[JumpServer, ...], server_id: ServerId) -> None:
    ids = [jump.id for jump in path]
    if server_id in ids:
        names = [jump.name for jump in path[ids.index(server_id) :]]
        raise JumpLoopError([*names, names[0]])


def _check_depth(depth: int) -> None:
    if depth > MAX_JUMPS:
        raise JumpTooDeepError(depth, MAX_JUMPS)
