// Asks for the run's next state, which comes when there is one, until the run has ended.
(async () => {
  const next = async (version) => {
    try {
      const answer = await fetch(`/state?after=${version}`);
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    }
  };
  let state = { version: 0, ended: false };
  while (!state.ended) {
    state = await next(state.version);
    if (state === null) {
      document.getElementById("status").textContent = "The run is no longer there.";
      break;
    }
    Bokeh.documents[0].apply_json_patch(state.patch);
    for (const [name, html] of Object.entries(state.texts)) {
      const place = document.getElementById(name);
      if (place !== null) place.innerHTML = html;
    }
    document.body.dataset.version = state.version;
  }
})();
