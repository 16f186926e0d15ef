"""All rules in the order in which they are asked; the first that matches decides.

Structure before words. Our own places come first, because there the place names the class. Then what the
provider answered: the prediction's status and Replicate's codes, refused fields, money and limits, refusals,
keys, 5xx, time, cancellation, pictures, trouble, parameters, and last the bare status.
"""

from core.classification.rules.accounts import KEYS, LIMITS, REFUSALS
from core.classification.rules.answers import INPUTS, LAST, TIME, TROUBLE
from core.classification.rules.codes import CODES, OURS, VALIDATION
from core.classification.rules.network import NETWORK_RULES
from core.classification.rules.pictures import ASSET_RULES, INPUT_RULES
from core.classification.rules.rule import Example, Rule
from core.classification.rules.stores import DATABASE_RULES, STORAGE_RULES

__all__ = ["RULES", "Example", "Rule"]

RULES: tuple[Rule, ...] = (
    *OURS[:1],
    *DATABASE_RULES,
    *STORAGE_RULES,
    *INPUT_RULES,
    *ASSET_RULES,
    *NETWORK_RULES,
    *OURS[1:],
    *CODES,
    *VALIDATION,
    *LIMITS,
    *REFUSALS,
    *KEYS,
    *TIME,
    *INPUTS,
    *TROUBLE,
    *LAST,
)
