-- Roles of a production database, and what each may do. `python -m core.schema.roles` runs this in one transaction, as
-- often as you like: by a superuser the first time, afterwards also by inkdesk_migrator. Run it after every
-- migration, because new tables and functions are nobody's until then.
--
--   inkdesk_owner     owns everything, and nobody signs in as it
--   inkdesk_migrator  signs in to migrate, and acts as the owner then
--   inkdesk_app       web processes and workers: moves credits through the ledger's functions alone
--   inkdesk_auditor   reads everything, writes nothing

DO $$
DECLARE
    thing record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inkdesk_owner') THEN
        CREATE ROLE inkdesk_owner NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inkdesk_migrator') THEN
        CREATE ROLE inkdesk_migrator LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inkdesk_app') THEN
        CREATE ROLE inkdesk_app LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inkdesk_auditor') THEN
        CREATE ROLE inkdesk_auditor LOGIN;
    END IF;
    IF NOT pg_has_role('inkdesk_migrator', 'inkdesk_owner', 'MEMBER') THEN
        GRANT inkdesk_owner TO inkdesk_migrator;
    END IF;
    -- What a migration makes belongs to the owner, not to whoever ran it.
    IF NOT EXISTS (
        SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
        WHERE r.rolname = 'inkdesk_migrator' AND 'role=inkdesk_owner' = ANY (s.setconfig)
          AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) THEN
        EXECUTE format('ALTER ROLE inkdesk_migrator IN DATABASE %I SET role = inkdesk_owner', current_database());
    END IF;

    IF (SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public') <> 'inkdesk_owner' THEN
        ALTER SCHEMA public OWNER TO inkdesk_owner;
    END IF;
    FOR thing IN
        SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
          AND c.relowner <> 'inkdesk_owner'::regrole
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO inkdesk_owner', thing.name);
    END LOOP;
    FOR thing IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> 'inkdesk_owner'::regrole
    LOOP
        EXECUTE format('ALTER ROUTINE %s OWNER TO inkdesk_owner', thing.name);
    END LOOP;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO inkdesk_app, inkdesk_auditor;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, inkdesk_app, inkdesk_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO inkdesk_app, inkdesk_auditor;

DO $$
DECLARE
    -- Every table is in exactly one of these four lists (a test holds that); one in none is only read.
    -- Written by the ledger's own functions, by triggers or by migrations, and by nothing else.
    closed text[] := ARRAY['account', 'wallet_balance', 'transfer', 'entry', 'charge', 'ledger_epoch',
        'ledger_seal', 'account_snapshot', 'case_state', 'case_edge', 'erasure_number', 'alembic_version'];
    -- Added to, never changed.
    added text[] := ARRAY[
        'alert_history', 'alert_rule_version', 'audit_event', 'books_check', 'books_finding',
        'case_approval', 'case_log', 'delivery_try', 'error_event', 'error_group_change',
        'error_override_version', 'experiment_import', 'experiment_variant', 'imported_image',
        'imported_selfie', 'ledger_epoch_acceptance', 'policy_decision', 'promotion', 'promotion_limits',
        'prompt_label_move', 'refund_policy', 'refund_policy_activation', 'seal_anchor', 'snippet_version',
        'test_set_member', 'test_set_version', 'vote_pair'];
    -- Added to and changed, never taken away.
    changed text[] := ARRAY[
        'alert', 'alert_notice', 'alert_rule', 'api_budget', 'avatar', 'blind_image', 'case_viewer',
        'compensation_case', 'customer', 'customer_receipt', 'delivery', 'double_review', 'error_group',
        'error_group_customer', 'error_group_hour', 'error_override', 'experiment', 'experiment_cell',
        'experiment_line', 'experiment_plan', 'experiment_purchase', 'experiment_stage', 'generation',
        'generation_event', 'generation_tally', 'image_check', 'latency_tally', 'lineup', 'money_request',
        'named_lease', 'notification', 'notification_channel', 'owned_image', 'promotion_guard', 'prompt',
        'prompt_template', 'provider_clock', 'rating', 'refund_batch', 'refund_batch_item', 'refund_budget', 'render_attempt',
        'retry_batch', 'retry_batch_item', 'selfie', 'silence', 'snippet', 'staff', 'test_person',
        'test_set', 'vote', 'vote_batch', 'webhook_inbox', 'worker'];
    -- What the app itself takes away again: drafts, labels, queues, what was kept for a while.
    removed text[] := ARRAY[
        'case_intent', 'import_intent', 'kept_output', 'prompt_label', 'prompt_version',
        'refund_rollup', 'rollup_queue'];
    -- The commands that move credits or seal them. They act as the owner, and look nothing up but in our schema.
    commands text[] := ARRAY['post_transfer', 'open_wallet', 'begin_epoch', 'seal_ledger'];
    thing record;
BEGIN
    FOR thing IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
        IF thing.name = ANY (added) THEN
            EXECUTE format('GRANT INSERT ON %I TO inkdesk_app', thing.name);
        ELSIF thing.name = ANY (changed) THEN
            EXECUTE format('GRANT INSERT, UPDATE ON %I TO inkdesk_app', thing.name);
        ELSIF thing.name = ANY (removed) THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO inkdesk_app', thing.name);
        END IF;
    END LOOP;
    FOR thing IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proname = ANY (commands)
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp', thing.name);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, inkdesk_auditor', thing.name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO inkdesk_app', thing.name);
    END LOOP;
END $$;

-- What it seals is told to be finished: only the command above may say so.
REVOKE EXECUTE ON FUNCTION seal_upto(xid8) FROM PUBLIC;

-- To lock a row takes the right to update a column of it; triggers refuse every update of these two.
GRANT UPDATE (created_at) ON charge TO inkdesk_app;
GRANT UPDATE (account_id) ON wallet_balance TO inkdesk_app;
