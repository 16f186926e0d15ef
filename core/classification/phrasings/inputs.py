# ruff: noqa: RUF001
"""Phrasings that blame the picture or the parameters."""

IMAGE_EN = (
    r"(?:images?|pictures?|photos?|selfies?|masks?|jpe?gs?|pngs?|webps?|hei[cf]|avif)"
    r"(?![ _-]?(?:generat|edit|variation|request|model|task|creation|service|api|"
    r"processing service|size\b))"
)

INVALID_IMAGE = {
    "en": rf"(?:invalid|unsupported|corrupt\w*|unreadable|malformed|broken|damaged|truncated|"
    rf"undecodable|empty|not a valid|unrecogni[sz]ed|unknown)(?: \w+){{0,2}} (?:{IMAGE_EN}|"
    rf"mime ?type|media type|file type|file format|base64)"
    rf"|{IMAGE_EN}\b[^.]{{0,60}}(?:(?:is|are|was|appears to be|seems to be|must be|"
    rf"looks) (?:not valid|rgb\b|smaller|less than|under \d|not a valid|invalid|"
    rf"not supported|corrupt\w*|too (?:large|small|big|dark|blurry)|unsupported|truncated|"
    rf"empty|blank|unreadable|damaged|missing|broken)|too (?:large|small|big)|(?:could not|"
    rf"couldn't|can't|cannot|failed to) be (?:decoded|read|processed|opened|loaded|"
    rf"identified|parsed|downloaded|fetched|found)|\bformat\b|mime|dimensions|resolution|"
    rf"megapixel|pixels|exceeds|corrupt|decod|\b\d+ ?(?:mb|kb|mib)\b|aspect ratio\b)"
    rf"|cannot identify image|(?:failed|unable|could not|couldn't|cannot|can't|error|"
    rf"unsuccessful)(?: to)?(?: in| while| when)? (?:decod\w*|read\w*|open\w*|load\w*|"
    rf"identify\w*|pars\w*|fetch\w*|download\w*|access\w*|convert\w*|retriev\w*|"
    rf"process\w*)(?: \w+){{0,4}} {IMAGE_EN}"
    r"|no (?:\w+ )?faces?\b|face (?:was |is )?(?:not|n't) (?:be )?(?:detect|found|"
    r"visible)|(?:could not|couldn't|cannot|can't|unable to|failed to) (?:find|detect|"
    r"locate)(?: \w+){0,2} faces?|(?:more than one|multiple|too many) faces?|no person|"
    r"unsupported (?:mime ?type|media type|file)|mimetype|decompression bomb|"
    r"incorrect padding|only base64 data|invalid base64|base64[^.]{0,20}(?:invalid|decode|"
    r"malformed)"
    r"|opencv.{0,200}(?:\.empty\(\)|assertion failed)|\bexif\b|\bicc profile|color ?mode|"
    r"colour mode|image file|error while downloading (?:file|image|the)|"
    r"file (?:size )?(?:is )?too large|file (?:size )?(?:exceeds|must be less)|"
    r"files must be less than|(?:image|file) (?:size|dimensions?)[^.]{0,15}(?:exceed|too|"
    r"must be (?:at|less|between))",
    "zh": r"(?:图片|图像|照片|圖片|圖像|图)(?!片?像?生成|生|片生).{0,14}(?:格式|损坏|無法|无法|"
    r"过大|太大|过小|太小|尺寸|分辨率|无效|不支持|解析失败|识别失败|读取失败|下载失败|"
    r"模糊|为空|像素)|(?:无效|不支持|损坏|无法(?:读取|识别|解析|解码|下载|处理|打开)|解析|"
    r"下载).{0,8}(?:图片|图像|照片)(?!生成)(?:格式|文件|失败|数据)?|(?:人脸|"
    r"面部).{0,10}(?:未|检测|识别|没有)|未(?:检测|识别)到.{0,6}(?:人脸|面部|人物)|"
    r"没有检测到.{0,4}脸",
    "ja": r"(?:画像|写真)(?!生成|の生成|を生成).{0,16}(?:形式|破損|読み込|読めま|無効|"
    r"サポートされ|対応してい|大きすぎ|小さすぎ|デコード|認識でき|解像度|壊れ|処理できま)|"
    r"顔.{0,10}(?:検出|認識)",
    "ko": r"(?:이미지|사진)(?! ?생성).{0,16}(?:형식|손상|유효하지|지원|크기|읽을|해상도|디코|"
    r"열 수|너무)|얼굴.{0,10}(?:감지|인식|찾|검출)",
    "es_pt_it_fr": r"(?:image|photo|imagen|foto|imagem|immagine|archivo|arquivo|"
    r"fichier)\b(?! generat).{0,30}(?:invalide|non valid|no válid|inválid|corrompu|"
    r"corrupt|corromp|corrott|illisible|ilegible|dañad|danificad|non pris|no soportad|"
    r"não suportad|non supportat|no (?:es )?compatible|trop (?:grand|volumin|petit|lourd)|"
    r"demasiado (?:grand|peque)|muito (?:grand|peque)|troppo (?:grand|piccol)|"
    r"no se (?:pudo|puede)|não (?:pôde|pode)|impossibile)|format\w* (?:d'|de (?:la |l')?|"
    r"di |dell')?(?:imag|immag|foto)|aucun visage|nessun volto|nenhum rosto|"
    r"no se (?:detectó|encontró|detecta).{0,14}(?:rostro|cara)|impossible de (?:lire|"
    r"décoder|charger).{0,12}(?:image|photo)",
    "de_nl": r"(?:bild|foto|bilddatei|datei|afbeelding)\b.{0,30}(?:ungültig|beschädigt|"
    r"nicht (?:unterstützt|lesbar|gelesen|geöffnet|verarbeitet|erkannt|geladen)|"
    r"zu (?:groß|klein)|ongeldig|beschadigd)|bildformat|ungültiges bild|kein gesicht|"
    r"gesicht.{0,12}nicht",
    "ru_uk": r"(?:изображени|фото|файл|картинк|снимк)\S*(?! генер).{0,30}(?:поврежд|недопустим|"
    r"неверн|не поддерж|слишком (?:больш|мал|вел)|формат|прочит|распозн|загруз|некоррект)|"
    r"(?:неподдерживаем|неверн|недопустим)\w* формат|(?:прочит|распозн|откры|декодир|"
    r"загруз)\w+ (?:изображ|фото|картинк|файл)|лиц\w .{0,14}не (?:найд|обнаруж)|"
    r"не (?:найд|обнаруж)\w+ лиц",
    "tr_pl": r"(?:görüntü|resim|görsel|fotoğraf|dosya)\S*.{0,24}(?:geçersiz|bozuk|desteklenm|"
    r"okunam|büyük|küçük|biçim|format)|desteklenmeyen (?:görüntü|resim|dosya)|"
    r"yüz (?:bulunam|algılan)|(?:obraz|zdjęci|plik)\S*.{0,24}(?:nieprawidłow|uszkodz|"
    r"nieobsług|zbyt (?:duż|mał)|format)|nieobsługiwany format",
    "vi_id": r"(?:hình ảnh|ảnh|tệp)\b(?! được tạo).{0,24}(?:không hợp lệ|hỏng|"
    r"không (?:được )?hỗ trợ|quá (?:lớn|nhỏ)|định dạng)|không.{0,14}khuôn mặt|(?:gambar|"
    r"foto|berkas)\b.{0,24}(?:tidak valid|rusak|tidak didukung|terlalu (?:besar|kecil)|"
    r"format)|wajah tidak",
}

