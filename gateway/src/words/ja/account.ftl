# アカウントのページと、そこから変更するもの。

account-title = アカウント
new-password-title = パスワードの変更
new-codes-title = 新しいリカバリーコード
questions-title = 秘密の質問
authenticator-title = 認証アプリ
new-token-title = APIトークンの作成
token-made-title = 新しいトークン

# アカウントのページの最初。
account-lead = { $person } さん、{ $user } としてサインインしています。
# たった今したこと。
done-password = パスワードを変更しました。
done-session = 選んだセッションを終了しました。
done-others = ほかのブラウザーのセッションをすべて終了しました。
done-token = トークンを無効にしました。元には戻せません。
done-passkey-added = パスキーを追加しました。
done-passkey-renamed = パスキーの名前を変更しました。
done-passkey-removed = パスキーを削除しました。
done-codes = その宛先にはもうコードを送りません。
done-questions = 秘密の質問を設定しました。
done-app-password = アプリパスワードを無効にしました。元には戻せません。
done-two-step-off = 2段階サインインをオフにしました。今後はパスワードだけでサインインできます。

# サインインの方法。名前、設定の状態、ボタン。
# $unseen と $seen の間はスクリーンリーダーだけが読み上げる。残りだけでボタンとして通じること。
ways-to-sign-in = サインイン方法
change-password = { $unseen }パスワードを{ $seen }変更
passkeys-added = { $count ->
    [0] なし
   *[other] { $count }個追加済み
}
manage-passkeys = { $unseen }パスキーとセキュリティキーを{ $seen }管理
# 認証アプリについて。
authenticator-is-set-up = 設定済み
# 認証アプリと、SMS、電話、メールで届くコードについて。
is-not-set-up = 未設定
replace-authenticator = { $unseen }認証アプリを{ $seen }変更
# $to は電話番号の末尾、またはメールアドレスの一部。
codes-go-to = コードの送り先：{ $to }
remove-codes-by-text-message = { $unseen }SMSで届くコードを{ $seen }削除
remove-codes-by-call = { $unseen }電話で届くコードを{ $seen }削除
remove-codes-by-mail = { $unseen }メールで届くコードを{ $seen }削除
# 秘密の質問について。
questions-are-set = 設定済み
questions-are-not-set = 未設定
change-questions = { $unseen }秘密の質問を{ $seen }変更
recovery-codes = リカバリーコード
recovery-codes-left = { $count ->
    [0] 残りなし
   *[other] 残り{ $count }個
}
make-new-codes = { $unseen }リカバリーコードを{ $seen }新しく作成

# ブラウザーのサインイン。
active-sessions = 有効なセッション
sessions-hint = サインインしているブラウザーです。終了しても、スマートフォンやトークンには影響しません。
# このページを表示しているブラウザーの印。
this-session = このブラウザー
end-session = { $unseen }{ $name } のセッションを{ $seen }終了
end-other-sessions = ほかをすべて終了
# スマートフォンとプログラムのサインイン。
telephones-and-apps = スマートフォンとネイティブアプリ
no-devices = サインイン中の端末はありません。
end-device = { $unseen }{ $name } のセッションを{ $seen }終了

# トークン。
api-tokens = APIトークン
no-tokens = トークンはありません。あなたの代わりに動くプログラムが使うものです。
tokens-hint = あなたの代わりに動くプログラムが使うものです。無効にすると元には戻せません。
revoke-token = { $unseen }トークン「{ $name }」を{ $seen }無効にする
make-token = トークンを作成

# サインイン、トークン、アプリパスワードの名前の下に、小さな文字で、点で区切って並べる。
# $when は「5分前」または「2026年10月24日」。
since-when = サインイン：{ $when }
last-used = 最終使用：{ $when }
last-used-from = 最終使用：{ $when }（接続元：{ $address }）
never-used = 未使用
good-until = 期限：{ $when }
only-from = { $addresses } からのみ

# 多くのページの終わりにあるリンク。
back-to-account = アカウントに戻る

