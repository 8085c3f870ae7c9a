"""Events out as pages: subscriptions, why nothing arrives, the log of deliveries, and sending again."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.events import actions, presenter, queries
from apps.events.access import RIGHT, may_manage
from apps.events.catalogue import PREFIX, TYPES
from apps.events.forms import ChangeForm, ReplayForm, SubscriptionForm, as_lines
from apps.events.models import DeliveryState, Subscription
from apps.events.rules import MOST_REPLAYED
from portal.access import requires
from portal.errors import Invalid, PortalError
from portal.requests import InTenant

PAGE = 25
SHOWN_REPLAYS = 5
manages = requires(may_manage, RIGHT)


@manages
def index(request: InTenant, slug: str) -> HttpResponse:
    page = Paginator(queries.subscriptions(request.tenant.id), PAGE).get_page(request.GET.get("page"))
    return render(request, "events/list.html", {"page": page, "now": timezone.now(), "most": actions.MOST})


@manages
def types(request: InTenant, slug: str) -> HttpResponse:
    """Every type of event that there is."""
    rows = [(f"{PREFIX}{action}", words) for action, words in sorted(TYPES.items())]
    return render(request, "events/types.html", {"types": rows})


@manages
def new(request: InTenant, slug: str) -> HttpResponse:
    form = SubscriptionForm(request.POST or None, initial={"patterns": "*"})
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        try:
            made = actions.subscribe(
                tenant_id=request.tenant.id, by=request.user, actor=request.actor, now=now, **form.said()
            )
        except PortalError as error:
            _explain(form, error)
        else:
            return _secret(request, made, actions.secret_of(made, now))
    return _form(request, form, "A new subscription", "What happens here is sent to an address of yours, signed.")


@manages
def edit(request: InTenant, slug: str, subscription_id: UUID) -> HttpResponse:
    row = queries.subscription(request.tenant.id, subscription_id)
    form = ChangeForm(request.POST or None, initial={"name": row.name, "patterns": as_lines(row.patterns)})
    if request.method == "POST" and form.is_valid():
        try:
            actions.change(subscription=row, actor=request.actor, **form.said())
        except PortalError as error:
            _explain(form, error)
        else:
            messages.success(request, "Saved. It counts for what happens from now on.")
            return redirect("event_subscription", slug, row.id)
    return _form(request, form, f"Change {row.name}", f"It goes to {row.shown}.")


@manages
def detail(request: InTenant, slug: str, subscription_id: UUID) -> HttpResponse:
    """Is it well, and if not, why; then the log."""
    row, now = queries.subscription(request.tenant.id, subscription_id), timezone.now()
    state = request.GET.get("state", "")
    state = state if state in DeliveryState.values else ""
    page = Paginator(queries.deliveries(row, state), PAGE).get_page(request.GET.get("page"))
    standing = presenter.standing(row, queries.last_delivered(row), queries.waiting_since(row, now), now)
    counts = queries.counts(row)
    context = {
        "row": row,
        "standing": standing,
        "page": page,
        "state": state,
        "extra": f"state={state}&" if state else "",
        "states": [(value, label, counts.get(value, 0)) for value, label in DeliveryState.choices],
        "replays": presenter.progress(row, list(queries.replays(row)[:SHOWN_REPLAYS])),
        "behind": max(0, queries.head(row.tenant_id) - row.cursor),
        "former_counts": row.former_until is not None and now < row.former_until,
        "now": now,
    }
    return render(request, "events/detail.html", context)


@manages
def delivery(request: InTenant, slug: str, subscription_id: UUID, delivery_id: UUID) -> HttpResponse:
    """One event: the exact body, and what each attempt came to."""
    row = queries.subscription(request.tenant.id, subscription_id)
    found = queries.delivery(row, delivery_id)
    return render(request, "events/delivery.html", {"row": row, "delivery": found, "now": timezone.now()})


@require_POST
@manages
def resend(request: InTenant, slug: str, subscription_id: UUID, delivery_id: UUID) -> HttpResponse:
    row, now = queries.subscription(request.tenant.id, subscription_id), timezone.now()
    found = queries.delivery(row, delivery_id)
    try:
        made = actions.resend(delivery=found, by=request.user, actor=request.actor, now=now)
    except PortalError as error:
        messages.error(request, error.message)
        return redirect("event_delivery", slug, row.id, found.id)
    messages.success(request, "It is sent again, with a new webhook-id and the same event id.")
    return redirect("event_delivery", slug, row.id, made.id)


@require_POST
@manages
def change(request: InTenant, slug: str, subscription_id: UUID, verb: str) -> HttpResponse:
    """Pause, resume, try now, test, break a replay off, a new secret, or remove it."""
    row = queries.subscription(request.tenant.id, subscription_id)
    try:
        said = _change(request, row, verb)
    except PortalError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, said)
    return redirect("event_subscriptions", slug) if verb == "remove" else redirect("event_subscription", slug, row.id)


@require_POST
@manages
def secret(request: InTenant, slug: str, subscription_id: UUID) -> HttpResponse:
    """The signing secret once more, for whoever has to put it into a receiver."""
    row = queries.subscription(request.tenant.id, subscription_id)
    return _secret(request, row, actions.show_secret(subscription=row, actor=request.actor, now=timezone.now()))


@manages
def replay(request: InTenant, slug: str, subscription_id: UUID) -> HttpResponse:
    """First how many it would be, then, when that is confirmed, the replay."""
    row = queries.subscription(request.tenant.id, subscription_id)
    if request.method == "POST":
        return _start_replay(request, row)
    form, span = ReplayForm(request.GET or None), None
    if form.is_bound and form.is_valid():
        try:
            span = queries.span(row, first=form.cleaned_data["first"], since=form.cleaned_data["since"])
        except PortalError as error:
            form.add_error(None, error.message)
    context = {"row": row, "form": form, "span": span, "most": MOST_REPLAYED}
    return render(request, "events/replay.html", context)


def _start_replay(request: InTenant, row: Subscription) -> HttpResponse:
    try:
        first, last = (int(request.POST.get(name, "")) for name in ("first", "last"))
    except ValueError as error:
        raise Invalid("span", "Say from which number, and look at how many events that is, first.") from error
    try:
        span = queries.span(row, first=first, last=last)
        made = actions.replay(subscription=row, span=span, by=request.user, actor=request.actor, now=timezone.now())
    except PortalError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{made.total:,} event{'s' * (made.total != 1)} will be sent again.")
    return redirect("event_subscription", request.tenant.slug, row.id)


def _change(request: InTenant, row: Subscription, verb: str) -> str:
    actor, now = request.actor, timezone.now()
    if verb == "pause":
        actions.pause(subscription=row, actor=actor)
        return "Paused: nothing goes out. What happens meanwhile waits."
    if verb == "resume":
        from_now = request.POST.get("from") == "now"
        actions.resume(subscription=row, from_now=from_now, actor=actor, now=now)
        return "It goes on from now." if from_now else "It goes on from where it stopped."
    if verb == "try-now":
        actions.try_now(subscription=row, actor=actor, now=now)
        return "Its receiver is asked again at once."
    if verb == "test":
        actions.send_test(subscription=row, actor=actor, now=now)
        return "A test event is on its way; look at the log in a moment."
    if verb == "cancel-replay":
        actions.cancel_replay(subscription=row, actor=actor, now=now)
        return "The replay is broken off: what it hasn't sent stays unsent."
    if verb == "rotate":
        keep = "leaked" not in request.POST
        actions.rotate(subscription=row, keep_former=keep, actor=actor, now=now)
        return "There is a new secret: “Show the secret”, and put it into the receiver" + (
            " within a day." if keep else " now; the former one counts no more."
        )
    actions.remove(subscription=row, actor=actor, now=now)
    return f"{row.name} is removed: nothing goes there any more."


def _secret(request: InTenant, row: Subscription, raw: str) -> HttpResponse:
    return render(request, "events/secret.html", {"row": row, "secret": raw})


def _explain(form: SubscriptionForm, error: PortalError) -> None:
    field = {"patterns": "patterns", "name": "name", "name_taken": "name"}.get(error.code)
    addresses = {"address", "host", "private_address", "not_https"}
    form.add_error(field or ("address" if error.code in addresses else None), error.message)


def _form(request: InTenant, form: SubscriptionForm, heading: str, answer: str) -> HttpResponse:
    context = {"form": form, "heading": heading, "answer": answer}
    return render(request, "events/form.html", context, status=400 if form.errors else 200)
