# ruff: noqa: RUF001
"""Phrasings about our account at the provider: limits, money, keys, models."""

RATE_LIMIT = {
    "en": r"rate[- _]?limit|ratelimit|too ?many ?requests|throttl|request limit|"
    r"limit.{0,20}requests? per|\b(?:requests?|images?|calls|tokens) ?(?:per|"
    r"/) ?(?:minute|second|hour|day|min|sec)\b"
    r"|\b(?:rpm|tpm|ipm|qps|rpd|qpm|rps)\b.{0,20}(?:limit|exceed)|(?:limit|"
    r"exceed).{0,20}\b(?:rpm|tpm|ipm|qps|rpd|qpm|rps)\b"
    r"|concurren\w+ (?:\w+ ){0,2}(?:limit|exceeded|reached)|(?:maximum|max|limit|"
    r"too many)(?: \w+){0,4} (?:concurren|parallel|simultaneous)"
    r"|(?:limit|quota).{0,40}\bresets?\b|resource.{0,12}exhausted|resource_exhausted|"
    r"quota.{0,15}(?:exceeded|reached)|exceed\w*.{0,15}quota"
    r"|no (?:available|remaining) (?:\w+ )?quota|slow down|"
    r"requests? (?:are )?too (?:frequent|fast|quick|often)|too (?:frequent|fast)ly?\b|"
    r"sending requests too|cool ?down|usage limit|(?:daily|hourly|weekly|generation|"
    r"image) (?:\w+ )?limit (?:\w+ )?(?:reached|exceeded|hit)"
    r"|(?:reached|hit|exceeded) (?:your|the|our) (?:\w+ ){0,3}(?:rate|request|api|"
    r"concurren\w*|daily|hourly|image|generation)(?: \w+)? ?limit",
    "zh": r"频繁|頻繁|限流|限速|频率|速率|并发(?:数|量|请求|限制|超)|请求(?:数|次数|量)?(?:过多|"
    r"过快|超限|超过|太多)|请求過|請求過多|触发.{0,8}限制|次数.{0,8}(?:上限|用完|用尽|超)|"
    r"达到.{0,10}上限|访问量",
    "ja": r"レート制限|レートリミット|リクエスト(?:が|数|回数).{0,8}(?:多|超|上限)|頻度|(?:回数|"
    r"利用)制限|同時(?:実行|リクエスト)|上限に達",
    "ko": r"요청.{0,10}(?:너무|많|한도|초과)|속도 ?제한|요청 ?(?:제한|한도)|사용량 ?(?:제한|"
    r"한도)|호출 ?한도|할당량.{0,6}초과",
    "es_pt_it_fr": r"demasiadas (?:solicitudes|peticiones|llamadas)|límite de (?:solicitudes|peticiones|"
    r"velocidad|tasa|frecuencia)|muitas (?:solicitações|requisições|tentativas|chamadas)"
    r"|limite de (?:requisições|solicitações|taxa|débit|requêtes|chamadas)|"
    r"troppe richieste|limite di (?:richieste|frequenza|velocità)|trop de (?:requêtes|"
    r"demandes)",
    "de_nl": r"zu viele anfragen|anfragelimit|ratenlimit|ratenbegrenzung|anfragen pro|te veel verzoeken",
    "ru_uk": r"слишком (?:много|часты)\S* ?(?:запрос|обращен)|лимит\w* запрос|"
    r"превышен\w* .{0,20}(?:лимит|частот|запрос|скорост)|забагато запит|"
    r"занадто багато запит",
    "tr_pl": r"çok fazla istek|istek (?:sınır|limit)|hız sınır|zbyt wiele (?:żądań|zapytań|prób)|"
    r"limit (?:żądań|zapytań)",
    "vi_id": r"quá nhiều yêu cầu|giới hạn (?:tốc độ|tần suất|yêu cầu)|terlalu banyak permintaan|"
    r"batas (?:permintaan|laju|kecepatan)|طلبات كثيرة|حد(?:ود)? المعدل",
}

