"""What people do at the tenant while the connector is at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from connector.sandbox.pylon_api.records import NOTHING, CustomField, Issue, Json, Message, Thread, Values
from connector.sandbox.pylon_api.tenant import Leeway
from connector.sandbox.pylon_api.world import World
from connector.sandbox.pylon_api.writing import changed, moved, run_triggers


@dataclass(frozen=True, slots=True)
class NewIssue:
    """An issue about to be opened, by its requester or by the user ``agent_id``.

    What an agent opens begins with an internal note unless ``opened_public``.
    """

    title: str
    body_html: str
    created_at: float
    requester_id: str | None
    agent_id: str | None = None
    opened_public: bool = True
    account_id: str | None = None
    assignee_id: str | None = None
    team_id: str | None = None
    state: str = "new"
    type: Literal["conversation", "ticket"] = "conversation"
    source: str = "email"
    tags: tuple[str, ...] = ()
    values: Values = field(default_factory=lambda: NOTHING)
    attachments: tuple[str, ...] = ()
    slack_channel_id: str | None = None


def furnish(world: World) -> None:
    """The custom field that every tenant has; an issue shows its priority nowhere else."""
    options = ("urgent", "high", "medium", "low")
    priority = CustomField(world.new_id(), "priority", "Priority", world.now(), "select", options)
    world.fields["issue", "priority"] = priority


def open_issue(world: World, draft: NewIssue) -> Issue:
    at = draft.created_at
    issue = Issue(
        id=world.new_id(),
        number=world.new_number(),
        title=draft.title,
        body_html=draft.body_html,
        created_at=at,
        updated_at=at,
        state=draft.state,
        type=draft.type,
        source=draft.source,
        account_id=draft.account_id,
        requester_id=draft.requester_id,
        assignee_id=draft.assignee_id,
        team_id=draft.team_id,
        tags=draft.tags,
        values=draft.values,
        latest_message_at=at,
        resolved_at=at if world.is_closed(draft.state) else None,
        attachments=draft.attachments,
        slack_channel_id=draft.slack_channel_id,
    )
    opening = Message(
        id=world.new_id(),
        issue_id=issue.id,
        html=draft.body_html,
        at=at,
        contact_id=None if draft.agent_id else draft.requester_id,
        user_id=draft.agent_id,
        source=draft.source,
        attachments=draft.attachments,
    )
    if not draft.opened_public:
        opening = replace(opening, private=True, thread_id=open_thread(world, issue.id, "Internal thread").id)
    world.messages[issue.id].append(opening)
    world.add(issue)
    return issue


def open_thread(world: World, issue_id: str, name: str, slack_channel_id: str | None = None) -> Thread:
    """An internal thread; with a channel it is one that is read in Slack."""
    thread = Thread(world.new_id(), issue_id, name, slack_channel_id)
    world.threads[issue_id].append(thread)
    return thread


def edit(world: World, issue_id: str, patch: Json) -> Issue:
    """A person changes an issue in the app; nobody is asked whether it moved meanwhile."""
    before = world.issues[issue_id]
    after = world.put(changed(world, before, patch, Leeway()))
    run_triggers(world, before, after, Leeway())
    return world.issues[issue_id]


def customer_writes(world: World, issue_id: str, html: str, contact_id: str | None) -> Message:
    """A customer's message wakes what waited, slept or was closed; only the names of the states say so."""
    issue = world.issues[issue_id]
    message = _say(world, issue, html, contact_id=contact_id or issue.requester_id)
    after = issue if issue.state == "new" else moved(world, issue, "waiting_on_you")
    _heard(world, issue, after, message)
    return message


def agent_writes(world: World, issue_id: str, html: str, user_id: str, *, public: bool) -> Message:
    """An answer, after which the customer is waited for; or a note, which leaves the state alone."""
    issue = world.issues[issue_id]
    if not public:
        threads = world.threads[issue_id] or [open_thread(world, issue_id, "Internal thread")]
        note = _say(world, issue, html, user_id=user_id, thread=threads[-1])
        world.put(world.issues[issue_id])
        return note
    message = _say(world, issue, html, user_id=user_id)
    first = message.at if issue.first_response_at is None else issue.first_response_at
    after = moved(world, issue, "waiting_on_customer")
    _heard(world, issue, replace(after, first_response_at=first, touches=issue.touches + 1), message)
    return message


def snooze(world: World, issue_id: str, until: float) -> None:
    """On hold until then (vendor page "Snooze an issue")."""
    issue = moved(world, world.issues[issue_id], "on_hold")
    world.put(replace(issue, snoozed_until=until))


def group(world: World, parent_id: str, children: Sequence[str]) -> None:
    """The children belong to an issue group from now on; all of them change by it."""
    parent = world.issues[parent_id]
    world.put(replace(parent, child_ids=tuple(dict.fromkeys((*parent.child_ids, *children)))))
    for child in children:
        world.put(replace(world.issues[child], parent_id=parent_id))


def _say(
    world: World,
    issue: Issue,
    html: str,
    *,
    contact_id: str | None = None,
    user_id: str | None = None,
    thread: Thread | None = None,
) -> Message:
    message = Message(
        id=world.new_id(),
        issue_id=issue.id,
        html=html,
        at=world.now(),
        private=thread is not None,
        contact_id=contact_id,
        user_id=user_id,
        thread_id=thread.id if thread else None,
        source=issue.source,
    )
    world.messages[issue.id].append(message)
    return message


def _heard(world: World, before: Issue, after: Issue, message: Message) -> None:
    stored = world.put(replace(after, latest_message_at=message.at))
    run_triggers(world, before, stored, Leeway())
