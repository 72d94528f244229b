# パスキーとセキュリティキー。

passkeys-title = パスキーとセキュリティキー
use-passkey-or-key-title = パスキーまたはセキュリティキーを使う
use-passkey-title = パスキーを使う
add-passkey-title = パスキーまたはセキュリティキーの追加

# 端末が求めるもの。アプリを開こうとしていた場合は、それぞれ2つ目。
passkey-or-key-how = 端末の案内に従って、指紋、顔認証、画面ロックのいずれかを使うか、キーに触れてください。
passkey-or-key-how-to-app = { $app } に進むには、端末の案内に従って、指紋、顔認証、画面ロックのいずれかを使うか、キーに触れてください。
passkey-how = 端末の案内に従って、指紋、顔認証、画面ロック、またはキーのPINを使ってください。
passkey-how-to-app = { $app } に進むには、端末の案内に従って、指紋、顔認証、画面ロック、またはキーのPINを使ってください。
# ボタン。
use-passkey-or-key = パスキーまたはキーを使う
use-passkey = パスキーを使う
use-password-instead = 代わりにパスワードでサインイン

# ブラウザーができなかったこと。その場に表示する。
passkeys-unsupported = このブラウザーではパスキーを使えません。別の方法を選ぶか、新しいブラウザーを使ってください。
passkey-cancelled = 取り消されたか、時間がかかりすぎました。もう一度試すには、ボタンを押してください。
passkey-known = このパスキーまたはキーはすでに登録されています。別のものを使ってください。
passkey-failed = ブラウザーで処理できませんでした。もう一度試すか、別の方法を選んでください。
passkeys-need-script = パスキーにはJavaScriptが必要ですが、このブラウザーでは動いていません。別の方法を選んでください。

# 追加するとき。最初のサインインの途中と、そのあと。
set-up-passkey-heading = パスキーまたはセキュリティキーの設定
set-up-passkey-lead = 今後は、指紋、顔認証、画面ロック、または差し込んで使うキーでサインインします。パスワードだけでは誰も入れなくなります。
add-passkey-lead = この端末の指紋、顔認証、画面ロック、お持ちのスマートフォン、または差し込んで使うキーを追加できます。
passkey-name = 名前（任意）
passkey-name-hint = ほかのものと区別するための名前です。空欄の場合は、端末の名前になります。
back-to-passkeys = パスキーの一覧に戻る

# 自分のパスキーの一覧。
passkeys-lead = これらがあれば、コードを入力せずにサインインできます。多くはパスワードも不要です。
# 何かをしたあと、同じところに表示する。
passkey-added = 追加しました。次のサインインから使えます。
passkey-renamed = 名前を変更しました。
passkey-removed = 削除しました。もうサインインには使えません。端末に残っていることがあるので、そちらでも削除してください。
no-passkeys = まだありません。
# それぞれの名前の下。$when は日付、「5分前」、「たった今」など。
passkey-since = 追加：{ $when }
passkey-last-used = 最終使用：{ $when }
passkey-never-used = 未使用
# ボタン。$unseen と $seen の間はスクリーンリーダーだけが読み上げる。
rename-passkey = { $unseen }{ $name } の{ $seen }名前を変更
new-passkey-name = 新しい名前
save-passkey-name = { $unseen }名前を{ $seen }保存
remove-passkey = { $unseen }{ $name } を{ $seen }削除
add-one-passkey = 追加する
