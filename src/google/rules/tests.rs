//! Each rule finds its own fault, and nothing else does.

use serde_json::{Value, json};

use super::*;

fn refused(kind: ResourceKind, body: &Value) -> Vec<String> {
    check(kind, body).into_iter().filter(|finding| finding.grade == Grade::Refused).map(|finding| finding.at).collect()
}

#[test]
fn each_rule_finds_its_own_fault_on_an_object() {
    let id = "3388000000022141777.pass_1";
    let image = |value: Value| json!({ "heroImage": value });
    let rotating = |pattern: &str, key: &str| {
        json!({"rotatingBarcode": {"type": "QR_CODE", "valuePattern": pattern,
            "totpDetails": {"algorithm": "TOTP_SHA1", "periodMillis": "30000", "parameters": [{"key": key, "valueLength": 8}]}}})
    };
    let mut aztec = rotating("{totp_value_0}", "00");
    aztec["rotatingBarcode"]["type"] = json!("AZTEC");
    let many: Vec<_> = (0..51).map(|n| format!("3388000000022141777.v{n}")).collect();
    let cases = [
        (json!({"id": "3388000000022141777.a@b"}), "id"),
        (json!({"id": id, "classId": "3388000000022141778.prog"}), "classId"),
        (json!({"id": id, "linkedObjectIds": [id]}), "linkedObjectIds[0]"),
        (json!({"linkedObjectIds": many}), "linkedObjectIds"),
        (json!({"linkedObjectIds": ["x"]}), "linkedObjectIds[0]"),
        (image(json!({})), "heroImage"),
        (image(json!({"sourceUri": {"uri": "https://a.example/x"}, "privateImageId": "1"})), "heroImage"),
        (image(json!({"sourceUri": {"uri": "/x.png"}})), "heroImage.sourceUri.uri"),
        (json!({"loyaltyPoints": {"balance": {}}}), "loyaltyPoints.balance"),
        (json!({"loyaltyPoints": {"balance": {"int": 1, "string": "1"}}}), "loyaltyPoints.balance"),
        (json!({"loyaltyPoints": {"balance": {"int": 1_i64 << 31}}}), "loyaltyPoints.balance.int"),
        (
            json!({"loyaltyPoints": {"balance": {"money": {"micros": 1, "currencyCode": "KWD"}}}}),
            "loyaltyPoints.balance.money.micros",
        ),
        (json!({"barcode": {"type": "TEXT_ONLY", "value": "1", "alternateText": "2"}}), "barcode.alternateText"),
        (json!({"barcode": {"type": "PDF_417", "value": "1", "renderEncoding": "UTF_8"}}), "barcode.renderEncoding"),
        (json!({"barcode": {"type": "QR_CODE"}}), "barcode.value"),
        (aztec, "rotatingBarcode.type"),
        (rotating("W3X", "00"), "rotatingBarcode.valuePattern"),
        (rotating("{totp_value_1}{totp_value_0}", "00"), "rotatingBarcode.valuePattern"),
        (rotating("{totp_value_0}{now}", "00"), "rotatingBarcode.valuePattern"),
        (rotating("{totp_value_0}", "GEZDGNBV"), "rotatingBarcode.totpDetails.parameters[0].key"),
        (json!({"textModulesData": [{"id": "a.b", "body": "x"}]}), "textModulesData[0].id"),
        (json!({"textModulesData": [{"id": "a"}, {"id": "a"}]}), "textModulesData[1].id"),
        (json!({"textModulesData": (0..11).map(|n| json!({"id": format!("m{n}")})).collect::<Vec<_>>()}), "textModulesData"),
        (json!({"messages": vec![json!({"body": "x"}); 11]}), "messages"),
        (json!({"merchantLocations": vec![json!({"latitude": 29.3, "longitude": 47.9}); 11]}), "merchantLocations"),
        (json!({"merchantLocations": [{"latitude": 129.3, "longitude": 47.9}]}), "merchantLocations[0]"),
        (json!({"linksModuleData": {"uris": [{"uri": "javascript:alert(1)"}]}}), "linksModuleData.uris[0].uri"),
        (json!({"validTimeInterval": {"end": {"date": "tomorrow"}}}), "validTimeInterval.end"),
        (
            json!({"validTimeInterval": {"start": {"date": "2026-01-01T00:00:00"}, "end": {"date": "2026-02-01T00:00:00Z"}}}),
            "validTimeInterval",
        ),
        (
            json!({"validTimeInterval": {"start": {"date": "2026-03-01T00:00:00Z"}, "end": {"date": "2026-02-01T00:00:00Z"}}}),
            "validTimeInterval",
        ),
        (json!({"hasUsers": true}), "hasUsers"),
        (json!({"classReference": {}}), "classReference"),
        (json!({"smartTapRedemptionValue": "é"}), "smartTapRedemptionValue"),
    ];
    for (body, at) in cases {
        assert_eq!(refused(ResourceKind::LoyaltyObject, &body), [at], "{body}");
    }
    assert_eq!(refused(ResourceKind::LoyaltyObject, &json!([])), [""]);
}

