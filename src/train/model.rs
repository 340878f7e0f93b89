//! Model files: the parameters as safetensors, and with them a header that describes the model.
//!
//! ```text
//! tensors    parameter.NAME, f32
//! metadata   minvar: JSON of Header, and its last key: checksum, the BLAKE3 of the whole file with zeros in place of the checksum
//! ```
//! A file whose checksum is wrong is refused; a file of an earlier version has no checksum.
//! A checkpoint is a model file with additional tensors: `adam.first.NAME`, `adam.second.NAME` and `record`, f64.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};

use crate::data::write_atomically;
use crate::error::{Error, Result};
use crate::nn::{Architecture, Float, Network};
use crate::program::refused_format;
use crate::train::Schedule;

/// Version of the file format; files of another version are refused.
const FORMAT: u32 = 1;
/// The metadata key.
const KEY: &str = "minvar";

/// Description and provenance of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the file format.
    pub format: u32,
    /// Version of minvar.
    pub version: String,
    /// Commit of minvar's source.
    pub commit: String,
    /// Device on which it was trained.
    pub device: String,
    /// Content hash of the panel.
    pub data_hash: String,
    /// Hash of data, rules, recipe, seed and computation; equal for models that agree in all of these.
    pub identity: String,
    /// The first day not used: training saw only earlier days.
    pub trained_before: String,
    /// Days of the look-back.
    pub lookback: usize,
    /// Days in a target.
    pub horizon: usize,
    /// Seed of the initial parameters and of the batches.
    pub seed: u64,
    /// Hash of the parameters of the model that training continued from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continued_from: Option<String>,
    /// The network's architecture.
    pub network: Architecture,
    /// The training schedule.
    pub schedule: Schedule,
    /// Optimiser steps taken.
    pub steps: usize,
    /// The training record, reduced to about a hundred points.
    pub record: Vec<Point>,
    /// Loss of QIS on the validation batches; models of earlier versions, and trainings without held-back dates, have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_qis: Option<f64>,
    /// In a checkpoint, the length of the event file in bytes at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_length: Option<u64>,
}

/// A stretch of the training record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Last step of the stretch.
    pub step: usize,
    /// Mean loss over the stretch.
    pub loss: f64,
    /// Mean gradient norm before clipping.
    pub gradient_norm: f64,
    /// The last validation loss in the stretch.
    pub validation: Option<f64>,
}

/// The learned functions of a network, as curves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curves {
    /// Age of a day in days; the newest is 1.
    pub age: Vec<usize>,
    /// Weight α of a return, by age.
    pub alpha: Vec<f64>,
    /// Inverse clip size β by age, for returns in annual units.
    pub beta: Vec<f64>,
    /// Grid of volatilities s: standard deviation of an asset's transformed returns.
    pub volatility: Vec<f64>,
    /// Inverse volatility that the network assigns to s, before normalisation.
    pub inverse_volatility: Vec<f64>,
}

/// A trained network with its header and, in a checkpoint, the state of its training.
pub struct Model {
    /// Description and provenance.
    pub header: Header,
    /// The checksum in the file that it was read from, if there was one.
    pub checksum: Option<String>,
    tensors: BTreeMap<String, Tensor>,
}

impl Model {
    /// A model from a header, in the current format, and tensors.
    pub(super) fn new(header: Header, tensors: BTreeMap<String, Tensor>) -> Self {
        Self { header: Header { format: FORMAT, ..header }, checksum: None, tensors }
    }

    /// Reads a model file. Refuses a truncated, damaged or foreign file and one of another format.
    pub fn open(path: &Path) -> Result<Self> {
        let refuse = |rule: String| Error::data(path.display().to_string(), rule);
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let not_readable = |_| refuse("not a complete safetensors file; it may have been truncated".to_string());
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(not_readable)?;
        let text = metadata.metadata().as_ref().and_then(|all| all.get(KEY));
        let text = text.ok_or_else(|| refuse("a safetensors file, but not a model of minvar".to_string()))?;
        let mut json = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
        let checksum = json.as_object_mut().and_then(|header| header.remove("checksum"));
        let checksum = checksum.map(|written| written.as_str().unwrap_or_default().to_string());
        let format = json["format"].as_u64().and_then(|format| u32::try_from(format).ok());
        let format = format.ok_or_else(|| refuse("a model without a format; train it again".to_string()))?;
        if let Some(why) = refused_format(format, FORMAT) {
            return Err(refuse(why));
        }
        let damaged = "its header has missing or unexpected entries: the file was changed or damaged";
        let header: Header = serde_json::from_value(json).map_err(|_| refuse(damaged.to_string()))?;
        let views = SafeTensors::deserialize(&bytes).map_err(not_readable)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in views.tensors() {
            tensors.insert(name, tensor(&view).map_err(|e| refuse(e.to_string()))?);
        }
        let model = Self { header, checksum, tensors };
        model.network::<f32>().map_err(|error| refuse(error.to_string()))?;
        // The checksum comes last, because the errors above are more specific.
        if model.checksum.as_ref().is_some_and(|written| checksum_of(&bytes, written).as_ref() != Some(written)) {
            return Err(refuse("its content does not match its checksum: the file was changed or damaged".to_string()));
        }
        Ok(model)
    }

