# نصوص الصفحات بالعربية. المفاتيح نفسها في كل ملف.

# Values
points = { $count ->
    [zero] لا نقاط
    [one] نقطة واحدة
    [two] نقطتان
    [few] { $count } نقاط
    [many] { $count } نقطة
   *[other] { $count } نقطة
}
points-unit = { $count ->
    [few] نقاط
   *[other] نقطة
}
# Where a text has no letters of its own outside of what is filled in, \u200F says that it is written from right to left.
money = {"\u200F"}{ $amount } { $currency ->
    [KWD] د.ك
    [SAR] ر.س
    [AED] د.إ
    [BHD] د.ب
    [QAR] ر.ق
    [OMR] ر.ع
    [JOD] د.أ
    [EGP] ج.م
   *[other] { $currency }
}
day = {"\u200F"}{ $day } { $month ->
    [1] يناير
    [2] فبراير
    [3] مارس
    [4] أبريل
    [5] مايو
    [6] يونيو
    [7] يوليو
    [8] أغسطس
    [9] سبتمبر
    [10] أكتوبر
    [11] نوفمبر
   *[12] ديسمبر
} { $year }
moment = {"\u200F"}{ $day }، { $time }

# Every page
skip = انتقل إلى المحتوى
language = اللغة
back-to-card = العودة إلى بطاقتك

# The card
greeting = أهلًا { $value }
your-balance = رصيدك
to-go = { $count ->
    [zero] { $value } في متناولك
    [one] بقيت نقطة واحدة للحصول على { $value }
    [two] بقيت نقطتان للحصول على { $value }
    [few] بقيت { $count } نقاط للحصول على { $value }
    [many] بقيت { $count } نقطة للحصول على { $value }
   *[other] بقيت { $count } نقطة للحصول على { $value }
}
everything-reached = كل المكافآت في متناولك.
no-rewards-yet = نقاطك محفوظة هنا حتى تتوفر مكافآت تستبدلها بها.
progress = التقدم نحو { $value }
on-hold = { $count ->
    [zero] لا نقاط محجوزة لقسائمك.
    [one] نقطة واحدة محجوزة لقسائمك.
    [two] نقطتان محجوزتان لقسائمك.
    [few] { $count } نقاط محجوزة لقسائمك.
    [many] { $count } نقطة محجوزة لقسائمك.
   *[other] { $count } نقطة محجوزة لقسائمك.
}
debt = { $count ->
    [zero] لا نقاط مستحقة عليك.
    [one] بقيت عليك نقطة واحدة بعد إرجاع مشتريات، تُسدَّد من عمليتك القادمة.
    [two] بقيت عليك نقطتان بعد إرجاع مشتريات، تُسدَّدان من عمليتك القادمة.
    [few] بقيت عليك { $count } نقاط بعد إرجاع مشتريات، تُسدَّد من عمليتك القادمة.
    [many] بقيت عليك { $count } نقطة بعد إرجاع مشتريات، تُسدَّد من عمليتك القادمة.
   *[other] بقيت عليك { $count } نقطة بعد إرجاع مشتريات، تُسدَّد من عمليتك القادمة.
}
expiring = { $count ->
    [zero] لا نقاط تنتهي في { $value }.
    [one] نقطة واحدة صالحة حتى { $value }.
    [two] نقطتان صالحتان حتى { $value }.
    [few] { $count } نقاط صالحة حتى { $value }.
    [many] { $count } نقطة صالحة حتى { $value }.
   *[other] { $count } نقطة صالحة حتى { $value }.
}
card-number = رقم البطاقة { $value }
show-at-till = أبرز هذا الرمز عند الدفع
code-alt = رمزك على شكل رمز استجابة سريعة
code-typed = أو اذكر هذا الرمز
code-until = صالح حتى { $value }
code-new-in = رمز جديد بعد
code-renew = أظهر رمزًا جديدًا
code-expired = انتهت صلاحية هذا الرمز
code-none = لا يتوفر رمز الآن. من فضلك اسأل الموظف.
live-updated = تم تحديث رصيدك.
wallet-title = احفظها في محفظتك
wallet-apple = أضفها إلى Apple Wallet
wallet-google = احفظها في Google Wallet
wallet-text = تتحدّث البطاقة من تلقاء نفسها، وتعمل عند الدفع حتى بدون شبكة.
wallet-welcome = لمسة واحدة وتبقى بطاقتك معك دائمًا.
wallet-go-on = تابع على هاتفك
wallet-go-on-text = امسح هذا الرمز بكاميرا هاتفك لتفتح بطاقتك عليه. الرمز يفتح بطاقتك، فلا تُره لأحد.
rewards = المكافآت
reward-swap = استبدل
reward-swap-label = { $count ->
    [zero] استبدل { $value }
    [one] استبدل نقطة واحدة بـ{ $value }
    [two] استبدل نقطتين بـ{ $value }
    [few] استبدل { $count } نقاط بـ{ $value }
    [many] استبدل { $count } نقطة بـ{ $value }
   *[other] استبدل { $count } نقطة بـ{ $value }
}
reward-missing = { $count ->
    [zero] في متناولك
    [one] بقيت نقطة واحدة
    [two] بقيت نقطتان
    [few] بقيت { $count } نقاط
    [many] بقيت { $count } نقطة
   *[other] بقيت { $count } نقطة
}
vouchers = قسائمك
voucher-show = أظهر الرمز
voucher-until = صالحة حتى { $value }
history = السجل
history-all = السجل كاملًا
history-older = الأقدم
history-none = لا شيء بعد. أبرز رمزك عند الدفع في زيارتك القادمة.
history-balance = رصيدك اليوم
line-points-until = صالحة حتى { $value }
line-earn = عملية شراء
line-earn-total = شراء بقيمة { $value }
line-capture = استُبدلت: { $value }
line-redeemed = استُخدمت قسيمة
line-hold = قسيمة: { $value }
line-release = أُعيدت القسيمة
line-return = إرجاع مشتريات
line-reversal = أُلغي الاستبدال
line-repayment = سُدّدت نقاط مستحقة
line-adjust = تعديل من الموظفين
line-forfeit = نقاط ملغاة
how-title = كيف تعمل البطاقة
earn-per-unit = { $count ->
    [zero] لا نقاط مقابل { $value }.
    [one] نقطة واحدة مقابل كل { $value } تنفقه.
    [two] نقطتان مقابل كل { $value } تنفقه.
    [few] { $count } نقاط مقابل كل { $value } تنفقه.
    [many] { $count } نقطة مقابل كل { $value } تنفقه.
   *[other] { $count } نقطة مقابل كل { $value } تنفقه.
}
earn-one-per = نقطة واحدة مقابل كل { $value } تنفقه.
earn-per-sale = { $count ->
    [zero] لا نقاط مع كل عملية شراء.
    [one] نقطة واحدة مع كل عملية شراء.
    [two] نقطتان مع كل عملية شراء.
    [few] { $count } نقاط مع كل عملية شراء.
    [many] { $count } نقطة مع كل عملية شراء.
   *[other] { $count } نقطة مع كل عملية شراء.
}
how-redeem = استبدل نقاطك بمكافأة من هنا، أو أبرز رمزك عند الدفع واطلبها هناك. كل رمز يُستخدم مرة واحدة.
terms = الشروط
more = المزيد
privacy = بياناتك
lost = فقدت هاتفك؟

