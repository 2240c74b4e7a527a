"""監査記録に、どこから・結果・プロジェクトを足し、鎖と保存期間を付ける。

Revision ID: 0014
Revises: 0007
"""

from alembic import op

revision = "0014"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE audit_events
    ADD COLUMN token_name TEXT,
    ADD COLUMN address TEXT DEFAULT '' NOT NULL,
    ADD COLUMN project_id BIGINT,
    ADD COLUMN outcome TEXT DEFAULT 'done' NOT NULL;

CREATE TABLE audit_unchained (
    event_id BIGINT NOT NULL,
    CONSTRAINT pk_audit_unchained PRIMARY KEY (event_id)
);
CREATE TABLE audit_chain (
    position BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_audit_chain PRIMARY KEY (position),
    CONSTRAINT uq_audit_chain_event_id UNIQUE (event_id),
    CONSTRAINT ck_audit_chain_sha256 CHECK (octet_length(hash) = 32)
);
CREATE TABLE audit_anchors (
    position BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    events BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_audit_anchors PRIMARY KEY (position)
);
CREATE TABLE audit_state (
    id SMALLINT NOT NULL,
    keep_days INTEGER,
    checked_at TIMESTAMP WITH TIME ZONE,
    checked_position BIGINT,
    fault TEXT,
    fault_event_id BIGINT,
    CONSTRAINT pk_audit_state PRIMARY KEY (id),
    CONSTRAINT ck_audit_state_not_too_short CHECK (keep_days >= 30)
);
INSERT INTO audit_state (id) VALUES (1);
-- これまでの記録も、鎖につなぐ
INSERT INTO audit_unchained SELECT id FROM audit_events;

DROP INDEX ix_audit_events_subject_type_subject_id;
-- どの絞り込みでも、新しい順の一頁を索引の順に読めるように、どれも (at, id) で終わる
CREATE INDEX ix_audit_events_at_id ON audit_events (at, id);
CREATE INDEX ix_audit_events_actor_id_at_id ON audit_events (actor_id, at, id);
CREATE INDEX ix_audit_events_action_at_id ON audit_events (action, at, id);
CREATE INDEX ix_audit_events_subject ON audit_events (subject_type, subject_id, at, id);
CREATE INDEX ix_audit_events_project_id_at_id ON audit_events (project_id, at, id);
CREATE INDEX ix_audit_events_not_done ON audit_events (outcome, at, id) WHERE outcome <> 'done';
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX ix_audit_events_words ON audit_events
    USING gin ((actor_name || ' ' || action || ' ' || subject_name || ' ' || address) gin_trgm_ops)
    WITH (gin_pending_list_limit = 256);
