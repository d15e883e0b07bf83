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
error-method = This address works another way
error-method-text = Go back to the page that you came from and try again from there.
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

# The scanner's screen
scan-title = Scanner
scan-sound = Sound
scan-menu = Menu
scan-since = Shift open since { $value }
scan-close-shift = Close the shift
scan-needs-script = The scanner needs JavaScript, which this browser has switched off.
scan-second = The scanner is already open in another window of this device. Go on there, or close it and load this page again.
scan-offline = No connection. Nothing can be added or redeemed until it is back.
scan-code = Scan a code
scan-picture = What the camera sees
scan-camera-on = Turn the camera on
scan-camera-insecure = The camera needs a secure connection (https). Scanners that type and typed codes work as well.
scan-camera-refused = The camera is not allowed. Allow it in the browser's settings for this page, then try again.
scan-camera-none = This device has no camera. Use a scanner, or type the code.
scan-camera-busy = The camera can't be used. Perhaps another app has it. Close that app and try again.
scan-light = Light
scan-type-code = Scan or type a code
scan-go = Look up
scan-back = Back to scanning
scan-somebody = A member without a name
scan-no-answer = No answer. Check the connection and scan again; nothing was changed.
scan-earn = Add points
scan-amount = Amount
scan-amount-wrong = Write an amount such as 12.500
scan-receipt = Receipt no.
scan-add = Add points for
scan-rewards = Redeem
scan-voucher = Voucher
scan-no-rewards = This programme has no rewards yet.
scan-not-now = Not now
scan-less = Less: { $value }
scan-more = More: { $value }
scan-times = { $value } ×
scan-and = {" + "}
scan-redeem = Redeem
scan-missing = { $count ->
    [one] { $count } point is missing
   *[other] { $count } points are missing
}
scan-held = { $count ->
    [one] { $count } point is on hold for vouchers.
   *[other] { $count } points are on hold for vouchers.
}
scan-debt = { $count ->
    [one] { $count } point is owed after a return.
   *[other] { $count } points are owed after a return.
}
scan-pending = { $count ->
    [one] { $count } point is waiting to be confirmed.
   *[other] { $count } points are waiting to be confirmed.
}
scan-spent = This code has been used. It can still earn points; to redeem, scan the live code on the card's page.
scan-identify = This code can earn points. To redeem, scan the live code on the card's page.
scan-recent = This shift
scan-recent-none = Sales and redemptions of this shift stand here. They can be undone for 15 minutes.
scan-tally-sales = { $count ->
    [one] { $count } sale
   *[other] { $count } sales
}
scan-tally-redemptions = { $count ->
    [one] { $count } redemption
   *[other] { $count } redemptions
}
scan-did-earn = points added
scan-did-redeem = redeemed
scan-undone = undone
scan-asking = Asking…
scan-do-not-hand-over = Do not hand anything over yet.
scan-asking-again = No answer yet. Asking again - do not hand anything over yet.
scan-giving-up = Still no answer. Making sure how it ended - do not hand anything over yet.
scan-done-redeem = Redeemed
scan-done-earn = Points added
scan-done-undo = Undone
scan-earned = { $count ->
    [one] { $count } point added
   *[other] { $count } points added
}
scan-went-back = { $count ->
    [one] { $count } point went back
   *[other] { $count } points went back
}
scan-balance = { $count ->
    [one] New balance: { $count } point
   *[other] New balance: { $count } points
}
scan-late = This was done at { $value }, before the answer was lost.
scan-left-open = This device was another till when an answer was lost: { $value }. Look in the records how that ended.
scan-never = Not done
scan-never-do = The connection was lost before it happened, and now it never will. Scan the code again.
scan-when = Redeemed at { $value }
scan-same-till = On this till.
scan-newer-code = The card has a newer code: ask for the live code on the card's page.
scan-next = Next customer
scan-undo = Undo
scan-undo-title = Undo this?
scan-undo-text = Points go back to where they were. This can't be taken back.
scan-undo-yes = Undo it
scan-undo-no = Leave it
scan-refused = Refused
scan-offline-title = The scanner is offline
scan-offline-text = Without a connection nothing can be added or redeemed: a code could be used twice. Write the sale down, or wait until the connection is back.
scan-offline-again = Try again

