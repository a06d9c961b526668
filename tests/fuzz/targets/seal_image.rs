//! Pictures of seals, as PNG from whoever registers one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pdf::appearance::{ImageLimits, SealImage};

fuzz_target!(|data: &[u8]| {
    let limits = ImageLimits { pixels: 1 << 20, ..ImageLimits::default() };
    if let Ok(image) = SealImage::from_png(data, &limits) {
        assert!(u64::from(image.width()) * u64::from(image.height()) <= 1 << 20);
    }
});
