# App passwords.

new-app-password-title = Make an app password
app-password-made-title = Your new app password

# On the account page.
app-passwords-heading = App passwords
no-app-passwords = You have none. A calendar and the like show one with your user name; your own password is not taken there.
app-passwords-hint = Each is for one program. What is revoked stops for good.
# $when is "5 minutes ago" or "24 October 2026"; $client is what the program calls itself.
last-used-from-by = last used { $when } from { $address } by { $client }
# What stands between $unseen and $seen only screen readers say, so the rest has to do as a button by itself.
revoke-app-password = Revoke{ $unseen } the app password { $name }{ $seen }
# A link.
make-app-password = Make an app password

# A new one.
new-app-password-lead = For a program that knows only a user name and a password, such as a calendar. Make one for each program.
app-password-name-hint = Which program it is for, so that you know it again: “Calendar on my phone”.
# How long it is good.
until-revoked = Until you revoke it
# The button.
save-new-app-password = Make app password

# The app password, shown once. What stands between $stressed and $calm is printed bold.
app-password-made-lead = This is “{ $name }”. { $stressed }Type or copy it now:{ $calm } it is not shown again.
app-password-made-hint = With or without dashes and spaces, in capitals or not.
show-app-password-picture = Show it as a picture for a camera
# Read out by screen readers in place of the picture.
app-password-picture = The app password as a QR code
# For Apple's systems: a configuration profile.
set-up-apple = Set up this iPhone, iPad or Mac
set-up-apple-hint = It downloads a profile with all of this filled in. Open it in the settings; they ask before they add anything.
app-password-is-put-in = I have put it in, continue
