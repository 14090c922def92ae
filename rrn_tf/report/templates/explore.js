const explored = JSON.parse(at("explore-data").textContent);
show("explore-all", true);
({ ratings: exploreRatings, events: exploreEvents })[explored.kind](explored);
