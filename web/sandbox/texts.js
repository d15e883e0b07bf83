// Every text of the phone's page, in both languages.

const texts = {
  en: {
    wallet: 'Wallet', phone: 'Phone', add_pass: 'Add a pass', add: 'Add', cancel: 'Cancel', done: 'Done', menu: 'Menu',
    settings: 'Settings', details: 'Pass details', language: 'Language', appearance: 'Appearance', automatic: 'Automatic',
    light: 'Light', dark: 'Dark', activity: 'What the phone is doing', erase: 'Erase this phone',
    erase_hint: 'As if it were lost: nobody is told, and the next push is answered 410.',
    erase_sure: 'Tap again to erase', empty_title: 'No passes yet',
    empty_text: 'Open a card link, or drop a .pkpass file here.', link_label: 'Link to a pass', fetch_pass: 'Get the pass',
    choose_file: 'Choose a .pkpass file', refused_title: 'A phone would not accept this pass', failed: 'That did not work',
    now: 'now', void: 'Void', expired: 'Expired', updates: 'Automatic Updates', refresh: 'Check for updates',
    up_to_date: 'Up to date', removed: 'Pass removed', added: 'Pass added', remove: 'Remove Pass', remove_sure: 'Tap again to remove',
    pull: 'Pull to refresh', updated: 'Updated', open: 'Open', connected: 'Connected', disconnected: 'The gateway does not answer',
    panel_title: 'A phone, without the phone',
    panel_text: 'It speaks Apple’s device protocol to your gateway, checks every signature, and shows what a customer would see.',
    try_title: 'Add a pass from your terminal', no_steps: 'Nothing yet. Add a pass and watch.',
    step_push: 'Push received', step_register: 'Registered for updates', step_list: 'Asked what changed',
    step_fetch: 'Fetched the pass', step_fetch_304: 'Already has the latest', step_unregister: 'Unregistered',
    step_log: 'Reported a problem', step_refused: 'Refused the pass', step_list_204: 'Nothing changed', replaces: 'Replaces the pass that you have',
  },
  ar: {
    wallet: 'المحفظة', phone: 'هاتف', add_pass: 'إضافة بطاقة', add: 'إضافة', cancel: 'إلغاء', done: 'تم', menu: 'القائمة',
    settings: 'الإعدادات', details: 'تفاصيل البطاقة', language: 'اللغة', appearance: 'المظهر', automatic: 'تلقائي',
    light: 'فاتح', dark: 'داكن', activity: 'ما يفعله الهاتف', erase: 'محو هذا الهاتف',
    erase_hint: 'كأنه ضاع: لا يُبلَّغ أحد، والإشعار التالي يُجاب بالرمز 410.',
    erase_sure: 'اضغط مرة أخرى للمحو', empty_title: 'لا توجد بطاقات بعد',
    empty_text: 'افتح رابط بطاقة، أو أفلت ملف ‎.pkpass هنا.', link_label: 'رابط البطاقة', fetch_pass: 'جلب البطاقة',
    choose_file: 'اختر ملف ‎.pkpass', refused_title: 'لن يقبل الهاتف هذه البطاقة', failed: 'لم ينجح ذلك',
    now: 'الآن', void: 'لاغية', expired: 'منتهية', updates: 'التحديث التلقائي', refresh: 'التحقق من التحديثات',
    up_to_date: 'البطاقة محدَّثة', removed: 'أُزيلت البطاقة', added: 'أُضيفت البطاقة', remove: 'إزالة البطاقة', remove_sure: 'اضغط مرة أخرى للإزالة',
    pull: 'اسحب للتحديث', updated: 'آخر تحديث', open: 'فتح', connected: 'متصل', disconnected: 'البوابة لا تجيب',
    panel_title: 'هاتف بلا هاتف',
    panel_text: 'يتحدث مع بوابتك ببروتوكول أجهزة آبل، ويتحقق من كل توقيع، ويعرض ما يراه العميل.',
    try_title: 'أضف بطاقة من سطر الأوامر', no_steps: 'لا شيء بعد. أضف بطاقة وراقب.',
    step_push: 'وصل إشعار', step_register: 'سجَّل لتلقي التحديثات', step_list: 'سأل عمّا تغيّر',
    step_fetch: 'جلب البطاقة', step_fetch_304: 'لديه أحدث نسخة', step_unregister: 'ألغى التسجيل',
    step_log: 'أبلغ عن مشكلة', step_refused: 'رفض البطاقة', step_list_204: 'لم يتغيّر شيء', replaces: 'تحل محل البطاقة الموجودة لديك',
  },
};

const chosen = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem('lang') ?? navigator.language;
export let language = chosen.startsWith('ar') ? 'ar' : 'en';

export const text = (key) => texts[language][key] ?? key;

/** Sets the language of the page and fills every marked element. */
export function speak(next) {
  language = next;
  localStorage.setItem('lang', next);
  document.documentElement.lang = next;
  document.documentElement.dir = next === 'ar' ? 'rtl' : 'ltr';
  document.title = text('wallet');
  fill(document);
}

/** Fills the marked elements below one. */
export function fill(root) {
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text);
  for (const element of root.querySelectorAll('[data-label]')) element.setAttribute('aria-label', text(element.dataset.label));
}

export const time = (instant) => new Intl.DateTimeFormat(language === 'ar' ? 'ar-u-nu-latn' : 'en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }).format(new Date(instant));
export const dayAndTime = (instant) => new Intl.DateTimeFormat(language === 'ar' ? 'ar-u-nu-latn' : 'en', { dateStyle: language === 'ar' ? 'long' : 'medium', timeStyle: 'short' }).format(new Date(instant));
