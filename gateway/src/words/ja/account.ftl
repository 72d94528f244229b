# アカウントのページと、そこから変更するもの。

account-title = アカウント
new-password-title = パスワードの変更
new-codes-title = 新しいリカバリーコード
questions-title = 秘密の質問
authenticator-title = 認証アプリ
new-token-title = APIトークンの作成
token-made-title = 新しいトークン
