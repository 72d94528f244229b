# Claves de acceso y llaves de seguridad.

passkeys-title = Claves de acceso (passkeys) y llaves de seguridad
use-passkey-or-key-title = Usar su clave de acceso o llave de seguridad
use-passkey-title = Usar su clave de acceso
add-passkey-title = Añadir una clave de acceso o llave de seguridad

# Lo que pide el dispositivo. Si se pidió una aplicación, la segunda de cada dos.
passkey-or-key-how = Su dispositivo le pide su huella digital, su rostro o el bloqueo de pantalla, o que toque su llave.
passkey-or-key-how-to-app = Para continuar a { $app }, su dispositivo le pide su huella digital, su rostro o el bloqueo de pantalla, o que toque su llave.
passkey-how = Su dispositivo le pide su huella digital, su rostro, el bloqueo de pantalla o el PIN de su llave.
passkey-how-to-app = Para continuar a { $app }, su dispositivo le pide su huella digital, su rostro, el bloqueo de pantalla o el PIN de su llave.
# Botones.
use-passkey-or-key = Usar su clave de acceso o llave
use-passkey = Usar su clave de acceso
use-password-instead = Usar la contraseña

# Lo que el navegador no pudo hacer, mostrado en su sitio.
passkeys-unsupported = Este navegador no admite claves de acceso. Elija otra forma o use un navegador más reciente.
passkey-cancelled = Se canceló o tardó demasiado. Pulse el botón para intentarlo de nuevo.
passkey-known = Esta clave de acceso o llave ya está entre las suyas. Use otra.
passkey-failed = Su navegador no pudo hacerlo. Inténtelo de nuevo o elija otra forma.
passkeys-need-script = Las claves de acceso necesitan JavaScript y este navegador no lo ejecuta. Elija otra forma.

# Una nueva: en el primer inicio de sesión, y más tarde.
set-up-passkey-heading = Configurar una clave de acceso o llave de seguridad
set-up-passkey-lead = A partir de ahora inicia sesión con su huella digital, su rostro o el bloqueo de pantalla, o con una llave que se conecta. Así, su contraseña por sí sola no basta para entrar.
add-passkey-lead = La huella digital, el rostro o el bloqueo de pantalla de este dispositivo, su teléfono o una llave que se conecta.
passkey-name = Nombre (opcional)
passkey-name-hint = Para distinguirla de otras. Si lo deja vacío, recibe el nombre de su dispositivo.
back-to-passkeys = Volver a sus claves de acceso

# La lista de las propias.
passkeys-lead = Con una de estas inicia sesión sin escribir ningún código. La mayoría tampoco necesita su contraseña.
# En el mismo sitio, después de hacer algo.
passkey-added = Se ha añadido. Sirve desde su próximo inicio de sesión.
passkey-renamed = Ya tiene su nuevo nombre.
passkey-removed = Se ha eliminado y ya no sirve para iniciar sesión. Puede que siga guardada en su dispositivo; elimínela también allí.
no-passkeys = No tiene ninguna.
# Debajo del nombre de cada una. $when es una fecha, «hace 5 minutos» o «hace un momento».
passkey-since = añadida: { $when }
passkey-last-used = último uso: { $when }
passkey-never-used = nunca usada
# Botones. Lo que está entre $unseen y $seen solo lo dicen los lectores de pantalla.
rename-passkey = Cambiar nombre{ $unseen } de { $name }{ $seen }
new-passkey-name = Nombre nuevo
save-passkey-name = Guardar{ $unseen } el nombre{ $seen }
remove-passkey = Eliminar{ $unseen } { $name }{ $seen }
add-one-passkey = Añadir una
