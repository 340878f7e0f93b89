//! `minvar list`: estimators, allocators, cost models and profiles.

use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};

use serde_json::{Value, json};

use crate::cli::output::stdout;
use crate::costs::{DEFAULT_SCHEDULES, Schedules};
use crate::estimators::Definite;
use crate::{allocators, costs, estimators};

/// List estimators, allocators, cost models and profiles with their parameters and references
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Print the built-in rates and profiles of the simulator as a file that you can edit
    #[arg(long)]
    schedules: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    let mut out = stdout();
    if arguments.schedules {
        out.write_all(DEFAULT_SCHEDULES.as_bytes())?;
        return Ok(json!({ "schedules": DEFAULT_SCHEDULES }));
    }
    let above = |definite: Definite| match definite {
        Definite::Always => "yes",
        Definite::BelowT => "singular",
        Definite::OnlyBelowT => "undefined",
        Definite::Never => "always singular",
    };
    writeln!(out, "estimators: [compare] estimators, minvar estimate --estimator NAME,parameter=value\n")?;
    let mut table = columns(["estimator", "n >= T", "parameters and defaults", "reference"]);
    for entry in estimators::ALL {
        table.add_row([entry.name, above(entry.definite), &parameters((entry.parameters)()), entry.reference]);
    }
    table.add_row(["oracle", "yes", "", "the true covariance of a synthetic market; experiments only"]);
    table.add_row([
        "{ train = \"NAME\" }",
        "yes",
        "seed=0 dtype=\"f64\"",
        "the network of [train.NAME], trained for each year before it",
    ]);
    table.add_row([
        "{ model = \"FILE\" }",
        "yes",
        "dtype=\"f64\"",
        "a trained network; {year} in FILE is replaced by the year of the decision",
    ]);
    table.add_row([
        "recurrent",
        "yes",
        "model=\"FILE\" or train=\"NAME\"",
        "recurrence and head of a trained network, on the correlation that it is given",
    ]);
    table.add_row([
        "{ combine = [A, B] }",
        "yes",
        "of=\"covariances\" shares=\"equal\"",
        "the mean of several estimators, or of their portfolios: of = \"weights\"",
    ]);
    writeln!(out, "{}\n", table.trim_fmt())?;
    writeln!(
        out,
        "parts of an estimator: qis,memory=exponential(half_life=346),devolatilised=ewma(0.97),volatility=garch\n"
    )?;
    let mut table = columns(["part", "name", "parameters and defaults", "reference"]);
    for entry in estimators::memory::ALL {
        table.add_row(["memory", entry.name, &parameters((entry.parameters)()), entry.reference]);
    }
    let module = |what| ["model(FILE), train(NAME)", "seed=0 dtype=\"f64\"", what];
    let [name, values, reference] = module("lag transform of a trained network, clipping included");
    table.add_row(["memory", name, values, reference]);
    table.add_row(["count", "effective", "", "days that a memory counts for: 1/Σw²"]);
    table.add_row(["", "days", "", "T"]);
    table.add_row(["devolatilised", "ewma", "decay=0.94", "returns over their volatility before each day"]);
    for entry in estimators::volatility::ALL {
        table.add_row(["volatility", entry.name, &parameters((entry.parameters)()), entry.reference]);
    }
    let [name, values, reference] = module("marginal volatility of a trained network, at the level of the sample");
    table.add_row(["volatility", name, values, reference]);
    writeln!(out, "{}\n", table.trim_fmt())?;
    writeln!(out, "allocators: [compare] allocators, minvar estimate --allocator NAME,parameter=value\n")?;
    let mut table = columns(["allocator", "takes", "parameters and defaults", "reference"]);
    for entry in allocators::ALL {
        let takes = match entry.needs {
            allocators::Needs::Nothing => "no covariance",
            allocators::Needs::Entries => "entries",
            allocators::Needs::Inverse => "an inverse",
        };
        table.add_row([entry.name, takes, &parameters((entry.parameters)()), entry.reference]);
    }
    writeln!(out, "{}\n", table.trim_fmt())?;
    writeln!(out, "cost models: costs of a profile, see minvar list --schedules\n")?;
    let mut table = columns(["cost model", "parameters and defaults", "reference"]);
    for model in costs::ALL {
        table.add_row([model.name, &parameters((model.parameters)()), model.reference]);
    }
    writeln!(out, "{}\n", table.trim_fmt())?;
    writeln!(out, "profiles: [simulation] profiles, minvar simulate --profile NAME\n")?;
    let mut table = columns(["profile", "about"]);
    for (name, profile) in Schedules::default().profiles {
        table.add_row([name, profile.about]);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    let entry = |name: &str, reference: &str, parameters: toml::Table| json!({ "name": name, "reference": reference, "parameters": parameters });
    let estimators = estimators::ALL.iter().map(|e| entry(e.name, e.reference, (e.parameters)()));
    let memories = estimators::memory::ALL.iter().map(|e| entry(e.name, e.reference, (e.parameters)()));
    let volatilities = estimators::volatility::ALL.iter().map(|e| entry(e.name, e.reference, (e.parameters)()));
    let allocators = allocators::ALL.iter().map(|e| entry(e.name, e.reference, (e.parameters)()));
    let models = costs::ALL.iter().map(|e| entry(e.name, e.reference, (e.parameters)()));
    let profiles = Schedules::default().profiles.into_iter();
    let profiles = profiles.map(|(name, profile)| json!({ "name": name, "about": profile.about }));
    Ok(json!({
        "estimators": estimators.collect::<Vec<_>>(),
        "memories": memories.collect::<Vec<_>>(),
        "volatilities": volatilities.collect::<Vec<_>>(),
        "allocators": allocators.collect::<Vec<_>>(),
        "cost_models": models.collect::<Vec<_>>(),
        "profiles": profiles.collect::<Vec<_>>(),
    }))
}

fn columns<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}

fn parameters(defaults: toml::Table) -> String {
    defaults.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}