BILLING = {
    "en": r"insufficient[ _-]?(?:user[ _]?)?(?:account )?(?:credit|balance|fund|quota|token|"
    r"coin|point)|(?:credit|balance|quota|funds?|points?|"
    r"coins?)s? (?:\w+ ){0,3}(?:exhausted|depleted|insufficient|too low|not (?:enough|"
    r"sufficient)|used up|negative|run out|ran out|has expired)"
    r"|exhausted (?:your )?(?:balance|credits?|funds)|(?:not|"
    r"n't)(?: have)?(?: any)?(?: enough| sufficient)(?: \w+){0,2} (?:credit|balance|"
    r"funds?|quota|points?|tokens to|coins?)"
    r"|(?:out of|\bno(?: more| remaining| available)?|\b0|zero) (?:credits?\b|funds)|"
    r"need (?:more )?credits|exceeded your current quota|billing|billed users|"
    r"payment (?:is )?(?:required|method|failed|overdue|issue|needed)"
    r"|payment_required|top[- ]?up|\brecharge|(?:purchase|buy|add)(?: more|"
    r" some)? (?:credits?|tokens|funds|balance)|spend(?:ing)?[ _-]?(?:limit|cap)|"
    r"hard[ _]limit|(?:unpaid|past[- ]due|overdue) (?:invoice|bill|balance)"
    r"|upgrade (?:your|to a|the) (?:\w+ )?(?:plan|account|paid|subscription)|(?:paid|"
    r"active) (?:plan|subscription|tier) (?:is )?(?:required|needed)|(?:only|"
    r"not) (?:available|included)[^.]{0,20}(?:paid|plan)|"
    r"subscription (?:\w+ ){0,3}(?:expired|inactive|not active|cancell?ed|required|ended|"
    r"lapsed)"
    r"|free (?:trial|tier|time|quota|credits?|usage|allocat\w*)[^.]{0,30}(?:limit|expired|"
    r"exhausted|ended|used|exceeded|over)|free ?allocated ?quota|"
    r"allocated ?quota ?exceeded|arrear|credit limit|budget[^.]{0,30}exceed|"
    r"exceed\w*[^.]{0,20}budget"
    r"|(?:monthly|account|usage|credit|cost) (?:budget|quota|spend\w*|"
    r"credits?)[^.]{0,20}(?:exceed|reach|exhaust)|account balance|prepaid|prepayment|"
    r"quota is not enough|delinquent|card (?:was )?declined",
    "zh": r"余额|餘額|欠费|欠費|充值|额度.{0,6}(?:不足|已?用|耗|超)|額度不足|(?:积分|点数|金币|"
    r"点券|算力点)不足|费用不足|配额.{0,4}(?:不足|用尽|耗尽|已用完)|账户.{0,6}不足|预扣费|"
    r"套餐.{0,8}(?:到期|过期|用完|不足)|余量不足",
    "ja": r"残高|クレジット.{0,10}(?:不足|なくな|足り|切れ|ありません)|課金|支払|お支払い|"
    r"ご請求|請求(?:書|額|情報|先)",
    "ko": r"잔액|크레딧.{0,8}(?:부족|소진|없)|결제|충전|요금제|청구",
    "es_pt_it_fr": r"\bsaldo\b|solde\b.{0,20}(?:insuffisant|épuis)|cr[ée]dits? (?:insu|épuis|agotad|"
    r"esgotad|restant)|créditos? (?:insu|agotad|esgotad)|sin (?:saldo|créditos)|"
    r"credit[oi] (?:insuff|esaurit)|facturaci|facturation|faturamento|fatturazione|"
    r"cobrança|método de pag|moyen de paiement|metodo di pagamento|pago (?:requerid|"
    r"pendiente)|paiement (?:requis|refus)|recharge[rz]|cuota.{0,15}facturaci",
    "de_nl": r"guthaben|abrechnung|zahlung|kontostand|kontingent.{0,15}(?:aufgebraucht|erschöpft)|"
    r"onvoldoende (?:saldo|tegoed)|tegoed",
    "ru_uk": r"баланс|недостаточно (?:средств|кредит|денег)|средств.{0,12}(?:недостаточно|законч)|"
    r"кредит\w* .{0,12}(?:законч|исчерп)|оплат|плат[её]ж|биллинг|пополн|недостатньо кошт",
    "tr_pl": r"bakiye|yetersiz (?:kredi|bakiye)|kredi(?:niz)? (?:yetersiz|bit|tüken)|ödeme|fatura|"
    r"niewystarczając\w* (?:środk|saldo|kredyt)|brak środków|płatno",
    "vi_id": r"số dư|không đủ (?:tín dụng|số dư|tiền|credit)|thanh toán|nạp (?:tiền|thêm)|"
    r"kredit (?:tidak|habis)|pembayaran|tagihan|الرصيد|رصيد|शेष राशि",
}

