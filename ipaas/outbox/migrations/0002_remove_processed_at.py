from django.db import migrations


class Migration(migrations.Migration):
    """No statement of any release names the column, so that processes of the release before go on without it."""

    dependencies = [("outbox", "0001_initial")]
    operations = [migrations.RemoveField(model_name="outboxevent", name="processed_at")]