    /// Refuses windows of a length that a per-lag network cannot read; `file` names the model in the error.
    pub fn check_days(&self, n_days: usize, file: &Path) -> Result<()> {
        match self.header.network.n_days.filter(|days| *days != n_days) {
            None => Ok(()),
            Some(days) => {
                let rule = format!("a per-lag network of {days} days cannot read a look-back of {n_days}");
                Err(Error::data(file.display().to_string(), rule))
            }
        }
    }

    /// Writes the file atomically.
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes()?;
        write_atomically(path, |file| file.write_all(&bytes).map_err(Error::io(path)))
    }

    /// The network in the precision `F`. Fails if the parameters do not fit the architecture.
    pub fn network<F: Float>(&self) -> Result<Network<F>> {
        Network::with_parameters(self.header.network.clone(), self.group("parameter."))
    }

    /// α and β by age, and the marginal-volatility map on a grid of volatilities from 0.1 to 3.
    pub fn curves(&self) -> Result<Curves> {
        let network = self.network::<f64>()?;
        let n_days = self.header.network.n_days.unwrap_or(self.header.lookback);
        let lag = network.lag_curves(n_days)?;
        let by_age = |curve: Tensor| -> Result<Vec<f64>> {
            let mut values = curve.to_vec1::<f64>()?;
            values.reverse();
            Ok(values)
        };
        let volatility: Vec<f64> = (1..=30).map(|k| f64::from(k) / 10.0).collect();
        Ok(Curves {
            age: (1..=n_days).collect(),
            alpha: by_age(lag.alpha)?,
            beta: by_age(lag.beta)?,
            inverse_volatility: network.marginal_map(&volatility)?,
            volatility,
        })
    }

    /// Tensors whose name starts with `prefix`, by the rest of their names.
    pub(super) fn group(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let strip = |(name, tensor): (&String, &Tensor)| Some((name.strip_prefix(prefix)?.to_string(), tensor.clone()));
        self.tensors.iter().filter_map(strip).collect()
    }

    /// Hash of the parameters.
    pub fn hash(&self) -> Result<String> {
        let mut hasher = blake3::Hasher::new();
        for (name, tensor) in self.group("parameter.") {
            hasher.update(name.as_bytes()).update(&bytes(&tensor)?);
        }
        Ok(hasher.finalize().to_hex()[..16].to_string())
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let held: Vec<(String, Vec<usize>, DType, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.dims().to_vec(), tensor.dtype(), bytes(tensor)?)))
            .collect::<Result<_>>()?;
        let views = held.iter().map(|(name, shape, dtype, bytes)| {
            let dtype = if *dtype == DType::F64 { safetensors::Dtype::F64 } else { safetensors::Dtype::F32 };
            let view = TensorView::new(dtype, shape.clone(), bytes).expect("the bytes are those of the shape");
            (name.as_str(), view)
        });
        let header = serde_json::to_string(&self.header).expect("a header is plain data");
        let open = header.strip_suffix('}').expect("a header is an object");
        let metadata = HashMap::from([(KEY.to_string(), format!("{open},\"checksum\":\"{NO_CHECKSUM}\"}}"))]);
        let mut bytes = safetensors::serialize(views, Some(metadata))
            .map_err(|error| Error::Undefined { what: "a model file", why: error.to_string() })?;
        let place = place_of(&bytes, NO_CHECKSUM).expect("the placeholder was just written");
        let checksum = blake3::hash(&bytes).to_hex();
        bytes[place..place + NO_CHECKSUM.len()].copy_from_slice(checksum.as_bytes());
        Ok(bytes)
    }
}

/// Placeholder for the checksum while it is computed.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Text before the checksum: JSON as a string inside JSON.
const BEFORE_CHECKSUM: &str = r#"\"checksum\":\""#;

/// Position of the checksum in the bytes of a file.
fn place_of(bytes: &[u8], checksum: &str) -> Option<usize> {
    let wanted = [BEFORE_CHECKSUM.as_bytes(), checksum.as_bytes()].concat();
    bytes.windows(wanted.len()).position(|part| part == wanted).map(|place| place + BEFORE_CHECKSUM.len())
}

/// The correct checksum of a file in which `written` stands as its checksum.
fn checksum_of(bytes: &[u8], written: &str) -> Option<String> {
    let place = place_of(bytes, written).filter(|_| written.len() == NO_CHECKSUM.len())?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..place]).update(NO_CHECKSUM.as_bytes()).update(&bytes[place + written.len()..]);
    Some(hasher.finalize().to_hex().to_string())
}

/// Little-endian bytes of an f32 or f64 tensor.
fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let flat = tensor.flatten_all()?;
    match tensor.dtype() {
        DType::F64 => flat.to_vec1::<f64>().map(|v| v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        _ => flat.to_vec1::<f32>().map(|v| v.iter().flat_map(|x| x.to_le_bytes()).collect()),
    }
    .map_err(Error::from)
}

fn tensor(view: &TensorView<'_>) -> candle_core::Result<Tensor> {
    let dtype = match view.dtype() {
        safetensors::Dtype::F64 => DType::F64,
        safetensors::Dtype::F32 => DType::F32,
        other => candle_core::bail!("tensors are F32 or F64, not {other:?}"),
    };
    Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)
}