# Why something was refused, and what staff can do
why-already_redeemed = Already redeemed
do-already_redeemed = This code was used. Don't hand anything over again.
why-already_reversed = Undone before
do-already_reversed = The points went back already.
why-code_cancelled = The voucher was cancelled
do-code_cancelled = Its points went back to the card. Scan the card instead.
why-code_expired = The code has expired
do-code_expired = Ask the customer to open the card's page and show the fresh code.
why-code_from_before_restore = A manager is needed
do-code_from_before_restore = The code is older than a repair of our records. Ask the customer for the live code on the card's page, or call a manager.
why-currency_mismatch = Another currency
do-currency_mismatch = The programme counts in another currency than this sale.
why-device_full = Nothing was sent
do-device_full = This device can't keep notes: its storage is full or switched off. Leave private browsing or free some space, then scan again.
why-forbidden = Not allowed here
do-forbidden = This till may not do that. Ask a manager.
why-identify_only = This code can't be redeemed
do-identify_only = Ask for the live code on the card's page, or the code in the wallet that changes.
why-insufficient_points = Not enough points
do-insufficient_points = Choose another reward, or add the sale first.
why-invalid_code = Not one of our codes
do-invalid_code = Scan again. If it stays so, look the member up another way or call a manager.
why-key_revoked = This till was signed out
do-key_revoked = Ask a manager for a new one-time code.
why-ledger_regressed = Stop: call a manager
do-ledger_regressed = The records of this code don't agree. Don't hand anything over.
why-ledger_unavailable = Not possible now
do-ledger_unavailable = The records can't be reached. Nothing was changed; try again in a minute.
why-live_code_required = The live code is needed
do-live_code_required = For this reward ask the customer to open the card's page and show the code with the countdown.
why-member_erased = This card is closed
do-member_erased = The member left the programme. They may join again.
why-member_unverified = Not confirmed yet
do-member_unverified = The member has to enter the code that we sent before points can be used. The card's page sends a new one.
why-pace_limited = Too often
do-pace_limited = This card was used as often as it may be for now. Try again later.
why-pass_replaced = An old pass
do-pass_replaced = A newer pass was issued for this card. Ask the customer to open the new one.
why-programme_disabled = The programme is closed now
do-programme_disabled = Nothing can be redeemed at the moment. Ask a manager.
why-rate_limited = Too fast
do-rate_limited = Wait a moment, then scan again.
why-receipt_reused = This receipt was used before
do-receipt_reused = Points were added for this receipt number. Check the number.
why-return_exceeds_sale = Already taken back
do-return_exceeds_sale = The sale was returned before.
why-reversal_too_late = Too late to undo here
do-reversal_too_late = After 15 minutes a manager has to undo it.
why-reward_disabled = This reward is switched off
do-reward_disabled = Choose another one.
why-shift_closed = The shift is closed
do-shift_closed = Sign in again.
why-store_disabled = This store is switched off
do-store_disabled = Ask a manager.
why-terminal_disabled = This till is switched off
do-terminal_disabled = Ask a manager.
why-unauthorized = This till is not signed in
do-unauthorized = Sign in again.
why-validation_failed = Something is not right
do-validation_failed = Check what was typed.
why-voucher_not_open = The voucher was used or ended
do-voucher_not_open = Don't hand anything over. Scan the card to see what it can still buy.
why-wrong_programme = Not a card of this shop's programme
do-wrong_programme = This till works with another programme.
why-wrong_store = Not valid in this store
do-wrong_store = It can be used in another store.

# The scanner: becoming a till, signing in
scan-enrol-title = Make this device a till
scan-enrol-lead = Ask your manager for a one-time code. It is good for ten minutes.
scan-one-time-code = One-time code
scan-one-time-code-why = Eleven letters and digits. Dashes, spaces and capitals don’t matter.
scan-one-time-code-wrong = That code is wrong, used or too old. Check it, or ask your manager for a new one.
scan-enrol-go = Set up
scan-withdrawn = This device is no longer a till: the till was set up on another device, or a manager withdrew it. Ask your manager for a new code.
scan-off = This till is switched off
scan-off-text = A manager has switched this till off, and can switch it on again. Nothing can be scanned until then.
scan-try-again = Try again
scan-leave = Forget this till
scan-leave-why = This device will need a new one-time code before it can scan again.
scan-sign-in = Sign in
scan-who = Who is working?
scan-nobody = Nobody may work in this store yet. A manager adds the staff; then try again.
scan-pin = PIN
scan-pin-why = Your six digits. If you forgot them, your manager can make new ones.
scan-sign-in-go = Start my shift
scan-pin-wrong = That PIN is not right. Choose your name and try again.
scan-pin-too-many = There were too many wrong PINs. Wait a few minutes, or ask your manager for help.
scan-staff-off = You are switched off here. Please ask your manager.
scan-staff-elsewhere = You are not on this store’s list. Please ask your manager.
scan-shift-replaced = Somebody else has signed in at this till, so your shift is over.
scan-shift-expired = The shift was open for 16 hours and has ended by itself. Please sign in again.
scan-shift-barred = The shift is over: you may no longer work at this till. Please ask your manager.

# Where a point is a stamp: these stand in for the texts without the ending
points-stamps = { $count ->
    [one] { $count } stamp
   *[other] { $count } stamps
}
points-unit-stamps = { $count ->
    [one] stamp
   *[other] stamps
}
to-go-stamps = { $count ->
    [one] { $count } more stamp for { $value }
   *[other] { $count } more stamps for { $value }
}
on-hold-stamps = { $count ->
    [one] { $count } stamp is on hold for your vouchers.
   *[other] { $count } stamps are on hold for your vouchers.
}
expiring-stamps = { $count ->
    [one] { $count } stamp can be used until { $value }.
   *[other] { $count } stamps can be used until { $value }.
}
reward-swap-label-stamps = Swap { $count } stamps for { $value }
reward-missing-stamps = { $count ->
    [one] { $count } stamp to go
   *[other] { $count } stamps to go
}
earn-per-sale-stamps = { $count ->
    [one] { $count } stamp with every purchase.
   *[other] { $count } stamps with every purchase.
}
how-redeem-stamps = Swap stamps for a reward here, or show your code at the till and ask for it there. Each code works once.
join-first-rewards-stamps = What your stamps get you
poster-reward-stamps = { $count ->
    [one] { $value } for { $count } stamp
   *[other] { $value } for { $count } stamps
}
earn-per-unit-stamps = { $count ->
    [one] { $count } stamp for every { $value } that you spend.
   *[other] { $count } stamps for every { $value } that you spend.
}
earn-one-per-stamps = 1 stamp for every { $value } that you spend.
