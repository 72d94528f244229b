//! How does a phone read a link off the screen? As a QR picture: one path, no size of its own, black on white.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// A QR picture as SVG, safe to put into a page: it holds nothing but our own markup and numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct Qr {
    svg: String,
}

/// The text doesn't fit into a QR picture.
#[derive(Debug, thiserror::Error)]
#[error("{0} bytes don't fit into a QR picture")]
pub struct TooLong(usize);

impl Qr {
    /// The picture of `text`, with the quiet border scanners need. Errors: beyond about 2,300 bytes.
    pub fn of(text: &str) -> Result<Self, TooLong> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| TooLong(text.len()))?;
        let side = code.width() + 2 * BORDER;
        let mut path = String::new();
        for (y, row) in code.to_colors().chunks(code.width()).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                if run[0] == Color::Dark {
                    let (left, top, wide) = (x + BORDER, y + BORDER, run.len());
                    write!(path, "M{left} {top}h{wide}v1h-{wide}z").expect("a String takes all that is written");
                }
                x += run.len();
            }
        }
        Ok(Self {
            svg: format!(
                r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges" aria-hidden="true"><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="#000" d="{path}"/></svg>"##
            ),
        })
    }

    /// The markup.
    pub fn svg(&self) -> &str {
        &self.svg
    }
}

/// The text is a secret, so the picture of it isn't printed either.
impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Qr")
    }
}

/// Modules of white around; ISO/IEC 18004 asks for four.
const BORDER: usize = 4;
