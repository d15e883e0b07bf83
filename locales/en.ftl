# The pages' texts in English. Every file here has the same keys; a test holds that.

# Values
points = { $count ->
    [one] { $count } point
   *[other] { $count } points
}
points-unit = { $count ->
    [one] point
   *[other] points
}
money = { $currency } { $amount }
day = { $day } { $month ->
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
moment = { $day }, { $time }

# Every page
skip = Skip to the content
language = Language
back-to-card = Back to your card

# The card
greeting = Hello, { $value }
your-balance = Your balance
to-go = { $count ->
    [one] { $count } more point for { $value }
   *[other] { $count } more points for { $value }
}
everything-reached = Every reward is within your reach.
no-rewards-yet = Points wait here until there are rewards to swap them for.
progress = Progress to { $value }
on-hold = { $count ->
    [one] { $count } point is on hold for your vouchers.
   *[other] { $count } points are on hold for your vouchers.
}
debt = { $count ->
    [one] { $count } point is still owed after a return; your next purchase settles it.
   *[other] { $count } points are still owed after a return; your next purchase settles them.
}
expiring = { $count ->
    [one] { $count } point can be spent until { $value }.
   *[other] { $count } points can be spent until { $value }.
}
card-number = Card number { $value }
show-at-till = Show this at the till
code-alt = Your code as a QR code
code-typed = Or say this code
code-until = Good until { $value }
code-new-in = New code in
code-renew = Show a new code
code-expired = This code has expired
code-none = There is no code at the moment. Please ask at the counter.
live-updated = Your balance was updated.
wallet-title = Keep it in your wallet
wallet-apple = Add to Apple Wallet
wallet-google = Save to Google Wallet
wallet-text = The card updates itself and works at the till, even without a network.
wallet-welcome = One tap, and your card is always with you.
wallet-go-on = Go on with your phone
wallet-go-on-text = Scan this with your phone’s camera to open your card there. It opens your card: show it to nobody else.
rewards = Rewards
reward-swap = Swap
reward-swap-label = Swap { $count } points for { $value }
reward-missing = { $count ->
    [one] { $count } point to go
   *[other] { $count } points to go
}
vouchers = Your vouchers
voucher-show = Show code
voucher-until = Good until { $value }
history = History
history-all = All of your history
history-older = Older
history-none = Nothing yet. Show your code at the till with your next purchase.
history-balance = Your balance today
line-points-until = good until { $value }
line-earn = Purchase
line-earn-total = Purchase of { $value }
line-capture = Redeemed: { $value }
line-redeemed = Voucher used
line-hold = Swapped for a voucher: { $value }
line-release = Voucher given back
line-return = Purchase returned
line-reversal = Redemption undone
line-repayment = Owed points settled
line-adjust = Correction by staff
line-forfeit = Points forfeited
how-title = How it works
earn-per-unit = { $count ->
    [one] { $count } point for every { $value } that you spend.
   *[other] { $count } points for every { $value } that you spend.
}
earn-one-per = 1 point for every { $value } that you spend.
earn-per-sale = { $count ->
    [one] { $count } point with every purchase.
   *[other] { $count } points with every purchase.
}
how-redeem = Swap points for a reward here, or show your code at the till and ask for it there. Each code works once.
terms = Terms
more = More
privacy = Your data
lost = Lost your phone?

# A voucher
voucher-title = Voucher
voucher-alt = The code of this voucher as a QR code
voucher-show-at-till = Show this at the till to get { $value }. It works once.
voucher-open = Ready to be used
voucher-used = This voucher was used.
voucher-returned = This voucher was given back.
voucher-expired = This voucher has expired; its points are back on your card.
voucher-reversed = Its redemption was undone; its points are back on your card.
voucher-cancel = Give it back for { $count ->
    [one] { $count } point
   *[other] { $count } points
}
voucher-cancel-text = Changed your mind? The points return to your card at once.

# What was done, and what was not
done-joined = Welcome! Your card is ready.
done-issued = Done. Your voucher is ready.
done-cancelled = The voucher was given back. Its points are on your card again.
done-reissued = Your card was issued anew. Everything on the old phone is worthless now. Add the card to your wallet again, and keep this new address.
problem-points = There were not enough points for that.
problem-vouchers = Your card holds as many vouchers as it can. Use one first.
problem-reward = That reward is not offered at the moment.
problem-programme = The programme is paused at the moment. Your points are safe.
problem-voucher = That voucher was used or given back already.
problem-confirm = Please tick the box first.
problem-other = That did not work. Nothing was changed; please try again.

# Privacy
privacy-title = Your data
privacy-text = This is what we keep about you. It is encrypted with a key of your own.
kept-name = Name
kept-phone = Mobile number
kept-email = E-mail
kept-joined = Member since
consents = What you agreed to
consent-given = Agreed
consent-not-given = Not agreed
consent-version = Version { $value }
export-title = Take it along
export-text = Everything in one file: profile, cards, history, vouchers.
export = Download my data
erase-title = Erase everything
erase-text = Your cards close, your vouchers are cancelled, and your name and contacts are erased. Your { $count ->
    [one] { $count } point is
   *[other] { $count } points are
} lost. This cannot be undone.
erase-sure = Yes, erase my data and close my card
erase = Erase for good
closed-title = Your card is closed
closed-text = Your data was erased. The card in your wallet shows that it is void; you can delete it there. Thank you for having been with us.

# A lost phone
lost-title = Lost your phone?
lost-text = We issue your card anew. The card in the lost phone’s wallet, its codes, and this page’s address stop working at once. Your points and vouchers stay yours.
lost-step-1 = The old card and all its codes become worthless.
lost-step-2 = This page moves to a new, secret address.
lost-step-3 = You add the card to your new phone’s wallet.
lost-sure = Yes, issue my card anew
lost-go = Issue it anew

# Without a network
offline = Offline
offline-as-of = You are offline. This is how your card stood at { $value }.
offline-code = A code that has not expired can still be scanned. A new one needs a network.
offline-retry = Try again

code-ends-in = Expires in

# Joining
join-title = Join { $value }
join-lead = Your card is ready in under a minute.
join-no-app = No app, no plastic.
join-first-rewards = What your points get you
join-name = First name
join-optional = optional
join-phone = Mobile number
join-email = E-mail
join-either = Mobile number or e-mail
join-contact-why = So that you can get your card back if you lose your phone.
join-go = Get my card
join-terms = Terms of the programme
join-troubles = Please look at the marked fields.
join-name-wrong = The name is too long or cannot be read.
join-contact-missing = Please fill this in.
join-contact-wrong = That does not look right. A number from abroad begins with + and the country’s code.
join-contact-phone = A mobile number is needed here.
join-contact-email = An e-mail address is needed here.
join-consent-missing = We need this to give you a card.
known-title = You are already a member
known-text = There is a card for this contact. Staff at the counter can find it for you.
known-sent = There is a card for this contact. We have sent the way to it there.
known-again = Join with another contact
poster-title = Collect points. Get rewards.
poster-scan = Scan with your phone’s camera
poster-reward = { $count ->
    [one] { $value } for { $count } point
   *[other] { $value } for { $count } points
}
poster-print = Print this page, or take the code alone:

# What went wrong
error-not-found = There is nothing here
error-not-found-text = The address may have been cut off. Open the link again from where you got it, or scan the code again.
error-replaced = This card has a new address
error-replaced-text = The card was issued anew, so this address and its codes no longer work. Use the new address.
error-closed = This card is closed
error-closed-text = The data of its member was erased.
error-join-closed = Joining is paused
error-join-closed-text = The programme takes no new members at the moment. Please ask at the counter.
error-too-many = A little too fast
error-too-many-text = There were too many requests from your network. Please wait a moment and try again.
error-unreadable = That could not be read
error-unreadable-text = Please go back and try again.
error-stranger = This form is too old
error-stranger-text = Please go back, load the page again, and send it once more. Cookies must be allowed: one keeps strangers from acting in your name.
error-busy = We will be right back
error-busy-text = The service cannot be reached for a moment. Nothing was changed; please try again.
error-internal = Something went wrong on our side
error-internal-text = It was noted. Please try again in a moment.

# Proving a contact
verify-title = Confirm your contact
verify-lead = Enter the 6-digit code that we sent to { $value }.
verify-code = Code
verify-go = Confirm
verify-why = Until then you collect points, and they wait: you can spend them as soon as the code is entered.
verify-again-text = Nothing arrived? Look among unwanted mail, or have a new code sent.
verify-again = Send a new code
verify-change = Use another contact
verify-contact = Mobile number or e-mail
verify-change-go = Send the code there
verify-later = Later: show my card
verify-banner = Confirm your contact
verify-help = New code, or another contact
verify-sent = A code is on its way.
verify-changed = Your contact was changed, and a code is on its way there.
verify-wait = A code was sent a moment ago. Please wait a little before asking for another.
verify-unsent = The code could not be sent. Please try again in a moment.
verify-wrong = That code is not right. Please look at it again.
verify-over = That code has run out or was tried too often. Have a new one sent.
verify-contact-used = That contact cannot be used for this card.
verify-link-lead = Press the button to confirm your contact for { $value }.
verify-link-go = Yes, this is my contact
pending = { $count ->
    [one] { $count } point waits until you have confirmed your contact.
   *[other] { $count } points wait until you have confirmed your contact.
}
done-confirmed = Thank you. Your contact is confirmed, and your points can be spent.
problem-unverified = Please confirm your contact first.
error-no-messages = Joining is not possible at the moment
error-no-messages-text = We cannot send you the code that joining needs. Please ask at the counter.
error-link-over = This link was used or has run out
error-link-over-text = If your contact is not confirmed yet, open your card and have a new code sent.

# Consents
consent-agree = I agree
consent-withdraw = Take it back
consent-never = Not asked yet
consent-new-wording = The wording has changed since your answer.
consent-needed = Membership needs this. Taking it back means leaving: erase your data below.
consent-anew = Please read this and agree
done-consent = Your answer was noted.
problem-consent = Membership needs this. Taking it back means leaving: erase your data below.
