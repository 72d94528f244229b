# パスキーとセキュリティキー。

passkeys-title = パスキーとセキュリティキー
use-passkey-or-key-title = パスキーまたはセキュリティキーを使う
use-passkey-title = パスキーを使う
add-passkey-title = パスキーまたはセキュリティキーの追加
