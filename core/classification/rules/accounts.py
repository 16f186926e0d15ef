"""Rules about our account at the provider, and about refusals.

Money stands before limits only by code, because a throttle likes to speak of credit; refusals stand before
5xx and parameters, because gateways wrap them in either.
"""

from core.classification.phrasings import any_language
from core.classification.phrasings.accounts import AUTH, BILLING, MODEL_GONE, RATE_LIMIT
from core.classification.phrasings.refusals import CONTENT
from core.classification.rules.rule import PROVIDER, Example, Rule, pattern
from core.classification.taxonomy import FailureClass

# Money by code is certain; by words it comes after the throttles.
MONEY_CODES = (
    r"insufficient_quota|insufficient_user_quota|insufficient\w*(?:credit|balance|fund|"
    r"point|coin)\w*|billing_\w+|payment_required|\w*spend_limit\w*|\w*arrear\w*|"
    r"allocationquota\S*|quota_not_enough|out_of_credits|no_credits\w*|credits?_exhausted|"
    r"accountoverdue\w*|free_tier_\w*exhausted|pre_consume_token_quota_failed|"
    r"card_declined|\w*budget\w*exceeded"
)

LIMITS = [
    Rule(
        id="money_code",
        failure_class=FailureClass.BILLING,
        retryable=False,
        description="A machine code says that the account has no money or quota left, often under status "
        "429.",
        example=Example("replicate_http", "", http_status=429, code="insufficient_quota"),
        places=PROVIDER,
        unless=pattern(r"perminute|per minute|retry_?delay|please retry in \d"),
        codes=pattern(MONEY_CODES),
    ),
    Rule(
        id="quota_of_zero",
        failure_class=FailureClass.BILLING,
        retryable=False,
        description="A limit of zero: the plan does not include the model, so waiting does not help.",
        example=Example(
            "replicate_http",
            "Quota exceeded for metric generate_requests, limit: 0, please retry in 30s",
            http_status=429,
        ),
        places=PROVIDER,
        words=pattern(r"quota exceeded[^\n]{0,200}limit['\"]?: ?['\"]?0\b"),
    ),
    Rule(
        id="no_capacity",
        failure_class=FailureClass.PROVIDER_OUTAGE,
        retryable=True,
        description="The provider's servers are full; its 429 is not about our requests.",
        example=Example("replicate_http", "No capacity available for model x on the server", http_status=429),
        places=PROVIDER,
        codes=pattern(
            r"\w*capacity_exhausted|\w*overloaded(?:_error)?|engine_overloaded\w*|queue_full|"
            r"server_busy|serveroverloaded|modelnotreadyexception|nocapacity\w*"
        ),
        words=pattern(
            r"no capacity|overloaded|high (?:demand|load|traffic)|out of capacity|"
            r"负载(?:已)?(?:饱和|过高)|no (?:available|healthy) (?:channel|server|instance)s?|"
            r"(?:engine|model|server|system) is (?:currently )?(?:busy|at capacity)|serverless gpu"
        ),
        unless=pattern(any_language(CONTENT).pattern, r"your rate limit|rate limit (?:reached|exceeded)"),
    ),
    Rule(
        id="throttled",
        failure_class=FailureClass.RATE_LIMITED,
        retryable=True,
        description="A throttle that says when or how often; it may speak of credit, quota or a payment "
        "method.",
        example=Example(
            "replicate_http",
            "Request was throttled. Your rate limit is reduced while you have less than $5.0 in "
            "credit. Resets in ~5s.",
        ),
        places=PROVIDER,
        unless=pattern(r"insufficient|exhausted balance|balance"),
        codes=pattern(
            r"rate_?limit\w*|too_?many_?requests\w*|throttl\w+|requests_limit\w*|ratelimit\w*|"
            r"\w*concurren\w*(?:limit|exceed)\w*|user_concurrency\w*"
        ),
        words=pattern(
            r"was throttled|throttlingexception|rate limit(?:s)? (?:resets?|reached|exceeded|for|"
            r"is)|quota will reset|retry_?delay|please (?:retry|try again) in ~?\d|perminute|"
            r"per[- ]minute|requests? ?(?:per|/) ?(?:min|sec|second|hour)",
            r"too many requests|请求过于频繁|リクエストが多すぎ",
        ),
    ),
    Rule(
        id="money_words",
        failure_class=FailureClass.BILLING,
        retryable=False,
        description="Words about missing money, credit, a plan or a spending limit.",
        example=Example("prediction", "There are no credits left on this account, purchase credits to go on"),
        places=PROVIDER,
        unless=pattern(
            r"resource has been exhausted \(e\.g\. check quota|(?:too many|"
            r"concurrent) (?:requests|generations)"
        ),
        words=any_language(BILLING),
    ),
]

