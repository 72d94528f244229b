// How good is this password? A hint while it is typed; what is taken, the server decides. Nothing leaves the page.

const ROWS = ["qwertzuiop", "qwertyuiop", "azertyuiop", "asdfghjkl", "yxcvbnm", "zxcvbnm", "1234567890"];

/// 0 too short, 1 easy to guess … 4 very good. `words` are the person's own.
function strength(password, least, words) {
  const all = [...password.normalize("NFC")];
  if (all.length < least) return 0;
  const worth = guesses(all.join("").toLowerCase(), words);
  return worth < 7 ? 1 : worth < 10 ? 2 : worth < 15 ? 3 : 4;
}

/// How many characters it is worth to somebody who guesses: those that follow from what stands before them count little.
function guesses(text, words) {
  for (const word of words) text = text.replaceAll(word, "\u0000");
  const letters = [...text];
  const seen = new Set();
  let worth = 0;
  letters.forEach((letter, at) => {
    const before = letters[at - 1] ?? "";
    const pair = before + letter;
    const follows = letter === before || isNext(before, letter) || (before && seen.has(pair));
    seen.add(pair);
    worth += follows ? 0.2 : /\d/.test(letter) ? 0.7 : /[\p{L}\0]/u.test(letter) ? 1 : 1.2;
  });
  return Math.min(worth, new Set(letters).size * 1.6);
}

/// Beside it in the alphabet, in counting, or on the keyboard, either way.
function isNext(before, letter) {
  if (!before) return false;
  if (Math.abs(before.codePointAt(0) - letter.codePointAt(0)) === 1) return true;
  return ROWS.some((row) => row.includes(before + letter) || row.includes(letter + before));
}

/// The person's own words as the page shows them: user name, name, organization; in parts, of three letters and more.
function ownWords() {
  const named = [...document.querySelectorAll(".organization, h1 bdi")].map((one) => one.textContent);
  const shown = [document.querySelector("#username")?.value, ...named];
  const parts = shown.flatMap((text) => (text ?? "").normalize("NFC").toLowerCase().split(/[^\p{L}]+/u));
  return parts.filter((part) => [...part].length > 2).sort((one, other) => other.length - one.length);
}

const input = document.querySelector("#password");
const box = document.querySelector("#strength");
if (input && box) {
  const [meter, said] = [box.querySelector("meter"), box.querySelector("p")];
  const levels = box.dataset.levels.split("|");
  const words = ownWords();
  const tell = () => {
    box.hidden = input.value === "";
    const level = strength(input.value, input.minLength, words);
    meter.value = level;
    // Read out only when it changes, not with every letter.
    const word = box.hidden ? "" : levels[level];
    if (said.textContent !== word) said.textContent = word;
  };
  input.addEventListener("input", tell);
  tell();
}
