"""What the desk says of override rules, in words."""

from core.classification.overrides.matching import Conditions
from core.classification.overrides.preview import Preview
from core.classification.taxonomy import facts
from core.foundation.wording import count

PLACES = {
    "prediction": "a failed prediction",
    "replicate_http": "an answer of the provider's API",
    "network": "a call without an answer",
    "asset": "fetching the finished picture",
}


def moved(found: Preview) -> str:
    """`Would have moved 41 events of 3 groups: 30 from Unknown, 11 from Provider trouble.`"""
    if not found.events:
        return "Would have moved nothing."
    origins = ", ".join(f"{events:,} from {facts(each).title}" for each, events in found.origins.items())
    least = "at least " if found.incomplete else ""
    events, groups = count(found.events, "event"), count(found.groups, "group")
    return f"Would have moved {least}{events} of {groups}: {origins}."


def beside(found: Preview) -> list[str]:
    """What else is to be known of these numbers."""
    said = []
    if found.events:
        attempts, lost = count(found.attempts, "failed attempt"), count(found.generations, "lost generation")
        said.append(f"An event is an attempt or a generation: {attempts}, {lost}.")
    if found.unmoved:
        said.append(f"{count(found.unmoved, 'event')} more match and have this class already.")
    if found.earlier:
        said.append(f"{count(found.earlier, 'event')} more match but fall to rules that are asked before.")
    if found.untold:
        said.append(f"{count(found.untold, 'event')} more may match: they do not tell where they came from.")
    if found.incomplete:
        said.append("There are more different texts than can be tried at once.")
    return said


def warnings(found: Preview) -> list[str]:
    """Why it may be wrong to put the rule in force."""
    said = []
    if found.broad:
        said.append(
            f"It matches {found.share:.0%} of all failures of this time. So broad a rule hides what fails "
            "for other reasons."
        )
    said += [
        f"{count(each.events, 'event')} would leave {facts(each.failure_class).title}, where the built-in "
        f"rule {each.rule} put them by a code, a type or a status: {each.description}"
        for each in found.surer
    ]
    return said


def bounds(conditions: Conditions) -> str:
    """What must hold beside the pattern; empty where nothing must."""
    said = []
    if conditions.place:
        said.append(PLACES.get(conditions.place, conditions.place))
    if conditions.http_status is not None:
        said.append(f"HTTP status {conditions.http_status}")
    if conditions.code:
        said.append(f"code {conditions.code}")
    if conditions.model:
        said.append(conditions.model)
    return ", ".join(said)
