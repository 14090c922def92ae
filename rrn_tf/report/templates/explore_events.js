// A model of events: what users were expected to meet next, event by event, and items with those most like them.
const exploreEvents = (data) => {
  const { dates, items, users } = data;
  const percent = (value) => `${(100 * value).toFixed(1)} %`;
  const chosen = { user: 0, event: 0 };

  const drawItem = (item) => {
    const name = nameOf(items, item);
    const met = items.met[item];
    const spans = met.map((_, index) => `${dateText(dates[index], dates)} to ${dateText(dates[index + 1], dates)}`);
    const texts = spans.map((span, index) => `${span}: ${plural(met[index], "event", "events")}`);
    texts.push(texts[texts.length - 1]);
    at("explore-title").textContent = longNameOf(items, item);
    at("explore-facts").textContent = `${plural(items.count[item], "event", "events")} in all.`;
    at("explore-caption").textContent = "Events with this item in each span of time, training and later ones.";
    const spec = { dates, range: [0, Math.max(...met) * 1.05], dots: [], lines: [{ values: [...met, met[met.length - 1]], colour: "--accent", stepped: true }] };
    const rows = spans.map((span, index) => [span, count(met[index])]);
    const label = `${name}: ${count(items.count[item])} events from ${dateText(dates[0], dates)} to ${dateText(dates[dates.length - 1], dates)}, at most ${count(Math.max(...met))} in a span.`;
    show("explore-item", true);
    showChart(spec, [{ swatch: "solid", text: "events in a span of time" }], [["From and to", false], ["Events", true]], rows, texts, label);
    at("explore-near-title").textContent = `Items most like ${name}`;
    at("explore-near-text").textContent = "The closest by the cosine of the items' weights in the softmax, from −1 to 1; they do not change with time.";
    const near = items.near[item].map((place, rank) => [
      String(rank + 1),
      itemButton(items, place, pickItem),
      number(items.likeness[item][rank], 2),
    ]);
    at("explore-near-lists").replaceChildren(tableOf("Most alike", [["Rank", true], ["Item", false], ["Cosine", true]], near));
    show("explore-near", true);
  };

  const drawEvent = () => {
    const user = users[chosen.user];
    const now = chosen.event;
    const before = Math.max(now - 1, 0);
    const side = (index) => ({
      title: `Expected before event ${count(user.event[index])}, ${dateText(user.time[index], [0, 0])}`,
      places: user.next[index],
      values: user.likely[index].map(percent),
      empty: "nothing",
    });
    const came = (index) => `${nameOf(items, user.item[index])} (expected as number ${count(Math.ceil(user.rank[index]))}, at ${percent(user.probability[index])})`;
    const changes = pairOf(at("explore-expected"), items, [side(before), side(now)], "Probability", pickItem);
    const kinds = { train: "a training event", valid: "a validation event", test: "a test event" };
    const kind = kinds[user.split[now]];
    const first = now ? `Event ${count(user.event[before])} was ${came(before)}; after it: ${changes} ` : "";
    at("explore-event-text").textContent = `${first}Event ${count(user.event[now])}, ${kind}, was ${came(now)}.`;
    at("explore-event").value = String(now);
    at("explore-event").setAttribute("aria-valuetext", `event ${user.event[now]}`);
    at("explore-back").disabled = now === 0;
    at("explore-on").disabled = now === user.event.length - 1;
  };
  const moveTo = (event) => {
    chosen.event = Math.min(Math.max(event, 0), users[chosen.user].event.length - 1);
    drawEvent();
  };
  const pickUser = (place) => {
    const user = users[place];
    chosen.user = place;
    at("explore-user").value = String(place);
    at("explore-user-title").textContent = `Next items of user ${user.id}`;
    const latest = user.event.length < user.events ? ` The latest ${count(user.event.length)} are shown.` : "";
    at("explore-user-facts").textContent =
      `${plural(user.events, "event", "events")}.${latest} The lists hold what the model held most probable before an event, from the earlier ones alone. ` +
      "It was trained on the training events, so only validation and test events show how well it foresees.";
    at("explore-event").min = "0";
    at("explore-event").max = String(user.event.length - 1);
    const columns = [["Event", true], ["Time", false], ["Split", false], ["Item", false], ["Rank", true], ["Probability", true]];
    const rows = user.event.map((event, index) => [
      count(event),
      dateText(user.time[index], [0, 0]),
      user.split[index],
      nameOf(items, user.item[index]),
      count(Math.ceil(user.rank[index])),
      percent(user.probability[index]),
    ]);
    at("explore-history").replaceChildren(tableOf("The user's events", columns, rows));
    show("explore-events", true);
    moveTo(user.event.length - 1);
  };
  const pickItem = (place) => {
    at("explore-search").value = nameOf(items, place);
    drawItem(place);
  };

  at("explore-about").textContent =
    `How often items are met, which ones are alike, and what users were expected to meet next. The page holds the most met of ${count(data.catalogue)} items; ` +
    "rrn report --explored-items changes how many.";
  at("explore-hint").textContent = users.length ? "" : "No user is shown: rrn report --users ID shows the next items of users, event by event.";
  at("explore-user").append(...users.map((user, place) => make("option", { value: String(place) }, `user ${user.id}`)));
  at("explore-user").addEventListener("change", (event) => pickUser(Number(event.target.value)));
  document.querySelector("label[for=explore-user]").textContent = "Next items of";
  at("explore-back").addEventListener("click", () => moveTo(chosen.event - 1));
  at("explore-on").addEventListener("click", () => moveTo(chosen.event + 1));
  at("explore-event").addEventListener("input", (event) => moveTo(Number(event.target.value)));
  const options = items.id.map((id, place) => ({
    id,
    label: longNameOf(items, place),
    note: plural(items.count[place], "event", "events"),
    text: longNameOf(items, place),
    pick: () => pickItem(place),
  }));
  options.push(...users.map((user, place) => ({
    id: user.id,
    label: `user ${user.id}`,
    note: plural(user.events, "event", "events"),
    text: `user ${user.id}`,
    pick: () => {
      at("explore-search").value = `user ${user.id}`;
      pickUser(place);
    },
  })));
  combobox(options, (option) => option.pick());
  show("explore-who", users.length > 0);
  if (users.length) pickUser(0);
  else drawItem(0);
};
