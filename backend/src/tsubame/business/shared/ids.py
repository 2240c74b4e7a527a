"""実体の番号。取り違えを型で防ぐため、整数のまま使わない。"""

from typing import NewType, TypeAlias

UserId = NewType("UserId", int)
InvitationId = NewType("InvitationId", int)
ApiTokenId = NewType("ApiTokenId", int)
SessionId = NewType("SessionId", str)
ProjectId = NewType("ProjectId", int)
CredentialId = NewType("CredentialId", int)
ServerId = NewType("ServerId", int)
JobId = NewType("JobId", int)
ExecutionId = NewType("ExecutionId", int)
TargetId = NewType("TargetId", int)
WorkerId = NewType("WorkerId", int)
VariableId = NewType("VariableId", int)
ProviderId = NewType("ProviderId", int)

Reach: TypeAlias = frozenset[ProjectId] | None
"""届くプロジェクト。``None`` なら、どこにでも届く(絞らない)。"""

DEFAULT_PROJECT = ProjectId(1)
"""最初の移行が作る、既定のプロジェクト。"""
