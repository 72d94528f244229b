# La página de la cuenta y lo que se cambia desde ella.

account-title = Su cuenta
new-password-title = Cambiar la contraseña
new-codes-title = Nuevos códigos de recuperación
questions-title = Preguntas de seguridad
authenticator-title = Aplicación de autenticación
new-token-title = Crear un token de API
token-made-title = Su nuevo token

# Al principio de la página de la cuenta.
account-lead = { $person }, con la sesión iniciada como { $user }.
# Lo que se acaba de hacer.
done-password = Ha cambiado su contraseña.
done-session = Esa sesión ha terminado.
done-others = Todas las demás sesiones de navegador han terminado.
done-token = Ese token queda revocado definitivamente.
done-passkey-added = Se ha añadido su clave de acceso.
done-passkey-renamed = Su clave de acceso tiene un nombre nuevo.
done-passkey-removed = Se ha eliminado su clave de acceso.
done-codes = Ya no se envía allí ningún código.
done-questions = Sus preguntas de seguridad están configuradas.
done-app-password = Esa contraseña de aplicación queda revocada definitivamente.
done-two-step-off = El inicio de sesión en dos pasos está desactivado. A partir de ahora basta su contraseña para iniciar sesión.

# Formas de iniciar sesión: nombres, con lo que hay configurado de cada una, y botones.
# Lo que está entre $unseen y $seen solo lo dicen los lectores de pantalla; el resto tiene que bastar como botón.
ways-to-sign-in = Inicio de sesión
change-password = Cambiar{ $unseen } su contraseña{ $seen }
passkeys-added = { $count ->
    [0] Ninguna
    [one] 1 añadida
   *[other] { $count } añadidas
}
manage-passkeys = Administrar{ $unseen } sus claves de acceso y llaves de seguridad{ $seen }
# Se dice de una aplicación de autenticación.
authenticator-is-set-up = Configurada
# Se dice de una aplicación de autenticación y de los códigos por mensaje de texto, por llamada o por correo.
is-not-set-up = Sin configurar
replace-authenticator = Reemplazar{ $unseen } su aplicación de autenticación{ $seen }
# $to es el final de un número de teléfono, o parte de una dirección de correo.
codes-go-to = Los códigos se envían a { $to }
remove-codes-by-text-message = Eliminar{ $unseen } los códigos por mensaje de texto{ $seen }
remove-codes-by-call = Eliminar{ $unseen } los códigos por llamada{ $seen }
remove-codes-by-mail = Eliminar{ $unseen } los códigos por correo{ $seen }
# Se dice de las preguntas de seguridad.
questions-are-set = Configuradas
questions-are-not-set = Sin configurar
change-questions = Cambiar{ $unseen } sus preguntas de seguridad{ $seen }
recovery-codes = Códigos de recuperación
recovery-codes-left = { $count ->
    [0] No queda ninguno
    [one] Queda 1
   *[other] Quedan { $count }
}
make-new-codes = Crear nuevos{ $unseen } códigos de recuperación{ $seen }

# Inicios de sesión de navegadores.
active-sessions = Sesiones activas
sessions-hint = Navegadores en los que tiene la sesión iniciada. Terminar una no afecta a los teléfonos ni a los tokens.
# Una marca junto al navegador que muestra la página.
this-session = Este navegador
end-session = Terminar{ $unseen } la sesión en { $name }{ $seen }
end-other-sessions = Terminar todas las demás
# Inicios de sesión de teléfonos y programas.
telephones-and-apps = Teléfonos y aplicaciones nativas
no-devices = Ninguno tiene la sesión iniciada.
end-device = Terminar{ $unseen } la sesión de { $name }{ $seen }

# Tokens.
api-tokens = Tokens de API
no-tokens = No tiene ninguno. Los usan los programas que actúan en su nombre.
tokens-hint = Los usan los programas que actúan en su nombre. Lo que se revoca deja de funcionar definitivamente.
revoke-token = Revocar{ $unseen } el token { $name }{ $seen }
make-token = Crear un token

# De inicios de sesión, tokens y contraseñas de aplicación, en letra pequeña debajo del nombre, uno tras otro con puntos entre ellos.
# $when es «hace 5 minutos» o «24 de octubre de 2026».
since-when = inicio: { $when }
last-used = último uso: { $when }
last-used-from = último uso: { $when }, desde { $address }
never-used = sin usar
good-until = caducidad: { $when }
only-from = solo desde { $addresses }

