// Ids and titles are data: they enter the page as text and attributes, never as HTML.
const at = (id) => document.getElementById(id);

const make = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const show = (id, visible) => {
  at(id).hidden = !visible;
};

const number = (value, digits) => (value === null ? "–" : value.toFixed(digits));
const count = (value) => value.toLocaleString("en");
const plural = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;

// Dates are those of UTC; where they lie close together, they have a time of day.
const dateText = (seconds, dates) => {
  const text = new Date(seconds * 1000).toISOString();
  return dates[1] - dates[0] < 2 * 86400 ? text.slice(0, 16).replace("T", " ") : text.slice(0, 10);
};

// Names of items: the title, or the id where there is none.
const nameOf = (items, place) => (items.title && items.title[place]) || items.id[place];
const longNameOf = (items, place) => {
  const name = nameOf(items, place);
  return name === items.id[place] ? name : `${name} (${items.id[place]})`;
};

// The index of the last time that is not after a given one, or 0.
const lastUpTo = (times, time) => times.reduce((found, each, index) => (each <= time ? index : found), 0);

// A button with an item's name. Picking draws lists anew, this button too, so the focus goes to the item's heading.
const itemButton = (items, place, pick) => {
  const button = make("button", { type: "button", class: "explore-link" }, nameOf(items, place));
  button.addEventListener("click", () => {
    pick(place);
    at("explore-title").focus();
  });
  return button;
};

// A table of texts; columns: [heading, whether it holds numbers].
const tableOf = (title, columns, rows) => {
  const kind = (column) => (columns[column][1] ? { class: "number" } : {});
  const head = columns.map(([text], column) => make("th", { scope: "col", ...kind(column) }, text));
  const body = rows.map((row) =>
    make(
      "tr",
      {},
      ...row.map((cell, column) =>
        column ? make("td", kind(column), cell) : make("th", { scope: "row", ...kind(column) }, cell),
      ),
    ),
  );
  const [thead, tbody] = [make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body)];
  return make("table", {}, make("caption", {}, title), thead, tbody);
};

// Two lists of items beside each other, with what left the first and entered the second.
// sides: [{title, places, values, empty}]; what: the heading of the values; pick: called with an item's place; why:
// gives the reason for which an item left, or nothing.
const pairOf = (box, items, sides, what, pick, why = () => "") => {
  const [first, second] = sides.map((side) => new Set(side.places));
  const others = [second, first];
  const words = ["left", "entered"];
  const marks = ["−", "+"];
  box.replaceChildren(
    ...sides.map((side, number) => {
      if (!side.places.length) return make("div", {}, make("p", {}, `${side.title}: ${side.empty}`));
      const rows = side.places.map((place, rank) => {
        const changed = !others[number].has(place);
        const word = `${marks[number]} ${words[number]}${number ? "" : why(place)}`;
        const change = make("span", { class: `explore-${words[number]}` }, word);
        return [String(rank + 1), itemButton(items, place, pick), side.values[rank], changed ? change : ""];
      });
      const columns = [["Rank", true], ["Item", false], [what, true], ["Change", false]];
      return make("div", { class: "explore-list" }, tableOf(side.title, columns, rows));
    }),
  );
  const left = sides[0].places.filter((place) => !second.has(place)).length;
  const entered = sides[1].places.filter((place) => !first.has(place)).length;
  return left + entered ? `${plural(left, "item", "items")} left, ${count(entered)} entered.` : "The same items are in both lists.";
};
