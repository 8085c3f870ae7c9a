"""A tenant's own criteria: more than every gate asks for, announced before they count (STAGE-1, S2, S8)."""
