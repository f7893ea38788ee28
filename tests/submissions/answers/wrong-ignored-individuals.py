# The slopes of the model that ignores people, in both answers; the histograms only looked at
# exercise: moral-judgement
# points: simple_slopes 1, varying_effects 0, elpd_difference 0, realistic 0, people 0
# feedback: varying_effects | The slopes are those of a model that does not know who answered.
# feedback: elpd_difference | nothing handed in yet
# feedback: realistic | mean response
# feedback: people | These are of the model that does not know who answered.
# %% simple_slopes
model = ml.ordered_logit(trolley, "response", predictors)
simple = ml.fit(model, seed=SEED, adapt_correlations=True, file="fits/ordered-logit")
slopes = simple.posterior["beta"]
simple_slopes = {name: slopes.sel(predictor=name) for name in predictors}
# %% varying_effects
model = ml.ordered_logit(trolley, "response", predictors, group="id")
fit = ml.fit(model, seed=SEED, target_accept=0.8, file="fits/ordered-logit-varying")
varying_effects = {name: slopes.sel(predictor=name) for name in predictors}
varying_effects["sigma"] = fit.posterior["sigma_id"]
# %% realistic
realistic = "both"
# %% people
people = ml.predict(simple, mine)[..., 4:].sum("category")