# A voucher
voucher-title = قسيمة
voucher-alt = رمز هذه القسيمة على شكل رمز استجابة سريعة
voucher-show-at-till = أبرز هذا الرمز عند الدفع لتحصل على { $value }. يُستخدم مرة واحدة.
voucher-open = جاهزة للاستخدام
voucher-used = استُخدمت هذه القسيمة.
voucher-returned = أُعيدت هذه القسيمة.
voucher-expired = انتهت صلاحية هذه القسيمة وعادت نقاطها إلى بطاقتك.
voucher-reversed = أُلغي استبدالها وعادت نقاطها إلى بطاقتك.
voucher-cancel = { $count ->
    [zero] أعِدها
    [one] أعِدها واسترجع نقطة واحدة
    [two] أعِدها واسترجع نقطتين
    [few] أعِدها واسترجع { $count } نقاط
    [many] أعِدها واسترجع { $count } نقطة
   *[other] أعِدها واسترجع { $count } نقطة
}
voucher-cancel-text = غيّرت رأيك؟ تعود النقاط إلى بطاقتك فورًا.

# What was done, and what was not
done-joined = أهلًا بك! بطاقتك جاهزة.
done-issued = تم. قسيمتك جاهزة.
done-cancelled = أُعيدت القسيمة، وعادت نقاطها إلى بطاقتك.
done-reissued = صدرت بطاقتك من جديد، ولم يعد لما في الهاتف القديم أي قيمة. أضف البطاقة إلى محفظتك مرة أخرى واحتفظ بهذا العنوان الجديد.
problem-points = لم تكن النقاط كافية.
problem-vouchers = في بطاقتك أقصى عدد من القسائم. استخدم واحدة أولًا.
problem-reward = هذه المكافأة غير متاحة الآن.
problem-programme = البرنامج متوقف مؤقتًا، ونقاطك محفوظة.
problem-voucher = استُخدمت هذه القسيمة أو أُعيدت من قبل.
problem-confirm = من فضلك أشّر على المربع أولًا.
problem-other = لم ينجح ذلك، ولم يتغير شيء. حاول مرة أخرى.

