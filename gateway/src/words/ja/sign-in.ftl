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

# ボタン。
sign-in = サインイン

# 文中に入り、途中で改行しない: 「6桁のコードを入力」。
six-digit = 6桁の
# 見出しの中に入り、途中で改行しない: 「2段階サインインの設定」。
two-step = 2段階

# 2段階目を求めるところ。$digits は six-digit、$organization はアプリがコードに付けて表示する名前。
authenticator-how = 認証アプリを開き、{ $organization } の{ $digits }コードを入力してください。
# アプリを開こうとしていた場合。
authenticator-how-to-app = { $app } に進むには、認証アプリを開き、{ $organization } の{ $digits }コードを入力してください。
recovery-code-how = 2段階サインインの設定時に保管したリカバリーコードを1つ入力してください。各コードは1回だけ使えます。
recovery-code-how-to-app = { $app } に進むには、2段階サインインの設定時に保管したリカバリーコードを1つ入力してください。各コードは1回だけ使えます。
# 入力欄のラベル。
code = コード
recovery-code = リカバリーコード

# ほかの2段階目へのリンク。
use-passkey-or-key-instead = 代わりにパスキーまたはセキュリティキーを使う
use-authenticator-instead = 代わりに認証アプリを使う
code-by-text-message-instead = 代わりにSMSでコードを受け取る
code-by-call-instead = 代わりに電話でコードを受け取る
code-by-mail-instead = 代わりにメールでコードを受け取る
use-recovery-code-instead = 代わりにリカバリーコードを使う
not-this-user = { $user } さんではない場合は、最初からやり直す

# コードを送る前。$to は電話番号の末尾、またはメールアドレスの一部。
send-code-by-text-message = 末尾が { $to } の番号に、6桁のコードをSMSで送ります。
send-code-by-call = 末尾が { $to } の番号に電話をかけ、6桁のコードを読み上げます。
send-code-by-mail = { $to } に6桁のコードを送ります。
# コードを設定するページの見出し。
codes-by-text-message-title = SMSで届くコード
codes-by-call-title = 電話で届くコード
codes-by-mail-title = メールで届くコード
codes-by-text-message-lead = 今後は、パスワードと、SMSで届くコードでサインインします。
codes-by-call-lead = 今後は、パスワードと、電話で読み上げられるコードでサインインします。
codes-by-mail-lead = 今後は、パスワードと、アカウントのメールアドレスに届くコードでサインインします。
sent-codes-are-weaker = このようなメッセージは途中で傍受されるおそれがあります。パスキーや認証アプリのほうが安全で、電波がなくても使えます。
telephone-number = 電話番号
# 番号は例。
telephone-number-hint = 「+」と国番号から入力します。例：+81 90 1234 5678
# ボタン。
call-me = 電話をかけてもらう
send-the-code = コードを送る
# ほかに設定できるものへのリンク。
choose-another-way = 別の方法を選ぶ

# コードを送ったあと。$digits は six-digit、$to は上と同じ。
sent-code-by-text-message = 末尾が { $to } の番号に、{ $digits }コードをSMSで送りました。10分以内に1回だけ使えます。
sent-code-by-call = 末尾が { $to } の番号に電話をかけ、{ $digits }コードを読み上げます。10分以内に1回だけ使えます。
sent-code-by-mail = { $to } に{ $digits }コードを送りました。10分以内に1回だけ使えます。
send-another-code = 届かない場合は、別のコードを受け取る

# 2段階サインインの設定の見出し。$steps は two-step。
set-up-heading = { $steps }サインインの設定
choose-method-lead = 今後は、パスワードだけでは誰も入れなくなります。パスワードと一緒に使うものを選んでください。あとから追加もできます。
# 設定できるものの名前と説明。$digits は six-digit。
passkey-or-key = パスキーまたはセキュリティキー
passkey-or-key-is = 指紋、顔認証、画面ロック、または差し込んで使うキー。何も入力しないので、だまし取られるものがありません。
authenticator-app = 認証アプリ
authenticator-app-is = スマートフォンのアプリに表示される{ $digits }コード。
text-message = SMS
text-message-is = スマートフォンに届く{ $digits }コード。途中で傍受されるおそれがあります。
call = 電話
call-is = 電話で読み上げられる{ $digits }コード。途中で傍受されるおそれがあります。
e-mail = メール
e-mail-is = メールで届く{ $digits }コード。安全性が最も低い方法です。
# それぞれの横のボタン。$unseen と $seen の間はスクリーンリーダーだけが読み上げる。
set-up-passkey-or-key = { $unseen }パスキーまたはセキュリティキーを{ $seen }設定
set-up-authenticator-app = { $unseen }認証アプリを{ $seen }設定
set-up-text-message = { $unseen }SMSで届くコードを{ $seen }設定
set-up-call = { $unseen }電話で届くコードを{ $seen }設定
set-up-e-mail = { $unseen }メールで届くコードを{ $seen }設定

# 認証アプリの設定。
set-up-authenticator-lead = 今後は、パスワードと、スマートフォンに表示されるコードでサインインします。パスワードだけでは誰も入れなくなります。
get-authenticator = 認証アプリを用意する
get-authenticator-how = スマートフォンにまだなければ、アプリストアからインストールしてください。多くのパスワードマネージャーでも代用できます。
scan-picture = アプリでこの画像を読み取る
# 画像の代わりにスクリーンリーダーが読み上げる。
qr-code = 認証アプリ用のQRコード
open-authenticator = このスマートフォンで設定しますか？アプリを開く
type-key-instead = 読み取れない場合は、代わりにこのキーを入力する
# キーの下に、認証アプリで使われる言葉で。
key-account-and-kind = アカウント：{ $user }。種類：時間ベース、6桁。
enter-shown-code = 表示されたコードを入力する
six-digit-code = 6桁のコード

# 招待。
invitation-welcome = { $person } さん、ようこそ
invitation-lead = { $organization } のアカウントのパスワードを決めてください。
invitation-gone-heading = この招待は使えません
invitation-gone-lead = すでに使われているか、期限が切れているか、リンクが途中で切れています。パスワードを設定済みの場合は、それでサインインしてください。まだの場合は、管理者に新しい招待を依頼してください。

# パスワードを決めるところ。$least は8以上。
your-user-name = ユーザー名
new-password = 新しいパスワード
new-password-hint = { $least }文字以上。いくつかの単語を並べると、覚えやすく、推測されにくくなります。
new-password-again = 同じパスワードをもう一度
# 下の言葉の前にスクリーンリーダーが読み上げる。
password-strength = パスワードの強さ
# 入力中のパスワードの評価。弱い順。縦線を含めない。
strength-too-short = 短すぎます
strength-easy-to-guess = 推測されやすい
strength-could-be-better = もう一工夫
strength-good = 良い
strength-very-good = とても良い
