# Numbers read off the page; probabilities made up from means and standard deviations
# exercise: one-cluster
# points: sigmas 0, predictions 0, actors_over_blocks 1, blocks_added 0
# feedback: sigmas | Are these from the model with both kinds of cluster?
# feedback: predictions | Each quantity is right by itself
# feedback: blocks_added | compared with its standard error
# %% sigmas
both = ml.crossed_intercepts(chimpanzees, "pulled_left", ["actor", "block"], "treatment")
post = ml.fit(both, seed=1, target_accept=0.95, file="fits/crossed-intercepts")["posterior"]
sigmas = {group: post[f"sigma_{group}"] for group in ["actor", "block"]}
# %% predictions
rng = np.random.default_rng(SEED)
made_up = []
for group in ["actor", "block"]:
    model = ml.crossed_intercepts(chimpanzees, "pulled_left", [group], "treatment")
    settings = {"seed": SEED, "target_accept": 0.95, "draws": 2000}
    fit = ml.fit(model, **settings, file=f"fits/{group}s-alone")
    friends = ml.predict(fit, mine, "same")
    over = ("chain", "draw")
    made_up.append(rng.normal(friends.mean(over), friends.std(over), (4, 1000, 2)))
predictions = np.stack(made_up, axis=2)
# %% actors_over_blocks
actors_over_blocks = 76
# %% blocks_added
blocks_added = "without blocks"
