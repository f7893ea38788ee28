# Written by hand in PyMC, and the probabilities computed from the draws, without the page's tools
# exercise: one-cluster
# points: sigmas 1, predictions 3, actors_over_blocks 1, blocks_added 1
# %% sigmas
import pymc as pm

order = ["R/N", "L/N", "R/P", "L/P"]
treatment = chimpanzees["treatment"].astype(str).map(order.index).to_numpy()
fits = {}
for group in ["actor", "block"]:
    with pm.Model(coords={"row": chimpanzees.index}) as model:
        mean = pm.Normal("mean", 0, 1.5)
        beta = pm.Normal("beta", 0, 0.5, shape=4)
        sigma = pm.Exponential("sigma", 1)
        n = chimpanzees[group].nunique()
        if group == "actor":  # each has many trials: centred
            deviation = pm.Normal("deviation", 0, sigma, shape=n)
        else:
            z = pm.Normal("z", shape=n)
            deviation = pm.Deterministic("deviation", sigma * z)
        cluster = chimpanzees[group].astype(int).to_numpy() - 1
        logit = mean + deviation[cluster] + beta[treatment]
        pulls = chimpanzees["pulled_left"].astype(int).to_numpy()
        pm.Bernoulli("pulled_left", logit_p=logit, observed=pulls, dims="row")
    fits[group] = ml.fit(model, seed=3, draws=1500, target_accept=0.95)
sigmas = {group: fit["posterior"]["sigma"] for group, fit in fits.items()}
# %% predictions
probabilities = []
for group, fit in fits.items():
    post = {name: draws.values for name, draws in fit["posterior"].items()}
    place = int(mine[group][0]) - 1
    level = post["mean"] + post["deviation"][..., place]
    logits = level[..., None] + post["beta"][..., [order.index(t) for t in mine["treatment"]]]
    probabilities.append(1 / (1 + np.exp(-logits)))
predictions = np.stack(probabilities, axis=2)
# %% actors_over_blocks
elpd = {group: ml.loo(fit)["elpd"].sum() for group, fit in fits.items()}
actors_over_blocks = elpd["actor"] - elpd["block"]
# %% blocks_added
blocks_added = "cannot tell"
