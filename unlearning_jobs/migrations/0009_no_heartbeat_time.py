"""Nothing read the time of the last heartbeat: the lease says until when a worker holds its job."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0008_ringing")]
    operations = [migrations.RemoveField("job", "heartbeat_at")]
