"""The heads of all chains go to the log each hour: a copy that no database role can reach (AUD-2)."""

import logging

from apps.audit import queries
from apps.tenants.queries import all_tenants
from portal.celery import platform_task
from portal.tenancy.context import platform_work

log = logging.getLogger("audit.heads")


@platform_task("audit.publish_heads")
def publish_heads() -> None:
    for tenant in all_tenants():
        with platform_work("audit.verify") as alias:
            seq, digest = queries.head(tenant.id, using=alias)
        log.info("audit head", extra={"tenant_slug": tenant.slug, "seq": seq, "digest": digest.hex()})
