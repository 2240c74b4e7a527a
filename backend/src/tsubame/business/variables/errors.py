from tsubame.business.shared.errors import ConflictError, NotFoundError


class VariableNotFoundError(NotFoundError):
    code = "variable_not_found"


class VariableOwnerNotFoundError(NotFoundError):
    """置き先(プロジェクト・サーバ・ジョブ)がない。"""

    code = "variable_owner_not_found"


class TooManyVariablesError(ConflictError):
    code = "too_many_variables"