#[test]
fn each_rule_finds_its_own_fault_on_a_class() {
    let rows = |rows: Value| json!({"classTemplateInfo": {"cardTemplateOverride": {"cardRowTemplateInfos": rows}}});
    let item = |path: &str| json!({"firstValue": {"fields": [{"fieldPath": path}]}});
    let one = |path: &str| json!({"oneItem": {"item": item(path)}});
    let row = "classTemplateInfo.cardTemplateOverride.cardRowTemplateInfos";
    let cases = [
        (rows(json!(vec![one("object.accountName"); 4])), row.to_owned()),
        (rows(json!([{"oneItem": {"item": item("object.a")}, "twoItems": {}}])), format!("{row}[0]")),
        (rows(json!([{"twoItems": {"startItem": item("object.a")}}])), format!("{row}[0].twoItems.endItem")),
        (rows(json!([one("accountName")])), row.to_owned()),
        (rows(json!([one("object.textModulesData['a.b']")])), row.to_owned()),
        (rows(json!([one("class.textModulesData['gone']")])), row.to_owned()),
        (json!({"reviewStatus": "APPROVED"}), "reviewStatus".to_owned()),
        (json!({"callbackOptions": {"url": "http://wallet.example/google"}}), "callbackOptions.url".to_owned()),
        (json!({"hexBackgroundColor": "brown"}), "hexBackgroundColor".to_owned()),
        (json!({"countryCode": "Kuwait"}), "countryCode".to_owned()),
        (json!({"locations": []}), "locations".to_owned()),
        (json!({"localizedProgramName": {"defaultValue": {"language": "en", "value": ""}}}), "localizedProgramName".to_owned()),
        (
            json!({"localizedProgramName": {"defaultValue": {"language": "en", "value": "a"},
                "translatedValues": [{"language": "EN", "value": "b"}]}}),
            "localizedProgramName".to_owned(),
        ),
    ];
    for (body, at) in cases {
        assert_eq!(refused(ResourceKind::LoyaltyClass, &body), [at], "{body}");
    }
    let right =
        json!({"callbackOptions": {"url": "http://127.0.0.1:8080/google"}, "hexBackgroundColor": "#fc0", "locations": null});
    assert_eq!(refused(ResourceKind::LoyaltyClass, &right), Vec::<String>::new());
}

#[test]
fn what_a_small_phone_cuts_off_is_told_apart_from_what_google_refuses() {
    let body = json!({"accountName": "x".repeat(21), "loyaltyPoints": {"label": "A long label", "balance": {"int": 12_345_678}},
        "localizedIssuerName": {"defaultValue": {"language": "en", "value": "y".repeat(21)}}});
    let findings = check(ResourceKind::LoyaltyObject, &body);
    assert!(findings.iter().all(|finding| finding.grade == Grade::Shortened));
    let places: Vec<_> = findings.iter().map(|finding| finding.at.as_str()).collect();
    assert_eq!(places, ["localizedIssuerName.en", "accountName", "loyaltyPoints.label", "loyaltyPoints.balance"]);
}

#[test]
fn what_the_layout_shows_of_nothing_is_named() {
    let item = |path: &str| json!({"oneItem": {"item": {"firstValue": {"fields": [{"fieldPath": path}]}}}});
    let class = json!({"classTemplateInfo": {"cardTemplateOverride": {"cardRowTemplateInfos": [
        item("object.textModulesData['there']"), item("object.textModulesData['gone']"), item("object.loyaltyPoints.balance")]}}});
    let object = json!({"textModulesData": [{"id": "there", "body": "x"}]});
    assert_eq!(blanks(&class, &object), ["object.textModulesData['gone']", "object.loyaltyPoints.balance"]);
}
