# Forgotten passwords, recovery codes, and sign-ins that were somebody else's.

recovery-codes-title = Your recovery codes
not-me-title = Was it not you?
not-me-done-title = Signed out everywhere
forgot-title = Forgot your password?
link-sent-title = Look into your mail
reset-title = Choose a new password
reset-gone-title = Link not valid

# Where a link is asked for; the heading is forgot-title.
forgot-lead = Enter the e-mail address of your account. We send a link there by which you choose a new password.
e-mail-address = E-mail address
send-the-link = Send the link
forgot-hint = You don't know which address that is, or can't open its mailbox any more? Ask your administrator.
# In place of the form where no mail is sent.
forgot-without-mail = Your administrator can give you a link by which you choose a new password. Ask there.
# A link.
back-to-sign-in = Back to signing in

# The same whether an account has the address or not; the heading is link-sent-title. $minutes is 30.
link-sent-lead = If an account has the address { $email }, a link to choose a new password is on its way there. It works once and for { $minutes } minutes.
link-sent-hint = Nothing there after some minutes? Look among the unwanted mail, or check the address and ask again.
# A link.
use-another-address = Use another address

# Where another password is chosen; the heading is reset-title.
reset-lead = Afterwards you sign in with it. Browsers, telephones and native apps that are signed in now are signed out.
# A button.
save-the-password = Save the password

# Of a link in a mail that is used or too old.
link-gone-heading = This link can't be used
reset-gone-lead = It was used before, it is too old, a newer one took its place, or it is not complete.
# A button.
ask-for-a-new-link = Ask for a new link

# Of a sign-in that a mail told of; the heading is not-me-title. $device is such as “Firefox on Windows”, $when such as “2 minutes ago” or a date.
not-me-lead = Somebody signed in with { $device } from { $address }, { $when }.
# A button.
sign-out-everywhere = Sign out everywhere
not-me-hint = It signs out every browser, telephone and native app of yours. If it was you, there is nothing to do.
not-me-done-heading = You are signed out everywhere
not-me-done-lead = Whoever it was is out as well. Somebody knows your password: choose another one now.
# Below link-gone-heading.
not-me-gone-lead = It was used before, it is too old, or it is not complete. If somebody signed in as you, they know your password: choose another one now.
# A button.
choose-another-password = Choose another password
