"""検索の応答を流れる文。"""

from typing import Annotated, Literal

from pydantic import Field

from tsubame.business.executions.log_search import (
    MatchFound,
    SearchEnd,
    SearchEvent,
    SearchProgress,
    TargetSearched,
)
from tsubame.presentation.http.api_model import ApiModel


class SearchMatch(ApiModel):
    """当たった一行。``byte`` はログの中の、``start``・``end``・``text_start`` は行の中の、バイトの位置。"""

    type: Literal["match"]
    execution_id: int
    target_id: int
    server_name: str
    line: int
    byte: int
    start: int
    end: int
    text: str
    text_start: int


class SearchProgressed(ApiModel):
    """``total`` バイトのうち、``bytes`` まで探した。"""

    type: Literal["progress"]
    bytes: int
    total: int
    matches: int


class SearchTarget(ApiModel):
    """一つの対象を探し終えた。"""

    type: Literal["target"]
    target_id: int
    matches: int


class SearchEnded(ApiModel):
    """探し終えた。これが来ずに流れが終わったら、途中で切れている。"""

    type: Literal["end"]
    matches: int
    truncated: bool
    next_byte: int | None


SearchMessage = Annotated[
    SearchMatch | SearchProgressed | SearchTarget | SearchEnded, Field(discriminator="type")
]


def search_message(event: SearchEvent) -> SearchMatch | SearchProgressed | SearchTarget | SearchEnded:
    match event:
        case MatchFound(log, hit):
            return SearchMatch(
                type="match",
                execution_id=log.execution_id,
                target_id=log.target_id,
                server_name=log.server_name,
                line=hit.line,
                byte=hit.byte,
                start=hit.start,
                end=hit.end,
                text=hit.text,
                text_start=hit.text_start,
            )
        case SearchProgress(done, total, matches):
            return SearchProgressed(type="progress", bytes=done, total=total, matches=matches)
        case TargetSearched(target_id, matches):
            return SearchTarget(type="target", target_id=target_id, matches=matches)
        case SearchEnd(matches, truncated, next_byte):
            return SearchEnded(type="end", matches=matches, truncated=truncated, next_byte=next_byte)
