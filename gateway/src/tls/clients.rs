//! Which clients are asked for a certificate, and by whose authority is it good?
//!
//! Only a handshake for the host of an app that demands one asks (`client_certificate: required`): the portal and all other
//! apps never make a browser prompt. A client that shows none gets its handshake all the same, so that it can be told what
//! is missing; one that shows a bad one does not. rustls asks its resolver, its verifier and its store of sessions in that
//! order within one handshake; what the first found out reaches the others through [`HANDSHAKE`]. A session that began with
//! such a question is never resumed: it would carry a certificate past its end, or past its authority's.

use std::cell::Cell;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::Certificates;
pub(crate) use crate::config::ClientAuthority as Authority;

tokio::task_local! {
    /// The handshake that this task is about.
    pub(super) static HANDSHAKE: Handshake;
}

/// A handshake under way.
pub(super) struct Handshake {
    pub(super) certificates: Arc<Certificates>,
    /// Does the host that was asked for demand a certificate of the client? `None`: nobody knows yet.
    pub(super) demands: Cell<Option<bool>>,
}

/// Who signs clients' certificates.
#[derive(Clone, Debug)]
pub(super) struct ClientCa {
    pub(super) authority: Authority,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientCa {
    /// From the certificates of a file. Errors: a sentence.
    pub(super) fn new(chain: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let mut digest = blake3::Hasher::new();
        let mut roots = RootCertStore::empty();
        for der in chain {
            digest.update(&der);
            roots.add(der).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(ring::default_provider());
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).allow_unauthenticated();
        let verifier = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { authority: Authority(*digest.finalize().as_bytes()), verifier })
    }

    pub(super) fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::new(OnDemand(Arc::clone(&self.verifier)))
    }
}

/// Asks only where the host demands it.
#[derive(Debug)]
struct OnDemand(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for OnDemand {
    fn offer_client_auth(&self) -> bool {
        // Before the host is known rustls wants to hear whether it may come to that.
        demands().unwrap_or(true)
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.verify_client_cert(leaf, between, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Sessions to resume, except where a certificate is demanded.
#[derive(Debug)]
pub(super) struct Sessions(Arc<ServerSessionMemoryCache>);

impl Sessions {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(ServerSessionMemoryCache::new(SESSIONS)))
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        demands() == Some(false) && self.0.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        if demands() == Some(false) { self.0.get(key) } else { None }
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        if demands() == Some(false) { self.0.take(key) } else { None }
    }

    fn can_cache(&self) -> bool {
        demands() == Some(false)
    }
}

fn demands() -> Option<bool> {
    HANDSHAKE.try_with(|handshake| handshake.demands.get()).ok().flatten()
}

/// As many as rustls keeps by itself.
const SESSIONS: usize = 256;