# Privacy
privacy-title = بياناتك
privacy-text = هذا ما نحتفظ به عنك، وهو مشفّر بمفتاح خاص بك.
kept-name = الاسم
kept-phone = رقم الجوال
kept-email = البريد الإلكتروني
kept-joined = عضو منذ
consents = ما وافقت عليه
consent-given = وافقت
consent-not-given = لم توافق
consent-version = النسخة { $value }
export-title = خذها معك
export-text = كل شيء في ملف واحد: الملف الشخصي والبطاقات والسجل والقسائم.
export = نزّل بياناتي
erase-title = امحُ كل شيء
erase-text = تُغلق بطاقاتك وتُلغى قسائمك ويُمحى اسمك ووسائل التواصل معك، { $count ->
    [zero] ولا نقاط تضيع عليك
    [one] وتضيع نقطتك
    [two] وتضيع نقطتاك
    [few] وتضيع نقاطك وعددها { $count }
    [many] وتضيع نقاطك وعددها { $count }
   *[other] وتضيع نقاطك وعددها { $count }
}. لا يمكن التراجع عن ذلك.
erase-sure = نعم، امحُ بياناتي وأغلق بطاقتي
erase = امحُ نهائيًا
closed-title = أُغلقت بطاقتك
closed-text = مُحيت بياناتك. تظهر البطاقة في محفظتك ملغاة، ويمكنك حذفها منها. شكرًا لأنك كنت معنا.

# A lost phone
lost-title = فقدت هاتفك؟
lost-text = نُصدر بطاقتك من جديد. تتوقف فورًا البطاقة التي في محفظة الهاتف المفقود ورموزها وعنوان هذه الصفحة. نقاطك وقسائمك تبقى لك.
lost-step-1 = لا تبقى للبطاقة القديمة ورموزها أي قيمة.
lost-step-2 = تنتقل هذه الصفحة إلى عنوان سري جديد.
lost-step-3 = تضيف البطاقة إلى محفظة هاتفك الجديد.
lost-sure = نعم، أصدروا بطاقتي من جديد
lost-go = أصدرها من جديد

# Without a network
offline = بلا اتصال
offline-as-of = لا يوجد اتصال. هكذا كانت بطاقتك في الساعة { $value }.
offline-code = الرمز الذي لم تنتهِ صلاحيته يمكن مسحه. الرمز الجديد يحتاج إلى شبكة.
offline-retry = حاول مرة أخرى

code-ends-in = تنتهي صلاحيته بعد

# Joining
join-title = انضم إلى { $value }
join-lead = بطاقتك جاهزة في أقل من دقيقة.
join-no-app = بلا تطبيق وبلا بلاستيك.
join-first-rewards = ما تحصل عليه بنقاطك
join-name = الاسم الأول
join-optional = اختياري
join-phone = رقم الجوال
join-email = البريد الإلكتروني
join-either = رقم الجوال أو البريد الإلكتروني
join-contact-why = لتستعيد بطاقتك إذا فقدت هاتفك.
join-go = احصل على بطاقتي
join-terms = شروط البرنامج
join-troubles = من فضلك راجع الحقول المعلَّمة.
join-name-wrong = الاسم أطول من اللازم أو لا يمكن قراءته.
join-contact-missing = من فضلك املأ هذا الحقل.
join-contact-wrong = لا يبدو هذا صحيحًا. يبدأ الرقم الدولي بعلامة + ثم رمز البلد.
join-contact-phone = المطلوب هنا رقم جوال.
join-contact-email = المطلوب هنا بريد إلكتروني.
join-consent-missing = نحتاج إلى هذه الموافقة لنعطيك بطاقة.
known-title = أنت عضو بالفعل
known-text = توجد بطاقة مرتبطة بوسيلة التواصل هذه، ويستطيع الموظف أن يجدها لك.
known-sent = توجد بطاقة مرتبطة بوسيلة التواصل هذه، وقد أرسلنا رابطها إليها.
known-again = انضم بوسيلة تواصل أخرى
poster-title = اجمع النقاط. اكسب المكافآت.
poster-scan = امسح الرمز بكاميرا هاتفك
poster-reward = { $count ->
    [zero] { $value } بلا نقاط
    [one] { $value } مقابل نقطة واحدة
    [two] { $value } مقابل نقطتين
    [few] { $value } مقابل { $count } نقاط
    [many] { $value } مقابل { $count } نقطة
   *[other] { $value } مقابل { $count } نقطة
}
poster-print = اطبع هذه الصفحة، أو خذ الرمز وحده:

