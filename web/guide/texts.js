// Every text of the guide, in both languages.

const texts = {
  en: {
    title: 'A loyalty card in two minutes', other: 'العربية', steps: 'The story', this_step: 'This step', lost: 'The demo does not answer. Is it still running?',
    phone: 'Sara’s phone', phone_faces: 'What the phone shows', iphone: 'iPhone', android: 'Android', card: 'Card page',
    till: 'The till', alone: 'In a tab of its own', api: 'The API', requests: 'Requests', request: 'Request', answer: 'Answer', points: '{n} points',
    step_1: 'The card', step_2: 'A sale', step_3: 'The till', step_4: 'An espresso', step_5: 'Not twice', step_6: 'Asked again', step_7: 'And now?',
    done: 'done', open: 'not yet done',
    title_1: 'Sara’s card is in her wallet',
    text_1: 'Her phone checked the pass’s signature and registered for updates, as a real one does. Look at its three faces; then sell her something.',
    title_2: 'Sara buys coffee for 12.500 KWD',
    text_2: 'Send the sale as a cash register would. The points on her phone change by themselves.',
    title_3: 'Make the till yours',
    text_3: 'Type the one-time code into the till. Then choose {cashier} and type her PIN.',
    title_4: 'Redeem an espresso',
    text_4: 'Sara says her code. Put it into the till, press Espresso, then Redeem.',
    title_5: 'Now try the same code again',
    text_5: 'Somebody may have read it over her shoulder. The API refuses, and says who redeemed it, when and where.',
    title_6: 'Send the very same sale again',
    text_6: 'Lines break, and tills repeat. Under the same Idempotency-Key the answer is the same, and no points are added.',
    title_7: 'That is the whole story',
    text_7: 'Nothing was staged: each step was a request to the gateway that runs on this machine.',
    go_2: 'Send the sale', go_5: 'Use the same code again', go_6: 'Send it again', next: 'Next', again: 'Start over',
    wait_2: 'Sold. Her phone is told and fetches its new pass; two pushes to one phone are at least 15 seconds apart.',
    done_2: 'Her phone was told, asked what changed, and has fetched and checked the new pass.',
    done_5: 'Refused, with who redeemed it, when and where. The ledger has one redemption.',
    done_6: 'The same bytes came back, marked as replayed. The ledger has one sale.',
    one_time: 'One-time code', pin: '{cashier}’s PIN', saras_code: 'Sara’s code',
    get_code: 'Ask for Sara’s code', copy: 'Copy', copied: 'Copied', expired: 'That code ran out: ask for a new one.',
    docs: 'Every route of the API', poster: 'A poster to join by', readme: 'The same with curl: README.md', doctor: 'Your own gateway: walaa doctor',
    name_sale: 'Sale', name_same_code: 'Same code', name_card: 'Balance', run: 'Send', copy_curl: 'Copy as curl',
    key_hint: '$POS is the till’s key, {key}: the terminal that runs the demo shows it.', sending: 'Sending …', nothing_yet: 'The answer appears here.',
    replayed: 'replayed', same_bytes: 'Byte for byte the answer of before, and still one sale.', tenths: '{n} ms',
    earned: '{n} points more. The card has {all}.', refused_by: 'Refused. Redeemed {when} by {who}.', too_early: 'Redeem the espresso first: this is about the second time.',
    balance: 'The card has {all} points.', not_sent: 'The gateway did not answer.',
  },
  ar: {
    title: 'بطاقة ولاء في دقيقتين', other: 'English', steps: 'القصة', this_step: 'هذه الخطوة', lost: 'العرض لا يجيب. هل ما زال يعمل؟',
    phone: 'هاتف سارة', phone_faces: 'ما يعرضه الهاتف', iphone: 'آيفون', android: 'أندرويد', card: 'صفحة البطاقة',
    till: 'نقطة البيع', alone: 'في تبويب مستقل', api: 'واجهة البرمجة', requests: 'الطلبات', request: 'الطلب', answer: 'الجواب', points: '{n} نقطة',
    step_1: 'البطاقة', step_2: 'عملية بيع', step_3: 'نقطة البيع', step_4: 'إسبريسو', step_5: 'لا مرتين', step_6: 'طلب مكرر', step_7: 'وبعد؟',
    done: 'تمت', open: 'لم تتم بعد',
    title_1: 'بطاقة سارة في محفظتها',
    text_1: 'تحقّق هاتفها من توقيع البطاقة وسجّل لتلقي التحديثات كما يفعل الهاتف الحقيقي. شاهد وجوهه الثلاثة، ثم بِع لها شيئًا.',
    title_2: 'تشتري سارة قهوة بمبلغ ١٢٫٥٠٠ د.ك',
    text_2: 'أرسل عملية البيع كما يرسلها صندوق المحاسبة، فتتغيّر النقاط على هاتفها من تلقاء نفسها.',
    title_3: 'اجعل نقطة البيع لك',
    text_3: 'اكتب رمز المرة الواحدة في نقطة البيع، ثم اختر {cashier} واكتب رقمها السري.',
    title_4: 'استبدل إسبريسو',
    text_4: 'تقول سارة رمزها. أدخله في نقطة البيع، واضغط إسبريسو، ثم استبدال.',
    title_5: 'جرّب الرمز نفسه مرة أخرى',
    text_5: 'ربما قرأه أحد من خلفها. ترفضه الواجهة، وتقول من استبدله ومتى وأين.',
    title_6: 'أرسل عملية البيع نفسها مرة أخرى',
    text_6: 'تنقطع الخطوط وتعيد نقاط البيع الإرسال. بمفتاح Idempotency-Key نفسه يأتي الجواب نفسه، ولا تُضاف نقاط.',
    title_7: 'هذه هي القصة كلها',
    text_7: 'لم يكن شيء منها تمثيلًا: كل خطوة طلب حقيقي إلى البوابة التي تعمل على هذا الجهاز.',
    go_2: 'أرسل عملية البيع', go_5: 'استعمل الرمز نفسه', go_6: 'أرسلها مرة أخرى', next: 'التالي', again: 'ابدأ من جديد',
    wait_2: 'تم البيع. يُبلَّغ هاتفها فيجلب بطاقته الجديدة؛ وبين إشعارين إلى هاتف واحد ١٥ ثانية على الأقل.',
    done_2: 'بُلِّغ هاتفها، وسأل عمّا تغيّر، وجلب البطاقة الجديدة وتحقّق منها.',
    done_5: 'مرفوض، مع من استبدله ومتى وأين. في الدفتر استبدال واحد.',
    done_6: 'عاد الجواب نفسه حرفًا بحرف، وعليه علامة الإعادة. في الدفتر بيع واحد.',
    one_time: 'رمز المرة الواحدة', pin: 'رقم {cashier} السري', saras_code: 'رمز سارة',
    get_code: 'اطلب رمز سارة', copy: 'نسخ', copied: 'نُسخ', expired: 'انتهى ذلك الرمز: اطلب رمزًا جديدًا.',
    docs: 'كل مسارات الواجهة', poster: 'ملصق للانضمام', readme: 'القصة نفسها بأداة curl: ‏README.md', doctor: 'بوابتك أنت: walaa doctor',
    name_sale: 'بيع', name_same_code: 'الرمز نفسه', name_card: 'الرصيد', run: 'إرسال', copy_curl: 'نسخ أمر curl',
    key_hint: '\u2066$POS\u2069 هو مفتاح نقطة البيع {key}، وتعرضه الطرفية التي تشغّل العرض.', sending: 'جارٍ الإرسال…', nothing_yet: 'يظهر الجواب هنا.',
    replayed: 'جواب معاد', same_bytes: 'الجواب السابق حرفًا بحرف، والبيع ما زال واحدًا.', tenths: '{n} م.ث',
    earned: 'زادت {n} نقطة. رصيد البطاقة {all}.', refused_by: 'مرفوض. استُبدل {when}، {who}.', too_early: 'استبدل الإسبريسو أولًا: هذه الخطوة عن المرة الثانية.',
    balance: 'رصيد البطاقة {all} نقطة.', not_sent: 'لم تُجب البوابة.',
  },
};

const chosen = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem('lang') ?? navigator.language;
export let language = chosen.startsWith('ar') ? 'ar' : 'en';

/** A text with its blanks filled in; each keeps its own direction. */
export function text(key, facts = {}) {
  const isolated = (value) => (language === 'ar' ? `\u2068${value}\u2069` : value);
  return (texts[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => isolated(facts[name]));
}

const tag = () => (language === 'ar' ? 'ar-u-nu-arab' : 'en-GB');
export const number = (value) => new Intl.NumberFormat(tag(), { maximumFractionDigits: 1 }).format(value);
export const time = (instant) => new Intl.DateTimeFormat(tag(), { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }).format(new Date(instant));

/** Sets the language and fills every marked element. */
export function speak(next) {
  language = next;
  localStorage.setItem('lang', next);
  document.documentElement.lang = next;
  document.documentElement.dir = next === 'ar' ? 'rtl' : 'ltr';
  document.title = `Walaa · ${text('title')}`;
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll('[data-label]')) element.setAttribute('aria-label', text(element.dataset.label));
}
