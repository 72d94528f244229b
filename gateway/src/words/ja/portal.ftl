# すべてのページの枠と、ほかに属さないページ。

languages = 言語
home-title = アプリ一覧
sign-out-title = サインアウト
signed-out-title = サインアウトしました
whoami-title = 接続情報
