from tsubame.business.shared.errors import ConflictError, NotFoundError


class JobNotFoundError(NotFoundError):
    code = "job_not_found"


class JobDisabledError(ConflictError):
    code = "job_disabled"


class JobHasNoServersError(ConflictError):
    """動かす先がない。"""

    code = "job_has_no_servers"


class NoServerMatchesError(ConflictError):
    """札の式に当てはまるサーバがない。"""

    code = "no_server_matches"
