# The account page and what is changed from it.

account-title = Your account
new-password-title = Change your password
new-codes-title = New recovery codes
questions-title = Security questions
authenticator-title = Authenticator app
new-token-title = Make an API token
token-made-title = Your new token

# At the top of the account page.
account-lead = { $person }, signed in as { $user }.
# What was just done.
done-password = Your password is changed.
done-session = That sign-in has ended.
done-others = All other browser sessions have ended.
done-token = That token is revoked, for good.
done-passkey-added = Your passkey is added.
done-passkey-renamed = Your passkey has its new name.
done-passkey-removed = Your passkey is removed.
done-codes = No codes go there any more.
done-questions = Your security questions are set.
done-app-password = That app password is revoked, for good.
done-two-step-off = Two-step sign-in is off. From now on your password alone signs you in.

# Ways to sign in: names, with what is set up of each, and buttons.
# What stands between $unseen and $seen only screen readers say, so the rest has to do as a button by itself.
ways-to-sign-in = Signing in
change-password = Change{ $unseen } your password{ $seen }
passkeys-added = { $count ->
    [0] None
    [one] 1 added
   *[other] { $count } added
}
manage-passkeys = Manage{ $unseen } your passkeys and security keys{ $seen }
# Said of an authenticator app.
authenticator-is-set-up = Set up
# Said of an authenticator app, and of codes by text message, by a call or by mail.
is-not-set-up = Not set up
replace-authenticator = Replace{ $unseen } your authenticator app{ $seen }
# $to is the end of a telephone number, or a mail address in part.
codes-go-to = Codes go to { $to }
remove-codes-by-text-message = Remove{ $unseen } codes by text message{ $seen }
remove-codes-by-call = Remove{ $unseen } codes by a call{ $seen }
remove-codes-by-mail = Remove{ $unseen } codes by mail{ $seen }
# Said of security questions.
questions-are-set = Set
questions-are-not-set = Not set
change-questions = Change{ $unseen } your security questions{ $seen }
recovery-codes = Recovery codes
recovery-codes-left = { $count ->
    [0] None left
    [one] 1 left
   *[other] { $count } left
}
make-new-codes = Make new ones{ $unseen } of your recovery codes{ $seen }

# Sign-ins of browsers.
active-sessions = Active sessions
sessions-hint = Browsers in which you are signed in. Ending one leaves telephones and tokens alone.
# A mark beside the browser that shows the page.
this-session = This one
end-session = End{ $unseen } the session in { $name }{ $seen }
end-other-sessions = End all others
# Sign-ins of telephones and programs.
telephones-and-apps = Telephones and native apps
no-devices = None is signed in.
end-device = End{ $unseen } the sign-in of { $name }{ $seen }

# Tokens.
api-tokens = API tokens
no-tokens = You have none. A program that acts for you shows one.
tokens-hint = Programs that act for you show one of these. What is revoked stops for good.
revoke-token = Revoke{ $unseen } the token { $name }{ $seen }
make-token = Make a token

# Of sign-ins, tokens and app passwords, in small letters below the name, one behind the other with dots between them.
# $when is "5 minutes ago" or "24 October 2026".
since-when = since { $when }
last-used = last used { $when }
last-used-from = last used { $when } from { $address }
never-used = never used
good-until = until { $when }
only-from = only from { $addresses }

# A link at the end of many pages.
back-to-account = Back to your account

# Another authenticator app, or a first one. $steps is two-step.
replace-authenticator-ask = Replace your authenticator app?
replace-authenticator-lead = For a new phone, or another app. The one you have works until the new one has shown its first code; then it stops, and so do your old recovery codes.
set-up-two-step-ask = Set up { $steps } sign-in?
set-up-two-step-lead = You sign in with your password and a code from your phone, so that nobody gets in with your password alone.
switch-two-step-off = Switch two-step sign-in off

# Another password.
present-password = Present password
# The button.
save-new-password = Change password
# What may end with the old one: boxes to tick, and below each what would stop.
what-should-stop = What should stop working?
ends-hint = The rest goes on as before. What ends here ends for good.
ends-browsers = End other browser sessions
ends-devices = Sign telephones and native apps out
ends-tokens = Revoke API tokens
ends-app-passwords = Revoke app passwords
ends-last-used = { $name }, last used { $when }
ends-never-used = { $name }, never used

# Other recovery codes.
new-codes-ask = Make new recovery codes?
new-codes-lead = { $count ->
    [0] You get ten new ones, shown once.
    [one] You get ten new ones, shown once. The one that is left stops working.
   *[other] You get ten new ones, shown once. The { $count } that are left stop working.
}
# A button, and a link beside it.
save-new-codes = Make new codes
keep-old-codes = Keep the ones you have

# New recovery codes, shown once. What stands between $stressed and $calm is printed bold.
keep-codes = Keep your recovery codes
keep-codes-lead = If you lose your phone, each of these codes signs you in once. { $stressed }Print or copy them now:{ $calm } they are not shown again.
keep-codes-hint = Keep them where you would keep your passport, not on the phone itself.
codes-are-kept = I have kept them, continue

# Security questions.
questions-lead = When you forget your password we ask them, beside the link that we mail. Choose what only you know, and nothing that can be read about you anywhere.
first-question = First question
second-question = Second question
its-answer = Its answer
# A button.
save-questions = Save

# A new token, and the same for an app password.
new-token-lead = For a program that acts for you: in the apps you choose it may do what you may.
# The label of a field: what the token or app password is called.
its-name = Name
token-name-hint = What it is for, so that you know it again: “nightly export”.
which-apps = Which apps does it open?
# A list to choose from, and what is in it.
how-long = How long is it good?
for-days = { $count ->
    [one] 1 day
   *[other] { $count } days
}
for-a-year = One year
# The button.
save-new-token = Make token

# The token, shown once. What stands between $stressed and $calm is printed bold.
token-made-lead = This is “{ $name }”. { $stressed }Copy it now:{ $calm } it is not shown again.
# $header is a line as programs send it.
token-made-hint = The program sends it with each request: { $header }
token-is-copied = I have copied it, continue

# From where a token or an app password counts. $address is the one its maker has now.
only-from-label = Only from these addresses (optional)
only-from-hint = Addresses or prefixes, with a comma between. Left empty, it counts from wherever you may come in. You are at { $address }.
