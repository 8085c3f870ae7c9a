"""Indexes on a foreign key alone go: each of these tables is read by keys that begin with the tenant."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('budgets', '0004_usage_reports'),
        ('workloads', '0002_grants_to_members_only'),
    ]

    operations = [
        migrations.AlterField(
            model_name='entry',
            name='reservation',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='budgets.reservation'),
        ),
        migrations.AlterField(
            model_name='entry',
            name='workload',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='tier',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.usertier'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='workload',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload'),
        ),
        migrations.AlterField(
            model_name='usermonth',
            name='workload',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload'),
        ),
        migrations.AlterField(
            model_name='workloadmonth',
            name='workload',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload'),
        ),
    ]
