// Asks for the run's next state, which comes when there is one, until the run has ended.
(async () => {
  const status = document.getElementById("status");
  let version = 0, ended = false;
  while (!ended) {
    try {
      const answer = await fetch(`/state?after=${version}`);
      if (!answer.ok) throw new Error(answer.statusText);
      const state = await answer.json();
      Bokeh.documents[0].apply_json_patch(state.patch);
      for (const [name, html] of Object.entries(state.texts)) document.getElementById(name).innerHTML = html;
      ({version, ended} = state);
      document.body.dataset.version = version;
    } catch (error) {
      status.textContent = "The run is no longer there.";
      ended = true;
    }
  }
})();