# Un enlace al final de muchas páginas.
back-to-account = Volver a su cuenta

# Otra aplicación de autenticación, o la primera. $steps es two-step.
replace-authenticator-ask = ¿Reemplazar su aplicación de autenticación?
replace-authenticator-lead = Para un teléfono nuevo u otra aplicación. La que tiene funciona hasta que introduzca el primer código de la nueva; entonces deja de funcionar, igual que sus antiguos códigos de recuperación.
set-up-two-step-ask = ¿Configurar el inicio de sesión { $steps }?
set-up-two-step-lead = Inicia sesión con su contraseña y un código de su teléfono, de modo que su contraseña por sí sola no basta para entrar.
switch-two-step-off = Desactivar el inicio de sesión en dos pasos

# Otra contraseña.
present-password = Contraseña actual
# El botón.
save-new-password = Cambiar la contraseña
# Lo que puede terminar con la antigua: casillas, y debajo de cada una lo que dejaría de funcionar.
what-should-stop = ¿Qué debe dejar de funcionar?
ends-hint = Lo demás sigue como antes. Lo que termina aquí termina definitivamente.
ends-browsers = Terminar las demás sesiones de navegador
ends-devices = Cerrar la sesión en teléfonos y aplicaciones nativas
ends-tokens = Revocar los tokens de API
ends-app-passwords = Revocar las contraseñas de aplicación
ends-last-used = { $name }, último uso: { $when }
ends-never-used = { $name }, sin usar

# Otros códigos de recuperación.
new-codes-ask = ¿Crear nuevos códigos de recuperación?
new-codes-lead = { $count ->
    [0] Recibe diez nuevos, que se muestran una sola vez.
    [one] Recibe diez nuevos, que se muestran una sola vez. El que queda deja de funcionar.
   *[other] Recibe diez nuevos, que se muestran una sola vez. Los { $count } que quedan dejan de funcionar.
}
# Un botón, y un enlace a su lado.
save-new-codes = Crear códigos nuevos
keep-old-codes = Conservar los que tiene

# Nuevos códigos de recuperación, mostrados una sola vez. Lo que está entre $stressed y $calm va en negrita.
keep-codes = Guarde sus códigos de recuperación
keep-codes-lead = Si pierde su teléfono, con cada uno de estos códigos inicia sesión una vez. { $stressed }Imprímalos o cópielos ahora:{ $calm } no se vuelven a mostrar.
keep-codes-hint = Guárdelos donde guardaría su pasaporte, no en el propio teléfono.
codes-are-kept = Ya los he guardado, continuar

# Preguntas de seguridad.
questions-lead = Si olvida su contraseña, se las preguntamos además de enviarle el enlace por correo. Elija lo que solo usted sabe y no se puede leer en ninguna parte.
first-question = Primera pregunta
second-question = Segunda pregunta
its-answer = Su respuesta
# Un botón.
save-questions = Guardar

# Un token nuevo, y lo mismo para una contraseña de aplicación.
new-token-lead = Para un programa que actúa en su nombre: en las aplicaciones que elija puede hacer lo mismo que usted.
# La etiqueta de un campo: cómo se llama el token o la contraseña de aplicación.
its-name = Nombre
token-name-hint = Para qué sirve, de modo que lo reconozca después: «exportación nocturna».
which-apps = ¿A qué aplicaciones da acceso?
# Una lista para elegir, y lo que contiene.
how-long = ¿Cuánto tiempo sirve?
for-days = { $count ->
    [one] 1 día
   *[other] { $count } días
}
for-a-year = Un año
# El botón.
save-new-token = Crear el token

# El token, mostrado una sola vez. Lo que está entre $stressed y $calm va en negrita.
token-made-lead = Este es «{ $name }». { $stressed }Cópielo ahora:{ $calm } no se vuelve a mostrar.
# $header es una línea tal como la envían los programas.
token-made-hint = El programa lo envía con cada solicitud: { $header }
token-is-copied = Ya lo he copiado, continuar

# Desde dónde vale un token o una contraseña de aplicación. $address es la dirección que tiene ahora quien lo crea.
only-from-label = Solo desde estas direcciones (opcional)
only-from-hint = Direcciones o prefijos, separados por comas. Si lo deja vacío, vale desde donde usted pueda entrar. Su dirección actual es { $address }.
