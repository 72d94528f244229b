# Signing in: name and password, the second step, setting one up.

sign-in-title = Sign in
# Above the form, if an app was asked for.
sign-in-to = to continue to { $app }
user-name = User name
password = Password
continue = Continue
sign-in-with-passkey = Sign in with a passkey
forgot-password = Forgot password?
set-up-title = Set up two-step sign-in
invitation-title = Choose a password
invitation-gone-title = Invitation not valid
send-code-title = Get a code
sent-code-title = Enter your code
enter-code-title = Enter your code
recovery-code-title = Enter a recovery code
