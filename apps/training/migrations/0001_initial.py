import apps.training.rules
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
            name='Cohort',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('name', models.CharField(max_length=100)),
                ('attribute', models.CharField(blank=True, max_length=60)),
                ('value', models.CharField(blank=True, max_length=200)),
                ('threshold', models.PositiveSmallIntegerField(default=80)),
                ('is_first', models.BooleanField(default=False)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='training_cohort_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='training_cohort_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='training_cohort_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'name'), name='training_cohort_name'), models.CheckConstraint(condition=models.Q(('threshold__gte', 80), ('threshold__lte', 100)), name='training_cohort_threshold')],
            },
        ),
        migrations.CreateModel(
            name='CohortMember',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('cohort', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='members', to='training.cohort')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'person'], name='training_cohorts_of')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, delete', name='training_cohortmember_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='training_cohortmember_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='cohort', name='training_cohortmember_cohort_fk'), portal.tenancy.constraints.MemberOfTenant(field='person', name='training_cohortmember_person_fk'), models.UniqueConstraint(fields=('tenant', 'cohort', 'person'), name='training_cohortmember_once')],
            },
        ),
        migrations.CreateModel(
            name='Module',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('topic', models.CharField(choices=[('reading', 'How to read what the agent says'), ('spotting', 'How to spot a hallucination'), ('stepping_in', 'How to step in')], max_length=20)),
                ('title', models.CharField(max_length=100)),
                ('text', models.TextField()),
                ('questions', models.JSONField(default=list)),
                ('valid_days', models.PositiveSmallIntegerField(default=365)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('counts_from', models.PositiveIntegerField(default=1)),
                ('retired_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='training_module_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='training_module_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='training_module_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'title'), name='training_module_title'), models.CheckConstraint(condition=models.Q(('counts_from__gte', 1), ('counts_from__lte', models.F('revision'))), name='training_module_counts_from')],
            },
        ),
        migrations.CreateModel(
            name='Completion',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('revision', models.PositiveIntegerField()),
                ('how', models.CharField(choices=[('check', 'check'), ('attended', 'attended')], max_length=10)),
                ('completed_at', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('module', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='completions', to='training.module')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'module', 'person', '-completed_at'], name='training_completions')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert', name='training_completion_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='training_completion_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='module', name='training_completion_module_fk'), models.CheckConstraint(condition=models.Q(models.Q(('how', apps.training.rules.How['CHECK']), ('recorded_by', models.F('person'))), models.Q(('how', apps.training.rules.How['ATTENDED']), models.Q(('recorded_by', models.F('person')), _negated=True)), _connector='OR'), name='training_completion_second_person')],
            },
        ),
    ]
