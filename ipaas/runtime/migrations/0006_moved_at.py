from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runtime", "0005_root_index")]
    operations = [
        migrations.AddField(model_name="triggerstate", name="moved_at", field=models.DateTimeField(null=True))
    ]
