# アプリパスワード。

new-app-password-title = アプリパスワードの作成
app-password-made-title = 新しいアプリパスワード

# アカウントのページ。
app-passwords-heading = アプリパスワード
no-app-passwords = アプリパスワードはありません。カレンダーなどのプログラムが、ユーザー名と一緒に使うものです。サインイン用のパスワードはそこでは使えません。
app-passwords-hint = 1つのプログラムに1つずつ使います。無効にすると元には戻せません。
# $when は「5分前」または「2026年10月24日」。$client はプログラムが名乗る名前。
last-used-from-by = 最終使用：{ $when }（接続元：{ $address }、プログラム：{ $client }）
# $unseen と $seen の間はスクリーンリーダーだけが読み上げる。残りだけでボタンとして通じること。
revoke-app-password = { $unseen }アプリパスワード「{ $name }」を{ $seen }無効にする
# リンク。
make-app-password = アプリパスワードを作成

# 新しいもの。
new-app-password-lead = カレンダーのように、ユーザー名とパスワードしか使えないプログラムのためのものです。プログラムごとに1つ作成してください。
app-password-name-hint = あとで見分けられるように、どのプログラム用かを書きます。例：「スマートフォンのカレンダー」
# 有効期間。
until-revoked = 無効にするまで
# ボタン。
save-new-app-password = アプリパスワードを作成

# アプリパスワード。一度だけ表示する。$stressed と $calm の間は太字。
app-password-made-lead = 「{ $name }」のアプリパスワードです。{ $stressed }今すぐ入力するか、コピーしてください。{ $calm }もう一度表示することはできません。
app-password-made-hint = ハイフンや空白はあってもなくても、大文字でも小文字でもかまいません。
show-app-password-picture = カメラで読み取れる画像を表示
# 画像の代わりにスクリーンリーダーが読み上げる。
app-password-picture = アプリパスワードのQRコード
# Appleのシステム向け。構成プロファイル。
set-up-apple = このiPhone、iPad、Macを設定する
set-up-apple-hint = 設定を入力済みのプロファイルをダウンロードします。「設定」で開くと、追加する前に確認を求められます。
app-password-is-put-in = 入力しました。続ける
