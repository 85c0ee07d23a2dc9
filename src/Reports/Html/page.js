// The script of a report or a comparison, after the modules: draws what lies in the page as data.
const told = JSON.parse($('told').textContent);
if ($('curves')) new Board($('curves')).set(told.runs, told.chainLength);

const figures = [...document.querySelectorAll('.pairs figure')];
if (figures.length) {
  const pairs = new Pairs();
  const side = image => ({ src: image.src, label: image.dataset.label, reward: number(image.dataset.reward) });
  const all = figures.map(figure => {
    const [before, after] = [...figure.querySelectorAll('img')].map(side);
    return { prompt: figure.dataset.prompt, before, after };
  });
  figures.forEach((figure, i) => figure.querySelector('button').addEventListener('click', () => pairs.open(all, i)));
}
