//! `minvar schema`: the experiment file as a JSON schema, and as a page of documentation.
//!
//! Keys, types, defaults and words come from the structs that read the file, names and parameters from the registries,
//! so the schema and the page always agree with the program.

use serde_json::{Map, Value, json};

use crate::cli::output::say;
use crate::description::{Experiment, ORACLE, TRAIN};
use crate::error::Error;
use crate::estimators::modules::RECURRENT;
use crate::nn::Architecture;
use crate::train::{MODEL, Schedule};
use crate::{allocators, estimators, registry};

/// Print the JSON schema of an experiment file, for editors that complete and check it
///
/// In an editor with a TOML plugin that supports schemas (taplo, Even Better TOML), begin an experiment with
///   #:schema ./experiment.schema.json
/// and the editor completes keys, estimators, allocators, parameters and presets, and marks unknown ones.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// Print the page docs/experiment.md instead
    #[arg(long)]
    page: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    if arguments.page {
        let page = page();
        say!("{}", page.trim_end());
        return Ok(json!({ "page": page }));
    }
    let schema = schema();
    say!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(schema)
}

/// The schema of an experiment file.
pub fn schema() -> Value {
    let mut root = schemars::schema_for!(Experiment).to_value();
    root["title"] = "An experiment of minvar".into();
    let estimators = estimators::ALL.iter().map(|entry| (entry.name, (entry.parameters)(), entry.reference));
    let mut choices = choice_schemas(estimators, estimators::build);
    choices.iter_mut().skip(1).for_each(add_parts);
    choices[0]["enum"].as_array_mut().expect("names are a list").push(ORACLE.into());
    let dtype = json!({ "enum": ["f64", "f32"], "default": "f64" });
    let mut recurrent = json!({
        "type": "object", "description": "Recurrence and head of a trained network, on the correlation that it is given.",
        "properties": {
            "name": { "const": RECURRENT }, "label": { "type": "string" }, "dtype": dtype,
            "model": { "type": "string" }, "train": { "type": "string" },
        },
        "required": ["name"], "additionalProperties": false,
    });
    add_parts(&mut recurrent);
    recurrent["properties"]["seed"] = json!({ "type": "integer", "minimum": 0, "default": 0 });
    choices.push(recurrent);
    choices.push(json!({
        "type": "object", "description": "The mean of several estimators, or of their portfolios.",
        "properties": {
            "label": { "type": "string" }, "combine": { "type": "array", "minItems": 2 },
            "of": { "enum": ["covariances", "weights"], "default": "covariances" },
            "shares": { "anyOf": [{ "enum": ["equal", "fitted"] }, { "type": "array", "items": { "type": "number" } }] },
        },
        "required": ["combine"], "additionalProperties": false,
    }));
    for (key, what) in [(TRAIN, "A recipe of [train]."), (MODEL, "A model file; {year} becomes the year.")] {
        let mut properties = json!({
            "label": { "type": "string" },
            "dtype": dtype,
        });
        properties[key] = json!({ "type": "string", "description": what });
        if key == TRAIN {
            properties["seed"] = json!({ "type": "integer", "minimum": 0, "default": 0 });
        }
        choices.push(json!({
            "type": "object", "properties": properties, "required": [key], "additionalProperties": false,
        }));
    }
    let allocators = allocators::ALL.iter().map(|entry| (entry.name, (entry.parameters)(), entry.reference));
    root["$defs"]["Compare"]["properties"]["estimators"]["items"] = json!({ "anyOf": choices });
    root["$defs"]["Compare"]["properties"]["allocators"]["items"] =
        json!({ "anyOf": choice_schemas(allocators, allocators::build) });
    let (network, schedule) = (["compact", "original"], ["cpu", "compact", "original"]);
    for (key, name, presets) in [("network", "Architecture", &network[..]), ("schedule", "Schedule", &schedule[..])] {
        let mut table = root["$defs"][name].clone();
        table["properties"]["preset"] =
            json!({ "enum": presets, "description": "The preset that the other keys change." });
        if let Some(table) = table.as_object_mut() {
            table.remove("required");
        }
        root["$defs"][name] = table;
        let field = &mut root["$defs"]["Recipe"]["properties"][key];
        let described = field["description"].clone();
        *field = json!({
            "description": described,
            "anyOf": [{ "enum": presets }, { "$ref": format!("#/$defs/{name}") }],
        });
    }
    if let Some(definitions) = root["$defs"].as_object_mut() {
        definitions.remove("Choice");
    }
    root
}

