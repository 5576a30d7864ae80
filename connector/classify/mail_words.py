"""How mail programs announce that somebody else's words follow, in the languages that customers write.

Data, not code: a language is a few words in each table.  Collected from the templates of Gmail, Apple Mail,
Outlook, Thunderbird, Yahoo and K-9 Mail.
"""

from __future__ import annotations


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word for line in text.split("\n") for part in line.split(",") if (word := part.strip()))


# "On <date>, <name> wrote:" begins with one of these, or with the date, or with the name.
INTRODUCTIONS = frozenset(
    _listed("on, at, le, am, op, il, el, em, en, den, dne, dnia, a, pe, на, в, vào, pada, ngày, tarihinde")
)

# … and has one of these in it.
WROTE = _listed("""
    wrote, writes, said, schrieb, schreef, geschreven, a écrit, écrit, ha scritto, scrisse, escribió, escribio
    ha escrit, va escriure, escreveu, skrev, kirjoitti, skrifaði, napisał, napisała, napisał(a), napsal
    napsal(a), napísal, írta, a scris, je napisao, написал, написала, написав, пише, пишет, написа, έγραψε
    yazdı, đã viết, menulis, 写道, 寫道, 书写, 작성, のメール, 書きました, כתב, كتب
""")

# The header lines of a quoted mail, by what they hold.
HEADERS = {
    "from": _listed("""
        from, von, de, da, från, fra, van, od, lähettäjä, от, від, kimden, feladó, expéditeur, από
        发件人, 寄件者, 差出人, 보낸 사람
    """),
    "sent": _listed("""
        sent, date, gesendet, datum, envoyé, inviato, data, enviado, enviada em, enviado el, fecha, skickat
        sendt, dato, verzonden, wysłano, odesláno, lähetetty, отправлено, дата, надіслано, gönderildi, tarih
        发送时间, 日期, 送信日時, 보낸 날짜
    """),
    "to": _listed("""
        to, an, à, a, para, pour, till, til, aan, do, komu, vastaanottaja, кому, kime, címzett
        收件人, 宛先, 받는 사람
    """),
    "subject": _listed("""
        subject, betreff, objet, sujet, oggetto, asunto, assunto, ämne, emne, onderwerp, temat, předmět, aihe
        тема, konu, tárgy, 主题, 主旨, 件名, 제목
    """),
    "other": _listed("""
        cc, bcc, kopie, kopia, copie, reply-to, risposta, antwort an, importance, priority, attachments
        anlagen, message-id, organization
    """),
}

ORIGINAL_MESSAGE = _listed("""
    original message, reply message, original-nachricht, originalnachricht, ursprüngliche nachricht
    message d'origine, message original, messaggio originale, mensaje original, mensagem original
    ursprungligt meddelande, original meddelelse, oprindelig meddelelse, oorspronkelijk bericht
    wiadomość oryginalna, oryginalna wiadomość, původní zpráva, alkuperäinen viesti, исходное сообщение
    orijinal mesaj, 原始邮件, 原始郵件, 元のメッセージ
""")

FORWARDED = _listed("""
    forwarded message, begin forwarded message, weitergeleitete nachricht
    anfang der weitergeleiteten nachricht, message transféré, début du message transféré
    début du message réexpédié, messaggio inoltrato, inizio messaggio inoltrato, mensaje reenviado
    inicio del mensaje reenviado, mensagem encaminhada, início da mensagem encaminhada
    vidarebefordrat meddelande, videresendt melding, doorgestuurd bericht, begin doorgestuurd bericht
    przekazana wiadomość, přeposlaná zpráva, välitetty viesti, пересылаемое сообщение
    переслане повідомлення, iletilen mesaj, 转发的邮件, 轉寄郵件, 転送メッセージ
""")

# What a phone or a mail program signs with; a line that begins so.
SENT_FROM = _listed("""
    sent from, sent via, sent with, sent by, get outlook for, from my iphone, from my ipad, from my android
    from my phone, from my samsung, someone from mobile, von meinem, gesendet von, gesendet mit
    diese nachricht wurde von, outlook für, envoyé depuis, envoyé de mon, envoyé à partir
    télécharger outlook, inviato da, scarica outlook, enviado desde, enviado do meu, enviado a partir
    obtener outlook, obter o outlook, verzonden met, verzonden vanaf, verstuurd vanaf, verstuurd met
    skickat från, hämta outlook, sendt fra, hent outlook, lähetetty, wysłano z, wysłane z, odesláno z
    poslané z, отправлено с, отправлено из, надіслано з, 发自我的, 從我的, 从我的, iphoneから送信
""")

# Footers that lawyers add: what the last paragraph has in it.
LEGAL = _listed("""
    may contain confidential, is confidential, are confidential, contains confidential, intended recipient
    intended solely for, privileged and confidential, unauthorized review, attorney-client privilege
    legally privileged, please consider the environment, vertrauliche informationen
    vertrauliche und/oder rechtlich, nicht der richtige adressat, confidentiels, destinataire prévu
    informazioni riservate, strettamente riservat, información confidencial, informação confidencial
    informações confidenciais, vertrouwelijke informatie, uitsluitend bestemd, konfidentiell information
    fortrolige oplysninger, informacje poufne, конфиденциальн, конфіденційн, 本邮件及其附件
""")
