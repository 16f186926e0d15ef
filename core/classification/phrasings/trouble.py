# ruff: noqa: RUF001
"""Phrasings of trouble: no answer in time, canceled, provider down, connection broken."""

TIMEOUT = {
    "en": r"tim(?:ed|ing)[ -]?out|time[- ]?out\b|timeout(?:error|exception)|"
    r"deadline[ _]?(?:has )?(?:been )?(?:exceeded|expired|passed)|took too long|(?:wait|"
    r"waiting|execution|processing|queue|running|inference|run) time (?:was )?exceeded|"
    r"taking too long|etimedout|esockettimedout|(?:exceeded|maximum|"
    r"over)(?: \w+){0,3} (?:wait(?:ing)?|execution|running|processing) time|"
    r"did not (?:finish|complete|respond)[^.]{0,20} (?:within|in time|after \d)|"
    r"no (?:\w+ )?(?:response|respond\w*) (?:\w+ )?(?:within|in|after) \d",
    "cjk": r"超时|逾時|超時|タイムアウト|時間切れ|시간.{0,6}초과|타임아웃",
    "es_pt_it_fr": r"délai.{0,24}(?:dépassé|expiré|écoulé)|temps d'attente|tiempo de espera|"
    r"se agotó el tiempo|tiempo límite|tempo (?:limite|esgotado|scaduto|di attesa|"
    r"de espera)|timeout",
    "other": r"zeitüberschreitung|zeitlimit|time-?out|тайм-?аут|время ожидания|превышено время|"
    r"врем\w+ .{0,12}истекло|час очікування|zaman aşım|süre(?:si)? (?:doldu|aşıldı)|"
    r"przekroczono (?:limit )?czas|hết (?:thời gian|hạn)|quá thời gian|waktu (?:habis|"
    r"tunggu)|انتهت (?:المهلة|مهلة)|समय समाप्त",
}

CANCELED = {
    "en": r"\bcancell?ed\b|cancellation\b|\bcancell?ederror|(?:aborted|interrupted|"
    r"stopped) by (?:the )?(?:user|client|caller|operator)|user (?:has )?(?:aborted|"
    r"stopped)|operation was aborted",
    "cjk": r"(?:已|被|用户|任务)取消|取消了|キャンセルされ|キャンセルしま|中止されま|취소되|취소됨|취소했",
    "other": r"\bannulée?s?\b|cancelad[oa]|annullat[oa]|abgebrochen|storniert|отмен[её]н|скасован|"
    r"iptal edil|bị h[ủu][ỷy]|đã h[ủu][ỷy]|dibatalkan|anulowan|geannuleerd|تم إلغاء|रद्द",
}

