// A combobox with a list of what is found, after the pattern of ARIA 1.2: the input keeps the focus, and arrows move
// the active option. options: [{label, note, text}], text being what is searched in; pick: called with an option.
const combobox = (options, pick) => {
  const [input, list, status] = [at("explore-search"), at("explore-options"), at("explore-found")];
  const MOST = 12;
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const searched = options.map((option) => plain(option.text));
  const ids = options.map((option) => plain(option.id));
  let found = [];
  let active = -1;

  const search = (text) => {
    const wanted = plain(text.trim());
    const words = wanted.split(/\s+/);
    const hits = options.map((_, index) => index).filter((index) => words.every((word) => searched[index].includes(word)));
    // An id that is all of the text comes first, then what begins with the text.
    const rank = (index) => (ids[index] === wanted ? 0 : searched[index].startsWith(wanted) ? 1 : 2);
    return wanted ? hits.map((index) => [rank(index), index]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((hit) => hit[1]) : hits;
  };
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    activate(-1);
  };
  const activate = (index) => {
    active = index;
    [...list.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === index)));
    if (index < 0) {
      input.removeAttribute("aria-activedescendant");
    } else {
      input.setAttribute("aria-activedescendant", list.children[index].id);
      list.children[index].scrollIntoView({ block: "nearest" });
    }
  };
  const open = () => {
    const all = search(input.value);
    found = all.slice(0, MOST);
    list.replaceChildren(
      ...found.map((index, place) => {
        const { label, note } = options[index];
        const option = make("li", { id: `explore-option-${place}`, role: "option", "aria-selected": "false" }, label, " ");
        option.append(make("span", { class: "explore-note" }, note));
        option.addEventListener("mousedown", (event) => event.preventDefault());
        option.addEventListener("click", () => choose(place));
        return option;
      }),
    );
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    activate(-1);
    status.textContent = all.length > MOST ? `The first ${MOST} of ${count(all.length)} found` : `${count(all.length)} found`;
  };
  const choose = (place) => {
    const option = options[found[place]];
    close();
    status.textContent = `Showing ${option.label}`;
    pick(option);
  };
  const move = (by) => {
    if (list.hidden) open();
    if (found.length) activate(active < 0 && by < 0 ? found.length - 1 : (active + by + found.length) % found.length);
  };

  input.addEventListener("input", open);
  input.addEventListener("click", () => list.hidden && open());
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const keys = {
      ArrowDown: () => (event.altKey ? open() : move(1)),
      ArrowUp: () => (event.altKey ? close() : move(-1)),
      Enter: () => !list.hidden && found.length && choose(Math.max(active, 0)),
      Escape: () => {
        if (list.hidden) input.value = "";
        close();
      },
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
};
