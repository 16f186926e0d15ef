"""Rules for our database and object store, where the place names the class and only the retry is open.

A database that says "password authentication failed" and an object store that says "slow down" are not the
provider's key or rate limit, so these come before every rule about words.
"""

from core.classification.phrasings import any_language
from core.classification.phrasings.trouble import NETWORK, TIMEOUT
from core.classification.rules.rule import PASSING_NETWORK, TRUST, Example, Rule, pattern
from core.classification.taxonomy import FailureClass

DATABASE = frozenset({"database"})

STORAGE = frozenset({"storage"})

# PostgreSQL documentation, Appendix A (error codes): 08 connection, 40 rollback, 53 resources (53100 is a
# full disk), 55P03 lock not available, 57014 canceled by a timeout, 57P01..05 shutdown, 25P03/25P04 timeouts.
PASSING_SQLSTATE = r"08\w{3}|40\w{3}|53[023]00|55p03|57014|57p0[1-5]|25p0[34]"

PASSING_SQL_ERRORS = (
    r"serializationfailure|deadlockdetected|locknotavailable|querycanceled(?:error)?|"
    r"adminshutdown|crashshutdown|cannotconnectnow"
    r"|toomanyconnections(?:error)?|idleintransactionsessiontimeout|transactiontimeout|"
    r"connectiontimeout|pooltimeout|timeouterror"
    r"|connectiondoesnotexist(?:error)?|connectionfailure|"
    r"sqlclientunabletoestablishsqlconnection|toomanyrequests|poolclosed"
    r"|statementcompletionunknown|transactionrollback|outofmemory|connectionreseterror|"
    r"connectionrefusederror|disconnectionerror"
)

LASTING_SQL = pattern(
    r"password authentication failed|no password supplied|fe_sendauth|no pg_hba|"
    r"ident authentication|peer authentication",
    r"(?:role|database|user) \S+ (?:does not exist|is not permitted)|permission denied|"
    r"uniqueviolation|duplicate key|violates",
    r"certificate verify failed|no space left|disk full|diskfull|syntax error|"
    r"undefined(?:table|column)|does not support ssl",
)

PASSING_SQL = pattern(
    r"psycopg\w*\.errors\.(?:" + PASSING_SQL_ERRORS + ")",
    r"server closed the connection|connection (?:\w+ ){0,3}(?:refused|reset|closed|failed|"
    r"lost|timed|timeout|terminated|not open|already closed|broken|is bad|attempt)",
    r"terminating connection|could not connect|unable to connect|could not translate host|"
    r"failed to resolve|name or service not known|name resolution",
    r"could not receive data|could not send data|ssl (?:connection|syscall|error)|"
    r"eof detected|no route to host|network is unreachable|broken pipe",
    r"tim(?:ed|e)[ -]?out|deadlock|could not serialize|could not obtain lock|lock timeout|"
    r"canceling statement|queuepool limit|couldn't get a connection",
    r"too many (?:clients|connections)|connection slots|starting up|shutting down|"
    r"in recovery mode|not yet accepting|consuming input failed|lost synchronization|"
    r"restart transaction",
)

# S3 API reference (error codes) and MinIO's additions (XMinio...).
PASSING_S3 = (
    r"slowdown\w*|serviceunavailable|internalerror|requesttimeout\w*|operationaborted|"
    r"throttling\w*|toomanyrequests|busy|requestthrottled\w*"
    r"|xminioserver\w*|xminiobackenddown|serverbusy|bandwidthlimitexceeded|"
    r"xminiooperationtimedout|50[0234]|requestlimitexceeded|xminio\w*quorum\w*|"
    r"incompletebody"
)

