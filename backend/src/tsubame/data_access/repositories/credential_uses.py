from typing import Final

from psycopg.types.json import Jsonb

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ExecutionId
from tsubame.data_access.db.at_commit import AtCommit
from tsubame.data_access.repositories.audit import actor_columns

# 使う認証情報を探すのと監査に残すのを、一つの文で。始める取引が、そのための一往復を待たずに済む
_NOTE: Final = """
WITH RECURSIVE passed AS (
    SELECT s.id, s.credential_id, s.sudo_credential_id, s.jump_server_id
    FROM targets t JOIN servers s ON s.id = t.server_id WHERE t.execution_id = %s
    UNION
    SELECT s.id, s.credential_id, NULL::bigint, s.jump_server_id
    FROM passed JOIN servers s ON s.id = passed.jump_server_id
)
INSERT INTO audit_events (actor_id, actor_name, token_name, address, details,
                          action, subject_type, subject_id, subject_name, project_id)
SELECT %s, %s, %s, %s, %s, 'credential.used', 'credential', c.id, c.name, c.project_id FROM credentials c
WHERE c.id IN (SELECT credential_id FROM passed UNION SELECT sudo_credential_id FROM passed)
ORDER BY c.id
"""


class SqlCredentialUses:
    def __init__(self, at_commit: AtCommit) -> None:
        self._at_commit = at_commit

    async def note(self, actor: Actor, execution_id: ExecutionId, job_name: str) -> None:
        details = Jsonb({"execution_id": execution_id, "job": job_name})
        self._at_commit.add(_NOTE, execution_id, *actor_columns(actor).values(), details)