OUTAGE = {
    "en": r"server had an error|(?:internal|unexpected)?[ _-]?server[ _-]error|"
    r"internal[ _](?:error|failure)|internalerror|(?:service|server|model|system|endpoint|"
    r"api|host|upstream|backend)s?(?: \w+){0,3} (?:unavailable|overloaded|busy|down\b|"
    r"not available|degraded|crashed)|temporar\w+ (?:unavailable|overloaded|disabled|down|"
    r"unable|error|issue|failure)|serviceunavailable|overload"
    r"|(?:high|heavy|peak|increased|too much) (?:demand|load|traffic|volume)|(?:currently|"
    r"too|very|is|server|system|model) busy|(?:at|no|out of|insufficient|over|limited|"
    r"lack of) capacity|capacity (?:is )?(?:exceeded|constraint|error|exhausted|reached|"
    r"unavailable)|bad gateway|gateway (?:error|time)|\bcuda\b|out of memory|outofmemory|"
    r"no space left|disk full|\boom\b|\boomkilled|\bgpus?\b[^.]{0,30}(?:unavailable|error|"
    r"not|lost|no )"
    r"|try again (?:later|in (?:a|an|some|few|\d)|shortly|soon|after)|(?:please|"
    r"can) (?:try again|retry)|retry (?:later|your request|the request|again)|"
    r"upstream (?:error|request|connect|service|unavailable|returned|server|fail\w*|"
    r"provider|did not|prematurely|api)|no (?:available|healthy|active|idle|free|"
    r"valid)(?: [\w-]+){0,3} (?:channel|account|server|instance|worker|upstream|backend|"
    r"provider|gpu|machine|endpoint|replica|node|key)s?\b"
    r"|prediction (?:was )?interrupted|interrupted; please|health ?check|failed to start|"
    r"(?:error|failed|timeout) starting|unknown error handling|(?:under|scheduled|ongoing|"
    r"for) maintenance|experiencing (?:\w+ )?(?:issues|problems|high|heavy|difficult|load|"
    r"errors)|technical (?:difficult|issue|problem|error|support)|stream disconnected|"
    r"prematurely|backend (?:error|failed|failure|unavailable)|(?:setup|startup|boot|"
    r"start-up) (?:failed|error|timed)|model (?:is )?(?:still )?(?:loading|starting|"
    r"warming|not ready|initiali)"
    r"|queue (?:is )?full|queue_full|worker (?:\w+ )?(?:died|crashed|lost|exited|killed|"
    r"terminated|unavailable)|process (?:died|killed|crashed|exited)|sigkill|"
    r"exited (?:unexpectedly|with)|(?:stopped|not) responding|unresponsive|cudnn|nccl|"
    r"error on our (?:end|side)|(?:wrong|error|problem|issue)[^.]{0,20} on our (?:end|"
    r"side)|an error occurred while processing your request|downstream_service|"
    r"all (?:\w+ ){0,2}(?:channels|providers|servers|accounts|workers|keys|"
    r"backends) (?:\w+ )?(?:failed|exhausted|busy|unavailable|are down)|origin (?:is |"
    r"dns |web server|error)|web server is (?:down|returning)|ssl handshake failed",
    "zh": r"(?:服务|服務|服务器|伺服器|系统|系統|模型|上游|负载|当前|官方|通道|渠道|"
    r"节点).{0,14}(?:繁忙|忙碌|过忙|不可用|过载|過載|过高|饱和|异常|内部错误|故障|维护|"
    r"超载|无响应|暂停)|服务器?(?:内部)?(?:错误|出错)|(?:稍后|稍後|稍候).{0,4}(?:重试|"
    r"再试|重試|再試|尝试)|请(?:重新|重试|再试)|内部(?:错误|异常|服务)|(?:没有|无|"
    r"暂无).{0,4}可用.{0,8}(?:渠道|账号|账户|节点|通道|服务|资源|令牌|实例)?|网关(?:错误|"
    r"超时)|排队.{0,6}(?:已满|过多|人数)|上游.{0,6}(?:错误|异常|失败|不可用|超载|报错)|"
    r"资源不足|算力|高峰",
    "ja": r"サーバー?.{0,12}(?:エラー|混雑|過負荷|ダウン|利用できま|応答)|一時的(?:に|な)|混雑|"
    r"過負荷|高負荷|メンテナンス|(?:後|あと|のち)(?:ほど|で).{0,8}(?:もう一度|再度|再試行|"
    r"お試し)|しばらく|内部エラー|時間をおいて|サービス.{0,6}(?:利用でき|停止)|再試行して",
    "ko": r"서버.{0,12}(?:오류|과부하|문제|에러|응답|다운)|일시적|내부 ?(?:서버 ?)?(?:오류|"
    r"에러)|잠시 ?후|나중에 ?다시|서비스.{0,6}(?:사용할 수 없|이용할 수 없|불가)|점검|"
    r"과부하|혼잡|다시 ?시도",
    "es_pt_it_fr": r"(?:serv\S*|modelo|modello|modèle|sistema|système)\b.{0,30}(?:indispon|"
    r"no (?:está )?disponib|non disponib|não (?:está )?disponí|surcharg|sobrecarg|"
    r"sovraccar|ocupad|occup|saturad)|err\w+ intern|err\w+ (?:interno )?(?:du |del |do |"
    r"no )?(?:serveur|servidor|server)|réessay|inténte?a?lo|intentar?lo|"
    r"intente (?:de nuevo|nuevamente|más)|vuelv\w+ a intentar|tente (?:novamente|"
    r"mais tarde)|riprova|maintenance|mantenimiento|manutenção|manutenzione|"
    r"temporairement|temporalmente|temporariamente|temporaneamente",
    "de_nl": r"(?:dienst|server|service|modell|system)\b.{0,30}(?:nicht (?:verfügbar|erreichbar)|"
    r"überlastet|ausgelastet|beschäftigt)|interner (?:server)?fehler|serverfehler|"
    r"versuchen sie.{0,20}(?:erneut|später|nochmal|noch einmal)|später (?:erneut|noch)|"
    r"vorübergehend|wartung(?:sarbeiten)?\b|probeer het later|interne fout|overbelast",
    "ru_uk": r"(?:сервис|сервер|служб|модел|систем)\S*.{0,30}(?:недоступ|перегруж|занят|не отвеча|"
    r"не работа)|внутренн\S+ ошибк|ошибк\w+ сервера|(?:повторите|попробуйте|"
    r"повторить).{0,24}(?:попытк|запрос|позже|позднее|снова|ещ[её]|через)|"
    r"техническ\S+ (?:работ|обслуж|неполад)|временн\w+ (?:недоступ|ошиб|неполад|проблем|"
    r"перегруз)|внутрішн\S+ помилк|спробуйте",
    "tr_pl": r"sunucu (?:hata|meşgul|aşırı)|geçici olarak|(?:daha )?sonra tekrar|aşırı yük|"
    r"hizmet.{0,10}kullanılam|dahili (?:sunucu )?hata|bakım|(?:serwer|usług|"
    r"model)\S*.{0,20}(?:niedostępn|przeciążon|zajęt)|wewnętrzny błąd|błąd (?:serwera|"
    r"wewnętrzny)|spróbuj ponownie",
    "vi_id": r"(?:máy chủ|dịch vụ|hệ thống).{0,20}(?:lỗi|bận|quá tải|không khả dụng|bảo trì)|"
    r"lỗi (?:máy chủ|nội bộ|hệ thống)|thử lại (?:sau|trong)|vui lòng thử lại|(?:server|"
    r"layanan|sistem|peladen)\b.{0,20}(?:sibuk|tidak tersedia|kelebihan|penuh)|"
    r"kesalahan (?:server|internal)|coba lagi|خطأ (?:داخلي|في الخادم)|الخدمة غير متاحة|"
    r"يرجى المحاولة|सर्वर|बाद में पुन",
}

