# Iniciar sesión: nombre y contraseña, el segundo paso y su configuración.

sign-in-title = Iniciar sesión
sign-in-to = para continuar a { $app }
user-name = Nombre de usuario
password = Contraseña
continue = Continuar
sign-in-with-passkey = Iniciar sesión con una clave de acceso (passkey)
forgot-password = ¿Olvidó la contraseña?
set-up-title = Configurar el inicio de sesión en dos pasos
invitation-title = Elegir una contraseña
invitation-gone-title = Invitación no válida
send-code-title = Recibir un código
sent-code-title = Introducir el código
enter-code-title = Introducir el código
recovery-code-title = Introducir un código de recuperación

# Un botón.
sign-in = Iniciar sesión

# En medio de frases, sin salto de línea por dentro: «introduzca el código de 6 dígitos».
six-digit = de 6 dígitos
# En medio de un título, sin salto de línea por dentro: «Configurar el inicio de sesión en dos pasos».
two-step = en dos pasos

# Donde se pide el segundo paso. $digits es six-digit; $organization es el nombre con el que la aplicación muestra sus códigos.
authenticator-how = Abra su aplicación de autenticación e introduzca el código { $digits } que muestra para { $organization }.
# Lo mismo, si se pidió una aplicación.
authenticator-how-to-app = Para continuar a { $app }, abra su aplicación de autenticación e introduzca el código { $digits } que muestra para { $organization }.
recovery-code-how = Introduzca uno de los códigos de recuperación que guardó al configurar el inicio de sesión en dos pasos. Cada uno funciona una sola vez.
recovery-code-how-to-app = Para continuar a { $app }, introduzca uno de los códigos de recuperación que guardó al configurar el inicio de sesión en dos pasos. Cada uno funciona una sola vez.
# Etiquetas de campos.
code = Código
recovery-code = Código de recuperación

# Enlaces a los otros segundos pasos.
use-passkey-or-key-instead = Usar la clave de acceso o la llave de seguridad
use-authenticator-instead = Usar la aplicación de autenticación
code-by-text-message-instead = Recibir un código por mensaje de texto
code-by-call-instead = Recibir un código por llamada
code-by-mail-instead = Recibir un código por correo
use-recovery-code-instead = Usar un código de recuperación
not-this-user = ¿No es usted { $user }? Empezar de nuevo

# Antes de enviar un código. $to es el final de un número de teléfono, o parte de una dirección de correo.
send-code-by-text-message = Enviamos un código de 6 dígitos por mensaje de texto al número terminado en { $to }.
send-code-by-call = Llamamos al número terminado en { $to } y le dictamos un código de 6 dígitos.
send-code-by-mail = Enviamos un código de 6 dígitos a { $to }.
# Títulos donde se configuran esos códigos.
codes-by-text-message-title = Códigos por mensaje de texto
codes-by-call-title = Códigos por llamada
codes-by-mail-title = Códigos por correo
codes-by-text-message-lead = A partir de ahora inicia sesión con su contraseña y un código que le llega por mensaje de texto.
codes-by-call-lead = A partir de ahora inicia sesión con su contraseña y un código que se le dicta en una llamada.
codes-by-mail-lead = A partir de ahora inicia sesión con su contraseña y un código que llega a la dirección de su cuenta.
sent-codes-are-weaker = Estos mensajes pueden interceptarse por el camino. Una clave de acceso o una aplicación de autenticación es más segura y funciona sin red.
telephone-number = Número de teléfono
# El número es un ejemplo.
telephone-number-hint = Con el signo más y el prefijo del país, por ejemplo, +34 600 123 456.
# Botones.
call-me = Recibir la llamada
send-the-code = Enviar el código
# Un enlace a lo demás que se puede configurar.
choose-another-way = Elegir otra forma

# Después de enviar un código. $digits es six-digit; $to como arriba.
sent-code-by-text-message = Un código { $digits } va en camino por mensaje de texto al número terminado en { $to }. Sirve una sola vez y durante diez minutos.
sent-code-by-call = En una llamada al número terminado en { $to } se le dicta un código { $digits }. Sirve una sola vez y durante diez minutos.
sent-code-by-mail = Un código { $digits } va en camino a { $to }. Sirve una sola vez y durante diez minutos.
send-another-code = ¿No llegó nada? Recibir otro código

