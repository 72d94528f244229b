# Claves de acceso y llaves de seguridad.

passkeys-title = Claves de acceso y llaves de seguridad
use-passkey-or-key-title = Usar su clave de acceso o llave de seguridad
use-passkey-title = Usar su clave de acceso
add-passkey-title = Añadir una clave de acceso o llave de seguridad
