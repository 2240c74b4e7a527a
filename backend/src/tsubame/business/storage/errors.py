from tsubame.business.shared.errors import NotFoundError, UnavailableError


class ArchiveUnavailableError(UnavailableError):
    """保管先に届かない。待てば戻りうる。"""

    code = "archive_unavailable"


class ArchiveRefusedError(UnavailableError):
    """保管先が断った(鍵が違う、権利がない、住所が開けない)。人が設定を直すまで続く。"""

    code = "archive_refused"


class ArchivedObjectMissingError(UnavailableError):
    """保管したはずの物がない。だれかが外から消した。"""

    code = "archived_object_missing"


class ArchiveMismatchError(UnavailableError):
    """置いた物を読み返したら、置いたものと違った。表の行は消さない。"""

    code = "archive_mismatch"


class PolicyNotFoundError(NotFoundError):
    code = "retention_policy_not_found"
