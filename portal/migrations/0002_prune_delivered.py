import portal.tenancy.constraints
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('portal', '0001_initial'),
    ]

    operations = [
        # The policy stays as it is; the grant alone changes, without a moment in which the table has no wall.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'grant delete on "portal_outboxmessage" to portal_app',
                    'revoke delete on "portal_outboxmessage" from portal_app',
                ),
            ],
            state_operations=[
                migrations.RemoveConstraint(
                    model_name='outboxmessage',
                    name='portal_outboxmessage_tenant',
                ),
                migrations.AddConstraint(
                    model_name='outboxmessage',
                    constraint=portal.tenancy.constraints.TenantPolicy(app='select, insert, update, delete', name='portal_outboxmessage_tenant', ops='', ops_columns=('tenant_id', 'id', 'topic', 'due_at', 'delivered_at', 'dead_at', 'leased_until')),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name='outboxmessage',
            index=models.Index(condition=models.Q(('delivered_at__isnull', False)), fields=['delivered_at'], include=('tenant', 'id'), name='outbox_delivered'),
        ),
    ]
