"""Whether the cap holds while a real trace is replayed over HTTP, processes are killed and a client lies (COST-4)."""
