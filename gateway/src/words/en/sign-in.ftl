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

# A button.
sign-in = Sign in

# In the middle of sentences; no line ends within: "enter the 6-digit code".
six-digit = 6-digit
# In the middle of a heading; no line ends within: "Set up two-step sign-in".
two-step = two-step

# Where the second step is asked for. $digits is six-digit; $organization is the name under which the app shows its codes.
authenticator-how = Open your authenticator app and enter the { $digits } code it shows for { $organization }.
# The same, if an app was asked for.
authenticator-how-to-app = Open your authenticator app and enter the { $digits } code it shows for { $organization }, to continue to { $app }.
recovery-code-how = Enter one of the recovery codes you kept when you set up two-step sign-in. Each works once.
recovery-code-how-to-app = Enter one of the recovery codes you kept when you set up two-step sign-in, to continue to { $app }. Each works once.
# Labels of fields.
code = Code
recovery-code = Recovery code

# Links to the other second steps.
use-passkey-or-key-instead = Use your passkey or security key instead
use-authenticator-instead = Use your authenticator app instead
code-by-text-message-instead = Get a code by text message instead
code-by-call-instead = Get a code by a call instead
code-by-mail-instead = Get a code by mail instead
use-recovery-code-instead = Use a recovery code instead
not-this-user = Not { $user }? Start again

# Before a code is sent. $to is the end of a telephone number, or a mail address in part.
send-code-by-text-message = We send a 6-digit code as a text message to the number ending in { $to }.
send-code-by-call = We call the number ending in { $to } and say a 6-digit code.
send-code-by-mail = We send a 6-digit code to { $to }.
# Headings where such codes are set up.
codes-by-text-message-title = Codes by text message
codes-by-call-title = Codes by a call
codes-by-mail-title = Codes by mail
codes-by-text-message-lead = From now on you sign in with your password and a code that comes as a text message.
codes-by-call-lead = From now on you sign in with your password and a code that a call says to you.
codes-by-mail-lead = From now on you sign in with your password and a code that comes to the address of your account.
sent-codes-are-weaker = Such messages can be caught on their way. A passkey or an authenticator app is safer, and works without a network.
telephone-number = Telephone number
# The number is an example; a number of the reader's country is better.
telephone-number-hint = With a plus and its country, such as +34 600 123 456.
# Buttons.
call-me = Call me
send-the-code = Send the code
# A link to what else can be set up.
choose-another-way = Choose another way

# After a code was sent. $digits is six-digit; $to as above.
sent-code-by-text-message = A { $digits } code is on its way as a text message to the number ending in { $to }. It is good once and for ten minutes.
sent-code-by-call = A call to the number ending in { $to } says a { $digits } code. It is good once and for ten minutes.
sent-code-by-mail = A { $digits } code is on its way to { $to }. It is good once and for ten minutes.
send-another-code = Nothing came? Get another code

# Setting up two-step sign-in: the heading. $steps is two-step.
set-up-heading = Set up { $steps } sign-in
choose-method-lead = From now on your password alone lets nobody in. Choose what you show as well; you can add more later.
# What can be set up: each name with what it is. $digits is six-digit.
passkey-or-key = Passkey or security key
passkey-or-key-is = Your fingerprint, face or screen lock, or a key that you plug in. Nothing to type, so nothing that anybody could trick you out of.
authenticator-app = Authenticator app
authenticator-app-is = A { $digits } code from an app on your phone.
text-message = Text message
text-message-is = A { $digits } code to your telephone. Can be caught on its way.
call = Call
call-is = A call that says a { $digits } code. Can be caught on its way.
e-mail = E-mail
e-mail-is = A { $digits } code to your mailbox. The weakest of all.
# The button beside each. What stands between $unseen and $seen only screen readers say.
set-up-passkey-or-key = Set up{ $unseen } a passkey or security key{ $seen }
set-up-authenticator-app = Set up{ $unseen } an authenticator app{ $seen }
set-up-text-message = Set up{ $unseen } codes by text message{ $seen }
set-up-call = Set up{ $unseen } codes by a call{ $seen }
set-up-e-mail = Set up{ $unseen } codes by mail{ $seen }

# Setting up an authenticator app.
set-up-authenticator-lead = From now on you sign in with your password and a code from your phone. So nobody gets in with your password alone.
get-authenticator = Get an authenticator app
get-authenticator-how = If your phone has none yet, install one from its app store. Many password managers can do it too.
scan-picture = Scan this picture with it
# Read out by screen readers in place of the picture.
qr-code = QR code for your authenticator app
open-authenticator = On this phone? Open the app
type-key-instead = Can't scan it? Type this key instead
# Below the key, in the words of authenticator apps.
key-account-and-kind = Account: { $user }. Kind: time based, 6 digits.
enter-shown-code = Enter the code it shows
six-digit-code = 6-digit code

# An invitation.
invitation-welcome = Welcome, { $person }
invitation-lead = Choose a password for your account at { $organization }.
invitation-gone-heading = This invitation can't be used
invitation-gone-lead = It was used before, it is too old, or the link is not complete. If you have chosen a password already, sign in with it. Otherwise ask your administrator for a new invitation.

# Choosing a password. $least is never below 8.
your-user-name = Your user name
new-password = New password
new-password-hint = At least { $least } characters. A few words in a row are easy to remember and hard to guess.
new-password-again = The same password again
# Read out by screen readers before one of the words below.
password-strength = Strength of the password
# What is said of a password while it is typed, the worst first. None may contain a vertical bar.
strength-too-short = Too short
strength-easy-to-guess = Easy to guess
strength-could-be-better = Could be better
strength-good = Good
strength-very-good = Very good
