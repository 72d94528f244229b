# Contraseñas de aplicación.

new-app-password-title = Crear una contraseña de aplicación
app-password-made-title = Su nueva contraseña de aplicación

# En la página de la cuenta.
app-passwords-heading = Contraseñas de aplicación
no-app-passwords = No tiene ninguna. Las usan, con su nombre de usuario, los calendarios y similares; ahí no sirve su contraseña habitual.
app-passwords-hint = Cada una es para un solo programa. Lo que se revoca deja de funcionar definitivamente.
# $when es «hace 5 minutos» o «24 de octubre de 2026»; $client es como se llama a sí mismo el programa.
last-used-from-by = último uso: { $when }, desde { $address }, con { $client }
# Lo que está entre $unseen y $seen solo lo dicen los lectores de pantalla; el resto tiene que bastar como botón.
revoke-app-password = Revocar{ $unseen } la contraseña de aplicación { $name }{ $seen }
# Un enlace.
make-app-password = Crear una contraseña de aplicación

# Una nueva.
new-app-password-lead = Para un programa que solo conoce un nombre de usuario y una contraseña, como un calendario. Cree una para cada programa.
app-password-name-hint = Para qué programa es, de modo que la reconozca después: «Calendario de mi teléfono».
# Cuánto tiempo sirve.
until-revoked = Hasta que la revoque
# El botón.
save-new-app-password = Crear la contraseña de aplicación

# La contraseña de aplicación, mostrada una sola vez. Lo que está entre $stressed y $calm va en negrita.
app-password-made-lead = Esta es «{ $name }». { $stressed }Escríbala o cópiela ahora:{ $calm } no se vuelve a mostrar.
app-password-made-hint = Con o sin guiones y espacios, en mayúsculas o minúsculas.
show-app-password-picture = Mostrarla como imagen para una cámara
# Lo leen los lectores de pantalla en lugar de la imagen.
app-password-picture = La contraseña de aplicación como código QR
# Para los sistemas de Apple: un perfil de configuración.
set-up-apple = Configurar este iPhone, iPad o Mac
set-up-apple-hint = Se descarga un perfil con todos estos datos. Ábralo en Ajustes; el sistema pregunta antes de añadir nada.
app-password-is-put-in = Ya la he introducido, continuar
