# The page's builders with another seed; the probabilities from thresholds, slopes and deviations
# exercise: moral-judgement
# points: simple_slopes 1, varying_effects 1, elpd_difference 1, realistic 1, people 4
# %% simple_slopes
settings = {"seed": 2024, "chains": 3, "tune": 500, "target_accept": 0.8}
model = ml.ordered_logit(trolley, "response", predictors)
simple = ml.fit(model, seed=SEED, adapt_correlations=True, file="fits/ordered-logit")
simple_slopes = {p: simple.posterior["beta"].sel(predictor=p) for p in predictors}
# %% varying_effects
model = ml.ordered_logit(trolley, "response", predictors, group="id")
varying = ml.fit(model, **settings, file="fits/varying")
post = varying.posterior
varying_effects = {p: post["beta"].sel(predictor=p) for p in predictors}
varying_effects["sigma"] = post["sigma_id"]
# %% elpd_difference
table = ml.compare({"simple": simple, "varying": varying})
elpd_difference = table.loc["varying", "elpd_loo"] - table.loc["simple", "elpd_loo"]
# %% realistic
realistic = "varying"
# %% people
slope = post["beta"].values @ mine[predictors].to_numpy(float).T
deviation = post["alpha_id"].sel(id=list(mine["id"])).values
fourth = post["threshold"].values[..., 3, None]
people = 1 / (1 + np.exp(fourth - slope - deviation))
