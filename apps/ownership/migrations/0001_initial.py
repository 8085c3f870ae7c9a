import apps.ownership.schedule
import datetime
import django.contrib.postgres.fields
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
        ('workloads', '0002_grants_to_members_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rota',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('name', models.CharField(max_length=100)),
                ('rank', models.PositiveSmallIntegerField(default=1)),
                ('zone', models.CharField(max_length=60)),
                ('has_target', models.BooleanField(default=True)),
                ('target_days', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), default=list, size=None)),
                ('target_starts', models.TimeField(default=datetime.time(0, 0))),
                ('target_ends', models.TimeField(default=datetime.time(0, 0))),
                ('covered_until', models.DateTimeField()),
                ('frozen_until', models.DateTimeField()),
                ('freeze_at', models.DateTimeField()),
                ('team', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.team')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['freeze_at'], include=('tenant',), name='ownership_rota_due')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='ownership_rota_tenant', ops='', ops_columns=('tenant_id', 'id', 'freeze_at')), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_rota_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='team', name='ownership_rota_team_fk'), models.UniqueConstraint(fields=('tenant', 'team', 'rank'), name='ownership_rota_rank'), models.CheckConstraint(condition=models.Q(('rank__gte', 1), ('rank__lte', 5)), name='ownership_rota_rank_range')],
            },
        ),
        migrations.CreateModel(
            name='Rotation',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('name', models.CharField(max_length=100)),
                ('priority', models.PositiveSmallIntegerField(default=1)),
                ('rota', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='rotations', to='ownership.rota')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert', name='ownership_rotation_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_rotation_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='rota', name='ownership_rotation_rota_fk'), models.UniqueConstraint(fields=('tenant', 'rota', 'name'), name='ownership_rotation_name')],
            },
        ),
        migrations.CreateModel(
            name='RotationVersion',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('number', models.PositiveIntegerField()),
                ('anchor_day', models.DateField()),
                ('anchor_time', models.TimeField()),
                ('zone', models.CharField(max_length=60)),
                ('unit', models.CharField(choices=[('hour', 'hour'), ('day', 'day'), ('week', 'week'), ('month', 'month')], max_length=10)),
                ('length', models.PositiveSmallIntegerField(default=1)),
                ('participants', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ('has_hours', models.BooleanField(default=False)),
                ('days', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), default=list, size=None)),
                ('starts', models.TimeField(default=datetime.time(0, 0))),
                ('ends', models.TimeField(default=datetime.time(0, 0))),
                ('counts_active_days', models.BooleanField(default=True)),
                ('valid_from', models.DateTimeField()),
                ('valid_to', models.DateTimeField(null=True)),
                ('replaced_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rotation', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='ownership.rotation')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update (valid_to, replaced_at)', name='ownership_rotationversion_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_rotationversion_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='rotation', name='ownership_rotationversion_rotation_fk'), models.UniqueConstraint(fields=('tenant', 'rotation', 'number'), name='ownership_rotationversion_number'), models.UniqueConstraint(condition=models.Q(('valid_to', None)), fields=('tenant', 'rotation'), name='ownership_rotationversion_one_open'), models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='ownership_rotationversion_valid'), models.CheckConstraint(condition=models.Q(('length__gte', 1)), name='ownership_rotationversion_length')],
            },
        ),
        migrations.CreateModel(
            name='RotaOverride',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('change', models.CharField(choices=[('add', 'add'), ('remove', 'remove'), ('replace', 'replace')], max_length=10)),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
                ('reason', models.CharField(max_length=300)),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('instead_of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rota', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='overrides', to='ownership.rota')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'rota', 'end'], name='ownership_overrides')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update (cancelled_at)', name='ownership_rotaoverride_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_rotaoverride_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='rota', name='ownership_rotaoverride_rota_fk'), portal.tenancy.constraints.MemberOfTenant(field='person', name='ownership_rotaoverride_person_fk'), models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='ownership_rotaoverride_span'), models.CheckConstraint(condition=models.Q(models.Q(('change', apps.ownership.schedule.Change['REPLACE']), ('instead_of__isnull', False), ('person__isnull', False)), models.Q(models.Q(('change', apps.ownership.schedule.Change['REPLACE']), _negated=True), ('instead_of', None), ('person__isnull', False)), _connector='OR'), name='ownership_rotaoverride_people')],
            },
        ),
        migrations.CreateModel(
            name='TemporarySchedule',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
                ('spans', models.JSONField()),
                ('reason', models.CharField(max_length=300)),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('fallback', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rota', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='temporaries', to='ownership.rota')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'rota', 'end'], name='ownership_temporaries')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update (cancelled_at)', name='ownership_temporaryschedule_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_temporaryschedule_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='rota', name='ownership_temporaryschedule_rota_fk'), models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='ownership_temporaryschedule_span')],
            },
        ),
        migrations.CreateModel(
            name='ShiftSwap',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('shift', models.IntegerField()),
                ('note', models.CharField(blank=True, max_length=300)),
                ('taken_at', models.DateTimeField(null=True)),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('offered_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('taken_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('version', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='swaps', to='ownership.rotationversion')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update (taken_by_id, taken_at, cancelled_at)', name='ownership_shiftswap_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_shiftswap_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='version', name='ownership_shiftswap_version_fk'), portal.tenancy.constraints.MemberOfTenant(field='taken_by', name='ownership_shiftswap_taker_fk'), models.UniqueConstraint(condition=models.Q(('cancelled_at', None)), fields=('tenant', 'version', 'shift'), name='ownership_shiftswap_one')],
            },
        ),
        migrations.CreateModel(
            name='FrozenDuty',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
                ('people', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('rota', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ownership.rota')),
            ],
            options={
                'verbose_name_plural': 'frozen duties',
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert', name='ownership_frozenduty_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_frozenduty_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='rota', name='ownership_frozenduty_rota_fk'), models.UniqueConstraint(fields=('tenant', 'rota', 'start'), name='ownership_frozenduty_start'), models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='ownership_frozenduty_span')],
            },
        ),
        migrations.CreateModel(
            name='TeamOfThree',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('job', models.CharField(choices=[('optimizer', 'Workflow optimizer'), ('engineer', 'AI-data engineer'), ('responder', 'Incident responder')], max_length=20)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'verbose_name_plural': 'teams of three',
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, delete', name='ownership_teamofthree_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_teamofthree_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='ownership_teamofthree_workload_fk'), portal.tenancy.constraints.MemberOfTenant(field='person', name='ownership_teamofthree_person_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'job', 'person'), name='ownership_teamofthree_once')],
            },
        ),
        migrations.CreateModel(
            name='Handover',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('reason', models.CharField(max_length=300)),
                ('ended_at', models.DateTimeField(null=True)),
                ('accepted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('to_owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('to_team', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.team')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'workload', '-created_at'], name='ownership_handovers')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update (accepted_by_id, ended_at)', name='ownership_handover_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_handover_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='ownership_handover_workload_fk'), portal.tenancy.constraints.SameTenant(field='to_team', name='ownership_handover_team_fk'), portal.tenancy.constraints.MemberOfTenant(field='to_owner', name='ownership_handover_owner_fk'), models.UniqueConstraint(condition=models.Q(('ended_at', None), ('to_team', None)), fields=('tenant', 'workload'), name='ownership_handover_one_owner'), models.UniqueConstraint(condition=models.Q(('ended_at', None), ('to_owner', None)), fields=('tenant', 'workload'), name='ownership_handover_one_team'), models.CheckConstraint(condition=models.Q(models.Q(('to_owner', None), ('to_team__isnull', False)), models.Q(('to_owner__isnull', False), ('to_team', None)), _connector='OR'), name='ownership_handover_one_of_two')],
            },
        ),
        migrations.CreateModel(
            name='OwnershipPeriod',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField(null=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.team')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update ("end")', name='ownership_ownershipperiod_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='ownership_ownershipperiod_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='ownership_ownershipperiod_workload_fk'), portal.tenancy.constraints.SameTenant(field='team', name='ownership_ownershipperiod_team_fk'), models.UniqueConstraint(condition=models.Q(('end', None)), fields=('tenant', 'workload'), name='ownership_ownershipperiod_one_open'), models.UniqueConstraint(fields=('tenant', 'workload', 'start'), name='ownership_ownershipperiod_start')],
            },
        ),
    ]
