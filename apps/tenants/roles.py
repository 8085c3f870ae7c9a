"""Roles and the tenant-wide rights they carry: one table, visible to all (APPR-3)."""

from django.db import models

from portal.actor import Actor


class Role(models.TextChoices):
    ADMIN = "admin", "Tenant admin"
    WORKLOAD_OWNER = "workload_owner", "Workload owner"
    WORKFLOW_OPTIMIZER = "workflow_optimizer", "Workflow optimizer"
    DATA_ENGINEER = "data_engineer", "AI-data engineer"
    INCIDENT_RESPONDER = "incident_responder", "Incident responder"
    ENGINEERING = "engineering", "Approver: engineering"
    PRODUCT = "product", "Approver: product"
    FINANCE = "finance", "Approver: finance"
    PLATFORM_ENGINEERING = "platform_engineering", "Approver: platform engineering"
    OPS_LEAD = "ops_lead", "Approver: ops lead"
    SECURITY = "security", "Approver: security"
    GOVERNANCE = "governance", "Approver: governance"
    FRONTLINE = "frontline", "Frontline user"
    AUDITOR = "auditor", "Auditor"


APPROVERS = frozenset(
    {
        Role.ENGINEERING,
        Role.PRODUCT,
        Role.FINANCE,
        Role.PLATFORM_ENGINEERING,
        Role.OPS_LEAD,
        Role.SECURITY,
        Role.GOVERNANCE,
    }
)

# Who may stand in a slot of a policy; a tenant admin only where the default asks for one (COST-2).
SIGNERS = APPROVERS | {Role.ADMIN}

# Whose first question is what stops their workloads, and whom alerts wake.
OWNERS = frozenset({Role.WORKLOAD_OWNER, Role.WORKFLOW_OPTIMIZER, Role.DATA_ENGINEER})
ON_CALL = frozenset({Role.INCIDENT_RESPONDER, Role.OPS_LEAD})

# right: the roles that carry it. Rights on single workloads are grants on the workload and don't stand here.
RIGHTS: dict[str, frozenset[str]] = {
    # An approver has to see what waits for a signature, an auditor everything.
    "workload.view_all": APPROVERS | {Role.ADMIN, Role.AUDITOR},
    "workload.register": frozenset({Role.ADMIN, Role.WORKLOAD_OWNER}),
    "workload.grant": frozenset({Role.ADMIN}),
    "posture.set": frozenset({Role.GOVERNANCE}),
    # Which workload a text goes to concerns all who own one; what an auditor reads, they don't change.
    "classifier.read": OWNERS | {Role.ADMIN, Role.GOVERNANCE, Role.AUDITOR},
    "classifier.manage": frozenset({Role.ADMIN, Role.GOVERNANCE, Role.WORKLOAD_OWNER}),
    "member.manage": frozenset({Role.ADMIN}),
    "tier.manage": frozenset({Role.ADMIN, Role.FINANCE}),
    "signin.manage": frozenset({Role.ADMIN}),
    "token.manage": frozenset({Role.ADMIN}),
    # What models cost is no secret from whoever plans, watches or pays; setting it decides what calls are refused.
    "price.read": frozenset(Role) - {Role.FRONTLINE},
    "price.set": frozenset({Role.ADMIN, Role.FINANCE}),
    "rota.manage": frozenset({Role.ADMIN, Role.OPS_LEAD}),
    "audit.read": frozenset({Role.ADMIN, Role.AUDITOR, Role.GOVERNANCE}),
}


def has_right(actor: Actor, right: str) -> bool:
    """Whether the actor's roles carry ``right``. A service has no roles: it has scopes and the workloads it names."""
    return bool(actor.roles & RIGHTS[right])


def for_frontline(actor: Actor) -> bool:
    """Whether somebody uses agents and does nothing else here."""
    return actor.roles <= {Role.FRONTLINE}
