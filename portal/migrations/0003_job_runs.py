from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('portal', '0002_prune_delivered'),
    ]

    operations = [
        migrations.CreateModel(
            name='JobRun',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('began_at', models.DateTimeField()),
                ('took_ms', models.PositiveIntegerField()),
                ('succeeded_at', models.DateTimeField(null=True)),
                ('error', models.TextField(blank=True)),
            ],
        ),
    ]
