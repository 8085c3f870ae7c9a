"""What a token may be allowed to do: the few words that stand on the token page."""

SCOPES: dict[str, str] = {
    "decide": "Ask for decisions (OFREP and the decision endpoints)",
    "telemetry": "Send action records (OTLP and the JSON batch)",
    "read": "Read workloads, rollouts and their figures",
    "write": "Register workloads and versions, plan rollouts",
    "feedback": "Report soft failures, say how answers were used, and let the widget in",
    "operate": "Hold, resume, abort and roll back rollouts",
}
