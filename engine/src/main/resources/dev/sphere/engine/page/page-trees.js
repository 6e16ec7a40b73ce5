// A page's trees: what is chosen stands in the address (#t0:+-), so that a node can be shared.
const trees = [...document.querySelectorAll(".search-tree")].map((place, i) => {
  const tree = drawTree(place, data.trees[i], {
    prefix: `t${i}:`, label: "tree: " + place.dataset.name,
    onSelect: name => history.replaceState(null, "", `#t${i}:${name}`),
  });
  place.after(treeLegend());
  return tree;
});
const choose = () => {
  const [, i, name] = decodeURIComponent(location.hash).match(/^#t(\d+):(.*)$/) ?? [];
  trees[i]?.select(name);
};
addEventListener("hashchange", choose);
choose();
