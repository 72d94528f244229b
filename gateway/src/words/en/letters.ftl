# Mails, text messages and calls.

# How every mail begins.
letter-hello = Hello { $name },
# In mails without pictures: what a link does, and below it the link. $action is letter-not-me or letter-choose-password.
letter-action = { $action }:
# Facts, one a line. $when is letter-moment, $who is letter-administrator.
letter-when = When: { $when }
letter-from = From: { $address }
letter-with = With: { $device }
letter-by = By: { $who }
letter-administrator = an administrator
# $date is when-date, $time such as 08:00 UTC.
letter-moment = { $date }, { $time }

# Somebody signed in from where nobody did before.
letter-new-place-subject = New sign-in to your account at { $organization }
letter-new-place = Somebody signed in to your account from where nobody did before. If that was you, all is well.
# A button, and words above a link.
letter-not-me = It was not me: sign out everywhere
letter-new-place-otherwise = If it was not you, choose another password as well: somebody knows this one.

# A code by mail.
letter-code-subject = Sign-in code for { $organization }
letter-code = Your sign-in code is { $code }. It is good once and for { $minutes } minutes.
letter-code-otherwise = Nobody ever asks you for it but the page on which you are signing in. If you are not: somebody knows your password. Change it at once.
# A text message; telephones show the beginning. A line for programs follows.
text-message-code = { $code } is your sign-in code for { $organization }. Nobody from there ever asks you for it.
# Said by a voice. $digits is the code, digit by digit.
call-code = Your sign-in code for { $organization } is { $digits }. Once more: { $digits }.

# A forgotten password.
# Password reset stands in it in every language: people and their filters look for it.
letter-reset-subject = Password reset for { $organization }
letter-reset = Somebody asked to reset the password of your account at { $organization }. If that was you, choose a new one. The link works once and for { $minutes } minutes.
# A button, and words above a link.
letter-choose-password = Choose a new password
letter-reset-otherwise = If it was not you, there is nothing to do: your password stays as it is.

# Something that somebody signs in with changed. $what is one of the subjects below; each has its first sentence with it.
letter-change-subject = { $what } · { $organization }
# How such a mail ends.
letter-change-unexpected = If you did not expect this, tell your administrator at once, and look at what is signed in: { $account }
letter-password-subject = Your password was changed
letter-password = The password of your account was changed.
letter-password-reset-subject = Your password was reset
letter-password-reset = The password of your account was changed by a link from a mail. You were signed out everywhere.
letter-authenticator-subject = An authenticator app was set up
letter-authenticator = An authenticator app was set up for your account. From now on its codes are your second step.
letter-passkey-subject = A passkey was added
letter-passkey = A passkey or security key called “{ $name }” opens your account.
letter-passkey-removed-subject = A passkey was removed
letter-passkey-removed = The passkey or security key called “{ $name }” opens nothing any more.
letter-two-step-off-subject = Two-step sign-in was switched off
letter-two-step-off = The second step of your account was taken away, with its recovery codes.
# $number is shown in part.
letter-telephone-subject = A telephone was set up for codes
letter-telephone = Codes for signing in go to the number { $number } from now on, if you choose so.
letter-codes-by-mail-subject = Codes by mail were set up
letter-codes-by-mail = Codes for signing in go to this address from now on, if you choose so.
letter-codes-off-subject = A way to receive codes was removed
letter-codes-off = One of the ways by which codes for signing in reach you was removed.
letter-questions-subject = Security questions were set
letter-questions = Security questions were set for your account, in the place of those that were there.
letter-recovery-codes-subject = New recovery codes were made
letter-recovery-codes = New recovery codes were made for your account. The old ones are worth nothing any more.
letter-token-subject = An API token was made
letter-token = A token called “{ $name }” acts for you from now on.
letter-app-password-subject = An app password was made
letter-app-password = A program that you call “{ $name }” signs in as you from now on.
letter-address-subject = The address of your account was changed
letter-address = From now on the address of your account is { $address }.
# The same, if it has none any more.
letter-no-address = From now on the address of your account is none.
