# フォームの上に出る、うまくいかなかったこと。

# 文中に入る時間の長さ。
span-seconds = { $count }秒
span-minutes = { $count }分

# サインインのとき。名前とパスワードのどちらが違うかは決して伝えない。
problem-wrong = ユーザー名とパスワードの組み合わせが違います。両方を確かめて、もう一度お試しください。
# $span は上の時間の長さ、$when はタイムゾーン付きの時刻。例：「10:42 UTC」。
problem-wait = 試行回数が多すぎます。{ $span }後（{ $when }）にもう一度お試しください。
problem-busy = サインインが混み合っています。数秒後にもう一度お試しください。
problem-took-too-long = サインインに時間がかかりすぎました。最初からやり直してください。
problem-session-over = しばらく操作がなかったため、サインアウトしました。
problem-session-ended = サインアウトしました。続けるには、もう一度サインインしてください。
problem-password-reset = パスワードを変更しました。新しいパスワードでサインインしてください。

# コード。最初の2つは認証アプリ、次の2つはリカバリーコード。
problem-wrong-code = コードが違います。最新のコードを入力してください。何度も失敗する場合は、スマートフォンの時刻が自動設定になっているか確かめてください。
problem-used-code = このコードは使用済みです。次のコードが出るまでお待ちください。
problem-wrong-recovery-code = リカバリーコードが違います。控えと1文字ずつ見比べてください。
problem-used-recovery-code = このリカバリーコードは使用済みです。控えにある別のコードを入力してください。
problem-too-many-codes = コードの間違いが多すぎます。最初からやり直してください。
# 送られるコード。$span と $when は上と同じ。
problem-wrong-sent-code = コードが違います。使えるのは最新のコードだけで、有効期間は10分です。
problem-sent-enough = すでに何度もコードを送っています。別の方法を使うか、{ $span }後（{ $when }）にもう一度コードを受け取ってください。
# 番号は例。
problem-no-phone = つながる電話番号ではありません。「+」、国番号、電話番号の順に入力してください。例：+81 90 1234 5678

# 秘密の質問。
problem-wrong-answer = 答えのどれかが違います。大文字と小文字、空白の違いは関係ありません。
problem-bad-question = 8文字以上の異なる質問を2つ入力してください。
problem-bad-answer = 3文字以上の異なる答えを2つ入力してください。質問に含まれる言葉は使えません。

# 新しいパスワード。$least は8以上。
problem-too-short = パスワードが短すぎます。{ $least }文字以上にしてください。
problem-password-too-long = パスワードが長すぎます。文字数を減らしてください。
problem-too-common = 推測されやすいパスワードです。ほかの人が思いつきにくいものにしてください。
problem-breached = このパスワードは過去に流出しており、攻撃に使われます。ほかで使っていないものにしてください。
problem-password-too-old = パスワードが組織で定めた期間を過ぎています。続けるには、新しいパスワードを決めてください。
problem-differ = 2つのパスワードが一致しません。同じパスワードを2回入力してください。
problem-wrong-current = 現在のパスワードが違います。もう一度入力し、新しいパスワードを2回入力してください。
problem-same-password = すでに使っているパスワードです。別のものにしてください。

# パスキーとセキュリティキー。
problem-passkey-refused = このパスキーまたはキーはここでは使えませんでした。もう一度試すか、別の方法を選んでください。
problem-passkey-not-added = このパスキーまたはキーを追加できませんでした。もう一度お試しください。すでに登録済みの場合は、別のものを使ってください。
problem-too-many-passkeys = パスキーの数が上限に達しています。使わないものを削除してから追加してください。
problem-passkey-name = 名前は1～64文字です。パスキーまたはキーを見分けられる名前を入力してください。
problem-last-second-step = 2段階目の方法はこれが最後です。1つは必要なので、先に別の方法を追加してください。

# APIトークンとアプリパスワード。
problem-token-name = 名前は1～64文字です。トークンの用途を入力してください。
problem-token-without-apps = トークンを使うアプリを1つ以上選んでください。
problem-too-many-tokens = トークンの数が上限に達しています。不要なものを無効にしてから作成してください。
problem-app-password-name = 名前は1～64文字です。どのプログラムで使うアプリパスワードかを入力してください。
problem-too-many-app-passwords = アプリパスワードの数が上限に達しています。不要なものを無効にしてから作成してください。
problem-bad-addresses = アドレスの一覧として読み取れません。203.0.113.7や2001:db8::/48のように、「,」で区切って16個まで入力してください。
