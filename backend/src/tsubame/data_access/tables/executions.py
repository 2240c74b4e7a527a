from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tsubame.data_access.tables.base import id_column, instant, metadata

executions = Table(
    "executions",
    metadata,
    id_column(),
    Column("project_id", BigInteger, ForeignKey("projects.id"), nullable=False),
    # ジョブを消しても履歴は残る
    Column("kind", Text, nullable=False, server_default="job"),
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="SET NULL")),
    Column("job_name", Text, nullable=False),
    Column("spec", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_counts", JSONB, nullable=False),
    Column("target_count", Integer, nullable=False),
    Column("requested_by", BigInteger, ForeignKey("users.id", ondelete="SET NULL")),
    Column("requested_by_name", Text, nullable=False),
    Column("rerun_of", BigInteger),
    Column("priority", Integer, nullable=False, server_default="0"),
    # 順番を待ち始めたとき。失敗した対象だけをもう一度動かすと、そのときになる
    instant("queued_at", now=True),
    # 同時に動かす対象の上限。NULL は上限なし
    Column("max_parallel", Integer),
    # ジョブの同時実行の枠に入ったとき
    instant("entered_at", nullable=True),
    # ここまでの波の対象だけが始まってよい
    Column("open_wave", Integer, nullable=False, server_default="0"),
    instant("paused_at", nullable=True),
    Column("paused_reason", Text),
    Column("paused_by_name", Text),
    # 人が「それでも続ける」と言った失敗の数
    Column("accepted_failures", Integer, nullable=False, server_default="0"),
    Column("idempotency_key", Text),
    instant("cancel_requested_at", nullable=True),
    Column("cancel_requested_by_name", Text),
    # 人が止めたのでなければ、そのわけ
    Column("cancel_reason", Text),
    instant("created_at", now=True),
    instant("started_at", nullable=True),
    instant("finished_at", nullable=True),
    # 「これは残す」の印。付いているあいだは、保存の決まりで消さない
    instant("pinned_at", nullable=True),
    Column("pinned_by_name", Text),
    # どの絞り込みも「条件の列, id の降順」で、二百万行でも先頭から読むだけで済む
    Index("ix_executions_project_id_id", "project_id", text("id DESC")),
    Index("ix_executions_job_id_id", "job_id", text("id DESC")),
    Index("ix_executions_state_id", "state", text("id DESC")),
    Index("ix_executions_requested_by_id", "requested_by", text("id DESC")),
    Index("ix_executions_created_at", "created_at"),
    # まだ終わっていない実行だけの小さな索引。順番を決める問い合わせはここだけを見る
    Index("ix_executions_unfinished", "job_id", postgresql_where=text("finished_at IS NULL")),
    # 同時実行の枠の外で待っている実行
    Index(
        "ix_executions_outside",
        "job_id",
        postgresql_where=text("finished_at IS NULL AND entered_at IS NULL"),
    ),
    Index(
        "uq_executions_requested_by_idempotency_key",
        "requested_by",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key IS NOT NULL"),
    ),
)

workers = Table(
    "workers",
    metadata,
    id_column(),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    # 同時に引き受ける対象の数
    Column("capacity", Integer, nullable=False, server_default="0"),
    instant("started_at", now=True),
    instant("heartbeat_at", now=True),
    # 新しい対象を引き受けない(動いているものは最後まで動かす)
    instant("draining_at", nullable=True),
    # 心拍のたびに置き換える、今の様子(動かしている数、負荷、記憶)
    Column("stats", JSONB, nullable=False, server_default="{}"),
    instant("stopped_at", nullable=True),
)

limits = Table(
    "limits",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    # 全体で同時に動かす対象の上限。NULL は、ワーカーの数で決まる
    Column("max_parallel", Integer),
)

targets = Table(
    "targets",
    metadata,
    id_column(),
    Column("execution_id", BigInteger, ForeignKey("executions.id", ondelete="CASCADE"), nullable=False),
    Column("server_id", BigInteger, ForeignKey("servers.id", ondelete="SET NULL")),
    Column("server_name", Text, nullable=False),
    Column("position", Integer, nullable=False),
    # やり直すたびに一行増える。latest は、その位置の最後の試み
    Column("attempt", Integer, nullable=False, server_default="1"),
    Column("latest", Boolean, nullable=False, server_default="true"),
    Column("wave", Integer, nullable=False, server_default="0"),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Text, nullable=False, server_default=""),
    Column("exit_code", Integer),
    Column("survivors", ARRAY(Integer), nullable=False, server_default="{}"),
    Column("run_id", Text, nullable=False, unique=True),
    # 権利。epoch が手元の値と違うワーカーは、状態もログも書けない
    Column("lease_worker_id", BigInteger, ForeignKey("workers.id")),
    Column("lease_epoch", Integer, nullable=False, server_default="0"),
    Column("remote_bytes", BigInteger, nullable=False, server_default="0"),
    Column("log_bytes", BigInteger, nullable=False, server_default="0"),
    Column("log_newlines", BigInteger, nullable=False, server_default="0"),
    # 最後のバイトが改行でない(途中の行がある)
    Column("log_open_line", Boolean, nullable=False, server_default="false"),
    # 途中の行が印(log_marks)になりうるなら、その始まり。引き継いだ者が、行を頭から見られるように
    Column("log_line_head", LargeBinary, nullable=False, server_default=""),
    # 見つけた印の数。表に残すのは上限まで
    Column("log_marks", Integer, nullable=False, server_default="0"),
    # 秘密の値を伏せた所の数
    Column("log_masked", BigInteger, nullable=False, server_default="0"),
    # 上限を超えて省いた真ん中: [start, end) のバイトと、丸ごとない最初の行と、終わりの続きの行
    Column("log_gap_start", BigInteger),
    Column("log_gap_end", BigInteger),
    Column("log_gap_first_line", BigInteger),
    Column("log_gap_next_line", BigInteger),
    # ログの置き場(月ごとの区画)を決める日。実行を作った日で、ずっと変わらない
    Column("log_day", Date, nullable=False),
    instant("queued_at", now=True),
    # やり直しの間をおく
    instant("not_before", nullable=True),
    # 始めてよいと決まり、配達の列に積んだとき
    instant("admitted_at", nullable=True),
    instant("started_at", nullable=True),
    instant("finished_at", nullable=True),
    # サーバに残した記録を消し終えたとき
    instant("cleaned_at", nullable=True),
    # 保存したログの SHA-256。同じ出力の対象をまとめて見せるため
    Column("output_digest", LargeBinary),
    # ログが表から保管先へ移ったとき
    instant("log_archived_at", nullable=True),
    UniqueConstraint("execution_id", "position", "attempt"),
    Index("ix_targets_server_id_execution_id", "server_id", text("execution_id DESC")),
    # 動いているものだけの小さな索引。引き継ぎと心拍はここだけを見る
    Index(
        "ix_targets_unfinished",
        "lease_worker_id",
        postgresql_where=text("state IN ('queued', 'starting', 'running', 'disconnected')"),
    ),
    # ログを書くたびに変わる列は載せない。載せると、書くたびに索引まで書き直すことになる
    Index(
        "ix_targets_unarchived",
        "finished_at",
        postgresql_where=text("finished_at IS NOT NULL AND log_archived_at IS NULL"),
    ),
    Index(
        "ix_targets_uncleaned",
        "id",
        postgresql_where=text("cleaned_at IS NULL AND started_at IS NOT NULL AND finished_at IS NOT NULL"),
    ),
)
