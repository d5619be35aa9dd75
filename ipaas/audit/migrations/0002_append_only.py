"""Entries are only ever added: the database refuses every change but numbering once, deletion and truncation."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.seq IS NULL AND NEW.seq IS NOT NULL AND NEW.hash IS NOT NULL
     AND (NEW.id, NEW.created_at, NEW.action, NEW.outcome, NEW.actor_kind, NEW.actor_id, NEW.actor_label,
          NEW.actor_ip, NEW.subject_type, NEW.subject_id, NEW.subject_label, NEW.correlation_id, NEW.details)
       IS NOT DISTINCT FROM
         (OLD.id, OLD.created_at, OLD.action, OLD.outcome, OLD.actor_kind, OLD.actor_id, OLD.actor_label,
          OLD.actor_ip, OLD.subject_type, OLD.subject_id, OLD.subject_label, OLD.correlation_id, OLD.details)
     AND NEW.workspace_id IS NOT DISTINCT FROM OLD.workspace_id THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'TRUNCATE' AND current_setting('ipaas.audit_truncate', true) = 'throwaway database' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION audit_entry_append_only();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only();
"""

BACKWARD = """
DROP TRIGGER audit_entry_append_only ON audit_entry;
DROP TRIGGER audit_entry_no_truncate ON audit_entry;
DROP FUNCTION audit_entry_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