NETWORK = {
    "en": r"connection (?:refused|reset|aborted|closed|error|broken|lost|terminated|"
    r"attempts failed|failed|was (?:closed|reset|forcibly|lost)|dropped|pool)|"
    r"connect(?:ion)?(?: to [^ ]{0,60})? (?:failed|refused)|(?:cannot|could not|couldn't|"
    r"can't|failed to|unable to) (?:connect|reach|establish)|\becon\w+|\benotfound|"
    r"eai_again|ehostunreach|enetunreach|\bepipe\b|name or service not known|"
    r"name resolution|resolve host|no such host|\beof\b|\bhttp/?2 |stream error|goaway|"
    r"getaddrinfo|nodename nor servname|no address associated|\bdns\b|network (?:error|"
    r"is unreachable|unreachable|request failed|connection|failure|issue)|network_error"
    r"|unreachable|fetch failed|failed to fetch|socket hang up|server disconnected|"
    r"remote (?:end closed|disconnected|host closed)|max retries exceeded|"
    r"newconnectionerror|broken pipe|incomplete ?(?:read|chunked)|peer closed|"
    r"error sending request|\bproxy ?error|tunnel connection|unexpected eof|eof occurred|"
    r"\bssl\b|\btls\b|certificate|handshake|no route to host|connecterror|readerror|"
    r"writeerror|remoteprotocolerror|connectionerror|do request failed|"
    r"\berr_(?:connection|network|name|internet)\w*|clientconnector\w*|"
    r"serverdisconnected\w*",
    "cjk": r"网络(?:错误|异常|连接|请求失败|不稳定|故障)|網路(?:錯誤|連線)|连接(?:失败|被|中断|"
    r"重置|错误|断开)|無法連接|无法连接|域名解析|ネットワーク|接続(?:できま|に失敗|エラー|"
    r"が(?:切|拒|失))|네트워크|연결.{0,10}(?:실패|끊|거부|할 수 없|오류)",
    "es_pt_it_fr": r"(?:erreur|error|erro|errore) (?:de |di )?(?:réseau|red|rede|connexion|conexión|"
    r"conexão|connessione)|connexion (?:refusée|perdue|impossible|interrompue|au|échou)|"
    r"conexión (?:rechazada|perdida|cerrada|fallida|interrumpida)|conexão (?:recusada|"
    r"perdida|fechada|falhou)|connessione (?:rifiutata|persa|chiusa|fallita|interrotta)|"
    r"impossible de se connecter|no se pudo conectar|não foi possível conectar|"
    r"impossibile connettersi",
    "other": r"netzwerkfehler|netzwerk\b.{0,20}(?:nicht|fehler)|"
    r"verbindung\w*.{0,24}(?:fehlgeschlagen|abgelehnt|getrennt|unterbrochen|verweigert|"
    r"fehler|verloren|nicht)|netwerkfout|verbinding|сетев\w+ ошиб|ошибк\w+ (?:сети|"
    r"соединени|подключени)|соединени\w*.{0,20}(?:разорв|прерв|закры|сброш|отклон|"
    r"не удалось)|не удалось (?:подключ|соедин|установить соед)|ağ hatası|"
    r"bağlantı.{0,14}(?:hata|kesil|redded|kurulam)|lỗi (?:mạng|kết nối)|không thể kết nối|"
    r"kesalahan jaringan|koneksi (?:terputus|gagal|ditolak)|błąd (?:sieci|połączenia)|"
    r"połączeni\w*.{0,14}(?:odrzuc|przerw|utrac)",
}
