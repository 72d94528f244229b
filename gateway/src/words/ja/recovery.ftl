# 忘れたパスワード、リカバリーコード、心当たりのないサインイン。

recovery-codes-title = リカバリーコード
not-me-title = 心当たりのないサインインですか？
not-me-done-title = すべての場所でサインアウトしました
forgot-title = パスワードをお忘れですか？
link-sent-title = メールをご確認ください
reset-title = 新しいパスワードの設定
reset-gone-title = リンクは無効です

# リンクを求めるページ。見出しは forgot-title。
forgot-lead = アカウントのメールアドレスを入力してください。新しいパスワードを設定するためのリンクを送ります。
e-mail-address = メールアドレス
send-the-link = リンクを送る
forgot-hint = どのアドレスかわからない場合や、そのメールをもう開けない場合は、管理者に問い合わせてください。
# メールを送れない場合に、フォームの代わりに出る。
forgot-without-mail = 新しいパスワードを設定するためのリンクは、管理者が発行できます。管理者に依頼してください。
# リンク。
back-to-sign-in = サインインに戻る

# そのアドレスのアカウントがあってもなくても同じ。見出しは link-sent-title。$minutes は30。
link-sent-lead = { $email } のアカウントがある場合は、新しいパスワードを設定するためのリンクがそのアドレスに届きます。{ $minutes }分以内に1回だけ使えます。
link-sent-hint = 数分たっても届かない場合は、迷惑メールを確認するか、アドレスを確かめてもう一度お試しください。
# リンク。
use-another-address = 別のアドレスを使う

# 別のパスワードを決めるページ。見出しは reset-title。
reset-lead = 今後は、このパスワードでサインインします。現在サインインしているブラウザー、スマートフォン、ネイティブアプリはサインアウトされます。
# ボタン。
save-the-password = パスワードを保存

# 使用済み、または期限切れのメールのリンク。
link-gone-heading = このリンクは使えません
reset-gone-lead = すでに使われたか、期限が切れたか、新しいリンクに置き換えられたか、途中で切れています。
# ボタン。
ask-for-a-new-link = 新しいリンクを受け取る

# メールで知らせたサインインについて。見出しは not-me-title。$device は「Firefox on Windows」など、$when は「2分前」または日付。
not-me-lead = { $when }、{ $address } から { $device } でサインインがありました。
# ボタン。
sign-out-everywhere = すべての場所でサインアウト
not-me-hint = あなたのブラウザー、スマートフォン、ネイティブアプリがすべてサインアウトされます。ご自身のサインインであれば、何もする必要はありません。
not-me-done-heading = すべての場所でサインアウトしました
not-me-done-lead = サインインした誰かも、サインアウトされました。パスワードを知られています。今すぐ別のパスワードを設定してください。
# link-gone-heading の下。
not-me-gone-lead = すでに使われたか、期限が切れたか、途中で切れています。誰かがあなたとしてサインインした場合は、パスワードを知られています。今すぐ別のパスワードを設定してください。
# ボタン。
choose-another-password = 別のパスワードを設定