INVALID_INPUT = {
    "en": r"validation (?:error|failed)|validationerror|(?:is|are) (?:a )?required|"
    r"missing (?:required|mandatory|parameter|field|the)\b(?! positional)|"
    r"required (?:parameter|field|property|argument|positional)|unknown (?:parameter|"
    r"argument|field|name)|unrecognized (?:request )?(?:argument|parameter|field)"
    r"|invalid(?: \w+){0,2} (?:values?|parameters?|params?|arguments?|sizes?|aspect|"
    r"inputs?|requests?|prompts?|type|fields?|json|references?|versions?|payload|body|"
    r"options?|url|schema|model|format|dimension|seed|quality|ratio|resolution)\b|"
    r"unsupported (?:parameter|value|size|model|aspect|quality|output|operation|"
    r"resolution)"
    r"|must be (?:one of|less|greater|between|at (?:least|most)|an? |multiple|divisible|"
    r"either|length|in the range|string|non-empty|provided|specified|set|\d|>|<|smaller|"
    r"larger|equal)|must (?:have|not be|contain|provide|specify|include)|"
    r"should be (?:one of|less|greater|between|an? |'|\d)|too long|too many (?:images|"
    r"inputs|characters|tokens)|(?:reduce|shorten) (?:your|the) prompt"
    r"|maximum (?:context|length|prompt|of \d|number|allowed)|exceeds[^.]{0,30}(?:length|"
    r"characters|tokens|limit of|maximum|max\b)|(?:longer|more|larger|fewer|shorter|"
    r"greater|less) than (?:or equal|the|\d|max|allowed)|not a valid|not (?:one of|"
    r"an allowed)|not supported|not support\b|(?:does not|doesn't|do not|"
    r"don't) (?:support|accept|allow)|isn't supported|unsupported|additional propert|"
    r"extra (?:inputs|fields)|expected (?:format|one of|an? )"
    r"|could not be found|does not exist|no such (?:model|version|prediction)|not found|"
    r"content-type|multipart|malformed|out of (?:the )?(?:\w+ )?range|(?:must|can|may|"
    r"should)(?: ?not)? exceed|bad request|input should be|"
    r"field required|none is not|cannot be (?:empty|blank|null|combined|used)|"
    r"can't be (?:empty|blank|null|used)|is empty|not allowed (?:here|for|with|when|"
    r"to be)|incompatible|mutually exclusive|failed to (?:parse|"
    r"deserialize)(?: \w+){0,3} (?:body|json|request|input)|unexpected value|"
    r"invalid reference|cannot parse|no (?:prompt|image|input)s? (?:was |"
    r"were )?(?:provided|given|specified|supplied)",
    "zh": r"参数.{0,12}(?:错误|无效|不合法|不正确|缺失|不支持|异常|校验|有误|非法)|(?:无效|非法|"
    r"错误)的?(?:参数|请求|尺寸|模型|值)|(?:提示词|描述|文本|prompt|输入).{0,12}(?:过长|"
    r"超长|太长|超过|超出|不能为空|为空)|不支持.{0,12}(?:参数|尺寸|分辨率|比例|模型|功能|"
    r"该|此|的)|(?:模型|功能).{0,12}(?:不支持|不存在)|缺少.{0,12}(?:参数|字段)?|必填|"
    r"请求(?:体|格式).{0,6}(?:错误|无效)|格式(?:错误|不正确)|參數|不能为空",
    "ja": r"パラメータ.{0,12}(?:無効|不正|必須|エラー|間違|不明)|無効な.{0,12}(?:パラメータ|"
    r"リクエスト|値|サイズ|入力)|プロンプト.{0,14}(?:長すぎ|必須|空|超え)|"
    r"不正な(?:リクエスト|値|パラメータ|入力)|必須|サポートされていない(?:パラメータ|"
    r"サイズ|値|モデル)|見つかりません",
    "ko": r"(?:매개변수|파라미터|요청|값|입력).{0,14}(?:잘못|유효하지|누락|필수|올바르지)|"
    r"잘못된 (?:요청|값|매개|입력|파라)|프롬프트.{0,12}(?:너무|길|비어|초과)|"
    r"지원하지 않는 (?:매개|파라|크기|값|모델)|필수",
    "es_pt_it_fr": r"par[aá]m\S*.{0,24}(?:inv[aá]lid|no válid|non valid|requ|obligat|obrigat|falta|"
    r"ausente|mancan|manquant|inconnu|desconoc|descon|incorre)|(?:requête|demande|"
    r"solicitud|petición|requisição|solicitação|richiesta).{0,12}(?:invalide|non valide|"
    r"incorrect|inválid|no válid|non valida)|trop longu?e?|demasiado larg|muito long|"
    r"troppo lung|valeur (?:invalide|non valide|incorrecte)|valor (?:inválid|no válid|"
    r"incorrect)|valore non valid|(?:champ|campo).{0,24}(?:requis|obligat|obrigat|"
    r"requerid)|no (?:es compatible|está permitid)|non pris en charge",
    "de_nl": r"ungültige[rsnm]? (?:anfrage|parameter|wert|eingabe|größe|argument|format)|"
    r"parameter.{0,24}(?:ungültig|fehlt|unbekannt|erforderlich)|zu lang|pflichtfeld|"
    r"(?:feld|wert|angabe).{0,14}(?:erforderlich|fehlt|ungültig)|wird nicht unterstützt|"
    r"ongeldige (?:parameter|aanvraag|waarde)|muss (?:eine?r?|zwischen|kleiner|größer)",
    "ru_uk": r"(?:параметр|запрос|значени|аргумент|пол)\S*.{0,24}(?:недопуст|неверн|некоррект|"
    r"обязател|отсутств|не поддерж|превыша)|(?:недопуст|неверн|некоррект|неправил|"
    r"неподдерж)\S* (?:параметр|запрос|значени|размер|аргумент|модел)|слишком длин|"
    r"обязательн\S+ (?:пол|парам)",
    "tr_pl": r"(?:parametre|istek|değer|alan)\S*.{0,20}(?:geçersiz|zorunlu|eksik|gerekli)|"
    r"geçersiz (?:parametre|istek|değer|boyut)|çok uzun|(?:parametr|żądani|wartoś|"
    r"pole)\S*.{0,20}(?:nieprawidłow|wymagan|brak)|nieprawidłow\w* (?:parametr|żądani|"
    r"wartoś|rozmiar)|zbyt dług",
    "vi_id": r"(?:tham số|yêu cầu|giá trị).{0,14}(?:không hợp lệ|bắt buộc|thiếu|sai)|quá dài|"
    r"(?:parameter|permintaan|nilai).{0,14}(?:tidak valid|wajib|salah)|terlalu panjang|"
    r"معلمة|قيمة غير صالحة|طلب غير صالح",
}
