//! Figures as PNG files, for places that do not accept SVG.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

use crate::render::Figure;
use crate::render::canvas::{FONT, darkened};

/// Pixels of the file per pixel of the figure: 300 dots per inch when a figure of two frames is 17 cm wide.
const SCALE: f32 = 2.4;

/// The embedded font only, so that every machine draws the same.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    Arc::new(fonts)
});

impl Figure {
    /// A PNG file at print resolution, in the inks of a light or a dark page.
    pub fn png(&self, page: Page) -> Vec<u8> {
        let svg = match page {
            Page::Light => self.svg(),
            Page::Dark => darkened(&self.svg()),
        };
        let options = Options { fontdb: FONTS.clone(), font_family: "DejaVu Sans".to_string(), ..Options::default() };
        let tree = Tree::from_str(&svg, &options).expect("our own SVG is valid");
        let size = tree.size().to_int_size().scale_by(SCALE).expect("a figure has a size");
        let mut pixels = Pixmap::new(size.width(), size.height()).expect("a figure has a size");
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
        pixels.encode_png().expect("encoding into memory cannot fail")
    }
}

/// The kind of page a figure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Dark ink on white.
    Light,
    /// Light ink on black.
    Dark,
}
