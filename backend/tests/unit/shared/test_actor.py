"""権限の判断。全体の役割、プロジェクトの役割、トークンの範囲。"""

import pytest

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import PermissionDeniedError
from tsubame.business.shared.ids import ProjectId, UserId
from tsubame.business.shared.permissions import Permission, Role

MINE, OTHER = ProjectId(1), ProjectId(2)


def member(role: Role | None, mine: Role | None = None, scope: frozenset[Permission] | None = None) -> Actor:
    roles = {} if mine is None else {MINE: mine}
    return Actor(UserId(1), "x", role, roles, scope)


@pytest.mark.parametrize(
    ("role", "mine", "here", "there"),
    [
        (Role.VIEWER, Role.EDITOR, True, False),
        (Role.EDITOR, Role.VIEWER, True, True),
        (None, Role.EDITOR, True, False),
        (None, None, False, False),
    ],
)
def test_the_stronger_role_counts(role: Role | None, mine: Role | None, here: bool, there: bool) -> None:
    """全体の役割とプロジェクトの役割の、強いほうが効く。プロジェクトの役割は、よそでは効かない。"""
    actor = member(role, mine)
    assert (actor.can(Permission.JOB_WRITE, MINE), actor.can(Permission.JOB_WRITE, OTHER)) == (here, there)


def test_refusal_says_what_would_do() -> None:
    """断るときは、足りる最小の役割と、今の役割を言う。"""
    with pytest.raises(PermissionDeniedError) as refused:
        member(None).require(Permission.JOB_WRITE, MINE)
    assert refused.value.params == {"permission": "job:write", "needed": "editor", "role": "none"}


def test_token_is_held_to_its_scope() -> None:
    """トークンは、持ち主が管理者でも、許した権限の外へ出られない。"""
    actor = member(Role.ADMIN, scope=frozenset({Permission.JOB_READ}))
    actor.require(Permission.JOB_READ)
    with pytest.raises(PermissionDeniedError):
        actor.require(Permission.JOB_WRITE)


def test_whole_installation_needs_a_role_everywhere() -> None:
    """ワーカーのような、どのプロジェクトのものでもない物には、プロジェクトの管理者でも手が出ない。"""
    actor = member(None, Role.ADMIN)
    assert not actor.can(Permission.WORKER_DRAIN, MINE)
    assert actor.projects_with(Permission.WORKER_READ) == frozenset()
    assert member(Role.ADMIN).can(Permission.WORKER_DRAIN, MINE)


def test_reach_refuses_with_the_strongest_role() -> None:
    """どこでも足りない人に一覧を断るときは、持っている中でいちばん強い役割を言う。"""
    assert member(None, Role.VIEWER).reach(Permission.JOB_READ) == frozenset({MINE})
    with pytest.raises(PermissionDeniedError) as refused:
        member(None, Role.VIEWER).reach(Permission.JOB_WRITE)
    assert refused.value.params["role"] == "viewer"


def test_sight_is_where_one_has_any_role() -> None:
    """見えるのは、何かの役割を持つプロジェクト。どこでも効く役割があれば、どこでも見える。"""
    assert member(None, Role.VIEWER).sight == frozenset({MINE})
    assert member(None).sight == frozenset()
    assert member(Role.VIEWER, Role.EDITOR).sight is None


def test_lists_are_narrowed_to_readable_projects() -> None:
    """一覧は、読めるプロジェクトだけに絞る。どこでも読める人は絞らない。"""
    assert member(Role.VIEWER).projects_with(Permission.JOB_READ) is None
    assert member(None, Role.VIEWER).projects_with(Permission.JOB_READ) == frozenset({MINE})
    assert member(None, Role.VIEWER).projects_with(Permission.JOB_WRITE) == frozenset()
