# Lo que rodea cada página, y las páginas que no pertenecen a otra parte.

languages = Idiomas
home-title = Sus aplicaciones
sign-out-title = Cerrar sesión
signed-out-title = Sesión cerrada
whoami-title = ¿Quién soy?
