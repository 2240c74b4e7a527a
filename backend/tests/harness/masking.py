"""製品と同じ探す道具を使う伏せ役。"""

from collections.abc import Sequence

from tsubame.business.executions.masking import Masker, MaskingPlan
from tsubame.data_access.literal_search import LiteralSearch


def plan_of(secrets: Sequence[str | bytes]) -> MaskingPlan:
    values = [secret.encode() if isinstance(secret, str) else secret for secret in secrets]
    return MaskingPlan(values, LiteralSearch)


def masker_of(secrets: Sequence[str | bytes]) -> Masker:
    return Masker(plan_of(secrets))
