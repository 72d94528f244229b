# What surrounds every page, and pages that belong to no other room.

# The list of languages, read out by screen readers.
languages = Languages
home-title = Your apps
sign-out-title = Sign out
signed-out-title = Signed out
whoami-title = Who am I?

# Moments, also within lists: "last used 5 minutes ago".
when-just-now = just now
when-minutes-ago = { $count ->
    [one] 1 minute ago
   *[other] { $count } minutes ago
}
when-hours-ago = { $count ->
    [one] 1 hour ago
   *[other] { $count } hours ago
}
when-days-ago = { $count ->
    [one] 1 day ago
   *[other] { $count } days ago
}
when-date = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }

# The first page.
# A link to the account page shows the user name; this is what screen readers say of it.
home-account = Your account, { $user }
# A button.
sign-out = Sign out
home-hello = Hello, { $person }
home-lead = These apps are open to you from here.
home-no-apps = No app is open to you from here yet. That may depend on where you are, or on what you may use. Your administrator can tell you.
home-see-address = See which address you come from

# Before and after signing out.
sign-out-ask = Sign out?
sign-out-lead = You are signed in as { $user }. Signing out closes all your apps in this browser.
sign-out-stay = Stay signed in
signed-out-heading = You are signed out
signed-out-lead = Your apps are closed in this browser. On a shared computer, close its window too.
sign-in-again = Sign in again

# What is known of a request: names with values behind them.
whoami-lead = What this gateway knows about the request that brought you this page.
whoami-address = Your address
# The other end of the connection, which may be a proxy.
whoami-peer = Connected from
whoami-user = Signed in as
whoami-roles = Roles
whoami-groups = Groups
whoami-networks = Networks
# In place of a user name, of roles, of groups, and of the networks that the configuration names.
whoami-nobody = nobody
whoami-no-roles = none
whoami-no-groups = none
whoami-no-networks = none of the named ones
# A table of proxies: the first three are the heads of its columns.
whoami-step = Step
whoami-hop-address = Address
whoami-trust = Trust
whoami-way = The way your request came
whoami-way-hint = From this gateway outwards. The first address that is not trusted is yours.
whoami-trusted = trusted proxy
whoami-not-trusted = not trusted
