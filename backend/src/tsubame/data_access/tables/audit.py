from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from tsubame.data_access.tables.base import id_column, instant, metadata

# 書き足すだけの表。守る仕掛け(引き金と関数)は移行 0014 と docs/adr/0025 にある
audit_events = Table(
    "audit_events",
    metadata,
    id_column(),
    instant("at", now=True),
    # 利用者が消えても記録は残すので、外部キーにしない
    Column("actor_id", BigInteger),
    Column("actor_name", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", BigInteger),
    Column("subject_name", Text, nullable=False),
    Column("details", JSONB, nullable=False, server_default="{}"),
    Column("token_name", Text),
    Column("address", Text, nullable=False, server_default=""),
    Column("project_id", BigInteger),
    Column("outcome", Text, nullable=False, server_default="done"),
    # どの絞り込みでも、新しい順の一頁を索引の順に読めるように、どれも (at, id) で終わる
    Index("ix_audit_events_at_id", "at", "id"),
    Index("ix_audit_events_actor_id_at_id", "actor_id", "at", "id"),
    Index("ix_audit_events_action_at_id", "action", "at", "id"),
    Index("ix_audit_events_subject", "subject_type", "subject_id", "at", "id"),
    Index("ix_audit_events_project_id_at_id", "project_id", "at", "id"),
    # 多いものどうしなのに重ならない組(その人がしたことのない操作など)を、端から端まで探さないように
    Index("ix_audit_events_actor_id_action", "actor_id", "action", "at", "id"),
    Index("ix_audit_events_actor_id_subject_type", "actor_id", "subject_type", "at", "id"),
    Index("ix_audit_events_project_id_action", "project_id", "action", "at", "id"),
    Index("ix_audit_events_project_id_actor_id", "project_id", "actor_id", "at", "id"),
    Index("ix_audit_events_project_id_subject_type", "project_id", "subject_type", "at", "id"),
    Index("ix_audit_events_not_done", "outcome", "at", "id", postgresql_where=text("outcome <> 'done'")),
)
words: ColumnElement[str] = literal_column(
    "((((((actor_name || ' '::text) || action) || ' '::text) || subject_name) || ' '::text) || address)", Text
)
"""文字で探す先。索引と同じ式でなければ、索引が使われない。PostgreSQL が返すとおりに書く。"""
Index(
    "ix_audit_events_words",
    words.label("words"),
    postgresql_using="gin",
    postgresql_ops={"words": "gin_trgm_ops"},
    postgresql_with={"gin_pending_list_limit": 256},
    _table=audit_events,
)

# まだ鎖につないでいない記録。引き金が入れ、つないだ者が消す
audit_unchained = Table(
    "audit_unchained", metadata, Column("event_id", BigInteger, primary_key=True, autoincrement=False)
)

# 番号は 1 から欠けずに続く。記録の行とは分け、つないでも記録を書き換えないようにする
audit_chain = Table(
    "audit_chain",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", BigInteger, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("octet_length(hash) = 32", name="sha256"),
)

# 保存期間を過ぎて消した分の、最後の位置とハッシュ。残りの鎖は、最新の錨から確かめる
audit_anchors = Table(
    "audit_anchors",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("events", BigInteger, nullable=False),
    instant("at", now=True),
)

# 行は一つだけ。保存する日数と、最後に鎖を確かめた結果
audit_state = Table(
    "audit_state",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("keep_days", Integer),
    instant("checked_at", nullable=True),
    Column("checked_position", BigInteger),
    Column("fault", Text),
    Column("fault_event_id", BigInteger),
    CheckConstraint("keep_days >= 30", name="not_too_short"),
)
