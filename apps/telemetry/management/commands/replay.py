"""Send a recorded trace through the running server's OTLP endpoint."""

import gzip
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from apps.accounts.actions import create_token, revoke_token
from apps.accounts.models import ApiToken
from apps.telemetry import replay
from apps.tenants.models import Tenant
from apps.tenants.queries import members, tenant_by_slug
from apps.workloads.queries import workloads
from portal import actor
from portal.errors import Invalid
from portal.tenancy.context import tenant_transaction

BATCH = 512
TRIES = 6


class Command(BaseCommand):
    help = "Replays a CSV with TIMESTAMP,ContextTokens,GeneratedTokens as action records of a workload."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--workload", required=True, help="the workload's key")
        parser.add_argument("--tenant", required=True, help="the tenant's address")
        parser.add_argument("--at", type=datetime.fromisoformat, help="when the first call happened; default now")
        parser.add_argument("--speed", type=float, help="this many times the recorded speed; default: no waiting")
        parser.add_argument("--url", default=os.environ.get("CAUSEWAY_URL", "http://127.0.0.1:8000"))

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_by_slug(options["tenant"])
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']!r}.")
        at = options["at"] or datetime.now(UTC)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        token, raw = self._token(tenant, options["workload"])
        try:
            sent = self._replay(options, at, raw)
        except (Invalid, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        finally:
            with tenant_transaction(tenant.id):
                revoke_token(token=token, actor=actor.task("replay"), now=datetime.now(UTC))
        self.stdout.write(f"{sent[0]} actions, {sent[1]} tokens in, {sent[2]} tokens out; first at {at.isoformat()}")

    def _token(self, tenant: Tenant, key: str) -> tuple[ApiToken, str]:
        """A token for this replay alone, bound to the workload."""
        now = datetime.now(UTC)
        with tenant_transaction(tenant.id):
            workload = workloads(tenant.id).filter(key=key).first()
            if workload is None:
                raise CommandError(f"{tenant.slug} has no workload {key!r}.")
            admin = members(tenant.id).first()
            if admin is None:
                raise CommandError(f"{tenant.slug} has no member.")
            return create_token(
                tenant_id=tenant.id,
                name=f"replay into {key}",
                scopes=["telemetry"],
                expires_at=now + timedelta(days=1),
                created_by=admin.user,
                actor=actor.task("replay"),
                now=now,
                workload_ids=[workload.id],
            )

    def _replay(self, options: dict[str, Any], at: datetime, raw: str) -> tuple[int, int, int]:
        data = options["file"].read_bytes()
        identity, started = replay.digest(data), time.monotonic()
        calls = tokens_in = tokens_out = 0
        for batch in _batches(replay.rows(data.decode().splitlines())):
            if options["speed"]:
                _wait_until(started + batch[-1].offset.total_seconds() / options["speed"])
            message = replay.request(batch, at=at, workload=options["workload"], file_digest=identity)
            self._send(options["url"], raw, gzip.compress(message.SerializeToString()))
            calls += len(batch)
            tokens_in += sum(call.tokens_in for call in batch)
            tokens_out += sum(call.tokens_out for call in batch)
        return calls, tokens_in, tokens_out

    def _send(self, url: str, raw: str, body: bytes) -> None:
        headers = {
            "Authorization": f"Bearer {raw}",
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
        }
        request = urllib.request.Request(f"{url}/v1/traces", body, headers)  # noqa: S310
        for attempt in range(TRIES):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                    return self._report(answer.read())
            except urllib.error.HTTPError as error:
                if error.code not in {429, 502, 503, 504}:
                    raise CommandError(f"{url} answered {error.code}: {error.read()[:300]!r}") from error
            time.sleep(2**attempt / 4)
        raise CommandError(f"{url} took no records after {TRIES} tries.")

    def _report(self, body: bytes) -> None:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
        if partial.rejected_spans:
            self.stderr.write(f"{partial.rejected_spans} rejected: {partial.error_message[:500]}")


def _batches(calls: Iterator[replay.Row]) -> Iterator[list[replay.Row]]:
    while batch := list(islice(calls, BATCH)):
        yield batch


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
