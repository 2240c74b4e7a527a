from tsubame.presentation.http.api_model import ApiModel


class OutputGroupRead(ApiModel):
    """同じ出力の対象。``too_large`` なら、大きすぎて比べていない一つの対象。"""

    target_ids: list[int]
    log_bytes: int
    log_lines: int
    too_large: bool


class OutputsRead(ApiModel):
    """``groups`` は多い順。``pending`` があれば、もう一度尋ねると続きを比べる。"""

    groups: list[OutputGroupRead]
    running: int
    pending: int