/// Adds the keys that name parts, and the form of a number that is chosen on the past.
fn add_parts(choice: &mut Value) {
    let fitted = json!({
        "type": "object", "properties": { "fitted": { "type": "array", "minItems": 1, "maxItems": 8 } },
        "required": ["fitted"], "additionalProperties": false,
    });
    for property in choice["properties"].as_object_mut().expect("a choice has properties").values_mut() {
        // A number or the word of a rule.
        if let Some(forms) = property.get_mut("anyOf").and_then(Value::as_array_mut) {
            forms.push(fitted.clone());
        }
        if let Some(kind) = property.as_object_mut().and_then(|property| property.remove("type")) {
            match kind.as_str() {
                Some("number" | "integer") => property["anyOf"] = json!([{ "type": kind }, fitted]),
                _ => property["type"] = kind,
            }
        }
    }
    for key in ["memory", "devolatilised", "volatility"] {
        choice["properties"][key] = json!({ "type": ["string", "object"] });
    }
    choice["properties"]["count"] = json!({ "enum": ["effective", "days"], "default": "effective" });
}

/// Schemas of a choice: the name alone, or a table with the name, a label and the parameters of its entry.
fn choice_schemas<'a, T>(
    entries: impl Iterator<Item = (&'a str, toml::Table, &'a str)>,
    build: fn(&str) -> Result<T, Error>,
) -> Vec<Value> {
    let (mut names, mut tables) = (Vec::new(), Vec::new());
    for (name, defaults, reference) in entries {
        names.push(name);
        let mut properties = Map::new();
        properties.insert("name".to_string(), json!({ "const": name }));
        properties.insert("label".to_string(), json!({ "type": "string" }));
        for (key, default) in defaults {
            let takes = registry::takes(build, name, &key);
            let mut value = match &default {
                _ if takes.or_number => json!({ "anyOf": [{ "enum": takes.words }, { "type": "number" }] }),
                _ if !takes.words.is_empty() => json!({ "enum": takes.words }),
                toml::Value::String(_) => json!({ "type": "string" }),
                toml::Value::Boolean(_) => json!({ "type": "boolean" }),
                toml::Value::Integer(_) => json!({ "type": "integer" }),
                toml::Value::Array(_) => json!({ "type": "array" }),
                _ => json!({ "type": "number" }),
            };
            value["default"] = json!(default);
            properties.insert(key, value);
        }
        tables.push(json!({
            "type": "object", "description": reference, "properties": properties, "required": ["name"],
            "additionalProperties": false,
        }));
    }
    let mut all = vec![json!({ "enum": names })];
    all.extend(tables);
    all
}

/// Tables of the page: heading, definition, and introduction.
const TABLES: [(&str, &str, &str); 15] = [
    ("The file", "", "Keys at the top, before any table."),
    ("`[data]`", "Data", "Exactly one of `panel` and `synthetic`."),
    ("`[data.synthetic]`", "SyntheticMarket", "A market drawn for the experiment, whose true covariance is known."),
    (
        "`[universe]`",
        "Rules",
        "Which assets take part on a date. Rules that are not written are those of `rules`; `false` switches one off, `true` gives it the value of the papers.",
    ),
    ("`[walk_forward]`", "WalkForward", "The windows."),
    ("`[compare]`", "Compare", "Estimators and allocators: names, or tables with parameters and a label."),
    ("`[sweep]`", "Sweep", "Repeats the experiment for each size of the universe and each variant of its rules."),
    ("`[simulation]`", "Simulation", "An account for every portfolio, profile, capital and leverage."),
    ("`[simulation.leverage]`", "LeverageGrid", "Evenly spaced leverages, in place of a list."),
    ("`[simulation.rates]`", "RatesTable", "How the file of rates is read, in place of its name alone."),
    ("`[figures]`", "Figures", "What the figures show."),
    ("`[evidence]`", "EvidenceKeys", "What the tests of the run compare with; name it before you run."),
    ("`[train.NAME]`", "Recipe", "A network that `{ train = \"NAME\" }` among the estimators refers to."),
    ("`network`", "Architecture", "A preset, or a table that changes one."),
    ("`schedule`", "Schedule", "A preset, or a table that changes one."),
];