# 別の認証アプリ、または最初の認証アプリ。$steps は two-step。
replace-authenticator-ask = 認証アプリを変更しますか？
replace-authenticator-lead = スマートフォンを買い替えたときや、別のアプリを使うときに変更します。新しいアプリの最初のコードを入力するまでは、今のアプリを使えます。その後は、今のアプリも古いリカバリーコードも使えなくなります。
set-up-two-step-ask = { $steps }サインインを設定しますか？
set-up-two-step-lead = パスワードと、スマートフォンに表示されるコードでサインインします。パスワードだけでは誰も入れなくなります。
switch-two-step-off = 2段階サインインをオフにする

# 別のパスワード。
present-password = 現在のパスワード
# ボタン。
save-new-password = パスワードを変更
# 古いパスワードと一緒に終了できるもの。チェックボックスと、その下に使えなくなるもの。
what-should-stop = 使えなくするものを選んでください
ends-hint = 選ばなかったものは今までどおり使えます。ここで終了したものは元に戻せません。
ends-browsers = ほかのブラウザーのセッションを終了する
ends-devices = スマートフォンとネイティブアプリのセッションを終了する
ends-tokens = APIトークンを無効にする
ends-app-passwords = アプリパスワードを無効にする
ends-last-used = { $name }、最終使用：{ $when }
ends-never-used = { $name }、未使用

# 別のリカバリーコード。
new-codes-ask = 新しいリカバリーコードを作成しますか？
new-codes-lead = { $count ->
    [0] 新しいコードが10個、一度だけ表示されます。
   *[other] 新しいコードが10個、一度だけ表示されます。残っている{ $count }個は使えなくなります。
}
# ボタンと、その隣のリンク。
save-new-codes = 新しいコードを作成
keep-old-codes = 今のコードを使い続ける

# 新しいリカバリーコード。一度だけ表示する。$stressed と $calm の間は太字。
keep-codes = リカバリーコードを保管してください
keep-codes-lead = スマートフォンをなくしたときは、コード1つにつき1回サインインできます。{ $stressed }今すぐ印刷するか、書き写してください。{ $calm }もう一度表示することはできません。
keep-codes-hint = スマートフォンの中ではなく、パスポートをしまうような場所に保管してください。
codes-are-kept = 保管しました。続ける

# 秘密の質問。
questions-lead = パスワードを忘れたとき、メールで送るリンクに加えて、この質問に答えていただきます。あなただけが知っていて、どこを調べてもわからないことを選んでください。
first-question = 1つ目の質問
second-question = 2つ目の質問
its-answer = その答え
# ボタン。
save-questions = 保存

# 新しいトークン。一部はアプリパスワードにも使う。
new-token-lead = あなたの代わりに動くプログラムのためのものです。選んだアプリの中で、あなたと同じことができます。
# 入力欄のラベル。トークンやアプリパスワードの名前。
its-name = 名前
token-name-hint = あとで見分けられるように、用途を書きます。例：「夜間エクスポート」
which-apps = どのアプリで使いますか？
# 選択肢の一覧と、その中身。
how-long = 有効期間
for-days = { $count }日間
for-a-year = 1年間
# ボタン。
save-new-token = トークンを作成

# トークン。一度だけ表示する。$stressed と $calm の間は太字。
token-made-lead = 「{ $name }」のトークンです。{ $stressed }今すぐコピーしてください。{ $calm }もう一度表示することはできません。
# $header はプログラムが送る行そのまま。
token-made-hint = プログラムはリクエストごとに次の行を送ります：{ $header }
token-is-copied = コピーしました。続ける

# トークンやアプリパスワードを使える接続元。$address は作成する人の現在のアドレス。
only-from-label = 使える接続元アドレス（任意）
only-from-hint = IPアドレスまたはプレフィックスを「,」で区切って入力します。空欄の場合は、あなたがアクセスできるすべての場所から使えます。現在のアドレスは { $address } です。
