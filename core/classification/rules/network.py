"""Rules for calls that got no answer at all."""

from core.classification.phrasings import any_language
from core.classification.phrasings.refusals import CONTENT
from core.classification.phrasings.trouble import CANCELED, NETWORK, TIMEOUT
from core.classification.rules.rule import DOMAIN_BUG, TRUST, Example, Rule, pattern
from core.classification.taxonomy import FailureClass

NET = frozenset({"network"})

NETWORK_RULES = [
    Rule(
        id="network_trust",
        failure_class=FailureClass.NETWORK,
        retryable=False,
        description="A certificate is not trusted or the proxy wants a password: trying again cannot help.",
        example=Example(
            "network", "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", exception="ConnectError"
        ),
        places=NET,
        exceptions=pattern(
            r"invalidurl|unsupportedprotocol|localprotocolerror|missingschema|invalidschema|"
            r"toomanyredirects"
        ),
        words=pattern(
            TRUST,
            r"proxy authentication required|\b407\b|illegal header|unsupportedprotocol|"
            r"\bunsupported protocol|request url is missing",
        ),
    ),
    Rule(
        id="network_proxy",
        failure_class=FailureClass.NETWORK,
        retryable=True,
        description="Our own way out, not the provider, answered.",
        example=Example("network", "503 Service Unavailable", exception="ProxyError"),
        places=NET,
        exceptions=pattern(r"proxy\w*error|clientproxy\w*|clienthttpproxyerror"),
        words=pattern(r"proxyerror|cannot connect to proxy|tunnel connection failed|proxy connect"),
    ),
    Rule(
        id="network_timeout",
        failure_class=FailureClass.TIMEOUT,
        retryable=True,
        description="No answer in time, by type or by words.",
        example=Example("network", "", exception="ReadTimeout"),
        places=NET,
        exceptions=pattern(r"\w*timeout\w*"),
        words=any_language(TIMEOUT),
    ),
    Rule(
        id="network_canceled",
        failure_class=FailureClass.CANCELED,
        retryable=False,
        description="The call was given up on purpose.",
        example=Example("network", "context canceled", exception="CancelledError"),
        places=NET,
        exceptions=pattern(r"cancell?ed\w*|aborterror|\w*useraborterror"),
        words=any_language(CANCELED),
    ),
    Rule(
        id="network_words",
        failure_class=FailureClass.NETWORK,
        retryable=True,
        description="The words of a broken connection, whatever type carried them.",
        example=Example(
            "network", "Server disconnected without sending a response.", exception="RuntimeError"
        ),
        places=NET,
        unless=pattern(DOMAIN_BUG.pattern, any_language(CONTENT).pattern),
        words=any_language(NETWORK),
    ),
    Rule(
        id="network_other",
        failure_class=FailureClass.NETWORK,
        retryable=True,
        description="Anything else at this place: there was no answer; only a programming error is no "
        "network trouble.",
        example=Example("network", "", exception="ConnectError"),
        places=NET,
        unless=DOMAIN_BUG,
        exceptions=pattern(
            r"(?!(?:type|attribute|key|index|name|runtime|assertion|value|notimplemented|"
            r"json\w+)error)\w*"
        ),
    ),
]
