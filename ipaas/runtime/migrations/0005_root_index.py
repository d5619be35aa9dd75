from django.db import migrations

FORWARD = """
CREATE INDEX runtime_run_root ON runtime_run (root_run_id);
"""


class Migration(migrations.Migration):
    """Every replay, and every page of a run, asks which other runs share its effects."""

    dependencies = [("runtime", "0004_held_work")]
    operations = [migrations.RunSQL(FORWARD, "DROP INDEX runtime_run_root")]