# What went wrong
error-not-found = لا شيء هنا
error-not-found-text = ربما لم يصل العنوان كاملًا. افتح الرابط من حيث وصلك، أو امسح الرمز مرة أخرى.
error-method = هذا العنوان يعمل بطريقة أخرى
error-method-text = عد إلى الصفحة التي جئت منها وحاول من هناك.
error-replaced = لهذه البطاقة عنوان جديد
error-replaced-text = صدرت البطاقة من جديد، فتوقف هذا العنوان ورموزه. استخدم العنوان الجديد.
error-closed = أُغلقت هذه البطاقة
error-closed-text = مُحيت بيانات صاحبها.
error-join-closed = الانضمام متوقف مؤقتًا
error-join-closed-text = لا يقبل البرنامج أعضاء جددًا الآن. من فضلك اسأل الموظف.
error-too-many = مهلًا قليلًا
error-too-many-text = وصلت طلبات كثيرة من شبكتك. انتظر لحظة ثم حاول مرة أخرى.
error-unreadable = تعذرت القراءة
error-unreadable-text = من فضلك ارجع وحاول مرة أخرى.
error-stranger = هذا النموذج قديم
error-stranger-text = ارجع وحمّل الصفحة من جديد ثم أرسل مرة أخرى. يجب السماح بملفات الارتباط، فأحدها يمنع غيرك من التصرف باسمك.
error-busy = نعود بعد لحظات
error-busy-text = تعذر الوصول إلى الخدمة للحظة. لم يتغير شيء، حاول مرة أخرى.
error-internal = حدث خطأ لدينا
error-internal-text = سُجّل الخطأ. حاول مرة أخرى بعد لحظة.

# Proving a contact
verify-title = أكّد وسيلة التواصل معك
verify-lead = أدخل الرمز المكوّن من ٦ أرقام الذي أرسلناه إلى { $value }.
verify-code = الرمز
verify-go = تأكيد
verify-why = حتى ذلك الحين تجمع النقاط وهي تنتظر، ويمكنك استبدالها فور إدخال الرمز.
verify-again-text = لم يصل شيء؟ ابحث في البريد غير المرغوب فيه أو اطلب رمزًا جديدًا.
verify-again = أرسلوا رمزًا جديدًا
verify-change = استخدم وسيلة تواصل أخرى
verify-contact = رقم الجوال أو البريد الإلكتروني
verify-change-go = أرسلوا الرمز إليها
verify-later = لاحقًا: أرني بطاقتي
verify-banner = أكّد وسيلة التواصل معك
verify-help = رمز جديد أو وسيلة تواصل أخرى
verify-sent = الرمز في طريقه إليك.
verify-changed = تغيّرت وسيلة التواصل معك، والرمز في طريقه إليها.
verify-wait = أُرسل رمز قبل لحظة. انتظر قليلًا قبل أن تطلب غيره.
verify-unsent = تعذّر إرسال الرمز. حاول مرة أخرى بعد لحظة.
verify-wrong = هذا الرمز غير صحيح. من فضلك راجعه.
verify-over = انتهت صلاحية الرمز أو كثرت محاولاته. اطلب رمزًا جديدًا.
verify-contact-used = لا يمكن استخدام وسيلة التواصل هذه لهذه البطاقة.
verify-link-lead = اضغط الزر لتأكيد وسيلة التواصل معك في { $value }.
verify-link-go = نعم، هذه وسيلة التواصل معي
pending = { $count ->
    [zero] ستنتظر نقاطك حتى تؤكد وسيلة التواصل معك.
    [one] نقطة واحدة تنتظر حتى تؤكد وسيلة التواصل معك.
    [two] نقطتان تنتظران حتى تؤكد وسيلة التواصل معك.
    [few] { $count } نقاط تنتظر حتى تؤكد وسيلة التواصل معك.
    [many] { $count } نقطة تنتظر حتى تؤكد وسيلة التواصل معك.
   *[other] { $count } نقطة تنتظر حتى تؤكد وسيلة التواصل معك.
}
done-confirmed = شكرًا لك. تأكدت وسيلة التواصل معك، ويمكنك استبدال نقاطك.
problem-unverified = من فضلك أكّد وسيلة التواصل معك أولًا.
error-no-messages = الانضمام غير ممكن الآن
error-no-messages-text = لا نستطيع إرسال الرمز الذي يحتاج إليه الانضمام. من فضلك اسأل الموظف.
error-link-over = استُخدم هذا الرابط أو انتهت صلاحيته
error-link-over-text = إن لم تؤكد وسيلة التواصل معك بعد فافتح بطاقتك واطلب رمزًا جديدًا.

# Consents
consent-agree = أوافق
consent-withdraw = أسحب موافقتي
consent-never = لم تُسأل بعد
consent-new-wording = تغيّر النص منذ إجابتك.
consent-needed = العضوية تحتاج إلى هذه الموافقة. سحبها يعني المغادرة: امحُ بياناتك أدناه.
consent-anew = من فضلك اقرأ هذا ووافق عليه
done-consent = سُجّلت إجابتك.
problem-consent = العضوية تحتاج إلى هذه الموافقة. سحبها يعني المغادرة: امحُ بياناتك أدناه.

