//! The headers of every page: nothing runs, loads, frames or leaks but what the page itself says.

use actix_web::HttpResponseBuilder;
use actix_web::http::header;

use super::framing::Framing;

/// What a page may use of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Powers {
    /// Nothing.
    None,
    /// The camera, and WebAssembly to read what it sees: the scanner's page alone.
    Camera,
}

/// Device features that no page uses; the camera is one of them on all pages but one.
const UNUSED: &str = "accelerometer=(), autoplay=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=(), xr-spatial-tracking=()";

/// Sets the headers of a page whose scripts carry a nonce.
pub fn secure(response: &mut HttpResponseBuilder, nonce: &str, (powers, framing): (Powers, &Framing)) {
    let (wasm, camera) = match powers {
        Powers::None => ("", "camera=()"),
        Powers::Camera => (" 'wasm-unsafe-eval'", "camera=(self)"),
    };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'{wasm}; style-src 'self'; img-src 'self'; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {}; \
         require-trusted-types-for 'script'; trusted-types walaa",
        framing.ancestors()
    );
    if framing.is_forbidden() {
        response.insert_header((header::X_FRAME_OPTIONS, "DENY"));
    }
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header(("permissions-policy", format!("{camera}, {UNUSED}")))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
}
