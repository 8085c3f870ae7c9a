import apps.rollouts.assignment
import apps.rollouts.machine
import datetime
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import portal.ids
import portal.tenancy.constraints
import portal.tenancy.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('tenants', '0001_initial'),
        ('workloads', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rollout',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('state', models.CharField(choices=[('draft', 'draft'), ('awaiting_approval', 'awaiting approval'), ('running', 'running'), ('held', 'held'), ('rolling_back', 'rolling back'), ('rolled_back', 'rolled back'), ('completed', 'completed'), ('cancelled', 'cancelled')], default=apps.rollouts.machine.State['DRAFT'], max_length=20)),
                ('plan', models.JSONField()),
                ('seed', models.CharField(max_length=64)),
                ('mode', models.CharField(default=apps.rollouts.assignment.Mode['BUCKETS_10000'], max_length=20)),
                ('why', models.TextField()),
                ('approved_at', models.DateTimeField(null=True)),
                ('approved_hash', models.CharField(blank=True, max_length=64)),
                ('snapshot', models.JSONField(null=True)),
                ('phase', models.SmallIntegerField(default=-1)),
                ('step', models.PositiveIntegerField(default=0)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('hold_reason', models.CharField(blank=True, max_length=30)),
                ('note', models.TextField(blank=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('phase_entered_at', models.DateTimeField(null=True)),
                ('baked', models.DurationField(default=datetime.timedelta(0))),
                ('extended', models.BooleanField(default=False)),
                ('looked_at', models.DateTimeField(null=True)),
                ('next_check_at', models.DateTimeField(null=True)),
                ('look', models.JSONField(default=dict)),
                ('rolled_back_at', models.DateTimeField(null=True)),
                ('verified_at', models.DateTimeField(null=True)),
                ('watch_until', models.DateTimeField(null=True)),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('control_version', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.agentversion')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('version', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.agentversion')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='rollouts', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('next_check_at__isnull', False)), fields=['next_check_at'], include=('tenant',), name='rollouts_due'), models.Index(fields=['tenant', '-created_at'], name='rollouts_recent'), models.Index(fields=['tenant', 'workload', '-created_at'], name='rollouts_of_workload')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='rollouts_rollout_tenant', ops='', ops_columns=('tenant_id', 'id', 'state', 'next_check_at')), models.UniqueConstraint(fields=('tenant', 'id'), name='rollouts_rollout_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='rollouts_rollout_workload_fk'), portal.tenancy.constraints.SameTenant(field='version', name='rollouts_rollout_version_fk', via='workload'), portal.tenancy.constraints.SameTenant(field='control_version', name='rollouts_rollout_control_fk', via='workload'), models.UniqueConstraint(condition=models.Q(('state__in', [apps.rollouts.machine.State['AWAITING_APPROVAL'], apps.rollouts.machine.State['HELD'], apps.rollouts.machine.State['ROLLING_BACK'], apps.rollouts.machine.State['RUNNING']])), fields=('tenant', 'workload'), name='rollouts_rollout_one_active'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', [apps.rollouts.machine.State['RUNNING'], apps.rollouts.machine.State['HELD'], apps.rollouts.machine.State['ROLLING_BACK']]), _negated=True), models.Q(('approved_by__isnull', False), ('snapshot__isnull', False)), _connector='OR'), name='rollouts_rollout_snapshot'), models.CheckConstraint(condition=models.Q(('approved_by', models.F('author')), _negated=True), name='rollouts_rollout_two')],
            },
        ),
        migrations.CreateModel(
            name='RolloutTransition',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('revision', models.PositiveIntegerField()),
                ('before', models.CharField(max_length=20)),
                ('after', models.CharField(max_length=20)),
                ('phase', models.SmallIntegerField()),
                ('share', models.PositiveIntegerField()),
                ('actor', models.CharField(max_length=200)),
                ('reason', models.TextField()),
                ('figures', models.JSONField(default=dict)),
                ('rollout', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='transitions', to='rollouts.rollout')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert', name='rollouts_rollouttransition_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='rollouts_rollouttransition_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='rollout', name='rollouts_rollouttransition_rollout_fk'), models.UniqueConstraint(fields=('tenant', 'rollout', 'revision'), name='rollouts_rollouttransition_once')],
            },
        ),
    ]