/// Parameters of an entry with their defaults, and for words the other choices: `keep = "above_edge"` (or `fraction`).
fn parameters<T>(name: &str, defaults: &toml::Table, build: fn(&str) -> Result<T, Error>) -> Vec<String> {
    let parameter = |(key, value): (&String, &toml::Value)| {
        let takes = registry::takes(build, name, key);
        let others = takes.words.iter().filter(|word| value.as_str() != Some(word)).map(|word| format!("`{word}`"));
        let others: Vec<String> = others.chain(takes.or_number.then(|| "a number".to_string())).collect();
        let or = if others.is_empty() { String::new() } else { format!(" (or {})", others.join(", ")) };
        format!("`{key} = {value}`{or}")
    };
    defaults.iter().map(parameter).collect()
}

/// The text of docs/experiment.md.
pub fn page() -> String {
    let schema = schema();
    let mut page = "# The experiment file\n\n\
        An experiment is a TOML file. `minvar init NAME` writes one with comments, `minvar schema` prints its JSON schema for \
        editors, and `minvar run FILE --set universe.size=50` changes a key for one run. Unknown keys are refused with the nearest \
        known one; defaults are written out in the saved `run.toml`. This page is made by `minvar schema --page`.\n"
        .to_string();
    for (heading, name, about) in TABLES {
        let definition = if name.is_empty() { &schema } else { &schema["$defs"][name] };
        page += &format!("\n## {heading}\n\n{about}\n\n| key | value | default | meaning |\n|---|---|---|---|\n");
        let required: Vec<&str> =
            definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            let default = default_of(name, key, property, required.contains(&key.as_str()));
            let description =
                property["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
            page += &format!("| `{key}` | {} | {default} | {description} |\n", kind(&schema, property));
        }
    }
    let row = |name: &str, parameters: Vec<String>, reference: &str| {
        format!("| `{name}` | {} | {reference} |\n", parameters.join(", "))
    };
    page += "\n## Estimators\n\n`oracle` is the true covariance of a synthetic market. Networks are `{ train = \"NAME\", seed = 0 }` and \
             `{ model = \"FILE\" }`; `{ name = \"recurrent\", model = \"FILE\" }` is the cleaner of a network alone, on the correlation that it is \
             given.\n\n| name | parameters and defaults | source |\n|---|---|---|\n";
    for entry in estimators::ALL {
        page += &row(entry.name, parameters(entry.name, &(entry.parameters)(), estimators::build), entry.reference);
    }
    page += "\n## Parts of an estimator\n\nEvery estimator takes a `memory`, and says by `count` how many days it counts for (`effective`, the default: \
             1/Σw² of its weights; `days`: T), is `devolatilised` by `ewma(decay)`, and gets the variances of a `volatility`: \
             `{ name = \"qis\", memory = \"exponential(half_life=346)\", devolatilised = \"ewma(0.97)\", volatility = \"ewma(0.99)\" }`. A part is \
             a text `name(key=value, ...)`, in which the first value needs no key, or a table with a `name`. `ewma`, `rm2006`, `dcc_qis` and whole \
             networks are such compositions already and take no memory. A memory or a volatility is also that of a trained network: \
             `\"model(FILE)\"`, `{ model = \"FILE\" }`, `{ train = \"NAME\", seed = 0 }`.\n\n| part | \
             name | parameters and defaults | source |\n|---|---|---|---|\n";
    let of_part = |parameters: toml::Table| {
        parameters.iter().map(|(key, value)| format!("`{key} = {value}`")).collect::<Vec<_>>().join(", ")
    };
    for entry in estimators::memory::ALL {
        page += &format!("| memory | `{}` | {} | {} |\n", entry.name, of_part((entry.parameters)()), entry.reference);
    }
    for entry in estimators::volatility::ALL {
        page +=
            &format!("| volatility | `{}` | {} | {} |\n", entry.name, of_part((entry.parameters)()), entry.reference);
    }
    page += "\nA value that is chosen on the past of each year, as a network is trained on it: `half_life = { fitted = [120, 250, 500] }`, in a \
             text `exponential(half_life=fitted(120,250,500))`; at most eight values of one parameter. The one with the lowest mean loss 252 n \
             w'Σw over 252 draws of a training sampler is used (n = 50 to 350; for a parameter of the estimator itself, such as \
             `kappa` of `qis` or `intensity` of `lw_identity`, the size of the universe); `fitted.csv` has them all.\n\n\
             The mean of several estimators, or of their portfolios: `{ combine = [\"qis\", \"poet\"], of = \"weights\", shares = [0.3, 0.7] }`, \
             with `of = \"covariances\"` (the default: each at the trace of the sample covariance) or `\"weights\"`, and `shares = \"equal\"` \
             (the default), numbers with sum one, or, of two, `\"fitted\"`: the best of 0, 1/7, ..., 1 for the first.\n";
    page += "\n## Allocators\n\n| name | parameters and defaults | source |\n|---|---|---|\n";
    for entry in allocators::ALL {
        page += &row(entry.name, parameters(entry.name, &(entry.parameters)(), allocators::build), entry.reference);
    }
    page
}

