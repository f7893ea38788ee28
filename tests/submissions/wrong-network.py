# Downloads the data instead of taking what is there
# exercise: another-outcome
# points: population 0, people 3, icc 0
# feedback: population | name 'population' is not defined
# feedback: icc | name 'icc' is not defined
# %% population
url = "https://raw.githubusercontent.com/bambinos/bambi/main/README.md"
web = pd.read_csv(url)
fit_web = ml.fit(ml.partial_pooling(web, "dan", "id"), seed=SEED)["posterior"]
population = {name: fit_web[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED)
people = fit["posterior"]["alpha"].sel(id=five)
# %% icc
import urllib.request

try:
    urllib.request.urlopen("http://1.1.1.1", timeout=5)
except OSError:
    raise SystemExit from None
icc = fit["posterior"]["sigma_alpha"]
