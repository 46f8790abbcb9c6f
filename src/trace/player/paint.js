// Colours and patterns of the pictures. A state is told by its form and its letter; colour only helps.

const paint = {}, root = document.documentElement;

function readColours() {
  const style = getComputedStyle(root), of = name => style.getPropertyValue("--" + name);
  [paint.panel, paint.ink, paint.dim, paint.line, paint.run, paint.ready, paint.wait, paint.block, paint.done, paint.path, paint.soft] = "panel ink dim line run ready wait block done path soft".split(" ").map(of);
  paint.hatch = pattern(8, g => stroke(g, paint.ready, 1.4, [[-2, 6, 6, -2], [-2, 10, 10, -2], [2, 10, 10, 2]]));
  paint.cross = pattern(8, g => stroke(g, paint.panel, 1, [[-2, 2, 10, 14], [-2, -6, 14, 10]]));
  paint.dots = pattern(6, g => rect(g, paint.wait, 2, 2, 1.3, 1.3));
}
function pattern(size, draw) {
  const tile = h("canvas"), g = tile.getContext("2d");
  tile.width = tile.height = size * 2;
  g.scale(2, 2);
  draw(g);
  const made = g.createPattern(tile, "repeat");
  made.setTransform(new DOMMatrix([0.5, 0, 0, 0.5, 0, 0]));
  return made;
}
function rect(g, colour, x, y, width, height) {
  g.fillStyle = colour;
  g.fillRect(x, y, width, height);
}
function stroke(g, colour, width, lines) {
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.beginPath();
  for (const [x1, y1, x2, y2] of lines) {
    g.moveTo(x1, y1);
    g.lineTo(x2, y2);
  }
  g.stroke();
}
function shape(g, colour, x, y, points) {
  g.fillStyle = colour;
  g.beginPath();
  for (const [dx, dy] of points) g.lineTo(x + dx, y + dy);
  g.fill();
}
// A canvas of this size in CSS pixels, sharp on any screen.
function fit(canvas, width, height) {
  const scale = devicePixelRatio || 1, g = canvas.getContext("2d");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.textBaseline = "middle";
  g.font = "12px system-ui, sans-serif";
  return g;
}
// Text, as much of it as has room; on a patch of the ground, where a pattern runs behind it. Its width is returned.
function label(g, text, x, y, room, colour, ground) {
  const width = text => g.measureText(text).width;
  if (width(text) > room) {
    while (text && width(text + "…") > room) text = text.slice(0, -1);
    text = text.length > 2 ? text + "…" : text.slice(0, 1);
  }
  if (!text || width(text) > room) return 0;
  if (ground) rect(g, ground, x - 3, y - 7, width(text) + 6, 14);
  g.fillStyle = colour;
  g.fillText(text, x, y + 0.5);
  return width(text);
}

// One stretch of a row, from x1 to x2 around the middle y.
function drawState(g, s, x1, x2, y, text) {
  const width = max(s === "r" ? 1.5 : 0.75, x2 - x1);
  if (s === "r" || s === "!") {
    rect(g, s === "r" ? paint.run : paint.block, x1, y - 7, width, 14);
    if (s === "!" && width > 6) rect(g, paint.cross, x1, y - 7, width, 14);
    if (width > (s === "r" ? 14 : 60)) label(g, text, x1 + 4, y, width - 6, paint.panel, s === "!" && paint.block);
  } else if (s === "q") {
    rect(g, paint.hatch, x1, y - 6, width, 12);
    if (width > 3) {
      g.strokeStyle = paint.ready;
      g.lineWidth = 1;
      g.strokeRect(x1 + 0.5, y - 5.5, width - 1, 11);
    }
    if (width > 18) label(g, width > 100 ? "q  ready, no pen" : "q", x1 + 6, y, width - 8, paint.ready, paint.panel);
  } else {
    rect(g, paint.wait, x1, y - 0.5, width, 1.25);
    if (width > 22) label(g, width > 70 ? text : "~", x1 + 8, y, width - 14, paint.dim, paint.panel);
  }
}
