"""動かし方の決まりの、API の型と実体の行き来。"""

from tsubame.business.jobs.policies import Queueing, Retry, Strategy
from tsubame.presentation.http.schemas.policies import (
    QueueingInput,
    RetryInput,
    RetryRead,
    StrategyInput,
    StrategyRead,
)


def strategy_of(body: StrategyInput) -> Strategy:
    return Strategy(
        max_parallel=body.max_parallel,
        waves=tuple(body.waves),
        max_failures=body.max_failures,
        on_failures=body.on_failures,
        pause_between_waves=body.pause_between_waves,
    )


def strategy_read(strategy: Strategy) -> StrategyRead:
    return StrategyRead.model_validate(strategy)


def retry_of(body: RetryInput) -> Retry:
    return Retry(
        max_attempts=body.max_attempts,
        delay_s=body.delay_s,
        factor=body.factor,
        max_delay_s=body.max_delay_s,
        jitter=body.jitter,
        on=tuple(body.on),
        exit_codes=tuple(body.exit_codes),
    )


def retry_read(retry: Retry) -> RetryRead:
    return RetryRead.model_validate(retry)


def queueing_of(body: QueueingInput) -> Queueing:
    return Queueing(
        priority=body.priority, concurrency_limit=body.concurrency_limit, when_full=body.when_full
    )
