"use strict";
// What moves in a report. Charts are Bokeh's; their models are found by the names that charts.py gave them.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  data.places = Object.assign(Object.create(null), data.places);
  const field = (id) => document.getElementById(id);
  const COLOURS = { up: "#0072B2", down: "#D55E00", cut: "#888888" };
  const MOST = 60; // edges shown around one gene

  function ready(then, tries) {
    const shown = window.Bokeh && Bokeh.documents.length ? Bokeh.documents[0] : null;
    if (shown && shown.get_model_by_name("chart history") && Object.keys(Bokeh.index).length) then(shown);
    else if (tries > 0) setTimeout(() => ready(then, tries - 1), 30);
  }

  function start(doc) {
    const model = (name) => doc.get_model_by_name(name);
    const edges = model("edge source").data;
    const number = edges.source.length;
    const lower = { source: edges.source.map((g) => g.toLowerCase()), target: edges.target.map((g) => g.toLowerCase()) };
    const percent = (share) => (100 * share).toFixed(1) + " %";

    function said(row) {
      const status = edges.status[row];
      const ends = edges.source[row] + (edges.effect[row] < 0 ? " -| " : " -> ") + edges.target[row];
      if (status === "contradicted") return edges.source[row] + " -> " + edges.target[row] + ": in the prior, but cut";
      const sure = Number.isNaN(edges.probability[row]) ? "" : ", probability " + edges.probability[row].toFixed(3);
      return ends + ": effect " + edges.effect[row].toPrecision(3) + ", " + percent(edges.share[row]) + " of its target's" +
        sure + ", " + status;
    }

    let shown = null; // what draw was last called with, to draw it anew where the window changes

    function draw(rows, places, named) {
      shown = [rows, places, named];
      const plot = model("chart network"); // lines are straight on the screen, whose units these are not
      const tall = ((plot.inner_height || 1) / (plot.inner_width || 1)) * ((plot.x_range.end - plot.x_range.start) / (plot.y_range.end - plot.y_range.start));
      const lines = {}, heads = { x: [], y: [], angle: [], colour: [], marker: [] }, degree = Object.create(null);
      for (const kind of ["prior", "novel", "contradicted"]) lines[kind] = { xs: [], ys: [], colour: [], width: [], text: [] };
      const largest = Math.max(...rows.map((row) => edges.share[row]), 1e-9);
      for (const row of rows) {
        const source = edges.source[row], target = edges.target[row], into = lines[edges.status[row]];
        const [x0, y0] = places[source], [x1, y1] = places[target];
        degree[source] = degree[source] || [0, 0]; degree[target] = degree[target] || [0, 0];
        const cut = edges.status[row] === "contradicted";
        if (!cut) { degree[source][0] += 1; degree[target][1] += 1; }
        const colour = cut ? COLOURS.cut : edges.effect[row] < 0 ? COLOURS.down : COLOURS.up;
        const length = Math.hypot(x1 - x0, (y1 - y0) * tall);
        if (length < 1e-9) { // its own target: a loop
          const angles = Array.from({ length: 13 }, (_, k) => (2 * Math.PI * k) / 12);
          into.xs.push(angles.map((a) => x0 + 0.04 * Math.sin(a)));
          into.ys.push(angles.map((a) => y0 + (0.04 - 0.04 * Math.cos(a)) / tall));
        } else {
          into.xs.push([x0, x1]); into.ys.push([y0, y1]);
          if (!cut) {
            const back = Math.min(0.045, length / 3) / length, angle = Math.atan2((y1 - y0) * tall, x1 - x0);
            heads.x.push(x1 - back * (x1 - x0)); heads.y.push(y1 - back * (y1 - y0)); heads.colour.push(colour);
            heads.angle.push(edges.effect[row] < 0 ? angle + Math.PI / 2 : angle - Math.PI / 2);
            heads.marker.push(edges.effect[row] < 0 ? "dash" : "triangle");
          }
        }
        into.colour.push(colour); into.text.push(said(row));
        into.width.push(cut ? 1.5 : 1 + 3 * (edges.share[row] / largest));
      }
      for (const kind in lines) model("lines " + kind).data = lines[kind];
      model("heads").data = heads;
      const genes = Object.keys(degree);
      const largestGenes = new Set(genes.slice().sort((a, b) => degree[b][0] + degree[b][1] - degree[a][0] - degree[a][1]).slice(0, named));
      model("nodes").data = {
        x: genes.map((g) => places[g][0]), y: genes.map((g) => places[g][1]), gene: genes,
        size: genes.map((g) => 7 + Math.min(18, 3 * Math.sqrt(degree[g][0]))), label: genes.map((g) => (largestGenes.has(g) ? g : "")),
        text: genes.map((g) => g + ": " + degree[g][0] + " targets, " + degree[g][1] + " regulators among these"),
      };
    }

    function overview() {
      const rows = [];
      for (let row = 0; row < number; row++) {
        const inside = edges.source[row] in data.places && edges.target[row] in data.places;
        if (row < data.strongest || (inside && edges.status[row] === "contradicted")) rows.push(row);
      }
      draw(rows, data.places, document.body.clientWidth < 600 ? 12 : 40);
      field("found").textContent = "";
    }

    function around(typed) {
      const wanted = typed.trim().toLowerCase();
      if (!wanted) return overview();
      const exact = edges.source.includes(typed.trim()) || edges.target.includes(typed.trim()); // GAL4 is not gal4
      const [ends, name] = exact ? [edges, typed.trim()] : [lower, wanted], rows = [];
      for (let row = 0; row < number; row++) if (ends.source[row] === name || ends.target[row] === name) rows.push(row);
      if (!rows.length) { field("found").textContent = "no edge of " + typed.trim() + " is listed"; return; }
      const few = rows.slice(0, MOST), centre = ends.source[few[0]] === name ? edges.source[few[0]] : edges.target[few[0]];
      const others = [...new Set(few.flatMap((row) => [edges.source[row], edges.target[row]]))].filter((g) => g !== centre);
      const places = Object.create(null); // a gene may be called constructor
      places[centre] = [0, 0];
      others.forEach((gene, k) => {
        const angle = (2 * Math.PI * k) / others.length, radius = others.length > 24 && k % 2 ? 0.72 : 1;
        places[gene] = [radius * Math.cos(angle), radius * Math.sin(angle)];
      });
      draw(few, places, 1000);
      field("found").textContent = rows.length > MOST ? "the strongest " + MOST + " of " + rows.length + " edges" : rows.length + " edges";
    }

    function filter() {
      const ends = field("filter").value.toLowerCase().split(/->|-\||→|,/).map((part) => part.trim()).filter(Boolean);
      const status = field("status").value;
      let left = 0;
      const booleans = Array.from({ length: number }, (_, row) => {
        const text = ends.length > 1 ? lower.source[row].includes(ends[0]) && lower.target[row].includes(ends[1])
          : !ends.length || lower.source[row].includes(ends[0]) || lower.target[row].includes(ends[0]);
        const kept = text && (!status || edges.status[row] === status);
        left += kept;
        return kept;
      });
      model("chart edges").view.filter.booleans = booleans;
      model("edge source").change.emit();
      field("left").textContent = left === number ? number + " edges" : left + " of " + number + " edges";
    }

    const values = {};
    for (const part of document.querySelectorAll("script[data-values]")) {
      const bytes = Uint8Array.from(atob(part.textContent.trim()), (letter) => letter.charCodeAt(0));
      values[part.dataset.values] = new Float32Array(bytes.buffer);
    }
    const place = new Map(data.courses.map((gene, k) => [gene.toLowerCase(), k]));
    data.courses.forEach((gene, k) => place.set(gene, k)); // as it is written, before any other case of it
    const placed = (name) => place.get(name) ?? place.get(name.toLowerCase());

    function course(typed) {
      const wanted = typed.trim() || data.first, k = placed(wanted);
      field("none").textContent = k === undefined ? wanted + " is not among the genes of this page" : "";
      if (k === undefined) return;
      for (const name in values) {
        const source = model(name), points = source.data.x.length;
        source.data = { x: source.data.x, y: values[name].slice(k * points, (k + 1) * points) };
      }
      model("chart courses").title.text = data.courses[k];
    }

    function paint(dark) {
      document.documentElement.classList.toggle("dark", dark);
      const ink = dark ? "#e0e0e0" : "#333333", line = dark ? "#8a8a8a" : "#777777", grid = dark ? "#33373c" : "#e4e4e4";
      const inks = { axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: line, major_tick_line_color: line,
        label_text_color: ink, title_text_color: ink, group_text_color: ink };
      for (const one of doc.all_models ?? doc._all_models.values()) {
        const own = {};
        for (const key in inks) if (key in one.properties) own[key] = inks[key];
        if (one.type === "Title" || one.type === "LabelSet") own.text_color = ink;
        if (one.type === "Grid") own.grid_line_color = grid;
        if (one.type === "Scatter" && one.line_color && one.line_color.value !== undefined) own.line_color = { value: ink };
        if (one.type === "Line" && one.tags.includes("ink")) own.line_color = { value: ink };
        if (Object.keys(own).length) one.setv(own);
      }
    }

    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", () => paint(scheme.matches));
    window.addEventListener("resize", () => setTimeout(() => shown && draw(...shown), 300));
    window.addEventListener("beforeprint", () => paint(false));
    window.addEventListener("afterprint", () => paint(scheme.matches));
    field("find").addEventListener("input", (event) => around(event.target.value));
    field("gene").addEventListener("input", (event) => { if (!event.target.value.trim() || placed(event.target.value.trim()) !== undefined) course(event.target.value); });
    field("gene").addEventListener("change", (event) => course(event.target.value));
    field("filter").addEventListener("input", filter);
    field("status").addEventListener("change", filter);
    overview();
    setTimeout(() => shown && draw(...shown), 400); // when the chart has its size
    filter();
    paint(scheme.matches);
    document.documentElement.dataset.ready = "yes";
  }

  ready(start, 1000);
})();
