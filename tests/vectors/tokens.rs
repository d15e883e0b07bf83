//! Tokens, keys and keyed hashes against constants from `tokens.py` beside this file, which shares no code with the gateway; and
//! the sealed export opened with OpenSSL.

use walaa::ids::{CardId, KeyId, OrgId, RedemptionId, TerminalId};
use walaa::tokens::{
    Credential, Email, Environment, ExportRandom, Identity, KeyHolder, KeyScope, Keyring, LEAK_PATTERN, LinkKind, LinkSource,
    Nonce, Phone, ScannedCode, TokenKind, TokenSource, W1,
};

const CARD_JTI: &str = "eeb34093df76d29ec1a638edcd14b07f";
const VOUCHER_JTI: &str = "ca6c8e1a1c26ba359af2bad9297841a8";
const CARD_HASH: &str = "932f6608cb89f233801a69a55be0c200b57d4145ea96a6e063ab599ada46a46a";
const CARD_W1: &str = "W1040YXCT0JFFQDMMYR6K3HVED2JR7ZTDR2XG9ZVSBN0";
const PASS_LINK: &str = "4ft9nhq412dd79datjdckcmwna";
const CARD_LINK: &str = "0gxacxawy36zctt6xrzpfqssys";
const APPLE_TOKEN: &str = "VNQ3PAJCXT492BGPYJP5NGAA82WWVZA6WS17AWDXGE91CNG5ZKDG";
const EMAIL_HASH: &str = "c4b30673470cc4032052ea2bf81b0a5cb529e77e3d540d12b526732567907d31";
const PHONE_HASH: &str = "7a416bc371bebfffb2c2a60cc7f88fe669b22394c2d3246ccbf8dbf1cf512849";
const KEY_TEXT: &str = "wk_live_0g2491650n2rbhg68t3ce1t7gz_RdTyB92nSnWKtguWnGLmQesZgqDuVcD3Afd8hoyDf4w0mVz6A";
const TERMINAL_TEXT: &str = "wt_test_0g2491650n2rbhg68t3ce1t7gz_5neLbGGxPS6cX17ceoUOECpPyjtBng727Qmd7WOLOOs4F4zXy";
const TYPED_CODE: &str = "BC1E9VDWENG";
const TYPED_HASH: &str = "9767239351665b2050e1f7340998a87ad24bd9d31ae481dddf3e3d11a124604f";
const MARKER: &str = "01202122232425262728292a2b2c2d2e2f8ed7f3729090f4777db6272f0db058eb";
const ORG: OrgId = OrgId([0x11; 16]);

fn bytes<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|place| first + place as u8)
}

fn keyring() -> (Keyring, KeyScope) {
    let keyring = Keyring::generate(bytes(0)).expect("the bytes are mixed enough");
    let scope = keyring.scope(ORG);
    (keyring, scope)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn source(kind: TokenKind) -> TokenSource {
    TokenSource { kind, owner: bytes(16), generation: 7 }
}

#[test]
fn token_ids_and_codes() {
    let (keyring, scope) = keyring();
    let card = keyring.token_id(scope, &source(TokenKind::Card)).unwrap();
    assert_eq!(hex(&card.jti), CARD_JTI);
    assert_eq!(card.hash().to_hex(), CARD_HASH);
    assert_eq!(hex(&keyring.token_id(scope, &source(TokenKind::Voucher)).unwrap().jti), VOUCHER_JTI);
    assert_eq!(W1::mint(&keyring, ORG, card).unwrap(), CARD_W1);
    assert_eq!(W1::parse(CARD_W1, ORG, &keyring).unwrap().id(), card);
}

#[test]
fn links_and_apple_tokens() {
    let (keyring, scope) = keyring();
    let link = |kind| keyring.link_key(scope, &LinkSource { kind, owner: bytes(16), generation: 2 }).unwrap().to_text();
    assert_eq!(link(LinkKind::Pass), PASS_LINK);
    assert_eq!(link(LinkKind::CardPage), CARD_LINK);
    assert_eq!(keyring.apple_token(scope, "pass.example.walaa", "serial-1").unwrap().as_str(), APPLE_TOKEN);
}

#[test]
fn identity_hashes() {
    let (keyring, _) = keyring();
    let hash = |identity| hex(&keyring.identity_hashes(ORG, &identity)[0].0);
    assert_eq!(hash(Identity::Email(Email::parse("Name@Example.com").unwrap())), EMAIL_HASH);
    assert_eq!(hash(Identity::Phone(Phone::parse("+965 5000 1234").unwrap())), PHONE_HASH);
}

#[test]
fn keys_of_the_api_and_of_terminals() {
    let (keyring, scope) = keyring();
    let key = Credential {
        environment: Environment::Live,
        holder: KeyHolder::Key(KeyId(bytes(16))),
        secret: keyring.key_secret(scope, KeyId(bytes(16)), 3).unwrap(),
    };
    assert_eq!(*key.to_text(), KEY_TEXT);
    let terminal = Credential {
        environment: Environment::Test,
        holder: KeyHolder::Terminal(TerminalId(bytes(16))),
        secret: keyring.terminal_secret(scope, TerminalId(bytes(16)), 3).unwrap(),
    };
    assert_eq!(*terminal.to_text(), TERMINAL_TEXT);
    assert!(Credential::parse(KEY_TEXT).unwrap().verify(&key.secret.hash()));
    assert!(include_str!("tokens.py").contains(LEAK_PATTERN), "the script tries the leak pattern on these keys");
}

#[test]
fn typed_codes() {
    let (keyring, scope) = keyring();
    let code = keyring.typed_code(scope, CardId(bytes(16)), 7).unwrap();
    assert_eq!(code.to_text(), TYPED_CODE);
    let scanned = ScannedCode::parse(TYPED_CODE, ORG, &keyring).unwrap();
    assert_eq!(scanned.hashes(ORG, &keyring)[0].to_hex(), TYPED_HASH);
}

#[test]
fn capture_markers() {
    let (keyring, scope) = keyring();
    let token = keyring.token_id(scope, &source(TokenKind::Card)).unwrap().hash();
    let marker = keyring.marker(scope, &token, RedemptionId(bytes(32))).unwrap();
    assert_eq!(hex(marker.as_bytes()), MARKER);
}

#[test]
fn openssl_opens_the_sealed_export() {
    let (keyring, _) = keyring();
    let passphrase = "a cup of cardamom";
    let random = ExportRandom { salt: [7; 16], nonce: Nonce([8; 12]) };
    let text = keyring.sealed_export(passphrase, &random).unwrap();
    let file: toml::Table = text.parse().unwrap();
    let sealed = file["sealed"].as_str().unwrap();
    let sealed: Vec<u8> = (0..sealed.len()).step_by(2).map(|at| u8::from_str_radix(&sealed[at..at + 2], 16).unwrap()).collect();

    let mut key = [0; 32];
    let sha256 = openssl::hash::MessageDigest::sha256();
    openssl::pkcs5::pbkdf2_hmac(passphrase.as_bytes(), &[7; 16], 600_000, sha256, &mut key).unwrap();
    let salt = hex(&[7; 16]);
    let context = format!("walaa/v1/keyring-export/pbkdf2-hmac-sha256/600000/{salt}");
    let (nonce, rest) = sealed[1..].split_at(12);
    let (ciphertext, tag) = rest.split_at(rest.len() - 16);
    let cipher = openssl::symm::Cipher::aes_256_gcm();
    let plain = openssl::symm::decrypt_aead(cipher, &key, Some(nonce), context.as_bytes(), ciphertext, tag).unwrap();
    assert_eq!(plain, keyring.to_text().as_bytes());
}