"""

# 呼んだ人の search_path に左右されない。表は場所まで書き、関数と演算子は pg_catalog だけから取る。
# 同じ名前の偽物を public に作り、持ち主の権限で動かさせる道(CVE-2018-1058)を塞ぐため
GUARDS = """
CREATE FUNCTION queue_audit_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {path} AS $$
BEGIN
    INSERT INTO {schema}.audit_unchained (event_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_events_queue AFTER INSERT ON audit_events
    FOR EACH ROW EXECUTE FUNCTION queue_audit_event();

DROP TRIGGER audit_events_append_only ON audit_events;
DROP FUNCTION refuse_audit_change();

-- 何があっても変えられない。TRUNCATE も断る
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
-- 消せるのは、錨より前だけ。錨を打てるのは、保存期間を過ぎた分だけ
CREATE FUNCTION guard_audit_event() RETURNS trigger LANGUAGE plpgsql {path} AS $$
BEGIN
    IF EXISTS (
        SELECT FROM {schema}.audit_chain c WHERE c.event_id = OLD.id
            AND c.position <= (SELECT max(a.position) FROM {schema}.audit_anchors a)
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_events is append-only';
END
$$;
CREATE FUNCTION guard_audit_link() RETURNS trigger LANGUAGE plpgsql {path} AS $$
BEGIN
    IF OLD.position <= (SELECT max(a.position) FROM {schema}.audit_anchors a) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_chain is append-only';
END
$$;
CREATE FUNCTION guard_audit_anchor() RETURNS trigger LANGUAGE plpgsql {path} AS $$
DECLARE
    kept interval;
BEGIN
    SELECT make_interval(days => keep_days) INTO kept FROM {schema}.audit_state;
    IF kept IS NULL
        OR NOT EXISTS (SELECT FROM {schema}.audit_chain c WHERE c.position = NEW.position AND c.hash = NEW.hash)
        OR EXISTS (
            SELECT FROM {schema}.audit_chain c LEFT JOIN {schema}.audit_events e ON e.id = c.event_id
            WHERE c.position <= NEW.position AND (e.at IS NULL OR e.at > now() - kept)
        )
    THEN
        RAISE EXCEPTION 'an anchor covers only events older than the retention';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_events_unchanged BEFORE UPDATE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_events_kept BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION guard_audit_event();
CREATE TRIGGER audit_events_whole BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_chain_unchanged BEFORE UPDATE ON audit_chain
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_chain_kept BEFORE DELETE ON audit_chain
    FOR EACH ROW EXECUTE FUNCTION guard_audit_link();
CREATE TRIGGER audit_chain_whole BEFORE TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_anchors_earned BEFORE INSERT ON audit_anchors
    FOR EACH ROW EXECUTE FUNCTION guard_audit_anchor();
CREATE TRIGGER audit_anchors_unchanged BEFORE UPDATE OR DELETE ON audit_anchors
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_anchors_whole BEFORE TRUNCATE ON audit_anchors
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- 消す道はここだけ。消したことを、消した後の鎖に書く。消した数を返す
CREATE FUNCTION expire_audit_events(at_most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER {path} AS $$
DECLARE
    days integer;
    last record;
    gone bigint;
BEGIN
    SELECT keep_days INTO days FROM {schema}.audit_state;
    IF days IS NULL THEN
        RETURN 0;
    END IF;
    -- 失われた記録のところで止まる。消して、失われたことまで消さないように
    WITH oldest AS (
        SELECT c.position, c.hash, e.at FROM {schema}.audit_chain c LEFT JOIN {schema}.audit_events e ON e.id = c.event_id
        ORDER BY c.position LIMIT at_most
    ), stop AS (
        SELECT min(position) AS position FROM oldest
        WHERE at IS NULL OR at > now() - make_interval(days => days)
    )
    SELECT oldest.position, oldest.hash, oldest.at INTO last FROM oldest, stop
    WHERE stop.position IS NULL OR oldest.position < stop.position
    ORDER BY oldest.position DESC LIMIT 1;
    IF last IS NULL THEN
        RETURN 0;
    END IF;
    SELECT count(*) INTO gone FROM {schema}.audit_chain WHERE position <= last.position;
    INSERT INTO {schema}.audit_anchors (position, hash, events) VALUES (last.position, last.hash, gone);
    DELETE FROM {schema}.audit_events e USING {schema}.audit_chain c
    WHERE c.event_id = e.id AND c.position <= last.position;
    DELETE FROM {schema}.audit_chain WHERE position <= last.position;
    INSERT INTO {schema}.audit_events (actor_name, action, subject_type, subject_name, details)
    VALUES ('system', 'audit.expired', 'audit', 'retention', jsonb_build_object(
        'events', gone, 'position', last.position, 'hash', encode(last.hash, 'hex'),
        'newest_at', to_char(last.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'keep_days', days));
    RETURN gone;
END
$$;
"""


def upgrade() -> None:
    connection = op.get_bind()
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    connection.exec_driver_sql(TABLES)
    path = "SET search_path = pg_catalog, pg_temp"
    connection.exec_driver_sql(GUARDS.replace("{path}", path).replace("{schema}", schema))
