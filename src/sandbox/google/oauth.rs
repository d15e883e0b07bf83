//! Google's token endpoint for service accounts: assertions in, bearer tokens out.

use serde_json::{Value, json};

use super::compact::Compact;
use super::refusal::Refusal;
use super::state::{Bearer, State};
use crate::clock::Timestamp;
use crate::ids::{self, Ids};

/// What an assertion must be for, wherever the endpoint really is.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

/// The grant of a service account.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What a token must be good for.
const SCOPE: &str = "https://www.googleapis.com/auth/wallet_object.issuer";

/// How long an assertion may be good: "60 minutes".
const LONGEST_SECONDS: i64 = 3_600;

/// How far clocks may differ.
const SKEW_SECONDS: i64 = 10;

/// How long a token is good; Google says one second less than an hour.
const TOKEN_SECONDS: i64 = 3_599;

/// Why there is no token: RFC 6749, section 5.2.
pub(super) struct NoToken {
    /// `error`.
    error: &'static str,
    /// `error_description`.
    description: String,
}

impl NoToken {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into() }
    }

    /// The body.
    pub(super) fn body(&self) -> Value {
        json!({"error": self.error, "error_description": self.description})
    }
}

/// Answers a request for a token.
pub(super) fn exchange(
    state: &mut State,
    form: &[(String, String)],
    (now, ids): (Timestamp, &dyn Ids),
) -> Result<Value, NoToken> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if field("grant_type") != GRANT {
        return Err(NoToken::new("unsupported_grant_type", format!("Invalid grant_type: {}", field("grant_type"))));
    }
    let refused = |why: &str| NoToken::new("invalid_grant", why);
    let jwt = Compact::parse(field("assertion")).ok_or_else(|| refused("Bad Request"))?;
    let email = jwt.signer(state).map_err(|why| NoToken::new("invalid_grant", format!("Invalid grant: {why}")))?.email.clone();
    if jwt.claims["aud"] != AUDIENCE {
        return Err(refused("Invalid JWT: Failed audience check."));
    }
    let seconds = |name: &str| jwt.claims[name].as_i64();
    let (Some(issued), Some(ends)) = (seconds("iat"), seconds("exp")) else {
        return Err(refused("Invalid JWT: iat or exp is missing."));
    };
    let short = ends > issued && ends - issued <= LONGEST_SECONDS;
    let timely = issued <= now.seconds() + SKEW_SECONDS && ends > now.seconds() - SKEW_SECONDS;
    if !(short && timely) {
        return Err(refused(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp \
             values in the JWT claim.",
        ));
    }
    let scope = jwt.claims["scope"].as_str().unwrap_or_default();
    if scope.trim().is_empty() {
        return Err(NoToken::new("invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    let token = format!("ya29.c.{}{}", ids::encode(&ids.random()), ids::encode(&ids.random()));
    let bearer = Bearer { email, scope: scope.to_owned(), expires: now.plus_seconds(TOKEN_SECONDS) };
    state.add_token(token.clone(), bearer, now);
    Ok(json!({"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}))
}

/// The account behind an `Authorization` header.
pub(super) fn caller(state: &State, authorization: Option<&str>, now: Timestamp) -> Result<String, Refusal> {
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")));
    let bearer = token.and_then(|token| state.tokens.get(token.trim())).filter(|bearer| bearer.expires > now);
    let bearer = bearer.ok_or_else(Refusal::unauthenticated)?;
    if bearer.scope.split(' ').any(|scope| scope == SCOPE) { Ok(bearer.email.clone()) } else { Err(Refusal::wrong_scope()) }
}
