// What a page does: the theme's switch, the menu on small screens, copying of code, and the search.
import { searchIn } from "../search/query.ts";

const root = document.body.dataset.root ?? "";
const element = (name) => document.getElementById(name);

// --- light and dark
const isDark = () => {
  const { theme } = document.documentElement.dataset;
  return theme === undefined
    ? matchMedia("(prefers-color-scheme: dark)").matches
    : theme === "dark";
};
element("site-theme").addEventListener("click", () => {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("nfqueue-theme", theme);
  } catch {
    // Without storage it lasts as long as the page.
  }
});

// --- the menu
const menu = element("site-menu");
menu.addEventListener("click", () => {
  const open = document.body.classList.toggle("menu-open");
  menu.setAttribute("aria-expanded", String(open));
});

// --- copying
for (const block of document.querySelectorAll("div.code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block.querySelector("code"));
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}

// --- the search
const input = element("site-search");
const list = element("site-results");
let search;
let loading;

/** The index is a script, as a page that was opened as a file may load nothing else. */
function load() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}assets/search-index.js`;
    script.onload = () => {
      search = searchIn(globalThis.nfqueueSearchIndex);
      delete globalThis.nfqueueSearchIndex;
      resolve();
    };
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

let marked = -1;
function mark(index) {
  const links = list.querySelectorAll("a");
  marked = links.length === 0 ? -1 : (index + links.length) % links.length;
  for (const [at, link] of links.entries()) {
    link.setAttribute("aria-selected", String(at === marked));
    if (at === marked) link.scrollIntoView({ block: "nearest" });
  }
}

function show(found) {
  list.replaceChildren(...found.map(({ title, where, address, begin }) => {
    const link = document.createElement("a");
    link.href = root + address;
    link.setAttribute("role", "option");
    for (const [name, text] of [["strong", title], ["small", where], ["span", begin]]) {
      const part = document.createElement(name);
      part.textContent = text;
      link.append(part);
    }
    return link;
  }));
  if (found.length === 0) {
    const none = document.createElement("p");
    none.textContent = "Nothing has these words.";
    list.append(none);
  }
  open(true);
  mark(0);
}

function open(is) {
  list.hidden = !is;
  input.setAttribute("aria-expanded", String(is));
}

async function ask() {
  const text = input.value.trim();
  if (text === "") return open(false);
  await load();
  // The reader may have typed on meanwhile.
  if (text === input.value.trim()) show(search(text));
}

input.addEventListener("focus", load, { once: true });
input.addEventListener("input", ask);
input.addEventListener("keydown", (event) => {
  const moves = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in moves) {
    event.preventDefault();
    mark(marked + moves[event.key]);
  } else if (event.key === "Enter") {
    list.querySelectorAll("a")[marked]?.click();
  } else if (event.key === "Escape") {
    open(false);
    input.blur();
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  input.focus();
  input.select();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("#site-searching")) open(false);
  else if (event.target === input) ask();
  if (event.target.closest("#site-results a")) open(false);
});

// A link may bring words: index.html?q=ENOBUFS
const asked = new URLSearchParams(location.search).get("q");
if (asked !== null) {
  input.value = asked;
  ask();
}

// --- where one is, on wide screens
const contents = document.querySelectorAll("#site-contents a");
if (contents.length > 0) {
  const links = new Map([...contents].map((link) => [link.hash.slice(1), link]));
  const headings = [...document.querySelectorAll("main [id]")].filter(({ id }) => links.has(id));
  const update = () => {
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 120);
    const here = (passed.at(-1) ?? headings[0])?.id;
    for (const [id, link] of links) link.classList.toggle("here", id === here);
    links.get(here)?.scrollIntoView({ block: "nearest" });
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  }, { passive: true });
}
