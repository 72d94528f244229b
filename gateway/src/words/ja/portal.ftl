# すべてのページの枠と、ほかに属さないページ。

# 言語の一覧。スクリーンリーダーが読み上げる。
languages = 言語
home-title = アプリ一覧
sign-out-title = サインアウト
signed-out-title = サインアウトしました
whoami-title = 接続情報

# 時。一覧の中ではコロンの後ろにも入る: 「最終使用：5分前」。
when-just-now = たった今
when-minutes-ago = { $count }分前
when-hours-ago = { $count }時間前
when-days-ago = { $count }日前
when-date = { $year }年{ $month }月{ $day }日

# 最初のページ。
# アカウントのページへのリンクにはユーザー名だけが見える。これはスクリーンリーダーが読み上げる言葉。
home-account = アカウント、{ $user }
# ボタン。
sign-out = サインアウト
home-hello = { $person } さん、こんにちは
home-lead = ここから開けるアプリです。
home-no-apps = ここから開けるアプリはまだありません。接続している場所や、利用できる範囲によることがあります。管理者にお問い合わせください。
home-see-address = どのアドレスから接続しているか確認する

# サインアウトの前と後。
sign-out-ask = サインアウトしますか？
sign-out-lead = { $user } としてサインインしています。このブラウザーで使っているすべてのアプリからサインアウトします。
sign-out-stay = サインインしたままにする
signed-out-heading = サインアウトしました
signed-out-lead = このブラウザーで使っていたすべてのアプリからサインアウトしました。共用のパソコンでは、ウィンドウも閉じてください。
sign-in-again = もう一度サインイン

# リクエストについてわかっていること。名前の後ろに値が続く。
whoami-lead = このページを表示したリクエストについて、ゲートウェイが把握している内容です。
whoami-address = あなたのアドレス
# 接続の相手。プロキシのこともある。
whoami-peer = 直接の接続相手
whoami-user = サインイン中
whoami-roles = ロール
whoami-groups = グループ
whoami-networks = ネットワーク
# ユーザー名、ロール、グループ、設定で名前の付いたネットワークがないときに。
whoami-nobody = なし
whoami-no-roles = なし
whoami-no-groups = なし
whoami-no-networks = 名前の付いたネットワークには該当なし
# プロキシの表。最初の3つは列の見出し。
whoami-step = 順番
whoami-hop-address = アドレス
whoami-trust = 信頼
whoami-way = リクエストの経路
whoami-way-hint = このゲートウェイから外へ向かう順です。信頼されていない最初のアドレスがあなたのものです。
whoami-trusted = 信頼済みプロキシ
whoami-not-trusted = 信頼されていません
