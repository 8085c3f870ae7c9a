"""Django admin in one tenant at a time: chosen with a reason, for an hour, audited (AUD-3).

A platform operator may open any tenant, a tenant's own admin theirs. Inside, every row is read as portal_app in that
tenant's transaction, behind the same row policies as everywhere; whatever is changed goes through the actions that
the pages use. Only tenants and users themselves are read across tenants, by operators, as portal_ops.
"""