/// The value of a key that is not given, as the page prints it.
fn default_of(table: &str, key: &str, property: &Value, is_required: bool) -> String {
    let preset = match table {
        "Architecture" => serde_json::to_value(Architecture::compact()).ok(),
        "Schedule" => serde_json::to_value(Schedule::cpu()).ok(),
        "Recipe" => Some(json!({ "network": "compact", "schedule": "cpu" })),
        _ => None,
    };
    let preset = preset.and_then(|preset| preset.get(key).cloned());
    match preset.as_ref().or_else(|| property.get("default")) {
        Some(Value::Null) | None if is_required => "needed".to_string(),
        Some(Value::Null | Value::Object(_)) | None => String::new(),
        Some(default) => format!("`{default}`"),
    }
}

/// The type of a key's values, in a few words.
fn kind(schema: &Value, property: &Value) -> String {
    if let Some(reference) = property["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return match name {
            "date" => "date".to_string(),
            _ => match kind(schema, &schema["$defs"][name]) {
                words if words == "table" => "table".to_string(),
                words => words,
            },
        };
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(variants) = property[key].as_array() {
            let mut words: Vec<String> = variants.iter().map(|variant| kind(schema, variant)).collect();
            words.retain(|word| word != "null");
            words.dedup();
            return if words.len() > 4 && words.iter().any(|word| word == "table") {
                "name or table".to_string()
            } else {
                words.join(" or ")
            };
        }
    }
    if let Some(word) = property.get("const") {
        return format!("`{word}`");
    }
    if let Some(words) = property["enum"].as_array() {
        return if words.len() > 6 {
            "name".to_string()
        } else {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        };
    }
    let types: Vec<&str> = match &property["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        _ => vec![],
    };
    let word = |kind: &&str| match *kind {
        "integer" => "whole number".to_string(),
        "string" if property["format"] == "date" => "date".to_string(),
        "string" => "text".to_string(),
        "boolean" => "true or false".to_string(),
        "array" => format!("list of {}", kind_of_items(schema, property)),
        "object" => "table".to_string(),
        other => other.to_string(),
    };
    types.iter().map(word).collect::<Vec<_>>().join(" or ")
}

fn kind_of_items(schema: &Value, property: &Value) -> String {
    let items = property["prefixItems"].as_array().and_then(|items| items.first()).unwrap_or(&property["items"]);
    match kind(schema, items) {
        words if words == "name or table" => "names or tables".to_string(),
        words if ["number", "whole number", "text"].contains(&words.as_str()) => format!("{words}s"),
        words => words,
    }
}
