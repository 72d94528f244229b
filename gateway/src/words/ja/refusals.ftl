# 入れない人と、その理由。

not-allowed-title = アクセス権がありません
token-only-title = プログラム専用です
certificate-required-title = 証明書がありません
bad-request-title = リクエストを理解できません
not-found-title = ページが見つかりません
app-down-title = アプリを利用できません
unavailable-title = しばらくしてからもう一度お試しください

# すべての言語で同じ見出し「Access denied from this IP address」の下に出る、その意味。
refused-meaning = このIPアドレスからのアクセスは拒否されました。
# その下の2行のラベル。
address-seen = 確認されたアドレス
reference-code = 照会コード
refused-hint = この2行を管理者に伝えてください。

# サインイン済みだが、そのアプリを開けない。
not-allowed-heading = { $app } へのアクセス権がありません
not-allowed-lead = { $user } としてサインインしていますが、開く権限がありません。必要な場合は、この照会コードを管理者に伝えてください。
see-open-apps = 利用できるアプリを見る
sign-in-as-somebody-else = 別のユーザーとしてサインイン
# アプリがない場所で、アプリの名前の代わりに使う。最初のものは文頭（certificate-required-lead）、次のものは文中。
unnamed-page-at-start = このページ
unnamed-page = このページ

# トークンでのみ開けるアドレス。
token-only-heading = このアドレスはプログラム専用です
token-only-lead = { $app } のこの部分は、ブラウザーではなくアクセストークンで開きます。

# 端末がクライアント証明書を提示する必要がある。
certificate-required-heading = 証明書がありません
certificate-required-lead = { $app } は、{ $organization } の証明書がある端末でのみ開けます。このブラウザーからは証明書が提示されませんでした。
certificate-required-how = 管理者から証明書を受け取ってインストールし、ブラウザーを閉じてから、もう一度このアドレスを開いてください。使用する証明書をブラウザーが尋ねた場合は、その証明書を選んでください。

# リクエストの問題。見出しと、その下に出る文のどれか。プログラムには英語で伝えられる。
bad-request-heading = リクエストを処理できませんでした
form-not-ours = このフォームは古すぎるか、別の場所から送られました。前のページに戻り、再読み込みしてからもう一度お試しください。
form-not-ours-open-mail = このフォームは古すぎるか、別の場所から送られました。メールのリンクをもう一度開いてください。
form-not-ours-open-invitation = このフォームは古すぎるか、別の場所から送られました。招待をもう一度開いてください。
app-link-incomplete = このリンクは途中で切れています。アプリをもう一度開いてください。
cookie-not-kept = ここにサインインするためのCookieがブラウザーに保存されませんでした。このサイトのCookieを許可して、アプリをもう一度開いてください。
request-not-forwarded = このリクエストは、このままでは転送できませんでした。
client-address-unknown = クライアントのアドレスを特定できませんでした。
method-not-served = このメソッドはここでは使えません。
header-too-large = リクエストのヘッダーが64 KiBを超えています。このサイトのCookieを削除して、もう一度お試しください。
https-only = ここはhttpsでのみ利用できます。送信された内容は、途中で読まれたおそれがあります。
no-app-of-this-name = この名前のアプリはありません。アドレスを確認してください。
connection-to-another-host = この接続は別のホストに対して開かれました。このホストに接続し直して、もう一度お試しください。
sent-too-large = 送信された内容が大きすぎます。

# ページがない。見出しは not-found-title。
not-found-lead = このアドレスには何もありません。入力に間違いがないか確認するか、最初のページからやり直してください。
go-to-first-page = 最初のページへ

# ゲートウェイの先のアプリが応答しない。
app-down-heading = { $app } が応答しません
# $status は error-code としてページに出る番号。
app-down-lead = { $status ->
    [503] 現在、これ以上のリクエストを受け付けられません。
    [504] 応答に時間がかかりすぎています。
   *[other] 現在、接続できません。
}サインインに問題はありません。数分後にもう一度お試しください。続く場合は、この2行を管理者に伝えてください。
error-code = エラーコード

# ゲートウェイ自体が応答できない。見出しは unavailable-title。
unavailable-store = 現在、サインインもアプリの利用もできません。失われたものは何もありません。
unavailable-busy = アクセスが集中しています。数秒後にもう一度お試しください。
unavailable-too-many = 短い時間に、ここから多くのリクエストが届きました。{ $seconds }秒後にもう一度お試しください。
