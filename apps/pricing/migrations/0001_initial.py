import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import portal.ids
import portal.tenancy.constraints
import portal.tenancy.models
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0003_sign_in'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ModelPrice',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False)),
                ('model', models.CharField(max_length=120)),
                ('valid_from', models.DateField()),
                ('input_per_million', models.DecimalField(decimal_places=6, max_digits=13, null=True)),
                ('output_per_million', models.DecimalField(decimal_places=6, max_digits=13, null=True)),
                ('cached_input_per_million', models.DecimalField(decimal_places=6, max_digits=13, null=True)),
                ('currency', models.CharField(default='USD', editable=False, max_length=3)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('set_at', models.DateTimeField()),
                ('set_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_default=portal.tenancy.models.CurrentTenant(), db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['tenant', '-valid_from', '-id'], name='pricing_modelprice_recent')],
                'constraints': [portal.tenancy.constraints.TenantPolicy(app='select, insert, update, delete', name='pricing_modelprice_tenant', ops='', ops_columns=()), models.UniqueConstraint(fields=('tenant', 'id'), name='pricing_modelprice_same_tenant_key'), portal.tenancy.constraints.MemberOfTenant(field='set_by', name='pricing_modelprice_set_by_fk'), models.UniqueConstraint(fields=('tenant', 'model', 'valid_from'), name='pricing_modelprice_day'), models.CheckConstraint(condition=models.Q(('model', ''), _negated=True), name='pricing_modelprice_named'), models.CheckConstraint(condition=models.Q(('currency', 'USD')), name='pricing_modelprice_currency'), models.CheckConstraint(condition=models.Q(models.Q(('input_per_million__isnull', True), models.Q(('input_per_million__gte', 0), ('input_per_million__lte', Decimal('1000000'))), _connector='OR'), models.Q(('output_per_million__isnull', True), models.Q(('output_per_million__gte', 0), ('output_per_million__lte', Decimal('1000000'))), _connector='OR'), models.Q(('cached_input_per_million__isnull', True), models.Q(('cached_input_per_million__gte', 0), ('cached_input_per_million__lte', Decimal('1000000'))), _connector='OR')), name='pricing_modelprice_amounts')],
            },
        ),
    ]
