"""Which of the helpdesk's groups is whose: proposed, shown, and changed until a person is content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.cli.init.dialogue import Dialogue
from connector.cli.init.request import Request
from connector.cli.output import say
from connector.domain.ticket import Group
from connector.errors import SettingsError
from connector.observe.redaction import escape_controls
from connector.policy import find_group
from connector.settings.business import TeamSettings
from connector.settings.group_matching import Proposal, propose, propose_human

_SHOWN = 60  # characters of a name
_NOBODY = "-"


@dataclass(frozen=True, slots=True)
class Choice:
    """The human group, the groups of tickets that nobody has routed yet, and the group per team."""

    human: Group
    inbox: tuple[Group, ...]
    teams: Mapping[str, Group]

    def unused(self, groups: Sequence[Group]) -> list[Group]:
        """The groups that nobody has a use for here."""
        used = {self.human, *self.inbox, *self.teams.values()}
        return [group for group in groups if group not in used]


def choose_groups(
    teams: Sequence[TeamSettings], groups: Sequence[Group], request: Request, dialogue: Dialogue
) -> Choice:
    """What the flags say, else what a person says, else what fits; a team that no group fits has the human's.

    Raises SettingsError for a group that does not exist or is not the only one of its name, BadParameter
    where one has to be named and nobody can be asked.
    """
    if not groups:
        raise SettingsError("the helpdesk has no groups: create one for what a person must decide")
    board = _Board(groups, dialogue)
    given = {
        team: find_group(name, groups, f"--map {team}")
        for team, name in request.mapped(tuple(team.name for team in teams)).items()
    }
    board.show()
    human = board.settle(
        propose_human(groups),
        request.human_group,
        question="Which group gets what a person must decide?",
        flag="--human-group",
    )
    inbox = _inbox(board, request)
    chosen: dict[str, Group] = {}
    for team, proposal in propose(teams, groups).items():
        if len(proposal.groups) > 1 and team not in given:
            chosen[team] = board.settle(
                proposal, None, question=f"Which group is the team {team}?", flag=f"--map {team}=ID"
            )
        else:
            chosen[team] = given.get(team) or proposal.group or human
    _review(chosen, human, board)
    return Choice(human, inbox, chosen)


def reference(group: Group, groups: Sequence[Group]) -> str:
    """How the settings name it: by its name, or by its id where the name would not lead back to it."""
    name = group.name.strip()
    try:
        name.encode()
        return name if name and find_group(name, groups, "") == group else group.id
    except (SettingsError, UnicodeEncodeError):
        return group.id


def shown(group: Group) -> str:
    """The name, fit for a terminal."""
    name = escape_controls(group.name.encode("utf-8", "backslashreplace").decode())
    return f"{name[:_SHOWN]}…" if len(name) > _SHOWN else name or f"(no name, {group.id})"


@dataclass(frozen=True, slots=True)
class _Board:
    """The groups as they are shown: numbered."""

    groups: Sequence[Group]
    dialogue: Dialogue

    def show(self) -> None:
        say(f"\nThe helpdesk has {len(self.groups)} groups:")
        for number, group in enumerate(self.groups, start=1):
            say(f"  {number:>3}  {self.told(group)}")

    def told(self, group: Group) -> str:
        """The name, with the id where the name alone does not tell which one it is."""
        by_name = reference(group, self.groups) != group.id
        return shown(group) if by_name else f"{shown(group)} (id {group.id})"

    def find(self, answer: str) -> Group:
        """The group with this number, name or id.  Raises SettingsError for anything else."""
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(self.groups):
            return self.groups[int(answer) - 1]
        return find_group(answer, self.groups, "your answer")

    def ask(self, question: str, *, flag: str, default: Group | None) -> Group:
        def accept(answer: str) -> str:
            return self.find(answer).id

        number = str(self.groups.index(default) + 1) if default else None
        enter = f"; Enter: {shown(default)}" if default else ""
        told = f"{question} (number, name or id{enter})"
        return self.find_id(self.dialogue.ask(told, instead=flag, default=number, accept=accept))

    def find_id(self, group_id: str) -> Group:
        return next(group for group in self.groups if group.id == group_id)

    def settle(self, proposal: Proposal, given: str | None, *, question: str, flag: str) -> Group:
        """The given one, the answer to the question, or the proposed one where nobody can be asked."""
        if given is not None:
            return find_group(given, self.groups, flag)
        if len(proposal.groups) > 1 and not self.dialogue.is_interactive:
            find_group(proposal.groups[0].name, self.groups, flag)  # tells the ids
        return self.ask(question, flag=flag, default=proposal.group)


def _inbox(board: _Board, request: Request) -> tuple[Group, ...]:
    if request.inbox_groups or not board.dialogue.is_interactive:
        return tuple(find_group(name, board.groups, "--inbox-group") for name in request.inbox_groups)

    def accept(answer: str) -> str:
        return "\n".join(board.find(each.strip()).id for each in answer.split(",") if each.strip())

    say("\nA ticket in a group counts as routed, and is left alone, unless the group is named here.")
    answer = board.dialogue.ask(
        "In which groups do new tickets arrive? (numbers, with commas; Enter: in none)",
        instead="--inbox-group",
        default="",
        accept=accept,
    )
    return tuple(dict.fromkeys(map(board.find_id, filter(None, answer.split("\n")))))


def _review(chosen: dict[str, Group], human: Group, board: _Board) -> None:
    """Show the map; a person may change it, team by team."""
    while True:
        say("\nEach team's group:")
        for team, group in chosen.items():
            note = "  (left to a person)" if group == human else ""
            say(f"  {team:<16} {board.told(group)}{note}")
        if not board.dialogue.is_interactive:
            return
        team = board.dialogue.ask(
            "Which team shall have another group? (its name; Enter: all is right)",
            instead="--map",
            default="",
            accept=lambda answer: _known(answer, chosen),
        )
        if not team:
            return
        answer = board.dialogue.ask(
            f"Group of the team {team} (number, name or id; {_NOBODY}: left to a person)",
            instead="--map",
            accept=lambda answer: _NOBODY if answer == _NOBODY else board.find(answer).id,
        )
        chosen[team] = human if answer == _NOBODY else board.find_id(answer)


def _known(team: str, teams: Mapping[str, Group]) -> str:
    if team and team not in teams:
        raise SettingsError(f"the teams are {', '.join(teams)}")
    return team
