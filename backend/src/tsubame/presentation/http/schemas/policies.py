"""動かし方の決まりの型。ジョブ・実行の写し・その場の命令が同じ形で持つ。"""

from typing import Annotated

from pydantic import Field

from tsubame.business.jobs.policies import OnFailures, RetryOn, WhenFull
from tsubame.presentation.http.api_model import ApiInput, ApiModel

Priority = Annotated[
    int,
    Field(
        ge=-100,
        le=100,
        description="大きいほど先。1 違うと一分早く並んだのと同じなので、低いものもいつかは順番が来る。",
    ),
]


class StrategyInput(ApiInput):
    """たくさんのサーバの進め方。

    ``waves`` は波ごとの大きさで、台数(``"3"``)か全体に対する割合(``"10%"``、切り上げ)。残りは最後の波になる。
    ``max_failures`` を超えて失敗したら、``on_failures`` のとおりにする(台数か割合。割合は切り捨て)。
    """

    max_parallel: int | None = Field(default=None, ge=1, le=10_000)
    waves: list[str] = Field(default_factory=list, max_length=20)
    max_failures: str | None = Field(default=None, max_length=10)
    on_failures: OnFailures = OnFailures.STOP
    pause_between_waves: bool = False


class StrategyRead(ApiModel):
    max_parallel: int | None
    waves: list[str]
    max_failures: str | None
    on_failures: OnFailures
    pause_between_waves: bool


class RetryInput(ApiInput):
    """やり直し。``max_attempts`` は最初の一回を含み、``exit_codes`` は並べたものだけをやり直す。"""

    max_attempts: int = Field(default=1, ge=1, le=20)
    delay_s: int = Field(default=10, ge=0, le=86_400)
    factor: float = Field(default=2.0, ge=1, le=10)
    max_delay_s: int = Field(default=300, ge=0, le=86_400)
    jitter: float = Field(default=0.2, ge=0, le=1)
    on: list[RetryOn] = Field(default_factory=lambda: [RetryOn.CONNECT], max_length=len(RetryOn))
    exit_codes: list[Annotated[int, Field(ge=1, le=255)]] = Field(default_factory=list, max_length=255)


class RetryRead(ApiModel):
    max_attempts: int
    delay_s: int
    factor: float
    max_delay_s: int
    jitter: float
    on: list[RetryOn]
    exit_codes: list[int]


class QueueingInput(ApiInput):
    """待ち行列での扱い。``concurrency_limit`` は同時に動かしてよい、このジョブの実行の数。"""

    priority: Priority = 0
    concurrency_limit: int | None = Field(default=None, ge=1, le=1000)
    when_full: WhenFull = WhenFull.QUEUE


class QueueingRead(ApiModel):
    priority: int
    concurrency_limit: int | None
    when_full: WhenFull
