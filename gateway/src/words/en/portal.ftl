# What surrounds every page, and pages that belong to no other room.

# The list of languages, read out by screen readers.
languages = Languages
home-title = Your apps
sign-out-title = Sign out
signed-out-title = Signed out
whoami-title = Who am I?