DATABASE_RULES = [
    Rule(
        id="database_passing_code",
        failure_class=FailureClass.DATABASE,
        retryable=True,
        description="The database names a condition that passes: lost connection, deadlock, "
        "serialization, no slot, shutdown.",
        example=Example("database", "deadlock detected", code="40P01"),
        places=DATABASE,
        unless=LASTING_SQL,
        codes=pattern(PASSING_SQLSTATE),
        exceptions=pattern(PASSING_SQL_ERRORS),
    ),
    Rule(
        id="database_lasting_code",
        failure_class=FailureClass.DATABASE,
        retryable=False,
        description="The database blames the statement or its values; what their text quotes does not "
        "matter.",
        example=Example("database", 'invalid input syntax for type uuid: "timeout"', code="22P02"),
        places=DATABASE,
        codes=pattern(r"(?:2[0-9abdf]|3[489bdf]|42|44)\w{3}"),
        exceptions=pattern(
            r"dataerror|integrityerror|programmingerror|notsupportederror|infailedsqltransaction|"
            r"readonlysqltransaction|insufficientprivilege",
            r"\w*violation|undefined\w+|duplicate\w+|invalid(?!request)\w+|ambiguous\w+|"
            r"syntaxerror\w*|pendingrollbackerror",
        ),
    ),
    Rule(
        id="database_passing_words",
        failure_class=FailureClass.DATABASE,
        retryable=True,
        description="The driver tells of a connection, lock or start-up problem, and of nothing that "
        "stays wrong.",
        example=Example(
            "database", "server closed the connection unexpectedly", exception="OperationalError"
        ),
        places=DATABASE,
        unless=pattern(LASTING_SQL.pattern, r"rolled back due to a previous exception"),
        words=PASSING_SQL,
    ),
    Rule(
        id="database_other",
        failure_class=FailureClass.DATABASE,
        retryable=False,
        description="Anything else in the database: a constraint, a wrong setting, a bug; the same "
        "statement fails again.",
        example=Example("database", "unknown protocol state", exception="OperationalError"),
        places=DATABASE,
    ),
]

STORAGE_RULES = [
    Rule(
        id="storage_trust",
        failure_class=FailureClass.STORAGE,
        retryable=False,
        description="The object store's certificate is not trusted, or the disk is full: a person has to "
        "act.",
        example=Example("storage", "SSL: CERTIFICATE_VERIFY_FAILED", exception="MaxRetryError"),
        places=STORAGE,
        codes=pattern(
            r"xminiostoragefull|insufficientstorage\w*|quotaexceeded|"
            r"xminioadminbucketquotaexceeded"
        ),
        words=pattern(
            TRUST,
            r"no space left|storage (?:backend )?(?:has )?(?:reached|full)|disk full|"
            r"quota exceeded",
        ),
    ),
    Rule(
        id="storage_passing_code",
        failure_class=FailureClass.STORAGE,
        retryable=True,
        description="The object store is busy, starting or unreachable by its own code, type or status.",
        example=Example("storage", "Please reduce your request rate.", http_status=503, code="SlowDown"),
        places=STORAGE,
        codes=pattern(PASSING_S3),
        exceptions=pattern(PASSING_NETWORK),
    ),
    Rule(
        id="storage_passing_status",
        failure_class=FailureClass.STORAGE,
        retryable=True,
        description="The object store or its proxy answers 5xx, 408 or 429.",
        example=Example(
            "storage", "non-XML response from server; Response code: 502", exception="InvalidResponseError"
        ),
        places=STORAGE,
        statuses=(5, 408, 425, 429),
    ),
    Rule(
        id="storage_passing_words",
        failure_class=FailureClass.STORAGE,
        retryable=True,
        description="The connection to the object store failed or timed out.",
        example=Example("storage", "[Errno 111] Connection refused", exception="OSError"),
        places=STORAGE,
        words=pattern(
            any_language(NETWORK).pattern,
            any_language(TIMEOUT).pattern,
            r"try again|reduce your request rate",
        ),
    ),
    Rule(
        id="storage_other",
        failure_class=FailureClass.STORAGE,
        retryable=False,
        description="Anything else in the object store: keys, clock, bucket, size; the same request "
        "fails again.",
        example=Example(
            "storage", "Access Denied", exception="S3Error", http_status=403, code="AccessDenied"
        ),
        places=STORAGE,
    ),
]
