import django.contrib.postgres.fields
import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import portal.ids
import portal.tenancy.constraints
import portal.tenancy.models
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0003_sign_in'),
        ('workloads', '0002_grants_to_members_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='Classifier',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('number', models.PositiveIntegerField()),
                ('data', models.BinaryField()),
                ('examples', models.PositiveIntegerField()),
                ('nobodys', models.PositiveIntegerField()),
                ('workloads', models.PositiveIntegerField()),
                ('digest', models.CharField(max_length=64)),
                ('threshold', models.FloatField()),
                ('right', models.FloatField()),
                ('none', models.FloatField(null=True)),
                ('curve', models.JSONField()),
                ('took_ms', models.PositiveIntegerField()),
                ('asked_by', models.CharField(max_length=200)),
                ('read_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, delete', name='dispatch_classifier_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='dispatch_classifier_same_tenant_key'), models.UniqueConstraint(fields=('tenant', 'number'), name='dispatch_classifier_number'), models.CheckConstraint(condition=models.Q(('threshold__gte', 0), ('threshold__lte', 1)), name='dispatch_classifier_threshold')],
            },
        ),
        migrations.CreateModel(
            name='Dispatcher',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('threshold', models.FloatField(default=1.0, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('live_since', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(null=True)),
                ('turn', models.PositiveIntegerField(default=0)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('asked_by', models.CharField(blank=True, max_length=200)),
                ('problem', models.CharField(blank=True, max_length=500)),
                ('live', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dispatch.classifier')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='dispatch_training_due')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='dispatch_dispatcher_tenant', ops='', ops_columns=('id', 'tenant_id', 'due_at')), models.UniqueConstraint(fields=('tenant', 'id'), name='dispatch_dispatcher_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='live', name='dispatch_dispatcher_live_fk'), models.UniqueConstraint(fields=('tenant',), name='dispatch_dispatcher_one'), models.CheckConstraint(condition=models.Q(('threshold__gte', 0), ('threshold__lte', 1)), name='dispatch_dispatcher_threshold'), models.CheckConstraint(condition=models.Q(models.Q(('live', None), ('live_since', None)), models.Q(('live__isnull', False), ('live_since__isnull', False)), _connector='OR'), name='dispatch_dispatcher_live_since')],
            },
        ),
        migrations.CreateModel(
            name='Example',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('topic', models.CharField(blank=True, max_length=60)),
                ('text', models.CharField(max_length=1000)),
                ('digest', models.CharField(max_length=64)),
                ('source', models.CharField(choices=[('given', 'given'), ('corrected', 'corrected')], max_length=10)),
                ('request_id', models.CharField(blank=True, max_length=64)),
                ('said_by', models.CharField(max_length=200)),
                ('said_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'workload', '-said_at', '-id'], name='dispatch_examples'), models.Index(condition=models.Q(('source', 'corrected')), fields=['tenant', '-said_at', '-id'], name='dispatch_corrections')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update, delete', name='dispatch_example_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='dispatch_example_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='dispatch_example_workload_fk'), models.UniqueConstraint(fields=('tenant', 'digest'), name='dispatch_example_text')],
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('place', models.PositiveSmallIntegerField()),
                ('phrases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), size=None)),
                ('made_by', models.CharField(max_length=200)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update, delete', name='dispatch_rule_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='dispatch_rule_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='dispatch_rule_workload_fk'), models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['DEFERRED'], fields=('tenant', 'place'), name='dispatch_rule_place'), models.CheckConstraint(condition=models.Q(('phrases', []), _negated=True), name='dispatch_rule_phrases')],
            },
        ),
    ]
