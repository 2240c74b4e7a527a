from tsubame.presentation.http.api_model import ApiModel


class MergedRowRead(ApiModel):
    """一行。``data`` は改行を除いたバイト列を base64 にしたもの。長すぎれば頭だけ。"""

    target_id: int
    line: int
    at_ms: int
    data: str


class MergedLogRead(ApiModel):
    """早い順の行。``before`` と ``after`` は、続きを求めるときの ``cursor``。"""

    rows: list[MergedRowRead]
    before: str | None
    after: str | None
