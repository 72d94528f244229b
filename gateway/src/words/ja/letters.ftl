# メール、SMS、電話。

# すべてのメールの書き出し。
letter-hello = { $name } 様
# テキストのメールで、リンクの説明。その下にリンクが続く。$action は letter-not-me または letter-choose-password。
letter-action = { $action }：
# 1行に1つの情報。$when は letter-moment、$who は letter-administrator。
letter-when = 日時：{ $when }
letter-from = 接続元：{ $address }
letter-with = 端末：{ $device }
letter-by = 操作した人：{ $who }
letter-administrator = 管理者
# $date は when-date、$time は 8:00 UTC など。
letter-moment = { $date } { $time }

# これまでになかった場所からのサインイン。
letter-new-place-subject = { $organization } のアカウントへの新しいサインイン
letter-new-place = あなたのアカウントに、これまでになかった場所からサインインがありました。ご自身によるものであれば、問題ありません。
# ボタン、またはリンクの上の言葉。
letter-not-me = 心当たりがないので、すべての場所でサインアウトする
letter-new-place-otherwise = 心当たりがない場合は、パスワードも変更してください。今のパスワードは誰かに知られています。

# メールで届くコード。
letter-code-subject = { $organization } のサインインコード
letter-code = サインインコードは { $code } です。{ $minutes }分以内に1回だけ使えます。
letter-code-otherwise = このコードを尋ねるのは、サインイン中のページだけです。ほかの誰かが尋ねることはありません。サインインの途中でない場合は、パスワードを誰かに知られています。すぐに変更してください。
# SMS。スマートフォンには冒頭が表示される。プログラム用の行が続く。
text-message-code = { $code } は { $organization } のサインインコードです。{ $organization } の者がこのコードを尋ねることはありません。
# 音声で読み上げられる。$digits は1桁ずつ区切ったコード。
call-code = { $organization } のサインインコードは、{ $digits }です。もう一度お伝えします。{ $digits }です。

# 忘れたパスワード。
letter-reset-subject = { $organization } のパスワードの再設定（Password reset）
letter-reset = { $organization } のアカウントについて、パスワードの再設定が求められました。ご自身によるものであれば、新しいパスワードを設定してください。リンクは{ $minutes }分以内に1回だけ使えます。
# ボタン、またはリンクの上の言葉。
letter-choose-password = 新しいパスワードを設定する
letter-reset-otherwise = 心当たりがない場合は、何もする必要はありません。パスワードは今のままです。

# サインインに使うものの変更。$what は下の件名のどれか。それぞれ最初の文と対になっている。
letter-change-subject = { $what } · { $organization }
# このようなメールの結び。
letter-change-unexpected = 心当たりがない場合は、すぐに管理者に伝え、サインインしている端末を確認してください：{ $account }
letter-password-subject = パスワードが変更されました
letter-password = アカウントのパスワードが変更されました。
letter-password-reset-subject = パスワードが再設定されました
letter-password-reset = メールのリンクから、アカウントのパスワードが変更されました。すべての場所でサインアウトされました。
letter-authenticator-subject = 認証アプリが設定されました
letter-authenticator = アカウントに認証アプリが設定されました。今後は、そのコードが2段階目になります。
letter-passkey-subject = パスキーが追加されました
letter-passkey = 「{ $name }」というパスキーまたはセキュリティキーで、アカウントにサインインできるようになりました。
letter-passkey-removed-subject = パスキーが削除されました
letter-passkey-removed = 「{ $name }」というパスキーまたはセキュリティキーは、もう使えません。
letter-two-step-off-subject = 2段階サインインがオフになりました
letter-two-step-off = アカウントの2段階目が、リカバリーコードとともに削除されました。
# $number は一部だけ示される。
letter-telephone-subject = コードを受け取る電話番号が設定されました
letter-telephone = 今後は、サインイン用のコードを { $number } の番号でも受け取れます。
letter-codes-by-mail-subject = メールで届くコードが設定されました
letter-codes-by-mail = 今後は、サインイン用のコードをこのアドレスでも受け取れます。
letter-codes-off-subject = コードの受け取り方法が削除されました
letter-codes-off = サインイン用のコードを受け取る方法の1つが削除されました。
letter-questions-subject = 秘密の質問が設定されました
letter-questions = アカウントの秘密の質問が設定されました。以前のものは置き換えられました。
letter-recovery-codes-subject = 新しいリカバリーコードが作成されました
letter-recovery-codes = アカウントの新しいリカバリーコードが作成されました。以前のコードはもう使えません。
letter-token-subject = APIトークンが作成されました
letter-token = 「{ $name }」というトークンで、あなたに代わって操作できるようになりました。
letter-app-password-subject = アプリパスワードが作成されました
letter-app-password = 「{ $name }」と名付けたプログラムが、あなたとしてサインインできるようになりました。
letter-address-subject = アカウントのアドレスが変更されました
letter-address = 今後、アカウントのメールアドレスは { $address } です。
# アドレスがなくなった場合。
letter-no-address = 今後、アカウントにはメールアドレスがありません。
