from tsubame.business.shared.errors import ConflictError, NotFoundError


class WorkerNotFoundError(NotFoundError):
    code = "worker_not_found"


class WorkerStoppedError(ConflictError):
    """もう去ったワーカーへの頼み。"""

    code = "worker_stopped"