REFUSALS = [
    Rule(
        id="refused_code",
        failure_class=FailureClass.CONTENT_POLICY,
        retryable=False,
        description="A machine code of a content filter, under whatever status.",
        example=Example("replicate_http", "", http_status=400, code="moderation_blocked"),
        places=PROVIDER,
        codes=pattern(
            r"\w*content_?policy\w*|\w*content_?filter\w*|\w*contentmoderation\w*|"
            r"content_moderation\w*|moderation_\w*(?:blocked|failed|rejected|violation)\w*|"
            r"moderation|(?:request|content)[ _]moderated|\S*sensitivecontent\S*|\w*nsfw\w*|"
            r"\w*prohibited_content|image_safety|safety|recitation|image_recitation|spii|"
            r"blocklist|\w*datainspection\S*|data_inspection_failed|responsibleaipolicyviolation|"
            r"\w*safety_(?:violation|block|error|filter|check|reject)\w*|\w*content_violation\w*|"
            r"image_other|\w*riskcontrol\w*|sensitive_\w+|\w*content_blocked|policy_violation|"
            r"invalid_prompt_content|copyright\w*|\w*illegal_content|\w*privacyinformation\S*|"
            r"\w*policyviolation\S*|image_generation_text_response"
        ),
    ),
    Rule(
        id="refused_words",
        failure_class=FailureClass.CONTENT_POLICY,
        retryable=False,
        description="Words of a refusal: a verdict on prompt, selfie or picture, not the mere topic of "
        "moderation.",
        example=Example(
            "prediction", "The generated output was flagged as potentially sensitive by the safety system."
        ),
        places=PROVIDER,
        unless=pattern(
            r"(?:moderation|safety|content[- ]filter\w*)(?: \w+){0,2} (?:service|api|endpoint|"
            r"server|backend|check)[^.]{0,30}(?:unavailable|timed out|timeout|error 5|unreachable|"
            r"could not be reached|down\b|did not respond)",
            r"account[^.]{0,20}(?:flagged|suspended|banned|deactivated|disabled)|"
            r"账[号户].{0,12}(?:封禁|禁用|停用|冻结)",
        ),
        words=any_language(CONTENT),
    ),
    Rule(
        id="refused_prompt",
        failure_class=FailureClass.CONTENT_POLICY,
        retryable=False,
        description="A finish reason that blocks the prompt, written in words.",
        example=Example("prediction", "Generation stopped: finishReason SAFETY"),
        places=PROVIDER,
        words=pattern(
            r"finish_?reason\W{1,4}(?:image_)?(?:safety|prohibited_content|recitation|spii)|"
            r"block_?reason\W{1,4}\w+|\bprompt (?:was )?blocked|(?:unsafe|risky|bad) prompt|"
            r"prohibited use"
        ),
    ),
]

