# Deviations for slopes, the correlation with the level, and cases without intention
# exercise: judges
# points: spreads 0, slopes 0, changes 0, guess 0
# feedback: spreads | Is this the correlation of the level with the slope of doing?
# feedback: slopes | These are deviations from the mean slope.
# feedback: changes | These are changes for a case without intention.
# feedback: guess | Mind the signs
# %% spreads
two = ["doing", "intention"]
model = ml.ordered_logit(
    some, "response", two, groups=["id"], slopes={"id": two}, form="non-centred"
)
fit = ml.fit(model, seed=5, draws=2500, tune=500, chains=2, target_accept=0.8)
post = fit["posterior"].dataset
spreads = {name: post[f"{name}_id"] for name in ["sigma_doing", "sigma_intention"]}
spreads["rho"] = post["rho_id"].sel(id_effect="intercept", id_effect_2="doing", drop=True)
# %% slopes
slopes = post["doing_id"].sel(id=judges)
# %% changes
cases = pd.DataFrame({"id": judges}).merge(
    pd.DataFrame({"doing": [0, 1], "intention": 0}), how="cross"
)
above = ml.predict(fit, cases).sel(category=slice(5, 7)).sum("category").to_numpy()
changes = above[..., 1::2] - above[..., 0::2]
# %% guess
guess = "further below zero"
