# 忘れたパスワード、リカバリーコード、心当たりのないサインイン。

recovery-codes-title = リカバリーコード
not-me-title = 心当たりがありませんか？
not-me-done-title = すべての場所でサインアウトしました
forgot-title = パスワードをお忘れですか？
link-sent-title = メールをご確認ください
reset-title = 新しいパスワードの設定
reset-gone-title = リンクは無効です
