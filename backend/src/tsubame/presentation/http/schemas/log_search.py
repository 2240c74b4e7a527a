"""検索の応答を流れる文。"""

from typing import Annotated, Literal

from pydantic import Field

from tsubame.business.executions.log_search import (
    MatchFound,
    SearchEnd,
    SearchEvent,
    SearchPassed,
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


class SearchPast(ApiModel):
    """数えるだけで通り過ぎた。``line`` 行(始まりは ``byte``)より前に、当たりが ``matches`` 行。"""

    type: Literal["passed"]
    line: int
    byte: int
    matches: int


class SearchTarget(ApiModel):
    """一つの対象を探し終えた。"""

    type: Literal["target"]
    execution_id: int
    target_id: int
    server_name: str
    matches: int


class SearchEnded(ApiModel):
    """探し終えた。これが来ずに流れが終わったら、途中で切れている。"""

    type: Literal["end"]
    matches: int
    truncated: bool
    next_byte: int | None
    next_line: int | None


AnyMessage = SearchMatch | SearchProgressed | SearchPast | SearchTarget | SearchEnded
SearchMessage = Annotated[AnyMessage, Field(discriminator="type")]


def search_message(event: SearchEvent) -> AnyMessage:
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
        case SearchPassed(line, byte, matches):
            return SearchPast(type="passed", line=line, byte=byte, matches=matches)
        case TargetSearched(log, matches):
            return SearchTarget(
                type="target",
                execution_id=log.execution_id,
                target_id=log.target_id,
                server_name=log.server_name,
                matches=matches,
            )
        case SearchEnd(matches, truncated, next_byte, next_line):
            return SearchEnded(
                type="end",
                matches=matches,
                truncated=truncated,
                next_byte=next_byte,
                next_line=next_line,
            )
