from django.db import migrations

FORWARD = """
CREATE INDEX runtime_work_held ON runtime_work (group_id) WHERE due_at >= '9000-01-01 00:00:00+00';
"""


class Migration(migrations.Migration):
    dependencies = [("runtime", "0003_trigger_states")]
    operations = [migrations.RunSQL(FORWARD, "DROP INDEX runtime_work_held")]
