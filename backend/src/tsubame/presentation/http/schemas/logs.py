from typing import Literal

from tsubame.presentation.http.api_model import ApiModel


class LineTimeRead(ApiModel):
    """``line`` とそれに続く行が届き始めた時刻(Unix、ミリ秒)。次の印の行の前まで。"""

    line: int
    at_ms: int


class LogTimesRead(ApiModel):
    marks: list[LineTimeRead]


class LogSectionRead(ApiModel):
    """畳める区切り。``last_line`` と ``ended_ms`` は、終わりの印がまだなければ ``null``。"""

    first_line: int
    last_line: int | None
    title: str
    depth: int
    collapsed: bool
    started_ms: int
    ended_ms: int | None


class LogAnnotationRead(ApiModel):
    line: int
    level: Literal["error", "warning", "notice"]
    message: str
    file: str | None
    file_line: int | None


class LogOutlineRead(ApiModel):
    """それぞれ 5,000 まで。``truncated`` なら、載せきれていない。"""

    sections: list[LogSectionRead]
    annotations: list[LogAnnotationRead]
    truncated: bool
