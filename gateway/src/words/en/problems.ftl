# What went wrong, above a form.

# How long something takes, in the middle of sentences.
span-seconds = { $count ->
    [one] 1 second
   *[other] { $count } seconds
}
span-minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
}

# At the sign-in. It is never told whether the name or the password is wrong.
problem-wrong = That user name and password don't match. Check both and try again.
# $span is one of the spans above; $when a time of day with its time zone, "10:42 UTC".
problem-wait = Too many tries. Try again in { $span } (at { $when }).
problem-busy = Many people are signing in. Try again in a few seconds.
problem-took-too-long = This sign-in took too long. Start again.
problem-session-over = You were signed out because of inactivity.
problem-session-ended = You were signed out. Sign in again to go on.
problem-password-reset = Your password is changed. Sign in with it.

# Codes. The first two are about those of the authenticator app, the next two about those on the list of recovery codes.
problem-wrong-code = That code isn't right. Enter the newest one. If it keeps failing, check that your phone sets its clock by itself.
problem-used-code = This code was already used. Wait for the next one.
problem-wrong-recovery-code = That recovery code isn't right. Check it against your list, letter by letter.
problem-used-recovery-code = This recovery code was already used. Enter another one from your list.
problem-too-many-codes = Too many wrong codes. Start again.
# Codes that are sent. $span and $when as above.
problem-wrong-sent-code = That code isn't right. Only the newest one counts, and each is good for ten minutes.
problem-sent-enough = So many codes were sent already. Use another way, or ask for one in { $span } (at { $when }).
# The number is an example; a number of the reader's country is better.
problem-no-phone = That is no number that can be reached. Type a plus, its country and the number, such as +34 600 123 456.

# Security questions.
problem-wrong-answer = One of the answers isn't right. Case and spaces don't matter.
problem-bad-question = Write two different questions of at least 8 characters.
problem-bad-answer = Give two different answers of at least 3 characters, and none that stands in its question.

# New passwords. $least is never below 8.
problem-too-short = That password is too short. Use at least { $least } characters.
problem-password-too-long = That password is too long. Use fewer characters.
problem-too-common = That password is easy to guess. Choose one that few others would think of.
problem-breached = That password has appeared in a leak, so attackers try it. Choose one that you use nowhere else.
problem-password-too-old = Your password is older than your organization allows. Choose a new one to go on.
problem-differ = The two passwords differ. Enter the same password twice.
problem-wrong-current = Your present password isn't right. Enter it once more, then the new one twice.
problem-same-password = That is your password already. Choose another one.

# Passkeys and security keys.
problem-passkey-refused = That passkey or key couldn't be used here. Try again, or choose another way.
problem-passkey-not-added = That passkey or key couldn't be added. Try again; if it is yours already, use another one.
problem-too-many-passkeys = You have as many passkeys as one may have. Remove one that you don't use, then add this one.
problem-passkey-name = A name has 1 to 64 characters. Type what you call this key.
problem-last-second-step = This is your last second step, and you have to have one. Add another first.

# API tokens and app passwords.
problem-token-name = A name has 1 to 64 characters. Type what the token is for.
problem-token-without-apps = Choose at least one app that the token opens.
problem-too-many-tokens = You have as many tokens as one may have. Revoke one that you don't need, then make this one.
problem-app-password-name = A name has 1 to 64 characters. Type which program the app password is for.
problem-too-many-app-passwords = You have as many app passwords as one may have. Revoke one that you don't need, then make this one.
problem-bad-addresses = That is no list of addresses. Write at most 16 of them, such as 203.0.113.7 or 2001:db8::/48, with a comma between.
