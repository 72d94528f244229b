//! What people do again and again, in a browser: one line of a test each.

use crate::browser::Browser;
use crate::gateway::{PASSWORD, TestGateway};

impl Browser {
    /// On the sign-in page: the first step.
    pub async fn enter_password(&self, name: &str, password: &str) {
        self.fill("#username", name).await;
        self.fill("#password", password).await;
        self.follow("main button").await;
    }

    /// On any page that asks for a code.
    pub async fn enter_code(&self, code: &str) {
        self.fill("#code", code).await;
        self.follow("main button").await;
    }

    /// From the sign-in page through both steps, with the code that the person's authenticator app shows now.
    pub async fn sign_in(&self, gateway: &TestGateway, name: &str) {
        self.enter_password(name, PASSWORD).await;
        self.wait_for("#code").await;
        self.enter_code(&gateway.totp(name)).await;
        assert_eq!(self.texts("#problem").await, [""; 0], "the code was taken");
    }

    /// From wherever the person is: out, with the question in between.
    pub async fn sign_out(&self, gateway: &TestGateway) {
        self.goto(&gateway.portal("/sign-out")).await;
        self.follow("main button").await;
        assert!(self.url().await.ends_with("/signed-out"));
    }
}
