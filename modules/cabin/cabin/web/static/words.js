// The driver's language: texts of one catalogue, numbers, times and plurals as it writes them.

const LANGUAGES = ["en", "de"];

/** Both catalogues, so that a change of language needs nothing of anybody. */
export async function loadWords() {
  const load = async (language) => [language, new Words(language, await texts(language))];
  return new Map(await Promise.all(LANGUAGES.map(load)));
}

async function texts(language) {
  return (await fetch(`/static/lang/${language}.json`)).json();
}

export class Words {
  constructor(language, texts) {
    this.language = language;
    this.texts = texts;
    this.locale = texts.locale;
    this.plural = new Intl.PluralRules(this.locale);
    this.hours = new Intl.DateTimeFormat(this.locale, { hour: "2-digit", minute: "2-digit" });
    this.date = new Intl.DateTimeFormat(this.locale, { weekday: "short", day: "numeric", month: "short" });
    this.formats = new Map();
  }

  has(key) {
    return key in this.texts;
  }

  /** The text of `key` with its `{names}` filled in. */
  t(key, values = {}) {
    const text = this.texts[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  }

  /** `key.one` or `key.other`, as the language counts. */
  count(key, n) {
    return this.t(`${key}.${this.plural.select(n)}`, { n: this.number(n, 0) });
  }

  number(value, digits) {
    if (!this.formats.has(digits)) {
      const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
      this.formats.set(digits, new Intl.NumberFormat(this.locale, options));
    }
    return this.formats.get(digits).format(value);
  }

  time(seconds) {
    return this.hours.format(seconds * 1000);
  }

  day(seconds) {
    return this.date.format(seconds * 1000);
  }

  bytes(n) {
    if (n < 1e6) return `${this.number(n / 1e3, 0)} kB`;
    return n < 1e9 ? `${this.number(n / 1e6, 1)} MB` : `${this.number(n / 1e9, 2)} GB`;
  }

  minutes(seconds) {
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }
}
