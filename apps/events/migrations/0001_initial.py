
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
        ('tenants', '0002_rollouts_at_once'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('name', models.CharField(max_length=100)),
                ('sealed', models.TextField()),
                ('shown', models.CharField(max_length=120)),
                ('patterns', models.JSONField()),
                ('state', models.CharField(choices=[('active', 'active'), ('paused', 'paused'), ('stopped', 'stopped')], default='active', max_length=10)),
                ('why', models.CharField(blank=True, max_length=300)),
                ('cursor', models.BigIntegerField()),
                ('secret_number', models.PositiveIntegerField(default=1)),
                ('former_until', models.DateTimeField(null=True)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('failing_since', models.DateTimeField(null=True)),
                ('rest_until', models.DateTimeField(null=True)),
                ('worked_at', models.DateTimeField(null=True)),
                ('leased_until', models.DateTimeField(null=True)),
                ('fence', models.PositiveIntegerField(default=0)),
                ('removed_at', models.DateTimeField(null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('removed_at', None), ('state', 'active')), fields=['worked_at'], name='events_subscription_active')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='events_subscription_tenant', ops='', ops_columns=('tenant_id', 'id', 'state', 'cursor', 'rest_until', 'worked_at', 'leased_until', 'removed_at')), models.UniqueConstraint(fields=('tenant', 'id'), name='events_subscription_same_tenant_key'), portal.tenancy.constraints.MemberOfTenant(field='created_by', name='events_subscription_created_by_fk'), models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('tenant', 'name'), name='events_subscription_name'), models.CheckConstraint(condition=models.Q(('state__in', ['active', 'paused', 'stopped'])), name='events_subscription_state')],
            },
        ),
        migrations.CreateModel(
            name='Replay',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('number', models.PositiveIntegerField()),
                ('first', models.BigIntegerField()),
                ('last', models.BigIntegerField()),
                ('cursor', models.BigIntegerField()),
                ('total', models.PositiveIntegerField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('is_cancelled', models.BooleanField(default=False)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('subscription', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='events.subscription')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update (cursor, finished_at, is_cancelled)', name='events_replay_tenant', ops='', ops_columns=('tenant_id', 'subscription_id', 'finished_at')), models.UniqueConstraint(fields=('tenant', 'id'), name='events_replay_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='subscription', name='events_replay_subscription_fk'), portal.tenancy.constraints.MemberOfTenant(field='by', name='events_replay_by_fk'), models.UniqueConstraint(fields=('tenant', 'subscription', 'number'), name='events_replay_number'), models.UniqueConstraint(condition=models.Q(('finished_at', None)), fields=('tenant', 'subscription'), name='events_replay_one'), models.CheckConstraint(condition=models.Q(('first__gte', 1), ('last__gte', models.F('first'))), name='events_replay_span')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('run', models.PositiveIntegerField(default=0)),
                ('seq', models.BigIntegerField(null=True)),
                ('event', models.UUIDField()),
                ('action', models.CharField(max_length=100)),
                ('body', models.TextField()),
                ('state', models.CharField(choices=[('pending', 'waits'), ('delivered', 'delivered'), ('failed', 'given up'), ('skipped', 'skipped')], default='pending', max_length=10)),
                ('due_at', models.DateTimeField()),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('first_at', models.DateTimeField(null=True)),
                ('status', models.PositiveIntegerField(default=0)),
                ('answer', models.CharField(blank=True, max_length=500)),
                ('tries', models.JSONField(default=list)),
                ('done_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('subscription', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='events.subscription')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('state', 'pending')), fields=['tenant', 'subscription', 'due_at'], name='events_delivery_due'), models.Index(condition=models.Q(('attempts', 0), ('state', 'pending')), fields=['tenant', 'subscription', 'run', 'seq'], name='events_delivery_fresh'), models.Index(fields=['tenant', 'subscription', '-created_at', '-id'], name='events_delivery_log'), models.Index(condition=models.Q(('done_at__isnull', False)), fields=['done_at'], include=('tenant', 'id'), name='events_delivery_prune')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update, delete', name='events_delivery_tenant', ops='', ops_columns=('tenant_id', 'id', 'subscription_id', 'state', 'due_at', 'done_at')), models.UniqueConstraint(fields=('tenant', 'id'), name='events_delivery_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='subscription', name='events_delivery_subscription_fk'), models.UniqueConstraint(fields=('tenant', 'subscription', 'run', 'seq'), name='events_delivery_once'), models.CheckConstraint(condition=models.Q(models.Q(('done_at', None), ('state', 'pending')), models.Q(models.Q(('state', 'pending'), _negated=True), ('done_at__isnull', False)), _connector='OR'), name='events_delivery_done')],
            },
        ),
    ]