# Configurar el inicio de sesión en dos pasos: el título. $steps es two-step.
set-up-heading = Configurar el inicio de sesión { $steps }
choose-method-lead = A partir de ahora su contraseña por sí sola no basta para entrar. Elija qué más mostrará; después puede añadir otras formas.
# Lo que se puede configurar: cada nombre con lo que es. $digits es six-digit.
passkey-or-key = Clave de acceso (passkey) o llave de seguridad
passkey-or-key-is = Su huella digital, su rostro o el bloqueo de pantalla, o una llave que se conecta. No hay nada que escribir, así que nadie puede sonsacarle nada.
authenticator-app = Aplicación de autenticación
authenticator-app-is = Un código { $digits } de una aplicación en su teléfono.
text-message = Mensaje de texto
text-message-is = Un código { $digits } a su teléfono. Puede interceptarse por el camino.
call = Llamada
call-is = Una llamada en la que se le dicta un código { $digits }. Puede interceptarse por el camino.
e-mail = Correo
e-mail-is = Un código { $digits } a su buzón. La forma más débil de todas.
# El botón junto a cada una. Lo que está entre $unseen y $seen solo lo dicen los lectores de pantalla.
set-up-passkey-or-key = Configurar{ $unseen } una clave de acceso o llave de seguridad{ $seen }
set-up-authenticator-app = Configurar{ $unseen } una aplicación de autenticación{ $seen }
set-up-text-message = Configurar{ $unseen } códigos por mensaje de texto{ $seen }
set-up-call = Configurar{ $unseen } códigos por llamada{ $seen }
set-up-e-mail = Configurar{ $unseen } códigos por correo{ $seen }

# Configurar una aplicación de autenticación.
set-up-authenticator-lead = A partir de ahora inicia sesión con su contraseña y un código de su teléfono. Así, su contraseña por sí sola no basta para entrar.
get-authenticator = Consiga una aplicación de autenticación
get-authenticator-how = Si su teléfono aún no tiene ninguna, instale una desde su tienda de aplicaciones. Muchos gestores de contraseñas también sirven.
scan-picture = Escanee esta imagen con ella
# Lo leen los lectores de pantalla en lugar de la imagen.
qr-code = Código QR para su aplicación de autenticación
open-authenticator = ¿En este teléfono? Abrir la aplicación
type-key-instead = ¿No puede escanearla? Escriba esta clave
# Debajo de la clave, en las palabras de las aplicaciones de autenticación.
key-account-and-kind = Cuenta: { $user }. Tipo: basada en tiempo, 6 dígitos.
enter-shown-code = Introduzca el código que muestra
six-digit-code = Código de 6 dígitos

# Una invitación.
invitation-welcome = Le damos la bienvenida, { $person }
invitation-lead = Elija una contraseña para su cuenta en { $organization }.
invitation-gone-heading = Esta invitación no se puede usar
invitation-gone-lead = Ya se usó, es demasiado antigua o el enlace no está completo. Si ya eligió una contraseña, inicie sesión con ella. Si no, pida a su administrador una invitación nueva.

# Elegir una contraseña. $least nunca baja de 8.
your-user-name = Su nombre de usuario
new-password = Contraseña nueva
new-password-hint = Al menos { $least } caracteres. Unas cuantas palabras seguidas son fáciles de recordar y difíciles de adivinar.
new-password-again = La misma contraseña otra vez
# Lo leen los lectores de pantalla antes de una de las palabras de abajo.
password-strength = Seguridad de la contraseña
# Lo que se dice de una contraseña mientras se escribe, primero lo peor. Ninguna puede contener una barra vertical.
strength-too-short = Demasiado corta
strength-easy-to-guess = Fácil de adivinar
strength-could-be-better = Mejorable
strength-good = Buena
strength-very-good = Muy buena
