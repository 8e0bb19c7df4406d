//! Validates JSON against the schemas in `docs/schema`: exactly the keywords that they use, and a keyword that is not
//! known here fails the test, so that nothing in a schema is silently without effect.

use serde_json::Value;

/// A schema, read from a file.
pub struct Schema(Value);

impl Schema {
    /// Reads a schema of `docs/schema` by its name.
    pub fn read(name: &str) -> Self {
        let path = format!("docs/schema/{name}.schema.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// Everything about `value` that the schema does not allow, each with its place.
    pub fn faults(&self, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.check(&self.0, value, "", &mut faults);
        faults
    }

    /// Places of properties that the schema names, for all objects within it.
    pub fn named(&self) -> Vec<String> {
        let mut places = Vec::new();
        names(&self.0, "", &mut places);
        places
    }

    fn check(&self, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
        let keywords = schema.as_object().expect("a schema is an object");
        for (keyword, wanted) in keywords {
            if !self.holds(keyword, wanted, schema, value, place, faults) {
                faults.push(format!("{place}: {keyword} {wanted}: {value}"));
            }
        }
    }

    /// Whether one keyword is satisfied; what is wrong deeper down is added to the faults.
    fn holds(
        &self,
        keyword: &str,
        wanted: &Value,
        schema: &Value,
        value: &Value,
        place: &str,
        faults: &mut Vec<String>,
    ) -> bool {
        let object = value.as_object();
        let has = |name: &Value| object.is_none_or(|object| object.contains_key(name.as_str().unwrap()));
        let all = |names: &Value| names.as_array().unwrap().iter().all(has);
        match keyword {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                let target = self.0.pointer(pointer).expect("a $ref has a target");
                self.check(target, value, place, faults);
                true
            }
            "type" => is_type(wanted.as_str().unwrap(), value),
            "const" => wanted == value,
            "enum" => wanted.as_array().unwrap().contains(value),
            "not" => {
                let mut inner = Vec::new();
                self.check(wanted, value, place, &mut inner);
                !inner.is_empty()
            }
            "required" => all(wanted),
            "dependentRequired" => {
                wanted.as_object().unwrap().iter().all(|(name, others)| {
                    object.is_none_or(|object| !object.contains_key(name)) || all(others)
                })
            }
            "properties" => {
                for (name, inner) in wanted.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        self.check(inner, value, &format!("{place}/{name}"), faults);
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(*wanted, Value::Bool(false), "only false is known here");
                object.is_none_or(|object| object.keys().all(|key| schema["properties"].get(key).is_some()))
            }
            "items" => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(wanted, item, &format!("{place}/{at}"), faults);
                }
                true
            }
            "minItems" => value
                .as_array()
                .is_none_or(|array| array.len() as u64 >= wanted.as_u64().unwrap()),
            "maxItems" => value
                .as_array()
                .is_none_or(|array| array.len() as u64 <= wanted.as_u64().unwrap()),
            "uniqueItems" => value.as_array().is_none_or(|array| {
                array
                    .iter()
                    .enumerate()
                    .all(|(at, item)| !array[..at].contains(item))
            }),
            "minLength" => {
                let long_enough = |text: &str| text.chars().count() as u64 >= wanted.as_u64().unwrap();
                value.as_str().is_none_or(long_enough)
            }
            "pattern" => {
                let pattern = regex::Regex::new(wanted.as_str().unwrap()).expect("a pattern");
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "minimum" => value
                .as_f64()
                .is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value
                .as_f64()
                .is_none_or(|number| number <= wanted.as_f64().unwrap()),
            unknown => panic!("the schemas use `{unknown}`, which this test does not know"),
        }
    }
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        unknown => panic!("type {unknown}"),
    }
}

fn names(schema: &Value, place: &str, places: &mut Vec<String>) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}/{name}");
        names(inner, &place, places);
        places.push(place);
    }
    if schema.get("items").is_some() {
        names(&schema["items"], &format!("{place}/*"), places);
    }
}
