# Whoever does not come in, and why.

not-allowed-title = Not open to you
token-only-title = For programs only
certificate-required-title = Certificate missing
bad-request-title = Request not understood
not-found-title = Page not found
app-down-title = App not available
unavailable-title = Try again in a moment

# Below the heading “Access denied from this IP address”, which is the same in every language: what it says. English does not show it.
refused-meaning = You cannot come in from this IP address.
# Labels of the two lines below it.
address-seen = Address we saw
reference-code = Reference code
refused-hint = Tell these two lines to your administrator.

# Signed in, and this app is not open to them.
not-allowed-heading = { $app } is not open to you
not-allowed-lead = You are signed in as { $user }, which is not among those who may open it. If you need it, tell your administrator this code.
see-open-apps = See the apps that are open to you
sign-in-as-somebody-else = Sign in as somebody else
# In place of an app's name where there is no app: first at the beginning of a sentence (certificate-required-lead), then within one.
unnamed-page-at-start = This page
unnamed-page = this page

# An address of an app that is open to tokens only.
token-only-heading = This address is for programs
token-only-lead = This part of { $app } opens with an access token, not in a browser.

# The device has to show a client certificate.
certificate-required-heading = A certificate is missing
certificate-required-lead = { $app } opens only on devices that hold a certificate of { $organization }, and this browser showed none.
certificate-required-how = Ask your administrator for the certificate, install it, then close the browser and open this address again. If the browser asks which certificate to use, choose that one.

# What is wrong with a request: the heading, and below it one of the sentences that follow. Programs read the sentences in English.
bad-request-heading = We couldn't use that request
form-not-ours = This form is too old or came from elsewhere. Go back, reload the page and try again.
form-not-ours-open-mail = This form is too old or came from elsewhere. Open the link of your mail again.
form-not-ours-open-invitation = This form is too old or came from elsewhere. Open your invitation again.
app-link-incomplete = This link is not complete. Open the app again.
cookie-not-kept = Your browser did not keep the cookie that signs you in here. Allow cookies for this site and open the app again.
request-not-forwarded = This request could not be forwarded as it is.
client-address-unknown = The client's address could not be determined.
method-not-served = This method is not served here.
header-too-large = The request's header is larger than 64 KiB. Delete this site's cookies and try again.
https-only = This is served by https only. What was sent could be read on its way.
no-app-of-this-name = No app is served under this name. Check the address.
connection-to-another-host = This connection was opened to another host. Open one to this host and ask again.
sent-too-large = What was sent is too large.

# No such page; the heading is not-found-title.
not-found-lead = There is nothing at this address. Check it for a typing mistake, or begin at the first page.
go-to-first-page = Go to the first page

# The app behind the gateway doesn't answer.
app-down-heading = { $app } doesn't answer
# $status is the number that the page shows as error-code.
app-down-lead = { $status ->
    [503] It can't take more requests at the moment.
    [504] It takes too long to answer.
   *[other] It can't be reached at the moment.
} Nothing is wrong with your sign-in. Try again in a few minutes, and if it lasts, tell your administrator these two lines.
error-code = Error

# The gateway itself can't serve now; the heading is unavailable-title.
unavailable-store = Signing in and opening apps doesn't work just now. Nothing of yours is lost.
unavailable-busy = Many people are coming in at once. Try again in a few seconds.
unavailable-too-many = Too many requests came from here in a short time. Try again in { $seconds ->
    [one] 1 second
   *[other] { $seconds } seconds
}.
