# Passkeys and security keys.

passkeys-title = Passkeys and security keys
use-passkey-or-key-title = Use your passkey or security key
use-passkey-title = Use your passkey
add-passkey-title = Add a passkey or security key

# What the device asks for. If an app was asked for, the second of each two.
passkey-or-key-how = Your device asks for your fingerprint, face or screen lock, or for you to touch your key.
passkey-or-key-how-to-app = Your device asks for your fingerprint, face or screen lock, or for you to touch your key, to continue to { $app }.
passkey-how = Your device asks for your fingerprint, face, screen lock or the PIN of your key.
passkey-how-to-app = Your device asks for your fingerprint, face, screen lock or the PIN of your key, to continue to { $app }.
# Buttons.
use-passkey-or-key = Use your passkey or key
use-passkey = Use your passkey
use-password-instead = Sign in with your password instead

# What the browser could not do, shown in place.
passkeys-unsupported = This browser can't use passkeys. Choose another way, or use a newer browser.
passkey-cancelled = That was cancelled, or took too long. Press the button to try again.
passkey-known = This key is among yours already. Use another one.
passkey-failed = Your browser couldn't do that. Try again, or choose another way.
passkeys-need-script = Passkeys need JavaScript, and this browser doesn't run it. Choose another way.

# A new one: during the first sign-in, and later.
set-up-passkey-heading = Set up a passkey or security key
set-up-passkey-lead = From now on you sign in with your fingerprint, face or screen lock, or with a key that you plug in. So nobody gets in with your password alone.
add-passkey-lead = This device's fingerprint, face or screen lock, your phone, or a key that you plug in.
passkey-name = Name (optional)
passkey-name-hint = So that you can tell it from others. Left empty, it is named after your device.
back-to-passkeys = Back to your passkeys

# The list of one's own.
passkeys-lead = With one of these you sign in without typing a code. Most of them do without your password too.
# The same place, after something was done.
passkey-added = It is added. It works from your next sign-in on.
passkey-renamed = It has its new name.
passkey-removed = It is removed and signs you in no more. It may still be kept on its device; delete it there as well.
no-passkeys = You have none.
# Below the name of each. $when is a date, "5 minutes ago" or "just now".
passkey-since = added { $when }
passkey-last-used = last used { $when }
passkey-never-used = never used
# Buttons. What stands between $unseen and $seen only screen readers say.
rename-passkey = Rename{ $unseen } { $name }{ $seen }
new-passkey-name = New name
save-passkey-name = Save{ $unseen } the name{ $seen }
remove-passkey = Remove{ $unseen } { $name }{ $seen }
add-one-passkey = Add one
