# What went wrong, above a form.
