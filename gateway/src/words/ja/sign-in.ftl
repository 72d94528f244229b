# サインイン: 名前とパスワード、2段階目、その設定。

sign-in-title = サインイン
sign-in-to = { $app } に進みます
user-name = ユーザー名
password = パスワード
continue = 続ける
sign-in-with-passkey = パスキーでサインイン
forgot-password = パスワードをお忘れですか？
set-up-title = 2段階サインインの設定
invitation-title = パスワードの設定
invitation-gone-title = 招待は無効です
send-code-title = コードを受け取る
sent-code-title = コードの入力
enter-code-title = コードの入力
recovery-code-title = リカバリーコードの入力
