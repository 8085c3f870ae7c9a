"""The tenant walls (TEN-1): row policies, same-tenant keys, one transaction per tenant, and a guard.

PostgreSQL refuses rows of another tenant to the role the application runs as, on a setting that lives as long as
one transaction. The guard on the connection makes a forgotten tenant a loud error and not an empty page.
"""
