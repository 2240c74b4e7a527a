from tsubame.business.shared.permissions import Permission, Role
from tsubame.business.users.explaining import Verdict
from tsubame.presentation.http.api_model import ApiModel


class PermissionRule(ApiModel):
    permission: Permission
    needed: Role
    """足りる最小の役割。"""
    whole_installation: bool
    """どのプロジェクトのものでもない物への権限。プロジェクトの役割では足りない。"""


class PermissionTable(ApiModel):
    """弱い順の役割と、権限ごとの決まり。"""

    roles: list[Role]
    rules: list[PermissionRule]


class ExplanationRead(ApiModel):
    allowed: bool
    verdict: Verdict
    username: str
    permission: Permission
    project_name: str | None
    needed: Role
    everywhere: Role | None
    here: Role | None
    effective: Role | None