KEYS = [
    Rule(
        id="model_gone",
        failure_class=FailureClass.MODEL_UNAVAILABLE,
        retryable=False,
        description="The model was retired or is not open to our account.",
        example=Example(
            "replicate_http",
            "The model `gpt-image-1` has been deprecated",
            http_status=404,
            code="model_not_found",
        ),
        places=PROVIDER,
        unless=pattern(r"no available|无可用|temporar|try again later"),
        codes=pattern(
            r"model_unavailable|model_not_found|model_deprecated|model_retired|"
            r"model_decommissioned"
        ),
        words=pattern(MODEL_GONE),
    ),
    Rule(
        id="limit_words",
        failure_class=FailureClass.RATE_LIMITED,
        retryable=True,
        description="Words of a request limit in any language, or Google's RESOURCE_EXHAUSTED.",
        example=Example("prediction", "429 Resource has been exhausted (e.g. check quota)."),
        places=PROVIDER,
        codes=pattern(
            r"resource_exhausted|quota_?exceeded\w*|limit_exceeded|requestlimitexceeded|"
            r"limitexceeded\w*|servicequotaexceeded\w*"
        ),
        exceptions=pattern(r"ratelimiterror|toomanyrequests\w*|throttl\w+|resourceexhausted"),
        words=any_language(RATE_LIMIT),
    ),
    Rule(
        id="limit_status",
        failure_class=FailureClass.RATE_LIMITED,
        retryable=True,
        description="Status 429 and nothing that says otherwise.",
        example=Example("replicate_http", "ReplicateError Details:\nstatus: 429", http_status=429),
        places=PROVIDER,
        statuses=(429,),
    ),
    Rule(
        id="money_status",
        failure_class=FailureClass.BILLING,
        retryable=False,
        description="Status 402.",
        example=Example("replicate_http", "", http_status=402),
        places=PROVIDER,
        statuses=(402,),
    ),
    Rule(
        id="key_status",
        failure_class=FailureClass.AUTH,
        retryable=False,
        description="Status 401.",
        example=Example("replicate_http", "", http_status=401),
        places=PROVIDER,
        statuses=(401,),
    ),
    Rule(
        id="answer_5xx",
        failure_class=FailureClass.PROVIDER_OUTAGE,
        retryable=True,
        description="Any 5xx of the provider or of the gateway before it, 504 included: it answered, and "
        "the answer is trouble.",
        example=Example("replicate_http", "<html><head><title>502 Bad Gateway</title></head></html>"),
        places=PROVIDER,
        statuses=(5,),
        unless=pattern(r"image file or mode|unsupported image|invalid api[- _]?key|incorrect api key"),
    ),
    Rule(
        id="key_words",
        failure_class=FailureClass.AUTH,
        retryable=False,
        description="Codes or words about a key, permission, verification, login or region.",
        example=Example("prediction", "Your organization must be verified to use the model"),
        places=PROVIDER,
        codes=pattern(
            r"invalid_api_key|api_key_\w+|unauthori[sz]ed\w*|unauthenticated|permission_denied|"
            r"access_?denied\w*|authentication_error|invalid_token|expired_?token|token_expired|"
            r"account_deactivated|unsupported_country\w*|invalid_authentication|auth_\w+|"
            r"authentication_failed|forbidden|permission_error|unrecognizedclientexception|"
            r"invalidsignatureexception|organization_\w+|no_permission|token_invalidated|"
            r"\w*invalidapikey"
        ),
        exceptions=pattern(
            r"authenticationerror|permissiondeniederror|permissionerror|unauthorized\w*|"
            r"forbidden\w*"
        ),
        words=any_language(AUTH),
        unless=pattern(
            r"could ?n[o']t (?:download|fetch)|(?:download|fetch)\w*(?: \w+){0,3} (?:image|file|"
            r"url)"
        ),
    ),
    Rule(
        id="key_403",
        failure_class=FailureClass.AUTH,
        retryable=False,
        description="Status 403 from the API itself.",
        example=Example("replicate_http", "", http_status=403),
        places=PROVIDER,
        statuses=(403,),
        unless=pattern(r"(?:download|fetch)\w*"),
    ),
]
