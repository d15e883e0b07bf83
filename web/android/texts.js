// Every text of the phone's page, in both languages.

const texts = {
  en: {
    wallet: 'Wallet', phone: 'Phone', settings: 'Settings', back: 'Back', details: 'Details', language: 'Language',
    appearance: 'Appearance', automatic: 'System', light: 'Light', dark: 'Dark', past: 'Expired passes',
    empty_title: 'Nothing here yet', empty_text: 'Open an “Add to Google Wallet” link of your gateway. The pass appears here.',
    turns: 'New code every {n} seconds', show_code: 'Show this code at the till', offers: 'With this card', from: 'Comes with',
    messages: 'Messages', links: 'Links', about: 'About this pass', remove: 'Remove pass', remove_sure: 'Tap again to remove',
    no_code: 'This kind of code can’t be drawn here', just_now: 'now', over: 'Expired', used: 'Used', inactive: 'Not active',
    connected: 'Connected', disconnected: 'The stand-in does not answer', pass: 'Pass', offer: 'Offer',
    panel_title: 'An Android phone, without the phone',
    panel_text: 'A stand-in for Google Wallet keeps your passes, refuses what Google would refuse, and signs its callbacks. This is what a customer sees.',
    activity: 'What your gateway asked', no_steps: 'Nothing yet.', in_batch: 'batch', notify: 'notifies', callback: 'Callback',
  },
  ar: {
    wallet: 'المحفظة', phone: 'هاتف', settings: 'الإعدادات', back: 'رجوع', details: 'التفاصيل', language: 'اللغة',
    appearance: 'المظهر', automatic: 'النظام', light: 'فاتح', dark: 'داكن', past: 'البطاقات المنتهية',
    empty_title: 'لا شيء هنا بعد', empty_text: 'افتح رابط الإضافة إلى محفظة Google من بوابتك، فتظهر البطاقة هنا.',
    turns: 'رمز جديد كل {n} ثانية', show_code: 'أبرز هذا الرمز عند الدفع', offers: 'مع هذه البطاقة', from: 'مرفقة مع',
    messages: 'الرسائل', links: 'روابط', about: 'عن هذه البطاقة', remove: 'إزالة البطاقة', remove_sure: 'اضغط مرة أخرى للإزالة',
    no_code: 'لا يمكن رسم هذا النوع من الرموز هنا', just_now: 'الآن', over: 'منتهية', used: 'مستخدمة', inactive: 'غير فعّالة',
    connected: 'متصل', disconnected: 'البديل لا يجيب', pass: 'بطاقة', offer: 'عرض',
    panel_title: 'هاتف أندرويد، بلا هاتف',
    panel_text: 'بديلٌ لمحفظة Google يحفظ بطاقاتك، ويرفض ما ترفضه Google، ويوقّع إشعاراته. هذا ما يراه العميل.',
    activity: 'ما طلبته بوابتك', no_steps: 'لا شيء بعد.', in_batch: 'دفعة', notify: 'يُشعِر', callback: 'إشعار',
  },
};

const asked = new URLSearchParams(location.search).get('lang');
const chosen = asked ?? localStorage.getItem('lang') ?? navigator.language;
export let language = chosen.startsWith('ar') ? 'ar' : 'en';

export const text = (key, n) => (texts[language][key] ?? key).replace('{n}', n);

/** Sets the language of the page and fills every marked element. */
export function speak(next) {
  language = next;
  localStorage.setItem('lang', next);
  document.documentElement.lang = next;
  document.documentElement.dir = next === 'ar' ? 'rtl' : 'ltr';
  document.title = text('wallet');
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll('[data-label]')) element.setAttribute('aria-label', text(element.dataset.label));
}

/** Light, dark, or as the machine has it. */
export function dress(theme) {
  if (theme) localStorage.setItem('theme', theme);
  const worn = theme ?? new URLSearchParams(location.search).get('theme') ?? localStorage.getItem('theme') ?? 'automatic';
  if (worn === 'automatic') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = worn;
  return worn;
}

export const time = (instant) => new Intl.DateTimeFormat(language === 'ar' ? 'ar-u-nu-latn' : 'en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }).format(new Date(instant));
