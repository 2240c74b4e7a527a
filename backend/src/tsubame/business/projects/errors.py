from collections.abc import Mapping

from tsubame.business.shared.errors import ConflictError, NotFoundError


class ProjectNotFoundError(NotFoundError):
    """ない。見えないプロジェクトも、同じに答える。"""

    code = "project_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such project.")


class MemberNotFoundError(NotFoundError):
    code = "member_not_found"

    def __init__(self) -> None:
        super().__init__("This user is not a member of this project.")


class ProjectNotEmptyError(ConflictError):
    """物が残っているので消せない。"""

    code = "project_not_empty"

    def __init__(self, left: Mapping[str, int]) -> None:
        things = ", ".join(f"{count} {name}" for name, count in left.items()) or "something"
        super().__init__(
            f"This project still holds {things}. Delete them first; executions go away by the retention"
            " policy of the project.",
            params={name: left.get(name, 0) for name in ("servers", "jobs", "credentials", "executions")},
        )


class DefaultProjectStaysError(ConflictError):
    """既定のプロジェクトは、プロジェクトを選ばずに作った物の行き先なので、消せない。"""

    code = "default_project_stays"

    def __init__(self) -> None:
        super().__init__("The default project cannot be deleted. You can rename it.")
