# アプリパスワード。

new-app-password-title = アプリパスワードの作成
app-password-made-title = 新しいアプリパスワード
