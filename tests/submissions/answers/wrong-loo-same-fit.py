# One fit overwrote the other before they were compared
# exercise: moral-judgement
# points: simple_slopes 1, varying_effects 1, elpd_difference 0, realistic 1, people 0
# feedback: elpd_difference | was the same fit compared with itself?
# feedback: people | Is a response of 4 counted as well?
# %% simple_slopes
settings = {"seed": 2024, "chains": 3, "tune": 500, "target_accept": 0.8}
model = ml.ordered_logit(trolley, "response", predictors)
simple = fit = ml.fit(model, seed=SEED, adapt_correlations=True, file="fits/ordered-logit")
simple_slopes = {p: fit.posterior["beta"].sel(predictor=p) for p in predictors}
# %% varying_effects
model = ml.ordered_logit(trolley, "response", predictors, group="id")
simple = varying = ml.fit(model, **settings, file="fits/varying")
varying_effects = {p: varying.posterior["beta"].sel(predictor=p) for p in predictors}
varying_effects["sigma"] = varying.posterior["sigma_id"]
# %% elpd_difference
table = ml.compare({"simple": simple, "varying": varying})
elpd_difference = table["elpd_diff"].abs().max()
# %% realistic
realistic = "varying"
# %% people
people = ml.predict(varying, mine, "same").sel(category=slice(4, 7)).sum("category")
