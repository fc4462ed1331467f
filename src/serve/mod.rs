//! HTTP beside a run: health for orchestrators, metrics for Prometheus.
//!
//! `/livez` says that the process answers, and depends on nothing outside; `/startupz` that the run has got past its
//! start and what it had to compute again, or stands by; `/readyz` that sources are open and the run is under way;
//! `/metrics` is OpenMetrics text. The server has a thread of its own and never touches a worker.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};

use crate::telemetry::Metrics;

/// What the server shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The run's metrics.
    pub metrics: Arc<Metrics>,
    /// Whether the run is under way.
    pub ready: Arc<AtomicBool>,
}

/// Starts to serve at an address, such as `127.0.0.1:9464`; port 0 takes a free one, which is returned.
///
/// # Errors
/// The address is taken, or is not one of this machine.
pub fn serve(address: &str, shown: Shown) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let body = move || {
        runtime.block_on(async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return tracing::error!(%error, "the HTTP server could not start"),
            };
            if let Err(error) = axum::serve(listener, router(shown)).await {
                tracing::error!(%error, "the HTTP server ended");
            }
        });
    };
    std::thread::Builder::new().name("http".into()).spawn(body)?;
    Ok(bound)
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/livez", get(|| async { "live\n" }))
        .route("/startupz", get(startupz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(shown)
}

async fn startupz(State(shown): State<Shown>) -> impl IntoResponse {
    let status = shown.metrics.status();
    if status.started() {
        (StatusCode::OK, "started\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not started: {}\n", status.status().as_str()))
    }
}

async fn readyz(State(shown): State<Shown>) -> impl IntoResponse {
    if shown.ready.load(Ordering::Acquire) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: the run is starting or stopping\n")
    }
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], shown.metrics.text())
}
