"""Side effects: what a helpdesk may do by itself when tickets are moved, which no API tells beforehand."""

from __future__ import annotations

from collections.abc import Mapping

SIDE_EFFECTS: Mapping[str, str] = {
    "zendesk": "Moving a ticket into a group can send an e-mail to every agent of that group: look at Admin "
    'Center > Objects and rules > Triggers, "Notify group of assignment".',
    "pylon": "Pylon's triggers and assignment rules may also run on what an API changes: look for those that "
    "set a team, an assignee or tags, or notify somebody. Whatever they change after our write stands, and "
    "another team counts as a person's correction.",
}
