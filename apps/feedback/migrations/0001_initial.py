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
        ('tenants', '0003_sign_in'),
        ('workloads', '0002_grants_to_members_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='Desk',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('zone', models.CharField(max_length=64)),
                ('hours', models.JSONField()),
                ('target_minutes', models.PositiveIntegerField()),
                ('expected_reports', models.PositiveIntegerField()),
                ('weekly_shares', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), size=None)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='feedback_desk_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_desk_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='feedback_desk_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload'), name='feedback_desk_one'), models.CheckConstraint(condition=models.Q(('target_minutes__gte', 1)), name='feedback_desk_target')],
            },
        ),
        migrations.CreateModel(
            name='DeskPerson',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('desk', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='people', to='feedback.desk')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, delete', name='feedback_deskperson_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_deskperson_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='desk', name='feedback_deskperson_desk_fk'), portal.tenancy.constraints.MemberOfTenant(field='person', name='feedback_deskperson_person_fk'), models.UniqueConstraint(fields=('tenant', 'desk', 'person'), name='feedback_deskperson_once')],
            },
        ),
        migrations.CreateModel(
            name='ReactionRecord',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('request_id', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('used', 'used'), ('rechecked', 'rechecked'), ('redone', 'redone'), ('unhelpful', 'unhelpful')], max_length=10)),
                ('user_key', models.CharField(blank=True, max_length=32)),
                ('said_by', models.CharField(blank=True, max_length=40)),
                ('is_own', models.BooleanField(default=False)),
                ('started_at', models.DateTimeField(null=True)),
                ('stay', models.CharField(blank=True, max_length=60)),
                ('counted_at', models.DateTimeField(null=True)),
                ('next_look_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'verbose_name': 'reaction',
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('next_look_at__isnull', False)), fields=['next_look_at'], include=('tenant',), name='feedback_reactions_due'), models.Index(fields=['tenant', 'created_at'], name='feedback_reactions_of_day'), models.Index(condition=models.Q(('kind__in', ['rechecked', 'redone'])), fields=['tenant', 'started_at'], name='feedback_doubts_of_day'), models.Index(condition=models.Q(('kind', 'unhelpful')), fields=['tenant', 'workload', 'stay', 'said_by'], name='feedback_failures_of_stay')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update, delete', name='feedback_reactionrecord_tenant', ops='', ops_columns=('tenant_id', 'id', 'next_look_at')), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_reactionrecord_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='feedback_reactionrecord_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'request_id', 'kind'), name='feedback_reactionrecord_once')],
            },
        ),
        migrations.CreateModel(
            name='Theme',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('title', models.CharField(max_length=120)),
                ('closed_at', models.DateTimeField(null=True)),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='feedback_theme_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_theme_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='feedback_theme_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'id'), name='feedback_theme_of_workload'), models.UniqueConstraint(fields=('tenant', 'workload', 'title'), name='feedback_theme_title')],
            },
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('reporter_key', models.CharField(blank=True, max_length=32)),
                ('source', models.CharField(choices=[('portal', 'the portal'), ('link', 'a link from the answer'), ('widget', 'the widget'), ('api', 'the API'), ('mail', 'e-mail')], max_length=10)),
                ('what_happened', models.TextField()),
                ('would_help', models.TextField()),
                ('category', models.CharField(choices=[('unhelpful', "Didn't help me"), ('wrong_tone', 'Wrong tone'), ('redone', 'I redid it by hand'), ('rechecked', 'I re-checked everything'), ('too_slow', 'Too slow to be of use'), ('wrong', 'It was wrong'), ('unsafe', 'It was unsafe')], max_length=20)),
                ('severity', models.CharField(choices=[('low', 'A nuisance'), ('medium', 'It cost me time'), ('high', 'It stopped my work, or did harm')], default='medium', max_length=10)),
                ('request_id', models.CharField(blank=True, max_length=200)),
                ('version', models.CharField(blank=True, max_length=60)),
                ('state', models.CharField(choices=[('new', 'new'), ('acknowledged', 'acknowledged'), ('planned', 'planned'), ('fixed', 'fixed'), ('declined', 'declined')], default='new', max_length=15)),
                ('answered_at', models.DateTimeField(null=True)),
                ('likeness', models.FloatField(null=True)),
                ('better_due_at', models.DateTimeField(null=True)),
                ('is_better', models.BooleanField(null=True)),
                ('is_reopened', models.BooleanField(default=False)),
                ('duplicate_of', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='duplicates', to='feedback.report')),
                ('fixed_in', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.agentversion')),
                ('near', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='feedback.report')),
                ('reporter', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
                ('theme', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='feedback.theme')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', '-created_at', '-id'], name='feedback_recent'), models.Index(fields=['tenant', 'workload', '-created_at', '-id'], name='feedback_of_workload'), models.Index(condition=models.Q(('duplicate_of', None), ('state__in', ['acknowledged', 'new', 'planned'])), fields=['tenant', 'workload', '-created_at'], name='feedback_open'), models.Index(fields=['tenant', 'reporter', '-created_at', '-id'], name='feedback_of_person'), models.Index(condition=models.Q(('reporter_key', ''), _negated=True), fields=['tenant', 'reporter_key', '-created_at'], name='feedback_of_key'), models.Index(condition=models.Q(('duplicate_of__isnull', False)), fields=['tenant', 'duplicate_of'], name='feedback_duplicates'), models.Index(condition=models.Q(('theme__isnull', False)), fields=['tenant', 'theme'], name='feedback_of_theme'), models.Index(condition=models.Q(('better_due_at__isnull', False)), fields=['better_due_at'], include=('tenant',), name='feedback_better_due')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='feedback_report_tenant', ops='', ops_columns=('tenant_id', 'id', 'better_due_at')), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_report_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='feedback_report_workload_fk'), portal.tenancy.constraints.MemberOfTenant(field='reporter', name='feedback_report_reporter_fk'), portal.tenancy.constraints.SameTenant(field='fixed_in', name='feedback_report_fixed_in_fk', via='workload'), portal.tenancy.constraints.SameTenant(field='theme', name='feedback_report_theme_fk', via='workload'), models.UniqueConstraint(fields=('tenant', 'workload', 'id'), name='feedback_report_of_workload'), portal.tenancy.constraints.SameTenant(field='duplicate_of', name='feedback_report_duplicate_fk', via='workload'), portal.tenancy.constraints.SameTenant(field='near', name='feedback_report_near_fk', via='workload'), models.CheckConstraint(condition=models.Q(models.Q(('reporter__isnull', False), ('reporter_key', '')), models.Q(('reporter', None), models.Q(('reporter_key', ''), _negated=True)), _connector='OR'), name='feedback_report_somebody'), models.CheckConstraint(condition=models.Q(models.Q(('fixed_in__isnull', False), ('state', 'fixed')), models.Q(('state', 'fixed'), _negated=True), _connector='OR'), name='feedback_report_fixed_in_something'), models.CheckConstraint(condition=models.Q(('state', 'new'), ('answered_at__isnull', False), _connector='OR'), name='feedback_report_answered'), models.CheckConstraint(condition=models.Q(('duplicate_of', None), models.Q(('duplicate_of', models.F('id')), _negated=True), _connector='OR'), name='feedback_report_not_itself')],
            },
        ),
        migrations.CreateModel(
            name='ReportEvent',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('kind', models.CharField(choices=[('answered', 'answered'), ('merged', 'merged'), ('unmerged', 'taken out again'), ('grouped', 'grouped'), ('ungrouped', 'taken out of its group'), ('asked', 'asked whether it is better'), ('better', 'it is better'), ('not_better', "it isn't better")], max_length=12)),
                ('state', models.CharField(blank=True, max_length=15)),
                ('text', models.TextField(blank=True)),
                ('by', models.CharField(max_length=200)),
                ('report', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='feedback.report')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'report', 'created_at'], name='feedback_story')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert', name='feedback_reportevent_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_reportevent_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='report', name='feedback_reportevent_report_fk')],
            },
        ),
        migrations.CreateModel(
            name='Screenshot',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('data', models.BinaryField()),
                ('width', models.PositiveIntegerField()),
                ('height', models.PositiveIntegerField()),
                ('report', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='screenshots', to='feedback.report')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert', name='feedback_screenshot_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_screenshot_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='report', name='feedback_screenshot_report_fk'), models.UniqueConstraint(fields=('tenant', 'report'), name='feedback_screenshot_one')],
            },
        ),
        migrations.CreateModel(
            name='MeToo',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('person_key', models.CharField(blank=True, max_length=32)),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('theme', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='me_too', to='feedback.theme')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, delete', name='feedback_metoo_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_metoo_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='theme', name='feedback_metoo_theme_fk'), portal.tenancy.constraints.MemberOfTenant(field='person', name='feedback_metoo_person_fk'), models.UniqueConstraint(fields=('tenant', 'theme', 'person', 'person_key'), name='feedback_metoo_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(models.Q(('person__isnull', False), ('person_key', '')), models.Q(('person', None), models.Q(('person_key', ''), _negated=True)), _connector='OR'), name='feedback_metoo_somebody')],
            },
        ),
        migrations.CreateModel(
            name='TrustDay',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('day', models.DateField()),
                ('users', models.PositiveIntegerField()),
                ('doubting', models.PositiveIntegerField()),
                ('is_falling', models.BooleanField(default=False)),
                ('as_of', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='feedback_trustday_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_trustday_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='feedback_trustday_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'day'), name='feedback_trustday_once'), models.CheckConstraint(condition=models.Q(('doubting__lte', models.F('users'))), name='feedback_trustday_share')],
            },
        ),
        migrations.CreateModel(
            name='Widget',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('name', models.CharField(max_length=100)),
                ('key', models.CharField(editable=False, max_length=12)),
                ('origins', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), size=None)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['key'], name='feedback_widget_by_key')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='feedback_widget_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='feedback_widget_same_tenant_key'), portal.tenancy.constraints.KnownRow(field='key', name='feedback_widget_known_row', setting='portal.widget_key'), portal.tenancy.constraints.SameTenant(field='workload', name='feedback_widget_workload_fk'), models.UniqueConstraint(fields=('tenant', 'key'), name='feedback_widget_key')],
            },
        ),
    ]
