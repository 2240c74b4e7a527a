"""``ScriptSpec`` と JSON の行き来。ジョブと実行が同じ形でしまう。"""

from typing import NotRequired, TypedDict

from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.jobs.policies import ALL_AT_ONCE, NO_RETRY, OnFailures, Retry, RetryOn, Strategy


class StrategyJson(TypedDict):
    max_parallel: int | None
    waves: list[str]
    max_failures: str | None
    on_failures: str
    pause_between_waves: bool


class RetryJson(TypedDict):
    max_attempts: int
    delay_s: int
    factor: float
    max_delay_s: int
    jitter: float
    on: list[str]
    exit_codes: list[int]


class SpecJson(TypedDict):
    """``NotRequired`` の項目は、それより前にしまった写しにはない。"""

    script: str
    interpreter: str | None
    env: dict[str, str]
    working_directory: str | None
    timeout_s: int | None
    strategy: NotRequired[StrategyJson]
    retry: NotRequired[RetryJson]
    # この欄がなかった版で写し取ったものも読む
    stop_without_contact_s: NotRequired[int | None]
    max_log_bytes: NotRequired[int | None]


def to_json(spec: ScriptSpec) -> SpecJson:
    return {
        "script": spec.script,
        "interpreter": spec.interpreter,
        "env": dict(spec.env),
        "working_directory": spec.working_directory,
        "timeout_s": spec.timeout_s,
        "strategy": {
            "max_parallel": spec.strategy.max_parallel,
            "waves": list(spec.strategy.waves),
            "max_failures": spec.strategy.max_failures,
            "on_failures": spec.strategy.on_failures,
            "pause_between_waves": spec.strategy.pause_between_waves,
        },
        "retry": {
            "max_attempts": spec.retry.max_attempts,
            "delay_s": spec.retry.delay_s,
            "factor": spec.retry.factor,
            "max_delay_s": spec.retry.max_delay_s,
            "jitter": spec.retry.jitter,
            "on": list(spec.retry.on),
            "exit_codes": list(spec.retry.exit_codes),
        },
        "stop_without_contact_s": spec.stop_without_contact_s,
        "max_log_bytes": spec.max_log_bytes,
    }


def from_json(value: SpecJson) -> ScriptSpec:
    return ScriptSpec(
        script=value["script"],
        interpreter=value["interpreter"],
        env=tuple(sorted(value["env"].items())),
        working_directory=value["working_directory"],
        timeout_s=value["timeout_s"],
        stop_without_contact_s=value.get("stop_without_contact_s"),
        # 上限のなかった版の写しは、上限なしで動いた
        max_log_bytes=value.get("max_log_bytes"),
        strategy=_strategy(value["strategy"]) if "strategy" in value else ALL_AT_ONCE,
        retry=_retry(value["retry"]) if "retry" in value else NO_RETRY,
    )


def _strategy(value: StrategyJson) -> Strategy:
    return Strategy(
        max_parallel=value["max_parallel"],
        waves=tuple(value["waves"]),
        max_failures=value["max_failures"],
        on_failures=OnFailures(value["on_failures"]),
        pause_between_waves=value["pause_between_waves"],
    )


def _retry(value: RetryJson) -> Retry:
    return Retry(
        max_attempts=value["max_attempts"],
        delay_s=value["delay_s"],
        factor=value["factor"],
        max_delay_s=value["max_delay_s"],
        jitter=value["jitter"],
        on=tuple(map(RetryOn, value["on"])),
        exit_codes=tuple(value["exit_codes"]),
    )
