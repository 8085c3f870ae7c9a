"""A runbook in which every required section says something."""

RUNBOOK = """# Support chat

## What the agent does and must not do

It answers first-line questions. It must not promise refunds.

## Dashboards and alerts

[The dashboard](https://dash.example/support) shows errors by minute.

## Known failure modes

| Mode | Path |
| --- | --- |
| timeout | team Support |

## How to roll back to the fallback

1. Press *Roll back* on the rollout's page.
2. Open the form at https://support.example/form and send a test.
   - it has to answer within a minute
3. Tell the team on call.

## Who to call

Team Support, day and night.
"""
