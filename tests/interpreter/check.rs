//! Whether a program is one: fields that are missing or of another type are said before anything runs.

use serde_json::Value as Json;

use super::runner::BadProgram;

/// Ops that do not go without a number, and its field.
const NUMBERED: &[(&str, &str)] = &[
    ("sleep", "ms"),
    ("block", "ms"),
    ("call_later", "ms"),
    ("call_at", "ms"),
    ("repeat", "n"),
];

pub fn check(program: &Json) -> Result<(), BadProgram> {
    let until = &program["until"];
    if !until.is_null() && until != "idle" && until != "main" {
        return bad(format!(
            "until is {until}, and must be \"idle\" or \"main\""
        ));
    }
    for (name, spec) in program["objects"].as_object().into_iter().flatten() {
        let least = [("value", i64::MIN), ("maxsize", 0), ("parties", 1)];
        for (field, least) in least {
            whole(&format!("the object {name:?}"), spec, field, least)?;
        }
    }
    for bodies in [&program["coroutines"], &program["callbacks"]] {
        check_ops(bodies)?;
    }
    Ok(())
}

/// All ops within `json`, in bodies of bodies too.
fn check_ops(json: &Json) -> Result<(), BadProgram> {
    match json {
        Json::Array(items) => items.iter().try_for_each(check_ops),
        Json::Object(fields) => {
            if let Some(op) = fields.get("op").and_then(Json::as_str) {
                for field in ["ms", "n", "ge", "lt", "eq"] {
                    whole(&format!("the op {op:?}"), json, field, i64::MIN)?;
                }
                let needs = NUMBERED.iter().find(|(name, _)| *name == op);
                if let Some((_, field)) = needs.filter(|(_, field)| json[field].is_null()) {
                    return bad(format!("the op {op:?} needs {field:?}"));
                }
            }
            fields.values().try_for_each(check_ops)
        }
        _ => Ok(()),
    }
}

/// The field is absent, null, or a whole number that is large enough.
fn whole(whose: &str, json: &Json, field: &str, least: i64) -> Result<(), BadProgram> {
    let value = &json[field];
    match value.as_i64() {
        Some(number) if number < least => bad(format!(
            "{field:?} of {whose} is {number}, and must be at least {least}"
        )),
        None if !value.is_null() => bad(format!(
            "{field:?} of {whose} is {value}, and must be a whole number"
        )),
        _ => Ok(()),
    }
}

fn bad(what: String) -> Result<(), BadProgram> {
    Err(BadProgram(what))
}
