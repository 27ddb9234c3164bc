/*
 * Korean particles depend on the sound before them: 이 after a final consonant, 가 after a vowel. The catalogue
 * writes both, `{path}이(가)`, and this chooses once the name is in place. Where the sound cannot be known from the
 * letters, both stay, as Korean readers are used to.
 */
const pairs: Readonly<Record<string, readonly [string, string]>> = {
  "이(가)": ["이", "가"],
  "을(를)": ["을", "를"],
  "은(는)": ["은", "는"],
  "이라는(라는)": ["이라는", "라는"],
};
const pattern = /(\S?)(이\(가\)|을\(를\)|은\(는\)|이라는\(라는\))/gu;

export function chooseParticles(text: string): string {
  return text.replace(pattern, (whole, before: string, particle: string) => {
    const final = endsInConsonant(before);
    const pair = pairs[particle];
    if (final === undefined || pair === undefined) return whole;
    return before + (final ? pair[0] : pair[1]);
  });
}

// Digits are read as Sino-Korean numbers: 영 일 이 삼 사 오 육 칠 팔 구. Of Latin letters at a word's end, l, m and n
// are finals in nearly every loanword and a vowel never is; the others go either way.
function endsInConsonant(character: string): boolean | undefined {
  const code = character.codePointAt(0) ?? 0;
  if (code >= 0xac00 && code <= 0xd7a3) return (code - 0xac00) % 28 !== 0;
  if (/[013678]/.test(character)) return true;
  if (/[2459]/.test(character)) return false;
  if (/[lmn]/i.test(character)) return true;
  return /[aeiouy]/i.test(character) ? false : undefined;
}
