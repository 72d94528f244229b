# Passkeys and security keys.

passkeys-title = Passkeys and security keys
use-passkey-or-key-title = Use your passkey or security key
use-passkey-title = Use your passkey
add-passkey-title = Add a passkey or security key