# شاشة الماسح
scan-title = الماسح
scan-sound = الصوت
scan-menu = القائمة
scan-since = المناوبة مفتوحة منذ { $value }
scan-close-shift = إغلاق المناوبة
scan-needs-script = يحتاج الماسح إلى جافاسكربت، وهي معطّلة في هذا المتصفح.
scan-second = الماسح مفتوح في نافذة أخرى على هذا الجهاز. تابع هناك، أو أغلقها ثم أعد تحميل هذه الصفحة.
scan-offline = لا يوجد اتصال. لا يمكن إضافة نقاط أو استبدالها حتى يعود.
scan-code = مسح رمز
scan-picture = ما تراه الكاميرا
scan-camera-on = تشغيل الكاميرا
scan-camera-insecure = تحتاج الكاميرا إلى اتصال آمن (https). يمكنك استخدام قارئ الرموز أو كتابة الرمز.
scan-camera-refused = الكاميرا غير مسموح بها. اسمح بها لهذه الصفحة في إعدادات المتصفح ثم حاول مجددًا.
scan-camera-none = لا توجد كاميرا في هذا الجهاز. استخدم قارئ الرموز أو اكتب الرمز.
scan-camera-busy = تعذّر استخدام الكاميرا، ربما يستخدمها تطبيق آخر. أغلقه ثم حاول مجددًا.
scan-light = الإضاءة
scan-type-code = امسح الرمز أو اكتبه
scan-go = بحث
scan-back = العودة إلى المسح
scan-somebody = عضو بلا اسم
scan-no-answer = لم يصل ردّ. تحقّق من الاتصال وامسح مجددًا؛ لم يتغيّر شيء.
scan-earn = إضافة نقاط
scan-amount = المبلغ
scan-amount-wrong = اكتب مبلغًا مثل ١٢٫٥٠٠
scan-receipt = رقم الفاتورة
scan-add = إضافة نقاط عن
scan-rewards = الاستبدال
scan-voucher = قسيمة
scan-no-rewards = لا توجد مكافآت في هذا البرنامج بعد.
scan-not-now = غير متاح الآن
scan-less = تقليل: { $value }
scan-more = زيادة: { $value }
scan-times = { $value } ×
scan-and = {" + "}
scan-redeem = استبدال
scan-missing = { $count ->
    [zero] لا ينقص شيء
    [one] تنقص نقطة واحدة
    [two] تنقص نقطتان
    [few] تنقص { $count } نقاط
    [many] تنقص { $count } نقطة
   *[other] تنقص { $count } نقطة
}
scan-held = { $count ->
    [zero] لا نقاط محجوزة للقسائم.
    [one] نقطة واحدة محجوزة للقسائم.
    [two] نقطتان محجوزتان للقسائم.
    [few] { $count } نقاط محجوزة للقسائم.
    [many] { $count } نقطة محجوزة للقسائم.
   *[other] { $count } نقطة محجوزة للقسائم.
}
scan-debt = { $count ->
    [zero] لا نقاط مستحقة بعد إرجاع.
    [one] نقطة واحدة مستحقة بعد إرجاع.
    [two] نقطتان مستحقتان بعد إرجاع.
    [few] { $count } نقاط مستحقة بعد إرجاع.
    [many] { $count } نقطة مستحقة بعد إرجاع.
   *[other] { $count } نقطة مستحقة بعد إرجاع.
}
scan-pending = { $count ->
    [zero] لا نقاط بانتظار التأكيد.
    [one] نقطة واحدة بانتظار التأكيد.
    [two] نقطتان بانتظار التأكيد.
    [few] { $count } نقاط بانتظار التأكيد.
    [many] { $count } نقطة بانتظار التأكيد.
   *[other] { $count } نقطة بانتظار التأكيد.
}
scan-spent = استُخدم هذا الرمز. ما زال يصلح لكسب النقاط؛ وللاستبدال امسح الرمز الحيّ في صفحة البطاقة.
scan-identify = يصلح هذا الرمز لكسب النقاط. للاستبدال امسح الرمز الحيّ في صفحة البطاقة.
scan-recent = هذه المناوبة
scan-recent-none = تظهر هنا مبيعات هذه المناوبة واستبدالاتها، ويمكن التراجع عنها خلال ١٥ دقيقة.
scan-tally-sales = { $count ->
    [zero] لا مبيعات
    [one] عملية بيع واحدة
    [two] عمليتا بيع
    [few] { $count } عمليات بيع
    [many] { $count } عملية بيع
   *[other] { $count } عملية بيع
}
scan-tally-redemptions = { $count ->
    [zero] لا استبدالات
    [one] استبدال واحد
    [two] استبدالان
    [few] { $count } استبدالات
    [many] { $count } استبدالًا
   *[other] { $count } استبدال
}
scan-did-earn = أُضيفت نقاط
scan-did-redeem = استُبدلت
scan-undone = تم التراجع
scan-asking = جارٍ السؤال…
scan-do-not-hand-over = لا تسلّم شيئًا بعد.
scan-asking-again = لم يصل ردّ بعد. نسأل مجددًا، لا تسلّم شيئًا بعد.
scan-giving-up = لم يصل ردّ حتى الآن. نتأكد كيف انتهى الأمر، لا تسلّم شيئًا بعد.
scan-done-redeem = تم الاستبدال
scan-done-earn = أُضيفت النقاط
scan-done-undo = تم التراجع
scan-earned = { $count ->
    [zero] لم تُضَف نقاط
    [one] أُضيفت نقطة واحدة
    [two] أُضيفت نقطتان
    [few] أُضيفت { $count } نقاط
    [many] أُضيفت { $count } نقطة
   *[other] أُضيفت { $count } نقطة
}
scan-went-back = { $count ->
    [zero] لم تعد نقاط
    [one] عادت نقطة واحدة
    [two] عادت نقطتان
    [few] عادت { $count } نقاط
    [many] عادت { $count } نقطة
   *[other] عادت { $count } نقطة
}
scan-balance = { $count ->
    [zero] الرصيد الجديد: لا نقاط
    [one] الرصيد الجديد: نقطة واحدة
    [two] الرصيد الجديد: نقطتان
    [few] الرصيد الجديد: { $count } نقاط
    [many] الرصيد الجديد: { $count } نقطة
   *[other] الرصيد الجديد: { $count } نقطة
}
scan-late = تم ذلك في { $value } قبل أن يضيع الردّ.
scan-left-open = كان هذا الجهاز نقطة بيع أخرى حين ضاع ردّ: { $value }. انظر في السجلات كيف انتهى ذلك.
scan-never = لم يتم
scan-never-do = انقطع الاتصال قبل أن يتم الأمر، ولن يتم بعد الآن. امسح الرمز مجددًا.
scan-when = استُبدل في { $value }
scan-same-till = على هذا الجهاز.
scan-newer-code = للبطاقة رمز أحدث: اطلب الرمز الحيّ من صفحة البطاقة.
scan-next = العميل التالي
scan-undo = تراجع
scan-undo-title = هل تريد التراجع؟
scan-undo-text = تعود النقاط إلى ما كانت عليه، ولا يمكن الرجوع عن ذلك.
scan-undo-yes = تراجع
scan-undo-no = إبقاء
scan-refused = مرفوض
scan-offline-title = الماسح غير متصل
scan-offline-text = لا يمكن إضافة نقاط أو استبدالها بلا اتصال، فقد يُستخدم الرمز مرتين. دوّن عملية البيع أو انتظر عودة الاتصال.
scan-offline-again = حاول مجددًا

