# The texts of mails and short messages in English. Every file here has the same keys; a test holds that.
code-subject = { $code } is your code for { $brand }
code-intro = Enter this code to confirm your contact for { $brand }. Your points wait for it.
code-or-link = Or open this page and press the button:
code-minutes = The code can be used for { $minutes } minutes.
code-not-you = If you did not ask for it, ignore this message: nothing happens without the code. Give it to nobody.
code-sms = { $code } is your code for { $brand }. It can be used for { $minutes } minutes. Give it to nobody.
link-subject = Your card of { $brand }
link-intro = You are a member of { $brand } already. This is the way to your card:
link-keep = Whoever has this address has your card: keep it to yourself.
link-not-you = If you did not ask for it, somebody may have typed your contact by mistake; you need not do anything.
link-sms = Your card of { $brand }: { $link } Keep this address to yourself.
