from tsubame.business.shared.errors import NotFoundError


class ProjectNotFoundError(NotFoundError):
    """ない。見えないプロジェクトも、同じに答える。"""

    code = "project_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such project.")