# أسباب الرفض وما يمكن فعله
why-already_redeemed = استُبدل من قبل
do-already_redeemed = استُخدم هذا الرمز. لا تسلّم شيئًا مرة أخرى.
why-already_reversed = تم التراجع من قبل
do-already_reversed = عادت النقاط إلى البطاقة سابقًا.
why-code_cancelled = أُلغيت القسيمة
do-code_cancelled = عادت نقاطها إلى البطاقة. امسح البطاقة بدلًا منها.
why-code_expired = انتهت صلاحية الرمز
do-code_expired = اطلب من العميل فتح صفحة البطاقة وعرض الرمز الجديد.
why-code_from_before_restore = يلزم مدير
do-code_from_before_restore = هذا الرمز أقدم من إصلاح في سجلاتنا. اطلب الرمز الحيّ من صفحة البطاقة أو استدعِ مديرًا.
why-currency_mismatch = عملة أخرى
do-currency_mismatch = يحسب البرنامج بعملة غير عملة هذه العملية.
why-device_full = لم يُرسَل شيء
do-device_full = لا يستطيع هذا الجهاز حفظ الملاحظات: ذاكرته ممتلئة أو معطّلة. اخرج من التصفح الخاص أو أفرغ مساحة ثم امسح مجددًا.
why-forbidden = غير مسموح هنا
do-forbidden = لا يجوز لهذا الجهاز فعل ذلك. اسأل المدير.
why-identify_only = لا يمكن الاستبدال بهذا الرمز
do-identify_only = اطلب الرمز الحيّ من صفحة البطاقة أو الرمز المتغيّر في المحفظة.
why-insufficient_points = النقاط لا تكفي
do-insufficient_points = اختر مكافأة أخرى أو أضف عملية البيع أولًا.
why-invalid_code = ليس من رموزنا
do-invalid_code = امسح مجددًا. إن تكرّر ذلك فابحث عن العضو بطريقة أخرى أو استدعِ مديرًا.
why-key_revoked = أُخرج هذا الجهاز
do-key_revoked = اطلب من المدير رمزًا جديدًا لمرة واحدة.
why-ledger_regressed = توقّف واستدعِ مديرًا
do-ledger_regressed = سجلات هذا الرمز غير متفقة. لا تسلّم شيئًا.
why-ledger_unavailable = غير ممكن الآن
do-ledger_unavailable = تعذّر الوصول إلى السجلات ولم يتغيّر شيء. حاول بعد دقيقة.
why-live_code_required = يلزم الرمز الحيّ
do-live_code_required = لهذه المكافأة اطلب من العميل فتح صفحة البطاقة وعرض الرمز ذي العدّ التنازلي.
why-member_erased = هذه البطاقة مغلقة
do-member_erased = غادر العضو البرنامج، ويمكنه الانضمام مجددًا.
why-member_unverified = لم يُؤكَّد بعد
do-member_unverified = على العضو إدخال الرمز الذي أرسلناه قبل استخدام النقاط، وصفحة البطاقة ترسل رمزًا جديدًا.
why-pace_limited = مرات كثيرة
do-pace_limited = استُخدمت هذه البطاقة بقدر ما يُسمح الآن. حاول لاحقًا.
why-pass_replaced = بطاقة قديمة
do-pass_replaced = صدرت بطاقة أحدث. اطلب من العميل فتح الجديدة.
why-programme_disabled = البرنامج متوقف الآن
do-programme_disabled = لا يمكن الاستبدال حاليًا. اسأل المدير.
why-rate_limited = سريع جدًا
do-rate_limited = انتظر لحظة ثم امسح مجددًا.
why-receipt_reused = استُخدمت هذه الفاتورة من قبل
do-receipt_reused = أُضيفت نقاط لرقم الفاتورة هذا. تحقّق من الرقم.
why-return_exceeds_sale = أُرجعت من قبل
do-return_exceeds_sale = أُرجعت هذه العملية سابقًا.
why-reversal_too_late = فات وقت التراجع هنا
do-reversal_too_late = بعد ١٥ دقيقة يتولى المدير التراجع.
why-reward_disabled = هذه المكافأة متوقفة
do-reward_disabled = اختر مكافأة أخرى.
why-shift_closed = المناوبة مغلقة
do-shift_closed = سجّل الدخول مجددًا.
why-store_disabled = هذا الفرع متوقف
do-store_disabled = اسأل المدير.
why-terminal_disabled = هذا الجهاز متوقف
do-terminal_disabled = اسأل المدير.
why-unauthorized = هذا الجهاز غير مسجّل
do-unauthorized = سجّل الدخول مجددًا.
why-validation_failed = هناك خطأ ما
do-validation_failed = تحقّق مما كُتب.
why-voucher_not_open = استُخدمت القسيمة أو انتهت
do-voucher_not_open = لا تسلّم شيئًا. امسح البطاقة لترى ما يمكن استبداله.
why-wrong_programme = ليست بطاقة برنامج هذا المتجر
do-wrong_programme = يعمل هذا الجهاز مع برنامج آخر.
why-wrong_store = غير صالحة في هذا الفرع
do-wrong_store = يمكن استخدامها في فرع آخر.

