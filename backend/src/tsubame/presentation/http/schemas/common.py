from tsubame.presentation.http.api_model import ApiModel


class FieldProblem(ApiModel):
    field: str
    code: str
    message: str
    params: dict[str, str | int]


class Problem(ApiModel):
    """RFC 9457 の ``application/problem+json``。``code`` は公開後に変えない。"""

    type: str
    title: str
    status: int
    detail: str
    code: str
    params: dict[str, str | int]
    errors: list[FieldProblem]
