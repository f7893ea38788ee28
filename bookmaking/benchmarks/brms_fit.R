# Fit one of the five models in brms, and print what it took as a line of JSON (see measuring.py).
#
# usage: Rscript brms_fit.R MODEL DATA SEED [DRAWS]
#
# The priors are those of the book, everything else is brms's default.

suppressPackageStartupMessages(library(brms))
options(warn = 1) # warnings appear when they occur

# Debian's rstan looks for Boost in the R package BH, but Debian has it among the system's headers.
if (!nzchar(rstan::rstan_options("boost_lib"))) rstan::rstan_options(boost_lib = "/usr/include")

chains <- 4
cores <- 2

with_people <- function(data) {
  data$id <- factor(data$id)
  data
}

# Zeros and ones for each treatment: from the column `treatment` and an intercept, brms would make
# the first treatment the reference, which has no effect of its own.
with_indicators <- function(data) {
  for (arm in unique(data$treatment)) {
    data[[sub("/", "", arm)]] <- as.numeric(data$treatment == arm)
  }
  data
}

effects <- prior(normal(0, 0.5), class = b)
varying <- prior(exponential(1), class = sd)
residual <- prior(exponential(1), class = sigma)
thresholds <- prior(normal(0, 1.5), class = Intercept)

# A table and how it is prepared, a model, and our names for its parameters.
studies <- list(
  "no pooling" = list(
    table = "mlm", prepare = with_people,
    formula = con ~ 0 + id, family = gaussian(),
    prior = prior(normal(0, 1.5), class = b) + residual,
    names = c("^b_id(.*)$" = "alpha[\\1]")
  ),
  "partial pooling" = list(
    table = "mlm", prepare = with_people,
    formula = con ~ 1 + (1 | id), family = gaussian(),
    prior = prior(normal(0, 1.5), class = Intercept) + varying + residual,
    names = c("^b_Intercept$" = "alpha_bar", "^sd_id__Intercept$" = "sigma_alpha")
  ),
  "crossed intercepts" = list(
    table = "chimpanzees", prepare = with_indicators,
    # `Intercept` instead of 1: its prior is that at zero, not at the predictors' means.
    formula = pulled_left ~ 0 + Intercept + RN + LN + RP + LP + (1 | actor) + (1 | block),
    family = bernoulli(),
    prior = prior(normal(0, 1.5), class = b, coef = Intercept) + effects + varying,
    names = c(
      "^b_Intercept$" = "alpha_bar",
      "^b_(.)(.)$" = "beta[\\1/\\2]",
      "^sd_(.*)__Intercept$" = "sigma_\\1"
    )
  ),
  "ordered logit" = list(
    table = "trolley", prepare = with_people,
    formula = response ~ 1 + action + intention + contact, family = cumulative(),
    prior = thresholds,
    names = c("^b_Intercept" = "threshold", "^b_(.*)$" = "beta[\\1]")
  ),
  "ordered logit, varying" = list(
    table = "trolley", prepare = with_people,
    formula = response ~ 1 + action + intention + contact + (1 | id), family = cumulative(),
    prior = thresholds + effects + varying,
    names = c(
      "^b_Intercept" = "threshold",
      "^b_(.*)$" = "beta[\\1]",
      "^sd_id__Intercept$" = "sigma_id"
    )
  )
)

read_table <- function(folder, table) {
  path <- file.path(folder, paste0(table, ".csv"))
  if (!file.exists(path)) stop(path, " is missing", call. = FALSE)
  read.csv(path)
}

whole_number <- function(text) {
  if (!grepl("^[0-9]+$", text)) stop("'", text, "' is not a whole number", call. = FALSE)
  as.integer(text)
}

# CPU seconds of this process and of its children that ended, among them the compiler and the chains
cpu_seconds <- function() sum(proc.time()[c("user.self", "sys.self", "user.child", "sys.child")])

fit_study <- function(study, data, seed, draws) {
  brm(
    study$formula,
    data = data, family = study$family, prior = study$prior,
    chains = chains, cores = cores, warmup = draws, iter = 2 * draws, seed = seed, refresh = 0
  )
}

# Every parameter that is reported; the log density and `disc`, which is constant, are none.
summarise_fit <- function(fit) {
  draws <- posterior::as_draws_array(fit)
  names <- setdiff(posterior::variables(draws), c("lp__", "lprior", "disc"))
  table <- posterior::summarise_draws(
    posterior::subset_draws(draws, variable = names),
    mean = mean,
    mcse = posterior::mcse_mean,
    ess = posterior::ess_bulk,
    r_hat = posterior::rhat
  )
  unknown <- table$variable[!complete.cases(table)]
  if (length(unknown)) stop("these have no ESS or R-hat: ", toString(unknown), call. = FALSE)
  table
}

rename <- function(labels, names) {
  for (pattern in names(names)) labels <- sub(pattern, names[[pattern]], labels)
  labels
}

means_by_our_names <- function(table, names) {
  table <- table[!startsWith(table$variable, "r_"), ]
  means <- Map(c, table$mean, table$mcse)
  setNames(means, rename(table$variable, names))
}

package_version <- function(package) paste(package, as.character(packageVersion(package)))

main <- function(model, folder, seed, draws = "1000") {
  study <- studies[[model]]
  if (is.null(study)) {
    stop("there is no model '", model, "'", call. = FALSE)
  }
  seed <- whole_number(seed)
  draws <- whole_number(draws)
  data <- study$prepare(read_table(folder, study$table))
  cpu <- cpu_seconds()
  wall <- proc.time()[["elapsed"]]
  fit <- fit_study(study, data, seed, draws)
  took <- c(cpu = cpu_seconds() - cpu, wall = proc.time()[["elapsed"]] - wall)
  table <- summarise_fit(fit)
  report <- list(
    model = model,
    program = "brms",
    versions = paste0(
      package_version("brms"), ", ", package_version("rstan"), ", R ", getRversion()
    ),
    cpu_seconds = took[["cpu"]],
    wall_seconds = took[["wall"]],
    ess_bulk = min(table$ess),
    ess_parameter = table$variable[which.min(table$ess)],
    r_hat = max(table$r_hat),
    divergences = rstan::get_num_divergent(fit$fit),
    means = means_by_our_names(table, study$names)
  )
  cat(jsonlite::toJSON(report, auto_unbox = TRUE, digits = NA), "\n", sep = "")
}

given <- commandArgs(trailingOnly = TRUE)
if (!length(given) %in% 3:4) stop("usage: Rscript brms_fit.R MODEL DATA SEED [DRAWS]", call. = FALSE)
do.call(main, as.list(given))