# The scanner: becoming a till, signing in
scan-enrol-title = اجعل هذا الجهاز نقطة بيع
scan-enrol-lead = اطلب من مديرك رمزًا يُستخدم مرة واحدة. يصلح لعشر دقائق.
scan-one-time-code = رمز الإعداد
scan-one-time-code-why = أحد عشر حرفًا ورقمًا. لا فرق بين الأحرف الكبيرة والصغيرة، ولا حاجة إلى الشرطات والمسافات.
scan-one-time-code-wrong = الرمز خاطئ أو مستخدم أو انتهت مدته. تحقق منه، أو اطلب من مديرك رمزًا جديدًا.
scan-enrol-go = إعداد الجهاز
scan-withdrawn = لم يعد هذا الجهاز نقطة بيع: أُعدّت نقطة البيع على جهاز آخر أو سحبها المدير. اطلب من مديرك رمزًا جديدًا.
scan-off = نقطة البيع هذه متوقفة
scan-off-text = أوقف المدير نقطة البيع هذه، ويمكنه تشغيلها من جديد. لا يمكن مسح أي رمز حتى ذلك الحين.
scan-try-again = حاول مرة أخرى
scan-leave = انسَ نقطة البيع هذه
scan-leave-why = سيحتاج هذا الجهاز إلى رمز إعداد جديد قبل أن يمسح الرموز مرة أخرى.
scan-sign-in = تسجيل الدخول
scan-who = من يعمل الآن؟
scan-nobody = لا أحد مسجل للعمل في هذا الفرع بعد. يضيف المدير الموظفين، ثم حاول مرة أخرى.
scan-pin = الرقم السري
scan-pin-why = أرقامك الستة. إن نسيتها فيمكن لمديرك إصدار أرقام جديدة.
scan-sign-in-go = ابدأ مناوبتي
scan-pin-wrong = الرقم السري غير صحيح. اختر اسمك وحاول مرة أخرى.
scan-pin-too-many = أُدخلت أرقام سرية خاطئة كثيرة. انتظر بضع دقائق، أو اطلب مساعدة مديرك.
scan-staff-off = حسابك متوقف هنا. من فضلك راجع مديرك.
scan-staff-elsewhere = لست في قائمة هذا الفرع. من فضلك راجع مديرك.
scan-shift-replaced = سجّل شخص آخر الدخول على نقطة البيع هذه، فانتهت مناوبتك.
scan-shift-expired = بقيت النوبة مفتوحة ١٦ ساعة فانتهت من تلقاء نفسها. سجّل الدخول من جديد.
scan-shift-barred = انتهت النوبة: لم يعد بإمكانك العمل على نقطة البيع هذه. من فضلك راجع مديرك.

