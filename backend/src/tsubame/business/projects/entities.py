from dataclasses import dataclass

from tsubame.business.shared.ids import ProjectId


@dataclass(frozen=True, slots=True)
class Project:
    id: ProjectId
    name: str
