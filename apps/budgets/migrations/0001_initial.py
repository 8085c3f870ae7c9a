import apps.budgets.models
import apps.budgets.rules
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
        ('accounts', '__first__'),
        ('tenants', '0003_sign_in'),
        ('workloads', '0002_grants_to_members_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='UserTier',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('slug', models.SlugField(max_length=40)),
                ('name', models.CharField(max_length=60)),
                ('is_free', models.BooleanField(default=False)),
                ('is_default', models.BooleanField(default=False)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'user tier',
                'ordering': ['slug'],
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='budgets_usertier_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_usertier_same_tenant_key'), models.UniqueConstraint(fields=('tenant', 'slug'), name='budgets_usertier_slug'), models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('tenant',), name='budgets_usertier_one_default')],
            },
        ),
        migrations.CreateModel(
            name='Subject',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('user_key', models.CharField(max_length=32)),
                ('label', models.CharField(blank=True, max_length=200)),
                ('member', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('tier', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.usertier')),
            ],
            options={
                'verbose_name': 'budget subject',
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'tier', 'label', 'id'], name='budgets_subject_list'), models.Index(fields=['tenant', 'member'], name='budgets_subject_of_member')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update, delete', name='budgets_subject_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_subject_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='tier', name='budgets_subject_tier_fk'), portal.tenancy.constraints.MemberOfTenant(field='member', name='budgets_subject_member_fk'), models.UniqueConstraint(fields=('tenant', 'user_key'), name='budgets_subject_once')],
            },
        ),
        migrations.CreateModel(
            name='CostGate',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('spend_cap', models.DecimalField(decimal_places=2, max_digits=14)),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('request_calls', models.PositiveIntegerField(blank=True, null=True)),
                ('request_tokens', models.PositiveBigIntegerField(blank=True, null=True)),
                ('request_money', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True)),
                ('session_calls', models.PositiveIntegerField(blank=True, null=True)),
                ('session_tokens', models.PositiveBigIntegerField(blank=True, null=True)),
                ('session_money', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True)),
                ('sized_at', models.DateTimeField()),
                ('revision', models.PositiveIntegerField(default=1)),
                ('billing_contact', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'verbose_name': 'cost gate',
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='budgets_costgate_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_costgate_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='budgets_costgate_workload_fk'), portal.tenancy.constraints.MemberOfTenant(field='billing_contact', name='budgets_costgate_contact_fk'), models.UniqueConstraint(fields=('tenant', 'workload'), name='budgets_costgate_one'), models.CheckConstraint(condition=models.Q(('spend_cap__gte', 0)), name='budgets_costgate_cap')],
            },
        ),
        migrations.CreateModel(
            name='TierGate',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('ceiling', models.BigIntegerField()),
                ('pattern', models.CharField(choices=[("hard", "hard cap"), ("soft", "soft cap"), ("metered", "metered")], max_length=10)),
                ('disclosure', models.CharField(blank=True, max_length=500)),
                ('thresholds', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), default=apps.budgets.models.standard_thresholds, size=3)),
                ('opted_in_until', models.DateTimeField(editable=False, null=True)),
                ('gate', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='tiers', to='budgets.costgate')),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
                ('tier', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.usertier')),
            ],
            options={
                'verbose_name': "tier's ceiling",
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='budgets_tiergate_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_tiergate_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='gate', name='budgets_tiergate_gate_fk'), portal.tenancy.constraints.SameTenant(field='workload', name='budgets_tiergate_workload_fk'), portal.tenancy.constraints.SameTenant(field='tier', name='budgets_tiergate_tier_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'tier'), name='budgets_tiergate_one'), models.CheckConstraint(condition=models.Q(('ceiling__gte', 1), ('ceiling__lte', 1000000000000000)), name='budgets_tiergate_ceiling'), models.CheckConstraint(condition=models.Q(models.Q(('pattern', apps.budgets.rules.Pattern['SOFT']), _negated=True), models.Q(('disclosure', ''), _negated=True), _connector='OR'), name='budgets_tiergate_says_so')],
            },
        ),
        migrations.CreateModel(
            name='HoldSize',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('model', models.CharField(max_length=120)),
                ('output', models.PositiveIntegerField()),
                ('calls', models.PositiveIntegerField()),
                ('learned_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'verbose_name': 'learned hold',
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='budgets_holdsize_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_holdsize_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='budgets_holdsize_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'model'), name='budgets_holdsize_one')],
            },
        ),
        migrations.CreateModel(
            name='UserMonth',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('user_key', models.CharField(max_length=32)),
                ('month', models.CharField(max_length=80)),
                ('settled', models.BigIntegerField(default=0)),
                ('held', models.BigIntegerField(default=0)),
                ('metered', models.BigIntegerField(default=0)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'verbose_name': "user's month",
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'user_key', 'month'], name='budgets_usermonth_of_user')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='budgets_usermonth_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_usermonth_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='budgets_usermonth_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'month', 'user_key'), name='budgets_usermonth_one'), models.CheckConstraint(condition=models.Q(('held__gte', 0), ('settled__gte', 0)), name='budgets_usermonth_counts')],
            },
        ),
        migrations.CreateModel(
            name='WorkloadMonth',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('month', models.CharField(max_length=80)),
                ('spent', models.DecimalField(decimal_places=12, default=0, max_digits=24)),
                ('held', models.DecimalField(decimal_places=12, default=0, max_digits=24)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'verbose_name': "workload's month",
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='budgets_workloadmonth_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_workloadmonth_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='budgets_workloadmonth_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'month'), name='budgets_workloadmonth_one'), models.CheckConstraint(condition=models.Q(('held__gte', 0), ('spent__gte', 0)), name='budgets_workloadmonth_counts')],
            },
        ),
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('user_key', models.CharField(max_length=32)),
                ('month', models.CharField(max_length=80)),
                ('request_id', models.UUIDField()),
                ('attempt', models.PositiveSmallIntegerField()),
                ('session', models.CharField(blank=True, max_length=100)),
                ('idempotency_key', models.CharField(blank=True, max_length=100)),
                ('credential', models.UUIDField()),
                ('decision', models.CharField(max_length=10)),
                ('reason', models.CharField(max_length=30)),
                ('pattern', models.CharField(max_length=10)),
                ('requested_model', models.CharField(max_length=120)),
                ('model', models.CharField(max_length=120)),
                ('asked_input', models.BigIntegerField()),
                ('held', models.BigIntegerField()),
                ('held_money', models.DecimalField(decimal_places=12, max_digits=24)),
                ('metered', models.BigIntegerField(default=0)),
                ('input_price', models.DecimalField(decimal_places=12, max_digits=24)),
                ('output_price', models.DecimalField(decimal_places=12, max_digits=24)),
                ('state', models.CharField(choices=[('held', 'held'), ('settled', 'settled'), ('released', 'released'), ('estimated', 'expired, estimated'), ('corrected', 'corrected by a person')], default='held', max_length=10)),
                ('used_input', models.BigIntegerField(null=True)),
                ('used_output', models.BigIntegerField(null=True)),
                ('cost', models.DecimalField(decimal_places=12, max_digits=24, null=True)),
                ('served_model', models.CharField(blank=True, max_length=120)),
                ('expires_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('version', models.CharField(blank=True, max_length=60)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
                ('tier', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.usertier')),
            ],
            options={
                'verbose_name': 'reservation',
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('state', 'held')), fields=['expires_at'], include=('tenant',), name='budgets_reservation_due'), models.Index(condition=models.Q(('session', ''), _negated=True), fields=['tenant', 'workload', 'user_key', 'session'], name='budgets_reservation_session'), models.Index(fields=['tenant', 'workload', 'month', 'user_key'], name='budgets_reservation_month'), models.Index(condition=models.Q(('state', 'settled')), fields=['tenant', 'workload', 'model', '-settled_at'], name='budgets_reservation_learn')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='budgets_reservation_tenant', ops='', ops_columns=('tenant_id', 'id', 'expires_at', 'state')), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_reservation_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='budgets_reservation_workload_fk'), portal.tenancy.constraints.SameTenant(field='tier', name='budgets_reservation_tier_fk'), models.UniqueConstraint(fields=('tenant', 'request_id', 'attempt'), name='budgets_reservation_attempt'), models.UniqueConstraint(condition=models.Q(('idempotency_key', ''), _negated=True), fields=('tenant', 'credential', 'idempotency_key'), name='budgets_reservation_idempotent'), models.CheckConstraint(condition=models.Q(('asked_input__gte', 1), ('held__gte', 1)), name='budgets_reservation_positive')],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('user_key', models.CharField(max_length=32)),
                ('month', models.CharField(max_length=80)),
                ('kind', models.CharField(choices=[('hold', 'held'), ('settle', 'settled'), ('release', 'released'), ('expire', 'expired, estimated'), ('adjust', 'adjusted')], max_length=10)),
                ('at', models.DateTimeField()),
                ('held', models.BigIntegerField(default=0)),
                ('settled', models.BigIntegerField(default=0)),
                ('metered', models.BigIntegerField(default=0)),
                ('held_money', models.DecimalField(decimal_places=12, default=0, max_digits=24)),
                ('spent', models.DecimalField(decimal_places=12, default=0, max_digits=24)),
                ('by', models.CharField(blank=True, max_length=200)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
                ('reservation', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='budgets.reservation')),
            ],
            options={
                'verbose_name': 'ledger entry',
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'workload', 'month', 'user_key', 'at'], include=('held', 'settled', 'metered', 'held_money', 'spent'), name='budgets_entry_sums'), models.Index(fields=['tenant', 'reservation'], name='budgets_entry_of')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert', name='budgets_entry_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_entry_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='reservation', name='budgets_entry_reservation_fk'), portal.tenancy.constraints.SameTenant(field='workload', name='budgets_entry_workload_fk')],
            },
        ),
        migrations.CreateModel(
            name='BudgetAlert',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('user_key', models.CharField(max_length=32)),
                ('month', models.CharField(max_length=80)),
                ('threshold', models.PositiveSmallIntegerField()),
                ('place', models.PositiveSmallIntegerField()),
                ('used', models.BigIntegerField()),
                ('ceiling', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('workload', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workloads.workload')),
            ],
            options={
                'verbose_name': 'budget alert',
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', 'user_key', 'month'], name='budgets_alert_of_user')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert', name='budgets_budgetalert_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_budgetalert_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='workload', name='budgets_budgetalert_workload_fk'), models.UniqueConstraint(fields=('tenant', 'workload', 'month', 'user_key', 'place'), name='budgets_budgetalert_once')],
            },
        ),
        migrations.CreateModel(
            name='Closure',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('credential', models.UUIDField()),
                ('over', models.BigIntegerField()),
                ('opened_at', models.DateTimeField(null=True)),
                ('opened_by', models.CharField(blank=True, max_length=200)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('reservation', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.reservation')),
            ],
            options={
                'verbose_name': 'closed admissions',
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='budgets_closure_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_closure_same_tenant_key'), portal.tenancy.constraints.SameTenant(field='reservation', name='budgets_closure_reservation_fk'), models.UniqueConstraint(condition=models.Q(('opened_at', None)), fields=('tenant', 'credential'), name='budgets_closure_one_open')],
            },
        ),
        migrations.CreateModel(
            name='LedgerCheck',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('checked_at', models.DateTimeField()),
                ('counters', models.PositiveIntegerField()),
                ('differing', models.PositiveIntegerField()),
                ('found', models.JSONField(default=list)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'ledger check',
                'default_permissions': (),
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update', name='budgets_ledgercheck_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='budgets_ledgercheck_same_tenant_key'), models.UniqueConstraint(fields=('tenant',), name='budgets_ledgercheck_one')],
            },
        ),
    ]
