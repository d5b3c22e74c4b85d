// A thumbnail function on Google's Functions Framework: scales a grey image down by averaging blocks of pixels.
const functions = require('@google-cloud/functions-framework');

const SIDE = 256;
const BLOCK = 8;

functions.http('resize', (request, response) => {
  const seed = Number(request.query.seed ?? 1);
  const image = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (i * 31 + seed * 17) & 0xff);
  const side = SIDE / BLOCK;
  const thumbnail = new Array(side * side).fill(0);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++)
      thumbnail[Math.floor(y / BLOCK) * side + Math.floor(x / BLOCK)] += image[y * SIDE + x] / (BLOCK * BLOCK);
  response.json({ side, mean: thumbnail.reduce((sum, value) => sum + value, 0) / thumbnail.length });
});
