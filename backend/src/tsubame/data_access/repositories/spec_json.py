"""``ScriptSpec`` と JSON の行き来。ジョブと実行が同じ形でしまう。"""

from typing import NotRequired, TypedDict

from tsubame.business.jobs.entities import ScriptSpec


class SpecJson(TypedDict):
    script: str
    interpreter: str | None
    env: dict[str, str]
    working_directory: str | None
    timeout_s: int | None
    # この欄がなかった版で写し取ったものも読む
    stop_without_contact_s: NotRequired[int | None]


def to_json(spec: ScriptSpec) -> SpecJson:
    return {
        "script": spec.script,
        "interpreter": spec.interpreter,
        "env": dict(spec.env),
        "working_directory": spec.working_directory,
        "timeout_s": spec.timeout_s,
        "stop_without_contact_s": spec.stop_without_contact_s,
    }


def from_json(value: SpecJson) -> ScriptSpec:
    return ScriptSpec(
        script=value["script"],
        interpreter=value["interpreter"],
        env=tuple(sorted(value["env"].items())),
        working_directory=value["working_directory"],
        timeout_s=value["timeout_s"],
        stop_without_contact_s=value.get("stop_without_contact_s"),
    )
