// A model of ratings: an item's predicted rating through time, and lists of items at two dates.
const exploreRatings = (data) => {
  const { dates, items, users } = data;
  const chosen = { item: items.best[items.best.length - 1][0], user: -1 };
  const timeOf = (ticks) => dates[0] + ticks * data.tick;
  const compared = data.compared.map((place) => dates[place]);
  const who = () => (chosen.user < 0 ? "the average user" : `user ${users[chosen.user].id}`);
  const dayOf = (seconds) => dateText(seconds, dates);

  const drawItem = () => {
    const { item, user } = chosen;
    const name = nameOf(items, item);
    const [begin, end] = [items.splits[item], items.splits[item + 1]];
    const ratings = { times: items.time.slice(begin, end).map(timeOf), values: items.rating.slice(begin, end) };
    const lines = [
      { name: "predicted for the average user", values: items.predicted[item], colour: "--accent", swatch: "solid" },
      { name: `mean of the latest ${data.mean_of} ratings`, values: items.mean[item], colour: "--muted", dash: [2, 4], swatch: "dotted" },
    ];
    const dots = [{ ...ratings, colour: "--muted" }];
    const legend = [];
    if (user >= 0) {
      const own = users[user];
      lines.splice(1, 0, { name: `predicted for user ${own.id}`, values: own.predicted[item], colour: "--ink", dash: [10, 5], swatch: "dashed" });
      const mine = own.item.map((_, index) => index).filter((index) => own.item[index] === item);
      dots.push({ times: mine.map((index) => timeOf(own.time[index])), values: mine.map((index) => own.rating[index]), colour: "--ink", diamond: true });
      if (mine.length) legend.push({ swatch: "diamond", text: `rating by user ${own.id}` });
    }
    legend.unshift(...lines.map(({ swatch, name: text }) => ({ swatch, text })), { swatch: "dot", text: "rating" });
    const texts = dates.map((date, index) => `${dayOf(date)}: ${lines.map((line) => `${line.name} ${number(line.values[index], 2)}`).join("; ")}`);
    const upTo = (date) => ratings.values.filter((_, index) => ratings.times[index] <= date).length;
    const rows = dates.map((date, index) => [dayOf(date), ...lines.map((line) => number(line.values[index], 2)), String(upTo(date))]);
    const columns = [["Date", false], ...lines.map((line) => [line.name, true]), ["dots up to the date", true]];
    const pad = 0.05 * (data.range[1] - data.range[0]);
    const range = [data.range[0] - pad, data.range[1] + pad];
    const last = dates.length - 1;
    const label = `${name}: ${lines.map((line) => `${line.name} from ${number(line.values[0], 2)} to ${number(line.values[last], 2)}`).join("; ")}; ${plural(end - begin, "rating", "ratings")} as dots.`;
    at("explore-title").textContent = longNameOf(items, item);
    const drawn = end - begin < items.count[item] ? ` ${count(end - begin)} of them, evenly spread over their order in time, are drawn as dots.` : "";
    at("explore-facts").textContent = `${plural(items.count[item], "rating", "ratings")} in all.${drawn}`;
    at("explore-caption").textContent =
      `The average user stands for the same ${count(data.sampled)} users at every date. Before the first rating there is no mean. ` +
      `After the end of training (${dayOf(data.cutoff)}) no rating changes a prediction. Drag over a span to see it larger; a double click shows all of it again.`;
    showChart({ dates, range, cutoff: data.cutoff, lines, dots }, legend, columns, rows, texts, label);
  };

  const drawLists = () => {
    const both = [at("explore-from"), at("explore-to")].map((select) => Number(select.value));
    const { item, user } = chosen;
    const name = nameOf(items, item);
    const near = both.map((place) => ({
      title: dayOf(compared[place]),
      places: items.near[place][item],
      values: items.likeness[place][item].map((value) => number(value, 2)),
      empty: "no other items",
    }));
    at("explore-near-title").textContent = `Items most like ${name}`;
    const changes = pairOf(at("explore-near-lists"), items, near, "Cosine", pickItem);
    at("explore-near-text").textContent = `The closest by the cosine of the items' vectors, from −1 to 1. ${changes}`;
    const source = user < 0 ? items : users[user];
    const best = both.map((place) => ({
      title: dayOf(compared[place]),
      places: source.best[place],
      values: source.best[place].map((one) => number(source.predicted[one][data.compared[place]], 2)),
      empty: "all of these items are rated",
    }));
    at("explore-best-title").textContent = `The ${best[1].places.length || ""} best items for ${who()}`.replace("  ", " ");
    const rated = (place) => (user >= 0 && users[user].item.some((one, index) => one === place && timeOf(users[user].time[index]) <= compared[both[1]]) ? ", rated" : "");
    const moves = pairOf(at("explore-best-lists"), items, best, "Predicted", pickItem, rated);
    const without = user < 0 ? "" : " Items that this user had rated by the date are left out.";
    at("explore-best-text").textContent = `By predicted rating, among the ${count(items.id.length)} items of this page.${without} ${moves}`;
  };

  const pickItem = (place) => {
    chosen.item = place;
    at("explore-search").value = nameOf(items, place);
    drawItem();
    drawLists();
  };
  const pickUser = (place) => {
    chosen.user = place;
    at("explore-user").value = String(place);
    const untrained = place >= 0 && !users[place].trained;
    at("explore-hint").textContent = untrained ? `User ${users[place].id} has no training ratings: predictions are those for a new user.` : hint;
    drawItem();
    drawLists();
  };
  const hint = users.length ? "" : "Only the average user is shown: rrn report --users ID adds users by their ids.";

  at("explore-about").textContent =
    `How a rating predicted by the model moves through time. The page holds the ${count(items.id.length)} most rated of ${count(data.catalogue)} items` +
    `${users.length ? ` and ${plural(users.length, "user", "users")}` : ""}; rrn report --explored-items changes how many.`;
  at("explore-user").append(make("option", { value: "-1" }, "the average user"));
  at("explore-user").append(...users.map((user, place) => make("option", { value: String(place) }, `user ${user.id}`)));
  at("explore-user").addEventListener("change", (event) => pickUser(Number(event.target.value)));
  for (const [id, place] of [["explore-from", Math.floor((compared.length - 1) / 2)], ["explore-to", compared.length - 1]]) {
    at(id).append(...compared.map((date, index) => make("option", { value: String(index) }, dayOf(date))));
    at(id).value = String(place);
    at(id).addEventListener("change", drawLists);
  }
  const options = items.id.map((id, place) => ({
    id,
    label: longNameOf(items, place),
    note: plural(items.count[place], "rating", "ratings"),
    text: longNameOf(items, place),
    pick: () => pickItem(place),
  }));
  options.push(...users.map((user, place) => ({
    id: user.id,
    label: `user ${user.id}`,
    note: plural(user.item.length, "rating of these items", "ratings of these items"),
    text: `user ${user.id}`,
    pick: () => {
      at("explore-search").value = `user ${user.id}`;
      pickUser(place);
    },
  })));
  combobox(options, (option) => option.pick());
  show("explore-who", users.length > 0);
  for (const id of ["explore-item", "explore-dates", "explore-near", "explore-best"]) show(id, true);
  pickUser(users.length ? 0 : -1);
};
