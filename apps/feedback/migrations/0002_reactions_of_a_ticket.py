from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("feedback", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="reactionrecord",
            index=models.Index(
                condition=models.Q(("is_own", True)),
                fields=["tenant", "user_key", "created_at"],
                name="feedback_reactions_own",
            ),
        ),
    ]