# حيث تكون النقطة طابعًا: تحل هذه محل النصوص التي بلا هذه النهاية
points-stamps = { $count ->
    [zero] لا طوابع
    [one] طابع واحد
    [two] طابعان
    [few] { $count } طوابع
    [many] { $count } طابعًا
   *[other] { $count } طابع
}
points-unit-stamps = { $count ->
    [few] طوابع
    [many] طابعًا
   *[other] طابع
}
to-go-stamps = { $count ->
    [zero] { $value } في متناولك
    [one] بقي طابع واحد للحصول على { $value }
    [two] بقي طابعان للحصول على { $value }
    [few] بقيت { $count } طوابع للحصول على { $value }
    [many] بقي { $count } طابعًا للحصول على { $value }
   *[other] بقي { $count } طابع للحصول على { $value }
}
on-hold-stamps = { $count ->
    [zero] لا طوابع محجوزة لقسائمك.
    [one] طابع واحد محجوز لقسائمك.
    [two] طابعان محجوزان لقسائمك.
    [few] { $count } طوابع محجوزة لقسائمك.
    [many] { $count } طابعًا محجوزًا لقسائمك.
   *[other] { $count } طابع محجوز لقسائمك.
}
expiring-stamps = { $count ->
    [zero] لا طوابع تنتهي في { $value }.
    [one] طابع واحد صالح حتى { $value }.
    [two] طابعان صالحان حتى { $value }.
    [few] { $count } طوابع صالحة حتى { $value }.
    [many] { $count } طابعًا صالحًا حتى { $value }.
   *[other] { $count } طابع صالح حتى { $value }.
}
reward-swap-label-stamps = { $count ->
    [zero] استبدل { $value }
    [one] استبدل طابعًا واحدًا بـ{ $value }
    [two] استبدل طابعين بـ{ $value }
    [few] استبدل { $count } طوابع بـ{ $value }
    [many] استبدل { $count } طابعًا بـ{ $value }
   *[other] استبدل { $count } طابع بـ{ $value }
}
reward-missing-stamps = { $count ->
    [zero] في متناولك
    [one] بقي طابع واحد
    [two] بقي طابعان
    [few] بقيت { $count } طوابع
    [many] بقي { $count } طابعًا
   *[other] بقي { $count } طابع
}
earn-per-sale-stamps = { $count ->
    [zero] لا طوابع مع كل عملية شراء.
    [one] طابع واحد مع كل عملية شراء.
    [two] طابعان مع كل عملية شراء.
    [few] { $count } طوابع مع كل عملية شراء.
    [many] { $count } طابعًا مع كل عملية شراء.
   *[other] { $count } طابع مع كل عملية شراء.
}
how-redeem-stamps = استبدل طوابعك بمكافأة من هنا، أو أبرز رمزك عند الدفع واطلبها هناك. كل رمز يُستخدم مرة واحدة.
join-first-rewards-stamps = ما تحصل عليه بطوابعك
poster-reward-stamps = { $count ->
    [zero] { $value } بلا طوابع
    [one] { $value } مقابل طابع واحد
    [two] { $value } مقابل طابعين
    [few] { $value } مقابل { $count } طوابع
    [many] { $value } مقابل { $count } طابعًا
   *[other] { $value } مقابل { $count } طابع
}
earn-per-unit-stamps = { $count ->
    [zero] لا طوابع مقابل { $value }.
    [one] طابع واحد مقابل كل { $value } تنفقه.
    [two] طابعان مقابل كل { $value } تنفقه.
    [few] { $count } طوابع مقابل كل { $value } تنفقه.
    [many] { $count } طابعًا مقابل كل { $value } تنفقه.
   *[other] { $count } طابع مقابل كل { $value } تنفقه.
}
earn-one-per-stamps = طابع واحد مقابل كل { $value } تنفقه.