AUTH = {
    "en": r"api_key client option|unauthori[sz]ed|unauthenticated|not authenticated|(?:invalid|"
    r"incorrect|wrong|missing|expired|revoked|bad|malformed|disabled|\bno valid|"
    r"\bno)(?: or \w+)?(?: \w+){0,2} (?:api[- _]?keys?|api[- _]?tokens?|access (?:key|"
    r"token)|auth\w* (?:token|key|header|credential)|bearer|credentials?|authorization|"
    r"x-api-key|secret key|authentication)\b|(?:invalid|expired|incorrect|missing) (?:jwt|"
    r"token)\b"
    r"|api[- _]?(?:key|token)s?\b[^.]{0,30}(?:invalid|incorrect|expired|revoked|missing|"
    r"not (?:found|valid|provided|set|configured|exist|active)|disabled|required|deleted|"
    r"leaked|inactive|wrong|suspended|blocked)|authenticat\w+ (?:failed|failure|error|"
    r"is required|required|fails|token|credentials|problem)"
    r"|auth(?:orization)? (?:failed|failure|error|header|is required|required)|"
    r"permission[ _]?denied|access (?:was |is )?(?:denied|forbidden)|\bforbidden\b|"
    r"not authori[sz]ed|(?:does not|do not|doesn't|don't|did not|"
    r"not) have (?:\w+ ){0,2}(?:permission|access|the scope)|not permitted|"
    r"insufficient (?:permission|scope|privilege)|lacks? (?:\w+ )?(?:permission|access|"
    r"scope)"
    r"|must be verified|verify (?:your )?organi[sz]ation|"
    r"organi[sz]ation[^.]{0,40}(?:verif|disabled|deactivated|not found|restricted)|"
    r"account[^.]{0,25}(?:deactivated|disabled|suspended|banned|terminated|not active|"
    r"restricted|has been blocked)|unsupported_country|(?:country|region|territory|"
    r"location)[^.]{0,40}(?:not supported|unsupported|not available|not allowed)|"
    r"(?:not supported|not available|unavailable) in your (?:country|region)"
    r"|(?:login|log in|sign in|authentication) (?:is )?(?:required|again|first)|"
    r"please (?:log|sign) in|(?:must|need to) be (?:logged|signed) in|not logged in|"
    r"session (?:has )?expired|token (?:has |is |"
    r"was )?(?:been )?(?:expired|revoked|invalid|invalidated)|"
    r"could not validate credentials|(?:valid|pass an) authentication|default credentials|"
    r"\bip\b[^.]{0,30}(?:not allowed|whitelist|allowlist|not authorized)|"
    r"invalid ?api ?key|signature (?:does not match|mismatch|verification failed|invalid)",
    "zh": r"无效的?(?:令牌|密钥|凭证|api)|令牌.{0,10}(?:无效|过期|失效|错误|不存在|禁用|状态)|"
    r"密钥.{0,10}(?:无效|错误|过期|失效|不正确|不存在)|未授权|未認證|未认证|(?:认证|鉴权|"
    r"身份验证|授权|验证)(?:失败|错误|不通过|过期)|鉴权|无权|(?:没有|無|缺少)权限|"
    r"权限不足|没有.{0,10}(?:访问|使用).{0,10}权限|未登录|请先?登录|登录.{0,6}(?:失效|"
    r"过期)|(?:账号|账户|帐号).{0,10}(?:封禁|禁用|停用|冻结|被封)|api ?key.{0,10}(?:无效|"
    r"错误|过期|不正确|缺失)|拒绝访问|禁止访问",
    "ja": r"認証|api ?キー.{0,10}(?:無効|正しく|間違|期限|設定され)|権限(?:が|が?あり)|"
    r"アクセス(?:が)?(?:拒否|権|許可)|ログインし|トークン.{0,8}(?:無効|期限)|"
    r"許可されていません",
    "ko": r"인증|권한|api ?키.{0,10}(?:유효|잘못|만료|올바르)|로그인|접근.{0,6}거부|"
    r"토큰.{0,8}(?:만료|유효)",
    "es_pt_it_fr": r"clés? (?:d')?api|non autorisé|authentification|accès (?:refusé|interdit)|"
    r"jeton.{0,20}(?:invalide|expiré)|clave (?:de (?:la )?)?api|no autorizad|"
    r"autenticación|acceso (?:denegado|prohibido)|token (?:no válido|inválido|caducado|"
    r"expirado|non valido|scaduto)|chave (?:de |da )?api|não autorizad|autenticação|"
    r"acesso (?:negado|proibido)|sem permissão|(?:no tiene|não tem|sin) permis|"
    r"chiave (?:api|di accesso)|non autorizzat|autenticazione|accesso negato",
    "de_nl": r"api-?schlüssel|nicht autorisiert|authentifizierung|authentisierung|"
    r"zugriff (?:verweigert|verboten)|(?:keine|fehlende) berechtigung|"
    r"anmeldung (?:erforderlich|fehl)|nicht berechtigt|niet geautoriseerd|"
    r"toegang geweigerd|ungültige[rs]? (?:token|zugangs)",
    "ru_uk": r"api[- ]?ключ|ключ\w* api|(?:неверн|недействит|недопустим)\w* (?:ключ|токен)|"
    r"не ?авториз|ошибка авторизац|аутентифик|доступ\w* (?:запрещ|отказ|закрыт)|"
    r"отказано в доступе|нет (?:прав|доступа)|срок действия токена|невірний ключ|"
    r"доступ заборон",
    "tr_pl": r"yetkisiz|api anahtar|kimlik doğrulama|erişim (?:reddedildi|engellendi)|yetkiniz yok|"
    r"klucz\w* api|nieautoryzowan|uwierzytelni|brak (?:dostępu|uprawnień)|odmowa dostępu",
    "vi_id": r"khóa api|không (?:được phép|có quyền)|xác thực|từ chối truy cập|kunci api|"
    r"tidak (?:sah|diizinkan|berwenang)|autentikasi|otentikasi|akses ditolak|غير مصرح|"
    r"مفتاح api|अनधिकृत",
}

MODEL_GONE = (
    r"model\b[^.]{0,60}(?:has been|is|was|have been|been) (?:\w+ )?(?:deprecated|retired|"
    r"shut ?down|decommissioned|sunset|discontinued|removed|turned off)"
    r"|(?:retired|decommissioned|discontinued) model|model[^.]{0,40}no longer (?:available|offered|exists)"
    r"|the model [^.]{0,60}does not exist or you do not have access"
)
