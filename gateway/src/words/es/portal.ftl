# Lo que rodea cada página, y las páginas que no pertenecen a otra parte.

# La lista de idiomas, que leen los lectores de pantalla.
languages = Idiomas
home-title = Sus aplicaciones
sign-out-title = Cerrar sesión
signed-out-title = Sesión cerrada
whoami-title = ¿Quién soy?

# Momentos, también en listas, tras dos puntos: «último uso: hace 5 minutos».
when-just-now = hace un momento
when-minutes-ago = { $count ->
    [one] hace 1 minuto
   *[other] hace { $count } minutos
}
when-hours-ago = { $count ->
    [one] hace 1 hora
   *[other] hace { $count } horas
}
when-days-ago = { $count ->
    [one] hace 1 día
   *[other] hace { $count } días
}
when-date = { $day } de { $month ->
    [1] enero
    [2] febrero
    [3] marzo
    [4] abril
    [5] mayo
    [6] junio
    [7] julio
    [8] agosto
    [9] septiembre
    [10] octubre
    [11] noviembre
   *[12] diciembre
} de { $year }

# La primera página.
# Un enlace a la página de la cuenta muestra el nombre de usuario; esto es lo que dicen de él los lectores de pantalla.
home-account = Su cuenta, { $user }
# Un botón.
sign-out = Cerrar sesión
home-hello = Hola, { $person }
home-lead = Estas son las aplicaciones que puede abrir desde aquí.
home-no-apps = Todavía no puede abrir ninguna aplicación desde aquí. Puede depender de dónde se encuentra o de lo que puede usar. Su administrador puede decírselo.
home-see-address = Ver desde qué dirección se conecta

# Antes y después de cerrar la sesión.
sign-out-ask = ¿Cerrar sesión?
sign-out-lead = Ha iniciado sesión como { $user }. Se cerrará la sesión de todas sus aplicaciones en este navegador.
sign-out-stay = Mantener la sesión
signed-out-heading = Ha cerrado la sesión
signed-out-lead = Se ha cerrado la sesión de todas sus aplicaciones en este navegador. En un equipo compartido, cierre también la ventana.
sign-in-again = Volver a iniciar sesión

# Lo que se sabe de una solicitud: nombres con sus valores detrás.
whoami-lead = Lo que esta puerta de enlace sabe de la solicitud con la que se abrió esta página.
whoami-address = Su dirección
# El otro extremo de la conexión, que puede ser un proxy.
whoami-peer = Conexión desde
whoami-user = Usuario
whoami-roles = Sus roles
whoami-groups = Sus grupos
whoami-networks = Redes
# En lugar de un nombre de usuario, de roles, de grupos y de las redes que nombra la configuración.
whoami-nobody = nadie
whoami-no-roles = ninguno
whoami-no-groups = ninguno
whoami-no-networks = ninguna de las que tienen nombre
# Una tabla de proxies: los tres primeros son los encabezados de sus columnas.
whoami-step = Paso
whoami-hop-address = Dirección
whoami-trust = Confianza
whoami-way = El camino de su solicitud
whoami-way-hint = Desde esta puerta de enlace hacia fuera. La primera dirección que no es de confianza es la suya.
whoami-trusted = proxy de confianza
whoami-not-trusted = no es de confianza
