# 入れない人と、その理由。

not-allowed-title = アクセス権がありません
token-only-title = プログラム専用です
certificate-required-title = 証明書がありません
bad-request-title = リクエストを理解できません
not-found-title = ページが見つかりません
app-down-title = アプリを利用できません
unavailable-title = しばらくしてからもう一度お試しください
